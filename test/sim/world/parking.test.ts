/** Clients of the SDK over whom an ensemble sleeps, with the machine that ships, and whatever goes wrong meanwhile. */
import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { must } from "../../../src/base/assert.ts";
import { seededRng } from "../../../src/base/rng.ts";
import type { CallRequest } from "../../../src/keeper/call.ts";
import type { Fault } from "../../../src/world/fault.ts";
import { creationOf, Night } from "./night.ts";
import { SdkClient } from "./sdk-client.ts";

const DORMANCY = { afterMs: 2000, worthMs: 3000, parkedWakeMs: 60_000 };
const TIMEOUT_MS = 6000;
const HOUR_MS = 3_600_000;
/** A wake and a handshake, with time to spare. */
const SOON_MS = 3000;

function setOf(path: string): CallRequest {
  return { kind: "write", request: { op: "setData", path, data: new Uint8Array(1), version: -1 } };
}

/** A night with clients of which each watches /a, set by a call. */
function nightWith(
  count: number,
  dormancy: typeof DORMANCY = DORMANCY,
): { night: Night; clients: SdkClient[] } {
  const night = new Night({ dormancy });
  expect(night.create(1, "/a")).toBe(true);
  const clients = Array.from({ length: count }, (_, nth) => {
    const rng = seededRng([nth, 5, 6, 7]);
    return new SdkClient(night.world, { sid: 1 + (nth % 3), timeoutMs: TIMEOUT_MS, rng });
  });
  for (const client of clients) {
    client.ask({ op: "addWatch", path: "/a", mode: 0 }, true);
    // Behind it: a persistent watch whose client knows that the znode is there is told again of what it missed.
    client.ask({ op: "exists", path: "/a", watch: false });
  }
  return { night, clients };
}

const ONCE = ["dataChanged /a"];

describe("an ensemble with idle clients", () => {
  test("sleeps over them, wakes for a moment now and then, and tells each watch of a change soon", () => {
    const { night, clients } = nightWith(5);
    night.untilAsleep();
    const { nights } = night.counts;
    const steps = night.counts.steps;
    for (const sid of night.world.sids) night.world.apply({ kind: "evict", sid });
    night.world.run(HOUR_MS);
    // A night for each wake; each takes a second or two of turns.
    const wakes = (night.counts.nights - nights) / 3;
    expect(wakes).toBeGreaterThan(HOUR_MS / DORMANCY.parkedWakeMs / 2);
    expect(wakes).toBeLessThanOrEqual(HOUR_MS / DORMANCY.parkedWakeMs);
    expect((night.counts.steps - steps) / (3 * wakes)).toBeLessThan(300);
    expect(clients.map(({ told }) => told)).toEqual(clients.map(() => []));

    expect(night.isDone(night.ask(2, setOf("/a")))).toBe(true);
    night.world.run(SOON_MS);
    expect(clients.map(({ told }) => told)).toEqual(clients.map(() => ONCE));
    expect(clients.map(({ states }) => states)).toEqual(clients.map(() => ["connected"]));
    expect(night.endedMs.size).toBe(0);
    night.finish();
    night.world.close();
  });

  test("answers one that asks, once and for all, however it sleeps", () => {
    const { night, clients } = nightWith(3);
    night.untilAsleep();
    night.world.apply({ kind: "evict", sid: 2 });
    night.world.run(30_000);
    const [, second] = clients;
    const calls = ["/b", "/c"].map((path) =>
      must(second, "a client").ask({ op: "create2", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 }),
    );
    night.world.run(SOON_MS);
    expect(calls.map((call) => second?.outcomes.get(call))).toEqual(["reply", "reply"]);
    expect(second?.states).toEqual(["connected"]);
    night.untilAsleep();
    night.finish();
    night.world.close();
  });

  test("is awake for one that owns something, and where none may be parked", () => {
    const { night, clients } = nightWith(3);
    const [first] = clients;
    first?.ask({ op: "create2", path: "/own", data: null, acl: OPEN_ACL, flags: 1, ttlMs: 0 });
    night.world.run(60_000);
    expect(night.counts.nights).toBe(0);
    first?.ask({ op: "delete", path: "/own", version: -1 });
    night.untilAsleep();
    night.world.close();

    const awake = nightWith(3, { ...DORMANCY, parkedWakeMs: 0 });
    awake.night.world.run(60_000);
    expect(awake.night.counts.nights).toBe(0);
    awake.night.world.close();
  });

  test("ends the session of one that is gone, at a wake, and no other's", () => {
    const { night, clients } = nightWith(3);
    night.untilAsleep();
    const gone = must(clients.pop(), "a client");
    const { id } = gone.machine.identity;
    gone.vanish();
    night.world.run(3 * DORMANCY.parkedWakeMs);
    expect([...night.endedMs.keys()]).toEqual([id]);
    expect(clients.map(({ states }) => states)).toEqual([["connected"], ["connected"]]);
    night.finish();
    night.world.close();
  });

  test("tells a client late, but tells it, whose replica none of the others reaches", () => {
    const { night, clients } = nightWith(3);
    night.untilAsleep();
    night.world.apply({ kind: "partition", sids: [3], forMs: HOUR_MS });
    expect(night.isDone(night.ask(1, setOf("/a")))).toBe(true);
    night.world.run(2 * DORMANCY.parkedWakeMs + SOON_MS);
    // Of one whose session has ended meanwhile that is told in its place.
    const ends = clients.map(({ told }) => told.at(-1));
    expect(ends.every((end) => end === "dataChanged /a" || end === "ended ")).toBe(true);
    night.world.close();
  });
});

test.each([1, 2, 3, 4, 5, 6])("whatever goes wrong, every change is told (%i)", (seed) => {
  const rng = seededRng([seed, 1, 2, 3]);
  const { night, clients } = nightWith(4);
  const { world } = night;
  let sets = 0;
  for (let round = 0; round < 25; round++) {
    const sid = 1 + rng.below(3);
    const faults: readonly Fault[] = [
      { kind: "evict", sid },
      { kind: "evict", sid: 1 + rng.below(3) },
      { kind: "crash", sid, kept: rng.below(3), downMs: 500 },
      { kind: "partition", sids: [sid], forMs: 800 },
      { kind: "supersede", sid, forMs: 300 },
      { kind: "badAlarm", sid, lateMs: 2000, times: 2 },
    ];
    world.run(rng.below(9000));
    if (rng.below(2) === 0) world.apply(must(faults[rng.below(faults.length)], "a fault"));
    world.run(rng.below(9000));
    if (rng.below(2) === 0) world.apply(must(faults[rng.below(faults.length)], "a fault"));
    const isSet = night.isDone(night.ask(1 + rng.below(3), setOf("/a")));
    if (isSet) sets++;
    world.run(20_000);
    for (const client of clients) {
      if (client.machine.end !== undefined || !isSet) continue;
      // Changes that come while a client has no connection are told as one.
      expect([round, client.told.at(-1)]).toEqual([round, "dataChanged /a"]);
    }
    for (const { told } of clients) told.length = 0;
  }
  expect(sets).toBeGreaterThan(20);
  expect(clients.filter(({ machine }) => machine.end === undefined).length).toBeGreaterThan(1);
  expect(night.isDone(night.ask(1, creationOf("/last")))).toBe(true);
  night.finish();
  world.close();
});
