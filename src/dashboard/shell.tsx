/** What stands around every part: where one is, how the ensemble is, and the way elsewhere. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Config } from "./config.tsx";
import { type Desk, useDesk } from "./desk.ts";
import { clockText } from "./format.ts";
import { Locks } from "./locks.tsx";
import { Choose, Login, Lost } from "./login.tsx";
import { Mark } from "./mark.tsx";
import { Metrics } from "./metrics.tsx";
import { callerText, powerText } from "./permissions.ts";
import { Replicas } from "./replicas.tsx";
import { type View, VIEWS } from "./route.ts";
import { Sessions } from "./sessions.tsx";
import { Tree } from "./tree.tsx";
import { Badge } from "./ui.tsx";
import { Watches } from "./watches.tsx";

const PARTS: Readonly<Record<View, { readonly title: string; readonly part: () => JSX.Element }>> = {
  replicas: { title: "Replicas", part: Replicas },
  tree: { title: "Tree", part: Tree },
  locks: { title: "Locks", part: Locks },
  sessions: { title: "Sessions", part: Sessions },
  watches: { title: "Watches", part: Watches },
  config: { title: "Config", part: Config },
  metrics: { title: "Metrics", part: Metrics },
};

/** The page. */
export function Shell(): JSX.Element {
  const desk = useDesk();
  switch (desk.stage.value) {
    case "asking":
      return <main class="gate faint">Asking…</main>;
    case "out":
      return <Login />;
    case "choosing":
      return <Choose />;
    case "lost":
      return <Lost />;
    case "in":
      return <Inside />;
  }
}

