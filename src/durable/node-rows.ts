/** The tree's rows in SQLite, under the cache. Source of the interface: tree/cached-node-store.ts. */
import { type SessionId, sessionKey } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import { JuteWriter } from "../jute/archive.ts";
import { Slab } from "../jute/slab.ts";
import { must } from "../base/assert.ts";
import type { CachedNodeStore, DirtyNodes, ManyRead, NodeRows } from "../tree/cached-node-store.ts";
import type { IdleZnode, MarkRange } from "../tree/idle.ts";
import { compareText, type Subtotal, type Znode } from "../tree/node-store.ts";
import type { ZnodeTable } from "./schema.ts";
import type { Sql } from "./sql.ts";
import { fromRow, toRow } from "./znode-row.ts";

/** The root has no parent: its row stands under the empty one, which no other path has. */
const ROOT_PARENT = "";

/** Paths in one statement: a bound text may have 2 MB, and a path half of that. */
const BATCH_CHARACTERS = 128 * 1024;

/** Reading many at once leaves out those with more data, so that it takes no more memory than they have names. */
const BATCH_DATA_BYTES_MAX = 1024;

/** One query of a walk over all znodes looks at no more rows. */
const AFTER_ROWS_MAX = 512;

/** So many rows are put by one statement, at half of what a statement for each costs: it may have 100 parameters. */
const PUT_ROWS = 16;

/** And so many are updated, which takes fewer parameters. */
const UPDATE_ROWS = 24;

/**
 * Names are read many in one text, as a row for each costs more than to find it. A page of the longest that are read so
 * stays below the 2 MB that a text may have, at three bytes a character.
 */
const NAMES_PAGE = 4096;
const NAME_LENGTH_MAX = 160;

/** No name holds it. */
const NAMES_SEPARATOR = "/";

/** The statements on one table that are run for each znode: text made once, as it is long, and hashed to be found. */
function statementsOn(
  table: ZnodeTable,
): Readonly<Record<"read" | "namesPage" | "childPage" | "putOne" | "putMany" | "updateMany", string>> {
  const put = `INSERT OR REPLACE INTO ${table} (parent, name, owner, head, data, idle) VALUES`;
  const row = "(?, ?, ?, ?, ?, ?)";
  const updated = Array.from({ length: UPDATE_ROWS }, () => "(?, ?, ?, ?)").join(", ");
  return {
    read: `SELECT owner, head, data FROM ${table} WHERE parent = ? AND name = ?`,
    namesPage: `SELECT max(length(name)) AS longest,
      group_concat(CASE WHEN length(name) <= ${NAME_LENGTH_MAX} THEN name END, '${NAMES_SEPARATOR}') AS names
      FROM (SELECT name FROM ${table} WHERE parent = ? AND name > ? ORDER BY name LIMIT ${NAMES_PAGE})`,
    childPage: `SELECT name FROM ${table} WHERE parent = ? AND name > ? ORDER BY name LIMIT ?`,
    putOne: `${put} ${row}`,
    putMany: `${put} ${Array.from({ length: PUT_ROWS }, () => row).join(", ")}`,
    // OR FAIL: it need not be undone by itself, or SQLite would write each page once more, as it was, before it changes
    // it. What fails is undone by the turn's transaction.
    updateMany:
      `UPDATE OR FAIL ${table} SET head = v.column3, data = v.column4 ` +
      `FROM (VALUES ${updated}) AS v WHERE parent = v.column1 AND name = v.column2`,
  };
}

/** Sessions remembered as owners: twice as many as there may be at once. */
const OWNERS_MAX = 65_536;

type ReadRow = { owner: string | null; head: ArrayBuffer; data: ArrayBuffer | null };

/** Reads and writes znode rows. Every method is synchronous; `writeChangesOf` belongs into the turn's transaction. */
export class SqlNodeRows implements NodeRows {
  readonly #sql: Sql;
  readonly #table: ZnodeTable;
  readonly #statements: ReturnType<typeof statementsOn>;
  readonly #writer = new JuteWriter();
  /** Every session that has rows of its own, and some that had: most have none, and need not be looked for. */
  #owners: Set<string>;
  #count: number;

  constructor(sql: Sql, table: ZnodeTable) {
    this.#sql = sql;
    this.#table = table;
    this.#statements = statementsOn(table);
    this.#count = sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
    this.#owners = this.#readOwners();
  }

  read(path: string): Znode | undefined {
    const [row] = this.#sql.exec<ReadRow>(this.#statements.read, ...keyOf(path)).toArray();
    return row === undefined ? undefined : nodeOf(row);
  }

