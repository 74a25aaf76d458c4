import { expect, test } from "vitest";
import type { CpuProfile, ProfileNode } from "./inspector.ts";
import { summarize, summaryLines } from "./profile.ts";

const BUNDLE = [
  "// src/a.ts",
  "function outer() {",
  "  inner();",
  "}",
  "// src/b.ts",
  "function inner() {",
  "}",
];

function node(
  id: number,
  [functionName, lineNumber]: readonly [string, number],
  rest: Partial<ProfileNode> = {},
): ProfileNode {
  const isNative = functionName.startsWith("(");
  return { id, callFrame: { functionName, lineNumber, url: isNative ? "" : "worker.js" }, ...rest };
}

/** outer for 2 ms, inner below it for 3 ms and again below itself for 4 ms, then 1 ms of nothing. */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, ["(root)", -1], { children: [2, 5] }),
    node(2, ["outer", 1], { children: [3], positionTicks: [{ line: 3, ticks: 1 }] }),
    node(3, ["inner", 5], { children: [4] }),
    node(4, ["inner", 5], {
      positionTicks: [
        { line: 6, ticks: 3 },
        { line: 7, ticks: 1 },
      ],
    }),
    node(5, ["(idle)", -1]),
  ],
  startTime: 1000,
  endTime: 11_000,
  samples: [2, 3, 4, 5, 5],
  timeDeltas: [0, 2000, 3000, 4000, 1000],
};

test("time is told by function, each once however often it calls itself", () => {
  const { functions, spanMs } = summarize([PROFILE], BUNDLE.join("\n"));
  expect(spanMs).toBe(10);
  expect(functions).toEqual([
    { name: "inner", file: "src/b.ts", selfMs: 7, totalMs: 7 },
    { name: "outer", file: "src/a.ts", selfMs: 2, totalMs: 9 },
    { name: "(idle)", file: "native", selfMs: 1, totalMs: 1 },
  ]);
});

test("time is told by the file of the source, and by line", () => {
  const { files, lines } = summarize([PROFILE], BUNDLE.join("\n"));
  expect(files.map(({ name, selfMs, totalMs }) => [name, selfMs, totalMs])).toEqual([
    ["src/b.ts", 7, 7],
    ["src/a.ts", 2, 9],
    ["native", 1, 1],
  ]);
  expect(lines.map(({ name, file, selfMs }) => [name, file, selfMs])).toEqual([
    ["6: function inner() {", "src/b.ts", 3],
    ["3: inner();", "src/a.ts", 2],
    ["7: }", "src/b.ts", 1],
  ]);
});

test("processes that ran at once add up over the same span", () => {
  const { functions, spanMs } = summarize([PROFILE, PROFILE], BUNDLE.join("\n"));
  expect(spanMs).toBe(10);
  expect(functions[0]).toEqual({ name: "inner", file: "src/b.ts", selfMs: 14, totalMs: 14 });
});

test("the table tells the part of the time and what each request costs", () => {
  const [head = "", first = ""] = summaryLines(summarize([PROFILE], BUNDLE.join("\n")), 1000);
  expect(head.trim().split(/ {2,}/)).toEqual(["self ms", "of time", "a request", "total ms", "function"]);
  expect(first.trim().split(/ {2,}/)).toEqual(["7", "70.0%", "7.00 us", "7", "inner", "src/b.ts"]);
});
