/** Which faults make a round, told by roles: who leads is known only when the fault's turn comes. */
import type { Rng } from "../../src/base/rng.ts";
import type { Fault, FaultKind } from "./target.ts";

/**
 * A replica by its part when the fault begins; the other follower is the one with the higher sid. `spared` is the one
 * that this kind of fault has not struck yet, so that a round strikes all, whoever leads when.
 */
export type Role = "leader" | "follower" | "other follower" | "spared";

/** What is known when a fault's turn comes. */
export interface Situation {
  readonly leader: number;
  /** The replicas that each kind of fault has struck. */
  readonly struck: ReadonlyMap<FaultKind, ReadonlySet<number>>;
}

/** A fault to come. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly at: Role;
  /** The other end of the link, where the fault is at one. */
  readonly peer: Role;
  readonly ms: number;
  /** Comes on top when half of the time is over; roles are those of the first one's beginning. */
  readonly also?: PlannedFault;
}

const AWAY_MS = 3000;
const APART_MS = 4000;
const CALM_MS = 4000;

/** One round: every kind, every replica aborted, frozen and cut off, the leader more often than anybody. */
export const ROUND: readonly PlannedFault[] = [
  { kind: "none", at: "leader", peer: "follower", ms: CALM_MS },
  { kind: "abort", at: "leader", peer: "follower", ms: 0 },
  { kind: "abort", at: "spared", peer: "leader", ms: 0 },
  { kind: "abort", at: "spared", peer: "leader", ms: 0 },
  { kind: "freeze", at: "leader", peer: "follower", ms: APART_MS },
  { kind: "freeze", at: "spared", peer: "leader", ms: APART_MS },
  { kind: "freeze", at: "spared", peer: "leader", ms: APART_MS },
  { kind: "cut", at: "leader", peer: "follower", ms: APART_MS },
  { kind: "cut", at: "spared", peer: "leader", ms: APART_MS },
  { kind: "cut", at: "spared", peer: "leader", ms: APART_MS },
  { kind: "cut link", at: "leader", peer: "follower", ms: APART_MS },
  { kind: "drop", at: "leader", peer: "other follower", ms: APART_MS },
  { kind: "drop", at: "follower", peer: "leader", ms: APART_MS },
  { kind: "down", at: "leader", peer: "follower", ms: AWAY_MS },
  { kind: "down", at: "follower", peer: "leader", ms: AWAY_MS },
  { kind: "kill all", at: "leader", peer: "follower", ms: 0 },
];

const SIDS: readonly number[] = [1, 2, 3];
const ROLES: readonly Role[] = ["leader", "follower", "other follower"];
/** Longer than clients wait for a silent server, shorter than their sessions. */
const RANDOM_MS_MAX = 9000;

/** A fault of any of these kinds, anywhere, for any time; every other one with a second on top. */
export function randomFaults(kinds: readonly FaultKind[], rng: Rng): PlannedFault {
  const first = randomFault(kinds, rng);
  return rng.below(2) === 0 ? first : { ...first, also: randomFault(kinds, rng) };
}

function randomFault(kinds: readonly FaultKind[], rng: Rng): PlannedFault {
  const kind = kinds[rng.below(kinds.length)] ?? "none";
  const at = rng.below(ROLES.length);
  const peer = (at + 1 + rng.below(ROLES.length - 1)) % ROLES.length;
  const ms = kind === "abort" || kind === "kill all" ? 0 : 1 + rng.below(RANDOM_MS_MAX);
  return { kind, at: ROLES[at] ?? "leader", peer: ROLES[peer] ?? "leader", ms };
}

/** The fault at the replicas that have the parts now. */
export function faultFor(planned: PlannedFault, { leader, struck }: Situation): Fault {
  const [follower = 0, otherFollower = 0] = SIDS.filter((sid) => sid !== leader);
  // A leader that was spared comes first: more depends on it.
  const spared = [leader, follower, otherFollower].find((sid) => struck.get(planned.kind)?.has(sid) !== true);
  const sids: Readonly<Record<Role, number>> = {
    leader,
    follower,
    "other follower": otherFollower,
    spared: spared ?? leader,
  };
  const sid = sids[planned.at];
  const peer = sids[planned.peer] === sid ? follower : sids[planned.peer];
  return { kind: planned.kind, sid, peer, ms: planned.ms };
}

/** For people: `cut link leader 3 - follower 1`. */
export function faultText(fault: Fault, leader: number): string {
  const part = (sid: number): string => `${sid === leader ? "leader" : "follower"} ${sid}`;
  switch (fault.kind) {
    case "none":
    case "kill all":
      return fault.kind;
    case "cut link":
      return `${fault.kind} ${part(fault.sid)} - ${part(fault.peer)}`;
    case "drop":
      return `${fault.kind} ${part(fault.sid)} > ${part(fault.peer)}`;
    case "abort":
    case "down":
    case "freeze":
    case "cut":
      return `${fault.kind} ${part(fault.sid)}`;
    default: {
      const none: never = fault.kind;
      return none;
    }
  }
}
