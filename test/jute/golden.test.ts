/**
 * Frames byte by byte, written down from zookeeper.jute: a round trip cannot see a mistake made in both ways.
 */
import { describe, expect, it } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Stat } from "../../src/base/stat.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
} from "../../src/jute/handshake.ts";
import { clientOpcodeName, OPCODES } from "../../src/jute/opcodes.ts";
import { ZXID_UNKNOWN } from "../../src/jute/records.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { decodeRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { RequestOpcodeName } from "../../src/jute/responses.ts";
import { decodeServerMessage, encodeReply, encodeWatchEvent } from "../../src/jute/responses.ts";
import { hex } from "./bytes.ts";

function written(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}

/** Session 0x0100000000000abc with the password 00 01 .. 0f. */
const SESSION = 0x0100000000000abcn;
const PASSWORD = Uint8Array.from({ length: 16 }, (_, index) => index);
const PASSWORD_HEX = "00000010 000102030405060708090a0b0c0d0e0f";

const STAT: Stat = {
  czxid: { epoch: 1, counter: 2 },
  mzxid: { epoch: 1, counter: 3 },
  ctime: 0x18c_0000_0001,
  mtime: 0x18c_0000_0002,
  version: 4,
  cversion: 5,
  aversion: 6,
  ephemeralOwner: SESSION,
  dataLength: 7,
  numChildren: 8,
  pzxid: { epoch: 1, counter: 9 },
};
const STAT_HEX = [
  "0000000100000002 0000000100000003",
  "0000018c00000001 0000018c00000002",
  "00000004 00000005 00000006",
  "0100000000000abc",
  "00000007 00000008",
  "0000000100000009",
].join(" ");

describe("the handshake", () => {
  const request = {
    protocolVersion: 0,
    lastZxidSeen: { epoch: 3, counter: 12 },
    timeoutMs: 30_000,
    sessionId: SESSION,
    password: PASSWORD,
  };
  const requestHex = `00000000 000000030000000c 00007530 0100000000000abc ${PASSWORD_HEX}`;
  const response = {
    protocolVersion: 0,
    timeoutMs: 30_000,
    sessionId: SESSION,
    password: PASSWORD,
  };
  const responseHex = `00000000 00007530 0100000000000abc ${PASSWORD_HEX}`;

  it.each([
    ["an old client's request is 44 bytes", undefined, "0000002c", ""],
    ["a request is 45 bytes", false, "0000002d", "00"],
    ["a read-only client's request is 45 bytes", true, "0000002d", "01"],
  ])("%s", (_, readOnly, lengthHex, tailHex) => {
    const frame = hex(lengthHex, requestHex, tailHex);
    expect(written((writer) => encodeConnectRequest(writer, { ...request, readOnly }))).toEqual(frame);
    expect(decodeConnectRequest(frame.subarray(4))).toEqual({ ...request, readOnly });
  });

  it.each([
    ["the answer to an old client is 36 bytes", undefined, "00000024", ""],
    ["the answer is 37 bytes", false, "00000025", "00"],
    ["the answer of a read-only replica is 37 bytes", true, "00000025", "01"],
  ])("%s", (_, readOnly, lengthHex, tailHex) => {
    const frame = hex(lengthHex, responseHex, tailHex);
    expect(written((writer) => encodeConnectResponse(writer, { ...response, readOnly }))).toEqual(frame);
    expect(decodeConnectResponse(frame.subarray(4))).toEqual({ ...response, readOnly });
  });

  it("a session that is gone is answered with timeout 0, id 0 and a zeroed password", () => {
    const gone = {
      protocolVersion: 0,
      timeoutMs: 0,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: false,
    };
    const frame = hex("00000025 00000000 00000000 0000000000000000 00000010", "00".repeat(17));
    expect(written((writer) => encodeConnectResponse(writer, gone))).toEqual(frame);
  });
});

const WORLD_HEX = "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65";

