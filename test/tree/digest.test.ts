import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import {
  addDigest,
  dataDigest,
  type Digest,
  DIGEST_ZERO,
  digestText,
  equalDigest,
  sessionDigest,
  subtractDigest,
  znodeDigest,
} from "../../src/tree/digest.ts";
import type { Znode } from "../../src/tree/node-store.ts";
import { bytes, line } from "./harness.ts";

const NODE: Znode = {
  data: bytes("data"),
  acl: OPEN_ACL,
  owner: { mode: "persistent" },
  czxid: ZXID_ZERO,
  mzxid: ZXID_ZERO,
  pzxid: ZXID_ZERO,
  ctime: 1_700_000_000_000,
  mtime: 1_700_000_000_000,
  version: 0,
  aversion: 0,
  childCreates: 0,
  childCount: 0,
};

function digestOf(path: string, change: Partial<Znode> = {}): string {
  const node = { ...NODE, ...change };
  return digestText(znodeDigest(path, node, dataDigest(node.data)));
}

const digest = fc.record({ hi: fc.nat(0xffffffff), lo: fc.nat(0xffffffff) });
const toBigInt = ({ hi, lo }: Digest): bigint => (BigInt(hi) << 32n) | BigInt(lo);

test("sums and differences are those of 64-bit numbers", () => {
  fc.assert(
    fc.property(digest, digest, (a, b) => {
      const sum = BigInt.asUintN(64, toBigInt(a) + toBigInt(b));
      const difference = BigInt.asUintN(64, toBigInt(a) - toBigInt(b));

      expect(toBigInt(addDigest(a, b))).toBe(sum);
      expect(toBigInt(subtractDigest(a, b))).toBe(difference);
      expect(equalDigest(subtractDigest(addDigest(a, b), b), a)).toBe(true);
    }),
  );
});

describe("a znode's digest moves with each thing that replicas must agree on", () => {
  const changes: ReadonlyArray<readonly [string, Partial<Znode>]> = [
    ["data", { data: bytes("datA") }],
    ["longer data", { data: bytes("data\0") }],
    ["no bytes", { data: bytes("") }],
    ["null", { data: null }],
    ["permissions", { acl: [line(30, "world", "anyone")] }],
    ["another identity", { acl: [line(31, "world", "anyoneelse")] }],
    ["a scheme that takes a letter of the id", { acl: [line(31, "worlda", "nyone")] }],
    ["no access control list", { acl: [] }],
    ["a container", { owner: { mode: "container" } }],
    ["an owner", { owner: { mode: "ephemeral", session: 1n } }],
    ["an owner above 32 bits", { owner: { mode: "ephemeral", session: 1n << 32n } }],
    ["a time to live", { owner: { mode: "ttl", ttlMs: 1 } }],
    ["czxid", { czxid: { epoch: 0, counter: 1 } }],
    ["mzxid", { mzxid: { epoch: 0, counter: 1 } }],
    ["pzxid", { pzxid: { epoch: 0, counter: 1 } }],
    ["epoch", { czxid: { epoch: 1, counter: 0 } }],
    ["ctime", { ctime: 1_700_000_000_001 }],
    ["ctime above 32 bits", { ctime: 1_700_000_000_000 + 2 ** 32 }],
    ["mtime", { mtime: 1_700_000_000_001 }],
    ["version", { version: 1 }],
    ["aversion", { aversion: 1 }],
    ["creates of children", { childCreates: 1 }],
    ["children", { childCount: 1 }],
  ];
  test.each(changes)("%s", (_, change) => {
    expect(digestOf("/a", change)).not.toBe(digestOf("/a"));
  });

  test("and no two of those changes look alike", () => {
    const all = [{}, ...changes.map(([, change]) => change)].map((change) => digestOf("/a", change));

    expect(new Set(all).size).toBe(all.length);
  });

  test("and with the path", () => {
    expect(digestOf("/b")).not.toBe(digestOf("/a"));
  });
});

test("a hundred thousand paths that differ in one digit have as many digests, in either half", () => {
  const seen = new Set<string>();
  const low = new Set<number>();
  for (let index = 0; index < 100_000; index++) {
    const value = znodeDigest(`/q-${String(index).padStart(10, "0")}`, NODE, DIGEST_ZERO);
    seen.add(digestText(value));
    low.add(value.lo);
  }

  expect(seen.size).toBe(100_000);
  // A random function would have about 1.2 collisions among so many 32-bit numbers.
  expect(low.size).toBeGreaterThan(99_985);
});

test("any flipped bit of the data changes about half of the digest's bits", () => {
  const data = new Uint8Array(33).map((_, index) => index * 37);
  const before = toBigInt(dataDigest(data));
  const flips: number[] = [];
  for (let bit = 0; bit < data.length * 8; bit++) {
    const changed = Uint8Array.from(data);
    const index = bit >> 3;
    changed[index] = (changed[index] ?? 0) ^ (1 << (bit & 7));
    const difference = before ^ toBigInt(dataDigest(changed));
    flips.push(difference.toString(2).replaceAll("0", "").length);
  }

  expect(Math.min(...flips)).toBeGreaterThan(12);
  const mean = flips.reduce((sum, count) => sum + count, 0) / flips.length;
  expect(mean).toBeGreaterThan(30);
  expect(mean).toBeLessThan(34);
});

test("a session's digest moves with its id, timeout and password", () => {
  const session = { id: 1n, timeoutMs: 4000, password: new Uint8Array(16) };
  const others = [
    session,
    { ...session, id: 1n << 40n },
    { ...session, timeoutMs: 4001 },
    { ...session, password: new Uint8Array(16).fill(1) },
  ];

  expect(new Set(others.map((one) => digestText(sessionDigest(one)))).size).toBe(4);
});

test("digests are what they were: replicas of other versions, and the disk, hold them", () => {
  const node: Znode = {
    data: Uint8Array.from([1, 2, 3, 250, 255]),
    acl: [
      { perms: 31, scheme: "world", id: "anyone" },
      { perms: 1, scheme: "digest", id: "ü:x" },
    ],
    owner: { mode: "ephemeral", session: 0x1234_5678_9abc_def0n },
    czxid: { epoch: 7, counter: 0xffff_fff0 },
    mzxid: { epoch: 0xffff_ff00, counter: 9 },
    pzxid: { epoch: 8, counter: 1 },
    ctime: 1_700_000_000_123,
    mtime: -5,
    version: -2147483648,
    aversion: 3,
    childCreates: 2147483647,
    childCount: 6,
  };
  const timed: Znode = { ...node, data: null, owner: { mode: "ttl", ttlMs: 2 ** 40 + 3 } };
  const session = { id: 0xfedc_ba98_7654_3210n, timeoutMs: 40_000, password: new Uint8Array(16).fill(200) };

  expect(digestText(znodeDigest("/a/é-0000000001", node, dataDigest(node.data)))).toBe("a4e1883f33a33edc");
  expect(digestText(znodeDigest("/t", timed, dataDigest(null)))).toBe("afdb72f71268964f");
  expect(digestText(sessionDigest(session))).toBe("20393c6e1552af74");
});
