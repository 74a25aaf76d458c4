/** Where two servers' answers to one stream part. */
import type { Value } from "./answer.ts";
import type { Normalised, StepAnswer } from "./normalise.ts";

/** The first step that was answered differently; steps beyond the stream's are the last looks at each slot. */
export interface Difference {
  readonly step: number;
  readonly expected: StepAnswer | undefined;
  readonly actual: StepAnswer | undefined;
}

/** The first difference, or undefined where there is none. */
export function compare(expected: Normalised, actual: Normalised): Difference | undefined {
  const count = Math.max(expected.length, actual.length);
  for (let step = 0; step < count; step++) {
    const [one, other] = [expected[step], actual[step]];
    if (!isEqual(one, other)) return { step, expected: one, actual: other };
  }
  return undefined;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    left.size === right.size &&
    [...left].every(([key, one]) => right.has(key) && isEqual(one, right.get(key)))
  );
}

/** A step's answers on one line, for people. */
export function shown(answer: StepAnswer | undefined): string {
  if (answer === undefined) return "nothing";
  if (!answer.wasConnected) return "not connected";
  const parts = [
    ...(answer.welcome === null ? [] : [`welcome ${text(answer.welcome)}`]),
    ...answer.answers.map(text),
    ...answer.others
      .filter(({ answers }) => answers.length > 0)
      .map(({ slot, answers }) => `on ${slot}: ${answers.map(text).join(" ")}`),
    ...(answer.isClosed ? ["closed"] : []),
  ];
  return parts.length === 0 ? "nothing" : parts.join("  ");
}

function text(value: Value): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(text).join(" ")}]`;
  const fields = Object.entries(value).map(([key, one]) => `${key}=${text(one as Value)}`);
  return `{${fields.join(" ")}}`;
}
