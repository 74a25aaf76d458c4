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
import { assert, assertNever } from "../base/assert.ts";
import { OPEN_ACL, PERMS } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import type { NodeData, Response } from "../base/request.ts";
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
  subtractDigest,
  znodeDigest,
} from "./digest.ts";
import { type NodeStore, type NodeView, statOf, type Znode } from "./node-store.ts";
import { CONFIG_PATH, QUOTA_PATH, ZOOKEEPER_PATH } from "./reserved.ts";
import type { SessionTable } from "./session-table.ts";
import { applyCloseSession, applyOperation, applySetAcl, type Moment, type TreeEvent } from "./transition.ts";
import { readTree, type TreeReadRequest } from "./tree-read.ts";

/** What applying a transaction gave, and what it did to znodes, in order. */
export interface Applied {
  readonly outcome: Outcome;
  readonly events: readonly TreeEvent[];
}

/** Sums over all znodes, kept as they change. */
export interface TreeTotals {
  /** Lengths of paths and data, as ZooKeeper's approximate data size counts them. */
  readonly dataBytes: number;
  readonly ephemerals: number;
}

/** A read, and who asks. */
export interface TreeRead {
  readonly request: TreeReadRequest;
  readonly identities: readonly Identity[];
  readonly session: SessionId;
}

/**
 * Data above this is hashed once and remembered, as the counters of a large parent change with each child.
 */
const REMEMBERED_DATA_BYTES = 256;

/** One replica's tree. */
export class Tree {
  readonly sessions: SessionTable;
  readonly #store: NodeStore;
  /** The store, with every change kept in the digest. */
  readonly #view: NodeView;
  readonly #dataDigests = new WeakMap<Uint8Array, Digest>();
  #digest: Digest;
  #dataBytes: number;
  #ephemerals: number;
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
    this.#store = options.store;
    this.sessions = options.sessions;
    this.#digest = options.digest;
    this.#dataBytes = options.totals?.dataBytes ?? 0;
    this.#ephemerals = options.totals?.ephemerals ?? 0;
    this.#lastApplied = options.lastApplied;
    this.#view = {
      get: (path) => this.#store.get(path),
      put: (path, node) => this.#put(path, node),
      delete: (path) => this.#delete(path),
      ephemeralsOf: (session) => this.#store.ephemeralsOf(session),
      prefetch: (paths) => this.#store.prefetch(paths),
    };
    if (this.#store.get("/") === undefined) {
      assert(equalDigest(options.digest, DIGEST_ZERO), "an empty store with a digest");
      assert(options.sessions.count === 0, "an empty store with sessions");
      for (const [path, node] of reservedNodes()) this.#put(path, node);
    }
  }

  /** Of all znodes and sessions; equal on all replicas at equal zxids. */
  get digest(): Digest {
    return this.#digest;
  }

  /** Sums over all znodes. */
  get totals(): TreeTotals {
    return { dataBytes: this.#dataBytes, ephemerals: this.#ephemerals };
  }

  /** The zxid of the last transaction applied. */
  get lastApplied(): Zxid {
    return this.#lastApplied;
  }

  /** How many znodes there are, the reserved ones included. */
  get nodeCount(): number {
    return this.#store.count();
  }

  /** The znode at the path; undefined where there is none, whatever the path looks like. */
  get(path: string): Znode | undefined {
    return this.#store.get(path);
  }

  /** These will be asked for next: they are read in one go. */
  prefetch(paths: readonly string[]): void {
    this.#store.prefetch(paths);
  }

  /** What clients see of the znode. */
  stat(path: string): Stat | undefined {
    const node = this.#store.get(path);
    return node === undefined ? undefined : statOf(node);
  }

  /** The names of the children, sorted. */
  childNames(path: string): readonly string[] {
    return this.#store.childNames(path);
  }

  /** How many znodes lie below the path, at any depth. */
  descendantCount(path: string): number {
    return this.#store.descendantCount(path);
  }

  /** The paths of the session's ephemerals, sorted. */
  ephemeralsOf(session: SessionId): readonly string[] {
    return this.#store.ephemeralsOf(session);
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
        return applyOperation(this.#view, moment, txn, events);
      case "setAcl":
        return applySetAcl(this.#view, txn);
      case "multi":
        return { kind: "multi", outcomes: this.#applyAll(moment, txn.operations, events) };
      case "createSession":
        this.#addSession(session, txn.timeoutMs, txn.password);
        return { kind: "done" };
      case "closeSession":
        applyCloseSession(this.#view, moment, session, events);
        this.#removeSession(session);
        return { kind: "done" };
      case "config":
        // ZooKeeper keeps the configuration's version at -1, whatever was written before.
        applyOperation(
          this.#view,
          moment,
          { kind: "setData", path: CONFIG_PATH, data: txn.data, version: -1 },
          events,
        );
        return { kind: "done" };
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
      return applyOperation(this.#view, moment, operation, events);
    });
  }

  #addSession(id: SessionId, timeoutMs: number, password: Uint8Array): void {
    assert(this.sessions.get(id) === undefined, "createSession over a session");
    const session = { id, timeoutMs, password };
    this.sessions.put(session);
    this.#digest = addDigest(this.#digest, sessionDigest(session));
  }

  #removeSession(id: SessionId): void {
    const session = this.sessions.get(id);
    assert(session !== undefined, "closeSession without a session");
    this.sessions.delete(id);
    this.#digest = subtractDigest(this.#digest, sessionDigest(session));
  }

  #put(path: string, node: Znode): void {
    const before = this.#store.get(path);
    if (before !== undefined) {
      this.#digest = subtractDigest(this.#digest, this.#digestOf(path, before));
      this.#count(path, before, -1);
    }
    this.#store.put(path, node);
    this.#digest = addDigest(this.#digest, this.#digestOf(path, node));
    this.#count(path, node, 1);
  }

  #count(path: string, node: Znode, sign: 1 | -1): void {
    this.#dataBytes += sign * (path.length + (node.data?.length ?? 0));
    if (node.owner.mode === "ephemeral") this.#ephemerals += sign;
  }

  #delete(path: string): void {
    const before = this.#store.get(path);
    assert(before !== undefined, `delete without a znode at ${path}`);
    this.#store.delete(path);
    this.#digest = subtractDigest(this.#digest, this.#digestOf(path, before));
    this.#count(path, before, -1);
  }

  #digestOf(path: string, node: Znode): Digest {
    return znodeDigest(path, node, this.#dataDigestOf(node.data));
  }

  #dataDigestOf(data: NodeData): Digest {
    if (data === null || data.length < REMEMBERED_DATA_BYTES) return dataDigest(data);
    const known = this.#dataDigests.get(data);
    if (known !== undefined) return known;
    const digest = dataDigest(data);
    this.#dataDigests.set(data, digest);
    return digest;
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
function reservedNodes(): ReadonlyArray<readonly [string, Znode]> {
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
