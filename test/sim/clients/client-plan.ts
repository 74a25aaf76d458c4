/** What the clients of a run do, as plain data: with a seed and a world it gives the same work, byte for byte. */
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { Rng } from "../../../src/base/rng.ts";

/** What a worker may work at. */
export type WorkloadKind = "registers" | "creations" | "multis" | "watches" | "idlers";

/** What a client may do to its session besides working. */
export type DisturbanceKind =
  /** Hangs up and goes to another replica. */
  | "hangUp"
  /** The same, and the replica is not told. */
  | "vanish"
  /** Takes its session to another replica while the old connection stands, and still sends by that. */
  | "takeover"
  /** Is away for almost as long as its timeout, connected or not. */
  | "nap"
  /** Is away for longer than its timeout, connected or not. */
  | "oversleep"
  /** Stands still for a while, its connection too: what comes waits unread. */
  | "freeze"
  /** Closes its session, and makes a new one. */
  | "closeSession";

/** Members that an operator brings about. */
export interface Membership {
  /** From the beginning of the work. */
  readonly atMs: number;
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  /** As a list of all of them, not of those that join and leave. */
  readonly isWhole: boolean;
  /** The voters in groups, each of which counts as one; then it is always a list of all. */
  readonly groups?: readonly (readonly Sid[])[];
  /** How much a voter counts within its group, 1 where nothing is said. */
  readonly weights?: readonly (readonly [Sid, number])[];
}

/** See the file's comment. */
export interface ClientPlan {
  /** Clients that do mixed work. */
  readonly workers: number;
  /** Sessions that each of them keeps at once. */
  readonly sessionsPerWorker: number;
  /** Clients that queue for locks. */
  readonly lockClients: number;
  /** Clients whose sessions are short. */
  readonly visitors: number;
  /** Clients without a connection; missing in plans that are older than they are. */
  readonly callers?: number;
  /** One call in so many that may wait is hung up before much can have come of it; never where that is missing. */
  readonly hastyEvery?: number;
  /** One caller in so many polls: it reads again and again, mostly at one replica. None where that is missing. */
  readonly pollersEvery?: number;
  /** Whether callers contend for permits and for the lead too, and close what they lose; missing in older plans. */
  readonly contests?: boolean;
  /** Callers that make tokens, use them and revoke them; missing in older plans. */
  readonly bearers?: number;
  /** Clients that read events; missing in plans that are older than they are. */
  readonly readers?: number;
  /** Operations of all together, after which none begins; pings, handshakes and the setup are not counted. */
  readonly operations: number;
  /** How often a worker takes which work, relative to each other; nought for never. */
  readonly weights: Readonly<Record<Exclude<WorkloadKind, "idlers">, number>> & {
    /** Missing in plans that are older than this work. */
    readonly idlers?: number;
  };
  /** Whether what watchers create is theirs, as in older plans: who owns something keeps the ensemble awake. */
  readonly watchersOwn?: boolean;
  /** How often a client does so, in ten thousand of its acts. */
  readonly disturbances: Readonly<Record<DisturbanceKind, number>>;
  /** And leaves right behind an answered ping, for longer than its session lives, in ten thousand of those. */
  readonly leavesBehindPongs?: number;
  /** Asked for by sessions, each by one of them. */
  readonly sessionTimeoutsMs: readonly number[];
  /** Between two acts of a client: half of it to one and a half. */
  readonly pauseMs: number;
  /** Operations of one act at most; they leave one behind the other without waiting. */
  readonly burst: number;
  /** Unanswered requests of a session at most; a few more where some belong together. */
  readonly pipelining: number;
  /** Znodes that all workers set, create and delete; parents of sequential and ephemeral ones; pairs set by multis. */
  readonly registers: number;
  readonly parents: number;
  readonly pairs: number;
  /** One write in so many carries this much; nought for none. */
  readonly largeEvery: number;
  readonly largeBytes: number;
  readonly locks: number;
  /** A hold, and the pause between two attempts of a client: half of it to one and a half. */
  readonly holdMs: number;
  readonly lockPauseMs: number;
  /** Between two acts of a visitor: half of it to one and a half. */
  readonly visitPauseMs: number;
  /** A holder that has heard nothing stops to believe so long before its session can be over. */
  readonly lockMarginMs: number;
  /** Asked for one after the other; missing where the members stay. */
  readonly memberships?: readonly Membership[];
  /** How fast clients' own clocks run, one of these each. */
  readonly clockRates: readonly number[];
}

/** The shortest timeout that replicas grant with their usual settings. */
const TIMEOUTS_MS = [4000, 4000, 5000, 8000];

/** A mean act is about so many operations. */
const OPERATIONS_PER_ACT = 1.4;

/** A plan by chance: its operations take about `durationMs`, less where nothing goes wrong. */
export function clientPlanFor(rng: Rng, operations: number, durationMs: number): ClientPlan {
  const pick = <T>(list: readonly T[]): T => must(list[rng.below(list.length)], "something to pick");
  const workers = 3 + rng.below(6);
  const lockClients = pick([0, 2, 3, 4]);
  const pipelining = pick([1, 4, 16, 64]);
  const burst = Math.min(pipelining, pick([1, 2, 4, 12]));
  const acts = operations / OPERATIONS_PER_ACT / ((burst + 1) / 2);
  const pauseMs = Math.round(Math.max(2, Math.min(1500, (durationMs * workers) / acts)));
  const weight = (): number => pick([0, 1, 1, 2, 4]);
  const weights = { registers: weight(), creations: weight(), multis: weight(), watches: weight() };
  const isIdle = Object.values(weights).every((one) => one === 0);
  const isCalm = rng.below(4) === 0;
  const often = (most: number): number => (isCalm ? 0 : pick([0, most / 8, most / 2, most]));
  return {
    workers,
    sessionsPerWorker: pick([1, 1, 1, 2]),
    lockClients,
    visitors: pick([0, 2, 3, 4]),
    operations,
    weights: isIdle ? { ...weights, registers: 1 } : weights,
    disturbances: {
      hangUp: often(300),
      vanish: often(300),
      takeover: often(800),
      nap: often(100),
      oversleep: often(100),
      freeze: often(200),
      closeSession: often(150),
    },
    sessionTimeoutsMs: TIMEOUTS_MS.filter((_, index) => index === 0 || rng.below(2) === 0),
    pauseMs,
    burst,
    pipelining,
    registers: pick([1, 2, 4, 8]),
    parents: pick([1, 2]),
    pairs: pick([1, 2]),
    largeEvery: pick([0, 0, 40, 200]),
    largeBytes: pick([2000, 20_000, 120_000]),
    locks: pick([1, 1, 2]),
    holdMs: pick([20, 100, 600]),
    lockPauseMs: pick([100, 600, 1500]),
    visitPauseMs: pick([40, 100, 300]),
    lockMarginMs: 500,
    clockRates: pick([[1], [1, 0.99, 1.01]]),
  };
}
