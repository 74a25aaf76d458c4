/**
 * What comes by a connection that its session has left. ZooKeeper's servers know it as SessionMoved (-118), never show
 * that to a client, and close the connection instead: the client it belonged to is elsewhere.
 * Source: ZooKeeper FinalRequestProcessor (ZOOKEEPER-710), PrepRequestProcessor, SessionTrackerImpl.checkSession.
 */
import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { bytes, connected, create, story, TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import { World } from "./world.ts";

const EPHEMERAL = 1;

const LATE: readonly ClientRequest[] = [
  create("/late"),
  create("/late", { flags: EPHEMERAL }),
  { ...create("/late"), op: "create2" },
  { ...create("/late", { flags: 4 }), op: "createContainer" },
  { op: "setData", path: "/a", data: bytes("late"), version: -1 },
  { op: "setACL", path: "/a", acl: OPEN_ACL, version: -1 },
  { op: "delete", path: "/a", version: -1 },
  { op: "sync", path: "/a" },
  {
    op: "multi",
    operations: [
      { op: "check", path: "/a", version: 0 },
      { op: "setData", path: "/a", data: bytes("late"), version: -1 },
      create("/late"),
    ],
  },
  { op: "closeSession" },
];

/** A session that has left `from` for `to`, whose leader knows and `from` does not yet. */
function moving(
  pick: (leader: Sid, others: readonly Sid[]) => readonly [Sid, Sid],
  seed = 1,
): { world: World; leader: Sid; stale: TestClient; young: TestClient } {
  const world = new World({ voters: 3, seed }).startAll();
  const leader = world.untilServing();
  const [from, to] = pick(
    leader,
    world.sids.filter((sid) => sid !== leader),
  );
  const stale = connected(world, from);
  stale.get(create("/a", { data: bytes("a") }));
  stale.get(create("/e", { flags: EPHEMERAL }));
  stale.messages.length = 0;
  world.untilEqual();
  const young = new TestClient(world, to).hello(stale.handover);
  return { world, leader, stale, young };
}

function firstOf(others: readonly Sid[]): Sid {
  return must(others[0], "another");
}

describe("a write that comes late, by a connection that its session has left", () => {
  it.each(LATE.map((request) => [request.op, request] as const))(
    "%s is not done and not answered, and the connection closes",
    (_, request) => {
      // At the leader the client has attached in this very moment; the follower it left has not heard of it.
      const { world, leader, stale, young } = moving((first, others) => [firstOf(others), first]);
      stale.send(request);
      young.untilWelcome();
      world.until("the stale one is closed", () => stale.isClosed, 1000);
      world.untilEqual();
      const tree = world.tree(leader);

      expect(story(stale)).toEqual([]);
      expect(tree.get("/late")).toBeUndefined();
      expect(textOf(tree.get("/a")?.data ?? null)).toBe("a");
      expect(tree.get("/a")?.version).toBe(0);
      expect(tree.stat("/e")?.ephemeralOwner).toBe(young.session);
      expect(young.ask(create("/young")).header.error).toBe(0);
    },
  );

  it("is not done when the client is back at that replica with a third, behind what it wrote by the second", () => {
    const last = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { world, leader, stale, young } = moving((first, others) => [firstOf(others), first], seed);
      world.delayMs = 40;
      young.onWelcome = () => young.send({ op: "setData", path: "/a", data: bytes("young"), version: -1 });
      const third = new TestClient(world, stale.sid).hello(stale.handover);
      stale.send({ op: "setData", path: "/a", data: bytes("late"), version: -1 });
      third.untilWelcome();
      world.untilEqual();
      last.add(textOf(world.tree(leader).get("/a")?.data ?? null));
    }

    // The third may be there before the second is welcome.
    expect(last).toEqual(new Set(["a", "young"]));
  });

  it("that was proposed before the move is done, whether or not its reply gets through", () => {
    const { world, leader, stale, young } = moving((first, others) => [first, firstOf(others)], 5);
    stale.send({ op: "setData", path: "/a", data: bytes("early"), version: -1 });
    young.untilWelcome();
    world.untilEqual();

    expect(textOf(world.tree(leader).get("/a")?.data ?? null)).toBe("early");
    expect(young.get({ op: "getData", path: "/a", watch: false })).toMatchObject({ data: bytes("early") });
  });
});

describe("a read by a connection that its session has left", () => {
  it("is answered by a replica that has not heard of the move, from what it has", () => {
    const { world, stale, young } = moving((leader, others) => [firstOf(others), leader]);
    const xids = stale.send({ op: "getData", path: "/a", watch: false });
    young.untilWelcome();
    world.until("the stale one is closed", () => stale.isClosed, 1000);

    expect(story(stale)).toEqual(xids.map((xid) => `reply ${xid}`));
  });

  it("is not answered once the replica has heard of it, as the leader's own has at once", () => {
    const { stale, young } = moving((leader, others) => [leader, firstOf(others)]);
    young.untilWelcome();
    stale.send({ op: "getData", path: "/a", watch: false }, { op: "ping" });

    expect(stale.isClosed).toBe(true);
    expect(story(stale)).toEqual([]);
  });

  it("shows nothing that the young one wrote: the move is delivered first, and closes the connection", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, stale, young } = moving((leader, others) => [firstOf(others), leader], seed);
      world.delayMs = 40;
      young.onWelcome = () => young.send({ op: "setData", path: "/a", data: bytes("young"), version: -1 });
      const read = (): void => {
        stale.send({ op: "getData", path: "/a", watch: true });
        if (!stale.isClosed) world.later(1, read);
      };
      read();
      world.until("the stale one is closed", () => stale.isClosed, 2000);
      world.untilEqual();

      for (const { response } of stale.replies) expect(response).toMatchObject({ data: bytes("a") });
      expect(stale.messages.every((message) => message.kind === "reply")).toBe(true);
    }
  });
});
