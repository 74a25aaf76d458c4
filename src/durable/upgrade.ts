/** Brings data of earlier formats up to this program's. */
import { JuteReader } from "../jute/archive.ts";
import { readZnode } from "../keeper/znode-codec.ts";
import { markOf } from "../tree/idle.ts";
import {
  createIndexes,
  LOG_SLOTS,
  replaceTree,
  STORAGE_FORMAT,
  type TreeTables,
  type ZnodeTable,
} from "./schema.ts";
import type { Sql, SqlDatabase } from "./sql.ts";

/** Which tables the tree stands in, and which ones a snapshot goes to. */
export interface Trees {
  readonly used: TreeTables;
  readonly spare: TreeTables;
}

/**
 * Upgrades the data, and makes the indexes. Format 1 kept its log, never trimmed, in a table of that name; format 2 did
 * not know which znodes end by themselves; format 3 kept no notes of events.
 */
export function upgrade(database: SqlDatabase, format: number, trees: Trees): void {
  const { sql } = database;
  if (format < 2) takeLog(sql);
  if (format < 3) {
    // What a snapshot brought in part is of no use, whatever its columns.
    replaceTree(database, trees.spare);
    sql.exec(`ALTER TABLE ${trees.used.znode} ADD COLUMN idle INTEGER`);
    markContainers(sql, trees.used.znode);
  }
  if (format < 4) beginEvents(sql);
  createIndexes(database);
  if (format < STORAGE_FORMAT) sql.exec("UPDATE state SET format = ?", STORAGE_FORMAT);
}

function takeLog(sql: Sql): void {
  sql.exec(
    `INSERT INTO history
     SELECT row.seq % ${LOG_SLOTS}, row.seq, ifnull(before.last_epoch, 0), ifnull(before.last_counter, 0),
       row.last_epoch, row.last_counter, row.applied_epoch, row.applied_counter,
       row.digest_hi, row.digest_lo, row.data_bytes, row.ephemerals, row.proposals
     FROM log AS row LEFT JOIN log AS before ON before.seq = row.seq - 1
     WHERE row.seq > (SELECT max(seq) FROM log) - ${LOG_SLOTS}`,
  );
  sql.exec("DROP TABLE log");
}

/** Containers looked at in one query: a tree may be full of them. */
const CONTAINERS_AT_ONCE = 1000;

/** Format 2 had containers and no TTL znodes. In a head of format 1 the byte that tells a container has its place. */
function markContainers(sql: Sql, table: ZnodeTable): void {
  for (let after: readonly [string, string] | undefined = ["", ""]; after !== undefined;) {
    const rows: readonly { parent: string; name: string; head: ArrayBuffer }[] = sql
      .exec<{ parent: string; name: string; head: ArrayBuffer }>(
        `SELECT parent, name, head FROM ${table} WHERE substr(head, 59, 1) = x'01' AND (parent, name) > (?, ?)
         ORDER BY parent, name LIMIT ${CONTAINERS_AT_ONCE}`,
        ...after,
      )
      .toArray();
    after = undefined;
    for (const { parent, name, head } of rows) {
      after = [parent, name];
      const node = readZnode(new JuteReader(new Uint8Array(head)), { data: null, session: undefined });
      const mark = markOf(node);
      if (mark === undefined) continue;
      sql.exec(`UPDATE ${table} SET idle = ? WHERE parent = ? AND name = ?`, mark, parent, name);
    }
  }
}

/** Of what the tree on disk shows already no events were noted: they are told from there on. */
function beginEvents(sql: Sql): void {
  sql.exec(
    `INSERT OR REPLACE INTO event_base
     SELECT 1, epoch, counter FROM (
       SELECT applied_epoch AS epoch, applied_counter AS counter FROM state
       UNION ALL SELECT applied_epoch, applied_counter FROM history
     ) ORDER BY epoch DESC, counter DESC LIMIT 1`,
  );
}
