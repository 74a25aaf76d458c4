/**
 * A database on a disk whose writes become durable later, in their order, and which a power failure cuts back to a
 * prefix of them: Node's SQLite in memory, where each transaction that is not durable is a savepoint. Whoever reads it
 * sees all that was written, durable or not, as an object sees its storage.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { assert, must } from "../base/assert.ts";
import { type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Sql, SqlDatabase, SqlValue } from "../durable/sql.ts";

/** What a start would find, in a few numbers. */
export interface DiskState {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly base: Zxid;
  readonly last: Zxid;
  readonly lastDelivered: Zxid;
  /** The replica knows that its tree differs from a quorum's. */
  readonly isDiverged: boolean;
  /** Its tree differs, whether it knows or not. */
  readonly isDamaged: boolean;
}

/** A database that nobody opened yet. */
const EMPTY_STATE: DiskState = {
  acceptedEpoch: 0,
  currentEpoch: 0,
  base: ZXID_ZERO,
  last: ZXID_ZERO,
  lastDelivered: ZXID_ZERO,
  isDiverged: false,
  isDamaged: false,
};

/** A fault that was put in on purpose, as opposed to a failure of the code under test. */
export class InjectedFailure extends Error {
  override readonly name = "InjectedFailure";
}

interface Pending {
  /** Where to go back to if this one is lost. */
  readonly savepoint: number;
  after: DiskState;
}

/** Savepoints that stand at once before a sync takes all that waits with it: each makes every write dearer. */
const SAVEPOINTS_MAX = 64;

/** See the file's comment. */
export class Volume implements SqlDatabase {
  readonly sql: Sql;
  /** The next transaction throws, and nothing of it is written. */
  failsNext = false;
  readonly #database = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  readonly #pending: Pending[] = [];
  #savepoints = 0;
  #issued: number;
  #durableCount: number;
  #durable: DiskState;
  #isInTransaction = false;

  constructor(
    state: DiskState = EMPTY_STATE,
    counts: { readonly issued: number; readonly durable: number } = { issued: 0, durable: 0 },
  ) {
    this.#durable = state;
    this.#issued = counts.issued;
    this.#durableCount = counts.durable;
    this.sql = { exec: (query, ...bindings) => this.#exec(query, bindings) };
  }

  /** Transactions so far; what is sent after the n-th must wait until so many are durable. */
  get issued(): number {
    return this.#issued;
  }

  get durableCount(): number {
    return this.#durableCount;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** What a start would find if power failed now with nothing kept. */
  get durable(): DiskState {
    return this.#durable;
  }

  /** What a start would find if all that was written becomes durable. */
  get visible(): DiskState {
    return this.#pending.at(-1)?.after ?? this.#durable;
  }

  get databaseBytes(): number {
    const { page_count: pages } = this.sql.exec<{ page_count: number }>("PRAGMA page_count").one();
    return pages * 4096;
  }

  transactionSync<Result>(work: () => Result): Result {
    assert(!this.#isInTransaction, "no transaction within another");
    const savepoint = this.#savepoints;
    this.#run(`SAVEPOINT t${savepoint}`);
    this.#savepoints++;
    this.#isInTransaction = true;
    try {
      const result = work();
      if (this.failsNext) throw new InjectedFailure("the write fails");
      this.#pending.push({ savepoint, after: this.visible });
      this.#issued++;
      return result;
    } catch (error) {
      this.#backTo(savepoint);
      throw error;
    } finally {
      this.failsNext = false;
      this.#isInTransaction = false;
    }
  }

  /** Tells what the latest transaction left, as whoever made it knows. */
  note(state: DiskState): void {
    must(this.#pending.at(-1), "a transaction under way").after = state;
  }

  /** Whether so much is under way that a sync should take all of it. */
  get isDeep(): boolean {
    return this.#savepoints >= SAVEPOINTS_MAX;
  }

  /** The oldest transaction under way is durable. */
  sync(): void {
    assert(this.#pending.length > 0, "a transaction is under way");
    this.#settle(1);
  }

  /** Power fails: all transactions under way are lost. */
  crash(): void {
    const [lost] = this.#pending;
    if (lost !== undefined) this.#backTo(lost.savepoint);
    this.#pending.length = 0;
    this.#settle(0);
    this.#issued = this.#durableCount;
  }

  /** Changes what is on disk behind the replica's back, durably. Nothing may be under way. */
  damage(work: (sql: Sql) => void, state: DiskState): void {
    assert(this.#pending.length === 0, "all is durable");
    work(this.sql);
    this.#durable = state;
  }

  /** Another database with the same rows, where nothing that is not durable by now ever will be. */
  copy(): Volume {
    const twin = new Volume(this.visible, { issued: this.#issued, durable: this.#durableCount });
    const tables = this.sql
      .exec<{ type: string; name: string; sql: string }>(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name",
      )
      .toArray();
    for (const { type, name, sql } of tables) {
      twin.sql.exec(sql);
      if (type !== "table") continue;
      for (const row of this.sql.exec(`SELECT * FROM ${name}`).toArray()) {
        const values = Object.values(row);
        // An empty blob would be bound as NULL.
        const marks = values.map((value) => (value instanceof ArrayBuffer ? "coalesce(?, x'')" : "?"));
        twin.sql.exec(`INSERT INTO ${name} VALUES (${marks.join(", ")})`, ...values);
      }
    }
    return twin;
  }

  /** Frees its memory: it is never used again. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #settle(count: number): void {
    const settled = this.#pending.splice(0, count);
    this.#durable = settled.at(-1)?.after ?? this.#durable;
    this.#durableCount += count;
    if (this.#pending.length > 0 || this.#savepoints === 0) return;
    this.#run("RELEASE t0");
    this.#savepoints = 0;
  }

  #backTo(savepoint: number): void {
    this.#run(`ROLLBACK TO t${savepoint}`);
    this.#run(`RELEASE t${savepoint}`);
    this.#savepoints = savepoint;
  }

  #run(query: string): void {
    this.#statement(query).run();
  }

  #exec<Row extends Record<string, SqlValue>>(
    query: string,
    bindings: readonly (SqlValue | Uint8Array)[],
  ): { toArray(): Row[]; one(): Row } {
    const rows = this.#statement(query).all(...bindings.map(bindable));
    for (const row of rows) withBuffers(row);
    // The columns are those of the query, as on the platform.
    const typed = rows as Row[];
    return {
      toArray: () => typed,
      one: () => {
        assert(typed.length === 1, `${typed.length} rows where one was expected`);
        return must(typed[0], "the row");
      },
    };
  }

  #statement(query: string): StatementSync {
    let statement = this.#statements.get(query);
    if (statement === undefined) {
      statement = this.#database.prepare(query);
      this.#statements.set(query, statement);
    }
    return statement;
  }
}

/** Node takes no buffers but through a view. */
function bindable(value: SqlValue | Uint8Array): SQLInputValue {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

/** Blobs come as the platform gives them. Each has a buffer of its own. */
function withBuffers(row: Record<string, unknown>): void {
  for (const column in row) {
    const value = row[column];
    if (value instanceof Uint8Array) row[column] = value.buffer;
  }
}
