/** Plays episodes of a target, one seed after the other, and makes small what fails. */
import { Dice } from "./dice.ts";
import { type Step, Tally } from "./episode.ts";
import { minimized } from "./minimize.ts";
import type { Target } from "./target.ts";

/** What failed, and how. */
export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly episode: number;
  readonly what: string;
  readonly steps: readonly Step[];
}

/** One episode; gives how many frames it took in, or the failure. */
export async function playEpisode(
  target: Target,
  at: { readonly seed: number; readonly episode: number },
  tally?: Tally,
): Promise<number | Failure> {
  const steps = target.make(Dice.of(at.seed, at.episode));
  try {
    return await target.play(steps, tally);
  } catch (error) {
    return { target: target.name, ...at, what: textOf(error), steps };
  }
}

/** The failure with as few and as short steps as fail in the same way. */
export async function minimizedFailure(target: Target, failure: Failure): Promise<Failure> {
  const kind = kindOf(failure.what);
  const steps = await minimized(failure.steps, async (candidate) => {
    const what = await failureOf(target, candidate);
    return what !== undefined && kindOf(what) === kind;
  });
  return { ...failure, steps, what: (await failureOf(target, steps)) ?? failure.what };
}

/** How the steps fail; undefined where they do not. */
export async function failureOf(target: Target, steps: readonly Step[]): Promise<string | undefined> {
  try {
    await target.play(steps);
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The error and where it came from, without what differs from one input to the next. */
function kindOf(what: string): string {
  const [first = "", ...rest] = what.split("\n");
  const place =
    rest.find((line) => /^\s+at /.test(line) && !/assert\.ts|episode\.ts|archive\.ts/.test(line)) ?? "";
  return `${first.split(":").slice(0, 1).join()} ${place.replace(/.*\/(?=src|test)/, "")}`;
}

/** Steps, as few as will do, that make each thing come about that a tally can tell of, by what they make. */
export async function reaching(
  target: Target,
  order: { readonly seed: number; readonly episodes: number },
): Promise<ReadonlyMap<string, readonly Step[]>> {
  const reached = new Map<string, readonly Step[]>();
  for (let episode = 0; episode < order.episodes; episode++) {
    const steps = target.make(Dice.of(order.seed, episode), 1);
    const tally = new Tally();
    await target.play(steps, tally);
    for (const mark of tally.counts.keys()) {
      if (reached.has(mark)) continue;
      const small = await minimized(steps, async (candidate) => await doesReach(target, candidate, mark));
      reached.set(mark, small);
    }
  }
  return reached;
}

async function doesReach(target: Target, steps: readonly Step[], mark: string): Promise<boolean> {
  const tally = new Tally();
  try {
    await target.play(steps, tally);
  } catch {
    // What fails in another way than the whole is no smaller copy of it.
    return false;
  }
  return tally.of(mark) > 0;
}
