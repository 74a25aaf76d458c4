/** What a benchmark came to: a document for programs, from which tables, pictures and pages are made. */
import type { SectionName } from "./sections.ts";

/** Figures of one target, by metric; the units are in their names. */
export type Metrics = Readonly<Record<string, number>>;

/** What was measured in turn at several targets: the medians of all rounds, by target. */
export interface Row {
  readonly label: string;
  readonly figures: Readonly<Record<string, Metrics>>;
}

/** A whole run. */
export interface Report {
  readonly format: 1;
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The options that it was started with. */
  readonly options: string;
  /** How often each figure was measured, and for how many seconds throughput was. */
  readonly rounds: number;
  readonly seconds: number;
  /** Parts that could not be measured to their end, and why. */
  readonly failures: readonly string[];
  readonly sections: Readonly<Partial<Record<SectionName, readonly Row[]>>>;
}

/** The median of each metric. All rounds have the same ones. */
function medians(rounds: readonly Metrics[]): Metrics {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((one) => one[name] ?? 0))]));
}

/** The middle one, or the mean of the two in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
}

/** Measures each in turn, A B A B, and takes the medians: what slows the machine for a while slows all alike. */
export async function inTurn<One extends { readonly name: string }>(
  targets: readonly One[],
  rounds: number,
  measureOne: (target: One) => Promise<Metrics>,
): Promise<Row["figures"]> {
  const found = new Map<string, Metrics[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) found.get(target.name)?.push(await measureOne(target));
  }
  return Object.fromEntries([...found].map(([name, all]) => [name, medians(all)]));
}

/** A figure of a report; undefined where it was not measured. */
export function figure(
  report: Report,
  section: SectionName,
  [label, target, metric]: readonly [string, string, string],
): number | undefined {
  return report.sections[section]?.find((row) => row.label === label)?.figures[target]?.[metric];
}
