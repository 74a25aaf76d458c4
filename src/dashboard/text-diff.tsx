/** What two texts differ in, line by line. */
import { diffLines } from "diff";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

/** Of a long stretch that is the same, so many lines are shown at its ends. */
const CONTEXT_LINES = 3;

/** A line of a diff. */
interface Line {
  readonly kind: "same" | "added" | "removed" | "skipped";
  readonly text: string;
}

/** Lines that went in red, those that came in green, each with its sign. */
export function TextDiff(props: {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}): JSX.Element {
  const { label, before, after } = props;
  const lines = useMemo(() => linesOf(before, after), [before, after]);
  if (lines.every(({ kind }) => kind === "same" || kind === "skipped")) {
    return <p class="faint">They are the same.</p>;
  }
  return (
    <div class="diff" role="region" aria-label={label} tabIndex={0}>
      {lines.map(({ kind, text }, at) => (
        <div key={at} class={kind}>
          <span class="sign">{SIGNS[kind]}</span>
          {text === "" ? " " : text}
        </div>
      ))}
    </div>
  );
}

const SIGNS = { same: " ", added: "+", removed: "−", skipped: "⋯" } as const;

function linesOf(before: string, after: string): readonly Line[] {
  const parts = diffLines(before, after);
  return parts.flatMap(({ value, added, removed }, at) => {
    const texts = value.replace(/\n$/, "").split("\n");
    const kind = added ? "added" : removed ? "removed" : "same";
    if (kind !== "same" || texts.length <= 2 * CONTEXT_LINES + 1) {
      return texts.map((text): Line => ({ kind, text }));
    }
    const head = at === 0 ? [] : texts.slice(0, CONTEXT_LINES);
    const tail = at === parts.length - 1 ? [] : texts.slice(-CONTEXT_LINES);
    const skipped = texts.length - head.length - tail.length;
    return [
      ...head.map((text): Line => ({ kind, text })),
      { kind: "skipped", text: `${skipped} lines that are the same` } as const,
      ...tail.map((text): Line => ({ kind, text })),
    ];
  });
}
