/** Which faults make a round, told by roles: who leads is known only when the fault's turn comes. */
import type { Rng } from "../../src/base/rng.ts";
import { type Members, sidsOf } from "../../src/base/settings.ts";
import { type Change, changeText } from "./change.ts";
import type { Fault, FaultKind } from "./target.ts";

const FOLLOWERS = ["first follower", "second follower", "third follower", "fourth follower"] as const;
const OBSERVERS = ["first observer", "second observer"] as const;

/**
 * A replica by its part when the fault begins; followers and observers stand in the order of the configuration.
 * `spared` is one that this kind of fault has not struck yet, and `untouched` one that none has: so a round strikes
 * all, whoever leads when.
 */
export type Role =
  | "leader"
  | (typeof FOLLOWERS)[number]
  | (typeof OBSERVERS)[number]
  | "spared"
  | "untouched";

/** What is known when a fault's turn comes. */
export interface Situation {
  readonly leader: number;
  readonly members: Members;
  /** The replicas that each kind of fault has struck. */
  readonly struck: ReadonlyMap<FaultKind, ReadonlySet<number>>;
}

/** A fault to come. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly at: Role;
  /** The other end of the link, where the fault is at one. */
  readonly peer?: Role;
  readonly ms: number;
  /** Of a "change" alone. */
  readonly change?: Change;
  /** Comes on top; roles are those of the first one's beginning. */
  readonly also?: PlannedFault;
  /** How long after this one's beginning that is. */
  readonly alsoAfterMs?: number;
}

/** A fault at replicas that are known, so long after the beginning of the one before. */
export interface TimedFault {
  readonly fault: Fault;
  readonly afterMs: number;
}

const AWAY_MS = 3000;
const APART_MS = 4000;
const CALM_MS = 4000;
/** Longer than the limit of silence, so that a leader is given up. */
const SHORT_MS = 2500;
/** Longer than clients wait for a silent server, shorter than their sessions. */
const RANDOM_MS_MAX = 9000;

/** One round: every kind, every replica aborted, frozen and cut off, the leader more often than anybody. */
export function roundFor(members: Members): readonly PlannedFault[] {
  const others = sidsOf(members).length - 1;
  const all = (kind: FaultKind, ms: number): readonly PlannedFault[] => [
    { kind, at: "leader", ms },
    ...Array.from({ length: others }, () => ({ kind, at: "spared", ms }) as const),
  ];
  return possible(members, [
    { kind: "none", at: "leader", ms: CALM_MS },
    ...all("abort", 0),
    ...all("freeze", APART_MS),
    ...all("cut", APART_MS),
    { kind: "cut link", at: "leader", peer: "first follower", ms: APART_MS },
    { kind: "drop", at: "leader", peer: "second follower", ms: APART_MS },
    { kind: "drop", at: "first follower", peer: "leader", ms: APART_MS },
    { kind: "drop", at: "leader", peer: "first observer", ms: APART_MS },
    { kind: "down", at: "leader", ms: AWAY_MS },
    { kind: "down", at: "first follower", ms: AWAY_MS },
    { kind: "down", at: "first observer", ms: AWAY_MS },
    { kind: "kill all", at: "leader", ms: 0 },
  ]);
}

