/**
 * What a database knows of restores: the permit under which a tree was last staged, whether that is whole, what it sums
 * up to, and where it took the place of the tree before. One row; see schema.ts.
 */
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { StateSummary } from "../tree/tree-snapshot.ts";
import type { Sql } from "./sql.ts";

type Row = {
  permit_epoch: number;
  permit_counter: number;
  whole: number;
  digest_hi: number;
  digest_lo: number;
  data_bytes: number;
  ephemerals: number;
  at_epoch: number;
  at_counter: number;
};

/** The sums that a tree is taken up again with. */
type Sums = Pick<StateSummary, "digest" | "totals">;

/** The row. Writes belong into the transaction of what they tell of. */
export class RestoreRow {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.exec("INSERT OR IGNORE INTO restore VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0)");
  }

  /** The permit of what was staged last; 0:0 for none. */
  get permit(): Zxid {
    const { permit_epoch: epoch, permit_counter: counter } = this.#read();
    return { epoch, counter };
  }

  /** Whether what was staged is whole, and waits. */
  get isWaiting(): boolean {
    return this.#read().whole !== 0;
  }

  /** The last restore that took place here: under which permit, and as of which zxid. */
  get done(): { readonly permit: Zxid; readonly at: Zxid } | undefined {
    const { at_epoch: epoch, at_counter: counter } = this.#read();
    const at = { epoch, counter };
    return equalZxid(at, ZXID_ZERO) ? undefined : { permit: this.permit, at };
  }

  /** The sums of the tree that waits under this permit; undefined where none does. */
  sumsOf(permit: Zxid): Sums | undefined {
    if (!this.isWaiting || compareZxid(this.permit, permit) !== 0) return undefined;
    const { digest_hi: hi, digest_lo: lo, data_bytes: dataBytes, ephemerals } = this.#read();
    return { digest: { hi, lo }, totals: { dataBytes, ephemerals } };
  }

  /** A tree is staged under this permit, and is not whole yet. */
  begin({ epoch, counter }: Zxid): void {
    this.#sql.exec(
      `UPDATE restore SET permit_epoch = ?, permit_counter = ?, whole = 0, at_epoch = 0, at_counter = 0`,
      epoch,
      counter,
    );
  }

  /** It is whole. */
  seal({ digest, totals }: Sums): void {
    this.#sql.exec(
      "UPDATE restore SET whole = 1, digest_hi = ?, digest_lo = ?, data_bytes = ?, ephemerals = ?",
      digest.hi,
      digest.lo,
      totals.dataBytes,
      totals.ephemerals,
    );
  }

  /** It has taken the place of the tree. */
  took({ epoch, counter }: Zxid): void {
    this.#sql.exec("UPDATE restore SET whole = 0, at_epoch = ?, at_counter = ?", epoch, counter);
  }

  /** What was staged is gone. */
  drop(): void {
    this.#sql.exec("UPDATE restore SET whole = 0");
  }

  #read(): Row {
    return this.#sql.exec<Row>("SELECT * FROM restore").one();
  }
}
