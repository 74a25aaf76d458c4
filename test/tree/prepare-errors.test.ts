import { describe, expect, test } from "vitest";
import type { Acl } from "../../src/base/acl.ts";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import { ZNODE_SETTINGS } from "../../src/base/znode-settings.ts";
import { codeOf, codesOf, create, bytes, freshTree, Leader, line, SUPER } from "./harness.ts";

/** The znodes that the tables below speak of. */
function leaderWithNodes(): Leader {
  const leader = new Leader();
  const readOnly = [line(PERMS.read, "world", "anyone")];
  const setup: readonly WriteRequest[] = [
    create("/eph", { flags: 1 }),
    create("/ro", { acl: readOnly }),
    create("/x"),
    create("/x/y"),
    create("/s"),
    create("/s/p"),
    create("/s/p/c"),
  ];
  for (const request of setup) expect(codeOf(leader.write(request))).toBe(0);
  expect(codeOf(leader.write(create("/ro/kid"), { identities: SUPER }))).toBe(0);
  return leader;
}

describe("create tells its first fault in ZooKeeper's order (all seen on 3.8.0)", () => {
  const cases: ReadonlyArray<readonly [string, Partial<ReturnType<typeof create>>, number]> = [
    ["flags that mean nothing, before a missing parent", { path: "/nope/z", flags: 9 }, -8],
    ["negative flags", { path: "/q", flags: -1 }, -8],
    ["a TTL flag without a TTL", { path: "/t", flags: 5 }, -8],
    ["a TTL flag without a TTL, of create2", { op: "create2", path: "/t", flags: 6 }, -8],
    ["a TTL flag without a TTL, of a container", { op: "createContainer", path: "/t", flags: 5 }, -8],
    ["createTTL with a TTL flag", { op: "createTTL", path: "/t", flags: 5, ttlMs: 1000 }, 0],
    ["createTTL, sequential", { op: "createTTL", path: "/t", flags: 6, ttlMs: 1 }, 0],
    ["the longest TTL", { op: "createTTL", path: "/t", flags: 5, ttlMs: 2 ** 40 - 1 }, 0],
    [
      "a longer one, before a missing parent",
      { op: "createTTL", path: "/no/t", flags: 5, ttlMs: 2 ** 40 },
      -8,
    ],
    ["a TTL of 0", { op: "createTTL", path: "/t", flags: 5, ttlMs: 0 }, -8],
    ["a negative TTL", { op: "createTTL", path: "/t", flags: 6, ttlMs: -1 }, -8],
    ["createTTL without one", { op: "createTTL", path: "/t", flags: 0, ttlMs: 1000 }, -8],
    ["a path without a slash, before a bad list", { path: "x", acl: [] }, -8],
    ["an empty path", { path: "" }, -8],
    ["a path with NUL, before a missing parent", { path: "/nope/a\0" }, -8],
    ["a bad list, before a missing parent", { path: "/nope/a", acl: [] }, -114],
    ["a missing parent", { path: "/nope/a" }, -101],
    ["a missing parent, before a bad path", { path: "/nope/../a" }, -101],
    ["no permission", { path: "/ro/a" }, -102],
    ["no permission, before an existing znode", { path: "/ro/kid" }, -102],
    ["no permission, before a bad path", { path: "/ro/\u0001" }, -102],
    ["a forbidden character", { path: "/x/\u0001" }, -8],
    ["a slash at the end", { path: "/x/" }, -8],
    ["a .. segment", { path: "/x/.." }, -8],
    ["an empty segment under the root", { path: "//q" }, -8],
    ["an existing znode", { path: "/x" }, -110],
    ["the root", { path: "/" }, -110],
    ["an ephemeral parent", { path: "/eph/k" }, -108],
    ["a bad path, before an ephemeral parent", { path: "/eph/\u0001" }, -8],
    ["a child of the configuration", { path: "/zookeeper/config/foo" }, -102],
    ["a child of /zookeeper is allowed", { path: "/zookeeper/foo" }, 0],
    ["a slash at the end of a sequential path is allowed", { path: "/x/", flags: 2 }, 0],
    ["null data is allowed", { path: "/null", data: null }, 0],
  ];
  test.each(cases)("%s", (_, more, code) => {
    expect(codeOf(leaderWithNodes().write(create("/unused", more)))).toBe(code);
  });
});

