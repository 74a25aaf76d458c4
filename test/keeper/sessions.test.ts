import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { SESSION_LATE_MS_MAX } from "../../src/keeper/limits.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import { bytes, connected, create, type TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import { World } from "./world.ts";

const TIMEOUT_MS = 4000;
const EPHEMERAL = 1;

/** Two round trips, and a commit: a message takes 5 ms at most here, and so does a disk. */
const WAYS_MS = 2 * 2 * 5 + 20;

/** An expiry comes this long after the timeout at the latest, while leader and links are well. */
const LATE_MS: number = SESSION_LATE_MS_MAX + WAYS_MS;

/** What a session that was at a replica that is lost, the leader's above all, gets on top of its timeout. */
const GRACE_MS: number = DEFAULT_TIMING.heartbeatLimitMs;

function standing(
  voters = 3,
  seed = 1,
): { readonly world: World; readonly leader: Sid; readonly others: readonly Sid[] } {
  const world = new World({ voters, seed }).startAll();
  const leader = world.untilServing();
  return { world, leader, others: world.sids.filter((sid) => sid !== leader) };
}

function another(others: readonly Sid[]): Sid {
  return must(others[0], "another");
}

/** Waits for the end of the session, as the replica sees it; gives how long that took. */
function untilExpired(world: World, sid: Sid, session: bigint): number {
  const sinceMs = world.nowMs;
  world.until("the session ends", () => world.tree(sid).sessions.get(session) === undefined, 60_000);
  return world.nowMs - sinceMs;
}

function isAlive(world: World, sid: Sid, client: TestClient): boolean {
  return world.tree(sid).sessions.get(client.session) !== undefined;
}

describe("the end of a session", () => {
  it("closeSession is answered, then the connection closes, and the ephemerals are gone", () => {
    const { world, leader, others } = standing();
    const client = connected(world, another(others));
    client.send(create("/e", { flags: EPHEMERAL }), create("/p"), { op: "closeSession" });
    const { header } = client.untilReply(3);
    world.until("it is closed", () => client.isClosed);

    expect(header.error).toBe(0);
    expect(world.tree(leader).get("/e")).toBeUndefined();
    expect(world.tree(leader).get("/p")).toBeDefined();
    expect(isAlive(world, leader, client)).toBe(false);
  });

  it("silence ends it, not before its timeout and soon after it, wherever its client was", () => {
    for (let seed = 1; seed <= 24; seed++) {
      const { world, leader, others } = standing(3, seed);
      const sid = seed % 3 === 0 ? leader : another(others);
      const client = connected(world, sid);
      client.get(create("/e", { flags: EPHEMERAL }));
      world.run(seed * 37);
      client.ask({ op: "ping" });
      client.hangUp(seed % 2 === 0);
      const lastedMs = untilExpired(world, leader, client.session);

      expect(lastedMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
      expect(lastedMs).toBeLessThanOrEqual(TIMEOUT_MS + LATE_MS);
      expect(world.tree(leader).get("/e")).toBeUndefined();
    }
  });

  it("a connection whose session has expired is closed", () => {
    const { world, others } = standing();
    const client = connected(world, another(others));
    untilExpired(world, another(others), client.session);
    world.run(10);

    expect(client.isClosed).toBe(true);
    expect(connected(world, another(others), client.handover).welcome?.sessionId).toBe(0n);
  });

  it("pings in time keep it, for as long as they come", () => {
    const { world, leader, others } = standing();
    const clients = [leader, ...others].map((sid) => connected(world, sid).pingEvery(TIMEOUT_MS - 100));
    world.run(60_000);

    expect(clients.map((client) => client.isClosed)).toEqual([false, false, false]);
    expect(world.keeper(leader).status().expiredSessions).toBe(0);
  });
});

describe("clocks", () => {
  it("a leader that stood still holds nobody's silence during that time against them", () => {
    const { world } = standing(1);
    const client = connected(world, 1).pingEvery(1000);
    world.freeze(1);
    world.run(60_000);
    world.thaw(1);
    world.run(2000);

    expect(client.isClosed).toBe(false);
    expect(isAlive(world, 1, client)).toBe(true);
  });

  it.each([3_600_000, -3_600_000])(
    "a leader's clock that jumps by %i ms ends no session, and ends one that is silent in time",
    (jumpMs) => {
      const { world, leader, others } = standing();
      const [client, silent] = [connected(world, another(others)), connected(world, another(others))];
      client.pingEvery(1000);
      world.run(1000);
      const sinceMs = world.nowMs;
      silent.ask({ op: "ping" });
      silent.hangUp();
      world.replica(leader).skewMs += jumpMs;
      untilExpired(world, leader, silent.session);
      world.run(10_000);

      expect(isAlive(world, leader, client)).toBe(true);
      expect(world.nowMs - 10_000 - sinceMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
      expect(world.nowMs - 10_000 - sinceMs).toBeLessThanOrEqual(TIMEOUT_MS + LATE_MS);
    },
  );

  it.each([3_600_000, -3_600_000])(
    "a replica's clock that jumps by %i ms costs its clients nothing",
    (jumpMs) => {
      const { world, leader, others } = standing();
      const client = connected(world, another(others)).pingEvery(1000);
      world.run(2000);
      world.replica(another(others)).skewMs += jumpMs;
      world.run(20_000);

      expect(client.isClosed).toBe(false);
      expect(isAlive(world, leader, client)).toBe(true);
    },
  );

  it("a clock that goes back by an hour makes no handshake wait for longer", () => {
    const { world, others } = standing();
    const sid = another(others);
    world.cut(sid);
    world.run(500);
    const ends: number[] = [];
    const id = must(
      world.connect(sid, {
        onBytes: () => undefined,
        takeRead: () => 0,
        onFlow: () => undefined,
        onClosed: () => ends.push(world.nowMs),
      }),
      "a connection",
    );
    const hello = new Uint8Array(49);
    new DataView(hello.buffer).setInt32(0, 45);
    new DataView(hello.buffer).setInt32(28, 16);
    world.clientSends(sid, id, hello);
    world.replica(sid).skewMs -= 3_600_000;
    world.run(1200);

    expect(ends).toHaveLength(1);
  });
});

describe("a new leader", () => {
  it("grants every session its full timeout again", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { world, leader, others } = standing(3, seed);
      const client = connected(world, leader);
      client.get(create("/e", { flags: EPHEMERAL }));
      client.hangUp();
      world.run(3500);
      world.crash(leader);
      const crashedMs = world.nowMs;
      const next = world.untilServing();
      const electedMs = world.nowMs;
      untilExpired(world, another(others), client.session);

      expect(world.nowMs - crashedMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
      expect(world.nowMs - electedMs).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS + LATE_MS);
      world.untilEqual();
      expect(world.tree(next).get("/e")).toBeUndefined();
    }
  });

  it("keeps the sessions whose clients ping through the change", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { world, leader, others } = standing(3, seed);
      const clients = others.map((sid) => connected(world, sid).pingEvery(1300));
      world.run(seed * 111);
      world.crash(leader);
      world.run(30_000);

      expect(clients.map((client) => client.isClosed)).toEqual([false, false]);
    }
  });
});

