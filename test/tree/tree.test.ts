import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/assert.ts";
import type { Txn } from "../../src/base/txn.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import { DIGEST_ZERO, equalDigest } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { recomputeDigest, Tree } from "../../src/tree/tree.ts";
import { ALICE, BOB, bytes, codeOf, create, freshTree, headerOf, Leader, line, MapRows } from "./harness.ts";

const PASSWORD = new Uint8Array(16).fill(7);

test("a session's end deletes its ephemerals in the order of their paths, and no others", () => {
  const leader = new Leader();
  leader.write(create("/w"));
  for (const path of ["/w/c", "/w/a", "/w/b"]) leader.write(create(path, { flags: 1 }));
  leader.write(create("/w/d", { flags: 1 }), { session: BOB });
  leader.write(create("/w/e"));
  leader.events.length = 0;

  expect(codeOf(leader.write({ op: "closeSession" }))).toBe(0);

  expect(leader.events.map((event) => `${event.kind} ${event.path}`)).toEqual([
    "deleted /w/a",
    "deleted /w/b",
    "deleted /w/c",
  ]);
  expect(leader.tree.childNames("/w")).toEqual(["d", "e"]);
  // Five creates of children and two that are left, as seen on 3.8.0.
  expect(leader.tree.stat("/w")).toMatchObject({ cversion: 8, numChildren: 2 });
  expect(leader.tree.stat("/w")?.pzxid.counter).toBe(leader.counter);
  expect(leader.tree.sessions.get(ALICE)).toBeUndefined();
  expect(leader.tree.sessions.get(BOB)).toBeDefined();
});

test("a session's end is the same for very many ephemerals under several parents, in rows alone", () => {
  const rows = new MapRows();
  const store = new CachedNodeStore(rows, 4000);
  const sessions = new SessionTable();
  const leader = new Leader(new Tree({ store, sessions, digest: DIGEST_ZERO, lastApplied: ZXID_ZERO }));
  for (const parent of ["/v", "/w"]) {
    leader.write(create(parent));
    for (let index = 0; index < 700; index++) leader.write(create(`${parent}/e${index}`, { flags: 1 }));
  }
  leader.write(create("/w/stays"));
  rows.flush(store);
  rows.reads = 0;

  expect(codeOf(leader.write({ op: "closeSession" }))).toBe(0);

  expect(leader.events.filter(({ kind }) => kind === "deleted")).toHaveLength(1400);
  expect(["/v", "/w"].map((path) => leader.tree.childNames(path))).toEqual([[], ["stays"]]);
  expect(leader.tree.stat("/v")).toMatchObject({ numChildren: 0, cversion: 1400 });
  expect(leader.tree.stat("/w")).toMatchObject({ numChildren: 1, cversion: 1401 });
  expect(leader.tree.stat("/w")?.pzxid.counter).toBe(leader.counter);
  expect(equalDigest(leader.tree.digest, recomputeDigest(store, sessions))).toBe(true);
});

test("a session that exists is not created again", () => {
  const leader = new Leader();
  const request = { op: "createSession", timeoutMs: 1, password: PASSWORD } as const;

  const known = leader.propose(request);
  const fresh = leader.propose(request, { session: 9n });
  const pending = leader.propose(request, { session: 9n });
  leader.deliver();

  expect(known).toMatchObject({ kind: "error" });
  expect(fresh).toEqual({ kind: "createSession", timeoutMs: 1, password: PASSWORD });
  expect(pending).toMatchObject({ kind: "error" });
  expect(leader.tree.sessions.get(9n)).toEqual({ id: 9n, timeoutMs: 1, password: PASSWORD });
});

describe("a session that is not open may not write", () => {
  const requests = [
    create("/n"),
    { op: "delete", path: "/zookeeper/quota/none", version: -1 },
    { op: "setData", path: "/zookeeper", data: null, version: -1 },
    { op: "setACL", path: "/zookeeper", acl: [line(31, "world", "anyone")], version: -1 },
    { op: "check", path: "/", version: -1 },
    { op: "sync", path: "/" },
    { op: "closeSession" },
  ] as const;
  test.each(requests.map((request) => [request.op, request] as const))("%s", (_, request) => {
    expect(codeOf(new Leader().write(request, { session: 404n }))).toBe(-112);
  });

  test("in a multi the first operation says so", () => {
    const outcome = new Leader().write(
      { op: "multi", operations: [create("/a"), create("/b")] },
      { session: 404n },
    );

    expect(outcome).toEqual({
      kind: "multi",
      outcomes: [
        { kind: "error", code: -112 },
        { kind: "error", code: -2 },
      ],
    });
  });
});

