/**
 * A chaos run: a steady load, one fault after another with a recovery between them, and a verdict over all
 * that was acknowledged.
 */
import { sidsOf } from "../../src/base/settings.ts";
import { until } from "../compat/servers.ts";
import { judge } from "../sim/history/judge.ts";
import { acknowledgedWrites, pathsWritten } from "../sim/history/told-operations.ts";
import type { ClientHistory, Operation } from "../sim/history/types.ts";
import { Violation } from "../sim/verdict.ts";
import { checkViews } from "./check-views.ts";
import { type Gaps, gapsWithin } from "./gaps.ts";
import { HttpLoad } from "./http-load.ts";
import { Load } from "./load.ts";
import { guardOf, LockQueue } from "./lock-queue.ts";
import { askedWithin, checkWithoutQuorum, type Injected, stretchesWithoutQuorum } from "./outages.ts";
import { faultsFor, faultText, type PlannedFault, type Situation, type TimedFault } from "./plan.ts";
import { Recorder } from "./recorded-client.ts";
import { Sleepers } from "./sleepers.ts";
import type { FaultKind, Target } from "./target.ts";
import { readView, type ReplicaView } from "./view.ts";

/** How a run is made. */
export interface ChaosSetup {
  readonly target: Target;
  readonly faults: Iterable<PlannedFault>;
  readonly seed: number;
  /** Sessions. Default CLIENTS, or one at each replica where these are more. */
  readonly clients?: number;
  /** Between the operations of a lane; each session has two. Default PACE_MS. */
  readonly paceMs?: number;
  /** Called with a line for people whenever there is something new. */
  readonly progress: (line: string) => void;
}

/** A fault that took place, and what it cost. */
export interface FaultReport extends Gaps {
  readonly fault: string;
  readonly unknown: number;
  /** For how long there was surely no quorum, and what was asked for then that needs one. */
  readonly withoutQuorumMs: number;
  readonly askedWithoutQuorum: number;
  /** Until all replicas served and every client had a write acknowledged, from the fault's beginning, in ms. */
  readonly recoveredMs: number;
}

/** The verdict. */
export interface ChaosReport {
  /** The replicas that each kind of fault struck. */
  readonly struck: ReadonlyMap<FaultKind, ReadonlySet<number>>;
  readonly faults: readonly FaultReport[];
  readonly violations: readonly Violation[];
  readonly totals: Readonly<Record<string, number>>;
}

/** Sessions of an ordinary run. */
export const CLIENTS = 8;
/** Milliseconds between the operations of a lane in an ordinary run. */
export const PACE_MS = 20;
const SESSION_TIMEOUT_MS = 10_000;
/** Sessions that queue for the lock. */
const LOCKERS = 4;
/**
 * All replicas must serve and all clients write again within this time after a fault has ended: seconds of it are used,
 * and the rest is for a machine that others keep busy.
 */
const RECOVERY_DEADLINE_MS = 90_000;
/** The load goes on this long after a recovery before the next fault. */
const BREATH_MS = 500;

/** Runs the faults against the target. Throws only where the run itself cannot be made. */
export async function runChaos(setup: ChaosSetup): Promise<ChaosReport> {
  const { target, seed } = setup;
  const recorder = new Recorder();
  const root = `/chaos-${seed}`;
  const load = new Load({
    servers: target.servers,
    root,
    clients: setup.clients ?? Math.max(CLIENTS, target.servers.length),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    paceMs: setup.paceMs ?? PACE_MS,
    seed,
    recorder,
  });
  const locks = new LockQueue({ servers: target.servers, root, clients: LOCKERS, seed, recorder });
  const sleepers = new Sleepers(target.servers, root);
  const { httpUrl: url } = target;
  const http = url === undefined ? undefined : new HttpLoad({ url, root, seed, recorder });
  const run: Run = { target, load, recorder, root, progress: setup.progress };
  try {
    await load.start();
    await locks.start();
    await http?.start();
    const faults: FaultReport[] = [];
    const found: Violation[] = [];
    const struck = new Map<FaultKind, Set<number>>();
    for (const planned of setup.faults) {
      await sleepers.leave();
      const { report, violations } = await suffer(run, planned, struck);
      found.push(...violations);
      if (report === undefined) break;
      faults.push(report);
      await sleepers.inspect();
    }
    setup.progress("settling");
    await Promise.all([load.stop(), http?.stop()]);
    found.push(...(await locks.stop(RECOVERY_DEADLINE_MS)));
    await sleepers.end();
    found.push(...((await http?.finish()) ?? []));
    const { views, violations } = await settle(run);
    const history = recorder.history();
    setup.progress(`checking ${history.operations.length} operations`);
    found.push(...violations, ...sleepers.violations, ...judgeAll(history, views, recorder));
    const { left, seenAlive } = sleepers.counts;
    const totals = {
      ...totalsOf(history, views),
      reconnects: recorder.reconnects,
      "silent sessions": left,
      "seen alive": seenAlive,
      "locks acquired": locks.counts.acquired,
      "locks lost": locks.counts.lost,
      ...http?.counts,
    };
    return { struck, faults, violations: found, totals };
  } finally {
    await load.close();
  }
}