const REQUESTS: readonly (readonly [string, number, ClientRequest, string])[] = [
  ["ping", -2, { op: "ping" }, "00000008 fffffffe 0000000b"],
  ["closeSession", 9, { op: "closeSession" }, "00000008 00000009 fffffff5"],
  ["whoAmI", 9, { op: "whoAmI" }, "00000008 00000009 0000006b"],
  [
    "create",
    1,
    {
      op: "create",
      path: "/a",
      data: hex("ff"),
      acl: OPEN_ACL,
      flags: 3,
      ttlMs: 0,
    },
    `00000032 00000001 00000001 00000002 2f61 00000001 ff ${WORLD_HEX} 00000003`,
  ],
  [
    "createTTL with null data",
    1,
    {
      op: "createTTL",
      path: "/a",
      data: null,
      acl: OPEN_ACL,
      flags: 5,
      ttlMs: 0x1_0000_0002,
    },
    `00000039 00000001 00000015 00000002 2f61 ffffffff ${WORLD_HEX} 00000005 0000000100000002`,
  ],
  [
    "getData with a watch, of a path in UTF-8",
    2,
    { op: "getData", path: "/é", watch: true },
    "00000010 00000002 00000004 00000003 2fc3a9 01",
  ],
  [
    "setData with empty data",
    3,
    { op: "setData", path: "/a", data: hex(""), version: -1 },
    "00000016 00000003 00000005 00000002 2f61 00000000 ffffffff",
  ],
  [
    "setACL",
    3,
    { op: "setACL", path: "/a", acl: OPEN_ACL, version: 2 },
    `0000002d 00000003 00000007 00000002 2f61 ${WORLD_HEX} 00000002`,
  ],
  [
    "auth",
    -4,
    { op: "auth", type: 0, scheme: "digest", auth: hex("613a62") },
    "0000001d fffffffc 00000064 00000000 00000006 646967657374 00000003 613a62",
  ],
  [
    "setWatches2",
    -8,
    {
      op: "setWatches2",
      relativeZxid: { epoch: 1, counter: 2 },
      dataWatches: ["/a"],
      existWatches: [],
      childWatches: ["/b", "/c"],
      persistentWatches: [],
      persistentRecursiveWatches: ["/"],
    },
    [
      "0000003b fffffff8 00000069 0000000100000002",
      "00000001 00000002 2f61 00000000 00000002 00000002 2f62 00000002 2f63",
      "00000000 00000001 00000001 2f",
    ].join(" "),
  ],
  [
    "reconfig",
    4,
    {
      op: "reconfig",
      joiningServers: null,
      leavingServers: "1",
      newMembers: null,
      currentConfigId: -1n,
    },
    "0000001d 00000004 00000010 ffffffff 00000001 31 ffffffff ffffffffffffffff",
  ],
  [
    "removeWatches",
    4,
    { op: "removeWatches", path: "/a", type: 3 },
    "00000012 00000004 00000012 00000002 2f61 00000003",
  ],
  [
    "multi of a check and a delete",
    5,
    {
      op: "multi",
      operations: [
        { op: "check", path: "/a", version: 7 },
        { op: "delete", path: "/b", version: -1 },
      ],
    },
    [
      "00000037 00000005 0000000e",
      "0000000d 00 ffffffff 00000002 2f61 00000007",
      "00000002 00 ffffffff 00000002 2f62 ffffffff",
      "ffffffff 01 ffffffff",
    ].join(" "),
  ],
  ["an empty multi", 5, { op: "multi", operations: [] }, "00000011 00000005 0000000e ffffffff 01 ffffffff"],
  [
    "multiRead",
    5,
    { op: "multiRead", operations: [{ op: "getChildren", path: "/a", watch: false }] },
    "00000021 00000005 00000016 00000008 00 ffffffff 00000002 2f61 00 ffffffff 01 ffffffff",
  ],
];

