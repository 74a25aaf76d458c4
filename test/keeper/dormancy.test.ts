import { describe, expect, test } from "vitest";
import type { Zxid } from "../../src/base/zxid.ts";
import { QuietReports, wakeIn, Waking } from "../../src/keeper/bedtime.ts";
import { Dormancy } from "../../src/keeper/dormancy.ts";
import { QUIET_REPORT_AGE_MS_MAX } from "../../src/keeper/limits.ts";
import { SessionTracker } from "../../src/keeper/session-tracker.ts";
import type { IdleZnode, MarkRange } from "../../src/tree/idle.ts";

const AFTER_MS = 1000;
const WAIT_MS = 1500;
const AT: Zxid = { epoch: 3, counter: 7 };
const HERE = { lastZxid: AT, isAlone: false, isLater: true, nowMs: 50_000 };
const FOLLOWER = { ...HERE, isLeading: false, hasLinks: true };
const LEADER = { ...HERE, isLeading: true, hasLinks: false };

/** One that has been quiet for two seconds, which the leader's poll at 900 was told, and is told to sleep. */
function drowsy(horizonMs = 900, wakeInMs?: number): Dormancy {
  const settings = { afterMs: AFTER_MS, worthMs: 0 };
  const dormancy = new Dormancy({ settings, slept: undefined, waitMs: WAIT_MS });
  dormancy.at(0);
  dormancy.at(2000);
  dormancy.told(900, false);
  dormancy.deliver(AT, { kind: "dormant", horizonMs, wakeInMs, sessions: [] });
  return dormancy;
}

describe("a replica that is told to sleep", () => {
  test("sleeps, and wakes by its own clock", () => {
    expect(drowsy().decide(FOLLOWER)).toEqual({ zxid: AT, sleptAtMs: 50_000, wakeAtMs: undefined });
    expect(drowsy(900, 700).decide(FOLLOWER)).toMatchObject({ wakeAtMs: 50_700 });
  });

  test("sleeps last where it leads, and waits for the others no longer than it may", () => {
    const dormancy = drowsy();
    expect(dormancy.decide({ ...LEADER, hasLinks: true })).toBeUndefined();
    dormancy.at(2000 + WAIT_MS);
    expect(dormancy.decide({ ...LEADER, hasLinks: true })).toBeUndefined();
    expect(dormancy.decide(LEADER)).toMatchObject({ zxid: AT });
    dormancy.at(2001 + WAIT_MS);
    expect(dormancy.decide({ ...LEADER, hasLinks: true })).toBe("breaks off");
    expect(dormancy.decide(LEADER)).toBeUndefined();
  });

  test("breaks off where a call has come since, however soon it was answered", () => {
    const dormancy = drowsy();
    dormancy.see({ kind: "stir" });
    expect(dormancy.decide(FOLLOWER)).toBe("breaks off");
  });

  test("breaks off where it was quiet again for long enough, and the leader does not know of the call before", () => {
    const dormancy = drowsy();
    dormancy.see({ kind: "stir" });
    dormancy.at(2000 + AFTER_MS);
    expect(dormancy.decide(FOLLOWER)).toBe("breaks off");
  });

  test("breaks off where it told of sessions behind the leader's horizon", () => {
    const later = drowsy(900);
    later.told(901, true);
    expect(later.decide(FOLLOWER)).toBe("breaks off");
    const before = drowsy(900);
    before.told(900, true);
    expect(before.decide(FOLLOWER)).toMatchObject({ zxid: AT });
  });

  test("stays awake where something stands behind that; its leader breaks off", () => {
    const lastZxid = { epoch: 3, counter: 8 };
    expect(drowsy().decide({ ...FOLLOWER, lastZxid })).toBe("stays awake");
    expect(drowsy().decide({ ...LEADER, lastZxid })).toBe("breaks off");
  });

  test("breaks off in a later turn, and not at all where there are no others", () => {
    const dormancy = drowsy();
    dormancy.see({ kind: "stir" });
    expect(dormancy.decide({ ...LEADER, isLater: false })).toBeUndefined();
    expect(dormancy.decide({ ...LEADER, isAlone: true })).toBe("stays awake");
    expect(dormancy.decide(LEADER)).toBeUndefined();
  });

  test("forgets it with its leader", () => {
    const dormancy = drowsy();
    dormancy.suspend();
    expect(dormancy.decide(FOLLOWER)).toBeUndefined();
  });

  test("never sleeps where that is not set", () => {
    const dormancy = new Dormancy({ settings: undefined, slept: undefined, waitMs: WAIT_MS });
    dormancy.at(0);
    dormancy.at(1e9);
    dormancy.told(900, false);
    dormancy.deliver(AT, { kind: "dormant", horizonMs: 900, wakeInMs: undefined, sessions: [] });
    expect(dormancy.decide(FOLLOWER)).toBe("breaks off");
  });
});

