/**
 * The replicated state machine: a tree of znodes and a table of sessions, changed only by transactions in the
 * order of their zxids, the same on every replica. Source: ZooKeeper DataTree and ZKDatabase.
 *
 * Invariants, checked as transactions are applied:
 * 1. Zxids only grow.
 * 2. A transaction fits the state it was made for; one that does not is a divergence, and stops the replica.
 * 3. The digest is the sum over all znodes and sessions.
 */
import type { Identity } from "../base/acl.ts";
import { assert, assertNever, InvariantError } from "../base/assert.ts";
import { OPEN_ACL, PERMS } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import type { Response } from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { OperationTxn, Outcome, Txn, TxnHeader } from "../base/txn.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import {
  addDigest,
  type Digest,
  DIGEST_ZERO,
  dataDigest,
  equalDigest,
  sessionDigest,
  znodeDigest,
} from "./digest.ts";
import { FrozenTree } from "./frozen-tree.ts";
import type { IdleZnode, MarkRange } from "./idle.ts";
import { type NodeStore, statOf, type Subtotal, type Znode } from "./node-store.ts";
import { CONFIG_PATH, QUOTA_PATH, ZOOKEEPER_PATH } from "./reserved.ts";
import type { SessionTable } from "./session-table.ts";
import {
  applyCloseSession,
  applyConfig,
  applyOperation,
  applySetAcl,
  type Moment,
  type TreeEvent,
} from "./transition.ts";
import { readTree, type TreeReadRequest } from "./tree-read.ts";
import { type StateSummary, summaryOf, TreeSnapshot } from "./tree-snapshot.ts";
import { TreeState, type TreeTotals } from "./tree-state.ts";

/** What applying a transaction gave, and what it did to znodes, in order. */
export interface Applied {
  readonly outcome: Outcome;
  readonly events: readonly TreeEvent[];
}

/** A read, and who asks. */
export interface TreeRead {
  readonly request: TreeReadRequest;
  readonly identities: readonly Identity[];
  readonly session: SessionId;
}

/** One replica's tree. */
export class Tree {
  readonly #state: TreeState;
  #lastApplied: Zxid;

