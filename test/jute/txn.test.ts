/** Transactions byte by byte. They are stored for good, so a change here needs a new format version. */
import { describe, expect, it } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Txn, TxnHeader } from "../../src/base/txn.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import { hex } from "./bytes.ts";

const SESSION = 0x0100000000000abcn;
const PASSWORD = Uint8Array.from({ length: 16 }, (_, index) => index);

/** Version 1, session, xid 7, time 0x18c00000001 (6 bytes of varint), sid 2, instance 300, serial 1. */
const TXN_HEADER_HEX = "01 0100000000000abc 0e 81808080c031 02 ac02 01";

/** Stored on disks for good: when one of these fails, the format has changed and needs a new version. */
const TXNS: readonly (readonly [string, Txn, string])[] = [
  [
    "an ephemeral's create",
    {
      kind: "create",
      path: "/a",
      data: null,
      acl: OPEN_ACL,
      owner: { mode: "ephemeral", session: SESSION },
      parentCreates: 3,
      withStat: true,
    },
    "01 02 2f61 00 01 3e 05 776f726c64 06 616e796f6e65 01 0100000000000abc 06 01",
  ],
  [
    "a create of a persistent znode with empty data",
    {
      kind: "create",
      path: "/é",
      data: hex(""),
      acl: [],
      owner: { mode: "persistent" },
      parentCreates: -0x80000000,
      withStat: false,
    },
    "01 03 2fc3a9 01 00 00 ffffffff0f 00",
  ],
  [
    "a container's create",
    {
      kind: "create",
      path: "/a",
      data: hex("ff"),
      acl: [],
      owner: { mode: "container" },
      parentCreates: 0,
      withStat: false,
    },
    "01 02 2f61 02 ff 00 02 00 00",
  ],
  [
    "a create with a time to live",
    {
      kind: "create",
      path: "/a",
      data: null,
      acl: [],
      owner: { mode: "ttl", ttlMs: 128 },
      parentCreates: 0,
      withStat: false,
    },
    "01 02 2f61 00 00 03 8001 00 00",
  ],
  ["delete", { kind: "delete", path: "/a" }, "02 02 2f61"],
  ["setData", { kind: "setData", path: "/a", data: hex("cafe"), version: 1 }, "03 02 2f61 03 cafe 02"],
  ["check", { kind: "check", path: "/a", version: -1 }, "04 02 2f61 01"],
  ["error", { kind: "error", code: -101 }, "05 c901"],
  ["setAcl", { kind: "setAcl", path: "/a", acl: [], aversion: 2 }, "06 02 2f61 00 04"],
  [
    "multi",
    {
      kind: "multi",
      operations: [
        { kind: "delete", path: "/" },
        { kind: "error", code: 0 },
      ],
    },
    "07 02 02 01 2f 05 00",
  ],
  [
    "createSession",
    { kind: "createSession", timeoutMs: 30_000, password: PASSWORD },
    "08 e0d403 11 000102030405060708090a0b0c0d0e0f",
  ],
  [
    "sessionMulti",
    {
      kind: "sessionMulti",
      timeoutMs: 30_000,
      password: PASSWORD,
      operations: [{ kind: "delete", path: "/" }],
    },
    "0e e0d403 11 000102030405060708090a0b0c0d0e0f 01 02 01 2f",
  ],
  ["closeSession", { kind: "closeSession" }, "09"],
  ["settled", { kind: "settled" }, "0c"],
  [
    "dormant",
    { kind: "dormant", horizonMs: 300, wakeInMs: 1, sessions: [{ session: 0x0102030405060708n, leftMs: 2 }] },
    "0f ac02 01 01 01 0102030405060708 02",
  ],
  [
    "restore",
    { kind: "restore", staged: { permit: { epoch: 1, counter: 300 }, digest: "0a" } },
    "0d 01 ac02 02 3061",
  ],
  ["config", { kind: "config", data: hex("31") }, "0a 02 31"],
  ["barrier", { kind: "barrier", path: "" }, "0b 00"],
];

function encoded(header: TxnHeader, txn: Txn): Uint8Array {
  const writer = new JuteWriter();
  encodeTxn(writer, header, txn);
  return writer.take();
}

describe("transactions", () => {
  const header = {
    session: SESSION,
    xid: 7,
    timeMs: 0x18c_0000_0001,
    origin: { sid: 2, instance: 300, serial: 1 },
  };

  it.each(TXNS)("%s", (_, txn, txnHex) => {
    const bytes = hex(TXN_HEADER_HEX, txnHex);
    expect(encoded(header, txn)).toEqual(bytes);
    expect(decodeTxn(bytes)).toEqual({ header, txn });
  });

  it.each([
    ["a newer format", `02${TXN_HEADER_HEX.slice(2)}`, "09", "bad-version"],
    ["an unknown kind", TXN_HEADER_HEX, "10", "bad-type"],
    ["a session's end inside a multi", TXN_HEADER_HEX, "07 01 09 00", "bad-type"],
    ["an unknown owner", TXN_HEADER_HEX, "01 00 00 00 04 00 00", "bad-type"],
    ["a null password", TXN_HEADER_HEX, "08 00 00", "bad-value"],
    ["bytes behind the end", TXN_HEADER_HEX, "09 00", "trailing-bytes"],
    ["a number above 2^53 - 1", TXN_HEADER_HEX, "05 ffffffffffffff1f", "bad-value"],
    ["nothing", "", "", "truncated"],
  ])("%s is refused", (_, headerHex, txnHex, problem) => {
    expect(() => decodeTxn(hex(headerHex, txnHex))).toThrow(problem);
  });
});
