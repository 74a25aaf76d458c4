/**
 * Everything a replica keeps on disk, and the one transaction that a turn writes.
 *
 * A log row may be up to 2 MB (the platform's bound for a row): the client's frame limit keeps the largest
 * transaction below it, see base/limits.ts.
 */
import { assertNever, must } from "../base/assert.ts";
import { sessionFromKey, sessionKey, type Sid } from "../base/ids.ts";
import type { Txn } from "../base/txn.ts";
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import type { Slept } from "../keeper/dormancy.ts";
import type { Removal } from "../keeper/turn.ts";
import { CachedNodeStore } from "../tree/cached-node-store.ts";
import { DIGEST_ZERO } from "../tree/digest.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import { SessionTable } from "../tree/session-table.ts";
import { StagedTree, type StateSummary } from "../tree/tree-snapshot.ts";
import { Tree } from "../tree/tree.ts";
import type { PeerStart } from "../zab/config.ts";
import type { PeerWrite } from "../zab/effects.ts";
import { readSlept, writeSlept } from "./dormancy-row.ts";
import { EventNoteRows } from "./event-note-rows.ts";
import { STAGING_CACHE_BYTES, ZNODE_CACHE_BYTES } from "./limits.ts";
import { type Applied, type AppliedRow, appliedOf, type LogBounds, LogStore } from "./log-store.ts";
import { SqlNodeRows } from "./node-rows.ts";
import { noteProgram, refuseLaterFormat } from "./program-row.ts";
import { RestoreRow } from "./restore-row.ts";
import type { Sql, SqlDatabase } from "./sql.ts";
import { clearTree, createTables, STORAGE_FORMAT, TREE_TABLES, type TreeTables } from "./schema.ts";
import { type Trees, upgrade } from "./upgrade.ts";

interface StateRow extends AppliedRow {
  readonly format: number;
  readonly ensemble: string;
  readonly sid: number;
  readonly instance: number;
  readonly accepted_epoch: number;
  readonly current_epoch: number;
  readonly epoch_floor: number;
  readonly base_epoch: number;
  readonly base_counter: number;
  readonly tree: number;
  readonly diverged: number;
}

/** Whose database it is. */
export interface ReplicaName {
  readonly ensemble: string;
  readonly sid: Sid;
}

/** How a database is opened. */
export interface StoreSetup {
  /** A fresh one gets this: epochs are above it. */
  readonly epochFloor: number;
  /** A fresh one counts its starts from here, so that a lost one's successor is later than any start of that. */
  readonly firstInstance: number;
  readonly log: LogBounds;
}

/** A snapshot on its way into the tables that are not in use. */
interface Staging {
  readonly tree: StagedTree;
  readonly tables: TreeTables;
  readonly rows: SqlNodeRows;
  readonly nodes: CachedNodeStore;
  readonly sessions: SessionTable;
}

/** A replica's database: opened once per start. */
export class Store {
  readonly log: LogStore;
  readonly notes: EventNoteRows;
  readonly tree: Tree;
  readonly start: PeerStart;
  readonly #database: SqlDatabase;
  readonly #rows: SqlNodeRows;
  readonly #nodes: CachedNodeStore;
  readonly #sessions: SessionTable;
  readonly #tables: TreeTables;
  readonly #spareTables: TreeTables;
  readonly #restore: RestoreRow;
  #staging: Staging | undefined;
  #acceptedEpoch: number;
  #currentEpoch: number;
  /** What the tree on disk is. */
  #written: Applied;

