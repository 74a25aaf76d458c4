/**
 * Accepted proposals in SQLite: one row a batch, at most about BATCH_BYTES_MAX unless a single proposal is larger,
 * and never over an epoch's end. Sequence numbers of rows have no hole, so a zxid is found by halving.
 * Source of the interface: zab/config.ts, LogReader.
 */
import { must } from "../base/assert.ts";
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import { JuteReader, JuteWriter } from "../jute/archive.ts";
import { readProposals, writeProposals } from "../keeper/zab-codec.ts";
import type { Digest } from "../tree/digest.ts";
import type { TreeTotals } from "../tree/tree.ts";
import type { LogReader, ReadRange } from "../zab/config.ts";
import type { Proposal } from "../zab/message.ts";
import type { Sql, SqlValue } from "./sql.ts";

/** How far the tree in the same database has come: written with each log row. */
export interface Applied {
  readonly zxid: Zxid;
  readonly digest: Digest;
  readonly totals: TreeTotals;
}

/** The columns that tell of the tree, in `log` and in `state`. */
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

/** The durable history. Reads are synchronous; writes belong into the turn's transaction. */
export class LogStore implements LogReader {
  /** Nothing is trimmed yet: the history is complete from its beginning. */
  readonly base: Zxid = ZXID_ZERO;
  readonly #sql: Sql;
  readonly #writer = new JuteWriter();
  /** Rows are #firstSeq <= seq < #nextSeq. */
  readonly #firstSeq: number;
  #nextSeq: number;
  #last: Zxid;

  constructor(sql: Sql) {
    this.#sql = sql;
    const { first, last } = sql
      .exec<{ first: number | null; last: number | null }>(
        "SELECT min(seq) AS first, max(seq) AS last FROM log",
      )
      .one();
    this.#firstSeq = first ?? 1;
    this.#nextSeq = last === null ? 1 : last + 1;
    this.#last = this.#lastOf(this.#nextSeq - 1) ?? ZXID_ZERO;
  }

  get last(): Zxid {
    return this.#last;
  }

  /** How many rows there are. */
  get rowCount(): number {
    return this.#nextSeq - this.#firstSeq;
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
    let floor = this.#lastOf(seq - 1) ?? this.base;
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
        "SELECT last_epoch AS epoch, max(last_counter) AS counter FROM log GROUP BY last_epoch ORDER BY last_epoch",
      )
      .toArray();
  }

  /** What the latest row tells of the tree, if there is a row. */
  latestApplied(): Applied | undefined {
    const [row] = this.#sql.exec<AppliedRow>("SELECT * FROM log ORDER BY seq DESC LIMIT 1").toArray();
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
  }

  /** Removes every proposal after the zxid. The caller writes the state row too, as rows that told of it may go. */
  truncate(after: Zxid, applied: Applied): void {
    const seq = this.#seqEndingAfter(after);
    if (seq >= this.#nextSeq) return;
    const kept = this.#proposalsOf(seq).filter(({ zxid }) => compareZxid(zxid, after) <= 0);
    this.#sql.exec("DELETE FROM log WHERE seq >= ?", seq);
    this.#nextSeq = seq;
    this.#last = this.#lastOf(seq - 1) ?? this.base;
    if (kept.length > 0) this.#insert(kept, applied);
  }

  #insert(batch: readonly Proposal[], applied: Applied): void {
    const first = must(batch[0], "a batch has a first proposal").zxid;
    const last = must(batch.at(-1), "a batch has a last proposal").zxid;
    writeProposals(this.#writer, batch);
    this.#sql.exec(
      "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      this.#nextSeq,
      first.epoch,
      first.counter,
      last.epoch,
      last.counter,
      applied.zxid.epoch,
      applied.zxid.counter,
      applied.digest.hi,
      applied.digest.lo,
      applied.totals.dataBytes,
      applied.totals.ephemerals,
      this.#writer.take(),
    );
    this.#nextSeq++;
    this.#last = last;
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

  #lastOf(seq: number): Zxid | undefined {
    const [row] = this.#sql
      .exec<EndRow>("SELECT last_epoch, last_counter FROM log WHERE seq = ?", seq)
      .toArray();
    return row === undefined ? undefined : { epoch: row.last_epoch, counter: row.last_counter };
  }

  #proposalsOf(seq: number): readonly Proposal[] {
    const row = this.#sql.exec<ProposalsRow>("SELECT proposals FROM log WHERE seq = ?", seq).one();
    return readProposals(new JuteReader(new Uint8Array(row.proposals)));
  }
}
