/** What `npm run sim` may be told on its command line. */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import type { Shape } from "./swarm.ts";

export const HELP = `usage: npm run sim -- [options]

  --seeds N        so many runs, each of a seed of its own; 100 unless told otherwise
  --minutes N      runs until the time is over
  --seed N         one run
  --first N        the first seed; from the clock unless given
  --voters N       1, 3 or 5 in every run; by chance unless given
  --operations N   requests of clients in every run; 150 to 1000 unless given
  --reconfigure    members change in every run; in one of five unless given
  --jobs N         runs at once; as many as there are cores
  --keep-going     a run that fails does not end it
  --json           a line of JSON for each run, and no story (npm run -s sim)
  --kept NAME      plays a run of test/sim/kept, and tells its story where it fails

docs/testing.md says how to read a run that fails.`;

/** Runs where nobody says how many. */
const SEEDS = 100;

/** What shall be played. */
export interface Order {
  readonly first: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly jobs: number;
  readonly isJson: boolean;
  readonly keepsGoing: boolean;
  readonly shape: Shape;
  readonly kept: string | undefined;
}

/** Reads the command line: an order, "help", or what is wrong with it. `nowMs` gives fresh seeds. */
export function readArguments(
  args: readonly string[],
  nowMs: number,
): Order | "help" | { readonly error: string } {
  try {
    return orderOf(args, nowMs);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return { error: error.message };
    throw error;
  }
}

function orderOf(args: readonly string[], nowMs: number): Order | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      minutes: { type: "string" },
      first: { type: "string" },
      voters: { type: "string" },
      operations: { type: "string" },
      reconfigure: { type: "boolean" },
      jobs: { type: "string" },
      json: { type: "boolean", default: false },
      "keep-going": { type: "boolean", default: false },
      kept: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const { seed, seeds, minutes, first, voters, operations, jobs, kept, reconfigure } = values;
  if (seed !== undefined && (seeds ?? minutes ?? first) !== undefined) {
    throw new RangeError("--seed is one run: it goes with none of --seeds, --minutes and --first");
  }
  if (voters !== undefined && !["1", "3", "5"].includes(voters)) {
    throw new RangeError(`--voters is "${voters}": it must be 1, 3 or 5`);
  }
  if (kept !== undefined && !keptNames().includes(kept)) {
    throw new RangeError(`no run "${kept}" is kept; there are ${keptNames().join(", ")}`);
  }
  const count = minutes === undefined ? SEEDS : Number.MAX_SAFE_INTEGER;
  return {
    first: numberOf("--first", seed ?? first, Math.floor(nowMs / 1000) * 1000, 0),
    seeds: seed === undefined ? numberOf("--seeds", seeds, count, 1) : 1,
    minutes: numberOf("--minutes", minutes, Number.POSITIVE_INFINITY, 1),
    jobs: numberOf("--jobs", jobs, availableParallelism(), 1),
    isJson: values.json,
    keepsGoing: values["keep-going"],
    shape: {
      ...(voters === undefined ? {} : { voters: Number(voters) }),
      ...(operations === undefined ? {} : { operations: numberOf("--operations", operations, 0, 1) }),
      ...(reconfigure === undefined ? {} : { reconfigures: reconfigure }),
    },
    kept,
  };
}

function numberOf(name: string, text: string | undefined, otherwise: number, min: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new RangeError(`${name} is "${text}": it must be a whole number from ${min} on`);
}

/** The runs that are kept, by their names. */
export function keptNames(): readonly string[] {
  return readdirSync(new URL("kept/", import.meta.url)).map((file) => file.replace(/\.json$/, ""));
}
