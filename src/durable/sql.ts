/** What a replica needs of its SQLite: the part of the platform's storage that is used, and no more. */

/** What a column may hold. Blobs come back as ArrayBuffers; integers are exact up to 2^53 only. */
export type SqlValue = ArrayBuffer | string | number | null;

/** Runs statements at once. */
export interface Sql {
  exec<Row extends Record<string, SqlValue>>(
    query: string,
    ...bindings: readonly (SqlValue | Uint8Array)[]
  ): {
    toArray(): Row[];
    /** The only row. Throws unless there is exactly one. */
    one(): Row;
  };
}

/** A database whose writes can be made one. */
export interface SqlDatabase {
  readonly sql: Sql;
  /** All that the work writes, or, if it throws, none of it. */
  transactionSync<Result>(work: () => Result): Result;
}