/** What the parts of a run share. */
interface Run {
  readonly target: Target;
  readonly load: Load;
  readonly recorder: Recorder;
  readonly root: string;
  readonly progress: (line: string) => void;
}

function judgeAll(
  history: ClientHistory,
  views: readonly ReplicaView[],
  recorder: Recorder,
): readonly Violation[] {
  return [
    ...recorder.faults.map((what) => new Violation("protocol", what)),
    ...judge(history, { guardOf }),
    ...checkViews(history.operations, views),
  ];
}

/** What came of a fault; there is no report where the ensemble did not recover. */
interface Suffered {
  readonly report: FaultReport | undefined;
  readonly violations: readonly Violation[];
}

/** One fault, with what comes on top of it, and the recovery. */
async function suffer(
  { target, load, recorder, progress }: Run,
  planned: PlannedFault,
  struck: Map<FaultKind, Set<number>>,
): Promise<Suffered> {
  let leader: number | undefined;
  await until(RECOVERY_DEADLINE_MS, "somebody leads", async () => {
    leader = await target.leader();
    return leader !== undefined;
  });
  await load.spread(RECOVERY_DEADLINE_MS);
  const situation: Situation = { leader: leader ?? 0, members: target.members, struck };
  const faults = faultsFor(planned, situation);
  const name = faults.map(({ fault }) => faultText(fault, situation)).join(" + ");
  for (const { fault } of faults)
    struck.set(fault.kind, (struck.get(fault.kind) ?? new Set()).add(fault.sid));
  progress(name);
  const firstOperation = recorder.operations.length;
  const fromMs = performance.now();
  const injected: Injected[] = [];
  let stalled: string | undefined;
  try {
    await injectAll(target, faults, { injected, onInForce: () => load.press() });
    stalled = await recover(target, load);
  } catch (error) {
    stalled = String(error);
  }
  const untilMs = performance.now();
  if (stalled === undefined) await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
  const during = recorder.operations.slice(firstOperation);
  const stretches = stretchesWithoutQuorum(injected, target.members.voters);
  const violations = checkWithoutQuorum(during, stretches);
  if (stalled !== undefined) {
    const stall = new Violation("the ensemble recovers", `after ${name}: ${stalled}`);
    return { report: undefined, violations: [...violations, stall] };
  }
  const report = {
    fault: name,
    ...gapsWithin(load.acknowledged, { fromMs, untilMs }),
    unknown: during.filter(({ outcome }) => outcome.kind === "unknown").length,
    recoveredMs: untilMs - fromMs,
    withoutQuorumMs: stretches.reduce((sum, stretch) => sum + stretch.untilMs - stretch.fromMs, 0),
    askedWithoutQuorum: askedWithin(during, stretches).length,
  };
  return { report, violations };
}

