/**
 * Scenes: runs in which everything is made for one misfortune: who is there, what clients do, and faults that come
 * together. What takes a rare moment elsewhere is common there. One run of eight is a scene; it has no other faults.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import type { ClientPlan, DisturbanceKind } from "./clients/client-plan.ts";
import type { SimPlan } from "./plan.ts";
import type { Fault, TimedFault } from "../../src/world/fault.ts";

/** One of them; a plan is what the run would be without it. */
export interface Scene {
  /** How many voters it can have, each as likely. */
  readonly voters: readonly number[];
  readonly observers: readonly number[];
  readonly faultsUntilMs: number;
  /** Whether logs reach back to whoever was away: a snapshot would make it forget its clients. */
  readonly isLogLong?: boolean;
  /** In one run of so many all clients go without a word in the end; as often as elsewhere where that is missing. */
  readonly abandonedEvery?: number;
  /** How replicas are set up otherwise. */
  readonly world?: Pick<SimPlan["world"], "dormancy">;
  clients(plan: ClientPlan, rng: Rng): Partial<ClientPlan>;
  faults(cast: SceneCast): readonly TimedFault[];
}

interface SceneCast {
  readonly rng: Rng;
  /** The last leads at first, where nothing is wrong. */
  readonly voters: readonly Sid[];
  readonly sids: readonly Sid[];
  readonly untilMs: number;
}

const UNDISTURBED: Readonly<Record<DisturbanceKind, number>> = {
  hangUp: 0,
  vanish: 0,
  takeover: 0,
  nap: 0,
  oversleep: 0,
  freeze: 0,
  closeSession: 0,
};

const LONG_LOG = { logRowsMax: 16_384, timing: { recentBytesMax: 8 * 1024 * 1024 } };

const FIRST_ROUND_MS = 1200;

