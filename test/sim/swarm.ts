/**
 * A seed becomes a plan. Each run has a character of its own: how many replicas, which kinds of faults at all, how
 * often, which work. Leaving most kinds out of most runs finds more than having all of them everywhere, as one kind
 * hides what another would show. Source: Groce and others, "Swarm Testing" (2012).
 */
import { must } from "../../src/base/assert.ts";
import { ZNODE_SETTINGS, type ZnodeSettings } from "../../src/base/znode-settings.ts";
import type { Sid } from "../../src/base/ids.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { type ClientPlan, clientPlanFor, type Membership } from "./clients/client-plan.ts";
import type { SimPlan } from "./plan.ts";
import { maybeStaged } from "./scenes.ts";
import { initialsForgotten, scriptFor } from "./scripts.ts";
import type { Fault, TimedFault } from "../../src/world/fault.ts";

/** What is asked of all runs; the rest is the seed's. */
export interface Shape {
  readonly voters?: number;
  readonly operations?: number;
  /** Members change in every run; in a share of them unless told so. */
  readonly reconfigures?: boolean;
}

/** Faults of one run at most: what is longer is no better. */
const FAULTS_MAX = 60;
/** Operations of a run, where nobody asks for others. */
const OPERATIONS_MIN = 150;
const OPERATIONS_SPREAD = 850;

/** What a fault may be aimed at. */
interface Aim {
  readonly rng: Rng;
  readonly sids: readonly Sid[];
}

function pick<T>(rng: Rng, list: readonly T[]): T {
  return must(list[rng.below(list.length)], "something to pick");
}

/** Mostly short, sometimes long. */
function spell(rng: Rng): number {
  return 20 + rng.below(pick(rng, [100, 400, 1500, 4000, 9000]));
}

function some({ rng, sids }: Aim): readonly Sid[] {
  const chosen = sids.filter(() => rng.below(2) === 0);
  return chosen.length === 0 ? [pick(rng, sids)] : chosen;
}

/** How much work is done on znodes that end by themselves, and how they are swept. */
interface Idlers {
  readonly weight: number;
  readonly znodes: ZnodeSettings;
}

/** In half of the runs; by dice of their own, so that the others stay as they were before there was such work. */
function idlersFor(seed: number): Idlers | undefined {
  const rng = seededRng([seed, 0x69646c65, 0x6d000002, 0x9e3779b9]);
  const weight = pick(rng, [0, 0, 1, 3]);
  const sweepIntervalMs = pick(rng, [50, 300, 2000]);
  const sweepsPerMinute = pick(rng, [300, 10_000]);
  return weight === 0
    ? undefined
    : { weight, znodes: { ...ZNODE_SETTINGS, sweepIntervalMs, sweepsPerMinute } };
}

/** In one run of so many there are clients without a connection. */
const CALLERS_EVERY = 2;

/** By dice of their own, so that runs without them stay as they were before there were any. */
function withCallers(seed: number, plan: ClientPlan): ClientPlan {
  const rng = seededRng([seed, 0x63616c6c, 0x65720002, 0x9e3779b9]);
  const isChosen = rng.below(CALLERS_EVERY) === 0;
  if (!isChosen && plan.callers === undefined) return plan;
  const { callers = 2 + rng.below(4) } = plan;
  const [hastyEvery, pollersEvery] = [pick(rng, [2, 4, 16]), pick(rng, [2, 3, 8])];
  return { ...plan, callers, hastyEvery, pollersEvery, contests: rng.below(2) === 0 };
}

/** In one run of so many tokens are made and revoked. */
const BEARERS_EVERY = 5;

/** By dice of their own, so that runs without them stay as they were before there were any. */
function withBearers(seed: number, plan: ClientPlan): ClientPlan {
  const rng = seededRng([seed, 0x746f6b65, 0x6e730002, 0x9e3779b9]);
  return rng.below(BEARERS_EVERY) === 0 ? { ...plan, bearers: 1 + rng.below(2) } : plan;
}

