/** What `npm run fuzz` may be told on its command line. */
import { parseArgs } from "node:util";

export const HELP = `usage: npm run fuzz -- [options]

  --frames N      takes in so many frames, bodies and messages; 1000000 unless told otherwise
  --minutes M     or goes on until the time is over
  --target T      client, peers, records or gateway; all in turn unless given
  --seed S        the seed of all episodes; from the clock unless given
  --episode E     plays one episode of the seed, and makes it small where it fails
  --collect       writes anew what is kept for reaching each place, of the target or of all
  --replay FILE   plays the episodes of a file of test/fuzz/corpus, the target being the folder it is in

docs/testing.md says how to read a run that fails.`;

/** What shall be played. */
export interface Order {
  readonly frames: number;
  readonly minutes: number;
  readonly target: string | undefined;
  readonly seed: number;
  readonly episode: number | undefined;
  readonly replay: string | undefined;
  readonly collects: boolean;
}

/** Reads the command line: an order, "help", or what is wrong with it. `nowMs` gives a fresh seed. */
export function readArguments(
  args: readonly string[],
  targets: readonly string[],
  nowMs: number,
): Order | "help" | { readonly error: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        frames: { type: "string" },
        minutes: { type: "string" },
        target: { type: "string" },
        seed: { type: "string" },
        episode: { type: "string" },
        replay: { type: "string" },
        collect: { type: "boolean", default: false },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) return "help";
    const { frames, minutes, target, seed, episode, replay } = values;
    if (target !== undefined && !targets.includes(target)) {
      throw new RangeError(`--target is "${target}": it must be one of ${targets.join(", ")}`);
    }
    if (episode !== undefined && (target === undefined || seed === undefined)) {
      throw new RangeError("--episode needs the --target and the --seed that it is one of");
    }
    const isTimed = frames === undefined && minutes !== undefined;
    return {
      frames: isTimed ? Number.POSITIVE_INFINITY : numberOf("--frames", frames ?? "1000000"),
      minutes: minutes === undefined ? Number.POSITIVE_INFINITY : numberOf("--minutes", minutes),
      target,
      seed: seed === undefined ? Math.floor(nowMs / 1000) : numberOf("--seed", seed),
      episode: episode === undefined ? undefined : numberOf("--episode", episode),
      replay,
      collects: values.collect,
    };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return { error: error.message };
    throw error;
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} is "${text}": it must be a whole number from 0 on`);
}
