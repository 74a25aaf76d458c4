/** What is held: locks, semaphores and elections, with holders, queues and fencing tokens, wherever they stand. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { nameInUrl } from "./api.ts";
import { type Desk, useDesk } from "./desk.ts";
import type { Contender, QueueDocument, QueuesDocument } from "./documents.ts";
import { Explain } from "./explain.tsx";
import { durationText } from "./format.ts";
import { FindBox, Pager, usePages } from "./paging.tsx";
import { useReading } from "./reading.ts";
import { Asleep, NotYours } from "./refusals.tsx";
import { Badge, type Columns, Confirm, Copy, Empty, ErrorNote, Table, Toggle } from "./ui.tsx";

const LOOK_MS = 2500;

/** Of each kind. */
const PAGE = 100;

const KINDS = ["locks", "semaphores", "elections"] as const;

type Kind = (typeof KINDS)[number];

const NAMES: Readonly<Record<Kind, string>> = {
  locks: "lock",
  semaphores: "semaphore",
  elections: "election",
};

/** One of them in the list. */
interface Held {
  readonly kind: Kind;
  readonly path: string;
  readonly count: number;
  readonly first: Contender | null;
}

interface Listed {
  readonly held: readonly Held[];
  /** Where the next page begins, of each kind: as JSON, in which null stands for a kind that is at its end. */
  readonly next: string | null;
}

/** See the file's comment. */
export function Locks(): JSX.Element {
  const desk = useDesk();
  const isQuiet = desk.isAsleep.value;
  const pages = usePages();
  const { value, error, again } = useReading(`locks ${pages.after}`, isQuiet ? 0 : LOOK_MS, async () =>
    isQuiet ? undefined : await readHeld(desk, pages.after),
  );
  const { chosen } = desk.route.value;
  if (!desk.may("read", "/")) return <NotYours what="locks" />;
  if (isQuiet) return <Asleep desk={desk} />;
  const one = value?.held.find(({ path }) => path === chosen);
  return (
    <div class={`split wide${chosen === "" ? "" : " has-choice"}`}>
      <div class="stack">
        <FindBox
          label="Go to a lock by its path"
          find={(path) => desk.go("locks", path.startsWith("/") ? path : `/locks/${path}`)}
        />
        <ErrorNote error={error} retry={again} />
        {value !== undefined && value.held.length > 0 && (
          <HeldTable desk={desk} held={value.held} chosen={chosen} />
        )}
        {value !== undefined && <Pager pages={pages} count={value.held.length} next={value.next} />}
        {value?.held.length === 0 && pages.before === 0 && (
          <Empty title="Nobody holds anything">
            Locks, semaphores and elections are shown while somebody holds one or waits for it, be it a caller
            over HTTP, Curator or kazoo. <code>POST /v1/locks/NAME/acquire</code> takes one.
          </Empty>
        )}
      </div>
      {chosen !== "" && (
        <QueuePanel key={chosen} path={chosen} kind={one?.kind ?? "locks"} released={again} />
      )}
    </div>
  );
}

async function readHeld(desk: Desk, after: string): Promise<Listed> {
  const behind = (after === "" ? KINDS.map(() => "") : JSON.parse(after)) as readonly (string | null)[];
  const lists = await Promise.all(
    KINDS.map(
      async (kind, at): Promise<Omit<QueuesDocument, "queues"> & { readonly held: readonly Held[] }> => {
        const begin = behind[at] ?? null;
        if (begin === null) return { held: [], next: null };
        const query = `?limit=${PAGE}${begin === "" ? "" : `&after=${encodeURIComponent(begin)}`}`;
        const { queues, next } = await desk.api.get<QueuesDocument>(desk.path(`/${kind}${query}`));
        return { held: queues.map((queue) => ({ kind, ...queue })), next };
      },
    ),
  );
  const next = lists.map((list) => list.next);
  return {
    held: lists.flatMap(({ held }) => held),
    next: next.every((one) => one === null) ? null : JSON.stringify(next),
  };
}

const COLUMNS: Columns = [
  ["Path"],
  ["Kind"],
  ["Held by"],
  ["In the queue for", "number"],
  ["Waiting", "number"],
  ["Fencing token", "number"],
];

function HeldTable(props: {
  readonly desk: Desk;
  readonly held: readonly Held[];
  readonly chosen: string;
}): JSX.Element {
  const { desk, held, chosen } = props;
  return (
    <Table label="What is held" columns={COLUMNS}>
      {held.map(({ kind, path, count, first }) => (
        <tr key={path} class={path === chosen ? "chosen" : undefined}>
          <th scope="row">
            <button type="button" class="quiet mono" onClick={() => desk.go("locks", path)}>
              {path}
            </button>
          </th>
          <td>{NAMES[kind]}</td>
          <td>{first === null ? "–" : holderText(first)}</td>
          <td class="number">{first === null ? "–" : durationText(Date.now() - first.queuedSince)}</td>
          <td class="number">{Math.max(0, count - (first?.holds === true ? 1 : 0))}</td>
          <td class="number mono">{first?.holds === true ? first.token : "–"}</td>
        </tr>
      ))}
    </Table>
  );
}

