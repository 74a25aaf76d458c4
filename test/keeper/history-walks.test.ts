/** History read backwards from the rows that a replica keeps, a slice at a time. */
import { expect, test } from "vitest";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { LogStore } from "../../src/durable/log-store.ts";
import { createTables, LOG_SLOTS } from "../../src/durable/schema.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeTxn } from "../../src/jute/txn.ts";
import { type HistoryEnd, HistoryWalks, type Walker } from "../../src/keeper/history-walks.ts";
import { WALK_SLICE_BYTES, WALKS_MAX } from "../../src/keeper/limits.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { memoryDatabase } from "../durable/sqlite.ts";
import { MemoryNotes } from "./memory-notes.ts";

const APPLIED = {
  zxid: { epoch: 9, counter: 0 },
  digest: { hi: 0, lo: 0 },
  totals: { dataBytes: 0, ephemerals: 0 },
};

function proposal(epoch: number, counter: number, bytes: number): Proposal {
  const writer = new JuteWriter();
  const header = { session: 0n, xid: 0, timeMs: counter, origin: { sid: 1, instance: 1, serial: 1 } };
  encodeTxn(writer, header, { kind: "setData", path: "/a", data: new Uint8Array(bytes), version: counter });
  return { zxid: { epoch, counter }, payload: writer.take() };
}

/** Three epochs: of many small ones in rows of several, of large ones, and of one alone. */
function filledLog(): { readonly log: LogStore; readonly all: readonly Zxid[] } {
  const database = memoryDatabase();
  createTables(database);
  const log = new LogStore(database.sql, ZXID_ZERO, {
    rowsMax: LOG_SLOTS,
    bytesMax: Number.MAX_SAFE_INTEGER,
  });
  const small = Array.from({ length: 3000 }, (_, at) => proposal(1, at + 1, 100));
  for (let at = 0; at < small.length; at += 7) log.append(small.slice(at, at + 7), APPLIED);
  const large = Array.from({ length: 12 }, (_, at) => proposal(3, at + 1, 200_000));
  log.append(large, APPLIED);
  log.append([proposal(4, 1, 10)], APPLIED);
  return { log, all: [...small, ...large, proposal(4, 1, 10)].map(({ zxid }) => zxid) };
}

class Reader implements Walker {
  readonly taken: Zxid[] = [];
  readonly #wanted: number;
  end: HistoryEnd | "enough" | undefined;
  bytes = 0;

  constructor(wanted = Number.POSITIVE_INFINITY) {
    this.#wanted = wanted;
  }

  take(met: Parameters<Walker["take"]>[0]): boolean {
    this.taken.push(met.zxid);
    this.bytes += met.txn.kind === "setData" ? (met.txn.data?.length ?? 0) : 0;
    return this.taken.length < this.#wanted;
  }

  done(end: HistoryEnd | undefined): void {
    this.end = end ?? "enough";
  }
}

test("every transaction is met once, the latest first, a slice at a time", () => {
  const { log, all } = filledLog();
  const walks = new HistoryWalks(log, new MemoryNotes());
  const reader = new Reader();
  walks.begin({ epoch: 4, counter: 1 }, reader);
  let slices = 0;
  for (let before = 0; walks.advance(); before = reader.bytes) {
    slices++;
    expect(reader.bytes - before).toBeLessThanOrEqual(WALK_SLICE_BYTES);
  }

  expect(reader.taken.map(zxidText)).toEqual(all.map(zxidText).toReversed());
  expect(reader.end).toEqual({ zxid: ZXID_ZERO, timeMs: Number.NEGATIVE_INFINITY });
  // The large ones go one by one; the small ones by the thousand.
  expect(slices).toBeLessThan(60);
});

test("from the middle, until enough is taken, and one transaction by itself", () => {
  const { log } = filledLog();
  const walks = new HistoryWalks(log, new MemoryNotes());
  const reader = new Reader(5);
  // There is no epoch 2: what is before that is where it begins.
  walks.begin({ epoch: 2, counter: 7 }, reader);
  while (walks.advance());

  expect(reader.taken.map(zxidText)).toEqual(["1:3000", "1:2999", "1:2998", "1:2997", "1:2996"]);
  expect(reader.end).toBe("enough");
  expect(walks.at({ epoch: 3, counter: 5 })?.header.timeMs).toBe(5);
  expect(walks.at({ epoch: 2, counter: 5 })).toBeUndefined();
  expect(walks.at(ZXID_ZERO)).toBeUndefined();
});

test("history that goes meanwhile, or of which no notes are kept, is the end of it", () => {
  const { log } = filledLog();
  const notes = new MemoryNotes();
  notes.restart({ epoch: 1, counter: 2990 });
  const walks = new HistoryWalks(log, notes);
  const reader = new Reader();
  walks.begin({ epoch: 3, counter: 12 }, reader);
  walks.advance();
  expect(walks.oldest).toEqual({ zxid: { epoch: 1, counter: 2990 }, firstMs: 2991 });
  while (walks.advance());
  expect(reader.taken).toHaveLength(22);
  expect(reader.end).toEqual({ zxid: { epoch: 1, counter: 2990 }, timeMs: undefined });

  const late = new Reader();
  walks.begin({ epoch: 3, counter: 12 }, late);
  log.restart({ epoch: 3, counter: 12 });
  while (walks.advance());
  expect(late).toMatchObject({ taken: [], end: { zxid: { epoch: 3, counter: 12 } } });
});

test("as many read at a time as are let, in turn, and nobody who has left", () => {
  const { log } = filledLog();
  const walks = new HistoryWalks(log, new MemoryNotes());
  const readers = Array.from({ length: WALKS_MAX }, () => new Reader());
  for (const reader of readers) {
    expect(walks.isFull).toBe(false);
    walks.begin({ epoch: 1, counter: 3000 }, reader);
  }
  expect(walks.isFull).toBe(true);
  for (let slice = 0; slice < 2 * WALKS_MAX; slice++) walks.advance();
  const counts = readers.map(({ taken }) => taken.length);
  expect(new Set(counts).size).toBe(1);
  const [gone] = readers;
  if (gone !== undefined) walks.drop(gone);
  while (walks.advance());
  expect(readers.filter(({ end }) => end === undefined)).toEqual([gone]);
  expect(compareZxid(gone?.taken.at(-1) ?? ZXID_ZERO, ZXID_ZERO)).toBeGreaterThan(0);
});
