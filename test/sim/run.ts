/**
 * `npm run sim`: made-up ensembles under made-up faults, each from one seed, judged by every check there is.
 *
 *   npm run sim -- [--seed N | --seeds N | --minutes N] [--first N] [--voters 1|3|5] [--operations N]
 *                  [--jobs N] [--json] [--keep-going]
 *   npm run sim -- --kept NAME
 *
 * Stops at the first run that fails (unless told to keep going), makes it small, and tells its story. docs/testing.md
 * says how to read it.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { must } from "../../src/base/assert.ts";
import type { RunResult, SimPlan } from "./plan.ts";
import { Pool } from "./pool.ts";
import { failureLines, keptPath, rateLine, type Totals, totalsOf } from "./report.ts";
import type { Shape } from "./swarm.ts";

const USAGE =
  "usage: npm run sim -- [--seed N | --seeds N | --minutes N] [--first N] [--voters 1|3|5] [--operations N] " +
  "[--jobs N] [--json] [--keep-going], or npm run sim -- --kept NAME";

/** Runs where nobody says how many. */
const SEEDS = 100;
/** How often there is news of the progress. */
const PROGRESS_MS = 5000;

interface Options {
  readonly first: number;
  readonly seeds: number;
  readonly untilMs: number;
  readonly jobs: number;
  readonly isJson: boolean;
  /** A failure is no reason to stop. */
  readonly keepsGoing: boolean;
  readonly shape: Shape;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      minutes: { type: "string" },
      first: { type: "string" },
      voters: { type: "string" },
      operations: { type: "string" },
      jobs: { type: "string" },
      json: { type: "boolean" },
      "keep-going": { type: "boolean" },
      kept: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const numbers = {
    first: wholeNumber(values.seed ?? values.first ?? firstOfNow(), 0),
    seeds: wholeNumber(values.seed === undefined ? (values.seeds ?? "0") : "1", 0),
    minutes: Number(values.minutes ?? 0),
    jobs: wholeNumber(values.jobs ?? String(availableParallelism()), 1),
    voters: values.voters === undefined ? undefined : wholeNumber(values.voters, 1),
    operations: values.operations === undefined ? undefined : wholeNumber(values.operations, 1),
  };
  const { first, minutes, jobs, voters, operations } = numbers;
  const isWrong = Object.values(numbers).some(Number.isNaN) || !(minutes >= 0);
  if (isWrong || (voters !== undefined && ![1, 3, 5].includes(voters))) {
    console.error(USAGE);
    return 2;
  }
  const pool = new Pool(jobs);
  try {
    if (values.kept !== undefined) return await playKept(pool, values.kept);
    const isTimed = minutes > 0;
    return await play(pool, {
      first,
      seeds: numbers.seeds > 0 ? numbers.seeds : isTimed ? Number.MAX_SAFE_INTEGER : SEEDS,
      untilMs: isTimed ? performance.now() + minutes * 60_000 : Number.POSITIVE_INFINITY,
      jobs,
      isJson: values.json ?? false,
      keepsGoing: values["keep-going"] ?? false,
      shape: {
        ...(voters === undefined ? {} : { voters }),
        ...(operations === undefined ? {} : { operations }),
      },
    });
  } finally {
    pool.close();
  }
}

function wholeNumber(text: string, min: number): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= min ? value : Number.NaN;
}

/** Fresh seeds each time; whoever wants the same again gives them. */
function firstOfNow(): string {
  return String(Math.floor(Date.now() / 1000) * 1000);
}

async function play(pool: Pool, options: Options): Promise<number> {
  const { first, seeds, untilMs, jobs, isJson, keepsGoing, shape } = options;
  const startMs = performance.now();
  const results: RunResult[] = [];
  let next = 0;
  let failed: RunResult | undefined;
  const say = (line: string): void => console.error(line);
  const progress = setInterval(() => {
    if (!isJson) say(rateLine(totalsOf(results), performance.now() - startMs, jobs));
  }, PROGRESS_MS);
  const lane = async (): Promise<void> => {
    while ((failed === undefined || keepsGoing) && next < seeds && performance.now() < untilMs) {
      const result = await pool.run({ kind: "seed", seed: first + next++, shape });
      results.push(result);
      if (isJson) console.log(JSON.stringify(jsonOf(result)));
      if (result.failure === undefined) continue;
      failed ??= result;
      if (keepsGoing && !isJson) say(`seed ${result.seed} fails: ${result.failure.check}`);
    }
  };
  if (!isJson) say(`seeds from ${first} on, ${jobs} at once`);
  try {
    await Promise.all(Array.from({ length: jobs }, lane));
  } finally {
    clearInterval(progress);
  }
  if (isJson) return failed === undefined ? 0 : 1;
  const totals = totalsOf(results);
  if (failed !== undefined) await tell(pool, failed, shape);
  tellTotals(totals, performance.now() - startMs, jobs);
  return failed === undefined ? 0 : 1;
}

function jsonOf({ seed, failure }: RunResult): Record<string, unknown> {
  return { seed, ok: failure === undefined, ...failure };
}

/** What failed, made small, and its story. */
async function tell(pool: Pool, { seed, failure }: RunResult, shape: Shape): Promise<void> {
  const whole = must(failure, "a failure");
  console.log(`\nseed ${seed} fails: ${whole.check} at ${whole.atMs.toFixed(0)} ms\n  ${whole.what}\n`);
  console.log("making it small ...");
  const shrunk = await pool.shrink({ kind: "shrink", seed, shape, failure: whole });
  for (const line of failureLines(seed, shrunk)) console.log(line);
}

function tellTotals(totals: Totals, elapsedMs: number, jobs: number): void {
  console.log(`\n${rateLine(totals, elapsedMs, jobs)}`);
  for (const [name, count] of Object.entries(totals.counts)) console.log(`  ${name.padEnd(14)} ${count}`);
  console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
}

/** A run that failed once and is made forever. */
async function playKept(pool: Pool, name: string): Promise<number> {
  const { plan } = JSON.parse(readFileSync(keptPath(name), "utf8")) as { readonly plan: SimPlan };
  const result = await pool.run({ kind: "plan", plan });
  if (result.failure === undefined) {
    console.log(`${name} passes\n\n1 passed, 0 failed`);
    return 0;
  }
  const { failure } = result;
  console.log(`${name} fails: ${failure.check} at ${failure.atMs.toFixed(0)} ms\n  ${failure.what}`);
  const story = await pool.story({ kind: "story", plan });
  for (const line of story) console.log(line);
  console.log("\n0 passed, 1 failed");
  return 1;
}
