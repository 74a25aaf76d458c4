/** A znode's data, as text, as JSON or as bytes, and the writing of them, by which nobody's change is lost. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { begin } from "./begin.ts";
import { type ApiError, asApiError, pathInUrl } from "./api.ts";
import { useDesk } from "./desk.ts";
import { bytesOf, bytesText, hexDump, prettyJson, textOf } from "./format.ts";
import type { ReadNode } from "./node-panel.tsx";
import { TextDiff } from "./text-diff.tsx";
import { Choice, ErrorNote } from "./ui.tsx";

const DUMP_BYTES_MAX = 65_536;

type Form = "text" | "json" | "raw";

const FORMS: readonly (readonly [Form, string])[] = [
  ["text", "Text"],
  ["json", "JSON"],
  ["raw", "Raw"],
];

/** What is being written, over what was read. */
interface Draft {
  readonly text: string;
  readonly base: ReadNode;
  /** It began as JSON, and is to end as such. */
  readonly isJson: boolean;
}

/** See the file's comment. */
export function DataSection(props: { readonly node: ReadNode; readonly written: () => void }): JSX.Element {
  const { node, written } = props;
  const desk = useDesk();
  const [draft, setDraft] = useState<Draft>();
  if (draft === undefined) {
    const edit = (text: string, isJson: boolean): void => setDraft({ text, base: node, isJson });
    return (
      <DataView path={node.path} data={node.data} edit={desk.may("write", node.path) ? edit : undefined} />
    );
  }
  return (
    <section aria-labelledby="data-title">
      <div class="section-head">
        <h2 id="data-title" class="minor">
          Data
        </h2>
      </div>
      <Editor
        node={node}
        draft={draft}
        change={setDraft}
        reread={written}
        done={() => {
          setDraft(undefined);
          written();
        }}
      />
    </section>
  );
}

/** The data of a znode in the form that suits them, or in another that is picked. */
export function DataView(props: {
  readonly path: string;
  /** In base64; null for none. */
  readonly data: string | null;
  readonly edit?: ((text: string, isJson: boolean) => void) | undefined;
}): JSX.Element {
  const { path, data, edit } = props;
  const [picked, setForm] = useState<Form>();
  const bytes = data === null ? new Uint8Array() : bytesOf(data);
  const text = textOf(bytes);
  const json = text === undefined || text === "" ? undefined : prettyJson(text);
  const form =
    picked ?? (text === undefined ? "raw" : json !== undefined && /^\s*[[{]/.test(text) ? "json" : "text");
  return (
    <section aria-labelledby="data-title">
      <div class="section-head">
        <h2 id="data-title" class="minor">
          Data
        </h2>
        <Choice<Form> label="Shown as" values={FORMS} value={form} choose={setForm} />
        <span class="grow" />
        {bytes.length > 0 && <Download path={path} bytes={bytes} />}
        {edit !== undefined && (
          <button
            type="button"
            class="small"
            disabled={text === undefined}
            title={text === undefined ? "These bytes are no text" : undefined}
            onClick={() => edit(form === "json" ? (json ?? text ?? "") : (text ?? ""), form === "json")}
          >
            Edit
          </button>
        )}
      </div>
      <Shown isNull={data === null} form={form} bytes={bytes} text={text} json={json} />
    </section>
  );
}

function Shown(props: {
  readonly isNull: boolean;
  readonly form: Form;
  readonly bytes: Uint8Array;
  readonly text: string | undefined;
  readonly json: string | undefined;
}): JSX.Element {
  const { isNull, form, bytes, text, json } = props;
  if (isNull) return <p class="faint">null: no data were ever given, which is not the same as none.</p>;
  if (bytes.length === 0) return <p class="faint">No bytes.</p>;
  const dump = (): string => hexDump(bytes, DUMP_BYTES_MAX);
  const shown = form === "raw" ? dump() : form === "json" ? json : text;
  if (shown === undefined) {
    const what = form === "json" ? "JSON" : "text in UTF-8";
    return (
      <p class="faint">
        These {bytesText(bytes.length)} are no {what}.
      </p>
    );
  }
  return (
    <>
      <pre class="data" tabIndex={0} role="region" aria-label="Value">
        {shown}
      </pre>
      {form === "raw" && bytes.length > DUMP_BYTES_MAX && (
        <p class="faint">
          The first {bytesText(DUMP_BYTES_MAX)} of {bytesText(bytes.length)}: download it to see all.
        </p>
      )}
    </>
  );
}

function Download(props: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> }): JSX.Element {
  const { path, bytes } = props;
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = path.replaceAll("/", "_").replace(/^_/, "") || "root";
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <button type="button" class="small quiet" onClick={save}>
      Download
    </button>
  );
}

function Editor(props: {
  readonly node: ReadNode;
  readonly draft: Draft;
  readonly change: (draft: Draft) => void;
  readonly reread: () => void;
  readonly done: () => void;
}): JSX.Element {
  const { node, draft, change, reread, done } = props;
  const desk = useDesk();
  const [error, setError] = useState<ApiError>();
  const [isBusy, setBusy] = useState(false);
  const isConflict = node.etag !== draft.base.etag;
  const isBadJson = draft.isJson && prettyJson(draft.text) === undefined;
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const url = desk.path(`/nodes${pathInUrl(node.path)}`);
      await desk.api.ask("PUT", url, { body: draft.text, headers: { "if-match": draft.base.etag } });
      desk.say(`${node.path} is set`);
      done();
    } catch (thrown) {
      setError(asApiError(thrown));
      // Somebody was quicker: what stands there now is shown beside what was to be written.
      if (asApiError(thrown).status === 412) reread();
    }
    setBusy(false);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        begin(save());
      }}
    >
      {isConflict && <Conflict node={node} draft={draft} change={change} />}
      <textarea
        class="data"
        aria-label="New data"
        rows={Math.min(24, Math.max(6, draft.text.split("\n").length + 1))}
        spellcheck={false}
        value={draft.text}
        onInput={(event) => change({ ...draft, text: event.currentTarget.value })}
      />
      <ErrorNote error={isConflict ? undefined : error} />
      <div class="dialog-actions">
        {isBadJson && <span class="warn-text">This is no JSON yet.</span>}
        <button type="button" onClick={done}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={isBusy || isConflict || isBadJson}>
          {isBusy ? "Saving…" : "Save"}
        </button>
      </div>
    </form>
  );
}

/** Somebody else has written meanwhile: what, and whose is to stand. */
function Conflict(props: {
  readonly node: ReadNode;
  readonly draft: Draft;
  readonly change: (draft: Draft) => void;
}): JSX.Element {
  const { node, draft, change } = props;
  const theirs = node.data === null ? "" : textOf(bytesOf(node.data));
  return (
    <div class="note warn" role="alert">
      <p>
        <b>Somebody has changed it since you began:</b> it is at version {node.stat.version}, and you began at{" "}
        {draft.base.stat.version}. Nothing of yours is saved yet.
      </p>
      {theirs === undefined ? (
        <p>What stands there now is no text.</p>
      ) : (
        <TextDiff label="From what stands there to yours" before={theirs} after={draft.text} />
      )}
      <div class="dialog-actions">
        <button
          type="button"
          disabled={theirs === undefined}
          onClick={() => change({ ...draft, text: theirs ?? "", base: node })}
        >
          Take theirs
        </button>
        <button type="button" onClick={() => change({ ...draft, base: node })}>
          Keep mine, over theirs
        </button>
      </div>
    </div>
  );
}
