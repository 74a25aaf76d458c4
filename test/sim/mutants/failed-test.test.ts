/** A test that ran out of time is not taken for one that saw the defect. */
import { describe, expect, it } from "vitest";

import { failedTest, OutOfTime } from "./failed-test.ts";

const FAIL = " FAIL  |pure| test/tree/a.test.ts > a tree > grows";

describe("a run of tests", () => {
  it("that passes saw nothing", () => {
    expect(failedTest({ code: 0, tail: ["Tests  3 passed (3)"] })).toBeUndefined();
  });

  it("that fails names the first test that did", () => {
    const tail = [FAIL, "AssertionError: expected 1 to be 2", FAIL.replace("grows", "shrinks")];
    expect(failedTest({ code: 1, tail })).toBe("|pure| test/tree/a.test.ts > a tree > grows");
  });

  it.each(["Error: Test timed out in 5000ms.", "Error: Hook timed out in 10000ms."])(
    "that ran out of time saw nothing that counts: %s",
    (words) => {
      expect(() => failedTest({ code: 1, tail: [FAIL, words] })).toThrow(OutOfTime);
    },
  );

  it("that was ended as it said nothing saw nothing that counts", () => {
    expect(() => failedTest({ code: undefined, tail: [FAIL] })).toThrow(OutOfTime);
  });

  it("that ends with an error and names no test is told as it is", () => {
    expect(() => failedTest({ code: 1, tail: ["Error: no such project"] })).toThrow("no such project");
  });
});
