/**
 * Accepted proposals in SQLite: one row a batch, at most about BATCH_BYTES_MAX unless a single proposal is larger,
 * and never over an epoch's end. Sequence numbers of rows have no hole, so a zxid is found by halving; the oldest rows
 * are trimmed as new ones come, and who needs what they held gets a snapshot.
 * Source of the interface: zab/config.ts, LogReader.
 */
import { assert, must } from "../base/assert.ts";
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { JuteReader, JuteWriter } from "../jute/archive.ts";
import { readProposals, writeProposals } from "../keeper/zab-codec.ts";
import type { Digest } from "../tree/digest.ts";
import type { TreeTotals } from "../tree/tree-state.ts";
import type { LogReader, ReadRange } from "../zab/config.ts";
import type { Proposal } from "../zab/message.ts";
import { LOG_SLOTS } from "./schema.ts";
import type { Sql, SqlValue } from "./sql.ts";

/** How far the tree in the same database has come: written with each log row. */
export interface Applied {
  readonly zxid: Zxid;
  readonly digest: Digest;
  readonly totals: TreeTotals;
}

/** The columns that tell of the tree, in `history` and in `state`. */
export interface AppliedRow {
  readonly [column: string]: SqlValue;
  readonly applied_epoch: number;
  readonly applied_counter: number;
  readonly digest_hi: number;
  readonly digest_lo: number;
  readonly data_bytes: number;
  readonly ephemerals: number;
}

/** What a row tells of the tree. */
export function appliedOf(row: AppliedRow): Applied {
  return {
    zxid: { epoch: row.applied_epoch, counter: row.applied_counter },
    digest: { hi: row.digest_hi, lo: row.digest_lo },
    totals: { dataBytes: row.data_bytes, ephemerals: row.ephemerals },
  };
}

type EndRow = { last_epoch: number; last_counter: number };
type ProposalsRow = { proposals: ArrayBuffer };

/** How much history is kept. */
export interface LogBounds {
  /** Batches: at most LOG_SLOTS. */
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** The durable history. Reads are synchronous; writes belong into the turn's transaction. */
export class LogStore implements LogReader {
  readonly #sql: Sql;
  readonly #bounds: LogBounds;
  readonly #writer = new JuteWriter();
  /** Rows are #firstSeq <= seq < #nextSeq. */
  #firstSeq: number;
  #nextSeq: number;
  #base: Zxid;
  #last: Zxid;
  #bytes: number;

  /** `base` is where the history begins as long as it has no row. */
  constructor(sql: Sql, base: Zxid, bounds: LogBounds) {
    this.#sql = sql;
    this.#bounds = bounds;
    const { first, last, bytes } = sql
      .exec<{ first: number | null; last: number | null; bytes: number | null }>(
        "SELECT min(seq) AS first, max(seq) AS last, sum(length(proposals)) AS bytes FROM history",
      )
      .one();
    this.#firstSeq = first ?? 1;
    this.#nextSeq = last === null ? 1 : last + 1;
    this.#bytes = bytes ?? 0;
    this.#base = base;
    if (first !== null) this.#base = this.#afterOf(first);
    this.#last = this.#lastOf(this.#nextSeq - 1) ?? this.#base;
  }

  get base(): Zxid {
    return this.#base;
  }

  get last(): Zxid {
    return this.#last;
  }

  /** How many rows there are. */
  get rowCount(): number {
    return this.#nextSeq - this.#firstSeq;
  }

  /** Of all proposals kept. */
  get bytes(): number {
    return this.#bytes;
  }

  read(range: ReadRange): readonly Proposal[] {
    const proposals: Proposal[] = [];
    let bytes = 0;
    for (let seq = this.#seqEndingAfter(range.after); seq < this.#nextSeq; seq++) {
      for (const proposal of this.#proposalsOf(seq)) {
        if (compareZxid(proposal.zxid, range.after) <= 0) continue;
        if (compareZxid(proposal.zxid, range.upTo) > 0) return proposals;
        if (proposals.length > 0 && bytes + proposal.payload.length > range.bytesMax) return proposals;
        bytes += proposal.payload.length;
        proposals.push(proposal);
      }
    }
    return proposals;
  }