test("who was woken, and not for itself, is quiet from the first moment on", () => {
  const settings = { afterMs: AFTER_MS, worthMs: 0 };
  const slept = { zxid: AT, sleptAtMs: 1000, wakeAtMs: 2000 };
  const woken = new Dormancy({ settings, slept, waitMs: WAIT_MS });
  woken.at(10);
  expect(woken.quietMs).toBeGreaterThan(AFTER_MS);
  expect(woken.sleptThrough(1500)).toEqual({ zxid: AT, elapsedMs: 500 });
  expect(woken.sleptThrough(500)).toEqual({ zxid: AT, elapsedMs: 0 });
  const started = new Dormancy({ settings, slept: undefined, waitMs: WAIT_MS });
  started.at(10);
  started.at(30);
  expect(started.quietMs).toBe(20);
  expect(started.sleptThrough(1500)).toBeUndefined();
});

test("all must be quiet, by a word that is not old", () => {
  const reports = new QuietReports();
  reports.heard(1, 500, 0);
  expect(reports.areQuiet([1, 2], 500, 0)).toBe(false);
  reports.heard(2, 499, 0);
  expect(reports.areQuiet([1, 2], 500, 0)).toBe(false);
  reports.heard(2, 500, 0);
  expect(reports.areQuiet([1, 2], 500, QUIET_REPORT_AGE_MS_MAX)).toBe(true);
  expect(reports.areQuiet([1, 2], 500, QUIET_REPORT_AGE_MS_MAX + 1)).toBe(false);
  reports.lost(2);
  expect(reports.areQuiet([1, 2], 500, 0)).toBe(false);
});

describe("when to wake", () => {
  const settings = { afterMs: 0, worthMs: 5000 };
  const GRACE_MS = 3000;
  const at = (
    marks: readonly number[],
    leftMs: readonly number[],
    neverUsedMs = 0,
  ): ReturnType<typeof wakeIn> => {
    const tree = {
      idle: ({ from, to }: MarkRange, _after: IdleZnode | undefined, countMax: number) =>
        marks
          .filter((mark) => mark >= from && mark <= to)
          .toSorted((a, b) => a - b)
          .slice(0, countMax)
          .map((mark) => ({ path: "/a", mark })),
    };
    const sessions = leftMs.map((left, index) => ({ session: BigInt(index), leftMs: left }));
    return wakeIn(settings, { sessions, tree, znodes: { neverUsedMs }, nowMs: 100_000, graceMs: GRACE_MS });
  };

  test("never, where nothing ends by itself", () => expect(at([], [])).toBeUndefined());
  test("with the first session", () => expect(at([], [9000, 6500, 7000])).toBe(6500));
  test("not worth it for a session that ends soon", () => expect(at([], [9000, 4999])).toBe("awake"));
  test("not for a session that has no more left than a wake gives", () => {
    expect(at([], [2 * GRACE_MS])).toBe("awake");
    expect(at([], [2 * GRACE_MS + 1])).toBe(2 * GRACE_MS + 1);
  });
  test("with the first TTL znode", () => expect(at([109_999, 120_000], [50_000])).toBe(10_000));
  test("for a TTL znode no sooner than is worth it", () => expect(at([0, 100_001], [50_000])).toBe(5000));
  test("with a session before the TTL znode", () => expect(at([190_000], [50_000])).toBe(50_000));
  test("a container that never had a child keeps it awake only where it can end", () => {
    expect(at([-100], [])).toBeUndefined();
    expect(at([-100], [], 1)).toBe("awake");
  });
});

