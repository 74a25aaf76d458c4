/** How often the commands snapshot and restore may be run; who may is compared with ZooKeeper in test/system. */
import { expect, test } from "vitest";
import { RateLimiter } from "../../../src/keeper/operations/admin-access.ts";

test("one is let through in each interval", () => {
  const limiter = new RateLimiter(100);
  expect([1000, 1001, 1099, 1100, 1150, 1200].map((nowMs) => limiter.allow(nowMs))).toEqual([
    true,
    false,
    false,
    true,
    false,
    true,
  ]);
});

test("no interval is no bound, and a clock that is set back holds nobody up for longer than one", () => {
  const [unbounded, bounded] = [new RateLimiter(0), new RateLimiter(100)];
  expect([5, 5, 4].map((nowMs) => unbounded.allow(nowMs))).toEqual([true, true, true]);
  expect([1000, 500].map((nowMs) => bounded.allow(nowMs))).toEqual([true, true]);
});
