import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { MultiResult, Response } from "../../../src/base/request.ts";
import type { Stat } from "../../../src/base/stat.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { misfitOf } from "./fitting-answer.ts";
import { bytesOf, createOf, FLAGS } from "./workload.ts";

const ZXID = { epoch: 1, counter: 7 };
const BEFORE = { epoch: 1, counter: 6 };
const SESSION = 5n;

function stat(more: Partial<Stat> = {}): Stat {
  const zeros = {
    ctime: 0,
    mtime: 0,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    numChildren: 0,
  };
  return { ...zeros, czxid: ZXID, mzxid: ZXID, pzxid: ZXID, dataLength: 1, ...more };
}

function misfit(request: ClientRequest, answer: Response | number): string | undefined {
  const error = typeof answer === "number" ? answer : 0;
  const response = typeof answer === "number" ? ({ op: "empty" } as const) : answer;
  return misfitOf({ session: SESSION, request, zxid: ZXID, error, response });
}

const X = bytesOf("x");
const CREATE = createOf("/a", X);
const SEQUENTIAL = createOf("/q/n-", X, FLAGS.sequential);
const EPHEMERAL: ClientRequest = { ...createOf("/e", X, FLAGS.ephemeral), op: "create2" };
const SET: ClientRequest = { op: "setData", path: "/a", data: X, version: 3 };
const READ: ClientRequest = { op: "getData", path: "/a", watch: false };
const LIST: ClientRequest = { op: "getChildren2", path: "/a", watch: false };
const SYNC: ClientRequest = { op: "sync", path: "/a" };
const MULTI: ClientRequest = {
  op: "multi",
  operations: [
    { op: "check", path: "/a", version: 1 },
    { op: "setData", path: "/a", data: X, version: -1 },
    createOf("/b", X),
  ],
};

function multi(...results: readonly MultiResult[]): Response {
  return { op: "multi", results };
}

function failed(...codes: readonly number[]): Response {
  return multi(...codes.map((code) => ({ op: "error", code }) as const));
}

const SET_RESULT: MultiResult = { op: "setData", stat: stat() };

describe("an answer fits its request", () => {
  it.each<readonly [string, ClientRequest, Response | number]>([
    ["the path that was asked for", CREATE, { op: "path", path: "/a" }],
    ["the path with a number", SEQUENTIAL, { op: "path", path: "/q/n-0000000012" }],
    [
      "an ephemeral of the session",
      EPHEMERAL,
      { op: "create2", path: "/e", stat: stat({ ephemeralOwner: SESSION }) },
    ],
    ["that it is there already", CREATE, ERROR_CODES.nodeExists],
    ["that the session is over", SYNC, ERROR_CODES.sessionExpired],
    ["the next version", SET, { op: "stat", stat: stat({ version: 4 }) }],
    ["data and its length", READ, { op: "getData", data: X, stat: stat() }],
    ["children and their number", LIST, { op: "children2", children: ["b"], stat: stat({ numChildren: 1 }) }],
    ["a multi that is done", MULTI, multi({ op: "check" }, SET_RESULT, { op: "create", path: "/b" })],
    ["a multi that failed", MULTI, failed(0, ERROR_CODES.noNode, ERROR_CODES.runtimeInconsistency)],
  ])("%s", (_, request, answer) => {
    expect(misfit(request, answer)).toBeUndefined();
  });

  it.each<readonly [string, ClientRequest, Response | number]>([
    ["another path", CREATE, { op: "path", path: "/b" }],
    ["no number", SEQUENTIAL, { op: "path", path: "/q/n-" }],
    [
      "somebody else's ephemeral",
      EPHEMERAL,
      { op: "create2", path: "/e", stat: stat({ ephemeralOwner: 6n }) },
    ],
    [
      "an older znode",
      EPHEMERAL,
      { op: "create2", path: "/e", stat: stat({ ephemeralOwner: SESSION, czxid: BEFORE }) },
    ],
    ["an error of other requests", CREATE, ERROR_CODES.badVersion],
    ["a read that fails with its session", READ, ERROR_CODES.sessionExpired],
    ["-118, which no client is shown", CREATE, ERROR_CODES.sessionMoved],
    ["the version that was expected", SET, { op: "stat", stat: stat({ version: 3 }) }],
    ["somebody else's change", SET, { op: "stat", stat: stat({ version: 4, mzxid: BEFORE }) }],
    ["data of another length", READ, { op: "getData", data: X, stat: stat({ dataLength: 2 }) }],
    ["a child twice", LIST, { op: "children2", children: ["b", "b"], stat: stat({ numChildren: 2 }) }],
    ["a sync of another path", SYNC, { op: "path", path: "/b" }],
    ["the answer to something else", READ, { op: "stat", stat: stat() }],
    ["half a multi", MULTI, multi({ op: "check" }, { op: "error", code: ERROR_CODES.noNode }, SET_RESULT)],
    ["a multi that failed twice", MULTI, failed(ERROR_CODES.noNode, ERROR_CODES.noNode, 0)],
    ["a multi that failed and did not", MULTI, failed(0, 0, 0)],
    ["results that are missing", MULTI, multi({ op: "check" }, SET_RESULT)],
    ["results of another order", MULTI, multi(SET_RESULT, { op: "check" }, { op: "create", path: "/b" })],
  ])("not: %s", (_, request, answer) => {
    expect(misfit(request, answer)).toBeDefined();
  });
});
