import { describe, expect, test } from "vitest";
import { type Acl, type Identity, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { KeeperError } from "../../src/base/error-code.ts";
import { fixAcl, isAllowed, maskDigests, visibleAcl } from "../../src/tree/access.ts";
import { addressBytes, addressRange, isInRange } from "../../src/tree/ip-address.ts";
import { line, SUPER } from "./harness.ts";

const BOB: Identity = { scheme: "digest", id: "bob:hash" };
const HOST: Identity = { scheme: "ip", id: "10.1.2.3" };

describe("a list allows", () => {
  const cases: ReadonlyArray<readonly [string, readonly Acl[], readonly Identity[], boolean]> = [
    ["everybody what the world may", OPEN_ACL, [], true],
    ["nobody what no line gives", [line(PERMS.read, "world", "anyone")], [BOB, HOST], false],
    ["everybody everything where it is empty", [], [], true],
    ["whoever has the digest", [line(PERMS.all, "digest", "bob:hash")], [HOST, BOB], true],
    ["nobody with another digest", [line(PERMS.all, "digest", "bob:hush")], [BOB], false],
    ["no other scheme with the same id", [line(PERMS.all, "ip", "bob:hash")], [BOB], false],
    [
      "no other scheme whose id is an address",
      [line(PERMS.all, "ip", "10.0.0.0/8")],
      [{ scheme: "digest", id: "10.1.2.3" }],
      false,
    ],
    ["an address in the range", [line(PERMS.all, "ip", "10.0.0.0/8")], [HOST], true],
    ["no address outside", [line(PERMS.all, "ip", "10.1.2.4/32")], [HOST], false],
    ["super everything", [line(PERMS.read, "digest", "x:y")], SUPER, true],
    ["nobody by an unknown scheme", [line(PERMS.all, "foo", "x")], [{ scheme: "foo", id: "x" }], false],
  ];
  test.each(cases)("%s", (_, acl, identities, allowed) => {
    expect(isAllowed(acl, PERMS.write, identities)).toBe(allowed);
  });
});

describe("a list is kept", () => {
  test("without equal lines, but with equal ids of other permissions", () => {
    const acl = [line(1, "world", "anyone"), line(1, "world", "anyone"), line(2, "world", "anyone")];

    expect(fixAcl(acl, [])).toEqual([line(1, "world", "anyone"), line(2, "world", "anyone")]);
  });

  test("with auth replaced by each proven identity, in place and once per line (seen on 3.8.0)", () => {
    const acl = [line(31, "auth", ""), line(31, "auth", "zz"), line(1, "auth", ""), line(31, "auth", "")];

    expect(fixAcl(acl, [HOST, BOB, ...SUPER])).toEqual([
      line(31, "digest", "bob:hash"),
      line(31, "digest", "bob:hash"),
      line(1, "digest", "bob:hash"),
    ]);
  });

  test("not at all where auth stands for an address or for super alone", () => {
    expect(() => fixAcl([line(31, "auth", "")], [HOST, ...SUPER])).toThrow(KeeperError);
  });
});

describe("getACL", () => {
  const acl = [line(PERMS.read, "world", "anyone"), line(PERMS.all, "digest", "bob:hash")];

  test("hides hashes from those who may not administer (seen on 3.8.0)", () => {
    expect(visibleAcl(acl, [])).toEqual(maskDigests(acl));
    expect(maskDigests(acl)[1]).toEqual(line(PERMS.all, "digest", "bob:x"));
  });

  test("shows all to those who may", () => {
    expect(visibleAcl(acl, [BOB])).toEqual(acl);
    expect(visibleAcl(acl, SUPER)).toEqual(acl);
  });

  test("is refused to those who may neither read nor administer (seen on 3.8.0)", () => {
    expect(() => visibleAcl([line(PERMS.write, "world", "anyone")], [])).toThrow(KeeperError);
  });

  test("is answered to those who may administer and not read", () => {
    const adminOnly = [line(PERMS.admin, "world", "anyone"), line(1, "digest", "u:hash")];

    expect(visibleAcl(adminOnly, [])).toEqual(adminOnly);
  });
});

describe("addresses", () => {
  const texts: ReadonlyArray<readonly [string, string | undefined]> = [
    ["1.2.3.4", "01020304"],
    ["255.255.255.255", "ffffffff"],
    ["1.2.3", undefined],
    ["1.2.3.4.5", undefined],
    ["1.2.3.", undefined],
    ["-1.2.3.4", undefined],
    ["", undefined],
    ["::", "0".repeat(32)],
    ["::1", `${"0".repeat(31)}1`],
    ["1::", `0001${"0".repeat(28)}`],
    ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
    ["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
    ["1:2:3:4:5:6:7", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4::5:6:7:8", undefined],
    ["12345::", undefined],
    ["g::", undefined],
    [":1", undefined],
  ];
  test.each(texts)("%s", (text, hex) => {
    const found = addressBytes(text);

    expect(found === undefined ? undefined : Buffer.from(found).toString("hex")).toBe(hex);
  });

  const ranges: ReadonlyArray<readonly [string, string, boolean]> = [
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.4", "10.1.2.3", false],
    ["10.1.2.3", "10.1.2.0/24", true],
    ["10.1.3.3", "10.1.2.0/23", true],
    ["10.1.4.3", "10.1.2.0/23", false],
    ["192.168.0.1", "0.0.0.0/0", true],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:db9::1", "2001:db8::/31", true],
    ["::ffff:10.1.2.3", "10.1.2.3", false],
    ["::1", "0.0.0.0/0", false],
    ["nonsense", "0.0.0.0/0", false],
  ];
  test.each(ranges)("%s in %s: %s", (address, text, expected) => {
    const range = addressRange(text);

    expect(range !== undefined && isInRange(address, range)).toBe(expected);
  });
});
