import { describe, expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { seededRng } from "../../../src/base/rng.ts";
import type { CallSession } from "../../../src/keeper/call.ts";
import { DEFAULT_TIMING } from "../../../src/zab/config.ts";
import type { Fault } from "../../../src/world/fault.ts";
import { AFTER_MS, creationOf, Night, readOf, RENEWAL } from "./night.ts";

const HOUR_MS = 3_600_000;
const LATE_MS = 6000;

describe("an ensemble that nobody uses", () => {
  test.each([1, 3, 5])("of %i falls asleep, and does nothing at all in an hour", (voters) => {
    const night = new Night({ voters, observers: voters === 3 ? 1 : 0 });
    night.create(1, "/before");
    night.untilAsleep();
    night.world.run(60_000);
    const before = { ...night.counts };
    night.world.run(HOUR_MS);
    expect(night.counts).toEqual(before);

    expect(night.create(voters, "/after")).toBe(true);
    expect(night.isDone(night.ask(1, readOf("/before")))).toBe(true);
    night.finish();
    night.world.close();
  });

  test("is answered soon after an hour of sleep, in memory or not", () => {
    const night = new Night();
    night.untilAsleep();
    for (const sid of night.world.sids) night.world.apply({ kind: "evict", sid });
    night.world.run(HOUR_MS);
    const fromMs = night.world.nowMs;
    expect(night.create(2, "/a")).toBe(true);
    expect(night.world.nowMs - fromMs).toBeLessThan(300);
    night.finish();
    night.world.close();
  });

  test("is up since it woke, each replica, and knows for how long it slept", () => {
    const night = new Night();
    night.untilAsleep();
    night.world.run(HOUR_MS);
    expect(night.create(2, "/a")).toBe(true);
    for (const sid of night.world.sids) {
      const { uptimeMs, sleptMs } = must(night.world.replica(sid).machine, "its machine").keeper.status();
      expect(uptimeMs).toBeLessThan(500);
      expect(sleptMs).toBeGreaterThan(HOUR_MS - 10_000);
    }
    night.finish();
    night.world.close();
  });

  test("is awake while a client is connected or a caller waits", () => {
    const night = new Night();
    const socket = night.world.connect(1, { onBytes: () => undefined, onClosed: () => undefined });
    const waits = night.tryAsk(2, {
      kind: "read",
      request: { op: "getData", path: "/a", watch: false },
      isLinearizable: false,
      change: { known: undefined, waitMs: 30_000 },
    });
    night.world.run(9000);
    expect(night.counts.nights).toBe(0);
    socket.close();
    night.world.run(9000);
    expect(night.counts.nights).toBe(0);
    expect(waits.told).toBeUndefined();
    night.create(3, "/a");
    night.untilAsleep();
    expect(waits.told).toBeDefined();
    night.world.close();
  });
});

describe("a session without a connection", () => {
  test("sleeps too, and ends in its time", () => {
    const night = new Night();
    const fromMs = night.world.nowMs;
    const { session } = night.openSession(1, 60_000);
    night.world.run(90_000);
    expect(night.counts.nights).toBeGreaterThanOrEqual(6);
    const endedMs = must(night.endedMs.get(session), "its end") - fromMs;
    expect(endedMs).toBeGreaterThanOrEqual(60_000);
    expect(endedMs).toBeLessThan(60_000 + LATE_MS);
    night.finish();
    night.world.close();
  });

  test("is not renewed by whoever else wakes the ensemble", () => {
    const night = new Night();
    const fromMs = night.world.nowMs;
    const { session } = night.openSession(1, 60_000);
    for (let nth = 0; nth < 12; nth++) {
      night.world.run(7000);
      night.ask((nth % 3) + 1, readOf("/"));
    }
    expect(night.counts.nights).toBeGreaterThanOrEqual(12);
    const endedMs = must(night.endedMs.get(session), "its end") - fromMs;
    expect(endedMs).toBeGreaterThanOrEqual(60_000);
    expect(endedMs).toBeLessThan(60_000 + LATE_MS);
    night.world.close();
  });

  test("lives on where its owner asks in it in time, by a word that wakes the ensemble at the last moment", () => {
    const night = new Night();
    const owned = night.openSession(1, 20_000);
    for (let nth = 0; nth < 8; nth++) {
      night.world.run(19_500);
      expect(night.isDone(night.ask((nth % 3) + 1, RENEWAL, owned))).toBe(true);
    }
    expect(night.endedMs.has(owned.session)).toBe(false);
    night.world.run(20_000 + LATE_MS);
    expect(night.endedMs.has(owned.session)).toBe(true);
    night.world.close();
  });

  test("is remembered to have been heard in a day of which nothing was written but its beginning", () => {
    const night = new Night();
    const owned = night.openSession(1, 45_000);
    night.untilAsleep();
    night.world.run(30_000);
    expect(night.isDone(night.ask(2, readOf("/"), owned))).toBe(true);
    const heardMs = night.world.nowMs;
    night.world.apply({ kind: "crashAll", downMs: 500 });
    night.world.run(44_000);
    expect(night.endedMs.has(owned.session)).toBe(false);
    night.world.run(20_000);
    expect(must(night.endedMs.get(owned.session), "its end") - heardMs).toBeGreaterThanOrEqual(45_000);
    night.world.close();
  });

  test.each<[string, (night: Night) => void]>([
    ["a clock jumps an hour ahead", ({ world }) => world.apply({ kind: "clockJump", sid: 2, byMs: HOUR_MS })],
    ["a disk is lost", ({ world }) => world.apply({ kind: "wipe", sid: 2 })],
    ["a replica dies", ({ world }) => world.apply({ kind: "crash", sid: 2, kept: 0, downMs: 30_000 })],
  ])("does not end early where %s meanwhile", (_what, happens) => {
    const night = new Night();
    const fromMs = night.world.nowMs;
    const { session } = night.openSession(1, 40_000);
    night.untilAsleep();
    happens(night);
    night.world.run(38_000 - (night.world.nowMs - fromMs));
    expect(night.endedMs.has(session)).toBe(false);
    night.world.run(60_000);
    expect(night.endedMs.has(session)).toBe(true);
    night.finish();
    night.world.close();
  });
});

test("what ends by itself wakes the ensemble", () => {
  const night = new Night();
  const ttl = { op: "createTTL", path: "/ttl", data: null, acl: [], flags: 5, ttlMs: 30_000 } as const;
  const request = { ...ttl, acl: [{ perms: 31, scheme: "world", id: "anyone" }] };
  expect(night.isDone(night.ask(1, { kind: "write", request }))).toBe(true);
  night.untilAsleep();
  night.world.run(40_000);
  expect(night.world.tree(1).get("/ttl")).toBeUndefined();
  expect(night.counts.nights).toBe(6);
  night.world.close();
});

/** Faults that hit while an ensemble falls asleep, sleeps or wakes. */
function faultOf(rng: ReturnType<typeof seededRng>): Fault {
  const sid = 1 + rng.below(3);
  const forMs = 50 + rng.below(3000);
  const faults: readonly Fault[] = [
    { kind: "crash", sid, kept: rng.below(3), downMs: forMs },
    { kind: "crashWithin", sid, effects: rng.below(40), downMs: forMs },
    { kind: "evict", sid },
    { kind: "partition", sids: [sid], forMs },
    { kind: "breakLinks", a: sid, b: (sid % 3) + 1, kept: rng.below(3) },
    { kind: "muteLinks", a: sid, b: (sid % 3) + 1 },
    { kind: "supersede", sid, forMs },
    { kind: "freeze", sid, forMs },
    { kind: "failWrite", sid },
    { kind: "stuckDisk", sid, forMs },
    { kind: "badAlarm", sid, lateMs: rng.below(20_000), times: 1 + rng.below(2) },
    { kind: "stallTimer", sid, forMs },
    { kind: "clockJump", sid: 2, byMs: rng.below(2) === 0 ? 60_000 : -60_000 },
  ];
  return must(faults[rng.below(faults.length)], "a fault");
}

const SEEDS = Number(process.env["NIGHTS"] ?? 20);

test.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
  "nights with faults: what was acknowledged stays, and no session ends early (seed %i)",
  (seed) => {
    const rng = seededRng([seed, 0x6e69, 0x676874, 0x9e3779b9]);
    const night = new Night({ seed, networkDelayMs: 1 + rng.below(40) });
    const written: string[] = [];
    const owned: { readonly session: CallSession; readonly timeoutMs: number; heardMs: number }[] = [];
    const check = (): void => {
      for (const { session, timeoutMs, heardMs } of owned) {
        const endedMs = night.endedMs.get(session.session);
        if (endedMs !== undefined) expect(endedMs - heardMs).toBeGreaterThanOrEqual(timeoutMs - 10);
      }
    };
    for (let nth = 0; nth < 14; nth++) {
      night.world.run(rng.below(4) === 0 ? rng.below(20_000) : AFTER_MS + rng.below(800));
      if (rng.below(2) === 0) night.world.apply(faultOf(rng));
      const sid = 1 + rng.below(3);
      check();
      if (rng.below(3) === 0) {
        const path = `/${nth}`;
        const answer = night.ask(sid, creationOf(path));
        if (night.isDone(answer)) written.push(path);
      } else if (rng.below(2) === 0 || owned.length === 0) {
        const timeoutMs = 5000 + rng.below(20_000);
        const askedMs = night.world.nowMs;
        const answer = night.ask(sid, { kind: "openSession", timeoutMs });
        if (answer === "lost" || answer.kind !== "answered" || answer.response.op !== "session") continue;
        owned.push({ session: answer.response.session, timeoutMs, heardMs: askedMs });
      } else {
        const lease = must(owned[rng.below(owned.length)], "a session");
        const askedMs = night.world.nowMs;
        if (night.isDone(night.ask(sid, RENEWAL, lease.session))) lease.heardMs = askedMs;
      }
    }
    night.finish();
    night.world.run(30_000 + 2 * DEFAULT_TIMING.heartbeatLimitMs + LATE_MS);
    check();
    for (const { session } of owned) expect(night.endedMs.has(session.session)).toBe(true);
    for (const path of written) expect(night.isDone(night.ask(1, readOf(path)))).toBe(true);
    expect(night.counts.nights).toBeGreaterThan(0);
    night.finish();
    night.world.close();
  },
);
