import { describe, expect, test } from "vitest";
import { LOCATIONS, roundTripMs } from "../../src/base/placement.ts";
import { type Candidate, Nearness } from "../../src/gateway/nearness.ts";

/** Dice that show these in turn. */
function dice(...shown: readonly number[]): () => number {
  let at = 0;
  return () => shown[at++ % shown.length] ?? 0;
}

function unknown(...sids: readonly number[]): readonly Candidate[] {
  return sids.map((sid) => ({ sid, guessMs: 0 }));
}

describe("the order in which replicas are asked", () => {
  test("is by chance where nothing tells them apart", () => {
    const nearness = new Nearness(dice(0.5, 0.9, 0.1));
    expect(nearness.order("main", unknown(1, 2, 3), 0)).toEqual([3, 1, 2]);
  });

  test("is by the guess until they have answered, and by what was seen from then on", () => {
    const nearness = new Nearness(dice(0));
    const candidates = [
      { sid: 1, guessMs: 80 },
      { sid: 2, guessMs: 5 },
      { sid: 3, guessMs: 150 },
    ];
    expect(nearness.order("main", candidates, 0)).toEqual([2, 1, 3]);
    nearness.answered("main", 2, { tookMs: 300, nowMs: 0 });
    nearness.answered("main", 3, { tookMs: 20, nowMs: 0 });
    expect(nearness.order("main", candidates, 1)).toEqual([3, 1, 2]);
    expect(nearness.order("other", candidates, 1)).toEqual([2, 1, 3]);
  });

  test("spreads callers over those that are as near", () => {
    const nearness = new Nearness(dice(0.9, 0.1, 0));
    for (const [sid, tookMs] of [10, 12, 40].entries()) {
      nearness.answered("main", sid + 1, { tookMs, nowMs: 0 });
    }
    expect(nearness.order("main", unknown(1, 2, 3), 1)).toEqual([2, 1, 3]);
  });

  test("has those that failed behind all others for 5 s, or until they answer", () => {
    const nearness = new Nearness(dice(0));
    for (const sid of [1, 2]) nearness.answered("main", sid, { tookMs: sid * 30, nowMs: 0 });
    nearness.failed("main", 1, 0);
    expect(nearness.order("main", unknown(1, 2), 4999)).toEqual([2, 1]);
    expect(nearness.order("main", unknown(1, 2), 5000)).toEqual([1, 2]);
    nearness.failed("main", 1, 5000);
    nearness.answered("main", 1, { tookMs: 30, nowMs: 5001 });
    expect(nearness.order("main", unknown(1, 2), 5002)).toEqual([1, 2]);
  });

  test("names all of them where all have failed", () => {
    const nearness = new Nearness(dice(0));
    for (const sid of [1, 2, 3]) nearness.failed("main", sid, 0);
    expect(nearness.order("main", unknown(1, 2, 3), 1).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test("forgets what it saw a minute ago", () => {
    const nearness = new Nearness(dice(0));
    const candidates = [
      { sid: 1, guessMs: 10 },
      { sid: 2, guessMs: 50 },
    ];
    nearness.answered("main", 1, { tookMs: 900, nowMs: 0 });
    expect(nearness.order("main", candidates, 59_999)).toEqual([2, 1]);
    expect(nearness.order("main", candidates, 60_000)).toEqual([1, 2]);
  });
});

test("another one is asked beside one that takes unusually long: sooner where its answers never vary", () => {
  const nearness = new Nearness(dice(0));
  expect(nearness.hedgeMs("main", 1, 0)).toBe(100);
  for (let nowMs = 0; nowMs < 100; nowMs++) nearness.answered("main", 1, { tookMs: 20, nowMs });
  expect(nearness.hedgeMs("main", 1, 100)).toBeCloseTo(20, 0);
  for (let nowMs = 0; nowMs < 100; nowMs++) {
    nearness.answered("main", 2, { tookMs: nowMs % 2 === 0 ? 10 : 30, nowMs });
  }
  expect(nearness.hedgeMs("main", 2, 100)).toBeGreaterThan(45);
  for (let nowMs = 0; nowMs < 100; nowMs++) nearness.answered("main", 3, { tookMs: 0.1, nowMs });
  expect(nearness.hedgeMs("main", 3, 100)).toBe(10);
});

test.each([
  ["weur", "eeur", 5, 25],
  ["weur", "enam", 70, 120],
  ["weur", "oc", 200, 280],
  ["apac", "apac", 0, 0],
] as const)("a message from %s to %s and back takes %i to %i ms, by the guess", (from, to, min, max) => {
  const ms = roundTripMs(LOCATIONS[from], LOCATIONS[to]);
  expect(ms).toBeGreaterThanOrEqual(min);
  expect(ms).toBeLessThanOrEqual(max);
  expect(roundTripMs(LOCATIONS[to], LOCATIONS[from])).toBeCloseTo(ms, 9);
});
