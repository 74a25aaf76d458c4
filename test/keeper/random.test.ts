import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid } from "../../src/base/zxid.ts";
import { MajorityQuorum } from "../../src/zab/quorum.ts";
import { Actor } from "./actor.ts";
import { bytes, connected, create } from "./test-client.ts";
import { textOf } from "./text.ts";
import { World } from "./world.ts";

/** More with KEEPER_SEEDS; one run alone with KEEPER_SEED. */
const SEEDS = Number(process.env["KEEPER_SEEDS"] ?? 150);
const ONLY = process.env["KEEPER_SEED"];

const ROUNDS = 60;

interface Story {
  readonly actors: readonly Actor[];
  readonly world: World;
}

/** One fault, or its end. */
function fault(world: World): void {
  const { rng, sids } = world;
  const sid = must(sids[rng.below(sids.length)], "a sid");
  const other = must(sids[rng.below(sids.length)], "a sid");
  const faults: readonly (() => void)[] = [
    () => world.crash(sid),
    () => world.crash(sid, 0),
    () => world.startAll(),
    () => world.startAll(),
    () => world.cut(sid),
    () => world.cut(sid, [other]),
    () => world.heal(),
    () => world.heal(),
    () => world.breakLinks(sid, other),
    () => world.breakLinks(sid, other),
    () => world.muteLinks(sid, other),
    () => freeze(world, sid, 50 + rng.below(1500)),
    () => {
      world.replica(sid).skewMs += rng.below(20_000) - 10_000;
      world.clockJumps++;
    },
    () => trim(world, sid),
    () => trim(world, sid),
    () => loseDisk(world, sid),
    () => {
      world.diskMs = rng.below(40);
    },
    () => {
      world.delayMs = rng.below(40);
    },
    () => {
      world.replica(sid).crashAfterEffects = rng.below(40);
    },
  ];
  faults[rng.below(faults.length)]?.();
}

/** A replica's log forgets what its tree on disk holds: who lags behind that needs a snapshot. */
function trim(world: World, sid: Sid): void {
  const replica = world.replica(sid);
  const { base, lastDelivered } = replica.disk.durable;
  if (compareZxid(lastDelivered, base) > 0 && !replica.isTreeLost) replica.trim(lastDelivered);
}

/** A fresh object stands in for a lost one, while a quorum is left that was in an epoch. */
function loseDisk(world: World, sid: Sid): void {
  const { voters } = world;
  const left = voters.filter((one) => one !== sid && world.replica(one).disk.durable.currentEpoch > 0);
  if (!new MajorityQuorum(voters).contains(new Set(left))) return;
  world.crash(sid);
  world.replica(sid).wipe();
  world.start(sid);
}

function freeze(world: World, sid: Sid, durationMs: number): void {
  const { instance } = world.replica(sid);
  world.freeze(sid);
  world.later(durationMs, () => {
    if (world.replica(sid).instance === instance) world.thaw(sid);
  });
}

function prepare(seed: number): Story {
  const voters = [1, 3, 3, 3, 5][seed % 5] ?? 3;
  const world = new World({
    voters,
    observers: seed % 4 === 0 ? 1 : 0,
    seed,
    snapshotPartBytes: 200,
  }).startAll();
  const leader = world.untilServing();
  const actors: Actor[] = [];
  const setup = connected(world, leader);
  setup.get(create("/m"));
  setup.get(create("/reg"));
  for (const name of ["a", "b", "c", "d"]) {
    setup.get(create(`/reg/${name}`, { data: bytes("0") }));
    actors.push(new Actor(world, name, actors));
  }
  setup.get({ op: "closeSession" });
  world.clientDelayMs = 1 + world.rng.below(10);
  return { world, actors };
}

function runSeed(seed: number): Story {
  const { world, actors } = prepare(seed);
  const { rng } = world;
  const calm = seed % 7 === 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (!calm && rng.below(3) === 0) fault(world);
    for (let step = rng.below(12); step > 0; step--) {
      must(actors[rng.below(actors.length)], "an actor").act();
      if (rng.below(3) === 0) world.run(rng.below(20));
    }
    world.run(must([5, 30, 30, 100, 600][rng.below(5)], "a pause"));
  }
  for (const replica of world.replicas.values()) {
    replica.crashAfterEffects = undefined;
    if (replica.frozen !== undefined) world.thaw(replica.sid);
  }
  world.heal();
  world.startAll();
  world.untilServing(30_000);
  for (const actor of actors) actor.stop();
  world.run(500);
  world.untilEqual();
  return { world, actors };
}

function checkEnd({ world, actors }: Story): void {
  const tree = world.tree(must(world.sids[0], "a sid"));
  const made = new Map<string, number>();
  for (const name of tree.childNames("/m")) {
    const marker = textOf(tree.get(`/m/${name}`)?.data ?? null);
    made.set(marker, (made.get(marker) ?? 0) + 1);
    const owner = tree.stat(`/m/${name}`)?.ephemeralOwner ?? 0n;
    if (owner !== 0n) expect(tree.sessions.get(owner), `the session of ${name}`).toBeDefined();
  }
  for (const [marker, count] of made) expect(count, `${marker} is created once`).toBe(1);
  for (const { name, acknowledged, acknowledgedNumber, issuedNumber } of actors) {
    for (const marker of acknowledged) {
      if (!marker.endsWith("e")) expect(made.has(marker), `${marker} is there`).toBe(true);
    }
    const register = must(tree.get(`/reg/${name}`), "a register");
    const number = Number(textOf(register.data));
    expect(number, `the last of ${name}`).toBeGreaterThanOrEqual(acknowledgedNumber);
    expect(number, `the last of ${name}`).toBeLessThanOrEqual(issuedNumber);
    expect(register.version, `sets of ${name}, each once at most`).toBeLessThanOrEqual(number);
  }
}

describe("random work and faults, then none", () => {
  const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONLY)];
  it(`each write is done at most once, no answered one is lost, nobody reads backwards (${seeds.length} seeds)`, () => {
    const total = { answered: 0, events: 0, moves: 0, expiries: 0, acknowledged: 0 };
    for (const seed of seeds) {
      try {
        const story = runSeed(seed);
        checkEnd(story);
        for (const actor of story.actors) {
          total.answered += actor.answered;
          total.events += actor.events;
          total.moves += actor.moves;
          total.expiries += actor.expiries;
          total.acknowledged += actor.acknowledged.length;
        }
      } catch (error) {
        throw new Error(`seed ${seed} fails; run it alone with KEEPER_SEED=${seed}`, { cause: error });
      }
    }
    if (ONLY !== undefined) return;
    expect(total.answered).toBeGreaterThan(seeds.length * 50);
    expect(total.acknowledged).toBeGreaterThan(seeds.length * 10);
    expect(total.moves).toBeGreaterThan(seeds.length);
    expect(total.events).toBeGreaterThan(seeds.length);
    expect(total.expiries).toBeLessThan(seeds.length * 4);
  }, 300_000);
});