function holderText({ holds, closed, owner, session }: Contender): JSX.Element | string {
  if (closed) return <Badge kind="warn">closed for its delay</Badge>;
  if (!holds) return <span class="faint">nobody yet</span>;
  return owner === "" ? <span class="mono">{session ?? "–"}</span> : owner;
}

function QueuePanel(props: {
  readonly path: string;
  readonly kind: Kind;
  readonly released: () => void;
}): JSX.Element {
  const { path, kind, released } = props;
  const desk = useDesk();
  const [asked, setAsked] = useState<Contender>();
  const [isExplained, setExplained] = useState(false);
  // An election is a queue as a lock's is.
  const route = kind === "semaphores" ? "semaphores" : "locks";
  const { value, error, again } = useReading(
    `${kind} ${path}`,
    LOOK_MS,
    async () => await desk.api.get<QueueDocument>(desk.path(`/${route}/${nameInUrl(path)}`)),
  );
  const release = async ({ token }: Contender): Promise<void> => {
    const url = desk.path(`/${kind}/${nameInUrl(path)}/force-release`);
    await desk.api.ask("POST", url, { json: { token } });
    desk.say(`${path} is taken from its holder`);
    again();
    released();
  };
  const mayRelease = desk.may("admin", path);
  return (
    <article class="panel" aria-label={`${NAMES[kind]} ${path}`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={() => desk.go("locks")}>
          ← Locks
        </button>
        <b class="mono grow">{path}</b>
        <Copy text={path} what="the path" />
        <Toggle isOn={isExplained} set={setExplained}>
          Explain
        </Toggle>
        <button type="button" class="small" onClick={() => desk.go("tree", path)}>
          In the tree
        </button>
      </header>
      <ErrorNote error={error} retry={again} />
      {isExplained && <Explain of={{ path }} />}
      {value !== undefined && (
        <Queue desk={desk} kind={kind} value={value} release={mayRelease ? setAsked : undefined} />
      )}
      {asked !== undefined && (
        <Confirm
          title={`Take this ${NAMES[kind]} from its holder?`}
          verb="Force-release"
          isDanger
          act={() => release(asked)}
          close={() => setAsked(undefined)}
        >
          <p>
            <code>{path}</code> is held by{" "}
            <b>{asked.owner === "" ? (asked.session ?? "nobody") : asked.owner}</b> under token{" "}
            <code>{asked.token}</code>.
          </p>
          <p>
            Whoever holds it may still be at work: from now on what it does with <code>If-Held</code> is
            refused, and whatever does not look at tokens is not protected.
          </p>
        </Confirm>
      )}
    </article>
  );
}

function Queue(props: {
  readonly desk: Desk;
  readonly kind: Kind;
  readonly value: QueueDocument;
  readonly release: ((contender: Contender) => void) | undefined;
}): JSX.Element {
  const { desk, kind, value, release } = props;
  const { queue, count, permits } = value;
  if (queue.length === 0) return <Empty title="It is free">Nobody holds it, and nobody waits.</Empty>;
  return (
    <>
      {kind === "semaphores" && <p>{permits ?? "An unknown number of"} permits in all.</p>}
      <ol class="queue" aria-label="Queue">
        {queue.map((one) => (
          <Queued key={one.node} desk={desk} one={one} release={release} />
        ))}
      </ol>
      {count > queue.length && <p class="faint">and {count - queue.length} more</p>}
    </>
  );
}

function Queued(props: {
  readonly desk: Desk;
  readonly one: Contender;
  readonly release: ((contender: Contender) => void) | undefined;
}): JSX.Element {
  const { desk, one, release } = props;
  const { holds, closed, owner, session, queuedSince, token } = one;
  return (
    <li>
      <div class="queued">
        <Badge kind={holds ? "lead" : closed ? "warn" : "plain"}>
          {holds ? "holds" : closed ? "closed for its delay" : "waits"}
        </Badge>
        <b class="grow">{owner === "" ? "unnamed" : owner}</b>
        {release !== undefined && (holds || closed) && (
          <button type="button" class="small danger" onClick={() => release(one)}>
            Force-release
          </button>
        )}
      </div>
      <div class="queued faint">
        <span>in the queue for {durationText(Date.now() - queuedSince)}</span>
        <span>
          token <span class="mono">{token}</span>
        </span>
        {session !== null && (
          <span>
            session{" "}
            <button type="button" class="quiet mono id" onClick={() => desk.go("sessions", session)}>
              {session}
            </button>
          </span>
        )}
      </div>
    </li>
  );
}
