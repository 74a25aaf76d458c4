/** A restore's way onto the disk of one replica, and what a crash leaves of it at each point. */
import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import type { SqlDatabase } from "../../src/durable/sql.ts";
import { Store } from "../../src/durable/store.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeTxn } from "../../src/jute/txn.ts";
import { takeOver } from "../../src/keeper/snapshot-file/restored-tree.ts";
import { digestText } from "../../src/tree/digest.ts";
import { CONFIG_PATH } from "../../src/tree/reserved.ts";
import type { StagedTree } from "../../src/tree/tree-snapshot.ts";
import { recomputeDigest, type Tree } from "../../src/tree/tree.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { ALICE, bytes, create, headerOf, Leader } from "../tree/harness.ts";
import { memoryDatabase } from "./sqlite.ts";

const PERMIT: Zxid = { epoch: 1, counter: 3 };
const AT: Zxid = { epoch: 1, counter: 9 };

function openStore(database: SqlDatabase): Store {
  const log = { rowsMax: 20, bytesMax: 1e9 };
  return Store.open(database, { ensemble: "main", sid: 1 }, { epochFloor: 1, firstInstance: 1, log });
}

function proposalOf(staged: StagedTree): Proposal {
  const writer = new JuteWriter();
  const digest = digestText(staged.summary.digest);
  encodeTxn(writer, headerOf(0n, 0), { kind: "restore", staged: { permit: PERMIT, digest } });
  return { zxid: AT, payload: writer.take() };
}

function fileTree(): Tree {
  const leader = new Leader();
  for (let index = 0; index < 20; index++)
    leader.write(create(`/file-${index}`, { data: bytes("x".repeat(99)) }));
  leader.write(create("/file-1/ephemeral", { flags: 1 }), { session: ALICE });
  return leader.tree;
}

/** A replica that has applied four proposals, with a session, a configuration and a tree of its own. */
function ownDatabase(): { readonly database: SqlDatabase; readonly store: Store } {
  const database = memoryDatabase();
  const store = openStore(database);
  const leader = new Leader(store.tree);
  leader.write(create("/own"));
  store.tree.apply({ epoch: 1, counter: 4 }, headerOf(0n, 0), { kind: "config", data: bytes("members") });
  const proposals = [1, 2, 3, 4, 5, 6, 7, 8].map((counter): Proposal => {
    const writer = new JuteWriter();
    encodeTxn(writer, headerOf(0n, 0), { kind: "barrier", path: "" });
    return { zxid: { epoch: 1, counter }, payload: writer.take() };
  });
  store.commit([
    { kind: "epochs", acceptedEpoch: 1, currentEpoch: 1 },
    { kind: "append", proposals },
  ]);
  return { database, store };
}

function stageAll(store: Store, from: Tree): StagedTree {
  const staged = must(store.stageRestore(PERMIT), "it is not late");
  const snapshot = from.beginSnapshot();
  for (let isWhole = false; !isWhole;) {
    const part = snapshot.next(500);
    for (const entry of part.entries) staged.take(entry);
    expect(store.writeRestore(staged)).toBe(true);
    ({ isWhole } = part);
  }
  snapshot.close();
  return staged;
}

describe("a restore", () => {
  test("takes the place of the tree at its proposal, and history and members stay", () => {
    const { database, store } = ownDatabase();
    const file = fileTree();
    const staged = stageAll(store, file);
    expect(store.restorable(PERMIT)).toBeUndefined();
    expect(store.sealRestore(staged)).toBe(true);
    store.commit([{ kind: "append", proposals: [proposalOf(staged)] }]);
    expect(store.restorable(PERMIT)).toBe(staged);
    takeOver(staged, store.tree);
    store.commit([{ kind: "restore", at: AT }]);

    const after = openStore(database);
    expect(after.tree.lastApplied).toEqual(AT);
    expect(after.log.last).toEqual(AT);
    expect(after.log.rowCount).toBe(2);
    expect(after.start).toMatchObject({ lastDelivered: AT, currentEpoch: 1, isDiverged: false });
    expect(after.tree.get("/own")).toBeUndefined();
    expect(after.tree.get("/file-3")).toEqual(file.get("/file-3"));
    expect(after.tree.get(CONFIG_PATH)?.data).toEqual(bytes("members"));
    expect(after.tree.isSound()).toBe(true);
    expect(after.lastRestore).toEqual({ permit: PERMIT, at: AT });
    expect(after.restorable(PERMIT)).toBeUndefined();
    expect(after.waitingRestore).toBeUndefined();
  });

  test("that is proposed and not applied survives a crash, and is the same then", () => {
    const { database, store } = ownDatabase();
    const staged = stageAll(store, fileTree());
    store.sealRestore(staged);
    store.commit([{ kind: "append", proposals: [proposalOf(staged)] }]);

    const again = openStore(database);
    const kept = must(again.restorable(PERMIT), "it waits");
    expect(kept.summary).toEqual(staged.summary);
    takeOver(kept, again.tree);
    again.commit([{ kind: "restore", at: AT }]);
    const after = openStore(database);
    expect(after.tree.digest).toEqual(kept.summary.digest);
    expect(
      recomputeDigest(
        { get: (path) => after.tree.get(path), childNames: (path) => after.tree.childNames(path) },
        after.tree.sessions,
      ),
    ).toEqual(after.tree.digest);
  });

  test.each(["half staged", "staged and not proposed"])("that is %s is gone after a crash", (what) => {
    const { database, store } = ownDatabase();
    const staged = stageAll(store, fileTree());
    if (what !== "half staged") store.sealRestore(staged);

    const again = openStore(database);
    expect(again.restorable(PERMIT)).toBeUndefined();
    expect(again.tree.get("/own")).toBeDefined();
    expect(again.stage().summary.znodes).toBe(0);
  });

  test("gives way to a snapshot, and to a later restore, but not to an earlier one", () => {
    const { store } = ownDatabase();
    const staged = stageAll(store, fileTree());
    store.sealRestore(staged);
    expect(store.stageRestore(PERMIT)).toBeUndefined();
    expect(store.stageRestore({ epoch: 1, counter: 2 })).toBeUndefined();
    expect(store.waitingRestore).toEqual(PERMIT);
    const later = must(store.stageRestore({ epoch: 1, counter: 5 }), "a later one");
    expect(later.summary.znodes).toBe(0);
    expect(store.writeRestore(staged)).toBe(false);
    expect(store.restorable(PERMIT)).toBeUndefined();
    expect(store.sealRestore(later)).toBe(true);
    store.stage();
    expect(store.waitingRestore).toBeUndefined();
    expect(store.sealRestore(later)).toBe(false);
  });
});
