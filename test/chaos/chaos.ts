/**
 * A chaos run: a steady load, one fault after another with a recovery between them, and a verdict over all
 * that was acknowledged.
 */
import { until } from "../compat/servers.ts";
import { check, historyOf } from "./checker.ts";
import { type Gaps, gapsWithin } from "./gaps.ts";
import type { History, ReplicaView } from "./history.ts";
import { Load } from "./load.ts";
import { faultFor, faultText, type PlannedFault, type Situation } from "./plan.ts";
import { Sleepers } from "./sleepers.ts";
import type { Fault, FaultKind, Target } from "./target.ts";
import { readView } from "./view.ts";
import { type Violation, violation } from "./violation.ts";

/** How a run is made. */
export interface ChaosSetup {
  readonly target: Target;
  readonly faults: Iterable<PlannedFault>;
  readonly seed: number;
  /** Sessions. Default CLIENTS. */
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
  /** Until all replicas served and every client had a write acknowledged, from the fault's beginning, in ms. */
  readonly recoveredMs: number;
}

/** The verdict. */
export interface ChaosReport {
  /** The replicas that each kind of fault struck. */
  readonly struck: ReadonlyMap<FaultKind, ReadonlySet<number>>;
  readonly faults: readonly FaultReport[];
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly totals: Readonly<Record<string, number>>;
}

/** Sessions of an ordinary run. */
export const CLIENTS = 8;
/** Milliseconds between the operations of a lane in an ordinary run. */
export const PACE_MS = 20;
const SESSION_TIMEOUT_MS = 10_000;
/** All replicas must serve and all clients write again within this time after a fault has ended. */
const RECOVERY_DEADLINE_MS = 30_000;
/** The load goes on this long after a recovery before the next fault. */
const BREATH_MS = 500;

/** Runs the faults against the target. Throws only where the run itself cannot be made. */
export async function runChaos(setup: ChaosSetup): Promise<ChaosReport> {
  const { target } = setup;
  const load = new Load({
    servers: target.servers,
    root: `/chaos-${setup.seed}`,
    clients: setup.clients ?? CLIENTS,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    paceMs: setup.paceMs ?? PACE_MS,
    seed: setup.seed,
  });
  const sleepers = new Sleepers(target.servers, `/chaos-${setup.seed}`);
  try {
    await load.start();
    const faults: FaultReport[] = [];
    const stalls: Violation[] = [];
    const struck = new Map<FaultKind, Set<number>>();
    for (const planned of setup.faults) {
      await sleepers.leave();
      const report = await suffer(setup, load, { planned, struck });
      if ("rule" in report) {
        stalls.push(report);
        break;
      }
      faults.push(report);
      await sleepers.inspect();
    }
    setup.progress("settling");
    await load.stop();
    await sleepers.end();
    const { views, violations } = await settle(target, load);
    const history = load.history();
    setup.progress(`checking ${history.operations.length} operations`);
    const broken = [...stalls, ...violations, ...sleepers.violations, ...check(history, views)];
    const { left, seenAlive } = sleepers.counts;
    const totals = { ...totalsOf(history, views), "silent sessions": left, "seen alive": seenAlive };
    return { struck, faults, violations: broken, history, totals };
  } finally {
    await load.close();
  }
}

/** What a violation is about, and all that is known of its znode. */
export function violationLines({ rule, what, path }: Violation, history: History): readonly string[] {
  const about = path === undefined ? "" : ` ${path}`;
  const lines = path === undefined ? [] : historyOf(history, path);
  return [`VIOLATION ${rule}:${about} ${what}`, ...lines.map((line) => `    ${line}`)];
}

/** One fault and the recovery from it; a violation if there was none. */
async function suffer(
  { target, progress }: ChaosSetup,
  load: Load,
  { planned, struck }: { readonly planned: PlannedFault; readonly struck: Map<FaultKind, Set<number>> },
): Promise<FaultReport | Violation> {
  let leader: number | undefined;
  await until(RECOVERY_DEADLINE_MS, "somebody leads", async () => {
    leader = await target.leader();
    return leader !== undefined;
  });
  await load.spread(RECOVERY_DEADLINE_MS);
  const situation: Situation = { leader: leader ?? 0, struck };
  const faults = faultsOf(planned, situation);
  const name = faults.map((fault) => faultText(fault, situation.leader)).join(" + ");
  for (const { kind, sid } of faults) struck.set(kind, (struck.get(kind) ?? new Set()).add(sid));
  progress(name);
  const firstOperation = load.operations.length;
  const fromMs = performance.now();
  try {
    await injectAll(target, faults);
  } catch (error) {
    return violation("the ensemble recovers", `during ${name}: ${String(error)}`);
  }
  const stalled = await recover(target, load);
  const untilMs = performance.now();
  if (stalled !== undefined) return violation("the ensemble recovers", `after ${name}: ${stalled}`);
  await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
  const during = load.operations.slice(firstOperation);
  return {
    fault: name,
    ...gapsWithin(load.acknowledged, { fromMs, untilMs }),
    unknown: during.filter(({ outcome }) => outcome.kind === "unknown").length,
    recoveredMs: untilMs - fromMs,
  };
}

/** The fault and what comes on top of it, at the replicas that have the parts now. */
function faultsOf(planned: PlannedFault, situation: Situation): readonly Fault[] {
  const first = faultFor(planned, situation);
  return planned.also === undefined ? [first] : [first, ...faultsOf(planned.also, situation)];
}

/** Makes the faults, each when half of the one before is over; resolves when all of them are over. */
async function injectAll(target: Target, [fault, ...more]: readonly Fault[]): Promise<void> {
  if (fault === undefined) return;
  const fromMs = performance.now();
  const untilMs = async (atMs: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
  };
  await target.inject(fault);
  if (more.length > 0) {
    await untilMs(fromMs + fault.ms / 2);
    await injectAll(target, more);
  }
  await untilMs(fromMs + fault.ms);
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
async function settle(
  target: Target,
  load: Load,
): Promise<{ readonly views: readonly ReplicaView[]; readonly violations: readonly Violation[] }> {
  const violations: Violation[] = [];
  const views: ReplicaView[] = [];
  try {
    if (!(await load.settled(RECOVERY_DEADLINE_MS))) {
      violations.push(
        violation("a session that spoke in time goes on", "a client gets no answer at the end"),
      );
    }
    await compareDigests(target, violations);
    const { root } = load.history();
    for (const [index, server] of target.servers.entries()) {
      views.push(await readView(server, `replica ${index + 1}`, root));
    }
    await compareDigests(target, violations);
  } catch (error) {
    violations.push(
      violation("the ensemble serves in the end", `${String(error)}\n${await target.describe()}`),
    );
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
  violations.push(violation("digests agree", told.join(", ")));
}

function totalsOf({ operations, sessions }: History, views: readonly ReplicaView[]): Record<string, number> {
  const totals: Record<string, number> = { operations: operations.length };
  for (const { action, outcome } of operations) {
    const kind = outcome.kind === "error" ? `error ${outcome.code}` : outcome.kind;
    const key = kind === "ok" ? `acknowledged ${action.kind}` : kind;
    totals[key] = (totals[key] ?? 0) + 1;
  }
  totals["sessions"] = sessions.length;
  totals["sessions expired"] = sessions.filter(({ expiry }) => expiry !== undefined).length;
  totals["reconnects"] = sessions.reduce((sum, { connects }) => sum + connects - 1, 0);
  totals["znodes at the end"] = views[0]?.znodes.size ?? 0;
  return totals;
}