/** By dice of their own, as above: in half of the runs clients' pieces come to a replica together. */
function trunksFor(seed: number): Pick<SimPlan["world"], "trunkGatherMs"> {
  const rng = seededRng([seed, 0x7472756e, 0x6b730002, 0x9e3779b9]);
  const trunkGatherMs = pick(rng, [0, 0, 1, 5]);
  return trunkGatherMs === 0 ? {} : { trunkGatherMs };
}

/** In one run of so many there are readers of events. */
const READERS_EVERY = 3;

/** By dice of their own, so that runs without them stay as they were before there were any. */
function withReaders(seed: number, plan: ClientPlan): ClientPlan {
  if (plan.readers !== undefined) return plan;
  const rng = seededRng([seed, 0x72656164, 0x65720002, 0x9e3779b9]);
  return rng.below(READERS_EVERY) === 0 ? { ...plan, readers: 1 + rng.below(3) } : plan;
}

/** Who else there may be, and what the members shall become. */
interface Changes {
  readonly spares: number;
  readonly memberships: readonly Membership[];
}

/** In one run of so many, where nobody asks for more. */
const RECONFIGURES_EVERY = 5;

/** By dice of their own, so that runs without it stay as they were before there was such work. */
function changesFor(seed: number, members: number, shape: Shape, untilMs: number): Changes | undefined {
  const rng = seededRng([seed, 0x7265636f, 0x6e666967, 0x9e3779b9]);
  const isChosen = rng.below(RECONFIGURES_EVERY) === 0;
  if (!isChosen && shape.reconfigures !== true) return undefined;
  const spares = 1 + rng.below(3);
  const sids = Array.from({ length: members + spares }, (_, index) => index + 1);
  const votersMax = pick(rng, [1, 2, 3, 3, 5]);
  const gapMs = pick(rng, [300, 1000, 3000]);
  const isGrouped = rng.below(4) === 0;
  const memberships: Membership[] = [];
  for (let atMs = rng.below(1500); atMs < untilMs && memberships.length < 12; atMs += rng.below(2 * gapMs)) {
    const order = sids.map((sid) => ({ sid, key: rng.uint32() })).toSorted((a, b) => a.key - b.key);
    const voterCount = 1 + rng.below(votersMax);
    const observerCount = pick(rng, [0, 0, 1, 2]);
    const drawn = order.map(({ sid }) => sid);
    const voters = drawn.slice(0, voterCount);
    const observers = drawn.slice(voterCount, voterCount + observerCount);
    const how = isGrouped ? { isWhole: true, ...groupsFor(rng, voters) } : { isWhole: rng.below(2) === 0 };
    memberships.push({ atMs, voters, observers, ...how });
  }
  return { spares, memberships };
}

/** Now and then none; weights of 0, too, but never of all. */
function groupsFor(rng: Rng, voters: readonly Sid[]): Pick<Membership, "groups" | "weights"> {
  if (rng.below(4) === 0) return {};
  const groups: Sid[][] = Array.from({ length: 1 + rng.below(3) }, () => []);
  for (const sid of voters) pick(rng, groups).push(sid);
  const filled = groups.filter((sids) => sids.length > 0);
  const drawn = voters.filter(() => rng.below(3) === 0).map((sid) => [sid, rng.below(4)] as const);
  const weights = drawn.map(([sid, weight], index) => [sid, index === 0 ? weight + 1 : weight] as const);
  return weights.length === 0 ? { groups: filled } : { groups: filled, weights };
}

function withIdlers(plan: ClientPlan, idlers: Idlers | undefined): ClientPlan {
  return idlers === undefined ? plan : { ...plan, weights: { ...plan.weights, idlers: idlers.weight } };
}

