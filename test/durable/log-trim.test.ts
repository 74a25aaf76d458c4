/** What the log keeps and forgets: through the whole store, as its transaction is what makes trimming safe. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { type LogBounds, LogStore } from "../../src/durable/log-store.ts";
import { createTables, LOG_SLOTS } from "../../src/durable/schema.ts";
import type { SqlDatabase } from "../../src/durable/sql.ts";
import { Store } from "../../src/durable/store.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { writeProposals } from "../../src/keeper/zab-codec.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { headerOf } from "../tree/harness.ts";
import { memoryDatabase } from "./sqlite.ts";

const END: Zxid = { epoch: 0x7fffffff, counter: 0xffffffff };
const NAME = { ensemble: "main", sid: 1 };
const AMPLE = Number.MAX_SAFE_INTEGER;

function proposal(epoch: number, counter: number, size = 3): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array(size).fill(counter) };
}

function openStore(database: SqlDatabase, log: LogBounds): Store {
  return Store.open(database, NAME, { epochFloor: 1, firstInstance: 1, log });
}

/** Applies up to the zxid, with transactions that change nothing. */
function applyUpTo(store: Store, zxid: Zxid): void {
  store.tree.apply(zxid, headerOf(0n, 1), { kind: "barrier", path: "" });
}

function append(store: Store, ...proposals: readonly Proposal[]): void {
  store.commit([{ kind: "append", proposals }]);
}

function heldBy(log: LogStore): readonly string[] {
  return log.read({ after: log.base, upTo: END, bytesMax: AMPLE }).map(({ zxid }) => zxidText(zxid));
}

describe("the log's bounds", () => {
  test("rows beyond rowsMax are trimmed, the oldest first, once the tree on disk is past them", () => {
    const store = openStore(memoryDatabase(), { rowsMax: 2, bytesMax: AMPLE });
    for (let counter = 1; counter <= 5; counter++) append(store, proposal(1, counter));
    expect(heldBy(store.log)).toEqual(["1:1", "1:2", "1:3", "1:4", "1:5"]);

    applyUpTo(store, { epoch: 1, counter: 2 });
    append(store, proposal(1, 6));
    expect([zxidText(store.log.base), heldBy(store.log)]).toEqual(["1:2", ["1:3", "1:4", "1:5", "1:6"]]);
    applyUpTo(store, { epoch: 1, counter: 6 });
    append(store, proposal(1, 7));

    expect([zxidText(store.log.base), heldBy(store.log)]).toEqual(["1:5", ["1:6", "1:7"]]);
  });

  test("bytes beyond bytesMax are trimmed, but a row that alone is larger stays", () => {
    const store = openStore(memoryDatabase(), { rowsMax: 100, bytesMax: 2500 });
    for (let counter = 1; counter <= 4; counter++) {
      append(store, proposal(1, counter, 1000));
      applyUpTo(store, { epoch: 1, counter });
    }
    expect(heldBy(store.log)).toEqual(["1:3", "1:4"]);
    append(store, proposal(1, 5, 9000));
    applyUpTo(store, { epoch: 1, counter: 5 });
    append(store, proposal(1, 6, 10));

    expect(heldBy(store.log)).toEqual(["1:6"]);
    expect(store.log.bytes).toBeLessThan(100);
  });

  test("a row that is applied in part is not trimmed", () => {
    const store = openStore(memoryDatabase(), { rowsMax: 1, bytesMax: AMPLE });
    append(store, proposal(1, 1), proposal(1, 2));
    applyUpTo(store, { epoch: 1, counter: 1 });
    append(store, proposal(1, 3));

    expect([store.log.base, heldBy(store.log)]).toEqual([ZXID_ZERO, ["1:1", "1:2", "1:3"]]);
  });

  test("a start with narrower bounds trims with its first row", () => {
    const database = memoryDatabase();
    const store = openStore(database, { rowsMax: 100, bytesMax: AMPLE });
    for (let counter = 1; counter <= 9; counter++) append(store, proposal(1, counter));
    applyUpTo(store, { epoch: 1, counter: 9 });
    store.commit([]);

    const narrow = openStore(database, { rowsMax: 3, bytesMax: AMPLE });
    expect(narrow.log.rowCount).toBe(9);
    append(narrow, proposal(1, 10));

    expect(heldBy(narrow.log)).toEqual(["1:8", "1:9", "1:10"]);
  });

  test("a log of which all is cut off that was not trimmed still begins at its base after a restart", () => {
    const database = memoryDatabase();
    const bounds = { rowsMax: 1, bytesMax: AMPLE };
    const store = openStore(database, bounds);
    append(store, proposal(1, 1), proposal(1, 2));
    applyUpTo(store, { epoch: 1, counter: 2 });
    append(store, proposal(2, 1));
    store.commit([{ kind: "truncate", after: { epoch: 1, counter: 2 } }]);
    const { base, last } = openStore(database, bounds).log;

    expect([zxidText(base), zxidText(last)]).toEqual(["1:2", "1:2"]);
  });
});

