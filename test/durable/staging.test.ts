/** A snapshot's way onto the disk, and what a crash leaves of it at each point. */
import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { SqlDatabase } from "../../src/durable/sql.ts";
import { Store } from "../../src/durable/store.ts";
import type { StagedTree } from "../../src/tree/tree-snapshot.ts";
import { recomputeDigest, type Tree } from "../../src/tree/tree.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { ALICE, BOB, bytes, contentsOf, create, freshTree, Leader } from "../tree/harness.ts";
import { memoryDatabase } from "./sqlite.ts";

const NAME = { ensemble: "main", sid: 1 };
const LAST: Zxid = { epoch: 7, counter: 100 };

function openStore(database: SqlDatabase): Store {
  const log = { rowsMax: 20, bytesMax: 1e9 };
  return Store.open(database, NAME, { epochFloor: 1, firstInstance: 1, log });
}

function proposal(epoch: number, counter: number): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array([counter]) };
}

/** A tree with an ephemeral, data, an ACL and sessions, of which the other replica sends its state. */
function sentTree(): Tree {
  const leader = new Leader(freshTree());
  for (let index = 0; index < 20; index++) {
    leader.write(create(`/sent-${index}`, { data: bytes("x".repeat(index * 100)) }));
  }
  leader.write(create("/sent-1/ephemeral", { flags: 1 }), { session: BOB });
  return leader.tree;
}

/** A database whose own tree has /own and an ephemeral of ALICE, and whose log has rows, all on disk. */
function ownDatabase(): { readonly database: SqlDatabase; readonly store: Store } {
  const database = memoryDatabase();
  const store = openStore(database);
  const leader = new Leader(store.tree);
  leader.write(create("/own"));
  leader.write(create("/own/ephemeral", { flags: 1 }), { session: ALICE });
  store.commit([
    { kind: "epochs", acceptedEpoch: 5, currentEpoch: 4 },
    { kind: "append", proposals: [1, 2, 3, 4].map((counter) => proposal(1, counter)) },
    { kind: "diverged" },
  ]);
  return { database, store };
}

/** Sends the state in parts, each committed, and what changes between the parts too. */
function sendParts(from: Tree, store: Store, staged: StagedTree): number {
  const snapshot = from.beginSnapshot();
  for (let parts = 1; ; parts++) {
    const { entries, isWhole } = snapshot.next(2000);
    for (const entry of entries) staged.take(entry);
    expect(store.isStagingDirty).toBe(entries.length > 0);
    store.commit([]);
    expect(store.isStagingDirty).toBe(false);
    if (isWhole) return parts;
  }
}

function rowsIn(database: SqlDatabase, table: string): number {
  return database.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
}

function expectOwn(store: Store): void {
  expect(store.tree.childNames("/own")).toEqual(["ephemeral"]);
  expect(store.tree.childNames("/")).toEqual(["own", "zookeeper"]);
  expect(recomputeDigest(store.tree, store.tree.sessions)).toEqual(store.tree.digest);
  expect(store.start).toMatchObject({ acceptedEpoch: 5, currentEpoch: 4, isDiverged: true });
  expect([zxidText(store.log.base), zxidText(store.log.last), store.log.rowCount]).toEqual(["0:0", "1:4", 1]);
}

