/** An epoch's counter runs out under load: the next epoch goes on, and no client notices more than a moment's wait. */
import { expect, it } from "vitest";
import type { Sid } from "../../src/base/ids.ts";
import { connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

/** By the world's clock. An election takes a few of its ticks of 50 ms, and round trips of 10 ms. */
const PAUSE_MS_MAX = 500;

interface Writer {
  readonly client: TestClient;
  done: number;
  longestMs: number;
}

/** A client that asks for one write after the other until it is over. */
function writer(world: World, sid: Sid, isOver: () => boolean): Writer {
  const client = connected(world, sid, { timeoutMs: 40_000 });
  const told: Writer = { client, done: 0, longestMs: 0 };
  let askedMs = world.nowMs;
  client.onMessage = (message) => {
    if (message.kind !== "reply") return;
    expect(message.header.error).toBe(0);
    told.done++;
    told.longestMs = Math.max(told.longestMs, world.nowMs - askedMs);
    if (isOver()) return;
    askedMs = world.nowMs;
    client.send(create(`/${sid}/n-`, { flags: 2 }));
  };
  client.send(create(`/${sid}`));
  return told;
}

it("ten epochs are used up one after the other, no connection is lost, and each write is done once", () => {
  const world = new World({ voters: 3, observers: 1, timing: { counterLimit: 100 } }).startAll();
  world.untilServing();
  world.until("all serve", () => world.sids.every((sid) => world.keeper(sid).serving));
  const first = world.keeper(1).status().currentEpoch;
  const isOver = (): boolean => world.keeper(1).status().currentEpoch >= first + 10;
  const writers = world.sids.map((sid) => writer(world, sid, isOver));
  world.until("ten epochs have passed", isOver, 120_000);
  world.run(1000);
  world.untilEqual();

  expect(writers.filter(({ client }) => client.isClosed)).toEqual([]);
  for (const [index, { done, longestMs }] of writers.entries()) {
    expect(world.tree(1).childNames(`/${index + 1}`).length).toBe(done - 1);
    expect(longestMs).toBeLessThan(PAUSE_MS_MAX);
  }
  const reasons = world.sids.map((sid) => world.keeper(sid).status().zab.lastElectionReason);
  expect(reasons).toContain("the epoch's counter is used up");
});
