/** What is wrong with a counter is found, and nothing else. */
import { expect, test } from "vitest";

import { checkCounter } from "./http-load.ts";

/** One that came to this, asked and answered then. */
function addition(value: bigint | undefined, startMs: number, endMs: number) {
  return { value, startMs, endMs };
}

test("a counter to which all was added for certain is right, and so is one with what may have been added", () => {
  const certain = [addition(1n, 0, 5), addition(3n, 2, 9), addition(2n, 4, 8)];
  expect(checkCounter(certain, 3n)).toEqual([]);
  expect(checkCounter([...certain, addition(undefined, 1, 9)], 4n)).toEqual([]);
});

test("a counter that lost an addition, or has one twice, is told", () => {
  const certain = [addition(1n, 0, 5), addition(2n, 6, 9)];
  expect(checkCounter(certain, 1n).map(({ check }) => check)).toEqual(["CounterIsSum"]);
  expect(checkCounter(certain, 3n).map(({ check }) => check)).toEqual(["CounterIsSum"]);
});

test("additions that come to the same, or to less than one before them, are told", () => {
  const [same] = checkCounter([addition(1n, 0, 5), addition(1n, 6, 9)], 2n);
  expect(same?.message).toContain("two additions came to 1");
  const [back] = checkCounter([addition(2n, 0, 5), addition(1n, 6, 9)], 2n);
  expect(back?.message).toContain("came to 2, which was told before one began that came to 1");
});
