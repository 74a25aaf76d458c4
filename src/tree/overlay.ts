/**
 * What was proposed and is not yet applied, over what is: requests are checked against it, so that a pipeline
 * of dependent writes needs no waiting. Source: ZooKeeper PrepRequestProcessor, outstandingChanges.
 */
import type { SessionId } from "../base/ids.ts";
import { isChildOf, nameOf } from "../base/path.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import {
  compareText,
  isAtOrBelow,
  type NodeView,
  PathsBySession,
  type Subtotal,
  type Znode,
} from "./node-store.ts";

/** The part of a tree or store that an overlay lies on. */
export interface OverlayBase {
  get(path: string, parent?: Znode): Znode | undefined;
  ephemeralsOf(session: SessionId): readonly string[];
  childNames(path: string): readonly string[];
  subtotal(path: string): Subtotal;
  prefetch(paths: readonly string[]): void;
}

/** Changes over a base that itself stays as it is. */
export class Overlay implements NodeView {
  readonly #base: OverlayBase;
  /** undefined: deleted. */
  readonly #changes = new Map<string, Znode | undefined>();
  readonly #ephemerals = new PathsBySession();

  constructor(base: OverlayBase) {
    this.#base = base;
  }

  /** How many paths differ from the base. */
  get size(): number {
    return this.#changes.size;
  }

  /** What is not changed here stands in the base just so, the parent's children among it. */
  get(path: string, parent?: Znode): Znode | undefined {
    const changed = this.#changes.get(path);
    return changed !== undefined || this.#changes.has(path) ? changed : this.#base.get(path, parent);
  }

  put(path: string, node: Znode): void {
    this.#change(path, node);
  }

  delete(path: string): void {
    this.#change(path, undefined);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    const below = this.#base.ephemeralsOf(session).filter((path) => !this.#changes.has(path));
    const own = this.#ephemerals.of(session);
    return own.length === 0 ? below : [...below, ...own].sort(compareText);
  }

  childNames(path: string): readonly string[] {
    const names = new Set(this.#base.childNames(path));
    for (const [other, node] of this.#changes) {
      if (!isChildOf(other, path)) continue;
      if (node === undefined) names.delete(nameOf(other));
      else names.add(nameOf(other));
    }
    return [...names].sort(compareText);
  }

  prefetch(paths: readonly string[]): void {
    this.#base.prefetch(paths);
  }

  subtotal(path: string): Subtotal {
    let { count, bytes } = this.#base.subtotal(path);
    for (const [other, node] of this.#changes) {
      if (!isAtOrBelow(other, path)) continue;
      const before = this.#base.get(other);
      count += (node === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
      bytes += (node?.data?.length ?? 0) - (before?.data?.length ?? 0);
    }
    return { count, bytes };
  }

  /** Lets the base show through again at the path. */
  drop(path: string): void {
    this.#ephemerals.replace(path, this.#changes.get(path), undefined);
    this.#changes.delete(path);
  }

  /** Makes all changes in another view. */
  copyTo(view: NodeView): void {
    for (const [path, node] of this.#changes) {
      if (node === undefined) view.delete(path);
      else view.put(path, node);
    }
  }

  #change(path: string, node: Znode | undefined): void {
    this.#ephemerals.replace(path, this.#changes.get(path), node);
    this.#changes.set(path, node);
  }
}

/** Keys that were changed, each by the zxid of its last change, in the order in which they are applied. */
export class PendingKeys<Key> {
  readonly #last = new Map<Key, Zxid>();
  #queue: Array<{ readonly zxid: Zxid; readonly key: Key }> = [];
  #head = 0;

  /** Zxids come in order. */
  add(zxid: Zxid, key: Key): void {
    if (this.#last.get(key) === zxid) return;
    this.#last.set(key, zxid);
    this.#queue.push({ zxid, key });
  }

  /** The keys whose last change is at or before the zxid; they are forgotten here. */
  takeUpTo(zxid: Zxid): readonly Key[] {
    const taken: Key[] = [];
    for (; this.#head < this.#queue.length; this.#head++) {
      const entry = this.#queue[this.#head];
      if (entry === undefined || compareZxid(entry.zxid, zxid) > 0) break;
      if (this.#last.get(entry.key) !== entry.zxid) continue;
      this.#last.delete(entry.key);
      taken.push(entry.key);
    }
    if (this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}
