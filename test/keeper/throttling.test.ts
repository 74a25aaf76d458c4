/**
 * What clients may ask of a replica at once: what is too much waits, or is told so and not done. A 3.9.5 with
 * zookeeper.request_throttle_max_requests=1 and zookeeper.throttled_op_wait_time=20 answered 316 of 400 creates that
 * came at once with -127 and its last zxid, kept the connection, and had done none of them.
 */
import { describe, expect, it } from "vitest";
import { THROTTLE_SETTINGS, type ThrottleSettings } from "../../src/base/throttle-settings.ts";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { bytes, connected, create, type ServerReply, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const THROTTLED_OP = -127;

function ensemble(throttle: Partial<ThrottleSettings>): { readonly world: World; readonly follower: Sid } {
  const bounds = { throttle: { ...THROTTLE_SETTINGS, ...throttle } };
  const world = new World({ voters: 3, bounds }).startAll();
  const leader = world.untilServing();
  const follower = must(
    world.sids.find((sid) => sid !== leader),
    "a follower",
  );
  return { world, follower };
}

function replies(client: TestClient): readonly ServerReply[] {
  return client.messages.flatMap((message) => (message.kind === "reply" ? [message] : []));
}

describe("a write that waits for others to be done", () => {
  it("for longer than is set is answered with -127 in its place, and is not done; the next one is", () => {
    const { world, follower } = ensemble({ forwardedMax: 2, waitMs: 300 });
    const client = connected(world, follower, { timeoutMs: 40_000 });
    client.get(create("/a"));
    client.messages.length = 0;
    world.delayMs = 100;
    const paths = Array.from({ length: 30 }, (_, index) => `/a/n${index}`);
    client.send(...paths.flatMap((path) => [create(path), { op: "exists", path, watch: false } as const]));
    world.until("all is answered", () => replies(client).length === 60, 60_000);
    world.untilEqual();

    const told = replies(client).map(({ header }) => header.error);
    const xids = replies(client).map(({ header }) => header.xid);
    expect(xids).toEqual(xids.toSorted((a, b) => a - b));
    const outcomes = paths.map((path, index) => ({
      path,
      create: told[2 * index],
      exists: told[2 * index + 1],
      isThere: world.tree(follower).get(path) !== undefined,
    }));
    for (const { create: code, exists, isThere } of outcomes) {
      expect([0, THROTTLED_OP]).toContain(code);
      expect(isThere).toBe(code === 0);
      expect(exists).toBe(code === 0 ? 0 : -101);
    }
    const refused = outcomes.filter(({ create: code }) => code === THROTTLED_OP).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(30);
    expect(world.keeper(follower).status().counters.requestsThrottled).toBe(refused);

    client.get(create("/a/behind"));
    client.send(...paths.map((path) => create(`${path}-late`)), { op: "closeSession" });
    world.until("the session has ended", () => client.isClosed, 60_000);
    expect(replies(client).at(-1)?.header.error).toBe(0);
  });

  it("waits for as long as it takes where nothing is set", () => {
    const { world, follower } = ensemble({ forwardedMax: 2 });
    const client = connected(world, follower, { timeoutMs: 40_000 });
    world.delayMs = 100;
    client.send(...Array.from({ length: 20 }, (_, index) => create(`/n${index}`)));
    world.until("all is answered", () => replies(client).length === 20, 60_000);
    expect(new Set(replies(client).map(({ header }) => header.error))).toEqual(new Set([0]));
  });
});

describe("unanswered requests of all clients", () => {
  it("above their limit keep those from being read that have some, and all are answered", () => {
    const { world, follower } = ensemble({ outstandingMax: 20 });
    const clients = Array.from({ length: 5 }, () => connected(world, follower, { timeoutMs: 40_000 }));
    world.delayMs = 50;
    let most = 0;
    const sample = (): void => {
      most = Math.max(most, world.keeper(follower).status().heldRequests);
      world.later(1, sample);
    };
    sample();
    for (const [at, client] of clients.entries()) {
      client.send(...Array.from({ length: 100 }, (_, index) => create(`/${at}-${index}`)));
    }
    world.until("all is answered", () => clients.every((client) => replies(client).length === 100), 120_000);
    expect(most).toBeGreaterThan(10);
    // Each that has nothing unanswered may ask for one thing.
    expect(most).toBeLessThanOrEqual(20 + clients.length);
  });
});

describe("large requests", () => {
  it("are hung up on where too much of them is unanswered, and others are not", () => {
    const { world, follower } = ensemble({ largeBytes: 1000, largeTotalBytes: 5000 });
    const [client, other] = [connected(world, follower), connected(world, follower)];
    world.delayMs = 50;
    const data = bytes("x".repeat(2000));
    client.send(create("/a", { data }), create("/b", { data }), create("/small"));
    world.until("all is answered", () => replies(client).length === 3);
    client.send(create("/c", { data }), create("/d", { data }), create("/e", { data }));
    world.until("it is hung up on", () => client.isClosed);
    other.get(create("/f", { data }));
    expect(world.keeper(follower).status().counters.largeRequestsRejected).toBe(1);
  });
});
