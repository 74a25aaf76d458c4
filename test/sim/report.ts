/** What `npm run sim` prints. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { type RunCounts, sumOf } from "./counts.ts";
import { folded } from "./fold.ts";
import type { Failure, RunResult } from "./plan.ts";
import type { ToldShrunk } from "./pool.ts";
import type { Shape } from "./swarm.ts";

/** So many lines of a story are printed. */
const STORY_LINES_MAX = 300;
/** The last lines of one that ends with what is wrong are printed as they are. */
const LAST_LINES = 60;

/** Sums over runs. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly counts: RunCounts;
}

/** Sums the runs' counts. */
export function totalsOf(results: readonly RunResult[]): Totals {
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  return { passed: results.length - failed, failed, counts: sumOf(results.map(({ counts }) => counts)) };
}

/** How far it is and how fast it goes: all checks are always on. */
export function rateLine({ passed, failed, counts }: Totals, elapsedMs: number, jobs: number): string {
  const minutes = elapsedMs / 60_000;
  const runs = passed + failed;
  const rate = (count: number): string => Math.round(count / minutes / jobs).toLocaleString("en");
  const { operations, steps, simulatedMs } = counts;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  return (
    `${runs} runs in ${(elapsedMs / 1000).toFixed(0)} s: ${rate(runs)} a minute and core, ` +
    `with ${rate(operations)} operations and ${rate(steps)} steps; ${hours} h simulated`
  );
}

/** A failing run made small. */
export function failureLines(seed: number, shape: Shape, shrunk: ToldShrunk | string): readonly string[] {
  if (typeof shrunk === "string") return [`not made small: ${shrunk}`];
  const { plan, failure, runs, story } = shrunk;
  const { clients, world, faults } = plan;
  const { workers, lockClients, operations } = clients;
  const work = `${workers} workers, ${lockClients} in queues for locks, ${operations} operations`;
  const what = `${faults.length} faults, ${work}`;
  const file = storyPath(seed);
  writeFileSync(file, `${story.join("\n")}\n`);
  return [
    `after ${runs} runs: ${world.voters} voters, ${world.observers ?? 0} observers, ${what}`,
    ...excerptOf(story, failure),
    `(the whole story, ${story.length} lines: ${file})`,
    `\n${failure.what}`,
    `\nagain: ${againText(seed, shape)}`,
    `forever: put this into test/sim/kept/NAME.json, say there why, and play it by --kept NAME`,
    JSON.stringify({ reason: "WHY", plan }),
  ];
}

/** A check tells what has just gone wrong: the end matters. Of what goes on for ever the beginning does. */
function excerptOf(story: readonly string[], { kind }: Failure): readonly string[] {
  if (kind !== "stuck") return folded(story, LAST_LINES).slice(-STORY_LINES_MAX);
  const whole = folded(story, 0);
  const first = Math.max(
    0,
    whole.findIndex((line) => line.includes("FAULT")),
  );
  return whole.slice(first, first + STORY_LINES_MAX);
}

/** The command that plays the run again, and tells its story. */
export function againText(seed: number, shape: Shape): string {
  return `npm run sim -- --seed ${seed}${shapeText(shape)}`;
}

function shapeText({ voters, operations, reconfigures }: Shape): string {
  const changing = reconfigures === true ? " --reconfigure" : "";
  const voting = changing + (voters === undefined ? "" : ` --voters ${voters}`);
  return operations === undefined ? voting : `${voting} --operations ${operations}`;
}

function storyPath(seed: number): string {
  return join(tmpdir(), `edgekeeper-sim-${seed}.txt`);
}

/** Where a kept run stands. */
export function keptPath(name: string): string {
  return fileURLToPath(new URL(`kept/${name}.json`, import.meta.url));
}
