import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { InvariantError } from "../../src/base/assert.ts";
import type { NodeOwner } from "../../src/base/txn.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { SqlNodeRows } from "../../src/durable/node-rows.ts";
import { createIndexes, createTables } from "../../src/durable/schema.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import { MapNodeStore, type NodeStore, type Znode } from "../../src/tree/node-store.ts";
import { memoryDatabase } from "../durable/sqlite.ts";
import { ALICE, BOB, bytes, MapRows } from "./harness.ts";

function znode(owner: NodeOwner = { mode: "persistent" }, version = 0): Znode {
  return {
    data: null,
    acl: OPEN_ACL,
    owner,
    czxid: ZXID_ZERO,
    mzxid: ZXID_ZERO,
    pzxid: ZXID_ZERO,
    ctime: 0,
    mtime: 0,
    version,
    aversion: 0,
    childCreates: 0,
    childCount: 0,
  };
}

/** A store, and a point at which a store over rows may write. */
interface Subject {
  readonly store: NodeStore;
  readonly pause: () => void;
}

function cachedSubject(cacheBytesMax: number, isFlushing: boolean): Subject {
  const rows = new MapRows();
  const store = new CachedNodeStore(rows, cacheBytesMax);
  return { store, pause: () => (isFlushing ? rows.flush(store) : undefined) };
}

function sqlSubject(cacheBytesMax: number): Subject {
  const database = memoryDatabase();
  createTables(database);
  createIndexes(database);
  const rows = new SqlNodeRows(database.sql, "znode");
  const store = new CachedNodeStore(rows, cacheBytesMax);
  return { store, pause: () => rows.writeChangesOf(store) };
}

const SUBJECTS: ReadonlyArray<readonly [string, () => Subject]> = [
  ["in a map", () => ({ store: new MapNodeStore(), pause: () => undefined })],
  ["all dirty over rows", () => cachedSubject(1_000_000, false)],
  ["all in rows and cache", () => cachedSubject(1_000_000, true)],
  ["all in rows alone", () => cachedSubject(0, true)],
  ["all in SQLite alone", () => sqlSubject(0)],
  ["all in SQLite and cache", () => sqlSubject(1_000_000)],
];

