/** Snapshot files: what is written is read as it was, in whatever pieces; what is damaged is told from that. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { JuteError } from "../../src/jute/jute-error.ts";
import { SnapshotFileReader } from "../../src/keeper/snapshot-file/reader.ts";
import { SnapshotRestorer, takeOver } from "../../src/keeper/snapshot-file/restored-tree.ts";
import { zookeeperPassword } from "../../src/keeper/snapshot-file/session-password.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { StagedTree } from "../../src/tree/tree-snapshot.ts";
import { bytes, contentsOf, create, Leader, line } from "../tree/harness.ts";
import { fileOf } from "./file-of.ts";
import { steps } from "../tree/operations.ts";

interface Restored {
  readonly store: MapNodeStore;
  readonly staged: StagedTree;
  readonly end: ReturnType<SnapshotRestorer["end"]>;
}

function restore(file: Uint8Array, pieceBytes = 1000): Restored {
  const store = new MapNodeStore();
  const staged = new StagedTree({ store, sessions: new SessionTable() });
  const restorer = new SnapshotRestorer(staged);
  for (let at = 0; at < file.length; at += pieceBytes) restorer.push(file.subarray(at, at + pieceBytes));
  return { store, staged, end: restorer.end() };
}

/** A tree with each kind of znode. */
function variedTree(): Leader {
  const leader = new Leader();
  leader.write(create("/open", { data: null }));
  leader.write(
    create("/é", { data: bytes("é"), acl: [line(31, "digest", "a:b"), line(1, "world", "anyone")] }),
  );
  leader.write(create("/open/temporary", { flags: 1, acl: [line(1, "ip", "10.0.0.0/8")] }));
  leader.write(create("/box", { op: "createContainer", flags: 4 }));
  leader.write(create("/ttl", { op: "createTTL", flags: 5, ttlMs: 123_456 }));
  leader.write(create("/open/s-", { flags: 2 }));
  leader.write(create("/open/s-", { flags: 2 }));
  return leader;
}

describe("a snapshot file", () => {
  it("is read as it was written, whatever the tree and the pieces", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 400 }), (all, pieceBytes) => {
        const leader = variedTree();
        for (const { session, request } of all) leader.write(request, { session });
        const { tree } = leader;
        const { store, staged, end } = restore(fileOf(tree), pieceBytes);
        expect(end).toEqual({ last: tree.lastApplied, orphans: 0, isDigestRight: true });
        takeOver(staged, tree);
        expect(staged.summary).toEqual(tree.summary);
        expect(contentsOf(store)).toEqual(
          contentsOf({ get: (path) => tree.get(path), childNames: (path) => tree.childNames(path) }),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("that is cut off anywhere, or has another byte anywhere, is refused", () => {
    const file = fileOf(variedTree().tree);
    for (let length = 0; length < file.length; length++) {
      // A file may end behind each of its seals: those of earlier versions do.
      if (length === file.length - 21 || length === file.length - 54) continue;
      expect(() => restore(file.subarray(0, length))).toThrow(JuteError);
    }
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      expect(() => restore(damaged)).toThrow(JuteError);
    }
  });

  it("says what it is where it is none", () => {
    expect(() => restore(bytes("PK is how another kind of file begins"))).toThrow("does not begin with ZKSN");
    const file = fileOf(variedTree().tree);
    expect(() => restore(new Uint8Array(Buffer.concat([file, file])))).toThrow("goes on where it should");
  });

  it("without the last two parts is one of an earlier version, and shows as much as its znodes do", () => {
    const { tree } = variedTree();
    const file = fileOf(tree);
    expect(restore(file.subarray(0, file.length - 21)).end.isDigestRight).toBe(true);
    const { end, store } = restore(file.subarray(0, file.length - 54));
    expect(end.isDigestRight).toBeUndefined();
    expect(end.last).toEqual(tree.lastApplied);
    expect(store.count()).toBe(tree.nodeCount);
  });

  it("reads nothing of a length that no record has", () => {
    const file = fileOf(variedTree().tree);
    const reader = new SnapshotFileReader();
    reader.push(file.subarray(0, 16));
    expect(() => reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toThrow("a count of -1");
  });
});

test("ephemerals of sessions that it does not hold are left out", () => {
  const leader = variedTree();
  const file = fileOf(leader.tree, []);
  const { store, end } = restore(file);
  expect(end.orphans).toBe(1);
  expect(store.get("/open/temporary")).toBeUndefined();
  expect(store.get("/open")?.childCount).toBe(2);
});

test("a session's password is ZooKeeper's (seen on 3.9.5)", () => {
  const password = Buffer.from(zookeeperPassword(0x1000a1b2c3d4e5fn)).toString("hex");
  expect(password).toBe("34a02868ecdc87e3b51ee2559bcfe2a7");
});
