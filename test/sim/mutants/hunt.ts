/** Lets the simulator run over one seed after the other until a named check fails. */
import { execute } from "./execute.ts";
import { type Hunt, readRunLine, type RunLine } from "./verdict-on-mutant.ts";

/** A run of the simulator that says nothing for so long hangs. */
const RUN_SILENCE_MS = 120_000;

/** Where to hunt, and how. */
export interface HuntOptions {
  readonly directory: string;
  /** The simulator: a program and its first arguments. */
  readonly simulator: readonly string[];
  readonly first: number;
  /** How many, at most. */
  readonly seeds: number;
  /** Whether not to converge is a catch. */
  readonly isOfLiveness: boolean;
}

/** What crashes, or hangs, is passed over: the hunt goes on behind it. */
export async function hunt(options: HuntOptions): Promise<Hunt> {
  const { first, seeds, isOfLiveness } = options;
  const end = first + seeds;
  let [crashes, stuck, next] = [0, 0, first];
  while (next < end) {
    const failed = await runSeeds(options, next, end - next);
    if (failed === undefined) break;
    next = failed.seed + 1;
    const isCaught = failed.kind === "violation" || (failed.kind === "stuck" && isOfLiveness);
    const { seed, check = failed.kind ?? "", what = "" } = failed;
    if (isCaught) return { first, seeds: next - first, crashes, stuck, caught: { seed, check, what } };
    if (failed.kind === "stuck") stuck++;
    else crashes++;
  }
  return { first, seeds, crashes, stuck, caught: undefined };
}

/** The first run that failed; undefined where all are well. */
async function runSeeds(options: HuntOptions, first: number, count: number): Promise<RunLine | undefined> {
  const { directory, simulator } = options;
  const [command = process.execPath, ...before] = simulator;
  let last = first - 1;
  let failed: RunLine | undefined;
  const { code, tail } = await execute({
    command,
    args: [...before, "--seeds", String(count), "--first", String(first), "--json"],
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
