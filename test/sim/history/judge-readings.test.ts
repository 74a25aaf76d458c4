/** What a reader of events was told, right and spoiled. */
import { expect, test } from "vitest";

import { endOf } from "../../../src/keeper/event-stream.ts";
import { checkReadings } from "./check-readings.ts";
import type { ChangeAt } from "./replay.ts";
import type { ReadingRecord, ToldChange } from "./types.ts";

const OPEN = { isOpen: true, isParentOpen: true } as const;
const ONE = { epoch: 1, counter: 1 };
const TWO = { epoch: 1, counter: 2 };
const THREE = { epoch: 1, counter: 3 };

/** A create, a transaction of two, and what not everybody may read. */
const CHANGES: readonly ChangeAt[] = [
  { kind: "created", path: "/a", zxid: ONE, ...OPEN },
  { kind: "created", path: "/a/b", zxid: TWO, ...OPEN },
  { kind: "dataChanged", path: "/a", zxid: TWO, ...OPEN },
  { kind: "created", path: "/a/secret", zxid: THREE, isOpen: false, isParentOpen: true },
];

const TOLD: readonly ToldChange[] = [
  { at: { zxid: TWO, index: 1 }, kind: "created", path: "/a/b", atMs: 1 },
  { at: { zxid: TWO, index: 2 }, kind: "dataChanged", path: "/a", atMs: 2 },
];

function broken(told: readonly ToldChange[], parts: Partial<ReadingRecord> = {}): readonly string[] {
  const watched = { path: "/a", part: "recursive" } as const;
  const reading = { client: "e1", watched, from: endOf(ONE), upTo: endOf(THREE), told, ...parts };
  return checkReadings([reading], { changes: CHANGES }).map(({ check }) => check);
}

test("a reader that was told all behind its place is right, and so is one that was told a part, as far as it came", () => {
  expect(broken(TOLD)).toEqual([]);
  expect(broken(TOLD.slice(0, 1), { upTo: { zxid: TWO, index: 1 } })).toEqual([]);
});

test("one who reads a list of children is told of those that come, whoever may read them", () => {
  const watched = { path: "/a", part: "children" } as const;
  const changed = { kind: "childrenChanged", path: "/a", atMs: 1 } as const;
  const told = [
    { ...changed, at: { zxid: TWO, index: 1 } },
    { ...changed, at: { zxid: THREE, index: 1 } },
  ];
  expect(broken(told, { watched })).toEqual([]);
  expect(broken(told.slice(1), { watched })).toEqual(["EventsAreExact"]);
});

test.each([
  ["a gap", TOLD.slice(1)],
  ["one missing at the end", TOLD.slice(0, 1)],
  ["one twice", [...TOLD, ...TOLD.slice(1)]],
  ["another order", TOLD.toReversed()],
  [
    "what it may not read",
    [...TOLD, { at: { zxid: THREE, index: 1 }, kind: "created", path: "/a/secret", atMs: 3 }],
  ],
])("%s is told", (_, told) => {
  expect(broken(told)).toEqual(["EventsAreExact"]);
});