describe("deleteContainer deletes only what is idle", () => {
  const container = create("/c", { op: "createContainer", flags: 4 });

  test("not a container that never had a child", () => {
    const leader = new Leader();
    leader.write(container);

    expect(codeOf(leader.write({ op: "deleteContainer", path: "/c" }, { session: 0n }))).toBe(-103);
  });

  test("not a container that has a child, even one only proposed", () => {
    const leader = new Leader();
    leader.write(container);

    leader.propose(create("/c/kid"));
    const txn = leader.propose({ op: "deleteContainer", path: "/c" }, { session: 0n });

    expect(txn).toEqual({ kind: "error", code: -111 });
  });

  test("a container whose last child is gone", () => {
    const leader = new Leader();
    leader.write(container);
    leader.write(create("/c/kid"));
    leader.write({ op: "delete", path: "/c/kid", version: -1 });

    expect(codeOf(leader.write({ op: "deleteContainer", path: "/c" }, { session: 0n }))).toBe(0);
    expect(leader.tree.get("/c")).toBeUndefined();
  });

  test("no persistent or ephemeral znode, no reserved one, none that is missing", () => {
    const leader = new Leader();
    leader.write(create("/p"));
    leader.write(create("/e", { flags: 1 }));

    const codes = ["/p", "/e", "/zookeeper/quota", "/nope"].map((path) =>
      codeOf(leader.write({ op: "deleteContainer", path }, { session: 0n })),
    );
    expect(codes).toEqual([-103, -103, -8, -101]);
  });

  test("a TTL znode when its time since the last change is over, and not before", () => {
    const tree = freshTree();
    const txn: Txn = {
      kind: "create",
      path: "/t",
      data: null,
      acl: [line(31, "world", "anyone")],
      owner: { mode: "ttl", ttlMs: 4500 },
      parentCreates: 1,
      withStat: true,
    };
    const created = tree.apply({ epoch: 1, counter: 1 }, headerOf(ALICE, 0), txn);
    // The leader's clock stands at one second for each of its proposals, two of which open sessions.
    tree.apply({ epoch: 1, counter: 2 }, headerOf(ALICE, 1000), {
      kind: "setData",
      path: "/t",
      data: null,
      version: 1,
    });
    const leader = new Leader(tree, 2);

    const early = codeOf(leader.write({ op: "deleteContainer", path: "/t" }, { session: 0n }));
    leader.write({ op: "sync", path: "/" });
    const late = codeOf(leader.write({ op: "deleteContainer", path: "/t" }, { session: 0n }));

    expect(created.outcome).toMatchObject({ stat: { ephemeralOwner: 0n } });
    expect([early, late]).toEqual([-103, 0]);
  });
});

test("the configuration is written under version -1 and tells those who watch it", () => {
  const leader = new Leader();

  const zxid = { epoch: 1, counter: 100 };
  const applied = leader.tree.apply(zxid, headerOf(0n, 5), {
    kind: "config",
    data: bytes("server.1=a"),
  });

  expect(applied.outcome).toMatchObject({ kind: "config", stat: leader.tree.stat("/zookeeper/config") });
  expect(applied.events).toMatchObject([{ kind: "dataChanged", path: "/zookeeper/config" }]);
  expect(leader.tree.stat("/zookeeper/config")).toMatchObject({ version: -1, mzxid: zxid });
  const read = leader.read({ op: "getData", path: "/zookeeper/config", watch: false });
  expect(read).toMatchObject({ data: bytes("server.1=a") });
});

