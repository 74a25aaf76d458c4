import { describe, expect, it } from "vitest";
import { LEADERLESS_HOLD_MS } from "../../src/keeper/limits.ts";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { bytes, connected, create, story, TestClient } from "./test-client.ts";
import { World } from "./world.ts";

/** Three replicas, the leader, and another. */
function three(seed = 1): { readonly world: World; readonly leader: Sid; readonly other: Sid } {
  const world = new World({ voters: 3, seed }).startAll();
  const leader = world.untilServing();
  return {
    world,
    leader,
    other: must(
      world.sids.find((sid) => sid !== leader),
      "another",
    ),
  };
}

const SEQUENTIAL = 2;

function childrenOf(client: TestClient, path: string): readonly string[] {
  const response = client.get({ op: "getChildren", path, watch: false });
  return response.op === "children" ? response.children : [];
}

describe("when the leader is lost", () => {
  it("clients of the other replicas stay connected, and each write of theirs is done once", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, leader, other } = three(seed);
      const client = connected(world, other);
      client.get(create("/q"));
      const xids = client.send(...Array.from({ length: 20 }, () => create("/q/n-", { flags: SEQUENTIAL })));
      world.run(seed % 8);
      world.crash(leader);
      const paths = xids.map((xid) => {
        const { header, response } = client.untilReply(xid);
        expect(header.error).toBe(0);
        return response.op === "path" ? response.path.slice("/q/".length) : "";
      });

      expect(client.isClosed).toBe(false);
      expect(childrenOf(client, "/q")).toEqual([...paths].sort());
      expect([...paths].sort()).toEqual(paths);
      expect(new Set(paths).size).toBe(20);
    }
  });

  it("reads between the writes stay in their places, and see the writes before them", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { world, leader, other } = three(seed);
      const client = connected(world, other);
      const requests = Array.from({ length: 10 }, (_, index) => [
        create(`/n${index}`),
        { op: "exists", path: `/n${index}`, watch: false } as const,
      ]).flat();
      const xids = client.send(...requests);
      world.run(seed % 8);
      world.crash(leader);
      client.untilReply(must(xids.at(-1), "a last xid"));

      expect(story(client)).toEqual(xids.map((xid) => `reply ${xid}`));
    }
  });

  it("whatever effect it crashes before, writes are done once", () => {
    for (let effects = 0; effects < 60; effects++) {
      const { world, leader, other } = three(3);
      const clients = [connected(world, other), connected(world, leader)];
      const [client, doomed] = clients as [TestClient, TestClient];
      client.get(create("/q"));
      world.replica(leader).crashAfterEffects = effects;
      const xids = client.send(...Array.from({ length: 5 }, () => create("/q/a-", { flags: SEQUENTIAL })));
      doomed.send(...Array.from({ length: 5 }, () => create("/q/b-", { flags: SEQUENTIAL })));
      for (const xid of xids) expect(client.untilReply(xid).header.error).toBe(0);
      world.crash(leader);
      client.ask({ op: "sync", path: "/" });

      const children = childrenOf(client, "/q");
      const acknowledged = doomed.replies.filter(({ header }) => header.error === 0).length;
      expect(children.filter((name) => name.startsWith("a-"))).toHaveLength(5);
      const doomedCount = children.filter((name) => name.startsWith("b-")).length;
      expect(doomedCount).toBeGreaterThanOrEqual(acknowledged);
      expect(doomedCount).toBeLessThanOrEqual(5);
    }
  });

  it("whatever effect the client's own replica crashes before, no write is done twice and no answered one is lost", () => {
    for (let effects = 0; effects < 40; effects++) {
      const { world, leader, other } = three(4);
      const client = connected(world, other);
      client.get(create("/q"));
      const before = client.replies.length;
      world.replica(other).crashAfterEffects = effects;
      client.send(...Array.from({ length: 5 }, () => create("/q/a-", { flags: SEQUENTIAL })));
      world.run(100);
      world.crash(other);
      world.start(other);
      world.untilEqual();
      const reader = connected(world, leader);
      reader.ask({ op: "sync", path: "/" });

      const count = childrenOf(reader, "/q").length;
      expect(count).toBeGreaterThanOrEqual(client.replies.length - before);
      expect(count).toBeLessThanOrEqual(5);
    }
  });

  it("its clients' sessions go on at other replicas, with their ephemerals", () => {
    const { world, leader, other } = three();
    const client = connected(world, leader);
    client.get(create("/e", { flags: 1 }));
    world.crash(leader);
    const moved = new TestClient(world, other).hello(client.handover).untilWelcome();
    const again =
      moved.welcome?.sessionId === client.session ? moved : connected(world, other, client.handover);

    expect(again.session).toBe(client.session);
    expect(again.get({ op: "exists", path: "/e", watch: false })).toMatchObject({
      stat: { ephemeralOwner: client.session },
    });
  });
});

