/** A replica's database, which counts what is billed: the rows that it writes, those of indexes included. */
import type { Sql, SqlDatabase } from "./sql.ts";

/** See the file's comment. */
export class CountedDatabase implements SqlDatabase {
  readonly sql: Sql;
  readonly #storage: DurableObjectStorage;
  #rowsWritten = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    const { sql } = storage;
    this.sql = {
      exec: (query, ...bindings) => {
        // Who writes gets no rows back, so all is written, and counted, by now.
        const cursor = sql.exec<never>(query, ...bindings);
        this.#rowsWritten += cursor.rowsWritten;
        return cursor;
      },
    };
  }

  /** Since the object came to life, what was rolled back included. */
  get rowsWritten(): number {
    return this.#rowsWritten;
  }

  transactionSync<Result>(work: () => Result): Result {
    return this.#storage.transactionSync(work);
  }
}