describe("the log's ring", () => {
  test("takes the place of the oldest row once all slots are used, and is read whole across its seam", () => {
    const database = memoryDatabase();
    createTables(database);
    const log = new LogStore(database.sql, ZXID_ZERO, { rowsMax: AMPLE, bytesMax: AMPLE });
    const rows = LOG_SLOTS + 100;
    database.transactionSync(() => {
      for (let counter = 1; counter <= rows; counter++) {
        const zxid = { epoch: 1, counter: Math.max(0, counter - 1) };
        const applied = { zxid, digest: { hi: 0, lo: 0 }, totals: { dataBytes: 0, ephemerals: 0 } };
        log.append([proposal(1, counter)], applied);
      }
    });
    const reopened = new LogStore(database.sql, ZXID_ZERO, { rowsMax: AMPLE, bytesMax: AMPLE });

    for (const one of [log, reopened]) {
      expect([one.rowCount, zxidText(one.base), zxidText(one.last)]).toEqual([
        LOG_SLOTS,
        "1:100",
        `1:${rows}`,
      ]);
      const held = heldBy(one);
      expect([held.length, held[0], held.at(-1)]).toEqual([LOG_SLOTS, "1:101", `1:${rows}`]);
      for (const counter of [100, 101, LOG_SLOTS - 1, LOG_SLOTS, LOG_SLOTS + 1, rows]) {
        expect(one.floor({ epoch: 1, counter })).toEqual({ epoch: 1, counter });
      }
      expect(one.epochEnds()).toEqual([{ epoch: 1, counter: rows }]);
      expect(one.bytes).toBe(log.bytes);
    }
    expect(must(reopened.latestApplied(), "the latest row").zxid).toEqual({ epoch: 1, counter: rows - 1 });
  });

  test("does not overwrite a row that the tree on disk still needs", () => {
    const database = memoryDatabase();
    createTables(database);
    const log = new LogStore(database.sql, ZXID_ZERO, { rowsMax: AMPLE, bytesMax: AMPLE });
    const nothing = {
      zxid: ZXID_ZERO,
      digest: { hi: 0, lo: 0 },
      totals: { dataBytes: 0, ephemerals: 0 },
    };
    database.transactionSync(() => {
      for (let counter = 1; counter <= LOG_SLOTS; counter++) log.append([proposal(1, counter)], nothing);
    });

    expect(() => log.append([proposal(1, LOG_SLOTS + 1)], nothing)).toThrow(
      "only what the tree on disk holds is trimmed",
    );
  });
});

/** The log as rows in an array: deliberately simple. */
class Model {
  rows: (readonly Proposal[])[] = [];
  base: Zxid = ZXID_ZERO;
  applied: Zxid = ZXID_ZERO;

  get proposals(): readonly Proposal[] {
    return this.rows.flat();
  }

  get last(): Zxid {
    return this.proposals.at(-1)?.zxid ?? this.base;
  }

  get bytes(): number {
    return this.rows.reduce((sum, row) => sum + encodedBytes(row), 0);
  }

  append(proposals: readonly Proposal[], { rowsMax, bytesMax }: LogBounds): void {
    this.rows.push(proposals);
    while (this.rows.length > rowsMax || (this.bytes > bytesMax && this.rows.length > 1)) {
      const end = must(this.rows[0]?.at(-1), "the oldest row").zxid;
      if (compareZxid(end, this.applied) > 0) return;
      this.base = end;
      this.rows.shift();
    }
  }

  truncate(after: Zxid): void {
    const kept = this.rows.map((row) => row.filter(({ zxid }) => compareZxid(zxid, after) <= 0));
    this.rows = kept.filter(({ length }) => length > 0);
  }

  install(last: Zxid): void {
    this.rows = [];
    this.base = last;
    this.applied = last;
  }
}

