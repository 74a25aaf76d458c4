import { expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { connected, create, TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const MOST = 5;

it("one session more than there may be is refused, counted and told, at every replica, until another ends", () => {
  const world = new World({ voters: 3, sessionsMax: MOST }).startAll();
  const leader = world.untilServing();
  const clients = Array.from({ length: MOST }, (_, index) => connected(world, 1 + (index % 3)));
  const late = world.sids.map((sid) => new TestClient(world, sid).hello());
  world.until("all are turned away", () => late.every(({ isClosed }) => isClosed));

  expect(late.map(({ welcome }) => welcome)).toEqual([undefined, undefined, undefined]);
  expect(world.keeper(leader).status()).toMatchObject({ sessions: MOST, refusedSessions: 3 });
  expect(world.replica(leader).log.join("\n")).toContain("is refused (1 so far): there are 5 sessions");
  const first = must(clients[0], "a client");
  expect(first.get(create("/a")).op).toBe("path");
  first.ask({ op: "closeSession" });

  expect(connected(world, 2).get(create("/b")).op).toBe("path");
  world.untilEqual();
  for (const sid of world.sids) expect(world.tree(sid).sessions.count).toBe(MOST);
});

it("those that come at once are no more than there may be", () => {
  const world = new World({ voters: 3, sessionsMax: MOST }).startAll();
  world.untilServing();
  const clients = Array.from({ length: 30 }, (_, index) => new TestClient(world, 1 + (index % 3)).hello());
  const isAnswered = ({ isClosed, welcome }: TestClient): boolean => isClosed || welcome !== undefined;
  world.until("all are answered", () => clients.every(isAnswered));

  expect(clients.filter(({ welcome }) => welcome !== undefined).length).toBe(MOST);
});

it("a client that comes back to its session is let in though there is room for no other", () => {
  const world = new World({ voters: 3, sessionsMax: 1 }).startAll();
  world.untilServing();
  const client = connected(world, 1);
  const { session, welcome } = client;
  const password = must(welcome, "a welcome").password;
  client.hangUp();
  const again = new TestClient(world, 2).hello({ session, password });
  world.until("it is answered", () => again.welcome !== undefined || again.isClosed);

  expect(again.welcome?.sessionId).toBe(session);
});
