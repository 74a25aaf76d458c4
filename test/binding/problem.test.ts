import { expect, test } from "vitest";
import { EdgekeeperError, problemOf } from "../../src/binding/problem.ts";

const HELD = { code: "lock-held", status: 409, detail: "somebody holds it (409): so it is" };

test("a problem is read from an error as it was thrown", () => {
  expect(problemOf(new EdgekeeperError(HELD))).toEqual({ ...HELD, isRetryable: false });
});

test("a problem is read from the text alone, as a Worker with an old compatibility date gets it", () => {
  const { name, message } = new EdgekeeperError({ ...HELD, code: "no-quorum", status: 503 });
  const left = new Error(`${name}: ${message}`);
  expect(problemOf(left)).toEqual({ ...HELD, code: "no-quorum", status: 503, isRetryable: true });
});

test("an error of somebody else's is no problem of Edgekeeper's", () => {
  for (const text of ["Network connection lost.", "", "lock-held: no", "Error: x (409): y", "a-b (4): c"]) {
    expect(problemOf(new Error(text))).toBeUndefined();
  }
  expect(problemOf("lock-held (409): no error at all")).toBeUndefined();
});
