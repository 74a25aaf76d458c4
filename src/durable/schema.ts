/** The tables of a replica's SQLite. Rows written are billed, so each key is chosen to need no second index. */

/** Stored in `state`; a replica refuses data of a later format. */
export const STORAGE_FORMAT = 1;

/**
 * state: one row, what must survive besides history and tree.
 * log: accepted proposals, one row a batch, in order of seq. Each row also carries how far the tree in this database
 *   had come when the row was written, as both are written in one transaction: so a delivery costs no row of its own.
 * znode: the tree. The root's parent is ''. Listing children and finding ephemerals by owner need no walk.
 * session: the replicated sessions.
 */
export const SCHEMA: readonly string[] = [
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
  `CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY,
    first_epoch INTEGER NOT NULL,
    first_counter INTEGER NOT NULL,
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
  `CREATE TABLE IF NOT EXISTS znode (
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT,
    head BLOB NOT NULL,
    data BLOB,
    PRIMARY KEY (parent, name)
  ) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS znode_owner ON znode (owner) WHERE owner IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY,
    timeout_ms INTEGER NOT NULL,
    password BLOB NOT NULL
  ) WITHOUT ROWID`,
];