/** By name. */
export const SCENES: Readonly<Record<string, Scene>> = {
  /**
   * A sole leader is replaced when its clients have done their work and only ping: it has no reason to write, and
   * nobody else who could tell it. It lives on for longer than a session may be silent.
   */
  replacedInQuiet: {
    voters: [1],
    observers: [0, 0, 1],
    faultsUntilMs: 15_000,
    clients: ({ operations }) => ({
      disturbances: UNDISTURBED,
      operations: Math.min(operations, 80),
      pauseMs: 60,
      sessionTimeoutsMs: [4000],
    }),
    faults: ({ rng, voters: [sid = 1] }) => [
      at(4500 + rng.below(1500), { kind: "supersede", sid, forMs: 8000 + rng.below(1000) }),
    ],
  },

  /**
   * One hears nothing from the others, and is not told that its links are gone: it serves its clients for as long as a
   * leader may be silent. Some of them fall asleep meanwhile, and then it dies and cannot speak for them.
   */
  deaf: {
    voters: [3, 5],
    observers: [0, 1],
    faultsUntilMs: 22_000,
    clients: ({ pauseMs }, rng) => ({
      disturbances: { ...UNDISTURBED, oversleep: 1500 },
      workers: 8,
      pauseMs: Math.min(Math.max(pauseMs, 100), 300),
      sessionTimeoutsMs: [4000],
      sessionsPerWorker: 1 + rng.below(2),
    }),
    faults: ({ rng, sids, untilMs }) =>
      rounds(untilMs, 5200, (fromMs) => {
        const [deaf = 1, ...others] = shuffled(rng, sids);
        return [
          ...others.map((from) => at(fromMs, { kind: "block", from, to: deaf, forMs: 2500 })),
          ...others.map((a) => at(fromMs + 1 + rng.below(50), { kind: "breakLinks", a, b: deaf, kept: 0 })),
          at(fromMs + 1400 + rng.below(100), { kind: "crash", sid: deaf, kept: 0, downMs: 3200 }),
        ];
      }),
  },

  /**
   * One is cut off, and its clients leave it without its notice, who left much unanswered there and go on elsewhere.
   * All others die and come back, and a new leader brings it back, which knows of no client where it is.
   */
  leftBehind: {
    voters: [3, 5],
    observers: [0, 1],
    faultsUntilMs: 15_000,
    isLogLong: true,
    clients: ({ weights }) => ({
      disturbances: UNDISTURBED,
      weights: { ...weights, registers: 4, creations: 2 },
      workers: 8,
      pauseMs: 100,
      burst: 2,
      pipelining: 16,
      operations: 1500,
    }),
    faults: ({ rng, sids, untilMs }) =>
      rounds(untilMs, 3000, (fromMs) => {
        const [behind = 1, ...others] = shuffled(rng, sids);
        const forMs = 500 + rng.below(300);
        return [
          at(fromMs, { kind: "partition", sids: [behind], forMs }),
          at(fromMs + 50 + rng.below(100), { kind: "dropClients", sid: behind, isUnnoticed: true }),
          ...others.map((sid) =>
            at(fromMs + forMs - rng.below(50), { kind: "crash", sid, kept: rng.below(3), downMs: 20 }),
          ),
          // Whoever would come back elsewhere is turned away until the one that was left has found the new leader.
          ...[100, 180, 260, 340, 420].flatMap((ms) =>
            others.map((sid) =>
              at(fromMs + forMs + ms, { kind: "dropClients", sid, isUnnoticed: false } as const),
            ),
          ),
        ];
      }),
  },

  /**
   * Most disks stand still, so what is proposed is not committed; meanwhile the links of one break whose disk does not,
   * and it comes back to the same leader, which has in its history what the other is about to forward again.
   */
  relinked: {
    voters: [5],
    observers: [0, 1, 2],
    faultsUntilMs: 15_000,
    isLogLong: true,
    clients: ({ weights }) => ({
      disturbances: UNDISTURBED,
      weights: { ...weights, registers: 4, creations: 2 },
      workers: 8,
      pauseMs: 100,
      burst: 2,
      pipelining: 16,
      operations: 1500,
    }),
    faults: ({ rng, voters, sids, untilMs }) =>
      rounds(untilMs, 1800, (fromMs) => {
        const leader = voters.at(-1) ?? 1;
        const [relinked = 1] = shuffled(
          rng,
          sids.filter((sid) => sid !== leader),
        );
        const slow = voters.filter((sid) => sid !== leader && sid !== relinked);
        return [
          ...slow.map((sid) => at(fromMs, { kind: "stuckDisk", sid, forMs: 1100 + rng.below(200) })),
          at(fromMs + 100 + rng.below(200), {
            kind: "breakLinks",
            a: leader,
            b: relinked,
            kept: rng.below(8),
          }),
        ];
      }),
  },

  /**
   * Callers without a connection crowd at one lock, with a client that has one, while the network is slow, then a disk,
   * and one replica is cut off for a moment: they lose answers, ask again elsewhere, and hang up as their turn comes.
   * In the end all is calm, and they go on.
   */
  crowd: {
    voters: [1, 3, 5],
    observers: [0, 1],
    faultsUntilMs: 15_000,
    clients: () => ({
      disturbances: UNDISTURBED,
      workers: 4,
      pauseMs: 100,
      burst: 1,
      operations: 600,
      lockClients: 1,
      visitors: 0,
      callers: 6,
      visitPauseMs: 60,
      holdMs: 100,
      locks: 1,
      sessionTimeoutsMs: [4000],
    }),
    faults: ({ rng, sids, untilMs }) =>
      rounds(untilMs / 2, 2500, (fromMs) => {
        const [away = 1, slow = 1] = shuffled(rng, sids);
        return [
          at(fromMs, { kind: "slowNetwork", delayMs: 100 + rng.below(200), forMs: 2000 }),
          at(fromMs, { kind: "slowDisk", sid: slow, ms: 200 + rng.below(600), forMs: 2000 }),
          ...(rng.below(2) === 0
            ? [at(fromMs + 2000, { kind: "partition", sids: [away], forMs: 400 + rng.below(1200) })]
            : []),
        ];
      }),
  },

  /**
   * Nobody is connected, and callers come seldom: the ensemble falls asleep between them, and is woken by the next, or
   * by the end of a lease. What goes wrong hits whoever falls asleep, sleeps or wakes.
   */
  nights: {
    voters: [1, 3, 5],
    observers: [0, 0, 1],
    faultsUntilMs: 60_000,
    world: { dormancy: { afterMs: 600, worthMs: 500 } },
    clients: () => ({
      disturbances: UNDISTURBED,
      workers: 0,
      lockClients: 0,
      visitors: 0,
      callers: 2,
      operations: 60,
      visitPauseMs: 4000,
      sessionTimeoutsMs: [4000],
    }),
    faults: ({ rng, sids, untilMs }) => {
      let nth = rng.below(6);
      return rounds(untilMs, 2500, (fromMs) => {
        const sid = pick(rng, sids);
        const forMs = 100 + rng.below(1500);
        const faults: readonly Fault[] = [
          { kind: "evict", sid },
          { kind: "crash", sid, kept: rng.below(3), downMs: forMs },
          { kind: "crashWithin", sid, effects: rng.below(30), downMs: forMs },
          { kind: "supersede", sid, forMs },
          { kind: "partition", sids: [sid], forMs },
          { kind: "badAlarm", sid, lateMs: 100 + rng.below(4000), times: 2 },
        ];
        const fault = faults[nth++ % faults.length];
        return fault === undefined ? [] : [at(fromMs + rng.below(2000), fault)];
      });
    },
  },

  /**
   * Clients that doze between what they ask for, over whom the ensemble falls asleep, and who change what others watch.
   * Some ask again just when it is about to. What goes wrong hits whoever falls asleep over them, sleeps or wakes.
   */
  parkedNights: {
    voters: [1, 3, 5],
    observers: [0, 0, 1],
    faultsUntilMs: 70_000,
    abandonedEvery: 2,
    world: { dormancy: { afterMs: 600, worthMs: 500, parkedWakeMs: 6000 } },
    clients: (_, rng) => ({
      ...pick(rng, [
        // Asks again just when all are about to fall asleep.
        { workers: 1, pauseMs: 1000, callers: 0 },
        { workers: 1 + rng.below(3), pauseMs: pick(rng, [1500, 5000]), callers: rng.below(3) },
        // Most hear of what others change by their watches alone.
        { workers: 3, pauseMs: 12_000, callers: 0 },
      ]),
      disturbances: {
        ...UNDISTURBED,
        hangUp: pick(rng, [0, 300]),
        vanish: pick(rng, [0, 300]),
        oversleep: pick(rng, [0, 300]),
        closeSession: 500,
      },
      leavesBehindPongs: pick(rng, [0, 300]),
      sessionsPerWorker: 1 + rng.below(2),
      weights: { registers: 2, creations: pick(rng, [0, 0, 0, 1]), multis: 0, watches: 6 },
      watchersOwn: rng.below(4) === 0,
      burst: 1 + rng.below(3),
      pipelining: 4,
      lockClients: 0,
      visitors: 0,
      readers: 0,
      operations: 120,
      visitPauseMs: 5000,
      sessionTimeoutsMs: [pick(rng, [4000, 4000, 8000])],
    }),
    faults: ({ rng, sids, untilMs }) => {
      let nth = rng.below(7);
      // Seldom in half of the runs: what is promised for calm times only would be judged nowhere else.
      const every = pick(rng, [2, 6]);
      return rounds(untilMs, 2500, (fromMs) => {
        const sid = pick(rng, sids);
        const forMs = 100 + rng.below(1500);
        const faults: readonly Fault[] = [
          { kind: "evict", sid },
          { kind: "evict", sid },
          { kind: "crash", sid, kept: rng.below(3), downMs: forMs },
          { kind: "crashWithin", sid, effects: rng.below(30), downMs: forMs },
          { kind: "supersede", sid, forMs },
          { kind: "partition", sids: [sid], forMs: pick(rng, [1, 5]) * forMs },
          { kind: "badAlarm", sid, lateMs: 100 + rng.below(4000), times: 2 },
        ];
        const fault = faults[nth++ % faults.length];
        const isNone = fault === undefined || (fromMs > FIRST_ROUND_MS && rng.below(every) > 0);
        return isNone ? [] : [at(fromMs + rng.below(2000), fault)];
      });
    },
  },
};

