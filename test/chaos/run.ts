/**
 * `npm run chaos`: an ensemble under load and faults, and whether it kept its word.
 *
 *   npm run chaos -- [--minutes N] [--seed N] [--zookeeper] [--only KIND] [--clients N] [--pace MS]
 *
 * One round of all faults, then random ones until the minutes are over; --zookeeper runs the faults that can be
 * made from outside against three servers of the Debian package `zookeeper` afterwards, for comparison.
 */
import { parseArgs } from "node:util";

import { seededRng } from "../../src/base/rng.ts";
import { CLIENTS, PACE_MS, runChaos } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { type PlannedFault, randomFaults, ROUND } from "./plan.ts";
import { reportLines } from "./report.ts";
import type { Target } from "./target.ts";
import { startZooKeeper } from "./zookeeper-target.ts";

const USAGE =
  "usage: npm run chaos -- [--minutes N] [--seed N] [--zookeeper] [--only KIND] [--clients N] [--pace MS]";

interface RoundOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly clients: number;
  readonly paceMs: number;
  readonly only: string | undefined;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      zookeeper: { type: "boolean" },
      only: { type: "string" },
      clients: { type: "string" },
      pace: { type: "string" },
    },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  const minutes = Number(values.minutes ?? 0);
  const clients = Number(values.clients ?? CLIENTS);
  const paceMs = Number(values.pace ?? PACE_MS);
  if (!Number.isInteger(seed) || !(minutes >= 0) || !(clients >= 1) || !(paceMs >= 0)) {
    console.error(USAGE);
    return 2;
  }
  const starters = values.zookeeper === true ? [startEdgekeeper, startZooKeeper] : [startEdgekeeper];
  let broken = 0;
  for (const start of starters) {
    const target = await start();
    try {
      broken += await round(target, { seed, minutes, clients, paceMs, only: values.only });
    } finally {
      await target.stop();
    }
  }
  return broken === 0 ? 0 : 1;
}

async function round(target: Target, options: RoundOptions): Promise<number> {
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
    clients: options.clients,
    paceMs: options.paceMs,
    progress: (line) => console.log(`${elapsed()}  ${line}`),
  });
  for (const line of reportLines(report)) console.log(line);
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