function Inside(): JSX.Element {
  const desk = useDesk();
  const { view } = desk.route.value;
  const { title, part: Part } = PARTS[view];
  useEffect(() => {
    document.title = `${title} · ${desk.ensemble} · Edgekeeper`;
  }, [title, desk]);
  useEffect(() => {
    // On a narrow screen it may stand beyond the edge.
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [view]);
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => onShortcut(desk, event);
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [desk]);
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => skip(event)}>
        Skip to the content
      </a>
      <Head />
      <nav class="tabs" aria-label="Parts of the page">
        {VIEWS.map((one, at) => (
          <a
            key={one}
            // Its whole path: what begins with a hash and is scrolled away would be taken for a skip link.
            href={`${location.pathname}#${one}`}
            aria-current={one === view ? "page" : undefined}
            title={`${PARTS[one].title} (${at + 1})`}
          >
            {PARTS[one].title}
          </a>
        ))}
      </nav>
      <Trouble />
      <News />
      <main id="content" tabIndex={-1} class={`part part-${view}`}>
        <h1 class="hidden">{title}</h1>
        <Part />
      </main>
      <Notices />
      {desk.isHelpShown.value && <Help />}
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function Head(): JSX.Element {
  const desk = useDesk();
  const caller = desk.caller.value;
  const theme = desk.theme.value;
  return (
    <header class="head">
      <a class="brand" href="#replicas" aria-label="Edgekeeper: the replicas">
        <Mark /> <span>Edgekeeper</span>
      </a>
      <Ensembles desk={desk} />
      <span class="grow" />
      <Pulse />
      {caller !== undefined && (
        <span
          class="caller"
          title={`Whose token this page shows, and what it may do: ${callerText(caller)}, ${powerText(caller)}`}
        >
          {callerText(caller)} <Badge kind="plain">{powerText(caller)}</Badge>
        </span>
      )}
      <button
        type="button"
        class="quiet icon"
        title={`Colours: ${theme} (t)`}
        aria-label={`Colours: ${theme}. Change.`}
        onClick={() => desk.turnTheme()}
      >
        {theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐"}
      </button>
      <button
        type="button"
        class="quiet icon keys-button"
        title="Keys (?)"
        aria-label="Keys"
        onClick={() => void (desk.isHelpShown.value = true)}
      >
        ?
      </button>
      {desk.hasToken && (
        <button type="button" class="quiet small" onClick={() => desk.leave()}>
          Leave
        </button>
      )}
    </header>
  );
}

function Ensembles(props: { readonly desk: Desk }): JSX.Element {
  const { desk } = props;
  const all = desk.ensembles.value;
  if (all.length < 2) return <span class="ensemble">{desk.ensemble}</span>;
  return (
    <select
      class="ensemble"
      aria-label="Ensemble"
      value={desk.ensemble}
      onChange={(event) => location.assign(`/${event.currentTarget.value}/`)}
    >
      {all.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** How the ensemble is, in a word. */
function Pulse(): JSX.Element | null {
  const desk = useDesk();
  const status = desk.status.value;
  if (status === undefined) return null;
  // Who led when somebody last answered is no news of now.
  if (desk.statusError.value !== undefined) {
    return (
      <span class="pulse" role="status" title={`Last seen at ${clockText(desk.statusAtMs.value)}`}>
        <Badge kind="plain">unknown</Badge>
      </span>
    );
  }
  const { leader, replicas } = status;
  const serving = replicas.filter((one) => one.status?.serving === true).length;
  if (desk.isAsleep.value) return <Badge kind="plain">asleep</Badge>;
  const kind = leader === null ? "bad" : serving < replicas.length ? "warn" : "good";
  const text = leader === null ? "no leader" : `leader ${leader} · ${serving} of ${replicas.length} serve`;
  return (
    <span class="pulse" role="status">
      <Badge kind={kind}>{text}</Badge>
    </span>
  );
}

/** What is shown is old. */
function Trouble(): JSX.Element | null {
  const desk = useDesk();
  const error = desk.statusError.value;
  if (error === undefined || desk.statusAtMs.value === 0) return null;
  return (
    <p class="trouble" role="alert">
      <b>{error.message}.</b> What is shown is of {clockText(desk.statusAtMs.value)}; asking again every two
      seconds.
    </p>
  );
}

/** What happened to the replicas, wherever one is in the page: a kill may be over within a second. */
function News(): JSX.Element {
  const desk = useDesk();
  const news = desk.news.value;
  return (
    <div class="news" role="status" aria-label="What happened">
      {news.length > 0 && (
        <>
          <ol>
            {news.map(({ atMs, text, kind }) => (
              <li key={`${atMs} ${text}`} class={kind}>
                <time dateTime={new Date(atMs).toISOString()}>{clockText(atMs)}</time> {text}
              </li>
            ))}
          </ol>
          <button type="button" class="small" onClick={() => void (desk.news.value = [])}>
            Dismiss
          </button>
        </>
      )}
    </div>
  );
}

function Notices(): JSX.Element {
  const desk = useDesk();
  return (
    <div class="notices" role="status" aria-live="polite">
      {desk.notices.value.map(({ id, text, kind }) => (
        <button key={id} type="button" class={kind} onClick={() => desk.unsay(id)}>
          {text}
        </button>
      ))}
    </div>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ["1 – 7", "the parts of the page, in their order"],
  ["/", "go to a path in the tree"],
  ["p", "look at the past of the tree"],
  ["↑ ↓ PgUp PgDn", "in the tree: another row"],
  ["→ ←", "unfold, fold; or to a child, to the parent"],
  ["Enter", "choose the row"],
  ["Escape", "close what is open; out of the past; away from the chosen one"],
  ["t", "colours: as the system has them, light, dark"],
  ["?", "these keys"],
];

function Help(): JSX.Element {
  const desk = useDesk();
  const dialog = useRef<HTMLDialogElement>(null);
  const close = (): void => void (desk.isHelpShown.value = false);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-actions">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function onShortcut(desk: Desk, event: KeyboardEvent): void {
  const { target } = event;
  const isTyping = target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const { view, chosen, past } = desk.route.value;
  const numbered = VIEWS[Number(event.key) - 1];
  if (numbered !== undefined) desk.go(numbered);
  else if (event.key === "t") desk.turnTheme();
  else if (event.key === "?") desk.isHelpShown.value = true;
  else if (event.key === "Escape" && past !== undefined) desk.go(view, chosen);
  else if (event.key === "Escape" && chosen !== "") desk.go(view);
  else if (event.key === "p") {
    desk.go("tree", view === "tree" ? chosen : "", past);
    desk.isLookBackShown.value = true;
  } else if (event.key === "/") {
    desk.go("tree", view === "tree" ? chosen : "", past);
    setTimeout(() => {
      const box = document.querySelector<HTMLInputElement>("#path-box");
      box?.focus();
      // What was typed before is over: the next letter begins anew.
      box?.select();
    });
  } else return;
  event.preventDefault();
}