describe("a snapshot that is installed", () => {
  test("is the tree of the next start, with its digest, totals and sessions, and the history begins behind it", () => {
    const { database, store } = ownDatabase();
    const sent = sentTree();
    const staged = store.stage();
    expect(sendParts(sent, store, staged)).toBeGreaterThan(5);
    store.commit([{ kind: "install", last: LAST }]);

    const reopened = openStore(database);

    expect(contentsOf(reopened.tree)).toEqual(contentsOf(sent));
    expect(reopened.tree.summary).toEqual(sent.summary);
    expect(recomputeDigest(reopened.tree, reopened.tree.sessions)).toEqual(sent.digest);
    for (const id of [ALICE, BOB]) expect(reopened.tree.sessions.get(id)).toEqual(sent.sessions.get(id));
    expect(reopened.tree.ephemeralsOf(BOB)).toEqual(["/sent-1/ephemeral"]);
    expect(reopened.tree.lastApplied).toEqual(LAST);
    expect([reopened.log.base, reopened.log.last, reopened.log.rowCount]).toEqual([LAST, LAST, 0]);
    expect(reopened.start).toMatchObject({
      acceptedEpoch: 5,
      currentEpoch: 4,
      isDiverged: false,
      lastDelivered: LAST,
    });
  });

  test("leaves nothing of the old tree in the tables, and the next one goes there", () => {
    const { database, store } = ownDatabase();
    sendParts(sentTree(), store, store.stage());
    store.commit([{ kind: "install", last: LAST }]);
    expect([rowsIn(database, "znode"), rowsIn(database, "session")]).toEqual([0, 0]);
    const second = openStore(database);
    const other = new Leader(freshTree());
    other.write(create("/second"));
    sendParts(other.tree, second, second.stage());
    second.commit([{ kind: "install", last: { epoch: 8, counter: 1 } }]);

    const reopened = openStore(database);

    expect(contentsOf(reopened.tree)).toEqual(contentsOf(other.tree));
    expect([rowsIn(database, "znode_2"), rowsIn(database, "session_2")]).toEqual([0, 0]);
  });

  test("is written on: history and tree go on behind it, and are there after another start", () => {
    const { database, store } = ownDatabase();
    const staged = store.stage();
    for (const entry of sentTree().beginSnapshot().next(1e9).entries) staged.take(entry);
    // In one transaction with the only part.
    store.commit([{ kind: "install", last: { epoch: 1, counter: 100 } }]);
    const next = openStore(database);
    const counter = 100;
    const leader = new Leader(next.tree, counter);
    leader.write(create("/later"));
    next.commit([{ kind: "append", proposals: [proposal(1, 101), proposal(1, 102), proposal(1, 103)] }]);

    const reopened = openStore(database);

    expect(reopened.tree.get("/later")).toBeDefined();
    expect(reopened.tree.get("/sent-1/ephemeral")).toBeDefined();
    expect(reopened.tree.digest).toEqual(leader.tree.digest);
    expect([reopened.log.base.counter, reopened.log.last.counter, reopened.tree.lastApplied.counter]).toEqual(
      [100, 103, 103],
    );
  });

  test("what was found deleted or changed while it came is not in it", () => {
    const { database, store } = ownDatabase();
    const leader = new Leader(freshTree());
    for (let index = 0; index < 50; index++) leader.write(create(`/n-${index}`));
    const staged = store.stage();
    const snapshot = leader.tree.beginSnapshot();
    for (let index = 0; ; index++) {
      const { entries, isWhole } = snapshot.next(400);
      for (const entry of entries) staged.take(entry);
      store.commit([]);
      if (isWhole) break;
      if (index >= 20) continue;
      leader.write({ op: "delete", path: `/n-${index}`, version: -1 });
      leader.write({ op: "setData", path: `/n-${49 - index}`, data: bytes("new"), version: -1 });
    }
    store.commit([{ kind: "install", last: LAST }]);

    const reopened = openStore(database);

    expect(contentsOf(reopened.tree)).toEqual(contentsOf(leader.tree));
    expect(reopened.tree.summary).toEqual(leader.tree.summary);
  });
});

describe("a snapshot that is not installed", () => {
  test("leaves tree, history and epochs as they were, wherever it broke off", () => {
    for (const parts of [0, 1, 3]) {
      const { database, store } = ownDatabase();
      const staged = store.stage();
      const snapshot = sentTree().beginSnapshot();
      for (let part = 0; part < parts; part++) {
        for (const entry of snapshot.next(1000).entries) staged.take(entry);
        store.commit([]);
      }

      expectOwn(openStore(database));
    }
  });

  test("is gone when its installation fails, as is every write of that transaction", () => {
    const { database, store } = ownDatabase();
    const staged = store.stage();
    sendParts(sentTree(), store, staged);
    const { sql } = database;
    sql.exec("CREATE TRIGGER broken BEFORE UPDATE OF tree ON install BEGIN SELECT raise(ABORT, 'disk'); END");
    const install = { kind: "install", last: LAST } as const;
    const epochs = { kind: "epochs", acceptedEpoch: 9, currentEpoch: 9 } as const;

    expect(() => store.commit([epochs, install])).toThrow("disk");

    sql.exec("DROP TRIGGER broken");
    expectOwn(openStore(database));
  });

  test("is dropped by a start, and by the next snapshot, of which nothing else is then found", () => {
    const { database, store } = ownDatabase();
    const other = new Leader(freshTree());
    other.write(create("/dropped", { flags: 1 }), { session: 0xdeadn });
    sendParts(other.tree, store, store.stage());
    expect(rowsIn(database, "znode_2")).toBeGreaterThan(0);
    const restarted = openStore(database);
    expect([rowsIn(database, "znode_2"), rowsIn(database, "session_2")]).toEqual([0, 0]);
    sendParts(other.tree, restarted, restarted.stage());
    const sent = sentTree();
    sendParts(sent, restarted, restarted.stage());
    restarted.commit([{ kind: "install", last: LAST }]);

    const reopened = openStore(database);

    expect(contentsOf(reopened.tree)).toEqual(contentsOf(sent));
    expect(reopened.tree.summary).toEqual(sent.summary);
  });

  test("does not keep the tree that stands from being changed and written meanwhile", () => {
    const { database, store } = ownDatabase();
    const leader = new Leader(store.tree, 4);
    const staged = store.stage();
    const snapshot = sentTree().beginSnapshot();
    for (const entry of snapshot.next(1000).entries) staged.take(entry);
    leader.write(create("/own/later"));
    store.commit([{ kind: "append", proposals: [5, 6, 7].map((counter) => proposal(1, counter)) }]);

    const reopened = openStore(database);

    expect(reopened.tree.childNames("/own")).toEqual(["ephemeral", "later"]);
    expect(reopened.tree.digest).toEqual(leader.tree.digest);
    expect(must(reopened.tree.get("/own/later"), "a znode").czxid).toEqual({ epoch: 1, counter: 7 });
  });
});
