import { describe, expect, test } from "vitest";
import type { Zxid } from "../../../src/base/zxid.ts";
import { maxAgeOf, ReadCache } from "../../../src/gateway/api/read-cache.ts";

function answer(counter: number): { readonly zxid: Zxid } {
  return { zxid: zxid(counter) };
}

function at(atMs: number, bytes = 1) {
  return { atMs, bytes };
}

function zxid(counter: number): Zxid {
  return { epoch: 1, counter };
}

function wanted(nowMs: number, maxAgeMs = 1000, seen = 0) {
  return { nowMs, maxAgeMs, minZxid: zxid(seen) };
}

describe("what was kept", () => {
  test("is given to whom it is not too old, with its age", () => {
    const cache = new ReadCache<{ readonly zxid: Zxid }>();
    cache.keep("a", answer(5), at(100));
    expect(cache.find("a", wanted(1100))).toEqual({ answer: answer(5), ageMs: 1000 });
    expect(cache.find("a", wanted(1101))).toBeUndefined();
    expect(cache.find("a", wanted(1101, 2000))?.ageMs).toBe(1001);
    expect(cache.find("b", wanted(100))).toBeUndefined();
  });

  test("is not given to who has seen more", () => {
    const cache = new ReadCache<{ readonly zxid: Zxid }>();
    cache.keep("a", answer(5), at(0));
    expect(cache.find("a", wanted(1, 1000, 5))).toBeDefined();
    expect(cache.find("a", wanted(1, 1000, 6))).toBeUndefined();
  });

  test("is gone after a minute, whatever callers take", () => {
    const cache = new ReadCache<{ readonly zxid: Zxid }>();
    cache.keep("a", answer(5), at(0));
    expect(cache.find("a", wanted(60_000, 10 ** 9))).toBeDefined();
    expect(cache.find("a", wanted(60_001, 10 ** 9))).toBeUndefined();
    expect(cache.find("a", wanted(60_000, 10 ** 9))).toBeUndefined();
  });

  test("is never replaced by what is older", () => {
    const cache = new ReadCache<{ readonly zxid: Zxid }>();
    cache.keep("a", answer(5), at(0));
    cache.keep("a", answer(4), at(10));
    expect(cache.find("a", wanted(10))).toEqual({ answer: answer(5), ageMs: 10 });
    cache.keep("a", answer(5), at(10));
    expect(cache.find("a", wanted(10))?.ageMs).toBe(0);
  });

  test("takes 8 MB at most: what was kept first goes first, and nothing that is an eighth of it stays", () => {
    const cache = new ReadCache<{ readonly zxid: Zxid }>();
    for (let index = 0; index < 20; index++) cache.keep(String(index), answer(index), at(0, 1_000_000));
    const kept = Array.from({ length: 20 }, (_, index) => index).filter(
      (index) => cache.find(String(index), wanted(0)) !== undefined,
    );
    expect(kept).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    cache.keep("large", answer(30), at(0, 1_048_576));
    expect(cache.find("large", wanted(0))).toBeUndefined();
    expect(cache.find("19", wanted(0))).toBeDefined();
  });
});

test.each([
  [undefined, 0],
  ["", 0],
  ["max-age=5", 5000],
  ["Max-Age = 5", 5000],
  ["min-fresh=3, max-age=60", 60_000],
  ["no-cache, max-age=60", 0],
  ["max-age=60, no-store", 0],
  ["s-max-age=9", 0],
  ["max-age=", 0],
  ["max-age=-1", 0],
])("Cache-Control %s takes what is %i ms old", (header, ms) => {
  expect(maxAgeOf(header)).toBe(ms);
});
