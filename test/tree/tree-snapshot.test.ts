/** A snapshot, taken while the tree goes on changing, is exactly the state of the moment in which it is whole. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SqlNodeRows } from "../../src/durable/node-rows.ts";
import { createTables } from "../../src/durable/schema.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import { MapNodeStore, type NodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { StagedTree } from "../../src/tree/tree-snapshot.ts";
import { Tree } from "../../src/tree/tree.ts";
import { memoryDatabase } from "../durable/sqlite.ts";
import { bytes, contentsOf, create, freshTree, Leader } from "./harness.ts";
import { type Step, steps } from "./operations.ts";

/** A store, and what writes its changes to the rows below it. */
interface Subject {
  readonly store: NodeStore;
  readonly flush: () => void;
}

function inSql(): Subject {
  const database = memoryDatabase();
  createTables(database);
  const rows = new SqlNodeRows(database.sql, "znode");
  const store = new CachedNodeStore(rows, 500);
  return { store, flush: () => rows.writeChangesOf(store) };
}

const SUBJECTS: ReadonlyArray<readonly [string, () => Subject]> = [
  ["in a map", () => ({ store: new MapNodeStore(), flush: () => undefined })],
  ["in SQLite under a cache", inSql],
];

interface Receiver extends Subject {
  readonly sessions: SessionTable;
  readonly staged: StagedTree;
}

function receiver(make: () => Subject): Receiver {
  const subject = make();
  const sessions = new SessionTable();
  return { ...subject, sessions, staged: new StagedTree({ store: subject.store, sessions }) };
}

/** A tree with more znodes than a part holds, some of them not in rows yet. */
function grown({ store, flush }: Subject): Leader {
  const leader = new Leader(freshTree(store));
  leader.write(create("/a"));
  for (let index = 0; index < 12; index++)
    leader.write(create(`/a/n${index}`, { data: bytes("x".repeat(index)) }));
  flush();
  for (let index = 0; index < 12; index++) leader.write(create(`/a/m${index}`));
  leader.write(create("/b", { flags: 1 }));
  return leader;
}

function expectEqual(leader: Leader, { store, sessions, staged }: Receiver): void {
  const { tree } = leader;
  expect(staged.summary).toEqual(tree.summary);
  expect(contentsOf(store)).toEqual(
    contentsOf({
      get: (path) => tree.get(path),
      childNames: (path) => tree.childNames(path),
    }),
  );
  const byId = (a: { readonly id: bigint }, b: { readonly id: bigint }): number => (a.id < b.id ? -1 : 1);
  expect([...sessions.values()].sort(byId)).toEqual([...tree.sessions.values()].sort(byId));
}

/** What happens between two parts. */
interface Beat {
  readonly work: readonly Step[];
  readonly bytesMax: number;
  readonly flushes: boolean;
  readonly receiverFlushes: boolean;
}

const beats: fc.Arbitrary<readonly Beat[]> = fc.array(
  fc.record({
    work: steps.map((all) => all.slice(0, 8)),
    bytesMax: fc.constantFrom(1, 200, 600, 5000),
    flushes: fc.boolean(),
    receiverFlushes: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe.each(SUBJECTS)("a snapshot of a tree %s", (_, make) => {
  it("is equal to the tree in znodes, sessions and sums at each moment it is whole, whatever changed before", () => {
    fc.assert(
      fc.property(beats, (all) => {
        const subject = make();
        const leader = grown(subject);
        const target = receiver(make);
        const snapshot = leader.tree.beginSnapshot();
        const take = ({ bytesMax, flushes, receiverFlushes }: Omit<Beat, "work">): boolean => {
          const { entries, isWhole } = snapshot.next(bytesMax);
          for (const entry of entries) target.staged.take(entry);
          if (isWhole) expectEqual(leader, target);
          if (flushes) subject.flush();
          if (receiverFlushes) target.flush();
          return isWhole;
        };
        for (const { work, ...beat } of all) {
          for (const { session, request } of work) leader.write(request, { session });
          take(beat);
        }
        let parts = 0;
        while (!take({ bytesMax: 300, flushes: parts % 2 === 0, receiverFlushes: parts % 3 === 0 })) {
          expect(parts++).toBeLessThan(200);
        }
        expectEqual(leader, target);
        expect(leader.tree.isSound()).toBe(true);
        snapshot.close();
      }),
      { numRuns: 60 },
    );
  });

  it("does not sum up to what the tree says where that is not of these znodes", () => {
    const subject = make();
    const { tree } = grown(subject);
    const { digest, totals, sessions, lastApplied } = tree;
    const over = { store: subject.store, sessions, lastApplied };
    const wrongDigest = { hi: digest.hi, lo: digest.lo ^ 1 };
    expect(new Tree({ ...over, digest, totals }).isSound()).toBe(true);
    expect(new Tree({ ...over, digest: wrongDigest, totals }).isSound()).toBe(false);
    const wrongTotals = { ...totals, ephemerals: totals.ephemerals + 1 };
    expect(new Tree({ ...over, digest, totals: wrongTotals }).isSound()).toBe(false);
  });

  it("that is closed hears of nothing any more", () => {
    const leader = grown(make());
    const snapshot = leader.tree.beginSnapshot();
    while (!snapshot.next(1000).isWhole);
    leader.write(create("/late"));
    expect(snapshot.waiting).toBe(2);

    snapshot.close();
    leader.write(create("/later"));

    expect(snapshot.waiting).toBe(2);
  });
});
