/** What became of a defect: what found it, and after how many seeds. */

/** What the simulator writes for each run; see test/sim/run.ts. */
export interface RunLine {
  readonly seed: number;
  readonly ok: boolean;
  readonly kind?: "violation" | "crash" | "stuck";
  readonly check?: string;
  readonly what?: string;
}

/** One search from a first seed on, until a named check fails or the seeds are used up. */
export interface Hunt {
  readonly first: number;
  /** Runs made, the one that found it included. */
  readonly seeds: number;
  /** Runs among them that a crash of the code under test ended, or that did not converge: no catch. */
  readonly crashes: number;
  readonly stuck: number;
  /** Runs among them that fail without the defect, too, or that cannot be judged. */
  readonly unsound: number;
  readonly caught: { readonly seed: number; readonly check: string; readonly what: string } | undefined;
}

/** What is known of one defect. */
export interface Judgement {
  readonly id: string;
  /** Of the defect's edits: another text is another defect. */
  readonly digest: string;
  /** The compiler's complaint. */
  readonly compileError?: string;
  /** The unit test that found it. */
  readonly unitTest?: string;
  /** The first test outside of the simulator that found it; "none" where the whole project was run. */
  readonly otherTest?: string;
  readonly hunts: readonly Hunt[];
}

/** The line as a run's, undefined where it is something else. */
export function readRunLine(line: string): RunLine | undefined {
  if (!line.startsWith("{")) return undefined;
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("seed" in value) || !("ok" in value)) return undefined;
  const { seed, ok } = value;
  if (typeof seed !== "number" || typeof ok !== "boolean") return undefined;
  const kind = "kind" in value ? value.kind : undefined;
  return {
    seed,
    ok,
    ...(kind === "violation" || kind === "crash" || kind === "stuck" ? { kind } : {}),
    ...("check" in value && typeof value.check === "string" ? { check: value.check } : {}),
    ...("what" in value && typeof value.what === "string" ? { what: value.what } : {}),
  };
}

/** So many seeds in vain are too many: the defect survives. */
export const SEEDS_MAX = 500;

/** Whether nothing is found and there are seeds left. */
export function isUnfinished({ caught, seeds }: Hunt): boolean {
  return caught === undefined && seeds < SEEDS_MAX;
}

/** The seeds that were needed: the middle of all finished hunts; undefined where one found nothing, or none is. */
export function medianSeeds(hunts: readonly Hunt[]): number | undefined {
  const finished = hunts.filter((hunt) => !isUnfinished(hunt));
  if (finished.length === 0 || finished.some(({ caught }) => caught === undefined)) return undefined;
  const sorted = finished.map(({ seeds }) => seeds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The checks that found it, the most frequent first. */
export function checksOf(hunts: readonly Hunt[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { caught } of hunts) {
    if (caught !== undefined) counts.set(caught.check, (counts.get(caught.check) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([check]) => check);
}