  readMany(paths: readonly string[]): ManyRead {
    const found: Array<readonly [string, Znode]> = [];
    const absent: string[] = [];
    for (const batch of batches(paths)) {
      const present = new Set<string>();
      const rows = this.#sql
        .exec<ReadRow & { at: number; size: number | null }>(
          `SELECT j.key AS at, z.owner, z.head, length(z.data) AS size,
           CASE WHEN length(z.data) <= ${BATCH_DATA_BYTES_MAX} THEN z.data END AS data
           FROM json_each(?) AS j CROSS JOIN ${this.#table} AS z
           ON z.parent = json_extract(j.value, '$[0]') AND z.name = json_extract(j.value, '$[1]')`,
          jsonOf(batch),
        )
        .toArray();
      for (const { at, size, owner, head, data } of rows) {
        const path = must(batch[at], "a path of the batch");
        present.add(path);
        if ((size ?? 0) > BATCH_DATA_BYTES_MAX) continue;
        const bytes = data === null ? null : new Uint8Array(data);
        found.push([path, fromRow({ owner, head: new Uint8Array(head), data: bytes })]);
      }
      for (const path of batch) if (!present.has(path)) absent.push(path);
    }
    return { found, absent };
  }

  childNames(path: string): readonly string[] {
    const names: string[] = [];
    for (let after = "", isLast = false; !isLast; after = names.at(-1) ?? "") {
      const page = this.#namesPage(path, after);
      for (const name of page) names.push(name);
      isLast = page.length < NAMES_PAGE;
    }
    return names;
  }

  childPage(path: string, after: string, countMax: number): readonly string[] {
    return this.#sql
      .exec<{ name: string }>(this.#statements.childPage, path, after, countMax)
      .toArray()
      .map(({ name }) => name);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    const owner = sessionKey(session);
    if (!this.#owners.has(owner)) return [];
    return this.#sql
      .exec<{ parent: string; name: string }>(
        `SELECT parent, name FROM ${this.#table} WHERE owner = ?`,
        owner,
      )
      .toArray()
      .map(({ parent, name }) => childOf(parent, name));
  }

  ephemerals(): readonly string[] {
    return this.#sql
      .exec<{ parent: string; name: string }>(
        `SELECT parent, name FROM ${this.#table} WHERE owner IS NOT NULL`,
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
        `SELECT count(*) AS n FROM ${this.#table}
         WHERE parent = ?1 OR (parent > ?1 || '/' AND parent < ?1 || '0')`,
        path,
      )
      .one().n;
  }

  subtotal(path: string): Subtotal {
    const below =
      path === "/"
        ? "TRUE"
        : "parent = ?1 OR (parent > ?1 || '/' AND parent < ?1 || '0') OR (parent, name) = (?2, ?3)";
    return this.#sql
      .exec<{ count: number; bytes: number }>(
        `SELECT count(*) AS count, ifnull(sum(length(data)), 0) AS bytes FROM ${this.#table} WHERE ${below}`,
        ...(path === "/" ? [] : [path, ...keyOf(path)]),
      )
      .one();
  }

  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]> {
    const condition = path === undefined ? "TRUE" : "(parent, name) > (?, ?)";
    const key = path === undefined ? [] : keyOf(path);
    // Sizes first: a hundred znodes may be some kilobytes or a hundred megabytes.
    const sizes = this.#sql
      .exec<{ bytes: number }>(
        `SELECT length(name) + length(head) + ifnull(length(data), 0) AS bytes FROM ${this.#table}
         WHERE ${condition} ORDER BY parent, name LIMIT ${AFTER_ROWS_MAX}`,
        ...key,
      )
      .toArray();
    let count = 0;
    for (let bytes = 0; count < sizes.length && (bytes < bytesMax || count === 0); count++) {
      bytes += sizes[count]?.bytes ?? 0;
    }
    if (count === 0) return [];
    return this.#sql
      .exec<ReadRow & { parent: string; name: string }>(
        `SELECT parent, name, owner, head, data FROM ${this.#table}
         WHERE ${condition} ORDER BY parent, name LIMIT ${count}`,
        ...key,
      )
      .toArray()
      .map((row) => [pathOf(row.parent, row.name), nodeOf(row)] as const);
  }

  idle({ from, to }: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[] {
    const condition = after === undefined ? "TRUE" : "(idle, parent, name) > (?, ?, ?)";
    const key = after === undefined ? [] : [after.mark, ...keyOf(after.path)];
    return this.#sql
      .exec<{ parent: string; name: string; idle: number }>(
        `SELECT parent, name, idle FROM ${this.#table}
         WHERE idle >= ? AND idle <= ? AND ${condition} ORDER BY idle, parent, name LIMIT ${countMax}`,
        from,
        to,
        ...key,
      )
      .toArray()
      .map(({ parent, name, idle }) => ({ path: pathOf(parent, name), mark: idle }));
  }

  /** Writes what changed in the store over these rows. */
  writeChangesOf(store: CachedNodeStore): void {
    const count = store.count();
    const dirty = store.takeDirty();
    for (const batch of batches(dirty.deletes)) {
      this.#sql.exec(
        `DELETE FROM ${this.#table} WHERE (parent, name) IN
         (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))`,
        jsonOf(batch),
      );
    }
    const updates = inOrder(dirty.updates);
    const updated = updates.length - (updates.length % UPDATE_ROWS);
    for (let index = 0; index < updated; index += UPDATE_ROWS) {
      this.#update(updates.slice(index, index + UPDATE_ROWS));
    }
    const puts = [...updates.slice(updated), ...inOrder(dirty.puts)];
    const whole = puts.length - (puts.length % PUT_ROWS);
    for (let index = 0; index < whole; index += PUT_ROWS) {
      this.#put(this.#statements.putMany, puts.slice(index, index + PUT_ROWS));
    }
    for (const one of puts.slice(whole)) this.#put(this.#statements.putOne, [one]);
    this.#count = count;
    if (this.#owners.size > OWNERS_MAX) this.#owners = this.#readOwners();
  }

  #namesPage(path: string, after: string): readonly string[] {
    const { longest, names } = this.#sql
      .exec<{ longest: number | null; names: string | null }>(this.#statements.namesPage, path, after)
      .one();
    if (longest !== null && longest > NAME_LENGTH_MAX) return this.childPage(path, after, NAMES_PAGE);
    return names === null ? [] : names.split(NAMES_SEPARATOR);
  }

  #readOwners(): Set<string> {
    const rows = this.#sql.exec<{ owner: string }>(
      `SELECT DISTINCT owner FROM ${this.#table} WHERE owner IS NOT NULL`,
    );
    return new Set(rows.toArray().map(({ owner }) => owner));
  }

