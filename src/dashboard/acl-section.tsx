/** A znode's access control list: who may do what, and the setting of it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { begin } from "./begin.ts";
import { type ApiError, asApiError, pathInUrl } from "./api.ts";
import { type Desk, useDesk } from "./desk.ts";
import type { AclDocument, AclLine, AclPermission } from "./documents.ts";
import { useReading } from "./reading.ts";
import { ErrorNote } from "./ui.tsx";

const PERMISSIONS: readonly AclPermission[] = ["read", "write", "create", "delete", "admin"];

const EVERYBODY: AclLine = { scheme: "world", id: "anyone", permissions: PERMISSIONS };

interface ReadAcl extends AclDocument {
  readonly etag: string;
}

/** See the file's comment. Read anew where `aversion` is another. */
export function AclSection(props: {
  readonly path: string;
  readonly aversion: number;
  readonly written: () => void;
}): JSX.Element {
  const { path, aversion, written } = props;
  const desk = useDesk();
  const [draft, setDraft] = useState<readonly AclLine[]>();
  const { value, error, again } = useReading(`${path} ${aversion}`, 0, async () => await readAcl(desk, path));
  return (
    <section aria-labelledby="acl-title">
      <div class="section-head">
        <h2 id="acl-title" class="minor">
          Access control list
        </h2>
        <span class="grow" />
        {draft === undefined && value !== undefined && desk.may("admin", path) && (
          <button type="button" class="small" onClick={() => setDraft(value.acl)}>
            Edit list
          </button>
        )}
      </div>
      <ErrorNote error={error} retry={again} />
      {value !== undefined && draft === undefined && <Lines acl={value.acl} />}
      {value !== undefined && draft !== undefined && (
        <AclEditor
          desk={desk}
          acl={value}
          draft={draft}
          change={setDraft}
          done={() => {
            setDraft(undefined);
            written();
            again();
          }}
        />
      )}
    </section>
  );
}

async function readAcl(desk: Desk, path: string): Promise<ReadAcl> {
  const { value, headers } = await desk.api.ask<AclDocument>("GET", desk.path(`/acl${pathInUrl(path)}`));
  if (value === undefined) throw new Error("a list is told as a document");
  return { ...value, etag: headers.get("etag") ?? "" };
}

function Lines(props: { readonly acl: readonly AclLine[] }): JSX.Element {
  return (
    <ul class="acl">
      {props.acl.map(({ scheme, id, permissions }) => (
        <li key={`${scheme}:${id}`}>
          <code>
            {scheme}:{id}
          </code>
          <span>
            {permissions.length === PERMISSIONS.length ? "everything" : permissions.join(", ") || "nothing"}
          </span>
        </li>
      ))}
    </ul>
  );
}

function AclEditor(props: {
  readonly desk: Desk;
  readonly acl: ReadAcl;
  readonly draft: readonly AclLine[];
  readonly change: (draft: readonly AclLine[]) => void;
  readonly done: () => void;
}): JSX.Element {
  const { desk, acl, draft, change, done } = props;
  const [error, setError] = useState<ApiError>();
  const save = async (): Promise<void> => {
    try {
      const url = desk.path(`/acl${pathInUrl(acl.path)}`);
      await desk.api.ask("PUT", url, { json: { acl: draft }, headers: { "if-match": acl.etag } });
      desk.say(`the list of ${acl.path} is set`);
      done();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  const setLine = (at: number, line: Partial<AclLine>): void =>
    change(draft.map((one, index) => (index === at ? { ...one, ...line } : one)));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        begin(save());
      }}
    >
      {draft.map((line, at) => (
        <EditedLine
          key={at}
          line={line}
          number={at + 1}
          set={(part) => setLine(at, part)}
          remove={() => change(draft.filter((_, index) => index !== at))}
        />
      ))}
      <ErrorNote error={error} />
      <div class="dialog-actions">
        <button type="button" onClick={() => change([...draft, EVERYBODY])}>
          Add a line
        </button>
        <span class="grow" />
        <button type="button" onClick={done}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={draft.length === 0}>
          Save list
        </button>
      </div>
    </form>
  );
}

function EditedLine(props: {
  readonly line: AclLine;
  readonly number: number;
  readonly set: (part: Partial<AclLine>) => void;
  readonly remove: () => void;
}): JSX.Element {
  const { line, number, set, remove } = props;
  return (
    <fieldset class="acl-line">
      <legend class="hidden">Line {number}</legend>
      <input
        aria-label={`Scheme of line ${number}`}
        value={line.scheme}
        size={8}
        onInput={(event) => set({ scheme: event.currentTarget.value })}
      />
      <input
        aria-label={`Id of line ${number}`}
        value={line.id}
        onInput={(event) => set({ id: event.currentTarget.value })}
      />
      {PERMISSIONS.map((permission) => (
        <label key={permission} class="check">
          <input
            type="checkbox"
            checked={line.permissions.includes(permission)}
            onChange={(event) => {
              const isSet = event.currentTarget.checked;
              const permissions = PERMISSIONS.filter((one) =>
                one === permission ? isSet : line.permissions.includes(one),
              );
              set({ permissions });
            }}
          />
          {permission}
        </label>
      ))}
      <button type="button" class="small quiet" aria-label={`Remove line ${number}`} onClick={remove}>
        Remove
      </button>
    </fieldset>
  );
}
