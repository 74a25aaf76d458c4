/** One configuration document. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { begin } from "./begin.ts";
import { type ApiError, asApiError, nameInUrl } from "./api.ts";
import { type Desk, useDesk } from "./desk.ts";
import type { Revision } from "./documents.ts";
import { Explain } from "./explain.tsx";
import { prettyJson, zxidShort } from "./format.ts";
import { useReading } from "./reading.ts";
import { TextDiff } from "./text-diff.tsx";
import { Badge, Copy, Empty, ErrorNote, Moment, Toggle } from "./ui.tsx";

const LOOK_MS = 3000;

/** What is read of it. */
interface ReadConfig {
  readonly text: string;
  readonly etag: string;
  readonly revision: string;
}

/** See the file's comment. */
export function ConfigPanel(props: { readonly path: string }): JSX.Element {
  const { path } = props;
  const desk = useDesk();
  const [draft, setDraft] = useState<{ readonly text: string; readonly etag: string }>();
  const [isExplained, setExplained] = useState(false);
  const { value, error, again } = useReading(path, LOOK_MS, async () => await readConfig(desk, path));
  const isNone = error?.status === 404;
  return (
    <article class="panel" aria-label={`Configuration ${path}`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={() => desk.go("config")}>
          ← Documents
        </button>
        <b class="mono grow">{path}</b>
        <Copy text={path} what="the path" />
        <Toggle isOn={isExplained} set={setExplained}>
          Explain
        </Toggle>
        {value !== undefined && draft === undefined && desk.may("write", path) && (
          <button
            type="button"
            class="small"
            onClick={() => setDraft({ text: pretty(value.text), etag: value.etag })}
          >
            Edit
          </button>
        )}
      </header>
      {isNone ? (
        <Empty title="No document">This stands above documents, and is none itself.</Empty>
      ) : (
        <ErrorNote error={error} retry={again} />
      )}
      {isExplained && <Explain of={{ path }} />}
      {value !== undefined && (
        <div class="stack">
          {draft === undefined ? (
            <pre class="data" tabIndex={0} role="region" aria-label="Document">
              {pretty(value.text)}
            </pre>
          ) : (
            <ConfigEditor
              path={path}
              draft={draft}
              current={value}
              change={setDraft}
              done={() => {
                setDraft(undefined);
                again();
              }}
            />
          )}
          <History
            path={path}
            current={value}
            take={
              desk.may("write", path)
                ? (text) => setDraft({ text: pretty(text), etag: value.etag })
                : undefined
            }
          />
        </div>
      )}
    </article>
  );
}

function pretty(text: string): string {
  return prettyJson(text) ?? text;
}

async function readConfig(desk: Desk, path: string): Promise<ReadConfig> {
  const { text, headers } = await desk.api.ask("GET", desk.path(`/config/${nameInUrl(path)}`));
  return { text, etag: headers.get("etag") ?? "", revision: headers.get("revision") ?? "" };
}

function ConfigEditor(props: {
  readonly path: string;
  readonly draft: { readonly text: string; readonly etag: string };
  readonly current: ReadConfig;
  readonly change: (draft: { readonly text: string; readonly etag: string }) => void;
  readonly done: () => void;
}): JSX.Element {
  const { path, draft, current, change, done } = props;
  const desk = useDesk();
  const [error, setError] = useState<ApiError>();
  const isConflict = draft.etag !== current.etag;
  const isJson = prettyJson(draft.text) !== undefined;
  const save = async (): Promise<void> => {
    try {
      const headers = { "content-type": "application/json", "if-match": draft.etag };
      await desk.api.ask("PUT", desk.path(`/config/${nameInUrl(path)}`), { body: draft.text, headers });
      desk.say(`${path} is written`);
      done();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        begin(save());
      }}
    >
      <textarea
        class="data"
        aria-label="New document"
        rows={Math.min(24, Math.max(8, draft.text.split("\n").length + 1))}
        spellcheck={false}
        value={draft.text}
        onInput={(event) => change({ ...draft, text: event.currentTarget.value })}
      />
      {isConflict && (
        <p class="note warn" role="alert">
          Somebody has written it since you began.{" "}
          <button type="button" onClick={() => change({ text: draft.text, etag: current.etag })}>
            Write mine over theirs
          </button>
        </p>
      )}
      <ErrorNote error={error} />
      {error !== undefined && <Violations error={error} />}
      <h2 class="minor">What you change</h2>
      <TextDiff label="What you change" before={pretty(current.text)} after={draft.text} />
      <div class="dialog-actions">
        {!isJson && <span class="warn-text">This is no JSON yet.</span>}
        <button type="button" onClick={done}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={!isJson || isConflict}>
          Write
        </button>
      </div>
    </form>
  );
}

/** Where the document is not as its schema wants it. */
function Violations(props: { readonly error: ApiError }): JSX.Element | null {
  const { violations } = props.error.members;
  if (!Array.isArray(violations)) return null;
  return (
    <ul class="paths">
      {violations.map((violation) => {
        const text = JSON.stringify(violation);
        return <li key={text}>{text}</li>;
      })}
    </ul>
  );
}

function History(props: {
  readonly path: string;
  readonly current: ReadConfig;
  readonly take: ((text: string) => void) | undefined;
}): JSX.Element {
  const { path, current, take } = props;
  const desk = useDesk();
  const [chosen, setChosen] = useState<string>();
  const url = desk.path(`/config/${nameInUrl(path)}/history`);
  const { value, error } = useReading(
    `${path} ${current.revision}`,
    0,
    async () => (await desk.api.get<{ readonly revisions: readonly Revision[] }>(url)).revisions,
  );
  const old = value?.find(({ revision }) => revision === chosen);
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title" class="minor">
        History
      </h2>
      <ErrorNote error={error} />
      <ol class="revisions">
        {value?.map((one) => (
          <li key={one.revision}>
            <button
              type="button"
              class="quiet"
              aria-pressed={one.revision === chosen}
              onClick={() => setChosen(one.revision === chosen ? undefined : one.revision)}
            >
              <Moment at={one.writtenAt} /> <span class="faint">version {one.version}</span>{" "}
              <span class="faint mono">{zxidShort(one.revision)}</span>{" "}
              {one.current && <Badge kind="good">now</Badge>}
            </button>
          </li>
        ))}
      </ol>
      {value?.length === 1 && <p class="faint">It has not been changed yet.</p>}
      {old !== undefined && !old.current && (
        <OldRevision url={`${url}/${old.revision}`} revision={old} current={current} take={take} />
      )}
    </section>
  );
}

function OldRevision(props: {
  readonly url: string;
  readonly revision: Revision;
  readonly current: ReadConfig;
  readonly take: ((text: string) => void) | undefined;
}): JSX.Element {
  const { url, revision, current, take } = props;
  const desk = useDesk();
  const { value, error } = useReading(url, 0, async () => (await desk.api.ask("GET", url)).text);
  return (
    <div class="old">
      <div class="section-head">
        <h2 class="minor">From version {revision.version} to now</h2>
        <span class="grow" />
        {take !== undefined && value !== undefined && (
          <button type="button" class="small" onClick={() => take(value)}>
            Edit from this one
          </button>
        )}
      </div>
      <ErrorNote error={error} />
      {value !== undefined && (
        <TextDiff label="What changed" before={pretty(value)} after={pretty(current.text)} />
      )}
    </div>
  );
}