test("how long all have slept is known once all have said so, by the clock that went least", () => {
  const waking = new Waking({ kind: "dormant", zxid: AT, horizonMs: 0, wakeInMs: undefined, sessions: [] });
  waking.heard(1, { zxid: AT, elapsedMs: 70 });
  waking.heard(2, { zxid: { ...AT, counter: 6 }, elapsedMs: 60 });
  waking.heard(3, undefined);
  expect(waking.sleptMs([1, 2, 3])).toBeUndefined();
  expect([1, 2, 3].map((sid) => waking.has(sid))).toEqual([true, false, false]);
  waking.heard(2, { zxid: AT, elapsedMs: 50 });
  expect(waking.sleptMs([1, 2, 3])).toBeUndefined();
  expect(waking.sleptMs([1, 2])).toBe(50);
});

describe("a replica begins to run", () => {
  const settings = { afterMs: AFTER_MS, worthMs: 0 };
  const begun = (slept: ConstructorParameters<typeof Dormancy>[0]["slept"]): unknown => {
    const dormancy = new Dormancy({ settings, slept, waitMs: WAIT_MS });
    dormancy.at(700);
    return dormancy.begin(50_000);
  };

  test("and tells for how long it had slept, by its own clock, if it had", () => {
    expect(begun(undefined)).toEqual({ clockMs: 700, sleptMs: null });
    expect(begun({ zxid: AT, sleptAtMs: 20_000, wakeAtMs: undefined })).toEqual({
      clockMs: 700,
      sleptMs: 30_000,
    });
    // Its clock was set back.
    expect(begun({ zxid: AT, sleptAtMs: 60_000, wakeAtMs: undefined })).toEqual({ clockMs: 700, sleptMs: 0 });
  });
});

describe("a session that was asleep", () => {
  const GRACE_MS = 1500;
  const woken = (leftMs: number, elapsedMs: number, heard: (tracker: SessionTracker) => void): number => {
    const tracker = new SessionTracker({ nowMs: 0, lostGraceMs: GRACE_MS });
    tracker.add(7n, 60_000, undefined);
    heard(tracker);
    tracker.resume({ session: 7n, leftMs }, elapsedMs);
    for (let nowMs = 0; nowMs < 100_000; nowMs += 50) if (tracker.advance(nowMs).includes(7n)) return nowMs;
    return Number.POSITIVE_INFINITY;
  };

  test("has left what it had, less what has passed", () => {
    expect(woken(30_000, 10_000, () => undefined)).toBe(20_000);
  });
  test("has a grace left at least", () => {
    expect(woken(30_000, 29_000, () => undefined)).toBe(GRACE_MS);
    expect(woken(30_000, 90_000, () => undefined)).toBe(GRACE_MS);
  });
  test("gets no more than its timeout", () => {
    expect(woken(90_000, 0, () => undefined)).toBe(60_000 + GRACE_MS);
  });
  test("keeps its whole timeout where it was heard of since", () => {
    expect(woken(30_000, 10_000, (tracker) => tracker.touch(7n))).toBeGreaterThanOrEqual(60_000);
    const owned = { session: 7n, generation: AT, timeoutMs: 60_000 };
    expect(woken(30_000, 10_000, (tracker) => tracker.attach(owned, 1))).toBeGreaterThanOrEqual(60_000);
  });
});
