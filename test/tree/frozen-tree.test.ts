/** A frozen tree is exactly the tree of its moment, whatever changes while it is read, however often it is read. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SqlNodeRows } from "../../src/durable/node-rows.ts";
import { createTables } from "../../src/durable/schema.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import type { FrozenTree, Placed } from "../../src/tree/frozen-tree.ts";
import { comparePlaces, MapNodeStore, type NodeStore } from "../../src/tree/node-store.ts";
import { memoryDatabase } from "../durable/sqlite.ts";
import { BOB, bytes, contentsOf, create, freshTree, Leader } from "./harness.ts";
import { type Step, steps } from "./operations.ts";

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

/** With more znodes than a part holds, some of them not in rows yet. */
function grown({ store, flush }: Subject): Leader {
  const leader = new Leader(freshTree(store));
  leader.write(create("/a"));
  for (let index = 0; index < 12; index++) {
    leader.write(create(`/a/n${index}`, { data: bytes("x".repeat(index)) }));
  }
  flush();
  for (let index = 0; index < 12; index++) leader.write(create(`/a/m${index}`));
  leader.write(create("/b", { flags: 1 }));
  return leader;
}

function contents({ tree }: Leader): readonly Placed[] {
  const all = contentsOf({ get: (path) => tree.get(path), childNames: (path) => tree.childNames(path) });
  return all.toSorted(([a], [b]) => comparePlaces(a, b));
}

/** What happens before a part is read. */
interface Beat {
  readonly work: readonly Step[];
  readonly bytesMax: number;
  readonly flushes: boolean;
}

const beats: fc.Arbitrary<readonly Beat[]> = fc.array(
  fc.record({
    work: steps.map((all) => all.slice(0, 6)),
    bytesMax: fc.constantFrom(1, 100, 600, 5000),
    flushes: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe.each(SUBJECTS)("a frozen tree %s", (_, make) => {
  it("is the tree of its moment, at the first reading and at the last", () => {
    fc.assert(
      fc.property(beats, (all) => {
        const subject = make();
        const leader = grown(subject);
        const expected = contents(leader);
        const sessions = [...leader.tree.sessions.values()];
        const frozen = leader.tree.freeze();
        for (const isLast of [false, true])
          expect(read({ frozen, isLast, all, leader, subject })).toEqual(expected);
        expect(frozen.sessions).toEqual(sessions);
        frozen.close();
      }),
      { numRuns: 60 },
    );
  });

  it("gives up where more changes than it may hold, and hears of nothing once closed", () => {
    const leader = grown(make());
    const [frozen, closed] = [leader.tree.freeze(40_000), leader.tree.freeze(40_000)];
    closed.close();
    for (let round = 0; round < 40; round++) {
      leader.write({ op: "setData", path: "/a", data: bytes("y".repeat(2000)), version: -1 });
      leader.write(create(`/a/late${round}`, { data: bytes("z".repeat(2000)) }), { session: BOB });
      leader.write({ op: "delete", path: `/a/late${round}`, version: -1 });
    }
    expect(frozen.isOverrun).toBe(false);
    for (let round = 0; round < 100; round++) leader.write(create(`/a/more${round}`));
    expect(frozen.isOverrun).toBe(true);
    expect(closed.isOverrun).toBe(false);
  });
});

function read(of: {
  readonly frozen: FrozenTree;
  readonly isLast: boolean;
  readonly all: readonly Beat[];
  readonly leader: Leader;
  readonly subject: Subject;
}): readonly Placed[] {
  const walk = of.frozen.walk(of.isLast);
  const found: Placed[] = [];
  for (let turn = 0; turn < 1000; turn++) {
    const beat = of.all[turn];
    for (const { session, request } of beat?.work ?? []) of.leader.write(request, { session });
    if (beat?.flushes === true) of.subject.flush();
    const part = walk.next(beat?.bytesMax ?? 300);
    if (part.length === 0) return found;
    found.push(...part);
  }
  throw new Error("a walk without end");
}