describe.each(SUBJECTS)("a store %s", (_, makeSubject) => {
  function filled(): Subject {
    const subject = makeSubject();
    for (const path of ["/", "/b", "/a", "/a/z", "/a/z/deep", "/ab"]) {
      subject.store.put(path, znode());
      subject.pause();
    }
    return subject;
  }

  test("gives what was put, and nothing for what was not", () => {
    const { store } = filled();

    expect(store.get("/a")).toEqual(znode());
    expect(store.get("/nope")).toBeUndefined();
    expect(store.count()).toBe(6);
  });

  test("finds nothing under a path that cannot be", () => {
    const { store } = filled();

    for (const path of ["", "a", "//a", "/a/", "/a//z", "/./a"]) {
      expect([path, store.get(path)]).toEqual([path, undefined]);
    }
  });

  test("lists children sorted, whatever the order of their puts", () => {
    const { store, pause } = filled();
    store.put("/a/y", znode());
    pause();
    store.put("/a/Z", znode());

    expect(store.childNames("/")).toEqual(["a", "ab", "b"]);
    expect(store.childNames("/a")).toEqual(["Z", "y", "z"]);
    expect(store.childNames("/b")).toEqual([]);
    expect(store.childPage("/a", "", 2)).toEqual(["Z", "y"]);
    expect(store.childPage("/a", "y", 2)).toEqual(["z"]);
    expect(store.childPage("/nope", "", 2)).toEqual([]);
    expect(store.childNames("/nope")).toEqual([]);
  });

  test("counts what lies below a path, and not what only begins alike", () => {
    const { store } = filled();

    expect(store.descendantCount("/")).toBe(5);
    expect(store.descendantCount("/a")).toBe(2);
    expect(store.descendantCount("/ab")).toBe(0);
  });

  test("sums up a znode and what lies below it, and not what only begins alike", () => {
    const { store, pause } = filled();
    store.put("/a/z/deep", { ...znode(), data: new Uint8Array(7) });
    store.put("/a!", { ...znode(), data: new Uint8Array(90) });
    pause();
    store.put("/a", { ...znode(), data: new Uint8Array(3) });
    store.put("/a/z/more", { ...znode(), data: new Uint8Array(5) });
    store.delete("/a/z/more");
    store.put("/a/y", { ...znode(), data: new Uint8Array(1) });

    expect(store.subtotal("/a")).toEqual({ count: 4, bytes: 11 });
    expect(store.subtotal("/a/z")).toEqual({ count: 2, bytes: 7 });
    expect(store.subtotal("/nope")).toEqual({ count: 0, bytes: 0 });
    expect(store.subtotal("/")).toEqual({ count: 8, bytes: 101 });
  });

  test("forgets what was deleted, everywhere", () => {
    const { store, pause } = filled();
    store.put("/e", znode({ mode: "ephemeral", session: ALICE }));
    pause();

    store.delete("/e");
    store.delete("/b");
    pause();

    expect(store.get("/e")).toBeUndefined();
    expect(store.childNames("/")).toEqual(["a", "ab"]);
    expect(store.ephemeralsOf(ALICE)).toEqual([]);
    expect(store.count()).toBe(5);
    expect(store.descendantCount("/")).toBe(4);
  });

  test("lists a session's ephemerals sorted, and those of no other", () => {
    const { store, pause } = filled();
    store.put("/e2", znode({ mode: "ephemeral", session: ALICE }));
    store.put("/e3", znode({ mode: "ephemeral", session: BOB }));
    pause();
    store.put("/e1", znode({ mode: "ephemeral", session: ALICE }));
    store.put("/e2", znode({ mode: "ephemeral", session: ALICE }, 1));

    expect(store.ephemeralsOf(ALICE)).toEqual(["/e1", "/e2"]);
    expect(store.ephemeralsOf(BOB)).toEqual(["/e3"]);
    expect(store.ephemerals()).toEqual(["/e1", "/e2", "/e3"]);
  });

  test("gives a path that was deleted and made again to its new owner", () => {
    const { store, pause } = filled();
    store.put("/e", znode({ mode: "ephemeral", session: ALICE }));
    pause();
    store.delete("/e");
    store.put("/e", znode({ mode: "ephemeral", session: BOB }));
    pause();

    expect(store.ephemeralsOf(ALICE)).toEqual([]);
    expect(store.ephemeralsOf(BOB)).toEqual(["/e"]);
    expect(store.count()).toBe(7);
  });
});

