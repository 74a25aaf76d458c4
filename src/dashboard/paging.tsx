/** Long lists: a page of them at a time, and a box to go to what is not on it. */
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { countText } from "./format.ts";

/** Where in a list one is. */
export interface Pages {
  /** What the API is to be told to begin behind; empty at the beginning. */
  readonly after: string;
  /** How many pages are before this one. */
  readonly before: number;
  readonly on: (next: string) => void;
  readonly back: () => void;
}

/** The first page, and from there on and back. */
export function usePages(): Pages {
  const [behind, setBehind] = useState<readonly string[]>([]);
  return {
    after: behind.at(-1) ?? "",
    before: behind.length,
    on: (next) => setBehind([...behind, next]),
    back: () => setBehind(behind.slice(0, -1)),
  };
}

/** On and back; nothing where all is on one page. */
export function Pager(props: {
  readonly pages: Pages;
  /** Of a whole page; undefined where they are not all as long. */
  readonly size?: number;
  /** On this one. */
  readonly count: number;
  readonly next: string | null;
  /** In all, where that is known. */
  readonly total?: number | undefined;
}): JSX.Element | null {
  const { pages, size, count, next, total } = props;
  if (pages.before === 0 && next === null) return null;
  const first = pages.before * (size ?? 0) + 1;
  const of = total === undefined ? "" : ` of ${countText(total)}`;
  const place =
    size === undefined
      ? `Page ${countText(pages.before + 1)}`
      : `${countText(first)} – ${countText(first + count - 1)}${of}`;
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={pages.before === 0} onClick={pages.back}>
        ← Back
      </button>
      <span class="faint" role="status">
        {count === 0 ? "Nothing here any more" : place}
      </span>
      <button type="button" disabled={next === null} onClick={() => next !== null && pages.on(next)}>
        Next →
      </button>
    </nav>
  );
}

/** Goes to what is typed. */
export function FindBox(props: {
  readonly label: string;
  readonly find: (text: string) => void;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const { label, find, children } = props;
  const box = useRef<HTMLInputElement>(null);
  return (
    <form
      class="find-box"
      onSubmit={(event) => {
        event.preventDefault();
        const text = box.current?.value.trim() ?? "";
        if (text !== "") find(text);
      }}
    >
      <input
        ref={box}
        class="mono"
        aria-label={label}
        placeholder={label}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
      <button type="submit">Go</button>
      {children}
    </form>
  );
}
