import { describe, expect, it } from "vitest";

import { readArguments } from "./arguments.ts";

const NOW_MS = 1_800_000_000_500;

describe("the command line of npm run sim", () => {
  it("plays a hundred fresh seeds unless told otherwise", () => {
    expect(readArguments([], NOW_MS)).toMatchObject({ first: 1_800_000_000_000, seeds: 100, shape: {} });
    expect(readArguments(["--minutes", "5"], NOW_MS)).toMatchObject({ minutes: 5 });
    const one = ["--seed", "7", "--voters", "5", "--operations", "40"];
    expect(readArguments(one, NOW_MS)).toMatchObject({
      first: 7,
      seeds: 1,
      shape: { voters: 5, operations: 40 },
    });
    expect(readArguments(["--help"], NOW_MS)).toBe("help");
  });

  it.each([
    [["--seeds", "0"], '--seeds is "0": it must be a whole number from 1 on'],
    [["--seeds", "x"], '--seeds is "x"'],
    [["--seed", "1.5"], '--first is "1.5"'],
    [["--voters", "4"], '--voters is "4": it must be 1, 3 or 5'],
    [["--seed", "5", "--seeds", "7"], "--seed is one run"],
    [["--kept", "../x"], 'no run "../x" is kept; there are'],
    [["--bogus"], "--bogus"],
    [["foo"], "foo"],
    [["--seeds"], "--seeds"],
  ])("says what is wrong with %j", (args, what) => {
    const order = readArguments(args, NOW_MS);
    const error = typeof order === "object" && "error" in order ? order.error : "nothing is wrong";
    expect(error).toContain(what);
  });
});
