/** The platform's SQLite as the store sees it, over Node's: the statements and their meaning are the same. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlDatabase, SqlValue } from "../../src/durable/sql.ts";

/** A database in memory that outlives the stores opened on it, as an object's does. */
export function memoryDatabase(): SqlDatabase {
  const database = new DatabaseSync(":memory:");
  // As the object's SQLite does: the same text is compiled once.
  const statements = new Map<string, StatementSync>();
  const prepare = (query: string): StatementSync => {
    const statement = statements.get(query) ?? database.prepare(query);
    statements.set(query, statement);
    return statement;
  };
  const sql: Sql = {
    exec<Row extends Record<string, SqlValue>>(
      query: string,
      ...bindings: readonly (SqlValue | Uint8Array)[]
    ) {
      const statement = prepare(query);
      const values = bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
      const rows = statement.all(...values).map((row) => {
        const columns = Object.entries(row).map(([name, value]) => [name, toValue(value)]);
        return Object.fromEntries(columns) as Row;
      });
      return {
        toArray: () => rows,
        one: () => {
          const [row] = rows;
          if (row === undefined || rows.length !== 1)
            throw new Error(`${rows.length} rows where one was expected`);
          return row;
        },
      };
    },
  };
  return {
    sql,
    transactionSync<Result>(work: () => Result): Result {
      database.exec("BEGIN");
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

function toValue(value: unknown): SqlValue {
  if (value instanceof Uint8Array) return value.slice().buffer;
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new Error(`no column holds a ${typeof value}`);
}