/** One run of so many is a scene. */
const SCENES_EVERY = 8;

/** One run of so many besides is a night over parked clients: there is much to go wrong, and little happens in one. */
const NIGHTS_EVERY = 8;

/** The run, or a scene in its place; by dice of its own, so that other runs are what they were without scenes. */
export function maybeStaged(plan: SimPlan, voters: number | undefined): SimPlan {
  if (plan.clients.memberships !== undefined) return plan;
  const ofNights = seededRng([plan.seed, 0x6e696768, 0x74730002, 0x9e3779b9]);
  const nights = must(SCENES["parkedNights"], "the scene of that name");
  if (ofNights.below(NIGHTS_EVERY) === 0 && (voters === undefined || nights.voters.includes(voters)))
    return staged(plan, nights, ofNights, voters);
  const rng = seededRng([plan.seed, 0x7363656e, 0x65730002, 0x9e3779b9]);
  const fitting = Object.values(SCENES).filter(
    (scene) => voters === undefined || scene.voters.includes(voters),
  );
  const isStaged = rng.below(SCENES_EVERY) === 0;
  return isStaged && fitting.length > 0 ? staged(plan, pick(rng, fitting), rng, voters) : plan;
}

/** The run, as one in which the scene is played. */
export function staged(plan: SimPlan, scene: Scene, rng: Rng, votersAsked?: number): SimPlan {
  const { faultsUntilMs, abandonedEvery } = scene;
  const voters = votersAsked ?? pick(rng, scene.voters);
  const observers = pick(rng, scene.observers);
  const sids = Array.from({ length: voters + observers }, (_, index) => index + 1);
  const cast = { rng, sids, voters: sids.slice(0, voters), untilMs: faultsUntilMs };
  return {
    ...plan,
    world: {
      ...plan.world,
      ...scene.world,
      voters,
      observers,
      ...(scene.isLogLong === true ? LONG_LOG : {}),
    },
    clients: { ...plan.clients, ...scene.clients(plan.clients, rng) },
    isAbandoned: abandonedEvery === undefined ? plan.isAbandoned : rng.below(abandonedEvery) === 0,
    faults: scene
      .faults(cast)
      .filter(({ atMs }) => atMs < faultsUntilMs)
      .toSorted((a, b) => a.atMs - b.atMs),
    faultsUntilMs,
  };
}

function rounds(
  untilMs: number,
  everyMs: number,
  round: (fromMs: number) => readonly TimedFault[],
): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  for (let fromMs = FIRST_ROUND_MS; fromMs + everyMs <= untilMs; fromMs += everyMs)
    faults.push(...round(fromMs));
  return faults;
}

function at(atMs: number, fault: Fault): TimedFault {
  return { atMs, fault };
}

function pick<T>(rng: Rng, list: readonly T[]): T {
  return must(list[rng.below(list.length)], "something to pick");
}

function shuffled<T>(rng: Rng, list: readonly T[]): readonly T[] {
  const keyed = list.map((item) => ({ item, key: rng.uint32() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
