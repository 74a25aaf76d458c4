import { describe, expect, test } from "vitest";
import { PERMS } from "../../src/base/acl.ts";
import { KeeperError } from "../../src/base/error-code.ts";
import type { TreeReadRequest } from "../../src/tree/tree-read.ts";
import { ALICE, BOB, bytes, create, Leader, line, SUPER } from "./harness.ts";

/** The error's code, or 0 for an answer. */
function codeOfRead(leader: Leader, request: TreeReadRequest): number {
  try {
    leader.read(request);
    return 0;
  } catch (error) {
    if (!(error instanceof KeeperError)) throw error;
    return error.code;
  }
}

function leaderWithNodes(): Leader {
  const leader = new Leader();
  leader.write(create("/r", { data: bytes("hi") }));
  for (const name of ["b", "a", "c"]) leader.write(create(`/r/${name}`));
  leader.write(create("/r/a/deep"));
  leader.write(create("/wo", { acl: [line(PERMS.write, "world", "anyone")] }));
  leader.write(create("/r/e1", { flags: 1 }));
  leader.write(create("/r/e2", { flags: 1 }), { session: BOB });
  leader.write(create("/top", { flags: 1 }));
  return leader;
}

const WATCHABLE = ["exists", "getData", "getChildren", "getChildren2"] as const;
const OF_PATH = ["getACL", "getAllChildrenNumber"] as const;

function requestOf(op: (typeof WATCHABLE)[number] | (typeof OF_PATH)[number], path: string): TreeReadRequest {
  if (op === "getACL" || op === "getAllChildrenNumber") return { op, path };
  return { op, path, watch: false };
}

describe.each([...WATCHABLE, ...OF_PATH])("%s", (op) => {
  const cases: ReadonlyArray<readonly [string, number]> = [
    ["/r", 0],
    ["/", 0],
    ["", 0],
    ["x", -101],
    ["/nope", -101],
    ["/r//a", -101],
    ["/r/", -101],
    ["//r", -101],
    // exists has been refused too since 3.9.2; on 3.8.0 it was answered.
    ["/wo", -102],
  ];
  test.each(cases)("of '%s' gives %i (seen on 3.8.0)", (path, code) => {
    expect(codeOfRead(leaderWithNodes(), requestOf(op, path))).toBe(code);
  });

  test("of a path with NUL (seen on 3.8.0)", () => {
    const code = codeOfRead(leaderWithNodes(), requestOf(op, "/a\0b"));

    expect(code).toBe(op === "exists" ? -8 : -101);
  });

  test("super may read all", () => {
    const leader = leaderWithNodes();

    expect(() => leader.read(requestOf(op, "/wo"), { identities: SUPER })).not.toThrow();
  });
});

test("reads answer with the data, the Stat and the sorted children", () => {
  const leader = leaderWithNodes();
  const stat = leader.tree.stat("/r");
  const children = ["a", "b", "c", "e1", "e2"];

  expect(leader.read(requestOf("exists", "/r"))).toEqual({ op: "stat", stat });
  expect(leader.read(requestOf("getData", "/r"))).toEqual({
    op: "getData",
    data: bytes("hi"),
    stat,
  });
  expect(leader.read(requestOf("getChildren", "/r"))).toEqual({ op: "children", children });
  expect(leader.read(requestOf("getChildren2", "/r"))).toEqual({ op: "children2", children, stat });
  expect(leader.read(requestOf("getAllChildrenNumber", "/r"))).toEqual({ op: "count", count: 6 });
  expect(leader.read(requestOf("getAllChildrenNumber", "/"))).toEqual({
    op: "count",
    count: leader.tree.nodeCount - 1,
  });
});

describe("getEphemerals lists the session's own", () => {
  const cases: ReadonlyArray<readonly [string, readonly string[]]> = [
    ["", ["/r/e1", "/top"]],
    ["/", ["/r/e1", "/top"]],
    [" / ", ["/r/e1", "/top"]],
    ["/r", ["/r/e1"]],
    ["/t", ["/top"]],
    ["/nope", []],
  ];
  test.each(cases)("below '%s'", (path, paths) => {
    const request = { op: "getEphemerals", path } as const;

    expect(leaderWithNodes().read(request, { session: ALICE })).toEqual({ op: "ephemerals", paths });
  });
});

describe("multiRead", () => {
  test("answers each operation, or says its error in its place (seen on 3.8.0)", () => {
    const leader = leaderWithNodes();
    const stat = leader.tree.stat("/r");

    const response = leader.read({
      op: "multiRead",
      operations: [
        { op: "getData", path: "/r", watch: true },
        { op: "getChildren", path: "/nope", watch: true },
        { op: "getData", path: "/wo", watch: false },
        { op: "getChildren", path: "/r/a", watch: false },
      ],
    });

    expect(response).toEqual({
      op: "multi",
      results: [
        { op: "getData", data: bytes("hi"), stat },
        { op: "error", code: -101 },
        { op: "error", code: -102 },
        { op: "getChildren", children: ["deep"] },
      ],
    });
  });

  test("is refused whole with another operation in it (seen on 3.8.0)", () => {
    const operations = [
      { op: "getData", path: "/r", watch: false },
      { op: "unsupported", type: 3 },
    ] as const;

    expect(codeOfRead(leaderWithNodes(), { op: "multiRead", operations })).toBe(-5);
  });
});

describe("a multiRead that names large znodes again and again", () => {
  test.each([
    ["getData", "/big"],
    ["getChildren", "/r"],
  ] as const)("is refused before %s fills memory", (op, path) => {
    const leader = leaderWithNodes();
    leader.write(create("/big", { data: new Uint8Array(1_000_000) }));
    for (let index = 0; index < 100; index++) leader.write(create(`/r/${"long".repeat(50)}${index}`));
    const operations = Array.from({ length: 20_000 }, () => ({ op, path, watch: false }));

    expect(codeOfRead(leader, { op: "multiRead", operations })).toBe(-5);
    expect(codeOfRead(leader, { op: "multiRead", operations: operations.slice(0, 4) })).toBe(0);
  });
});