  /**
   * A tree over what the store and the sessions hold, with the digest and zxid they were written with. An
   * empty store gets the reserved znodes, and then the digest must be DIGEST_ZERO, and the table of sessions
   * empty.
   */
  constructor(options: {
    readonly store: NodeStore;
    readonly sessions: SessionTable;
    readonly digest: Digest;
    /** As written with the digest; of an empty store there are none. */
    readonly totals?: TreeTotals;
    readonly lastApplied: Zxid;
  }) {
    const { store, sessions, digest, lastApplied } = options;
    this.#state = new TreeState({
      store,
      sessions,
      digest,
      totals: options.totals ?? { dataBytes: 0, ephemerals: 0 },
    });
    this.#lastApplied = lastApplied;
    if (store.get("/") === undefined) {
      assert(equalDigest(digest, DIGEST_ZERO), "an empty store with a digest");
      assert(sessions.count === 0, "an empty store with sessions");
      for (const [path, node] of reservedNodes()) this.#state.put(path, node);
    }
  }

  /** Of all znodes and sessions; equal on all replicas at equal zxids. */
  get digest(): Digest {
    return this.#state.digest;
  }

  /** The replicated sessions. */
  get sessions(): SessionTable {
    return this.#state.sessions;
  }

  /** Sums over all znodes. */
  get totals(): TreeTotals {
    return this.#state.totals;
  }

  /** The zxid of the last transaction applied. */
  get lastApplied(): Zxid {
    return this.#lastApplied;
  }

  /** How many znodes there are, the reserved ones included. */
  get nodeCount(): number {
    return this.#state.store.count();
  }

  /** The znode at the path; undefined where there is none, whatever the path looks like. */
  get(path: string, parent?: Znode): Znode | undefined {
    return this.#state.store.get(path, parent);
  }

  /** These will be asked for next: they are read in one go. */
  prefetch(paths: readonly string[]): void {
    this.#state.store.prefetch(paths);
  }

  /** What clients see of the znode. */
  stat(path: string): Stat | undefined {
    const node = this.#state.store.get(path);
    return node === undefined ? undefined : statOf(node);
  }

  /** The names of the children, sorted. */
  childNames(path: string): readonly string[] {
    return this.#state.store.childNames(path);
  }

  /** A part of them: at most so many behind a name. */
  childPage(path: string, after: string, countMax: number): readonly string[] {
    return this.#state.store.childPage(path, after, countMax);
  }

  /** How many znodes lie below the path, at any depth. */
  descendantCount(path: string): number {
    return this.#state.store.descendantCount(path);
  }

  /** What stands at the path and below it. */
  subtotal(path: string): Subtotal {
    return this.#state.store.subtotal(path);
  }

  /** The paths of the session's ephemerals, sorted. */
  ephemeralsOf(session: SessionId): readonly string[] {
    return this.#state.store.ephemeralsOf(session);
  }

  /** The paths of all sessions' ephemerals, sorted. */
  ephemerals(): readonly string[] {
    return this.#state.store.ephemerals();
  }

  /** Znodes that end by themselves; see NodeStore.idle. */
  idle(marks: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[] {
    return this.#state.store.idle(marks, after, countMax);
  }

  /** What all of it sums up to now. */
  get summary(): StateSummary {
    return summaryOf(this.#state);
  }

  /** Whether every znode and session together come to what `summary` says: it reads the whole tree. */
  isSound(): boolean {
    const { digest, totals } = this.#state.recount();
    const { dataBytes, ephemerals } = this.#state.totals;
    return (
      equalDigest(digest, this.#state.digest) &&
      totals.dataBytes === dataBytes &&
      totals.ephemerals === ephemerals
    );
  }

  /** Begins to send the whole tree somewhere else; the caller closes it. */
  beginSnapshot(): TreeSnapshot {
    return new TreeSnapshot(this.#state);
  }

  /** Holds on to the whole tree as it is now, while it goes on changing; the caller closes it. */
  freeze(bytesMax?: number): FrozenTree {
    return new FrozenTree(this.#state, this.#lastApplied, bytesMax);
  }

  /** Answers a read from what was applied so far. Throws KeeperError. */
  read(read: TreeRead): Response {
    return readTree(this, read);
  }

  /** Applies the next transaction; every replica's tree gets the same ones in the same order. */
  apply(zxid: Zxid, header: TxnHeader, txn: Txn): Applied {
    assert(
      compareZxid(zxid, this.#lastApplied) > 0,
      `${zxidText(zxid)} is not after ${zxidText(this.#lastApplied)}`,
    );
    const events: TreeEvent[] = [];
    const outcome = this.#applyTxn({ zxid, timeMs: header.timeMs }, header.session, txn, events);
    this.#lastApplied = zxid;
    return { outcome, events };
  }

  #applyTxn(moment: Moment, session: SessionId, txn: Txn, events: TreeEvent[]): Outcome {
    switch (txn.kind) {
      case "create":
      case "delete":
      case "setData":
      case "check":
      case "error":
        return applyOperation(this.#state, moment, txn, events);
      case "setAcl":
        return applySetAcl(this.#state, txn);
      case "multi":
        return { kind: "multi", outcomes: this.#applyAll(moment, txn.operations, events) };
      case "sessionMulti":
        this.#addSession(session, txn.timeoutMs, txn.password);
        return { kind: "multi", outcomes: this.#applyAll(moment, txn.operations, events) };
      case "createSession":
        this.#addSession(session, txn.timeoutMs, txn.password);
        return { kind: "done" };
      case "closeSession":
        applyCloseSession(this.#state, moment, session, events);
        this.#state.deleteSession(session);
        return { kind: "done" };
      case "config":
        return applyConfig(this.#state, moment, txn.data, events);
      case "settled":
      case "dormant":
        return { kind: "done" };
      case "restore":
        throw new InvariantError("a restore brings another tree: it is applied to none");
      case "barrier":
        return { kind: "barrier", path: txn.path };
      default:
        return assertNever(txn);
    }
  }

  #applyAll(moment: Moment, operations: readonly OperationTxn[], events: TreeEvent[]): readonly Outcome[] {
    const isFailed = operations.some((operation) => operation.kind === "error");
    return operations.map((operation) => {
      assert(!isFailed || operation.kind === "error", "a failed multi that would change something");
      return applyOperation(this.#state, moment, operation, events);
    });
  }

  #addSession(id: SessionId, timeoutMs: number, password: Uint8Array): void {
    assert(this.sessions.get(id) === undefined, "createSession over a session");
    this.#state.putSession({ id, timeoutMs, password });
  }
}

/**
 * The digest of a whole state, from scratch: what the incremental one must equal, and what a snapshot is
 * checked by.
 */
export function recomputeDigest(
  store: Pick<NodeStore, "get" | "childNames">,
  sessions: SessionTable,
): Digest {
  let digest = DIGEST_ZERO;
  for (const session of sessions.values()) digest = addDigest(digest, sessionDigest(session));
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = store.get(path);
    assert(node !== undefined, `no znode at ${path}`);
    digest = addDigest(digest, znodeDigest(path, node, dataDigest(node.data)));
    for (const name of store.childNames(path)) pending.push(path === "/" ? `/${name}` : `${path}/${name}`);
  }
  return digest;
}

/**
 * What is there before the first transaction, with the Stats that ZooKeeper 3.8.0 shows: its reserved znodes
 * count as children, but not as creates of children, so that "/" starts with a cversion of -1.
 */
export function reservedNodes(): ReadonlyArray<readonly [string, Znode]> {
  const node: Znode = {
    data: new Uint8Array(0),
    acl: OPEN_ACL,
    owner: { mode: "persistent" },
    czxid: ZXID_ZERO,
    mzxid: ZXID_ZERO,
    pzxid: ZXID_ZERO,
    ctime: 0,
    mtime: 0,
    version: 0,
    aversion: 0,
    childCreates: 0,
    childCount: 0,
  };
  const readOnly = [{ perms: PERMS.read, scheme: "world", id: "anyone" }];
  return [
    ["/", { ...node, childCount: 1 }],
    [ZOOKEEPER_PATH, { ...node, childCount: 2 }],
    [QUOTA_PATH, node],
    [CONFIG_PATH, { ...node, acl: readOnly, aversion: -1 }],
  ];
}