describe.each(SUBJECTS)("the znodes that end by themselves, in a store %s", (name, makeSubject) => {
  const ALL = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
  const ttl = (ttlMs: number, more: Partial<Znode> = {}): Znode => ({
    ...znode({ mode: "ttl", ttlMs }),
    ...more,
  });
  const container = (more: Partial<Znode>): Znode => ({ ...znode({ mode: "container" }), ...more });
  const isWritten = name !== "all dirty over rows";

  function filled(): Subject {
    const subject = makeSubject();
    const { store, pause } = subject;
    for (const path of ["/", "/a", "/a-"]) store.put(path, znode());
    store.put("/a/t", ttl(10, { mtime: 100 }));
    store.put("/a-/t", ttl(10, { mtime: 100 }));
    store.put("/late", ttl(10, { mtime: 200 }));
    store.put("/parent", ttl(1, { mtime: 1, childCount: 1, childCreates: 1 }));
    store.put("/parent/e", znode({ mode: "ephemeral", session: ALICE }));
    store.put("/used", container({ childCreates: 3 }));
    store.put("/full", container({ childCreates: 3, childCount: 1 }));
    store.put("/full/kid", znode());
    store.put("/new", container({ mtime: 50 }));
    pause();
    return subject;
  }

  test("are listed by their marks, and those alone", () => {
    const { store } = filled();
    const marks = [
      { path: "/new", mark: -51 },
      { path: "/used", mark: 0 },
      { path: "/a/t", mark: 110 },
      { path: "/a-/t", mark: 110 },
      { path: "/late", mark: 210 },
    ];

    expect(store.idle(ALL, undefined, 100)).toEqual(isWritten ? marks : []);
  });

  test("are listed page by page, within a range whose ends count", () => {
    const { store } = filled();
    const range = { from: 0, to: 110 };
    const paths: string[] = [];
    for (
      let page = store.idle(range, undefined, 1);
      page.length > 0;
      page = store.idle(range, page.at(-1), 1)
    ) {
      expect(page).toHaveLength(1);
      paths.push(...page.map(({ path }) => path));
    }

    expect(paths).toEqual(isWritten ? ["/used", "/a/t", "/a-/t"] : []);
    expect(store.idle({ from: 1, to: 109 }, undefined, 9)).toEqual([]);
  });

  test("change with what is put and deleted", () => {
    const { store, pause } = filled();
    store.put("/late", ttl(10, { mtime: 300 }));
    store.put("/a/t", ttl(10, { mtime: 100, childCount: 1, childCreates: 1 }));
    store.put("/full", container({ childCreates: 3 }));
    store.delete("/used");
    store.delete("/a-/t");
    pause();

    const listed = store.idle({ from: 0, to: 400 }, undefined, 9);
    expect(listed).toEqual(
      isWritten
        ? [
            { path: "/full", mark: 0 },
            { path: "/late", mark: 310 },
          ]
        : [],
    );
  });
});

test("a store over rows lists no znode that has changed since it wrote it, and goes on behind it", () => {
  const rows = new MapRows();
  const store = new CachedNodeStore(rows, 100_000);
  store.put("/", znode());
  for (const name of ["a", "b", "c", "d"]) store.put(`/${name}`, znode({ mode: "ttl", ttlMs: 5 }));
  rows.flush(store);
  for (const name of ["a", "b", "c"]) store.put(`/${name}`, znode({ mode: "ttl", ttlMs: 5 }, 1));

  expect(store.idle({ from: 0, to: 9 }, undefined, 2)).toEqual([{ path: "/d", mark: 5 }]);
});

type Change = { readonly path: string; readonly owner: NodeOwner | undefined };

test("a store over rows always answers as one in a map, whenever it is flushed", () => {
  const paths = ["/a", "/b", "/ab", "/a0"];
  const change: fc.Arbitrary<Change | "flush" | "prefetch"> = fc.oneof(
    fc.constant<"flush">("flush"),
    fc.constant<"prefetch">("prefetch"),
    fc.record({
      path: fc.constantFrom(...paths),
      owner: fc.constantFrom<NodeOwner | undefined>(
        undefined,
        { mode: "persistent" },
        { mode: "ephemeral", session: ALICE },
        { mode: "ephemeral", session: BOB },
      ),
    }),
  );
  const cacheBytes = fc.constantFrom(0, 1200, 1_000_000);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), cacheBytes, (changes, bytesMax) => {
      const map = new MapNodeStore();
      const rows = new MapRows();
      const cached = new CachedNodeStore(rows, bytesMax);
      for (const store of [map, cached]) store.put("/", znode());

      for (const [version, next] of changes.entries()) {
        if (next === "flush") rows.flush(cached);
        else if (next === "prefetch") cached.prefetch(paths);
        else if (next.owner !== undefined) {
          for (const store of [map, cached]) store.put(next.path, znode(next.owner, version));
        } else if (map.get(next.path) !== undefined) {
          for (const store of [map, cached]) store.delete(next.path);
        }
        for (const path of paths) expect(cached.get(path)).toEqual(map.get(path));
        expect(cached.childNames("/")).toEqual(map.childNames("/"));
        for (const after of ["", "a", "b"]) {
          const names = map.childNames("/").filter((name) => name > after);
          for (const store of [map, cached])
            expect(store.childPage("/", after, 2)).toEqual(names.slice(0, 2));
        }
        expect(cached.ephemeralsOf(ALICE)).toEqual(map.ephemeralsOf(ALICE));
        expect(cached.ephemeralsOf(BOB)).toEqual(map.ephemeralsOf(BOB));
        expect(cached.ephemerals()).toEqual(map.ephemerals());
        expect(cached.count()).toBe(map.count());
        expect(cached.descendantCount("/")).toBe(map.descendantCount("/"));
        expect(cached.cachedBytes).toBeLessThanOrEqual(bytesMax);
      }
    }),
    { numRuns: 300 },
  );
});

