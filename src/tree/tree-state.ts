/**
 * What a replica's tree consists of: znodes, sessions, and the sums over them, kept as they change. Both the tree that
 * transactions build and the one that a snapshot brings are made of it, so that their digests mean the same.
 */
import { assert } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import type { NodeData } from "../base/request.ts";
import {
  addDigest,
  dataDigest,
  type Digest,
  DIGEST_ZERO,
  sessionDigest,
  subtractDigest,
  znodeDigest,
} from "./digest.ts";
import type { NodeStore, NodeView, Subtotal, Znode } from "./node-store.ts";
import type { SessionRecord, SessionTable } from "./session-table.ts";

/** Sums over all znodes, kept as they change. */
export interface TreeTotals {
  /** Lengths of paths and data, as ZooKeeper's approximate data size counts them. */
  readonly dataBytes: number;
  readonly ephemerals: number;
}

/** Hears which znodes and sessions change. */
export interface ChangeListener {
  /** `before` is what stood there until now; undefined for nothing. */
  changedZnode(path: string, before: Znode | undefined): void;
  changedSession(id: SessionId): void;
}

/**
 * Data above this is hashed once and remembered, as the counters of a large parent change with each child.
 */
const REMEMBERED_DATA_BYTES = 256;

/** Of so many znodes that changed the digest is remembered: what changes once changes again. */
const REMEMBERED_ZNODES = 2048;

/** But of none with more data, which would be kept with it. */
const REMEMBERED_ZNODE_BYTES = 4096;

/** Of a tree that is counted once more so much is in memory at a time. */
const RECOUNT_BYTES = 256 * 1024;

/** Znodes and sessions with digest and totals. It knows no rules: parents and versions are the tree's business. */
export class TreeState implements NodeView {
  readonly store: NodeStore;
  readonly sessions: SessionTable;
  readonly #listeners = new Set<ChangeListener>();
  readonly #dataDigests = new WeakMap<Uint8Array, Digest>();
  readonly #digests = new Map<string, { readonly node: Znode; readonly digest: Digest }>();
  #digest: Digest;
  #dataBytes: number;
  #ephemerals: number;

  /** Over what store and table hold, with the sums they were written with. */
  constructor(options: {
    readonly store: NodeStore;
    readonly sessions: SessionTable;
    readonly digest: Digest;
    readonly totals: TreeTotals;
  }) {
    this.store = options.store;
    this.sessions = options.sessions;
    this.#digest = options.digest;
    this.#dataBytes = options.totals.dataBytes;
    this.#ephemerals = options.totals.ephemerals;
  }

  /** Of all znodes and sessions. */
  get digest(): Digest {
    return this.#digest;
  }

  get totals(): TreeTotals {
    return { dataBytes: this.#dataBytes, ephemerals: this.#ephemerals };
  }

  /**
   * The sums once more, from every znode and session: it reads the whole tree. They differ from those that are kept as
   * things change where what is on disk is not what was written.
   */
  recount(): { readonly digest: Digest; readonly totals: TreeTotals } {
    let digest: Digest = DIGEST_ZERO;
    let dataBytes = 0;
    let ephemerals = 0;
    const add = (path: string, node: Znode): void => {
      digest = addDigest(digest, znodeDigest(path, node, dataDigest(node.data)));
      dataBytes += path.length + (node.data?.length ?? 0);
      if (node.owner.mode === "ephemeral") ephemerals++;
    };
    // The store's order may or may not show what it has not written: each of those is counted by itself.
    const unwritten = new Set(this.store.unwritten());
    for (let at: string | undefined, isAtEnd = false; !isAtEnd;) {
      const nodes = this.store.after(at, RECOUNT_BYTES);
      for (const [path, node] of nodes) if (!unwritten.has(path)) add(path, node);
      at = nodes.at(-1)?.[0];
      isAtEnd = at === undefined;
    }
    for (const path of unwritten) {
      const node = this.store.get(path);
      if (node !== undefined) add(path, node);
    }
    for (const session of this.sessions.values()) digest = addDigest(digest, sessionDigest(session));
    return { digest, totals: { dataBytes, ephemerals } };
  }

  get(path: string, parent?: Znode): Znode | undefined {
    return this.store.get(path, parent);
  }

  childNames(path: string): readonly string[] {
    return this.store.childNames(path);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    return this.store.ephemeralsOf(session);
  }

  subtotal(path: string): Subtotal {
    return this.store.subtotal(path);
  }

  prefetch(paths: readonly string[]): void {
    this.store.prefetch(paths);
  }

  /** Tells this listener of every change from now on, until it is removed. */
  listen(listener: ChangeListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: ChangeListener): void {
    this.#listeners.delete(listener);
  }

  put(path: string, node: Znode): void {
    const before = this.store.get(path);
    if (before !== undefined) this.#subtract(path, before);
    this.store.put(path, node);
    this.#digest = addDigest(this.#digest, this.#digestOf(path, node));
    this.#count(path, node, 1);
    for (const listener of this.#listeners) listener.changedZnode(path, before);
  }

  delete(path: string): void {
    const before = this.store.get(path);
    assert(before !== undefined, `delete without a znode at ${path}`);
    this.store.delete(path);
    this.#subtract(path, before);
    for (const listener of this.#listeners) listener.changedZnode(path, before);
  }

  putSession(session: SessionRecord): void {
    const before = this.sessions.get(session.id);
    if (before !== undefined) this.#digest = subtractDigest(this.#digest, sessionDigest(before));
    this.sessions.put(session);
    this.#digest = addDigest(this.#digest, sessionDigest(session));
    for (const listener of this.#listeners) listener.changedSession(session.id);
  }

  /** Forgets a session, which must exist. */
  deleteSession(id: SessionId): void {
    const session = this.sessions.get(id);
    assert(session !== undefined, "no session to forget");
    this.sessions.delete(id);
    this.#digest = subtractDigest(this.#digest, sessionDigest(session));
    for (const listener of this.#listeners) listener.changedSession(id);
  }

  #subtract(path: string, before: Znode): void {
    this.#digest = subtractDigest(this.#digest, this.#digestOf(path, before));
    this.#count(path, before, -1);
  }

  #count(path: string, node: Znode, sign: 1 | -1): void {
    this.#dataBytes += sign * (path.length + (node.data?.length ?? 0));
    if (node.owner.mode === "ephemeral") this.#ephemerals += sign;
  }

  #digestOf(path: string, node: Znode): Digest {
    const known = this.#digests.get(path);
    if (known !== undefined && known.node === node) return known.digest;
    const digest = znodeDigest(path, node, this.#dataDigestOf(node.data));
    if ((node.data?.length ?? 0) > REMEMBERED_ZNODE_BYTES) return digest;
    if (this.#digests.size >= REMEMBERED_ZNODES) this.#digests.clear();
    this.#digests.set(path, { node, digest });
    return digest;
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