describe("a session that moves", () => {
  it("closes the connection it had, keeps its ephemerals, and reads what it wrote", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { world, leader, others } = standing(3, seed);
      const sids = [leader, ...others];
      const [from, to] = [must(sids[seed % 3], "a sid"), must(sids[(seed + 1 + (seed % 2)) % 3], "a sid")];
      const client = connected(world, from);
      const { header } = client.ask(create("/e", { flags: EPHEMERAL }));
      const moved = connected(world, to, { ...client.handover, lastZxidSeen: header.zxid });
      world.until("the old one is closed", () => client.isClosed);
      const stat = moved.get({ op: "exists", path: "/e", watch: false });
      world.run(10_000 * (seed % 2));

      expect(stat).toMatchObject({ stat: { ephemeralOwner: client.session } });
    }
  });

  it("on one replica too", () => {
    const { world, others } = standing();
    const sid = another(others);
    const client = connected(world, sid);
    const moved = connected(world, sid, client.handover);

    expect(client.isClosed).toBe(true);
    expect(moved.get(create("/a"))).toEqual({ op: "path", path: "/a" });
    expect(world.keeper(sid).status().connections).toBe(1);
  });

  it("writes that the connection it had left waiting are never done", () => {
    const { world, leader, others } = standing();
    const from = another(others);
    const client = connected(world, from);
    world.delayMs = 100;
    client.send(create("/late"));
    world.breakLinks(from, leader);
    const moved = connected(world, leader, client.handover);
    moved.get(create("/young"));
    world.delayMs = 4;
    world.until("the old one is closed", () => client.isClosed);
    world.untilEqual();

    expect(world.tree(leader).get("/late")).toBeUndefined();
    expect(world.tree(leader).get("/young")).toBeDefined();
    expect(world.keeper(from).status().heldRequests).toBe(0);
  });

  it("a stale connection on the replica it left does not win over the younger one under the next leader", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, leader, others } = standing(3, seed);
      const [from, to] = seed % 2 === 0 ? others : [...others].reverse();
      const stale = connected(world, must(from, "a sid"));
      stale.get(create("/a"));
      world.cut(must(from, "a sid"), [leader]);
      world.run(20);
      const young = connected(world, must(to, "a sid"), stale.handover);
      expect(young.session).toBe(stale.session);
      world.crash(leader);
      world.heal();
      world.untilServing();
      world.until("the stale one is closed", () => stale.isClosed, 2000);

      expect(young.isClosed).toBe(false);
      expect(young.ask({ op: "setData", path: "/a", data: bytes("young"), version: -1 }).header.error).toBe(
        0,
      );
    }
  });

  it("what a stale connection left waiting is not done behind the younger one's writes, whoever leads next", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { world, leader, others } = standing(5, seed);
      const [from, to] = [must(others[seed % 2], "a sid"), must(others[1 - (seed % 2)], "a sid")];
      const stale = connected(world, from);
      stale.get(create("/a"));
      world.cut(from, [leader]);
      world.run(20);
      stale.send({ op: "setData", path: "/a", data: bytes("first"), version: -1 });
      world.run(500);
      const young = connected(world, to, stale.handover);
      young.get({ op: "setData", path: "/a", data: bytes("second"), version: -1 });
      world.crash(leader);
      world.heal();
      world.untilServing();
      world.run(500);

      expect(textOf(world.tree(to).get("/a")?.data ?? null)).toBe("second");
      expect([stale.isClosed, young.isClosed]).toEqual([true, false]);
    }
  });
});
