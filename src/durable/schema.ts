/** The tables of a replica's SQLite. Rows written are billed, so each key is chosen to need no second index. */
import type { SqlDatabase } from "./sql.ts";

/**
 * Stored in `state`; a replica refuses data of a later format, and brings earlier ones up to it. It is raised by
 * whatever an earlier program would misread or could not read: a table of another shape, a new kind of transaction.
 */
export const STORAGE_FORMAT = 4;

/** Slots of the log's ring: trimming writes nothing, as a new row takes the place of the oldest. Part of the format. */
export const LOG_SLOTS = 16_384;

/** Where a tree's znodes are: one table in use, the other for a snapshot that comes. */
export type ZnodeTable = "znode" | "znode_2";

/** Where its sessions are. */
export type SessionTableName = "session" | "session_2";

/** The tables of one tree. */
export interface TreeTables {
  readonly znode: ZnodeTable;
  readonly session: SessionTableName;
}

/** The two sets of tables; `install.tree` tells which one is in use. */
export const TREE_TABLES: readonly [TreeTables, TreeTables] = [
  { znode: "znode", session: "session" },
  { znode: "znode_2", session: "session_2" },
];

/**
 * state: one row, what must survive besides history and tree.
 * program: one row, the version of the program that opened the data last: for whoever is refused.
 * install: one row, what snapshots change: where the history begins, which tree is in use, whether it is trusted.
 * removal: one row at a replica that was let go: of which membership it was no member, and who the members were.
 * restore: one row, of the tree that a restore has staged beside the one in use: see restore-row.ts.
 * history: accepted proposals, one row a batch, in order of seq, in slot seq modulo LOG_SLOTS, with the zxid before it.
 *   Each row also carries how far the tree in this database had come when the row was written, as both are written in
 *   one transaction: so a delivery costs no row of its own.
 * dormancy: one row, how this replica fell asleep last: at which zxid, when, and when it has to wake by itself. It
 *   counts as long as history ends there.
 * event_base: one row, behind which zxid events can be told from the history. event_note: what the history does not
 *   tell of them: see event-note-rows.ts.
 */
const SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    ensemble TEXT NOT NULL,
    sid INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    accepted_epoch INTEGER NOT NULL,
    current_epoch INTEGER NOT NULL,
    epoch_floor INTEGER NOT NULL,
    applied_epoch INTEGER NOT NULL,
    applied_counter INTEGER NOT NULL,
    digest_hi INTEGER NOT NULL,
    digest_lo INTEGER NOT NULL,
    data_bytes INTEGER NOT NULL,
    ephemerals INTEGER NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS program (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version TEXT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS install (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    base_epoch INTEGER NOT NULL,
    base_counter INTEGER NOT NULL,
    tree INTEGER NOT NULL,
    diverged INTEGER NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS removal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    members BLOB NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS restore (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    permit_epoch INTEGER NOT NULL,
    permit_counter INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    digest_hi INTEGER NOT NULL,
    digest_lo INTEGER NOT NULL,
    data_bytes INTEGER NOT NULL,
    ephemerals INTEGER NOT NULL,
    at_epoch INTEGER NOT NULL,
    at_counter INTEGER NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS history (
    slot INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    after_epoch INTEGER NOT NULL,
    after_counter INTEGER NOT NULL,
    last_epoch INTEGER NOT NULL,
    last_counter INTEGER NOT NULL,
    applied_epoch INTEGER NOT NULL,
    applied_counter INTEGER NOT NULL,
    digest_hi INTEGER NOT NULL,
    digest_lo INTEGER NOT NULL,
    data_bytes INTEGER NOT NULL,
    ephemerals INTEGER NOT NULL,
    proposals BLOB NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS dormancy (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    slept_at INTEGER NOT NULL,
    wake_at INTEGER
  )`,
  `CREATE TABLE IF NOT EXISTS event_base (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    counter INTEGER NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS event_note (
    epoch INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    part INTEGER NOT NULL,
    notes TEXT NOT NULL,
    PRIMARY KEY (epoch, counter, part)
  ) WITHOUT ROWID`,
];

/**
 * The tables of one tree. The root's parent is ''. Listing children, finding ephemerals by owner, and by its mark what
 * may be removed (tree/idle.ts), need no walk; who has neither owner nor mark costs no row of an index.
 */
function treeSchema({ znode, session }: TreeTables): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${znode} (
      parent TEXT NOT NULL,
      name TEXT NOT NULL,
      owner TEXT,
      head BLOB NOT NULL,
      data BLOB,
      idle INTEGER,
      PRIMARY KEY (parent, name)
    ) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS ${session} (
      id TEXT PRIMARY KEY,
      timeout_ms INTEGER NOT NULL,
      password BLOB NOT NULL
    ) WITHOUT ROWID`,
  ];
}

function treeIndexes({ znode }: TreeTables): readonly string[] {
  return [
    `CREATE INDEX IF NOT EXISTS ${znode}_owner ON ${znode} (owner) WHERE owner IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS ${znode}_idle ON ${znode} (idle, parent, name) WHERE idle IS NOT NULL`,
  ];
}

/** Makes the tables that are missing; those that are there may be of an earlier format. */
export function createTables({ sql }: SqlDatabase): void {
  for (const statement of SCHEMA) sql.exec(statement);
  for (const tables of TREE_TABLES) for (const statement of treeSchema(tables)) sql.exec(statement);
}

/** Makes the indexes that are missing, over tables of this format. */
export function createIndexes({ sql }: SqlDatabase): void {
  for (const tables of TREE_TABLES) for (const statement of treeIndexes(tables)) sql.exec(statement);
}

/** Empties one tree's tables, if anything is in them; tables are dropped, as that does not cost by the row. */
export function clearTree({ sql }: SqlDatabase, tables: TreeTables): void {
  const { znode, session } = tables;
  const { used } = sql
    .exec<{ used: number }>(
      `SELECT EXISTS (SELECT 1 FROM ${znode}) OR EXISTS (SELECT 1 FROM ${session}) AS used`,
    )
    .one();
  if (used === 0) return;
  replaceTree({ sql }, tables);
}

/** Drops one tree's tables, whatever their format, and makes them anew. */
export function replaceTree({ sql }: Pick<SqlDatabase, "sql">, tables: TreeTables): void {
  sql.exec(`DROP TABLE ${tables.znode}`);
  sql.exec(`DROP TABLE ${tables.session}`);
  for (const statement of [...treeSchema(tables), ...treeIndexes(tables)]) sql.exec(statement);
}