/** Two faults at once, at different replicas; and as many as leave no quorum, whatever the number of voters. */
export function doubleRoundFor(members: Members): readonly PlannedFault[] {
  const pairs = Math.ceil(sidsOf(members).length / 2);
  return possible(members, [
    ...Array.from({ length: pairs }, () =>
      together(
        { kind: "freeze", at: "untouched", ms: APART_MS },
        { kind: "cut", at: "untouched", ms: APART_MS },
      ),
    ),
    together({ kind: "abort", at: "leader", ms: 0 }, { kind: "abort", at: "first follower", ms: 0 }),
    together({ kind: "freeze", at: "leader", ms: APART_MS }, { kind: "abort", at: "first follower", ms: 0 }),
    together({ kind: "cut", at: "leader", ms: APART_MS }, { kind: "abort", at: "second follower", ms: 0 }),
    together(
      { kind: "drop", at: "leader", peer: "first follower", ms: APART_MS },
      { kind: "abort", at: "second follower", ms: 0 },
    ),
    together(
      { kind: "down", at: "leader", ms: AWAY_MS },
      { kind: "freeze", at: "second follower", ms: APART_MS },
    ),
    together(
      { kind: "cut", at: "first follower", ms: APART_MS },
      { kind: "cut", at: "second follower", ms: APART_MS },
    ),
    together(
      { kind: "cut", at: "leader", ms: APART_MS },
      { kind: "freeze", at: "first observer", ms: APART_MS },
    ),
    together({ kind: "abort", at: "leader", ms: 0 }, { kind: "down", at: "first observer", ms: AWAY_MS }),
    together(
      { kind: "freeze", at: "first observer", ms: APART_MS },
      { kind: "cut", at: "second observer", ms: APART_MS },
    ),
    withoutQuorum(members, ["leader", ...FOLLOWERS], APART_MS),
    withoutQuorum(members, FOLLOWERS, APART_MS),
  ]);
}

/** The most important of both rounds: every replica struck, two at once, the quorum lost, all killed. */
export function shortRoundFor(members: Members): readonly PlannedFault[] {
  const others = Math.max(0, sidsOf(members).length - 2);
  const untouched = (kind: FaultKind): PlannedFault => ({ kind, at: "untouched", ms: SHORT_MS });
  return possible(members, [
    together({ kind: "abort", at: "leader", ms: 0 }, { kind: "abort", at: "first follower", ms: 0 }),
    ...Array.from({ length: Math.ceil(others / 2) }, (_, index) =>
      together(untouched(index % 2 === 0 ? "freeze" : "down"), untouched("cut")),
    ),
    withoutQuorum(members, ["leader", ...FOLLOWERS], APART_MS),
    { kind: "kill all", at: "leader", ms: 0 },
  ]);
}

/** Another fault, anywhere, for any time; every other one with a second on top, or each where `isDouble`. */
export function randomFaults(members: Members, options: RandomOptions): PlannedFault {
  const { kinds, rng, isDouble } = options;
  const first = randomFault(members, kinds, rng);
  const isAlone = !isDouble && rng.below(2) === 0;
  const delay = isDouble && rng.below(2) === 0 ? 0 : first.ms / 2;
  return isAlone ? first : { ...first, also: randomFault(members, kinds, rng), alsoAfterMs: delay };
}

/** What random faults are made of. */
export interface RandomOptions {
  readonly kinds: readonly FaultKind[];
  readonly rng: Rng;
  readonly isDouble: boolean;
}

function randomFault(members: Members, kinds: readonly FaultKind[], rng: Rng): PlannedFault {
  const roles = rolesOf(members);
  const kind = kinds[rng.below(kinds.length)] ?? "none";
  const at = rng.below(roles.length);
  const peer = (at + 1 + rng.below(Math.max(1, roles.length - 1))) % roles.length;
  const ms = kind === "abort" || kind === "kill all" ? 0 : 1 + rng.below(RANDOM_MS_MAX);
  return { kind, at: roles[at] ?? "leader", peer: roles[peer] ?? "leader", ms };
}

/** The faults in their order, at the replicas that have the parts now. */
export function faultsFor(planned: PlannedFault, situation: Situation): readonly TimedFault[] {
  const timed: TimedFault[] = [];
  const taken = new Set<number>();
  let afterMs = 0;
  for (let next: PlannedFault | undefined = planned; next !== undefined; next = next.also) {
    const sid = sidAt(next.at, { ...situation, kind: next.kind, taken });
    taken.add(sid);
    timed.push({
      fault: {
        kind: next.kind,
        sid,
        peer: peerOf(sid, next.peer, situation),
        ms: next.ms,
        change: next.change,
      },
      afterMs,
    });
    afterMs = next.alsoAfterMs ?? 0;
  }
  return timed;
}

