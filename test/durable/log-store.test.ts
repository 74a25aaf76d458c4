import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BATCH_BYTES_MAX } from "../../src/base/limits.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { type Applied, LogStore } from "../../src/durable/log-store.ts";
import { createTables, LOG_SLOTS } from "../../src/durable/schema.ts";
import type { SqlDatabase } from "../../src/durable/sql.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { memoryDatabase } from "./sqlite.ts";

const NOTHING_APPLIED: Applied = {
  zxid: ZXID_ZERO,
  digest: { hi: 0, lo: 0 },
  totals: { dataBytes: 0, ephemerals: 0 },
};
const END: Zxid = { epoch: 0x7fffffff, counter: 0xffffffff };

function freshDatabase(): SqlDatabase {
  const database = memoryDatabase();
  createTables(database);
  return database;
}

function proposal(epoch: number, counter: number, bytes = 3): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array(bytes).fill(counter) };
}

function texts(proposals: readonly Proposal[]): readonly string[] {
  return proposals.map(({ zxid }) => zxidText(zxid));
}

const BOUNDS = { rowsMax: LOG_SLOTS, bytesMax: Number.MAX_SAFE_INTEGER };

describe("the log in SQLite", () => {
  test("is read back by another start, with what it tells of the tree", () => {
    const { sql } = freshDatabase();
    const applied: Applied = {
      zxid: { epoch: 1, counter: 1 },
      digest: { hi: 0xffffffff, lo: 7 },
      totals: { dataBytes: 5, ephemerals: 1 },
    };
    new LogStore(sql, ZXID_ZERO, BOUNDS).append([proposal(1, 1), proposal(1, 2)], applied);

    const log = new LogStore(sql, ZXID_ZERO, BOUNDS);

    expect(log.last).toEqual({ epoch: 1, counter: 2 });
    expect(log.latestApplied()).toEqual(applied);
    const read = log.read({ after: ZXID_ZERO, upTo: END, bytesMax: 1000 });
    expect(read).toEqual([proposal(1, 1), proposal(1, 2)]);
  });

  test("cuts rows at the end of an epoch, so that epochEnds are exact", () => {
    const { sql } = freshDatabase();
    const log = new LogStore(sql, ZXID_ZERO, BOUNDS);
    log.append([proposal(1, 1), proposal(1, 2), proposal(4, 1)], NOTHING_APPLIED);

    expect(log.rowCount).toBe(2);
    expect(log.epochEnds()).toEqual([
      { epoch: 1, counter: 2 },
      { epoch: 4, counter: 1 },
    ]);
  });

  test("cuts rows at BATCH_BYTES_MAX, and gives a larger proposal a row of its own", () => {
    const { sql } = freshDatabase();
    const log = new LogStore(sql, ZXID_ZERO, BOUNDS);
    const half = BATCH_BYTES_MAX / 2;
    log.append(
      [proposal(1, 1, half), proposal(1, 2, half), proposal(1, 3, BATCH_BYTES_MAX + 1), proposal(1, 4)],
      NOTHING_APPLIED,
    );

    expect(log.rowCount).toBe(3);
    expect(texts(log.read({ after: ZXID_ZERO, upTo: END, bytesMax: 1 }))).toEqual(["1:1"]);
    expect(texts(log.read({ after: { epoch: 1, counter: 2 }, upTo: END, bytesMax: 1 }))).toEqual(["1:3"]);
  });

  test("answers as a plain list does, whatever is appended, truncated and asked", () => {
    fc.assert(
      fc.property(fc.array(arbitraryStep(), { maxLength: 25 }), (steps) => {
        const { sql } = freshDatabase();
        let log = new LogStore(sql, ZXID_ZERO, BOUNDS);
        let naive: Proposal[] = [];
        for (const step of steps) {
          if (step.kind === "append") {
            const added = following(naive.at(-1)?.zxid ?? ZXID_ZERO, step);
            log.append(added, NOTHING_APPLIED);
            naive = [...naive, ...added];
          } else if (step.kind === "truncate") {
            const after = naive[step.at % Math.max(1, naive.length)]?.zxid ?? ZXID_ZERO;
            log.truncate(after, NOTHING_APPLIED);
            naive = naive.filter(({ zxid }) => compareZxid(zxid, after) <= 0);
          } else {
            log = new LogStore(sql, ZXID_ZERO, BOUNDS);
          }
          expectSame(log, naive);
        }
      }),
      { numRuns: 60 },
    );
  });
});

type Step =
  | { readonly kind: "append"; readonly count: number; readonly newEpoch: boolean }
  | { readonly kind: "truncate"; readonly at: number }
  | { readonly kind: "restart" };

function arbitraryStep(): fc.Arbitrary<Step> {
  return fc.oneof(
    fc.record({
      kind: fc.constant("append" as const),
      count: fc.integer({ min: 1, max: 4 }),
      newEpoch: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(50) }),
    fc.constant({ kind: "restart" as const }),
  );
}

function following(
  last: Zxid,
  step: { readonly count: number; readonly newEpoch: boolean },
): readonly Proposal[] {
  const isNew = step.newEpoch || last.epoch === 0;
  const epoch = isNew ? last.epoch + 2 : last.epoch;
  const counter = isNew ? 0 : last.counter;
  return Array.from({ length: step.count }, (_, index) => proposal(epoch, counter + index + 1));
}

function expectSame(log: LogStore, naive: readonly Proposal[]): void {
  expect(log.last).toEqual(naive.at(-1)?.zxid ?? ZXID_ZERO);
  for (const after of [ZXID_ZERO, ...naive.map(({ zxid }) => zxid)]) {
    const expected = naive.filter(({ zxid }) => compareZxid(zxid, after) > 0);
    expect(texts(log.read({ after, upTo: END, bytesMax: 1_000_000 }))).toEqual(texts(expected));
    expect(log.floor(after)).toEqual(after);
    const beyond = { epoch: after.epoch, counter: after.counter + 1000 };
    const floor = naive.filter(({ zxid }) => compareZxid(zxid, beyond) <= 0).at(-1)?.zxid ?? ZXID_ZERO;
    expect(log.floor(beyond)).toEqual(floor);
  }
}
