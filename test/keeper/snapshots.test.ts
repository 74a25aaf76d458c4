/** Snapshots among keepers: who history does not reach gets the leader's state, while that goes on changing. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { bytes, connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const PART_BYTES = 100;

interface Story {
  readonly world: World;
  readonly leader: Sid;
  readonly client: TestClient;
}

/** An ensemble of three with some znodes, at a client of its leader. */
function ensemble(seed = 1): Story {
  const world = new World({ voters: 3, seed, snapshotPartBytes: PART_BYTES }).startAll();
  const leader = world.untilServing();
  const client = connected(world, leader);
  client.get(create("/a"));
  for (let index = 0; index < 20; index++)
    client.get(create(`/a/n${index}`, { data: bytes("x".repeat(50)) }));
  client.get(create("/a/mine", { flags: 1 }));
  world.untilEqual();
  return { world, leader, client };
}

function followerOf(world: World, leader: Sid): Sid {
  return must(
    world.sids.find((sid) => sid !== leader),
    "a follower",
  );
}

/** What was there is set anew, deleted, and joined by more. */
function churn(client: TestClient, round: number): void {
  client.get({ op: "setData", path: `/a/n${round % 20}`, data: bytes(`round ${round}`), version: -1 });
  client.get(create(`/a/r${round}`, { data: bytes("y".repeat(40)) }));
  if (round % 3 === 0) client.get({ op: "delete", path: `/a/r${round}`, version: -1 });
}

/** Every replica's log forgets what its tree on disk holds. */
function trimAll(world: World): void {
  for (const replica of world.replicas.values()) {
    if (replica.keeper !== undefined) replica.trim(replica.disk.durable.lastDelivered);
  }
}

describe("a snapshot", () => {
  it("brings back a follower that history does not reach, in parts, while writes go on", () => {
    const { world, leader, client } = ensemble();
    const follower = followerOf(world, leader);
    world.crash(follower);
    for (let round = 0; round < 30; round++) churn(client, round);
    world.run(100);
    trimAll(world);
    world.start(follower);
    for (let round = 30; round < 90; round++) churn(client, round);
    world.untilEqual();

    const told = world.replica(follower).log.find((line) => line.includes(" snapshot "));
    expect(told).toContain("trimmed");
    expect(world.replica(follower).installed).toBe(1);
    expect(world.tree(follower).summary).toEqual(world.tree(leader).summary);
    expect(world.keeper(follower).status().zab.lastSync).toContain("diff after");
  });

  it("is taken whole or not at all: killed at any of its stages a replica holds what it acknowledged", () => {
    let installed = 0;
    let killed = 0;
    for (let stage = 0; stage < 50; stage++) {
      const { world, leader, client } = ensemble(stage + 1);
      const follower = followerOf(world, leader);
      world.crash(follower);
      for (let round = 0; round < 10; round++) churn(client, round);
      world.run(100);
      trimAll(world);
      const before = world.replica(follower).disk.durable;
      world.start(follower);
      world.replica(follower).crashAfterEffects = stage;
      world.run(400);
      const replica = world.replica(follower);
      if (replica.keeper === undefined) {
        killed++;
        const { durable } = replica.disk;
        // Either the old history in full, or the snapshot that covers it.
        if (replica.installed === 0) expect(durable.log).toEqual(before.log);
      }
      replica.crashAfterEffects = undefined;
      world.startAll();
      world.untilEqual();
      installed += world.replica(follower).installed;
      expect(world.tree(follower).summary).toEqual(world.tree(leader).summary);
    }
    expect(killed).toBeGreaterThanOrEqual(20);
    expect(installed).toBeGreaterThanOrEqual(50);
  });

  it("fills a fresh object that stands in for a lost one", () => {
    const { world, leader, client } = ensemble();
    const follower = followerOf(world, leader);
    world.crash(follower);
    world.replica(follower).wipe();
    trimAll(world);
    world.start(follower);
    for (let round = 0; round < 20; round++) churn(client, round);
    world.untilEqual();

    expect(world.replica(follower).installed).toBe(1);
    expect(world.keeper(follower).status().zab.voice).toBe("full");
  });

  it("fills an observer too", () => {
    const world = new World({ voters: 3, observers: 1, snapshotPartBytes: PART_BYTES });
    for (const sid of [1, 2, 3]) world.start(sid);
    const client = connected(world, world.untilServing());
    client.get(create("/a"));
    for (let round = 0; round < 20; round++)
      client.get(create(`/a/${round}`, { data: bytes("z".repeat(99)) }));
    world.run(200);
    trimAll(world);
    world.start(4);
    world.untilEqual();

    expect(world.replica(4).installed).toBe(1);
  });
});

describe("replicas compare their digests", () => {
  it("and one that differs from a quorum is replaced by a snapshot, loudly", () => {
    const { world, leader, client } = ensemble();
    const follower = followerOf(world, leader);
    world.crash(follower);
    world.replica(follower).isDigestWrong = true;
    world.start(follower);
    churn(client, 1);
    world.until("a snapshot is installed", () => world.replica(follower).installed === 1);
    churn(client, 2);
    world.untilEqual();

    expect(world.replica(leader).log.join("\n")).toContain("DIGESTS DIFFER");
    expect(world.replica(follower).log.join("\n")).toContain("DIVERGED");
    expect(world.tree(follower).summary).toEqual(world.tree(leader).summary);
  });

  it("and a leader that differs from a quorum steps down, and is replaced itself", () => {
    const { world, leader: first } = ensemble();
    const wrong = Math.max(...world.sids);
    world.crash(wrong);
    world.replica(wrong).isDigestWrong = true;
    for (const sid of world.sids) if (sid !== wrong) world.crash(sid);
    world.startAll();
    world.until("the one that differs leads", () => world.leader() === wrong || first !== wrong);
    world.until("a snapshot is installed", () => world.replica(wrong).installed === 1, 30_000);
    world.untilServing();
    world.untilEqual();

    expect(world.leader()).not.toBe(wrong);
  });

  it("and nobody is judged where no quorum agrees", () => {
    const { world, leader } = ensemble();
    const follower = followerOf(world, leader);
    const third = must(
      world.sids.find((sid) => sid !== leader && sid !== follower),
      "a third",
    );
    world.crash(third);
    world.crash(follower);
    world.replica(follower).isDigestWrong = true;
    world.start(follower);
    world.untilServing();
    world.until("the difference is told", () =>
      world.replica(leader).log.some((line) => line.includes("DIGESTS DIFFER")),
    );
    world.run(3000);
    expect(world.replica(follower).installed).toBe(0);

    world.start(third);
    world.until("the third one decides", () => world.replica(follower).installed === 1);
  });
});