  floor(zxid: Zxid): Zxid {
    const seq = this.#seqEndingAfter(zxid);
    let floor = this.#lastOf(seq - 1) ?? this.#base;
    if (seq >= this.#nextSeq) return floor;
    for (const proposal of this.#proposalsOf(seq)) {
      if (compareZxid(proposal.zxid, zxid) > 0) break;
      floor = proposal.zxid;
    }
    return floor;
  }

  epochEnds(): readonly Zxid[] {
    return this.#sql
      .exec<{ epoch: number; counter: number }>(
        `SELECT last_epoch AS epoch, max(last_counter) AS counter FROM history
         GROUP BY last_epoch ORDER BY last_epoch`,
      )
      .toArray();
  }

  /** What the latest row tells of the tree, if there is a row. */
  latestApplied(): Applied | undefined {
    const [row] = this.#sql
      .exec<AppliedRow>("SELECT * FROM history WHERE slot = ? AND seq = ?", ...this.#keyOf(this.#nextSeq - 1))
      .toArray();
    return row === undefined ? undefined : appliedOf(row);
  }

  /** Adds proposals behind the last; `applied` tells of the tree that this transaction writes. */
  append(proposals: readonly Proposal[], applied: Applied): void {
    let batch: Proposal[] = [];
    let bytes = 0;
    for (const proposal of proposals) {
      const previous = batch.at(-1);
      const isFull = bytes + proposal.payload.length > BATCH_BYTES_MAX;
      if (previous !== undefined && (isFull || previous.zxid.epoch !== proposal.zxid.epoch)) {
        this.#insert(batch, applied);
        batch = [];
        bytes = 0;
      }
      batch.push(proposal);
      bytes += proposal.payload.length;
    }
    if (batch.length > 0) this.#insert(batch, applied);
    this.#trim(applied.zxid);
  }

  /**
   * Removes every proposal after the zxid. The caller writes the state row too, as rows that told of it may go, and
   * stores the base where no row is left.
   */
  truncate(after: Zxid, applied: Applied): void {
    const seq = this.#seqEndingAfter(after);
    if (seq >= this.#nextSeq) return;
    const kept = this.#proposalsOf(seq).filter(({ zxid }) => compareZxid(zxid, after) <= 0);
    const last = this.#lastOf(seq - 1) ?? this.#base;
    this.#bytes -= this.#bytesFrom(seq);
    this.#sql.exec("DELETE FROM history WHERE seq >= ?", seq);
    this.#nextSeq = seq;
    this.#last = last;
    if (kept.length > 0) this.#insert(kept, applied);
  }

  /** Forgets everything: the history begins after `base`, of which a snapshot tells. The caller stores the base. */
  restart(base: Zxid): void {
    this.#sql.exec("DELETE FROM history");
    this.#firstSeq = this.#nextSeq;
    this.#bytes = 0;
    this.#base = base;
    this.#last = base;
  }

  #insert(batch: readonly Proposal[], applied: Applied): void {
    // The ring is full: this row takes the place of the oldest, which the tree on disk must not need any more.
    if (this.rowCount === LOG_SLOTS) {
      const isForgotten = this.#forgetOldest(applied.zxid);
      assert(isForgotten, "only what the tree on disk holds is trimmed");
    }
    const last = must(batch.at(-1), "a batch has a last proposal").zxid;
    writeProposals(this.#writer, batch);
    const bytes = this.#writer.view();
    this.#sql.exec(
      "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...this.#keyOf(this.#nextSeq),
      this.#last.epoch,
      this.#last.counter,
      last.epoch,
      last.counter,
      applied.zxid.epoch,
      applied.zxid.counter,
      applied.digest.hi,
      applied.digest.lo,
      applied.totals.dataBytes,
      applied.totals.ephemerals,
      bytes,
    );
    this.#bytes += bytes.length;
    this.#writer.clear();
    this.#nextSeq++;
    this.#last = last;
  }

  /** Keeps within bounds, but never trims what a restart would have to apply again. */
  #trim(applied: Zxid): void {
    const { rowsMax, bytesMax } = this.#bounds;
    while (this.rowCount > rowsMax || (this.#bytes > bytesMax && this.rowCount > 1)) {
      const [slot] = this.#keyOf(this.#firstSeq);
      if (!this.#forgetOldest(applied)) return;
      this.#sql.exec("DELETE FROM history WHERE slot = ?", slot);
    }
  }

  /** The history begins behind its oldest row; false where the tree on disk needs that row still. */
  #forgetOldest(applied: Zxid): boolean {
    const { last_epoch, last_counter, bytes } = this.#sql
      .exec<EndRow & { bytes: number }>(
        `SELECT last_epoch, last_counter, length(proposals) AS bytes FROM history
         WHERE slot = ? AND seq = ?`,
        ...this.#keyOf(this.#firstSeq),
      )
      .one();
    const end = { epoch: last_epoch, counter: last_counter };
    if (compareZxid(end, applied) > 0) return false;
    this.#bytes -= bytes;
    this.#base = end;
    this.#firstSeq++;
    return true;
  }

  #bytesFrom(seq: number): number {
    return this.#sql
      .exec<{ bytes: number }>("SELECT sum(length(proposals)) AS bytes FROM history WHERE seq >= ?", seq)
      .one().bytes;
  }

  /** The first row whose last proposal is after the zxid; #nextSeq if there is none. */
  #seqEndingAfter(zxid: Zxid): number {
    let low = this.#firstSeq;
    let high = this.#nextSeq;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (compareZxid(must(this.#lastOf(middle), `log row ${middle}`), zxid) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #keyOf(seq: number): readonly [slot: number, seq: number] {
    return [seq % LOG_SLOTS, seq];
  }

  #afterOf(seq: number): Zxid {
    const row = this.#sql
      .exec<{ after_epoch: number; after_counter: number }>(
        "SELECT after_epoch, after_counter FROM history WHERE slot = ? AND seq = ?",
        ...this.#keyOf(seq),
      )
      .one();
    return { epoch: row.after_epoch, counter: row.after_counter };
  }

  #lastOf(seq: number): Zxid | undefined {
    const [row] = this.#sql
      .exec<EndRow>(
        "SELECT last_epoch, last_counter FROM history WHERE slot = ? AND seq = ?",
        ...this.#keyOf(seq),
      )
      .toArray();
    return row === undefined ? undefined : { epoch: row.last_epoch, counter: row.last_counter };
  }

  #proposalsOf(seq: number): readonly Proposal[] {
    const row = this.#sql
      .exec<ProposalsRow>("SELECT proposals FROM history WHERE slot = ? AND seq = ?", ...this.#keyOf(seq))
      .one();
    return readProposals(new JuteReader(new Uint8Array(row.proposals)));
  }
}