describe("access control lists are checked as ZooKeeper does (all seen on 3.8.0, IPv6, sasl and x509 on 3.9.5)", () => {
  const cases: ReadonlyArray<readonly [string, readonly Acl[], number]> = [
    ["an unknown scheme", [line(31, "foo", "bar")], -114],
    ["world with another id", [line(31, "world", "x")], -114],
    ["digest without a colon", [line(31, "digest", "x")], -114],
    ["digest with three parts", [line(31, "digest", "x:y:z")], -114],
    ["digest without a hash", [line(31, "digest", "x:")], -114],
    ["digest without a user", [line(31, "digest", ":y")], 0],
    ["digest with a trailing colon", [line(31, "digest", "x:y:")], 0],
    ["auth without an identity", [line(31, "auth", "")], -114],
    ["super", [line(31, "super", "")], -114],
    // Of a ZooKeeper that has these schemes set up; see docs/deviations.md.
    ["sasl", [line(31, "sasl", "u@R")], 0],
    ["sasl with two hosts", [line(31, "sasl", "u/a/b@R")], -114],
    ["sasl with two realms", [line(31, "sasl", "u@R@S")], -114],
    ["x509", [line(31, "x509", 'cn=a+UID=b,OU="c,d", 2.5.4.3=e\\,f')], 0],
    ["x509 of an unknown attribute", [line(31, "x509", "NONE=a")], -114],
    ["x509 with a comma too many", [line(31, "x509", "CN=a,")], -114],
    ["an address", [line(31, "ip", "127.0.0.1")], 0],
    ["an address with 33 bits", [line(31, "ip", "127.0.0.1/33")], -114],
    ["an address with 8 bits", [line(31, "ip", "10.0.0.0/8")], 0],
    ["an address with no number of bits", [line(31, "ip", "1.2.3.4/")], -114],
    ["an address with signs", [line(31, "ip", "+1.2.3.04/+8")], 0],
    ["an address above 255", [line(31, "ip", "300.1.1.1")], -114],
    ["an IPv6 address", [line(31, "ip", "::1")], 0],
    ["an IPv6 address with 129 bits", [line(31, "ip", "::1/129")], -114],
    ["no permissions at all", [line(0, "world", "anyone")], 0],
    ["unknown permissions", [line(64, "world", "anyone")], 0],
    ["one bad line among good ones", [...OPEN_ACL, line(1, "foo", "")], -114],
  ];
  test.each(cases)("%s", (_, acl, code) => {
    expect(codeOf(new Leader().write(create("/q", { acl })))).toBe(code);
  });
});

describe("delete tells its first fault in ZooKeeper's order (all seen on 3.8.0)", () => {
  const cases: ReadonlyArray<readonly [string, string, number, number]> = [
    ["the root", "/", -1, -8],
    ["/zookeeper", "/zookeeper", -1, -8],
    ["/zookeeper/quota, before a wrong version", "/zookeeper/quota", 5, -8],
    ["/zookeeper/config", "/zookeeper/config", -1, -8],
    ["a path without a slash", "x", -1, -8],
    ["an empty path", "", -1, -8],
    ["a path with NUL", "/s/p\0", -1, -8],
    ["a wrong version, before children", "/s/p", 7, -103],
    ["children", "/s/p", -1, -111],
    ["a missing parent", "/nope/x", -1, -101],
    ["a missing znode, before a wrong version", "/s/nope", 3, -101],
    ["no permission, before a wrong version", "/ro/kid", 9, -102],
    ["no permission, before a missing znode", "/ro/none", 9, -102],
    ["an empty segment is just missing", "//s", -1, -101],
    ["a slash at the end is just missing", "/s/", -1, -101],
    ["a forbidden character is just missing", "/s/\u0001", -1, -101],
  ];
  test.each(cases)("%s", (_, path, version, code) => {
    expect(codeOf(leaderWithNodes().write({ op: "delete", path, version }))).toBe(code);
  });
});

describe("setData tells its first fault in ZooKeeper's order (all seen on 3.8.0)", () => {
  const cases: ReadonlyArray<readonly [string, string, number, number]> = [
    ["a path without a slash", "x", -1, -8],
    ["a slash at the end", "/s/", -1, -8],
    ["an empty path", "", -1, -8],
    ["a missing znode, before a wrong version", "/nope", 1, -101],
    ["no permission, before a wrong version", "/ro", 5, -102],
    ["a wrong version", "/s", 99, -103],
    ["a negative version other than -1", "/s", -2, -103],
    ["the configuration", "/zookeeper/config", -1, -102],
    ["/zookeeper is allowed", "/zookeeper", -1, 0],
  ];
  test.each(cases)("%s", (_, path, version, code) => {
    const request: WriteRequest = { op: "setData", path, data: bytes(""), version };
    expect(codeOf(leaderWithNodes().write(request))).toBe(code);
  });

  test("not even super may set the configuration, which reconfig does (3.8.0 lets super, and heeds it nowhere)", () => {
    const request: WriteRequest = {
      op: "setData",
      path: "/zookeeper/config",
      data: bytes("zz"),
      version: -1,
    };
    expect(codeOf(new Leader().write(request, { identities: SUPER }))).toBe(-8);
  });
});