function encodedBytes(row: readonly Proposal[]): number {
  const writer = new JuteWriter();
  writeProposals(writer, row);
  return writer.take().length;
}

const BOUNDS: LogBounds = { rowsMax: 4, bytesMax: 400 };

type Step =
  | { readonly kind: "append"; readonly count: number; readonly size: number; readonly newEpoch: boolean }
  | { readonly kind: "truncate" | "apply" | "install"; readonly at: number }
  | { readonly kind: "reopen" };

const at = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      count: fc.integer({ min: 1, max: 4 }),
      size: fc.constantFrom(1, 10, 150),
      newEpoch: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("truncate" as const), at }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("apply" as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("install" as const), at }) },
  { weight: 3, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

/** One of the zxids that are not applied yet, or the last that is. */
function pick(model: Model, index: number): Zxid {
  const later = model.proposals.filter(({ zxid }) => compareZxid(zxid, model.applied) > 0);
  const zxids = [model.applied, ...later.map(({ zxid }) => zxid)];
  return must(zxids[index % zxids.length], "a zxid");
}

function nextProposals(model: Model, next: Step & { readonly kind: "append" }): readonly Proposal[] {
  const { epoch, counter } = model.last;
  const isNew = next.newEpoch || epoch === 0;
  const from = isNew ? { epoch: epoch + 2, counter: 0 } : { epoch, counter };
  return Array.from({ length: next.count }, (_, index) =>
    proposal(from.epoch, from.counter + index + 1, next.size),
  );
}

/** The state of the store's own tree, staged and installed at a zxid. */
function install(store: Store, last: Zxid): void {
  const staged = store.stage();
  store.tree
    .beginSnapshot()
    .next(AMPLE)
    .entries.forEach((entry) => staged.take(entry));
  store.commit([{ kind: "install", last }]);
}

function expectSame({ log, start, tree }: Store, model: Model): void {
  expect([zxidText(log.base), zxidText(log.last)]).toEqual([zxidText(model.base), zxidText(model.last)]);
  expect(log.rowCount).toBe(model.rows.length);
  expect(log.bytes).toBe(model.bytes);
  expect(compareZxid(log.base, tree.lastApplied)).toBeLessThanOrEqual(0);
  expect(compareZxid(start.lastDelivered, tree.lastApplied)).toBeLessThanOrEqual(0);
  const { proposals } = model;
  const ends = proposals.filter(({ zxid }, index) => proposals[index + 1]?.zxid.epoch !== zxid.epoch);
  expect(log.epochEnds()).toEqual(ends.map(({ zxid }) => zxid));
  for (const after of [model.base, ...proposals.map(({ zxid }) => zxid)]) {
    const expected = proposals.filter(({ zxid }) => compareZxid(zxid, after) > 0);
    expect(log.read({ after, upTo: END, bytesMax: AMPLE })).toEqual(expected);
    expect(log.read({ after, upTo: END, bytesMax: 1 })).toEqual(expected.slice(0, 1));
    expect(log.read({ after, upTo: after, bytesMax: AMPLE })).toEqual([]);
    expect(log.floor(after)).toEqual(after);
    const beyond = { epoch: after.epoch, counter: after.counter + 1000 };
    const floor = proposals.filter(({ zxid }) => compareZxid(zxid, beyond) <= 0).at(-1)?.zxid ?? model.base;
    expect(log.floor(beyond)).toEqual(floor);
  }
}

test("the log is what a plain list is, whatever is appended, applied, cut off, installed and reopened", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const database = memoryDatabase();
      const model = new Model();
      let store = openStore(database, BOUNDS);
      for (const next of steps) {
        if (next.kind === "append") {
          const proposals = nextProposals(model, next);
          append(store, ...proposals);
          model.append(proposals, BOUNDS);
        } else if (next.kind === "reopen") {
          // What is applied and not on disk is applied again.
          store = openStore(database, BOUNDS);
          model.applied = store.start.lastDelivered;
        } else {
          const zxid = pick(model, next.at);
          if (next.kind === "truncate") {
            store.commit([{ kind: "truncate", after: zxid }]);
            model.truncate(zxid);
          } else if (compareZxid(zxid, model.applied) > 0) {
            if (next.kind === "install") {
              install(store, zxid);
              store = openStore(database, BOUNDS);
              model.install(zxid);
            } else {
              applyUpTo(store, zxid);
              model.applied = zxid;
            }
          }
        }
        expectSame(store, model);
      }
    }),
    { numRuns: 60 },
  );
});
