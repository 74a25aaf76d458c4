/**
 * `npm run chaos`: an ensemble under load and faults, and whether it kept its word.
 *
 * One round of all faults, then rounds of random ones until the minutes are over, each with a seed of its own and
 * judged by itself. With --double two faults strike at once, different replicas each time, and in some cases as many as
 * leave no quorum: then nothing may be acknowledged until there is one again. With --reconfigure the members change,
 * and whoever leads a change is struck in the middle of it. --zookeeper runs the faults that can be made from outside
 * against three servers of the Debian package `zookeeper` afterwards, for comparison.
 */
import { parseArgs } from "node:util";

import { seededRng } from "../../src/base/rng.ts";
import type { Members } from "../../src/base/settings.ts";
import { CHANGE_MEMBERS, changeRound, randomChange } from "./change.ts";
import { type ChaosReport, CLIENTS, PACE_MS, runChaos } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { doubleRoundFor, type PlannedFault, randomFaults, roundFor } from "./plan.ts";
import { reportLines, summaryLines } from "./report.ts";
import type { FaultKind, Target } from "./target.ts";
import { startZooKeeper } from "./zookeeper-target.ts";

const USAGE = `npm run chaos -- [options]
  --voters N     1, 3 or 5 (3)
  --observers N  up to 16 (0)
  --double       two faults at once, at different replicas
  --reconfigure  1, 3 and 5 voters and back under load, the leader struck in the middle of each change
  --minutes N    rounds of random faults after the first, until so long after the start (0)
  --seed N       of the load and the random faults (a random one, printed first)
  --only KIND    one kind of fault alone, such as abort or "kill all"; another word lists the kinds
  --clients N    (${CLIENTS})
  --pace MS      between a client's requests (${PACE_MS})
  --zookeeper    the faults that can be made from outside to a real ZooKeeper too, for comparison
  --help`;

/** Observers that can be tormented at most: as many as may be configured. */
const OBSERVERS_MAX = 16;

interface RoundOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly clients: number | undefined;
  readonly paceMs: number;
  readonly isDouble: boolean;
  readonly isReconfiguring: boolean;
  readonly only: string | undefined;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      voters: { type: "string" },
      observers: { type: "string" },
      double: { type: "boolean" },
      reconfigure: { type: "boolean" },
      minutes: { type: "string" },
      seed: { type: "string" },
      zookeeper: { type: "boolean" },
      only: { type: "string" },
      clients: { type: "string" },
      pace: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const options: RoundOptions = {
    seed: Number(values.seed ?? Math.floor(Math.random() * 1_000_000)),
    minutes: Number(values.minutes ?? 0),
    clients: values.clients === undefined ? undefined : Number(values.clients),
    paceMs: Number(values.pace ?? PACE_MS),
    isDouble: values.double ?? false,
    isReconfiguring: values.reconfigure ?? false,
    only: values.only,
  };
  const members = options.isReconfiguring
    ? CHANGE_MEMBERS
    : membersOf(Number(values.voters ?? 3), Number(values.observers ?? 0));
  const { seed, minutes, clients = CLIENTS, paceMs } = options;
  if (
    members === undefined ||
    !Number.isInteger(seed) ||
    !(minutes >= 0) ||
    !(clients >= 1) ||
    !(paceMs >= 0)
  ) {
    console.error(USAGE);
    return 2;
  }
  const kinds = options.isReconfiguring ? [] : roundFor(members).flatMap(kindsOf);
  if (options.only !== undefined && !kinds.some((kind) => kind === options.only)) {
    console.error(`--only is "${options.only}": it must be one of ${[...new Set(kinds)].join(", ")}`);
    return 2;
  }
  const starters = [async () => await startEdgekeeper(members)];
  if (values.zookeeper === true && !options.isReconfiguring) starters.push(startZooKeeper);
  let broken = 0;
  for (const start of starters) {
    const target = await start();
    try {
      broken += await rounds(target, options);
    } finally {
      await target.stop();
    }
  }
  return broken === 0 ? 0 : 1;
}

/** Sids from 1, voters first; undefined where there can be no such ensemble. */
function membersOf(voters: number, observers: number): Members | undefined {
  if (![1, 3, 5].includes(voters)) return undefined;
  if (!Number.isInteger(observers) || observers < 0 || observers > OBSERVERS_MAX) return undefined;
  const sids = Array.from({ length: voters + observers }, (_, index) => index + 1);
  return { voters: sids.slice(0, voters), observers: sids.slice(voters) };
}

/** The number of violations of all rounds. */
async function rounds(target: Target, options: RoundOptions): Promise<number> {
  const { seed, minutes, isDouble, only } = options;
  const { members } = target;
  const { voters, observers } = members;
  const startMs = performance.now();
  const untilMs = startMs + minutes * 60_000;
  const progress = (line: string): void => {
    console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
  const wanted = isDouble ? doubleRoundFor(members) : roundFor(members);
  const possible = wanted.filter((planned) =>
    kindsOf(planned).every((kind) => target.kinds.includes(kind) && (only === undefined || kind === only)),
  );
  const all = options.isReconfiguring ? changeRound() : possible;
  const reports: ChaosReport[] = [];
  do {
    const roundSeed = seed + reports.length;
    const faults =
      reports.length === 0 ? all : randomRound(all, members, { ...options, seed: roundSeed, untilMs });
    console.log(`${target.name}, ${voters.length} voters, ${observers.length} observers, seed ${roundSeed}`);
    const report = await runChaos({
      target,
      faults,
      seed: roundSeed,
      ...(options.clients === undefined ? {} : { clients: options.clients }),
      paceMs: options.paceMs,
      progress,
    });
    for (const line of reportLines(report)) console.log(line);
    reports.push(report);
    // What broke once is not to be hidden behind what follows from it.
    if (report.violations.length > 0) break;
  } while (performance.now() < untilMs);
  if (reports.length > 1) for (const line of summaryLines(reports)) console.log(line);
  return reports.reduce((sum, { violations }) => sum + violations.length, 0);
}

/** Random faults of the kinds of a round, as many, and as long as there is time. */
function* randomRound(
  all: readonly PlannedFault[],
  members: Members,
  { seed, isDouble, isReconfiguring, untilMs }: RoundOptions & { readonly untilMs: number },
): Generator<PlannedFault> {
  const rng = seededRng([seed, 3, 4, 5]);
  const kinds = [...new Set(all.flatMap(kindsOf))].filter((kind) => kind !== "none");
  for (let count = 0; count < all.length && kinds.length > 0; count++) {
    if (performance.now() >= untilMs) return;
    yield isReconfiguring ? randomChange(rng) : randomFaults(members, { kinds, rng, isDouble });
  }
}

function kindsOf({ kind, also }: PlannedFault): readonly FaultKind[] {
  return also === undefined ? [kind] : [kind, ...kindsOf(also)];
}