describe("setACL tells its first fault in ZooKeeper's order (all seen on 3.8.0)", () => {
  const cases: ReadonlyArray<readonly [string, string, readonly Acl[], number, number]> = [
    ["a bad path, before a bad list", "x", [], -1, -8],
    ["a bad list, before a missing znode", "/nope", [], -1, -114],
    ["a missing znode", "/nope", OPEN_ACL, -1, -101],
    ["a bad list, before no permission", "/ro", [], -1, -114],
    ["no permission, before a wrong version", "/ro", OPEN_ACL, 9, -102],
    ["a wrong version", "/s", OPEN_ACL, 9, -103],
    ["auth without an identity", "/s", [line(31, "auth", "")], -1, -114],
    ["/zookeeper/quota is allowed", "/zookeeper/quota", OPEN_ACL, -1, 0],
  ];
  test.each(cases)("%s", (_, path, acl, version, code) => {
    expect(codeOf(leaderWithNodes().write({ op: "setACL", path, acl, version }))).toBe(code);
  });
});

describe("the other writes", () => {
  const cases: ReadonlyArray<readonly [string, WriteRequest, number]> = [
    ["check of a wrong version (seen on 3.8.0)", { op: "check", path: "/s", version: 9 }, -103],
    // 3.8.0 never answers this one.
    ["check of the right version", { op: "check", path: "/s", version: 0 }, 0],
    ["check of a missing znode", { op: "check", path: "/nope", version: -1 }, -101],
    ["check of a bad path", { op: "check", path: "x", version: -1 }, -8],
    ["sync of a missing znode (seen on 3.8.0)", { op: "sync", path: "/nope" }, 0],
    [
      "reconfig (seen on 3.8.0)",
      {
        op: "reconfig",
        joiningServers: null,
        leavingServers: null,
        newMembers: "x",
        currentConfigId: -1n,
      },
      -123,
    ],
    ["an empty multi", { op: "multi", operations: [] }, 0],
    [
      "a multi with an operation that may not be in one (seen on 3.8.0)",
      { op: "multi", operations: [create("/mm"), { op: "unsupported", type: 4 }] },
      -5,
    ],
    [
      "a multi with a TTL flag and no TTL (seen on 3.8.0)",
      { op: "multi", operations: [create("/mm"), create("/mn", { flags: 5 })] },
      -5,
    ],
  ];
  test.each(cases)("%s", (_, request, code) => {
    const leader = leaderWithNodes();

    expect(codeOf(leader.write(request))).toBe(code);
    expect(leader.tree.get("/mm")).toBeUndefined();
  });

  test("TTL znodes that are off are -6, before a bad path or TTL, and in the place of the operation", () => {
    const off = new Leader(freshTree(), 0, { ...ZNODE_SETTINGS, extendedTypes: false });
    const ttl = { op: "createTTL", flags: 5, ttlMs: 1 } as const;
    const multi = off.write({ op: "multi", operations: [create("/a", ttl)] });

    expect(codeOf(off.write(create("x", ttl)))).toBe(-6);
    expect(codeOf(off.write(create("/a", { ...ttl, ttlMs: -1 })))).toBe(-6);
    expect(codeOf(off.write(create("/a", { flags: 6 })))).toBe(-6);
    expect(codesOf(multi)).toEqual([-6]);
  });

  test("a multi makes TTL znodes, and refuses a bad TTL in the place of the operation", () => {
    const leader = new Leader();
    const ttl = { op: "createTTL", flags: 5, ttlMs: 1 } as const;
    const made = leader.write({ op: "multi", operations: [create("/a", ttl), create("/a/b", ttl)] });
    const bad = leader.write({ op: "multi", operations: [create("/c"), create("/d", { ...ttl, ttlMs: 0 })] });

    expect(made).toMatchObject({ kind: "multi", outcomes: [{ path: "/a" }, { path: "/a/b" }] });
    expect(leader.tree.get("/a/b")?.owner).toEqual({ mode: "ttl", ttlMs: 1 });
    expect(codesOf(bad)).toEqual([0, -8]);
  });

  test("createTTL without the flag of one is an ordinary create in a multi (seen on 3.9.5)", () => {
    const leader = new Leader();
    const made = leader.write({
      op: "multi",
      operations: [create("/t", { op: "createTTL", flags: 0, ttlMs: 5 })],
    });
    const wrong = leader.write({
      op: "multi",
      operations: [create("/u", { op: "createTTL", flags: 9, ttlMs: 5 })],
    });

    expect(made).toMatchObject({ kind: "multi", outcomes: [{ kind: "created", withStat: false }] });
    expect(leader.tree.get("/t")?.owner.mode).toBe("persistent");
    expect(codesOf(wrong)).toEqual([-8]);
  });

  test.each([-1, 5, 6, 7, 100])(
    "a multi with a create of flags %i cannot be decoded, whatever stands before it (seen on 3.9.5)",
    (flags) => {
      for (const op of ["create", "create2", "createContainer"] as const) {
        const leader = new Leader();
        const first = leader.write({ op: "multi", operations: [create("/a"), create("/b", { op, flags })] });
        const behind = leader.write({
          op: "multi",
          operations: [create("/nope/b"), create("/b", { op, flags })],
        });

        expect(codeOf(first)).toBe(-5);
        expect(codeOf(behind)).toBe(-5);
        expect(leader.tree.get("/a")).toBeUndefined();
      }
    },
  );
});
