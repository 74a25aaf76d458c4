import { describe, expect, test } from "vitest";
import { type Identity, PERMS } from "../../src/base/acl.ts";
import { CLIENT_FRAME_BYTES_MAX, TXN_BYTES_MAX } from "../../src/base/limits.ts";
import type { CreateRequest, MultiOperation, WriteRequest } from "../../src/base/request.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { encodeTxn } from "../../src/jute/txn.ts";
import { ALICE, codeOf, codesOf, create, headerOf, Leader, line } from "./harness.ts";

/** As many logins as a connection may prove. */
const LOGINS: readonly Identity[] = Array.from({ length: 500 }, (_, index) => ({
  scheme: "digest",
  id: `user${index}:${"x".repeat(28)}`,
}));

/** `auth` lines that differ: each stands for every login. */
function authLines(count: number): CreateRequest["acl"] {
  return Array.from({ length: count }, (_, index) => line(index + 32, "auth", ""));
}

function frameBytes(request: Parameters<typeof encodeRequest>[2]): number {
  const writer = new JuteWriter();
  encodeRequest(writer, 1, request);
  return writer.length - 4;
}

/** The bytes of the transaction that the leader makes of a request. */
function txnBytes(leader: Leader, request: WriteRequest): number {
  const writer = new JuteWriter();
  encodeTxn(writer, headerOf(ALICE, 1), leader.propose(request, { identities: LOGINS }));
  return writer.length;
}

describe("no request makes a transaction that a row of the log cannot hold", () => {
  const garbled = "\ufffd".repeat(1_000_000);
  const requests: ReadonlyArray<readonly [string, WriteRequest]> = [
    ["setACL with auth many times", { op: "setACL", path: "/", acl: authLines(60_000), version: -1 }],
    ["create with auth many times", create("/a", { acl: authLines(60_000) })],
    [
      "setACL with a malformed id",
      { op: "setACL", path: "/", acl: [line(PERMS.all, "digest", `x:${garbled}`)], version: -1 },
    ],
    ["sync with a malformed path", { op: "sync", path: garbled }],
    [
      "multi whose lists grow",
      {
        op: "multi",
        operations: Array.from({ length: 10_000 }, (_, index) => create(`/m${index}`, { acl: authLines(1) })),
      },
    ],
  ];
  test.each(requests)("%s", (_, request) => {
    const leader = new Leader();
    expect(txnBytes(leader, request)).toBeLessThanOrEqual(TXN_BYTES_MAX);
    expect(leader.preparer.outstanding).toBe(0);
  });

  test("what does not fit is refused by name, and nothing of it is done", () => {
    const leader = new Leader();
    const by = { identities: LOGINS };
    expect(codeOf(leader.write(create("/a", { acl: authLines(60_000) }), by))).toBe(-114);
    expect(codeOf(leader.write({ op: "sync", path: garbled }, by))).toBe(-5);
    const operations = Array.from({ length: 1000 }, (_, index) =>
      create(`/m${index}`, { acl: authLines(1) }),
    );
    expect(codesOf(leader.write({ op: "multi", operations }, by))).toContain(-5);
    expect(leader.tree.childNames("/")).toEqual(["zookeeper"]);
  });
});

describe("every multi that a frame holds is done", () => {
  const kinds: ReadonlyArray<readonly [string, (index: number) => MultiOperation]> = [
    ["creates", (index) => create(`/${index}`)],
    ["sequential creates", () => create("/", { flags: 2 })],
    ["checks", () => ({ op: "check", path: "/", version: -1 })],
    ["setData", () => ({ op: "setData", path: "/", data: new Uint8Array(1), version: -1 })],
  ];
  test.each(kinds)("%s", (_, operationOf) => {
    const operations: MultiOperation[] = [];
    const each = frameBytes({ op: "multi", operations: [operationOf(99_999)] }) - 17;
    for (let index = 0; (index + 1) * each < CLIENT_FRAME_BYTES_MAX - 100; index++) {
      operations.push(operationOf(index));
    }
    expect(frameBytes({ op: "multi", operations })).toBeGreaterThan(0.85 * CLIENT_FRAME_BYTES_MAX);
    const outcome = new Leader().write({ op: "multi", operations });
    expect(new Set(codesOf(outcome))).toEqual(new Set([0]));
  });
});
