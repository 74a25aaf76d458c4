/** The row that tells how a replica fell asleep last. */
import type { Slept } from "../keeper/dormancy.ts";
import type { Sql } from "./sql.ts";

/** undefined of one that never did. */
export function readSlept(sql: Sql): Slept | undefined {
  const [row] = sql
    .exec<{ epoch: number; counter: number; slept_at: number; wake_at: number | null }>(
      "SELECT * FROM dormancy",
    )
    .toArray();
  if (row === undefined) return undefined;
  const zxid = { epoch: row.epoch, counter: row.counter };
  return { zxid, sleptAtMs: row.slept_at, wakeAtMs: row.wake_at ?? undefined };
}

/** Belongs into the transaction that writes the tree. */
export function writeSlept(sql: Sql, { zxid, sleptAtMs, wakeAtMs }: Slept): void {
  sql.exec(
    "INSERT OR REPLACE INTO dormancy VALUES (1, ?, ?, ?, ?)",
    zxid.epoch,
    zxid.counter,
    sleptAtMs,
    wakeAtMs ?? null,
  );
}