/** For people: `cut link leader 3 - follower 1`. */
export function faultText(fault: Fault, { leader, members }: Situation): string {
  const part = (sid: number): string => {
    if (members.observers.includes(sid)) return `observer ${sid}`;
    return `${sid === leader ? "leader" : "follower"} ${sid}`;
  };
  switch (fault.kind) {
    case "none":
    case "kill all":
      return fault.kind;
    case "change":
      return fault.change === undefined ? fault.kind : `${fault.kind} ${changeText(fault.change)}`;
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

/** All of them at the same moment. */
function together(first: PlannedFault, ...more: readonly PlannedFault[]): PlannedFault {
  const [second, ...rest] = more;
  return second === undefined ? first : { ...first, also: together(second, ...rest), alsoAfterMs: 0 };
}

/** Takes so many voters away, each in another way, that the rest is no quorum. */
function withoutQuorum(members: Members, roles: readonly Role[], ms: number): PlannedFault {
  const kinds = ["freeze", "cut", "down"] as const;
  const count = Math.ceil(members.voters.length / 2);
  const faults = roles
    .slice(0, count)
    .map((at, index): PlannedFault => ({ kind: kinds[index % kinds.length] ?? "freeze", at, ms }));
  const [first = { kind: "freeze", at: "leader", ms }, ...more] = faults;
  return together(first, ...more);
}

/** Without those at parts that nobody has in an ensemble of this size. */
function possible(members: Members, round: readonly PlannedFault[]): readonly PlannedFault[] {
  const roles: ReadonlySet<Role> = new Set([...rolesOf(members), "spared", "untouched"]);
  const isPossible = ({ at, peer, also }: PlannedFault): boolean =>
    roles.has(at) && (peer === undefined || roles.has(peer)) && (also === undefined || isPossible(also));
  return round.filter(isPossible);
}

function rolesOf({ voters, observers }: Members): readonly Role[] {
  return ["leader", ...FOLLOWERS.slice(0, voters.length - 1), ...OBSERVERS.slice(0, observers.length)];
}

interface Choice extends Situation {
  readonly kind: FaultKind;
  /** Struck by the same planned fault already. */
  readonly taken: ReadonlySet<number>;
}

function sidAt(role: Role, choice: Choice): number {
  const { kind, leader, members, struck, taken } = choice;
  // A leader that was spared comes first: more depends on it.
  const order = [leader, ...sidsOf(members).filter((sid) => sid !== leader)].filter((sid) => !taken.has(sid));
  const rest = order[0] ?? leader;
  if (role === "spared") return order.find((sid) => struck.get(kind)?.has(sid) !== true) ?? rest;
  if (role === "untouched") {
    return order.find((sid) => [...struck.values()].every((sids) => !sids.has(sid))) ?? rest;
  }
  const holder = holderOf(role, choice);
  return taken.has(holder) ? rest : holder;
}

/** Who has the part, by the order of the configuration. */
function holderOf(role: Exclude<Role, "spared" | "untouched">, { leader, members }: Situation): number {
  if (role === "leader") return leader;
  const followers = members.voters.filter((sid) => sid !== leader);
  const at = followers[FOLLOWERS.findIndex((name) => name === role)];
  return at ?? members.observers[OBSERVERS.findIndex((name) => name === role)] ?? leader;
}

function peerOf(sid: number, role: Role | undefined, situation: Situation): number {
  const { leader, members } = situation;
  const peer =
    role === undefined ? leader : sidAt(role, { ...situation, kind: "none", taken: new Set([sid]) });
  if (peer !== sid) return peer;
  return members.voters.find((voter) => voter !== sid) ?? sid;
}
