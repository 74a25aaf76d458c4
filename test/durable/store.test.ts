import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Proposal } from "../../src/zab/message.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeTxn } from "../../src/jute/txn.ts";
import { Store, type StoreSetup } from "../../src/durable/store.ts";
import { recomputeDigest, type Tree } from "../../src/tree/tree.ts";
import type { TreeTotals } from "../../src/tree/tree-state.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { contentsOf, Leader } from "../tree/harness.ts";
import { steps } from "../tree/operations.ts";
import { memoryDatabase } from "./sqlite.ts";

const NAME = { ensemble: "main", sid: 1 };

function setup(epochFloor: number): StoreSetup {
  return { epochFloor, firstInstance: 1000, log: { rowsMax: 20, bytesMax: 1e9 } };
}

describe("a replica's database", () => {
  test("counts each start, and keeps the epoch floor of the first", () => {
    const database = memoryDatabase();

    const first = Store.open(database, NAME, setup(100)).start;
    const second = Store.open(database, NAME, setup(200)).start;

    expect(first).toMatchObject({ instance: 1001, epochFloor: 100, lastDelivered: ZXID_ZERO });
    expect(second).toMatchObject({ instance: 1002, epochFloor: 100 });
  });

  test("refuses to serve another replica", () => {
    const database = memoryDatabase();
    Store.open(database, NAME, setup(1));

    expect(() => Store.open(database, { ensemble: "main", sid: 2 }, setup(1))).toThrow(
      "belongs to replica main/1",
    );
  });

  test("refuses data of a later format, and says what to do", () => {
    const database = memoryDatabase();
    Store.open(database, NAME, setup(1));
    database.sql.exec("UPDATE state SET format = 99");

    expect(() => Store.open(database, NAME, setup(1))).toThrow("run the version again that did");
  });

  test("keeps epochs, and what is truncated stays gone", () => {
    const database = memoryDatabase();
    const store = Store.open(database, NAME, setup(1));
    store.commit([{ kind: "epochs", acceptedEpoch: 3, currentEpoch: 2 }]);
    store.commit([{ kind: "append", proposals: [payloadAt(2, 1), payloadAt(2, 2)] }]);
    store.commit([{ kind: "truncate", after: { epoch: 2, counter: 1 } }]);

    const reopened = Store.open(database, NAME, setup(1));

    expect(reopened.start).toMatchObject({ acceptedEpoch: 3, currentEpoch: 2 });
    expect(reopened.log.last).toEqual({ epoch: 2, counter: 1 });
  });

  test("a transaction that fails leaves everything as it was", () => {
    const database = memoryDatabase();
    const store = Store.open(database, NAME, setup(1));
    store.commit([{ kind: "append", proposals: [payloadAt(1, 1)] }]);
    const failing = { kind: "append", proposals: [payloadAt(1, 2), undefined] } as unknown as Parameters<
      Store["commit"]
    >[0][number];

    expect(() => store.commit([{ kind: "epochs", acceptedEpoch: 9, currentEpoch: 9 }, failing])).toThrow(
      TypeError,
    );
    const reopened = Store.open(database, NAME, setup(1));

    expect(reopened.start.acceptedEpoch).toBe(0);
    expect(reopened.log.last).toEqual({ epoch: 1, counter: 1 });
  });

  test("a tree that is written now and then, and reopened, is the tree that was never written", () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(3), { minLength: 60, maxLength: 60 }), (requests, pauses) => {
        const database = memoryDatabase();
        const store = Store.open(database, NAME, setup(1));
        const inMemory = new Leader();
        const onDisk = new Leader(store.tree);
        requests.forEach(({ session, request }, index) => {
          expect(onDisk.write(request, { session })).toEqual(inMemory.write(request, { session }));
          // Rides on a log row, is flushed alone, or waits.
          if (pauses[index] === 1) {
            store.commit([{ kind: "append", proposals: [payloadAt(1, store.log.last.counter + 1)] }]);
          }
          if (pauses[index] === 2) store.commit([]);
        });
        store.commit([]);

        const reopened = Store.open(database, NAME, setup(1));

        expect(reopened.start.lastDelivered).toEqual(inMemory.tree.lastApplied);
        expect(reopened.tree.digest).toEqual(inMemory.tree.digest);
        expect(reopened.tree.totals).toEqual(totalsOf(inMemory.tree));
        expect(reopened.isTreeDirty).toBe(false);
        expect(contentsOf(reopened.tree)).toEqual(contentsOf(inMemory.tree));
        expect(recomputeDigest(reopened.tree, reopened.tree.sessions)).toEqual(reopened.tree.digest);
      }),
      { numRuns: 60 },
    );
  });

  test("a configuration that is in the log and not in the tree on disk yet is told at the next start", () => {
    const database = memoryDatabase();
    const store = Store.open(database, NAME, setup(1));
    const writer = new JuteWriter();
    const data = new TextEncoder().encode("server.1=host:2888:3888:participant");
    const header = { session: 0n, xid: 0, timeMs: 1, origin: { sid: 1, instance: 1, serial: 0 } };
    encodeTxn(writer, header, { kind: "config", data });
    const proposals = [{ zxid: { epoch: 1, counter: 1 }, payload: writer.take() }];
    store.commit([{ kind: "append", proposals }]);

    expect(store.pendingConfigs()).toEqual([data]);
    expect(Store.open(database, NAME, setup(1)).pendingConfigs()).toEqual([data]);
    expect(Store.open(memoryDatabase(), NAME, setup(1)).pendingConfigs()).toEqual([]);
  });

  test("the digest of what is on disk is the one that was written with it", () => {
    const database = memoryDatabase();
    const store = Store.open(database, NAME, setup(1));
    const leader = new Leader(store.tree);
    const create = { op: "create" as const, data: null, acl: [{ perms: 31, scheme: "world", id: "anyone" }] };
    leader.write({ ...create, path: "/a", flags: 1, ttlMs: 0 });
    store.commit([]);

    const reopened = Store.open(database, NAME, setup(1));

    expect(recomputeDigest(reopened.tree, reopened.tree.sessions)).toEqual(leader.tree.digest);
    expect(reopened.tree.stat("/a")).toEqual(leader.tree.stat("/a"));
  });
});

function totalsOf(tree: Tree): TreeTotals {
  const contents = contentsOf(tree);
  return {
    dataBytes: contents.reduce((sum, [path, node]) => sum + path.length + (node.data?.length ?? 0), 0),
    ephemerals: contents.filter(([, node]) => node.owner.mode === "ephemeral").length,
  };
}

function payloadAt(epoch: number, counter: number): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array([counter]) };
}