  #put(statement: string, puts: readonly Keyed[]): void {
    const slab = new Slab();
    const bindings = puts.flatMap(({ key, node }) => {
      const { owner, head, data, idle } = toRow(node, this.#writer, slab);
      if (owner !== null) this.#owners.add(owner);
      return [...key, owner, head, data, idle];
    });
    this.#sql.exec(statement, ...bindings);
  }

  #update(updates: readonly Keyed[]): void {
    const slab = new Slab();
    const bindings = updates.flatMap(({ key, node }) => {
      const { head, data } = toRow(node, this.#writer, slab);
      return [...key, head, data];
    });
    this.#sql.exec(this.#statements.updateMany, ...bindings);
  }
}

/** A znode and the key of its row. */
interface Keyed {
  readonly key: readonly [parent: string, name: string];
  readonly node: Znode;
}

/** By their keys: what is near to each other on disk is read and written together. */
function inOrder(znodes: DirtyNodes["puts"]): readonly Keyed[] {
  const keyed = znodes.map(([path, node]) => ({ key: keyOf(path), node }));
  return keyed.sort((a, b) => compareText(a.key[0], b.key[0]) || compareText(a.key[1], b.key[1]));
}

/** The keys as one bound text: a statement for each costs several times the work it does. */
function jsonOf(paths: readonly string[]): string {
  return JSON.stringify(paths.map(keyOf));
}

function* batches(paths: readonly string[]): Generator<readonly string[]> {
  let batch: string[] = [];
  let characters = 0;
  for (const path of paths) {
    if (batch.length > 0 && characters + path.length > BATCH_CHARACTERS) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(path);
    characters += path.length;
  }
  if (batch.length > 0) yield batch;
}

function pathOf(parent: string, name: string): string {
  return parent === ROOT_PARENT ? "/" : childOf(parent, name);
}

function nodeOf({ owner, head, data }: ReadRow): Znode {
  return fromRow({ owner, head: new Uint8Array(head), data: data === null ? null : new Uint8Array(data) });
}

function keyOf(path: string): readonly [string, string] {
  return path === "/" ? [ROOT_PARENT, ""] : [parentOf(path), nameOf(path)];
}
