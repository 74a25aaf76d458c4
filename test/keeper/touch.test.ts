/** A replica whose timer stands still while clients reach it: what it answers rests on what it hears, in real time. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import { call, openSession } from "./test-caller.ts";
import { connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const TIMEOUT_MS = 4000;
/** A whole frame: its length, the xid of pings, their opcode. */
const PING: Uint8Array = Uint8Array.of(0, 0, 0, 8, 255, 255, 255, 254, 0, 0, 0, 11);
const LIMIT_MS: number = DEFAULT_TIMING.heartbeatLimitMs;

function standing(seed: number): { readonly world: World; readonly leader: Sid; readonly follower: Sid } {
  const world = new World({ voters: 3, seed }).startAll();
  const leader = world.untilServing();
  const follower = must(
    world.sids.find((sid) => sid !== leader),
    "a follower",
  );
  return { world, leader, follower };
}

/** Nothing but clients reaches it any more, neither side is told, and its timer stands still. */
function strand(world: World, sid: Sid): void {
  for (const other of world.sids) world.muteLinks(sid, other);
  world.replica(sid).links.clear();
  world.cut(sid);
  world.replica(sid).isTimerStalled = true;
}

/** A client pings twice a second: when it was answered last before its session ended, and how long ago that was. */
function silenceAtEnd(world: World, client: TestClient, witness: Sid): { heardMs: number; silentMs: number } {
  let heardMs = world.nowMs;
  client.onMessage = () => {
    heardMs = world.nowMs;
  };
  client.pingEvery(500);
  const isOver = (): boolean => world.tree(witness).sessions.get(client.session) === undefined;
  world.until("the session ends", isOver, 30_000);
  return { heardMs, silentMs: world.nowMs - heardMs };
}

describe("a replica that is cut off while its timer stands still", () => {
  it.each(["a follower", "the leader"])(
    "as %s answers nobody for longer than others wait for it",
    (which) => {
      for (let seed = 1; seed <= 5; seed++) {
        const { world, leader, follower } = standing(seed);
        const [sid, witness] = which === "the leader" ? [leader, follower] : [follower, leader];
        const client = connected(world, sid);
        client.get(create("/begun"));
        world.untilEqual();
        strand(world, sid);
        const strandedMs = world.nowMs;
        const { heardMs, silentMs } = silenceAtEnd(world, client, witness);

        expect(silentMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
        expect(heardMs - strandedMs).toBeGreaterThan(LIMIT_MS / 2);
      }
    },
  );
});

describe("a follower whose leader stood still while its own timer did", () => {
  it("answers what waited as soon as it hears its leader again, on the connections that it had", () => {
    const { world, leader, follower } = standing(1);
    const client = connected(world, follower);
    const session = openSession(world, follower, TIMEOUT_MS);
    client.get(create("/a"));
    world.replica(follower).isTimerStalled = true;
    world.freeze(leader);
    world.run(LIMIT_MS + 1000);
    const before = client.messages.length;
    client.send({ op: "ping" }, { op: "exists", path: "/a", watch: false }, create("/b"));
    const inSession = call(world, follower, { kind: "whoAmI" }, { session });
    const without = call(world, follower, { kind: "whoAmI" });
    world.run(200);

    expect(client.messages.length).toBe(before);
    expect(inSession.answer).toBeUndefined();
    expect(without.answer).toMatchObject({ kind: "answered" });

    world.thaw(leader);
    world.run(200);
    expect(client.messages.slice(before)).toMatchObject([
      { kind: "reply", header: { error: 0 } },
      { kind: "reply", header: { error: 0 } },
      { kind: "reply", header: { error: 0 } },
    ]);
    expect(inSession.answer).toMatchObject({ kind: "answered" });
    expect(client.isClosed).toBe(false);
    expect(world.keeper(follower).status().leader).toBe(leader);
  });
});

describe("a sole leader whose timer stood still", () => {
  it("writes before it answers: a start that has taken its place would keep it from that", () => {
    const world = new World({ voters: 1 }).startAll();
    world.untilServing();
    const client = connected(world, 1);
    world.run(100);
    world.replica(1).isTimerStalled = true;
    const connection = must(client.connection, "a connection");
    const ping = (): readonly string[] => {
      const received = [{ connection, bytes: PING }];
      const turn = world.keeper(1).step({ kind: "clientBytes", received }, world.clockOf(1));
      return [...turn.writes, ...turn.after].map(({ kind }) => kind);
    };
    expect(ping()).toEqual(["clientSend"]);
    world.run(LIMIT_MS + 100);
    expect(ping()).toEqual(["epochs", "clientSend"]);
  });
});
