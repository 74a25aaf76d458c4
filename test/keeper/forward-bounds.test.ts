/** What a leader must hold of the writes that replicas send: each sends no more than its part before some are done. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { CLIENT_FRAME_BYTES_MAX } from "../../src/base/limits.ts";
import { FORWARDED_BYTES_MAX, FORWARDED_REQUESTS_MAX } from "../../src/keeper/limits.ts";
import { connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const WRITES = 100;

/** Clients at each replica that send more than may be under way, and the most that was. */
function flooded(world: World, sids: readonly Sid[], data: Uint8Array): () => number {
  let most = 0;
  const sample = (): void => {
    for (const sid of sids) most = Math.max(most, world.keeper(sid).status().forwardedBytes);
    world.later(1, sample);
  };
  sample();
  for (const sid of sids) {
    const clients = Array.from({ length: 30 }, () => connected(world, sid, { timeoutMs: 40_000 }));
    for (const [index, client] of clients.entries()) {
      const parent = `/${sid}-${index}`;
      const children = Array.from({ length: WRITES }, () => create(`${parent}/n-`, { data, flags: 2 }));
      client.send(create(parent), ...children);
    }
  }
  return () => most;
}

function expectDone(world: World, sids: readonly Sid[]): void {
  const parents = sids.flatMap((sid) => Array.from({ length: 30 }, (_, index) => `/${sid}-${index}`));
  const children = (parent: string): number => world.tree(must(sids[0], "a sid")).childNames(parent).length;
  world.until("all is written", () => parents.every((parent) => children(parent) >= WRITES), 120_000);
  world.untilEqual();
  for (const parent of parents) expect(children(parent)).toBe(WRITES);
  for (const sid of sids) {
    expect(world.keeper(sid).status()).toMatchObject({ forwardedBytes: 0, heldRequests: 0 });
  }
}

describe("writes that replicas send to their leader", () => {
  it("are no more bytes at once than is named, and all of them are done", () => {
    const world = new World({ voters: 3 }).startAll();
    world.untilServing();
    const most = flooded(world, world.sids, new Uint8Array(10_000));

    expectDone(world, world.sids);

    expect(most()).toBeGreaterThan(FORWARDED_BYTES_MAX / 2);
    expect(most()).toBeLessThan(FORWARDED_BYTES_MAX + CLIENT_FRAME_BYTES_MAX);
  });

  it("are no more than is named where they are small", () => {
    const world = new World({ voters: 3 }).startAll();
    const leader = world.untilServing();
    const other = must(
      world.sids.find((sid) => sid !== leader),
      "a follower",
    );
    world.delayMs = 100;
    const most = flooded(world, [other], new Uint8Array(0));

    expectDone(world, [other]);

    // At least 128 bytes are counted for each.
    expect(most()).toBeGreaterThan(FORWARDED_REQUESTS_MAX * 128);
    expect(most()).toBeLessThan(FORWARDED_REQUESTS_MAX * 300);
  });

  it("that wait at their replica are sent to the next leader, each once", () => {
    const world = new World({ voters: 3 }).startAll();
    const first = world.untilServing();
    const others = world.sids.filter((sid) => sid !== first);
    flooded(world, others, new Uint8Array(10_000));
    world.run(60);
    world.crash(first);
    world.untilServing();
    world.start(first);

    expectDone(world, others);
  });

  it("go on when a client whose writes fill the room has gone", () => {
    const world = new World({ voters: 3 }).startAll();
    const leader = world.untilServing();
    const other = must(
      world.sids.find((sid) => sid !== leader),
      "a follower",
    );
    const greedy: TestClient = connected(world, other, { timeoutMs: 40_000 });
    const modest = connected(world, other, { timeoutMs: 40_000 });
    const large = { data: new Uint8Array(900_000) };
    greedy.send(create("/1", large), create("/2", large), create("/3", large));
    const [xid] = modest.send(create("/modest"));
    greedy.hangUp();
    modest.untilReply(must(xid, "an xid"));

    world.until("nothing is under way", () => world.keeper(other).status().forwardedBytes === 0);
    expect(world.tree(other).get("/modest")).toBeDefined();
  });
});
