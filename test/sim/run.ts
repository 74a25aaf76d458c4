/**
 * `npm run sim`: made-up ensembles under made-up faults, each from one seed, judged by every check there is. `--help`
 * tells the options. It stops at the first run that fails (unless told to keep going), makes it small, and tells its
 * story; docs/testing.md says how to read it.
 */
import { readFileSync } from "node:fs";

import { must } from "../../src/base/assert.ts";
import { HELP, type Order, readArguments } from "./arguments.ts";
import type { RunResult, SimPlan } from "./plan.ts";
import { Pool } from "./pool.ts";
import { againText, failureLines, keptPath, rateLine, type Totals, totalsOf } from "./report.ts";
import type { Shape } from "./swarm.ts";

/** How often there is news of the progress. */
const PROGRESS_MS = 5000;

process.exitCode = await main();

async function main(): Promise<number> {
  const order = readArguments(process.argv.slice(2), Date.now());
  if (order === "help") {
    console.log(HELP);
    return 0;
  }
  if ("error" in order) {
    console.error(`${order.error}\nnpm run sim -- --help tells what there is`);
    return 2;
  }
  const pool = new Pool(order.jobs);
  try {
    return order.kept === undefined ? await play(pool, order) : await playKept(pool, order.kept);
  } finally {
    pool.close();
  }
}

async function play(pool: Pool, order: Order): Promise<number> {
  const { first, seeds, minutes, jobs, isJson, keepsGoing, shape } = order;
  const startMs = performance.now();
  const untilMs = startMs + minutes * 60_000;
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
      if (isJson) console.log(JSON.stringify(jsonOf(result, shape)));
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

function jsonOf({ seed, failure }: RunResult, shape: Shape): Record<string, unknown> {
  if (failure === undefined) return { seed, ok: true };
  return { seed, ok: false, ...failure, again: againText(seed, shape) };
}

/** What failed, made small, and its story. */
async function tell(pool: Pool, { seed, failure }: RunResult, shape: Shape): Promise<void> {
  const whole = must(failure, "a failure");
  console.log(`\nseed ${seed} fails: ${whole.check} at ${whole.atMs.toFixed(0)} ms\n  ${whole.what}\n`);
  console.log("making it small ...");
  const shrunk = await pool.shrink({ kind: "shrink", seed, shape, failure: whole });
  for (const line of failureLines(seed, shape, shrunk)) console.log(line);
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
