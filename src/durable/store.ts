/**
 * Everything a replica keeps on disk, and the one transaction that a turn writes.
 *
 * A log row may be up to 2 MB (the platform's bound for a row): the client's frame limit keeps the largest
 * transaction below it, see base/limits.ts.
 */
import { assertNever, must } from "../base/assert.ts";
import { sessionFromKey, sessionKey, type Sid } from "../base/ids.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { CachedNodeStore } from "../tree/cached-node-store.ts";
import { SessionTable } from "../tree/session-table.ts";
import { Tree } from "../tree/tree.ts";
import type { PeerStart } from "../zab/config.ts";
import type { PeerWrite } from "../zab/effects.ts";
import { ZNODE_CACHE_BYTES } from "./limits.ts";
import { type Applied, type AppliedRow, appliedOf, LogStore } from "./log-store.ts";
import { SqlNodeRows } from "./node-rows.ts";
import type { Sql, SqlDatabase } from "./sql.ts";
import { SCHEMA, STORAGE_FORMAT } from "./schema.ts";

interface StateRow extends AppliedRow {
  readonly format: number;
  readonly ensemble: string;
  readonly sid: number;
  readonly instance: number;
  readonly accepted_epoch: number;
  readonly current_epoch: number;
  readonly epoch_floor: number;
}

/** Whose database it is. */
export interface ReplicaName {
  readonly ensemble: string;
  readonly sid: Sid;
}

/** A replica's database: opened once per start. */
export class Store {
  readonly log: LogStore;
  readonly tree: Tree;
  readonly start: PeerStart;
  readonly #database: SqlDatabase;
  readonly #rows: SqlNodeRows;
  readonly #nodes: CachedNodeStore;
  readonly #sessions: SessionTable;
  #acceptedEpoch: number;
  #currentEpoch: number;
  /** How far the tree on disk has come. */
  #written: Zxid;

  private constructor(database: SqlDatabase, state: StateRow) {
    const { sql } = database;
    this.#database = database;
    this.log = new LogStore(sql);
    this.#rows = new SqlNodeRows(sql);
    this.#nodes = new CachedNodeStore(this.#rows, ZNODE_CACHE_BYTES);
    this.#sessions = new SessionTable(readSessions(sql));
    this.#acceptedEpoch = state.accepted_epoch;
    this.#currentEpoch = state.current_epoch;
    const applied = latest(appliedOf(state), this.log.latestApplied());
    this.#written = applied.zxid;
    this.tree = new Tree({
      store: this.#nodes,
      sessions: this.#sessions,
      digest: applied.digest,
      totals: applied.totals,
      lastApplied: applied.zxid,
    });
    this.start = {
      instance: state.instance,
      acceptedEpoch: state.accepted_epoch,
      currentEpoch: state.current_epoch,
      lastDelivered: applied.zxid,
      epochFloor: state.epoch_floor,
    };
  }

  /**
   * Opens the database of a replica, made on first use, and counts this start in it. A fresh one gets `epochFloor`.
   * Throws where the data is another replica's, or of a later format than this program knows.
   */
  static open(database: SqlDatabase, name: ReplicaName, epochFloor: number): Store {
    const { sql } = database;
    const state = database.transactionSync(() => {
      for (const statement of SCHEMA) sql.exec(statement);
      sql.exec(
        "INSERT OR IGNORE INTO state VALUES (1, ?, ?, ?, 0, 0, 0, ?, 0, 0, 0, 0, 0, 0)",
        STORAGE_FORMAT,
        name.ensemble,
        name.sid,
        epochFloor,
      );
      sql.exec("UPDATE state SET instance = instance + 1");
      return sql.exec<StateRow>("SELECT * FROM state").one();
    });
    if (state.format > STORAGE_FORMAT) {
      throw new Error(
        `the data is of format ${state.format}, this program knows up to ${STORAGE_FORMAT}: deploy the newer one`,
      );
    }
    if (state.ensemble !== name.ensemble || state.sid !== name.sid) {
      throw new Error(
        `the data belongs to replica ${state.ensemble}/${state.sid}, not ${name.ensemble}/${name.sid}`,
      );
    }
    return new Store(database, state);
  }

  /** Whether the tree in memory is ahead of the one on disk. */
  get isTreeDirty(): boolean {
    return compareZxid(this.#written, this.tree.lastApplied) < 0;
  }

  /** Roughly how many bytes of changed znodes memory holds. */
  get dirtyBytes(): number {
    return this.#nodes.dirtyBytes;
  }

  /**
   * One turn's writes as one transaction, the changed part of the tree with them. If it throws, nothing of it is on
   * disk while memory has moved on: the caller must restart the replica.
   */
  commit(writes: readonly PeerWrite[]): void {
    this.#database.transactionSync(() => {
      const { lastApplied: zxid, digest, totals } = this.tree;
      const applied: Applied = { zxid, digest, totals };
      let hasLogRow = false;
      let needsState = false;
      for (const write of writes) {
        switch (write.kind) {
          case "append":
            this.log.append(write.proposals, applied);
            hasLogRow ||= write.proposals.length > 0;
            break;
          case "truncate":
            this.log.truncate(write.after, applied);
            needsState = true;
            break;
          case "epochs":
            this.#acceptedEpoch = write.acceptedEpoch;
            this.#currentEpoch = write.currentEpoch;
            needsState = true;
            break;
          default:
            assertNever(write);
        }
      }
      this.#writeTree();
      // Both the state row and every log row tell how far the tree is: one of them suffices.
      if (needsState || !hasLogRow) this.#writeState(applied);
      this.#written = applied.zxid;
    });
  }

  #writeTree(): void {
    this.#rows.writeChangesOf(this.#nodes);
    const { sql } = this.#database;
    const sessions = this.#sessions.takeDirty();
    for (const id of sessions.deletes) sql.exec("DELETE FROM session WHERE id = ?", sessionKey(id));
    for (const { id, timeoutMs, password } of sessions.puts) {
      sql.exec("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", sessionKey(id), timeoutMs, password);
    }
  }

  #writeState({ zxid, digest, totals }: Applied): void {
    this.#database.sql.exec(
      `UPDATE state SET accepted_epoch = ?, current_epoch = ?, applied_epoch = ?, applied_counter = ?,
       digest_hi = ?, digest_lo = ?, data_bytes = ?, ephemerals = ?`,
      this.#acceptedEpoch,
      this.#currentEpoch,
      zxid.epoch,
      zxid.counter,
      digest.hi,
      digest.lo,
      totals.dataBytes,
      totals.ephemerals,
    );
  }
}

function latest(state: Applied, row: Applied | undefined): Applied {
  return row !== undefined && compareZxid(row.zxid, state.zxid) >= 0 ? row : state;
}

function* readSessions(sql: Sql): Generator<{
  id: bigint;
  timeoutMs: number;
  password: Uint8Array;
}> {
  const rows = sql
    .exec<{ id: string; timeout_ms: number; password: ArrayBuffer }>("SELECT * FROM session")
    .toArray();
  for (const row of rows) {
    yield {
      id: sessionFromKey(must(row.id, "a session's id")),
      timeoutMs: row.timeout_ms,
      password: new Uint8Array(row.password),
    };
  }
}
