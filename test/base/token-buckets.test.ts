import { describe, expect, it } from "vitest";
import { TokenBuckets } from "../../src/base/token-buckets.ts";

describe("token buckets", () => {
  it("let a burst through, and then so many a second", () => {
    const buckets = new TokenBuckets({ perSecond: 10, burst: 3, keysMax: 9 });
    expect([0, 0, 0, 0].map((at) => buckets.take("a", at))).toEqual([0, 0, 0, 100]);
    expect(buckets.take("a", 99)).toBe(1);
    expect(buckets.take("a", 100)).toBe(0);
    let passed = 0;
    for (let at = 100; at < 10_100; at += 7) if (buckets.take("a", at) === 0) passed++;
    expect(passed).toBe(99);
  });

  it("are apart for each, and looking takes nothing", () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1, keysMax: 9 });
    expect(buckets.wait("a", 0)).toBe(0);
    expect(buckets.take("a", 0)).toBe(0);
    expect(buckets.wait("a", 0)).toBe(1000);
    expect(buckets.take("b", 0)).toBe(0);
    expect(buckets.wait("a", 1000)).toBe(0);
  });

  it("keep a bounded number, those that were touched last", () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1, keysMax: 2 });
    for (const key of ["a", "b", "a", "c"]) buckets.take(key, 0);
    expect(buckets.size).toBe(2);
    expect(["a", "b", "c"].map((key) => buckets.wait(key, 0) > 0)).toEqual([true, false, true]);
  });

  it("do not mind a clock that is set back", () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1, keysMax: 2 });
    expect(buckets.take("a", 10_000)).toBe(0);
    expect(buckets.take("a", 0)).toBe(1000);
    expect(buckets.take("a", 1000)).toBe(0);
  });
});