test("a barrier changes nothing but the zxid", () => {
  const leader = new Leader();
  const { digest } = leader.tree;

  const outcome = leader.write({ op: "sync", path: "/any" });

  expect(outcome).toEqual({ kind: "barrier", path: "/any" });
  expect(leader.tree.digest).toEqual(digest);
  expect(leader.tree.lastApplied.counter).toBe(leader.counter);
});

describe("what cannot be stops the replica", () => {
  const failures: ReadonlyArray<readonly [string, Txn]> = [
    ["a create without a parent", createTxn("/nope/x", 1)],
    ["a create over a znode", createTxn("/zookeeper", 1)],
    ["a create out of its parent's sequence", createTxn("/x", 7)],
    ["a delete of nothing", { kind: "delete", path: "/nope" }],
    ["a delete of a parent", { kind: "delete", path: "/zookeeper" }],
    ["a setData of nothing", { kind: "setData", path: "/nope", data: null, version: 1 }],
    ["a setACL of nothing", { kind: "setAcl", path: "/nope", acl: [], aversion: 1 }],
    ["the end of no session", { kind: "closeSession" }],
    [
      "a multi that failed in part",
      { kind: "multi", operations: [createTxn("/x", 1), { kind: "error", code: -1 }] },
    ],
  ];
  test.each(failures)("%s", (_, txn) => {
    const tree = freshTree();

    expect(() => tree.apply({ epoch: 1, counter: 1 }, headerOf(404n, 1), txn)).toThrow(InvariantError);
  });

  test("a zxid that is not after the last", () => {
    const tree = freshTree();
    tree.apply({ epoch: 2, counter: 5 }, headerOf(1n, 1), { kind: "error", code: -1 });

    for (const zxid of [
      { epoch: 2, counter: 5 },
      { epoch: 1, counter: 9 },
    ]) {
      expect(() => tree.apply(zxid, headerOf(1n, 1), { kind: "error", code: -1 })).toThrow(InvariantError);
    }
  });

  test("a proposal that is prepared out of order", () => {
    const leader = new Leader();
    const input = { session: ALICE, timeMs: 1, identities: [], request: create("/n") } as const;

    expect(() => leader.preparer.prepare({ ...input, zxid: { epoch: 1, counter: 1 } })).toThrow(
      InvariantError,
    );
  });

  test("a digest or sessions without znodes", () => {
    const options = { lastApplied: { epoch: 0, counter: 0 }, store: new MapNodeStore() };
    const sessions = new SessionTable([{ id: 1n, timeoutMs: 1, password: PASSWORD }]);

    expect(() => new Tree({ ...options, sessions: new SessionTable(), digest: { hi: 0, lo: 1 } })).toThrow(
      InvariantError,
    );
    expect(() => new Tree({ ...options, sessions, digest: DIGEST_ZERO })).toThrow(InvariantError);
  });
});

test("a tree taken up again from its store goes on where it was", () => {
  const store = new MapNodeStore();
  const leader = new Leader(freshTree(store));
  leader.write(create("/a"));
  const { tree } = leader;

  const again = new Tree({
    store,
    sessions: new SessionTable(tree.sessions.values()),
    digest: tree.digest,
    lastApplied: tree.lastApplied,
  });

  expect(again.nodeCount).toBe(5);
  expect(again.digest).toEqual(tree.digest);
  expect(again.sessions.get(ALICE)).toEqual(tree.sessions.get(ALICE));
});

test("the table of sessions tells each change once, as what became of it", () => {
  const session = { id: 1n, timeoutMs: 1, password: PASSWORD };
  const table = new SessionTable([session]);

  table.delete(1n);
  table.put({ ...session, id: 2n });
  table.put({ ...session, id: 3n });
  table.delete(3n);
  table.delete(4n);

  expect(table.takeDirty()).toEqual({ puts: [{ ...session, id: 2n }], deletes: [1n, 3n] });
  expect(table.takeDirty()).toEqual({ puts: [], deletes: [] });
  expect(table.count).toBe(1);
});

function createTxn(path: string, parentCreates: number): Extract<Txn, { kind: "create" }> {
  return {
    kind: "create",
    path,
    data: null,
    acl: [],
    owner: { mode: "persistent" },
    parentCreates,
    withStat: false,
  };
}