/** Makes the faults, each in its time; resolves when all of them are over. */
async function injectAll(
  target: Target,
  faults: readonly TimedFault[],
  { injected, onInForce }: { readonly injected: Injected[]; readonly onInForce: () => void },
): Promise<void> {
  const over: Promise<void>[] = [];
  const starting: Promise<void>[] = [];
  for (const { fault, afterMs } of faults) {
    await pause(afterMs);
    // Nothing may be on its way to processes that are to be killed.
    if (fault.kind === "kill all") await Promise.all(starting);
    const askedMs = performance.now();
    const start = target.inject(fault).then(() => {
      injected.push({ fault, askedMs, inForceMs: performance.now() });
    });
    // Awaited below, after a pause perhaps: until then its failure must not count as nobody's.
    start.catch(() => undefined);
    // It is over before what comes on top of it; other faults begin at the same moment.
    if (fault.kind === "kill all") await start;
    starting.push(start);
    over.push(pause(fault.ms));
  }
  await Promise.all(starting);
  onInForce();
  await Promise.all(over);
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until all replicas serve and every client writes; tells what is missing at the deadline. */
async function recover(target: Target, load: Load): Promise<string | undefined> {
  try {
    await until(RECOVERY_DEADLINE_MS, "all replicas serve", async () => await target.isServing());
    const servingMs = performance.now();
    await until(RECOVERY_DEADLINE_MS, "every client has a write acknowledged", async () => {
      const writers = new Set<number>();
      for (let at = load.acknowledged.length - 1; at >= 0; at--) {
        const one = load.acknowledged[at];
        if (one === undefined || one.atMs < servingMs) break;
        writers.add(one.client);
      }
      return await Promise.resolve(writers.size === load.clients);
    });
    return undefined;
  } catch (error) {
    return `${String(error)}\n${await target.describe()}`;
  }
}

/** When all is quiet: replicas stand at the same point with the same digest, and show all that they hold. */
async function settle({
  target,
  load,
  recorder,
  root,
}: Run): Promise<{ readonly views: readonly ReplicaView[]; readonly violations: readonly Violation[] }> {
  const violations: Violation[] = [];
  const views: ReplicaView[] = [];
  try {
    if (!(await load.settled(RECOVERY_DEADLINE_MS))) {
      const what = "a client gets no answer at the end";
      violations.push(new Violation("a session that spoke in time goes on", what));
    }
    await compareDigests(target, violations);
    const sids = sidsOf(target.members);
    const expected = new Set(acknowledgedWrites(recorder.operations).flatMap(pathsWritten));
    for (const [index, server] of target.servers.entries()) {
      views.push(await readView({ server, name: `replica ${sids[index]}`, root, expected, recorder }));
    }
    await compareDigests(target, violations);
  } catch (error) {
    const what = `${String(error)}\n${await target.describe()}`;
    violations.push(new Violation("the ensemble serves in the end", what));
  }
  return { views, violations };
}

async function compareDigests(target: Target, violations: Violation[]): Promise<void> {
  await until(RECOVERY_DEADLINE_MS, "all replicas have delivered the same", async () => {
    const digests = await target.digests();
    return new Set(digests.map(({ lastDelivered }) => lastDelivered)).size <= 1;
  });
  const digests = await target.digests();
  if (new Set(digests.map(({ lastDelivered }) => lastDelivered)).size > 1) return;
  if (new Set(digests.map(({ digest }) => digest)).size <= 1) return;
  const told = digests.map(({ sid, lastDelivered, digest }) => `${sid} at ${lastDelivered}: ${digest}`);
  violations.push(new Violation("digests agree", told.join(", ")));
}

function totalsOf(
  { operations, sessions }: ClientHistory,
  views: readonly ReplicaView[],
): Record<string, number> {
  const totals: Record<string, number> = { operations: operations.length };
  for (const operation of operations) {
    const key = outcomeKey(operation);
    totals[key] = (totals[key] ?? 0) + 1;
  }
  totals["sessions"] = sessions.length;
  totals["sessions expired"] = sessions.filter(({ expiredMs }) => expiredMs !== undefined).length;
  totals["znodes at the end"] = views[0]?.znodes.size ?? 0;
  return totals;
}

function outcomeKey({ request, outcome }: Operation): string {
  if (outcome.kind === "unknown") return "unknown";
  return outcome.error === 0 ? `acknowledged ${request.op}` : `error ${outcome.error}`;
}
