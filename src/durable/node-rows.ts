/** The tree's rows in SQLite, under the cache. Source of the interface: tree/cached-node-store.ts. */
import { type SessionId, sessionKey } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import { JuteWriter } from "../jute/archive.ts";
import type { CachedNodeStore, NodeRows } from "../tree/cached-node-store.ts";
import type { Znode } from "../tree/node-store.ts";
import type { Sql } from "./sql.ts";
import { fromRow, toRow } from "./znode-row.ts";

/** The root has no parent: its row stands under the empty one, which no other path has. */
const ROOT_PARENT = "";

type ReadRow = { owner: string | null; head: ArrayBuffer; data: ArrayBuffer | null };

/** Reads and writes znode rows. Every method is synchronous; `writeChangesOf` belongs into the turn's transaction. */
export class SqlNodeRows implements NodeRows {
  readonly #sql: Sql;
  readonly #writer = new JuteWriter();
  #count: number;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#count = sql.exec<{ n: number }>("SELECT count(*) AS n FROM znode").one().n;
  }

  read(path: string): Znode | undefined {
    const [row] = this.#sql
      .exec<ReadRow>("SELECT owner, head, data FROM znode WHERE parent = ? AND name = ?", ...keyOf(path))
      .toArray();
    if (row === undefined) return undefined;
    const { owner, head, data } = row;
    return fromRow({ owner, head: new Uint8Array(head), data: data === null ? null : new Uint8Array(data) });
  }

  childNames(path: string): readonly string[] {
    return this.#sql
      .exec<{ name: string }>("SELECT name FROM znode WHERE parent = ? ORDER BY name", path)
      .toArray()
      .map(({ name }) => name);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    return this.#sql
      .exec<{ parent: string; name: string }>(
        "SELECT parent, name FROM znode WHERE owner = ?",
        sessionKey(session),
      )
      .toArray()
      .map(({ parent, name }) => childOf(parent, name));
  }

  count(): number {
    return this.#count;
  }

  descendantCount(path: string): number {
    if (path === "/") return this.#count === 0 ? 0 : this.#count - 1;
    // '0' is the character after '/': every parent that begins with path/ lies between.
    return this.#sql
      .exec<{ n: number }>(
        "SELECT count(*) AS n FROM znode WHERE parent = ?1 OR (parent > ?1 || '/' AND parent < ?1 || '0')",
        path,
      )
      .one().n;
  }

  /** Writes what changed in the store over these rows. */
  writeChangesOf(store: CachedNodeStore): void {
    const count = store.count();
    const dirty = store.takeDirty();
    for (const path of dirty.deletes) {
      this.#sql.exec("DELETE FROM znode WHERE parent = ? AND name = ?", ...keyOf(path));
    }
    for (const [path, node] of dirty.puts) {
      const { owner, head, data } = toRow(node, this.#writer);
      this.#sql.exec(
        "INSERT OR REPLACE INTO znode (parent, name, owner, head, data) VALUES (?, ?, ?, ?, ?)",
        ...keyOf(path),
        owner,
        head,
        data,
      );
    }
    this.#count = count;
  }
}

function keyOf(path: string): readonly [string, string] {
  return path === "/" ? [ROOT_PARENT, ""] : [parentOf(path), nameOf(path)];
}