  private constructor(database: SqlDatabase, state: StateRow, bounds: LogBounds) {
    const { sql } = database;
    this.#database = database;
    const { used, spare } = treesOf(state);
    this.#tables = used;
    this.#spareTables = spare;
    this.log = new LogStore(sql, { epoch: state.base_epoch, counter: state.base_counter }, bounds);
    this.notes = new EventNoteRows(sql);
    this.#rows = new SqlNodeRows(sql, this.#tables.znode);
    this.#nodes = new CachedNodeStore(this.#rows, ZNODE_CACHE_BYTES);
    this.#sessions = new SessionTable(readSessions(sql, this.#tables));
    this.#restore = new RestoreRow(sql);
    this.#acceptedEpoch = state.accepted_epoch;
    this.#currentEpoch = state.current_epoch;
    const applied = latest(appliedOf(state), this.log.latestApplied());
    this.#written = applied;
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
      isDiverged: state.diverged !== 0,
    };
  }

  /**
   * Opens the database of a replica, made on first use, brought up to this program's format, and counts this start in
   * it. Throws where the data is another replica's, or of a later format than this program knows.
   */
  static open(database: SqlDatabase, name: ReplicaName, setup: StoreSetup): Store {
    const { sql } = database;
    const state = database.transactionSync(() => {
      createTables(database);
      refuseLaterFormat(sql);
      const { epochFloor, firstInstance } = setup;
      sql.exec(
        "INSERT OR IGNORE INTO state VALUES (1, ?, ?, ?, ?, 0, 0, ?, 0, 0, 0, 0, 0, 0)",
        STORAGE_FORMAT,
        name.ensemble,
        name.sid,
        firstInstance,
        epochFloor,
      );
      sql.exec("INSERT OR IGNORE INTO install VALUES (1, 0, 0, 0, 0)");
      sql.exec("UPDATE state SET instance = instance + 1");
      const row = sql.exec<StateRow>("SELECT * FROM state JOIN install USING (id)").one();
      upgrade(database, row.format, treesOf(row));
      noteProgram(sql);
      // A snapshot that came only in part is of no use any more.
      if (!new RestoreRow(sql).isWaiting) clearTree(database, treesOf(row).spare);
      return row;
    });
    if (state.ensemble !== name.ensemble || state.sid !== name.sid) {
      throw new Error(
        `the data belongs to replica ${state.ensemble}/${state.sid}, not ${name.ensemble}/${name.sid}`,
      );
    }
    const store = new Store(database, state, setup.log);
    store.#dropUnwantedRestore();
    return store;
  }

  /** What a restore has staged is of use only where history holds the proposal that wants it. */
  #dropUnwantedRestore(): void {
    if (!this.#restore.isWaiting) return;
    for (const txn of this.#pending()) if (txn.kind === "restore") return;
    this.#database.transactionSync(() => {
      clearTree(this.#database, this.#spareTables);
      this.#restore.drop();
    });
  }

  /**
   * Dynamic configurations in history that the tree on disk does not show yet, oldest first. Of an ensemble that was
   * stopped a moment after it took over other members, they are the only sign of it.
   */
  pendingConfigs(): readonly Uint8Array[] {
    return [...this.#pending()].flatMap((txn) => (txn.kind === "config" ? [txn.data] : []));
  }

  /** Transactions in history that the tree on disk does not show yet. */
  *#pending(): Generator<Txn> {
    for (let after = this.start.lastDelivered; compareZxid(after, this.log.last) < 0;) {
      const proposals = this.log.read({ after, upTo: this.log.last, bytesMax: BATCH_BYTES_MAX });
      for (const { payload } of proposals) yield decodeTxn(payload).txn;
      after = must(proposals.at(-1), "history up to its end").zxid;
    }
  }

  /** Whether nothing is here: the replica is new, or was emptied, or let go. */
  get isFresh(): boolean {
    return this.#currentEpoch === 0 && equalZxid(this.log.last, ZXID_ZERO);
  }

  /** How the replica was let go, if it was and has not been taken back since. */
  get removal(): Removal | undefined {
    if (!this.isFresh) return undefined;
    const [row] = this.#database.sql
      .exec<{ epoch: number; counter: number; members: ArrayBuffer }>("SELECT * FROM removal")
      .toArray();
    if (row === undefined) return undefined;
    return { version: { epoch: row.epoch, counter: row.counter }, members: new Uint8Array(row.members) };
  }

  /** How far the tree on disk has come: a restart applies what history holds behind it. */
  get written(): Zxid {
    return this.#written.zxid;
  }

  /** Whether the tree in memory is ahead of the one on disk. */
  get isTreeDirty(): boolean {
    return compareZxid(this.#written.zxid, this.tree.lastApplied) < 0;
  }

  /** Whether the tree on disk shows other members: by those the next start goes, so they are to be written at once. */
  get isConfigDirty(): boolean {
    const config = this.tree.get(CONFIG_PATH);
    return config !== undefined && compareZxid(config.mzxid, this.#written.zxid) > 0;
  }

  /** How this replica fell asleep, where nothing has come into its history since. */
  get slept(): Slept | undefined {
    const slept = readSlept(this.#database.sql);
    const isLast = slept !== undefined && equalZxid(slept.zxid, this.log.last);
    return isLast && equalZxid(slept.zxid, this.start.lastDelivered) ? slept : undefined;
  }

  /** Notes how this replica falls asleep, together with its tree: one transaction, after which it starts anew. */
  sleep(how: Slept): void {
    this.#database.transactionSync(() => {
      this.#writeTree();
      const { lastApplied, digest, totals } = this.tree;
      this.#written = { zxid: lastApplied, digest, totals };
      this.#writeState(this.#written);
      writeSlept(this.#database.sql, how);
    });
  }

  /** How many changed znodes memory holds, and roughly in how many bytes. */
  get dirty(): { readonly count: number; readonly bytes: number } {
    return { count: this.#nodes.dirtyCount, bytes: this.#nodes.dirtyBytes };
  }

  /** Whether a snapshot's parts are in memory and not on disk yet. */
  get isStagingDirty(): boolean {
    return this.#staging !== undefined && this.#staging.nodes.dirtyCount > 0;
  }

  /** Begins to stage a snapshot beside the tree in use: what was staged before is dropped. */
  stage(): StagedTree {
    this.#database.transactionSync(() => {
      clearTree(this.#database, this.#spareTables);
      this.#restore.drop();
    });
    return this.#openStaging();
  }

  /** Over what the spare tables hold: nothing, or what sums up to this. */
  #openStaging(sums?: Pick<StateSummary, "digest" | "totals">): StagedTree {
    const tables = this.#spareTables;
    const rows = new SqlNodeRows(this.#database.sql, tables.znode);
    const nodes = new CachedNodeStore(rows, STAGING_CACHE_BYTES);
    const sessions = new SessionTable(readSessions(this.#database.sql, tables));
    const tree = new StagedTree({ store: nodes, sessions }, sums);
    this.#staging = { tree, tables, rows, nodes, sessions };
    return tree;
  }

  /**
   * Begins to stage the tree of a restore; what was staged before is dropped. undefined where one of this permit or a
   * later one was staged already: this one is late, and must not take the place of what may be proposed by now.
   */
  stageRestore(permit: Zxid): StagedTree | undefined {
    if (compareZxid(permit, this.#restore.permit) <= 0) return undefined;
    const tree = this.stage();
    this.#restore.begin(permit);
    return tree;
  }

  /** Writes what is staged so far; false where something else is staged by now. */
  writeRestore(tree: StagedTree): boolean {
    if (this.#staging?.tree !== tree) return false;
    this.#database.transactionSync(() => this.#writeStaging());
    return true;
  }

  /** Whether more than so many bytes are staged and not written. */
  isStagingLarge(bytes: number): boolean {
    return this.#staging !== undefined && this.#staging.nodes.dirtyBytes > bytes;
  }

  /** It comes to nothing. */
  dropRestore(tree: StagedTree): void {
    if (this.#staging?.tree !== tree) return;
    this.#staging = undefined;
    this.#database.transactionSync(() => {
      clearTree(this.#database, this.#spareTables);
      this.#restore.drop();
    });
  }

  /** All of it is staged: it waits for the proposal that wants it. */
  sealRestore(tree: StagedTree): boolean {
    if (!this.writeRestore(tree)) return false;
    this.#restore.seal(tree.summary);
    return true;
  }

  /** The tree that waits under this permit; undefined where none does. */
  restorable(permit: Zxid): StagedTree | undefined {
    const sums = this.#restore.sumsOf(permit);
    if (sums === undefined) return undefined;
    return this.#staging?.tree ?? this.#openStaging(sums);
  }

  /** The last restore that took place here. */
  get lastRestore(): RestoreRow["done"] {
    return this.#restore.done;
  }

  /** The permit of the tree that waits here; undefined where none does. */
  get waitingRestore(): Zxid | undefined {
    return this.#restore.isWaiting ? this.#restore.permit : undefined;
  }

  /**
   * One turn's writes as one transaction, with the changed part of the tree where it is to be flushed. What is not
   * flushed is applied again after a restart, from history, of which nothing behind the tree on disk is trimmed. If
   * this throws, nothing of it is on disk while memory has moved on: the caller must restart the replica.
   */
  commit(writes: readonly PeerWrite[], mayFlush = true): void {
    this.#database.transactionSync(() => {
      const { lastApplied: zxid, digest, totals } = this.tree;
      // A tree to which nothing was applied is on no disk: each start makes it anew, and knows it by a digest of
      // nothing, which rows of history tell beside the state's own row.
      const isFlush = mayFlush && this.isTreeDirty;
      const applied: Applied = isFlush ? { zxid, digest, totals } : this.#written;
      let hasLogRow = false;
      let needsState = false;
      let restoreAt: Zxid | undefined;
      this.#writeStaging();
      for (const write of writes) {
        switch (write.kind) {
          case "install":
            this.#install(write.last);
            return;
          case "restore":
            restoreAt = write.at;
            break;
          case "diverged":
            this.#database.sql.exec("UPDATE install SET diverged = 1");
            break;
          case "append":
            this.log.append(write.proposals, applied);
            hasLogRow ||= write.proposals.length > 0;
            break;
          case "truncate":
            this.log.truncate(write.after, applied);
            // Where the history begins is told by its first row: without one, only here.
            if (this.log.rowCount === 0) this.#writeBase();
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
      if (restoreAt !== undefined) {
        this.#takeRestored(restoreAt);
        return;
      }
      if (isFlush) this.#writeTree();
      // Both the state row and every log row tell how far the tree is: one of them suffices.
      if (needsState || (isFlush && !hasLogRow)) this.#writeState(applied);
      this.#written = applied;
    });
  }

  /**
   * The staged tree takes the place of the other, and of all history: one transaction, after which only a new Store
   * knows what is what. Epochs stay: the one in force is entered behind the history that follows.
   */
  #install(last: Zxid): void {
    const staging = must(this.#staging, "a snapshot is staged");
    const { sql } = this.#database;
    const { digest, totals } = staging.tree.summary;
    this.log.restart(last);
    this.notes.restart(last);
    this.#writeState({ zxid: last, digest, totals });
    this.#writeBase();
    sql.exec("UPDATE install SET tree = 1 - tree, diverged = 0");
    clearTree(this.#database, this.#tables);
  }

  /** The staged tree takes the place of the other; history stays. Only a new Store knows what is what. */
  #takeRestored(at: Zxid): void {
    const { digest, totals } = must(this.#staging, "a restore is staged").tree.summary;
    this.notes.write(this.log.base);
    this.#writeState({ zxid: at, digest, totals });
    this.#database.sql.exec("UPDATE install SET tree = 1 - tree");
    clearTree(this.#database, this.#tables);
    this.#restore.took(at);
  }

  /** Everything goes but the count of starts, and how it came: one transaction, after which only a new Store knows. */
  remove({ version: { epoch, counter }, members }: Removal): void {
    const { sql } = this.#database;
    this.#database.transactionSync(() => {
      this.#acceptedEpoch = 0;
      this.#currentEpoch = 0;
      this.log.restart(ZXID_ZERO);
      this.notes.restart(ZXID_ZERO);
      this.#writeState({ zxid: ZXID_ZERO, digest: DIGEST_ZERO, totals: { dataBytes: 0, ephemerals: 0 } });
      this.#writeBase();
      sql.exec("UPDATE install SET diverged = 0");
      for (const tables of TREE_TABLES) clearTree(this.#database, tables);
      this.#restore.drop();
      sql.exec("INSERT OR REPLACE INTO removal VALUES (1, ?, ?, coalesce(?, x''))", epoch, counter, members);
    });
  }

  #writeBase(): void {
    const { epoch, counter } = this.log.base;
    this.#database.sql.exec("UPDATE install SET base_epoch = ?, base_counter = ?", epoch, counter);
  }

  #writeTree(): void {
    this.#rows.writeChangesOf(this.#nodes);
    this.#writeSessions(this.#sessions, this.#tables);
    this.notes.write(this.log.base);
  }

  #writeStaging(): void {
    if (this.#staging === undefined) return;
    const { rows, nodes, sessions, tables } = this.#staging;
    rows.writeChangesOf(nodes);
    this.#writeSessions(sessions, tables);
  }

  #writeSessions(table: SessionTable, { session: name }: TreeTables): void {
    const { sql } = this.#database;
    const sessions = table.takeDirty();
    for (const id of sessions.deletes) sql.exec(`DELETE FROM ${name} WHERE id = ?`, sessionKey(id));
    for (const { id, timeoutMs, password } of sessions.puts) {
      sql.exec(`INSERT OR REPLACE INTO ${name} VALUES (?, ?, ?)`, sessionKey(id), timeoutMs, password);
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

function treesOf(state: StateRow): Trees {
  const [first, second] = TREE_TABLES;
  return state.tree === 0 ? { used: first, spare: second } : { used: second, spare: first };
}

function latest(state: Applied, row: Applied | undefined): Applied {
  return row !== undefined && compareZxid(row.zxid, state.zxid) >= 0 ? row : state;
}

function* readSessions(
  sql: Sql,
  { session: name }: TreeTables,
): Generator<{
  id: bigint;
  timeoutMs: number;
  password: Uint8Array;
}> {
  const rows = sql
    .exec<{ id: string; timeout_ms: number; password: ArrayBuffer }>(`SELECT * FROM ${name}`)
    .toArray();
  for (const row of rows) {
    yield {
      id: sessionFromKey(must(row.id, "a session's id")),
      timeoutMs: row.timeout_ms,
      password: new Uint8Array(row.password),
    };
  }
}
