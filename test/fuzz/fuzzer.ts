/** Plays episodes of a target, one seed after the other, and makes small what fails. */
import { Dice } from "./dice.ts";
import type { Step, Tally } from "./episode.ts";
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
