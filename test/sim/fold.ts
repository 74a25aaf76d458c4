/**
 * A story is long where all goes as usual: stretches of proposals, acknowledgements, deliveries and answers. To be read
 * each becomes one line. What a failure may come from is never folded: faults, starts, ends, phases, links, epochs,
 * cuts, snapshots, and requests that were not answered.
 */

/** A stretch of so many lines or fewer stays as it is. */
const SHORT_LINES = 4;

/** The time, who, and what, of a line of a story. */
const LINE = /^ *(?<time>\d+ ms) {2}\S+ +(?<what>.*)$/;

/** What is usual, and under which word it is counted. */
const USUAL: ReadonlyArray<readonly [string, RegExp]> = [
  ["sent", /^-> \d+ (?:propose|inform|ack|commit) /],
  ["written", /^writes \d+:\d+ /],
  ["delivered", /^delivers up to /],
  ["turned away", /^client \S+ is refused \(/],
  ["answered", /^0x[0-9a-f]+ .* -> (?:ok|error -?\d+) at \d+:\d+/],
];

/** The story with each usual stretch in one line, but for its last `keptLast` lines. */
export function folded(story: readonly string[], keptLast: number): readonly string[] {
  const told: string[] = [];
  const end = Math.max(0, story.length - keptLast);
  let stretch: string[] = [];
  for (const [index, line] of story.entries()) {
    if (index < end && usualOf(line) !== undefined) {
      stretch.push(line);
      continue;
    }
    told.push(...inOne(stretch), line);
    stretch = [];
  }
  return [...told, ...inOne(stretch)];
}

function usualOf(line: string): string | undefined {
  const what = LINE.exec(line)?.groups?.["what"];
  return what === undefined ? undefined : USUAL.find(([, pattern]) => pattern.test(what))?.[0];
}

function inOne(stretch: readonly string[]): readonly string[] {
  const [first] = stretch;
  if (stretch.length <= SHORT_LINES || first === undefined) return stretch;
  const [from, to] = [first, stretch.at(-1) ?? first].map((line) => LINE.exec(line)?.groups?.["time"] ?? "");
  const counts = USUAL.map(
    ([word]) => [word, stretch.filter((line) => usualOf(line) === word).length] as const,
  );
  const parts = counts.filter(([, count]) => count > 0).map(([word, count]) => `${count} ${word}`);
  return [`${(from ?? "").padStart(10)}  ...       as usual until ${to}: ${parts.join(", ")}`];
}