describe("requests", () => {
  it.each(REQUESTS)("%s", (_, xid, request, frameHex) => {
    const frame = hex(frameHex);
    expect(written((writer) => encodeRequest(writer, xid, request))).toEqual(frame);
    expect(decodeRequest(frame.subarray(4))).toEqual({ kind: "request", xid, request });
  });

  it("fields that a newer client appends are ignored", () => {
    expect(decodeRequest(hex("00000002 00000004 00000002 2f61 01 cafe"))).toEqual({
      kind: "request",
      xid: 2,
      request: { op: "getData", path: "/a", watch: true },
    });
  });

  it("null vectors read as empty, null for a path cannot be decoded", () => {
    expect(decodeRequest(hex("00000001 00000001 00000001 2f ffffffff ffffffff 00000000"))).toEqual({
      kind: "request",
      xid: 1,
      request: { op: "create", path: "/", data: null, acl: [], flags: 0, ttlMs: 0 },
    });
    const nowhere = decodeRequest(hex("00000001 00000001 ffffffff ffffffff ffffffff 00000000"));
    expect(nowhere).toMatchObject({ kind: "undecodable", xid: 1 });
  });

  it.each([
    ["world", "00000005 776f726c64", "undecodable"],
    ["digest", "00000006 646967657374", "undecodable"],
    ["ip", "00000002 6970", "undecodable"],
    ["auth", "00000004 61757468", "request"],
    ["a scheme that nobody knows", "00000001 78", "request"],
  ])("null for an id of %s in an access control list (seen on 3.9.5)", (_, scheme, kind) => {
    const frame = `00000001 00000001 00000001 2f ffffffff 00000001 0000001f ${scheme} ffffffff 00000000`;
    expect(decodeRequest(hex(frame)).kind).toBe(kind);
  });

  it("malformed UTF-8 reads as U+FFFD, which no path may hold", () => {
    const decoded = decodeRequest(hex("00000001 00000003 00000003 2fff61 00"));
    expect(decoded).toMatchObject({ kind: "request", request: { path: "/\ufffda" } });
  });
});

describe("requests that cannot be served", () => {
  it.each([
    ["an unknown number", 10],
    ["a number of another service", 500],
    ["an internal operation (createSession)", -10],
    ["an internal operation (deleteContainer)", 20],
    ["a notification", 0],
    ["an error", -1],
  ])("%s is an unknown opcode", (_, type) => {
    const body = written((writer) => {
      writer.int(77);
      writer.int(type);
    });
    expect(decodeRequest(body)).toEqual({ kind: "unknownOpcode", xid: 77, type });
  });

  it.each([
    ["a path that ends early", "00000005 2f61", "truncated"],
    ["a negative length", "fffffffe", "bad-length"],
    ["a length of two gigabytes", "7fffffff 2f", "truncated"],
    ["no fields", "", "truncated"],
  ])("%s is undecodable, and its xid is known", (_, bodyHex, problem) => {
    const decoded = decodeRequest(hex("0000004d 00000003", bodyHex));
    expect(decoded).toMatchObject({ kind: "undecodable", xid: 77, type: 3, problem: { problem } });
  });

  it.each([
    ["an operation that stands in no multi", "00000003 00 ffffffff 00000002 2f61 00", "bad-type"],
    [
      "reads and writes together",
      "00000002 00 ffffffff 00000000 00000000 00000004 00 ffffffff 00000000 00",
      "bad-type",
    ],
    ["a multi without an end", "00000002 00 ffffffff 00000000 00000000", "truncated"],
  ])("%s makes a multi undecodable", (_, bodyHex, problem) => {
    const decoded = decodeRequest(hex("0000004d 0000000e", bodyHex));
    expect(decoded).toMatchObject({ kind: "undecodable", xid: 77, type: 14, problem: { problem } });
  });

  it("reads in a multi, or writes in a multiRead, are unsupported one by one", () => {
    const read = "00000004 00 ffffffff 00000002 2f61 00";
    const write = "00000002 00 ffffffff 00000002 2f61 00000000";
    const end = "ffffffff 01 ffffffff";
    expect(decodeRequest(hex("00000001 0000000e", read, end))).toMatchObject({
      request: { op: "multi", operations: [{ op: "unsupported", type: 4 }] },
    });
    expect(decodeRequest(hex("00000001 00000016", write, end))).toMatchObject({
      request: { op: "multiRead", operations: [{ op: "unsupported", type: 2 }] },
    });
  });

  it.each(["", "00000001", "00000001 000000"])("%j has no header", (bodyHex) => {
    expect(decodeRequest(hex(bodyHex))).toMatchObject({
      kind: "headerless",
      problem: { problem: "truncated" },
    });
  });
});

const ZXID = { epoch: 3, counter: 12 };

