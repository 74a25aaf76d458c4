/**
 * `npm run chaos`: an ensemble under load and faults, and whether it kept its word.
 *
 *   npm run chaos -- [--minutes N] [--seed N] [--zookeeper] [--only KIND]
 *
 * One round of all faults, then random ones until the minutes are over; --zookeeper runs the faults that can be
 * made from outside against three servers of the Debian package `zookeeper` afterwards, for comparison.
 */
import { parseArgs } from "node:util";

import { seededRng } from "../../src/base/rng.ts";
import { type ChaosReport, runChaos, violationLines } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { type PlannedFault, randomFaults, ROUND } from "./plan.ts";
import type { Target } from "./target.ts";
import { startZooKeeper } from "./zookeeper-target.ts";

/** Violations shown in full. */
const SHOWN_MAX = 20;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      zookeeper: { type: "boolean" },
      only: { type: "string" },
    },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  const minutes = Number(values.minutes ?? 0);
  if (!Number.isInteger(seed) || !(minutes >= 0)) {
    console.error("usage: npm run chaos -- [--minutes N] [--seed N] [--zookeeper] [--only KIND]");
    return 2;
  }
  const starters = values.zookeeper === true ? [startEdgekeeper, startZooKeeper] : [startEdgekeeper];
  let broken = 0;
  for (const start of starters) {
    const target = await start();
    try {
      broken += await round(target, { seed, minutes, only: values.only });
    } finally {
      await target.stop();
    }
  }
  return broken === 0 ? 0 : 1;
}

async function round(
  target: Target,
  options: { readonly seed: number; readonly minutes: number; readonly only: string | undefined },
): Promise<number> {
  const startMs = performance.now();
  const elapsed = (): string => `${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s`;
  const untilMs = startMs + options.minutes * 60_000;
  const wanted = ROUND.filter(({ kind }) => target.kinds.includes(kind)).filter(
    ({ kind }) => options.only === undefined || kind === options.only,
  );
  console.log(`${target.name}, seed ${options.seed}`);
  const report = await runChaos({
    target,
    faults: rounds(wanted, { untilMs, seed: options.seed }),
    seed: options.seed,
    progress: (line) => console.log(`${elapsed()}  ${line}`),
  });
  show(report);
  return report.violations.length;
}

/** The round once, then random faults as long as there is time: looked at only when the next one's turn comes. */
function* rounds(
  round: readonly PlannedFault[],
  { untilMs, seed }: { readonly untilMs: number; readonly seed: number },
): Generator<PlannedFault> {
  const rng = seededRng([seed, 3, 4, 5]);
  const kinds = [...new Set(round.map(({ kind }) => kind))].filter((kind) => kind !== "none");
  yield* round;
  while (kinds.length > 0 && performance.now() < untilMs) yield randomFaults(kinds, rng);
}

function show({ faults, violations, history, totals }: ChaosReport): void {
  const heads = ["fault", "longest gap ms", "one client's", "recovered ms", "acked writes", "unknown"];
  const rows = faults.map((fault) => [
    fault.fault,
    fault.ensembleMs.toFixed(0),
    fault.clientMs.toFixed(0),
    fault.recoveredMs.toFixed(0),
    String(fault.acknowledged),
    String(fault.unknown),
  ]);
  const table = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  console.log();
  for (const row of table) {
    const cells = row.map((cell, column) => {
      return column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
    });
    console.log(cells.join(" | "));
  }
  console.log();
  for (const [what, count] of Object.entries(totals)) console.log(`${what}: ${count}`);
  for (const broken of violations.slice(0, SHOWN_MAX)) {
    console.log();
    for (const line of violationLines(broken, history)) console.log(line);
  }
  const verdict = violations.length === 0 ? "nothing lost" : `${violations.length} violations`;
  console.log(`\n${verdict}\n`);
}
