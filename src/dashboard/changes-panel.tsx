/** What is different at a znode and below it between two moments: what came, what went, and what was set. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { pathInUrl } from "./api.ts";
import { type Desk, useDesk } from "./desk.ts";
import type { Change, ChangeSide, DifferenceDocument } from "./documents.ts";
import { bytesOf, bytesText, countText, prettyJson, textOf } from "./format.ts";
import { Crumbs } from "./node-panel.tsx";
import { PastError, When } from "./past-bar.tsx";
import { useReading } from "./reading.ts";
import { TextDiff } from "./text-diff.tsx";
import { Badge, Empty } from "./ui.tsx";

/** So many at a time, and no more than the API tells at once. */
const PAGE = 100;
const PAGE_MAX = 1000;

/** Of no more than this the texts are shown without being asked for. */
const OPEN_MAX = 10;

/** See the file's comment. `to` is empty for now. */
export function ChangesPanel(props: {
  readonly path: string;
  readonly from: string;
  readonly to: string;
  readonly back: () => void;
  readonly choose: (path: string) => void;
}): JSX.Element {
  const { path, from, to, back, choose } = props;
  const desk = useDesk();
  const [pages, setPages] = useState(1);
  const limit = Math.min(PAGE_MAX, pages * PAGE);
  const { value, error, again } = useReading(`${path} ${from} ${to} ${limit}`, 0, async () => {
    const end = to === "" ? "" : `&to=${encodeURIComponent(to)}`;
    const query = `?from=${encodeURIComponent(from)}${end}&limit=${limit}`;
    return await desk.api.get<DifferenceDocument>(desk.path(`/diff${pathInUrl(path)}${query}`));
  });
  const own = value?.changes.filter((change) => !isKept(change)) ?? [];
  const kept = value?.changes.filter(isKept) ?? [];
  return (
    <article class="panel past" aria-label={`Changes of ${path}`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={back}>
          ← Tree
        </button>
        <Crumbs path={path} choose={choose} />
        <Badge kind="warn">past, read-only</Badge>
        <button type="button" class="small" onClick={again}>
          Compare again
        </button>
      </header>
      <PastError
        error={error}
        moment={from}
        look={(at) => desk.go("tree", path, { kind: "changes", from: at, to })}
      />
      {value !== undefined && (
        <div class="stack">
          <p>
            <b>{summaryOf(own, value.next !== null)}</b> at and below <code>{path}</code>, from{" "}
            <When zxid={value.from} time={value.fromTime} /> to <When zxid={value.to} time={value.toTime} />
            {to === "" && ", the latest write when this was compared"}.
          </p>
          {own.length === 0 && value.next === null && (
            <Empty title="Nothing has changed">Between these two moments nobody wrote here or below.</Empty>
          )}
          <ChangeList label="Changes" changes={own} moments={value} isOpen={own.length <= OPEN_MAX} />
          {kept.length > 0 && (
            <details class="change">
              <summary>
                And <b>{countText(kept.length)}</b> in what Edgekeeper keeps beside them: schemas and earlier
                versions of documents
              </summary>
              <div class="change-body">
                <ChangeList label="Changes beside them" changes={kept} moments={value} isOpen={false} />
              </div>
            </details>
          )}
          {value.next !== null && <More isAtEnd={limit >= PAGE_MAX} more={() => setPages(pages + 1)} />}
        </div>
      )}
    </article>
  );
}

/** Whether it is what is kept beside a document (`.history`, `.schema`): nobody writes it by its path. */
function isKept({ path }: Change): boolean {
  return /\/\.(?:history|schema)(?:\/|$)/.test(path);
}

/** What somebody would call what stands at a path; empty where that is nothing but a znode. */
function wordOf(path: string): string {
  if (path === "/config") return "configuration documents";
  if (path.startsWith("/config/")) return "configuration document";
  if (/(?:lock-|__(?:WRIT|READ|lock|rlock)__)-?\d{10}$/.test(path)) return "place in the queue of a lock";
  if (/latch-\d{10}$/.test(path)) return "candidate in an election";
  return "";
}

function ChangeList(props: {
  readonly label: string;
  readonly changes: readonly Change[];
  readonly moments: DifferenceDocument;
  readonly isOpen: boolean;
}): JSX.Element {
  const { label, changes, moments, isOpen } = props;
  const desk = useDesk();
  return (
    <ol class="changes" aria-label={label}>
      {changes.map((change) => (
        <li key={change.path}>
          <ChangeView desk={desk} change={change} moments={moments} isOpen={isOpen} />
        </li>
      ))}
    </ol>
  );
}

function More(props: { readonly isAtEnd: boolean; readonly more: () => void }): JSX.Element {
  if (!props.isAtEnd) {
    return (
      <button type="button" onClick={props.more}>
        Show more
      </button>
    );
  }
  return (
    <p class="faint">
      The first thousand are shown: choose a znode further down, or moments that are nearer.
    </p>
  );
}

const WORDS: Readonly<
  Record<Change["change"], readonly [word: string, kind: "good" | "bad" | "warn" | "lead"]>
> = {
  created: ["added", "good"],
  deleted: ["removed", "bad"],
  replaced: ["replaced", "warn"],
  changed: ["changed", "lead"],
};

function summaryOf(changes: readonly Change[], isMore: boolean): string {
  const counts = Object.entries(WORDS).flatMap(([kind, [word]]) => {
    const count = changes.filter(({ change }) => change === kind).length;
    return count === 0 ? [] : [`${countText(count)} ${word}`];
  });
  const more = isMore ? ", and more" : "";
  return counts.length === 0 ? "Nothing changed" : `${counts.join(", ")}${more}`;
}

function ChangeView(props: {
  readonly desk: Desk;
  readonly change: Change;
  readonly moments: DifferenceDocument;
  readonly isOpen: boolean;
}): JSX.Element {
  const { desk, change, moments, isOpen } = props;
  const [word, kind] = WORDS[change.change];
  const notes = [
    ...(change.change === "changed" && change.data ? ["data"] : []),
    ...(change.acl ? ["list"] : []),
  ];
  const from = change.change === "deleted" ? moments.from : moments.to;
  return (
    <details class="change" open={isOpen}>
      <summary>
        <Badge kind={kind}>{word}</Badge> <span class="mono change-path">{change.path}</span>{" "}
        <span class="faint">{[wordOf(change.path), notes.join(" and ")].filter(Boolean).join(": ")}</span>
      </summary>
      <div class="change-body">
        <ChangeText change={change} />
        <button
          type="button"
          class="small"
          onClick={() => desk.go("tree", change.path, { kind: "asOf", from })}
        >
          {change.change === "deleted" ? "See it as it was before" : "See it as it was then"}
        </button>
      </div>
    </details>
  );
}

function ChangeText(props: { readonly change: Change }): JSX.Element {
  const { path, change, data, acl, before, after } = props.change;
  if (change === "changed" && !data) {
    return <p class="faint">Its data are the same{acl ? "; its access control list was set." : "."}</p>;
  }
  const left = shownOf(before);
  const right = shownOf(after);
  const lost = [left, right].find(({ kind }) => kind === "lost");
  if (lost !== undefined) {
    return (
      <p class="faint">
        The history does not tell any more what it held{left.kind === "lost" ? " before" : ""}: the write that
        set that is not kept.
      </p>
    );
  }
  if (left.kind === "bytes" || right.kind === "bytes") {
    return (
      <p class="faint">
        Bytes that are no text: {bytesText(left.count)} before, {bytesText(right.count)} after.
      </p>
    );
  }
  if (left.text === "" && right.text === "") return <p class="faint">It held no data.</p>;
  return <TextDiff label={`What changed in ${path}`} before={left.text} after={right.text} />;
}

interface ShownSide {
  readonly kind: "text" | "bytes" | "lost";
  readonly text: string;
  readonly count: number;
}

/** A side as it is compared: where there was nothing, as an empty text. */
function shownOf(side: ChangeSide | null): ShownSide {
  if (side === null) return { kind: "text", text: "", count: 0 };
  if (!side.known) return { kind: "lost", text: "", count: 0 };
  const bytes = side.data === null ? new Uint8Array() : bytesOf(side.data);
  const text = textOf(bytes);
  if (text === undefined) return { kind: "bytes", text: "", count: bytes.length };
  return {
    kind: "text",
    text: /^\s*[[{]/.test(text) ? (prettyJson(text) ?? text) : text,
    count: bytes.length,
  };
}