describe("a store over rows", () => {
  test("reads a hot znode once", () => {
    const rows = new MapRows();
    rows.nodes.put("/", znode());
    rows.nodes.put("/hot", znode());
    const store = new CachedNodeStore(rows, 100_000);

    for (let index = 0; index < 10; index++) store.get("/hot");

    expect(rows.reads).toBe(1);
  });

  test("lets the least recently used go first, and keeps within its bound", () => {
    const rows = new MapRows();
    for (const path of ["/", "/a", "/b", "/c"]) {
      rows.nodes.put(path, { ...znode(), data: new Uint8Array(1000) });
    }
    const store = new CachedNodeStore(rows, 3700);
    store.get("/a");
    store.get("/b");
    store.get("/a");
    store.get("/c");
    rows.reads = 0;

    store.get("/a");
    const readsOfKept = rows.reads;
    store.get("/b");

    expect(readsOfKept).toBe(0);
    expect(rows.reads).toBe(1);
    expect(store.cachedBytes).toBeLessThanOrEqual(3700);
  });

  test("pins what is dirty beyond the bound of its cache, and tells how much it is", () => {
    const rows = new MapRows();
    const store = new CachedNodeStore(rows, 0);
    store.put("/", { ...znode(), data: bytes("x".repeat(5000)) });

    const dirtyBytes = store.dirtyBytes;
    const dirtyCount = store.dirtyCount;
    const dirty = store.takeDirty();

    expect(dirtyBytes).toBeGreaterThan(5000);
    expect(dirtyCount).toBe(1);
    expect(dirty.puts.map(([path]) => path)).toEqual(["/"]);
    expect(dirty.deletes).toEqual([]);
    expect(store.dirtyBytes).toBe(0);
    expect(store.takeDirty()).toEqual({ updates: [], puts: [], deletes: [] });
  });

  test("tells apart the rows that are only updated: those of persistent znodes, before and now", () => {
    const rows = new MapRows();
    const store = new CachedNodeStore(rows, 10_000);
    const kinds = ["persistent", "container"] as const;
    store.put("/", znode());
    for (const was of kinds) for (const is of kinds) store.put(`/${was}-${is}`, znode({ mode: was }));
    rows.flush(store);
    const cold = new CachedNodeStore(rows, 0);
    for (const was of kinds) {
      for (const is of kinds) {
        cold.delete(`/${was}-${is}`);
        cold.put(`/${was}-${is}`, znode({ mode: is }));
      }
    }
    cold.put("/new", znode());
    cold.put("/", znode());
    const { updates, puts, deletes } = cold.takeDirty();

    expect(updates.map(([path]) => path)).toEqual(["/persistent-persistent", "/"]);
    expect(puts.map(([path]) => path).sort()).toEqual(
      ["/container-container", "/container-persistent", "/new", "/persistent-container"].sort(),
    );
    expect(deletes).toEqual([]);
  });

  test("writes nothing for a znode that came and went between two flushes", () => {
    const rows = new MapRows();
    const store = new CachedNodeStore(rows, 1000);
    store.put("/", znode());
    rows.flush(store);

    store.put("/brief", znode());
    store.delete("/brief");

    expect(store.takeDirty()).toEqual({ updates: [], puts: [], deletes: [] });
  });

  test("asks for what is not there once, until it is put", () => {
    const rows = new MapRows();
    const store = new CachedNodeStore(rows, 1_000_000);
    store.put("/", znode());
    rows.flush(store);
    rows.reads = 0;
    for (let time = 0; time < 3; time++) expect(store.get("/a")).toBeUndefined();
    store.put("/a", znode());
    expect(rows.reads).toBe(1);

    expect(store.get("/a")).toBeDefined();
    expect(store.count()).toBe(2);
    rows.flush(store);
    store.delete("/a");
    expect(store.get("/a")).toBeUndefined();
    rows.flush(store);
    expect([store.get("/a"), store.count(), rows.count()]).toEqual([undefined, 1, 1]);
  });

  test("does not look for a child of a znode that has none, when it is found and when it is put", () => {
    const rows = new MapRows();
    const store = new CachedNodeStore(rows, 1_000_000);
    store.put("/", znode());
    store.put("/a", { ...znode(), childCount: 1 });
    rows.flush(store);
    rows.reads = 0;

    expect(store.get("/b/1", znode())).toBeUndefined();
    store.put("/b/1", znode());
    expect(rows.reads).toBe(0);
    expect(store.get("/a/1", store.get("/a"))).toBeUndefined();
    expect(rows.reads).toBe(1);
    expect(store.get("/a", znode())).toMatchObject({ childCount: 1 });
  });

  test("reads what was announced in one go, what is not there too, and forgets that once it is put", () => {
    const rows = new MapRows();
    const paths = ["/a", "/b", "/c", "x", "/a//b"];
    for (const path of ["/", "/a"]) rows.nodes.put(path, znode());
    const store = new CachedNodeStore(rows, 100_000);

    store.prefetch(paths);
    const read = paths.map((path) => store.get(path));
    expect(rows.reads).toBe(1);
    store.put("/b", znode());
    rows.flush(store);

    expect(read).toEqual([znode(), undefined, undefined, undefined, undefined]);
    expect(store.get("/b")).toEqual(znode());
    expect(store.get("/c")).toBeUndefined();
  });

  test("reads many rows as it reads each, whatever their paths and data", () => {
    const database = memoryDatabase();
    createTables(database);
    const rows = new SqlNodeRows(database.sql, "znode");
    const store = new CachedNodeStore(rows, 0);
    const long = `/${"n".repeat(90_000)}`;
    const there = ["/", "/a", '/q"uo\\te', "/é中", "/a/b", long, `${long}2`, "/large"];
    for (const path of there) {
      const data = path === "/large" ? bytes("x".repeat(5000)) : bytes(path.slice(0, 10));
      store.put(path, { ...znode(), data });
    }
    rows.writeChangesOf(store);
    const { found, absent } = rows.readMany([...there, "/nope", "/a/nope", `${long}3`]);

    expect(absent).toEqual(["/nope", "/a/nope", `${long}3`]);
    expect(found.map(([path]) => path).sort()).toEqual(there.filter((path) => path !== "/large").sort());
    for (const [path, node] of found) expect(node).toEqual(rows.read(path));
    store.prefetch(there);
    for (const path of there) expect(store.get(path)).toEqual(rows.read(path));
    for (const path of there) store.delete(path);
    rows.writeChangesOf(store);
    expect(database.sql.exec<{ n: number }>("SELECT count(*) AS n FROM znode").one().n).toBe(0);
  });

  test("refuses to delete what is not there", () => {
    const store = new CachedNodeStore(new MapRows(), 1000);

    expect(() => store.delete("/nope")).toThrow(InvariantError);
  });
});
