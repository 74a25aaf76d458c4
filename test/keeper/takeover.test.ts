/** An operator lets others take over from voters that clients have made, a majority of which has lost its disks. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid } from "../../src/base/zxid.ts";
import type { Membership } from "../../src/zab/membership.ts";
import { bytes, connected, create } from "./test-client.ts";
import type { Replica } from "./world-replica.ts";
import { World } from "./world.ts";

const SUPER_LOGIN = { op: "auth", type: 0, scheme: "digest", auth: bytes("super:test") } as const;

/** What each replica is told at its next start. */
function deploy(world: World, deployed: Replica["deployed"]): void {
  for (const replica of world.replicas.values()) replica.deployed = deployed;
}

function current(world: World, sid: Sid): Membership {
  return world.keeper(sid).status().zab.membership.current;
}

interface Left {
  readonly world: World;
  readonly version: Zxid;
}

/** An ensemble whose members clients have changed, stopped; all but the survivors are lost. */
function left(voters: number, observers: number, seed = 1): Left {
  const world = new World({ voters, observers, seed }).startAll();
  const leader = world.untilServing();
  const client = connected(world, leader);
  client.ask(SUPER_LOGIN);
  const none = { joiningServers: null, newMembers: null, currentConfigId: -1n };
  // Who is not there leaves: the same members, under a version of their own.
  expect(client.ask({ op: "reconfig", ...none, leavingServers: "99" }).header.error).toBe(0);
  client.get(create("/kept"));
  world.until("it is settled", () => world.keeper(leader).status().zab.membership.isSettled);
  world.untilEqual();
  // What trees show may not be on every disk yet.
  world.run(100);
  const { version } = current(world, leader);
  for (const sid of world.sids) world.crash(sid);
  return { world, version };
}

function expectServed(world: World, sids: readonly Sid[]): void {
  world.until("the survivors serve", () => sids.every((sid) => world.keeper(sid).serving));
  const client = connected(world, must(sids[0], "a survivor"));
  expect(client.get({ op: "exists", path: "/kept", watch: false }).op).toBe("stat");
  expect(client.ask(create("/more")).header.error).toBeOneOf([0, -110]);
}

function expectTakenOver({ world, version }: Left, sids: readonly Sid[]): void {
  expectServed(world, sids);
  const isDone = (sid: Sid): boolean => compareZxid(current(world, sid).version, version) > 0;
  world.until("the members are their own", () => sids.every(isDone));
  for (const sid of sids) expect(new Set(current(world, sid).voters)).toEqual(new Set(sids));
}

describe("voters that take over from those that clients have made", () => {
  it("serve what is left, and the same word means nothing at a later start", () => {
    const lost = left(3, 0);
    const { world, version } = lost;
    deploy(world, { voters: [1], observers: [], votersBefore: { voters: [1, 2, 3], version } });
    world.start(1);
    expectTakenOver(lost, [1]);
    const { version: theirs } = current(world, 1);

    world.crash(1);
    deploy(world, { voters: [1, 4, 5], observers: [], votersBefore: { voters: [1, 2, 3], version } });
    world.start(1);
    expectServed(world, [1]);
    expect(current(world, 1)).toMatchObject({ voters: [1], version: theirs });
  });

  it("are not there without that word, or with that of another version", () => {
    const { world, version } = left(3, 0);
    const other = { ...version, counter: version.counter - 1 };
    for (const votersBefore of [undefined, { voters: [1, 2, 3], version: other }]) {
      deploy(world, { voters: [1], observers: [], votersBefore });
      world.start(1);
      world.run(10_000);
      expect(world.keeper(1).serving).toBe(false);
      world.crash(1);
    }
  });

  it("may be several, of those that voted and those that observed", () => {
    const lost = left(5, 1);
    const { world, version } = lost;
    const votersBefore = { voters: [1, 2, 3, 4, 5], version };
    deploy(world, { voters: [1, 2, 6], observers: [], votersBefore });
    for (const sid of [1, 2, 6]) world.start(sid);
    expectTakenOver(lost, [1, 2, 6]);
  });

  it("do so whatever they crash before", () => {
    for (let effects = 0; effects < 25; effects++) {
      const lost = left(3, 0, effects + 1);
      const { world, version } = lost;
      deploy(world, { voters: [1], observers: [], votersBefore: { voters: [1, 2, 3], version } });
      world.start(1);
      world.replica(1).crashAfterEffects = effects;
      world.run(3000);
      world.crash(1);
      world.start(1);
      expectTakenOver(lost, [1]);
    }
  });
});