describe("a leader that was replaced and has not noticed", () => {
  it("tells no client of a session made since that it is over", () => {
    const { world, leader, other } = three();
    world.cut(leader);
    world.until("another leads", () => world.leader() !== leader);
    const client = connected(world, other);
    expect(world.keeper(leader).serving).toBe(true);
    const moved = new TestClient(world, leader).hello(client.handover);
    world.until("it is hung up on", () => moved.isClosed);
    expect(moved.welcome).toBeUndefined();

    world.heal();
    world.untilServing();
    expect(connected(world, leader, client.handover).session).toBe(client.session);
  });
});

describe("when the link to the leader is cut and mended", () => {
  it("writes on their way are done once, in the same epoch, and the connection stays", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { world, leader, other } = three(seed);
      const { currentEpoch } = world.keeper(leader).status();
      const client = connected(world, other);
      client.get(create("/q"));
      const xids = client.send(...Array.from({ length: 10 }, () => create("/q/n-", { flags: SEQUENTIAL })));
      world.run(seed % 10);
      world.breakLinks(leader, other);
      client.send(...Array.from({ length: 10 }, () => create("/q/n-", { flags: SEQUENTIAL })));
      client.untilReply(must(xids.at(-1), "an xid") + 10);

      expect(client.isClosed).toBe(false);
      expect(story(client)).toEqual(Array.from({ length: 21 }, (_, index) => `reply ${index + 1}`));
      expect(childrenOf(client, "/q")).toHaveLength(20);
      expect(world.keeper(leader).status().currentEpoch).toBe(currentEpoch);
    }
  });

  it("an observer's writes that are proposed and not yet committed are not forwarded again", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World({ voters: 3, observers: 1, seed }).startAll();
      const leader = world.untilServing();
      const client = connected(world, 4);
      client.get(create("/q"));
      const followers = [1, 2, 3].filter((sid) => sid !== leader);
      for (const sid of followers) world.muteLinks(sid, leader);
      const xids = client.send(...Array.from({ length: 3 }, () => create("/q/n-", { flags: SEQUENTIAL })));
      world.run(20);
      world.breakLinks(4, leader);
      world.until("the leader is found again", () => world.keeper(4).status().leader === leader, 1000);
      world.run(300);
      expect(client.replies).toHaveLength(1);
      for (const sid of followers) world.breakLinks(sid, leader);
      client.untilReply(must(xids.at(-1), "an xid"));

      expect(story(client)).toEqual(["reply 1", "reply 2", "reply 3", "reply 4"]);
      expect(childrenOf(client, "/q")).toHaveLength(3);
    }
  });

  it("writes that waited for a link make no frame that is larger than a link takes", () => {
    const { world, leader, other } = three();
    world.run(10);
    const clients = Array.from({ length: 12 }, () => connected(world, other));
    world.cut(other);
    world.run(100);
    const data = new Uint8Array(900_000);
    for (const [index, client] of clients.entries()) client.send(create(`/big${index}`, { data }));
    world.heal();
    for (const client of clients) expect(client.untilReply(1).header.error).toBe(0);

    expect(world.largestFrame).toBeLessThan(4 * 1024 * 1024);
    expect(world.leader()).toBe(leader);
  });

  it("a connection that closed meanwhile does not have its write done later", () => {
    const { world, other } = three();
    const client = connected(world, other);
    world.cut(other);
    world.run(100);
    client.send(create("/never"));
    client.hangUp();
    world.heal();
    world.untilEqual();

    expect(world.tree(other).get("/never")).toBeUndefined();
    expect(world.keeper(other).status().heldRequests).toBe(0);
  });
});