/** How a fault of each kind is made up. */
const MAKERS: { readonly [K in Fault["kind"]]: (aim: Aim) => Fault & { readonly kind: K } } = {
  crash: ({ rng, sids }) => ({
    kind: "crash",
    sid: pick(rng, sids),
    kept: rng.below(2) === 0 ? 0 : rng.below(4),
    downMs: spell(rng),
  }),
  crashAll: ({ rng }) => ({ kind: "crashAll", downMs: spell(rng) }),
  crashWithin: ({ rng, sids }) => ({
    kind: "crashWithin",
    sid: pick(rng, sids),
    effects: rng.below(60),
    downMs: spell(rng),
  }),
  failWrite: ({ rng, sids }) => ({ kind: "failWrite", sid: pick(rng, sids) }),
  slowDisk: ({ rng, sids }) => ({
    kind: "slowDisk",
    sid: pick(rng, sids),
    ms: pick(rng, [30, 150, 600]),
    forMs: 2 * spell(rng),
  }),
  stuckDisk: ({ rng, sids }) => ({ kind: "stuckDisk", sid: pick(rng, sids), forMs: spell(rng) }),
  freeze: ({ rng, sids }) => ({ kind: "freeze", sid: pick(rng, sids), forMs: spell(rng) }),
  partition: (aim) => ({ kind: "partition", sids: some(aim), forMs: spell(aim.rng) }),
  block: ({ rng, sids }) => ({
    kind: "block",
    from: pick(rng, sids),
    to: pick(rng, sids),
    forMs: spell(rng),
  }),
  breakLinks: ({ rng, sids }) => ({
    kind: "breakLinks",
    a: pick(rng, sids),
    b: pick(rng, sids),
    kept: rng.below(4),
  }),
  muteLinks: ({ rng, sids }) => ({ kind: "muteLinks", a: pick(rng, sids), b: pick(rng, sids) }),
  slowNetwork: ({ rng }) => ({
    kind: "slowNetwork",
    delayMs: pick(rng, [20, 60, 200]),
    forMs: 2 * spell(rng),
  }),
  badNotifications: ({ rng }) => ({
    kind: "badNotifications",
    lose: 2 + rng.below(5),
    repeat: 2 + rng.below(5),
    delayMs: pick(rng, [10, 100, 800]),
    forMs: 2 * spell(rng),
  }),
  clockJump: ({ rng, sids }) => ({
    kind: "clockJump",
    sid: pick(rng, sids),
    byMs: pick(rng, [-3_600_000, -5000, -300, 300, 5000, 3_600_000]),
  }),
  clockRate: ({ rng, sids }) => ({
    kind: "clockRate",
    sid: pick(rng, sids),
    rate: pick(rng, [0.9, 0.97, 1.03, 1.1]),
    forMs: 3 * spell(rng),
  }),
  stallTimer: ({ rng, sids }) => ({ kind: "stallTimer", sid: pick(rng, sids), forMs: spell(rng) }),
  badAlarm: ({ rng, sids }) => ({
    kind: "badAlarm",
    sid: pick(rng, sids),
    lateMs: pick(rng, [0, 1000, 60_000]),
    times: 1 + rng.below(3),
  }),
  supersede: ({ rng, sids }) => ({ kind: "supersede", sid: pick(rng, sids), forMs: spell(rng) }),
  evict: ({ rng, sids }) => ({ kind: "evict", sid: pick(rng, sids) }),
  wipe: ({ rng, sids }) => ({ kind: "wipe", sid: pick(rng, sids) }),
  trim: ({ rng, sids }) => ({ kind: "trim", sid: pick(rng, sids) }),
  corrupt: ({ rng, sids }) => ({ kind: "corrupt", sid: pick(rng, sids) }),
  dropClients: ({ rng, sids }) => ({
    kind: "dropClients",
    sid: pick(rng, sids),
    isUnnoticed: rng.below(2) === 0,
  }),
};

const KINDS = Object.keys(MAKERS) as readonly Fault["kind"][];