const REPLIES: readonly (readonly [string, RequestOpcodeName, Parameters<typeof encodeReply>[2], string])[] =
  [
    ["delete", "delete", { op: "empty" }, "00000010 00000007 000000030000000c 00000000"],
    [
      "create",
      "create",
      { op: "path", path: "/a" },
      "00000016 00000007 000000030000000c 00000000 00000002 2f61",
    ],
    [
      "exists",
      "exists",
      { op: "stat", stat: STAT },
      `00000054 00000007 000000030000000c 00000000 ${STAT_HEX}`,
    ],
    [
      "getData of null",
      "getData",
      { op: "getData", data: null, stat: STAT },
      `00000058 00000007 000000030000000c 00000000 ffffffff ${STAT_HEX}`,
    ],
    [
      "getChildren2",
      "getChildren2",
      { op: "children2", children: ["x"], stat: STAT },
      `0000005d 00000007 000000030000000c 00000000 00000001 00000001 78 ${STAT_HEX}`,
    ],
    [
      "addWatch, which has an error of 0 as its body",
      "addWatch",
      { op: "error", code: 0 },
      "00000014 00000007 000000030000000c 00000000 00000000",
    ],
    [
      "a multi that was done",
      "multi",
      {
        op: "multi",
        results: [
          { op: "check" },
          { op: "create", path: "/a" },
          { op: "setData", stat: STAT },
          { op: "delete" },
        ],
      },
      [
        "00000087 00000007 000000030000000c 00000000",
        "0000000d 00 00000000",
        "00000001 00 00000000 00000002 2f61",
        `00000005 00 00000000 ${STAT_HEX}`,
        "00000002 00 00000000",
        "ffffffff 01 ffffffff",
      ].join(" "),
    ],
    [
      "a multi that failed at its second operation",
      "multi",
      {
        op: "multi",
        results: [
          { op: "error", code: 0 },
          { op: "error", code: -103 },
          { op: "error", code: -2 },
        ],
      },
      [
        "00000040 00000007 000000030000000c 00000000",
        "ffffffff 00 00000000 00000000",
        "ffffffff 00 ffffff99 ffffff99",
        "ffffffff 00 fffffffe fffffffe",
        "ffffffff 01 ffffffff",
      ].join(" "),
    ],
  ];

describe("replies", () => {
  it.each(REPLIES)("%s", (_, op, response, frameHex) => {
    const frame = hex(frameHex);
    const header = { xid: 7, zxid: ZXID, error: 0 };
    expect(written((writer) => encodeReply(writer, header, response))).toEqual(frame);
    expect(decodeServerMessage(frame.subarray(4), () => op)).toEqual({
      kind: "reply",
      header,
      response,
    });
  });

  it("an error is a header alone, whatever the response says", () => {
    const header = { xid: 7, zxid: ZXID_UNKNOWN, error: -6 };
    const frame = hex("00000010 00000007 ffffffffffffffff fffffffa");
    expect(written((writer) => encodeReply(writer, header, { op: "path", path: "/unsent" }))).toEqual(frame);
    expect(decodeServerMessage(frame.subarray(4), () => "create")).toEqual({
      kind: "reply",
      header,
      response: { op: "empty" },
    });
  });

  it("a reply that nobody asked for is an error of the server", () => {
    const frame = hex("00000007 000000030000000c 00000000");
    expect(() => decodeServerMessage(frame, () => undefined)).toThrow("bad-value");
  });

  it("a watch event travels under xid -1 with the zxid of the change", () => {
    const event = { type: 4, state: 3, path: "/a" };
    const frame = hex("0000001e ffffffff 000000030000000c 00000000 00000004 00000003 00000002 2f61");
    expect(written((writer) => encodeWatchEvent(writer, ZXID, event))).toEqual(frame);
    expect(decodeServerMessage(frame.subarray(4), () => undefined)).toEqual({
      kind: "event",
      zxid: ZXID,
      event,
    });
  });
});

describe("opcodes", () => {
  it("have the numbers of ZooKeeper 3.9", () => {
    const numbers = "0 1 2 3 4 5 6 7 8 9 11 12 13 14 15 16 17 18 19 20 21 22".split(" ");
    const later = "100 101 102 103 104 105 106 107 -10 -11 -1".split(" ");
    expect(Object.values(OPCODES).map(String)).toEqual([...numbers, ...later]);
    expect(clientOpcodeName(OPCODES.getData)).toBe("getData");
    expect(clientOpcodeName(OPCODES.createSession)).toBeUndefined();
    expect(clientOpcodeName(10)).toBeUndefined();
  });
});
