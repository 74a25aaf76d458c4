/** Lets the simulator run over one seed after the other until a named check fails. */
import { execute } from "./execute.ts";
import { type Hunt, readRunLine, type RunLine } from "./verdict-on-mutant.ts";

/** A run of the simulator that says nothing for so long hangs. */
const RUN_SILENCE_MS = 120_000;

/** Says that a run is too hard to be judged: nothing is wrong with it for that. */
const UNDECIDED: ReadonlySet<string> = new Set(["LinearizabilityUndecided"]);

/** Where to hunt, and how. */
export interface HuntOptions {
  /** Holds the source with the defect. */
  readonly directory: string;
  /** Holds it without: a seed that fails there, too, catches nothing. */
  readonly soundDirectory: string;
  /** The simulator: a program and its first arguments. */
  readonly simulator: readonly string[];
  /** Runs to make now, at most. */
  readonly seeds: number;
  /** Whether not to converge is a catch. */
  readonly isOfLiveness: boolean;
}

/** A hunt that has not begun. */
export function huntFrom(first: number): Hunt {
  return { first, seeds: 0, crashes: 0, stuck: 0, unsound: 0, caught: undefined };
}

/** Goes on with a hunt. What crashes, hangs or fails without the defect is passed over. */
export async function hunt(before: Hunt, options: HuntOptions): Promise<Hunt> {
  const { first } = before;
  const end = first + before.seeds + options.seeds;
  let { crashes, stuck, unsound } = before;
  for (let next = first + before.seeds; next < end;) {
    const failed = await runSeeds(options.directory, options.simulator, { first: next, count: end - next });
    if (failed === undefined) break;
    next = failed.seed + 1;
    const { seed, kind, check = kind ?? "", what = "" } = failed;
    if (kind === "violation" || (kind === "stuck" && options.isOfLiveness)) {
      const caught = { seed, check, what };
      const isJudged = !UNDECIDED.has(check);
      if (isJudged && (await isSound(options, seed)))
        return { first, seeds: next - first, crashes, stuck, unsound, caught };
      unsound++;
    } else if (kind === "stuck") stuck++;
    else crashes++;
  }
  return { first, seeds: end - first, crashes, stuck, unsound, caught: undefined };
}

/** Whether all is well with the seed without the defect. */
async function isSound({ soundDirectory, simulator }: HuntOptions, seed: number): Promise<boolean> {
  return (await runSeeds(soundDirectory, simulator, { first: seed, count: 1 })) === undefined;
}

/** The first run that failed; undefined where all are well. */
async function runSeeds(
  directory: string,
  [command = process.execPath, ...before]: readonly string[],
  range: { readonly first: number; readonly count: number },
): Promise<RunLine | undefined> {
  let last = range.first - 1;
  let failed: RunLine | undefined;
  const { code, tail } = await execute({
    command,
    args: [...before, "--seeds", String(range.count), "--first", String(range.first), "--json"],
    directory,
    silenceMs: RUN_SILENCE_MS,
    onLine: (line) => {
      const run = readRunLine(line);
      if (run === undefined) return;
      last = Math.max(last, run.seed);
      if (!run.ok) failed ??= run;
    },
  });
  if (failed !== undefined) return failed;
  if (code === 0) return undefined;
  // It died, or was killed, in the midst of the run behind the last that it told of.
  return { seed: last + 1, ok: false, kind: "crash", what: tail.slice(-3).join(" ") };
}