describe("without a leader", () => {
  it("a replica closes its connections after LEADERLESS_HOLD_MS, and not before", () => {
    const { world, other } = three();
    const client = connected(world, other, { timeoutMs: 40_000 });
    world.cut(other);
    world.until("it stops to serve", () => !world.keeper(other).serving);
    const sinceMs = world.nowMs;
    world.run(LEADERLESS_HOLD_MS - 100);
    expect(client.isClosed).toBe(false);
    world.until("it is closed", () => client.isClosed);

    expect(world.nowMs - sinceMs).toBeLessThanOrEqual(LEADERLESS_HOLD_MS + 100);
  });

  it("four-letter words are answered however long it lasts", () => {
    const { world, other } = three();
    world.cut(other);
    world.run(10_000);
    const words = ["ruok", "isro", "srvr"].map((word) => {
      const client = new TestClient(world, other, true);
      world.run(120);
      client.sendBytes(bytes(word));
      world.run(50);
      return client.raw;
    });

    expect(words).toEqual(["imok", "null", "This ZooKeeper instance is not currently serving requests\n"]);
  });

  it("a handshake waits for HANDSHAKE_HOLD_MS, and is finished by then where a leader comes", () => {
    const { world, other } = three();
    world.cut(other);
    world.run(2000);
    const early = new TestClient(world, other).hello();
    world.run(1100);
    const late = new TestClient(world, other).hello();
    world.heal();
    late.untilWelcome();

    expect(early.isClosed).toBe(true);
    expect(late.session).not.toBe(0n);
  });
});

describe("a large backlog", () => {
  const options = { voters: 3, seed: 5 };

  it("is applied in turns of DELIVER_BYTES_PER_TURN", () => {
    const world = new World({ voters: 1 }).startAll();
    const client = connected(world, world.untilServing());
    const data = new Uint8Array(900_000);
    client.send(...Array.from({ length: 14 }, (_, index) => create(`/n${index}`, { data })));
    client.untilReply(14);
    // All of it is in the history, and nothing of it is applied.
    world.crash(1, 1000);
    world.replica(1).isTreeLost = true;
    world.continues = 0;
    world.start(1);
    world.untilServing();

    expect(world.continues).toBe(2);
    expect(world.tree(1).get("/n13")?.data?.length).toBe(900_000);
  });

  it("does not keep a replica from being welcomed by a leader that is still applying it", () => {
    const world = new World(options).startAll();
    const leader = world.untilServing();
    const others = world.sids.filter((sid) => sid !== leader);
    const client = connected(world, leader);
    const data = new Uint8Array(900_000);
    client.send(...Array.from({ length: 14 }, (_, index) => create(`/n${index}`, { data })));
    client.untilReply(14);
    // Replicas that start again have all of it before them; the new leader's applying is slowed, the other's is not.
    world.untilEqual();
    world.crash(leader, 1000);
    for (const sid of others) world.crash(sid, 1000);
    const slow = Math.max(...others);
    world.replica(slow).continueMs = 400;
    world.replica(slow).isTreeLost = true;
    for (const sid of others) world.start(sid);
    world.until("both serve", () => others.every((sid) => world.keeper(sid).serving), 10_000);

    expect(world.leader()).toBe(slow);
  });
});