/** The plan of a seed. */
export function planFor(seed: number, shape: Shape = {}): SimPlan {
  const plan = maybeStaged(drawn(seed, shape), shape.voters);
  const { operations = plan.clients.operations } = shape;
  const asked = { ...plan.clients, operations };
  return { ...plan, clients: withBearers(seed, withReaders(seed, withCallers(seed, asked))) };
}

function drawn(seed: number, shape: Shape): SimPlan {
  const rng = seededRng([seed, 0x73776172, 0x6d000001, 0x9e3779b9]);
  const voters = shape.voters ?? pick(rng, [1, 3, 3, 3, 5, 5]);
  const observers = pick(rng, [0, 0, 0, 1, 1, 2, 3]);
  const operations = shape.operations ?? OPERATIONS_MIN + rng.below(OPERATIONS_SPREAD);
  const faultsUntilMs = pick(rng, [4000, 8000, 15_000, 15_000, 30_000]);
  const changes = changesFor(seed, voters + observers, shape, faultsUntilMs);
  const { spares = 0, memberships } = changes ?? {};
  const sids = Array.from({ length: voters + observers + spares }, (_, index) => index + 1);
  const isScripted = rng.below(5) < 2;
  const cast = { rng, sids, voters: sids.slice(0, voters) };
  const isForgotten = changes !== undefined && rng.below(4) === 0;
  const forgotten = isForgotten ? initialsForgotten(cast, faultsUntilMs) : [];
  const script = [...(isScripted ? scriptFor(cast, faultsUntilMs) : []), ...forgotten];
  // Half of them are all that goes wrong: what else does may keep them from coming about.
  const others = isScripted && rng.below(2) === 0 ? [] : faultsFor({ rng, sids }, faultsUntilMs);
  const faults = [...others, ...script].filter(({ atMs }) => atMs < faultsUntilMs);
  const idlers = idlersFor(seed);
  return {
    seed,
    world: {
      seed,
      voters,
      observers,
      ...(spares === 0 ? {} : { spares }),
      networkDelayMs: pick(rng, [1, 4, 4, 15, 40]),
      clientDelayMs: pick(rng, [0, 4, 20]),
      snapshotPartBytes: pick(rng, [200, 1000, 256 * 1024]),
      logRowsMax: pick(rng, [4, 16, 64, 16_384]),
      ...(idlers === undefined ? {} : { znodes: idlers.znodes }),
      ...trunksFor(seed),
      timing: { recentBytesMax: pick(rng, [300, 4000, 8 * 1024 * 1024]) },
    },
    clients: {
      ...withIdlers(withMoves(rng, clientPlanFor(rng, operations, faultsUntilMs)), idlers),
      ...(memberships === undefined ? {} : { memberships }),
    },
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
    faultsUntilMs,
    isAbandoned: rng.below(4) === 0,
  };
}

/** In one run of six clients do little but move: what they left behind at other replicas must not be done late. */
function withMoves(rng: Rng, plan: ClientPlan): ClientPlan {
  if (rng.below(6) > 0) return plan;
  const disturbances = { ...plan.disturbances, takeover: 1500, hangUp: 500, vanish: 500 };
  return { ...plan, disturbances, pipelining: 16, burst: Math.max(plan.burst, 2) };
}

/** One run in eight has no faults at all: what breaks there needs none. */
function faultsFor(aim: Aim, untilMs: number): readonly TimedFault[] {
  const { rng } = aim;
  const kinds = KINDS.filter(() => rng.below(3) === 0);
  const isCalm = rng.below(8) === 0;
  if (isCalm || kinds.length === 0) return [];
  const meanGapMs = pick(rng, [100, 300, 800, 2000]);
  const faults: TimedFault[] = [];
  for (let atMs = rng.below(500); atMs < untilMs && faults.length < FAULTS_MAX;) {
    faults.push({ atMs, fault: MAKERS[pick(rng, kinds)](aim) });
    // Now and then two at the same moment.
    if (rng.below(5) > 0) atMs += rng.below(2 * meanGapMs);
  }
  return faults;
}
