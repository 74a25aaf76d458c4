/** Damage on disk that nobody notices until the znode is used. */
import { nameOf, parentOf } from "../../src/base/path.ts";

/** Flips the first byte of a znode's data, behind the replica's back. */
export function corrupt(sql: SqlStorage, path: string): void {
  const { tree } = sql.exec<{ tree: number }>("SELECT tree FROM install").one();
  const table = tree === 0 ? "znode" : "znode_2";
  const where = [parentOf(path), nameOf(path)] as const;
  const { data } = sql
    .exec<{ data: ArrayBuffer }>(`SELECT data FROM ${table} WHERE parent = ? AND name = ?`, ...where)
    .one();
  const bytes = new Uint8Array(data);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  sql.exec(`UPDATE ${table} SET data = ? WHERE parent = ? AND name = ?`, bytes, ...where);
}
