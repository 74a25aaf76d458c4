import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { bytes, connected, create, TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const READ_ONLY = { readOnly: true };

/** Of three replicas the first is alone, with what all had; /a is there. */
function alone(options: { readonly afterMs?: number } = {}): World {
  const world = new World({ voters: 3, readOnlyAfterMs: options.afterMs ?? 2000 }).startAll();
  world.untilServing();
  const client = connected(world, 1);
  client.get(create("/a", { data: bytes("old") }));
  client.get(create("/b"));
  client.get({ op: "delete", path: "/b", version: -1 });
  client.send({ op: "closeSession" });
  world.untilEqual();
  world.cut(1);
  world.until("it is noticed", () => !world.keeper(1).serving);
  return world;
}

function untilReadOnly(world: World): World {
  world.until("replica 1 is read-only", () => world.keeper(1).status().mode === "read-only");
  return world;
}

describe("a replica without a quorum", () => {
  it("serves reads of what it has delivered to those who want no more", () => {
    const world = untilReadOnly(alone());
    const client = connected(world, 1, READ_ONLY);

    expect(client.welcome).toMatchObject({ readOnly: true, timeoutMs: 4000 });
    expect(client.get({ op: "getData", path: "/a", watch: true })).toMatchObject({ data: bytes("old") });
    expect(client.get({ op: "getChildren", path: "/", watch: false })).toMatchObject({
      children: ["a", "zookeeper"],
    });
    expect(client.get({ op: "ping" })).toEqual({ op: "empty" });
    expect(world.keeper(1).status()).toMatchObject({ mode: "read-only", serving: false });
  });

  it("answers all that takes a leader with -119, each in its turn, and stays", () => {
    const client = connected(untilReadOnly(alone()), 1, READ_ONLY);
    const acl = OPEN_ACL;
    const writes: readonly ClientRequest[] = [
      create("/b"),
      { ...create("/b"), op: "create2" },
      { ...create("/b", { flags: 4 }), op: "createContainer" },
      { op: "delete", path: "/a", version: -1 },
      { op: "setData", path: "/a", data: null, version: -1 },
      { op: "setACL", path: "/a", acl, version: -1 },
      { op: "multi", operations: [] },
      { op: "sync", path: "/a" },
      { op: "reconfig", joiningServers: "", leavingServers: "", newMembers: "", currentConfigId: -1n },
    ];
    const xids = client.send(...writes, { op: "exists", path: "/a", watch: false });
    client.untilReply(must(xids.at(-1), "an xid"));

    expect(client.replies.map(({ header }) => [header.xid, header.error])).toEqual(
      xids.map((xid, at) => [xid, at < writes.length ? -119 : 0]),
    );
    expect(client.isClosed).toBe(false);
  });

  it("takes its time before it does, so that a change of leader is none", () => {
    const world = alone();
    world.run(1000);

    expect(world.keeper(1).status().mode).toBe("looking");
  });

  it("never does where the settings do not say so", () => {
    const world = new World({ voters: 3 }).startAll();
    world.untilServing();
    world.cut(1);
    world.run(20_000);

    expect(world.keeper(1).status().mode).toBe("looking");
  });

  it("does not serve a client that wants to write, nor one that has seen more", () => {
    const world = untilReadOnly(alone());
    const writer = new TestClient(world, 1).hello();
    const ahead = new TestClient(world, 1).hello({
      ...READ_ONLY,
      lastZxidSeen: { epoch: 0x7fffffff, counter: 0 },
    });
    world.until("both are turned away", () => writer.isClosed && ahead.isClosed);

    expect([writer.welcome, ahead.welcome]).toEqual([undefined, undefined]);
  });

  it("lets a client keep its session of the ensemble for when there is a leader", () => {
    const world = new World({ voters: 3, readOnlyAfterMs: 2000 }).startAll();
    world.untilServing();
    const client = connected(world, 1, { ...READ_ONLY, timeoutMs: 40_000 });
    world.untilEqual();
    world.cut(1);
    untilReadOnly(world);
    const again = new TestClient(world, 1).hello({ ...client.handover, ...READ_ONLY });
    world.until("it is hung up on", () => again.isClosed);

    expect(again.welcome).toBeUndefined();
    expect(connected(world, 2, client.handover).session).toBe(client.session);
  });

  it("gives a session of its own back to who knows the password, and closes the older connection", () => {
    const world = untilReadOnly(alone());
    const first = connected(world, 1, READ_ONLY);
    const second = connected(world, 1, { ...READ_ONLY, ...first.handover });
    const liar = connected(world, 1, { ...READ_ONLY, ...first.handover, password: new Uint8Array(16) });
    const stranger = connected(world, 1, { ...READ_ONLY, session: 77n });

    expect([second.session, first.isClosed, second.isClosed]).toEqual([first.session, true, false]);
    expect([liar.welcome?.timeoutMs, stranger.welcome?.timeoutMs]).toEqual([0, 0]);
  });

  it("ends a session of its own that is silent, and one that says so", () => {
    const world = untilReadOnly(alone());
    const silent = connected(world, 1, READ_ONLY);
    const lively = connected(world, 1, READ_ONLY).pingEvery(1000);
    const polite = connected(world, 1, READ_ONLY);
    polite.ask({ op: "closeSession" });
    world.run(4500);

    expect([silent.isClosed, lively.isClosed, polite.isClosed]).toEqual([true, false, true]);
    expect(connected(world, 1, { ...READ_ONLY, ...polite.handover }).welcome?.timeoutMs).toBe(0);
  });

  it("hangs up on its readers once there is a leader, who never hears of their sessions", () => {
    const world = untilReadOnly(alone());
    const reader = connected(world, 1, READ_ONLY).pingEvery(500);
    reader.get({ op: "getData", path: "/a", watch: true });
    const writer = connected(world, 2).pingEvery(500);
    writer.get({ op: "setData", path: "/a", data: bytes("new"), version: -1 });
    world.heal();
    world.untilServing();

    expect([reader.isClosed, world.keeper(1).status().watches]).toEqual([true, 0]);
    const back = connected(world, 1, { ...READ_ONLY, ...reader.handover });
    expect(back.welcome?.timeoutMs).toBe(0);
    const anew = connected(world, 1, READ_ONLY);
    expect(anew.welcome).toMatchObject({ readOnly: false, timeoutMs: 4000 });
    world.untilEqual();
    expect(anew.get({ op: "getData", path: "/a", watch: false })).toMatchObject({ data: bytes("new") });
  });

  it("says so in words", () => {
    const world = untilReadOnly(alone());
    const said = (word: string): string => {
      const client = new TestClient(world, 1, true);
      client.sendBytes(bytes(word));
      world.until("it is answered", () => client.isClosed);
      return client.raw;
    };

    expect(said("isro")).toBe("ro");
    expect(said("srvr")).toMatch(/\nREAD-ONLY mode; serving only read-only clients\n[^]*\nMode: read-only\n/);
    expect(said("mntr")).toContain("\nzk_server_state\tread-only\n");
  });
});

describe("a replica that has nothing to show", () => {
  it("does not serve reads: it was in no epoch yet", () => {
    const world = new World({ voters: 3, readOnlyAfterMs: 2000 });
    world.start(1);
    world.run(10_000);

    expect(world.keeper(1).status().mode).toBe("looking");
  });

  it("does after a restart, with what its disk holds", () => {
    const world = alone();
    // What was delivered last is perhaps not on disk yet, and then not shown.
    world.crash(1);
    world.start(1);
    const client = connected(untilReadOnly(world), 1, READ_ONLY);

    expect(client.get({ op: "getData", path: "/a", watch: false })).toMatchObject({ data: bytes("old") });
  });
});
