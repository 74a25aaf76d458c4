/**
 * The watches of the clients that one replica serves. Local to it, and gone with it: clients bring theirs
 * again by setWatches. Source: ZooKeeper DataTree (dataWatches, childWatches) and WatchManager (3.9).
 */
import type { Acl } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { type ErrorName, KeeperError } from "../base/error-code.ts";
import { actualPath, parentOf } from "../base/path.ts";
import type { AddWatchRequest, SetWatchesRequest, WatchableReadRequest } from "../base/request.ts";
import { compareZxid } from "../base/zxid.ts";
import type { Znode } from "./node-store.ts";
import type { TreeEvent } from "./transition.ts";
import { type Watcher, WatchIndex } from "./watch-index.ts";

/** The wire's numbers for what happened. Source: ZooKeeper Watcher.Event.EventType. */
export const EVENT_TYPES = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

/** One of EVENT_TYPES. */
export type EventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES];

/**
 * An event for one watcher. It is sent only to those to whom `acl` gives READ (isAllowed); one who may not
 * read has lost the watch all the same, as in ZooKeeper.
 */
export interface FiredWatch {
  readonly watcher: Watcher;
  readonly type: EventType;
  readonly path: string;
  readonly acl: readonly Acl[];
}

/** An event to send at once, whoever may read, as the client knew of the znode. */
export interface MissedEvent {
  readonly type: EventType;
  readonly path: string;
}

/** The wire's numbers for kinds of watches. Source: ZooKeeper Watcher.WatcherType. */
export const WATCHER_TYPES = { children: 1, data: 2, any: 3, persistent: 4, recursive: 5 } as const;

/** A one-shot watch to leave: "data" also stands for the watch on a znode that is yet to be created. */
export interface OneShotWatch {
  readonly kind: "data" | "child";
  readonly path: string;
}

/** What taking watches over needs of a tree. */
export interface PathReader {
  get(path: string): Znode | undefined;
  prefetch(paths: readonly string[]): void;
}

/** So many znodes are asked for at once. */
const PREFETCH_COUNT = 512;

/** The watches of one replica's connections. */
export class WatchTable {
  readonly #data = new WatchIndex();
  readonly #child = new WatchIndex();

  /** All watches, as ZooKeeper's mntr counts them (zk_watch_count). */
  get count(): number {
    return this.#data.total + this.#child.total;
  }

  /**
   * What the four-letter word wchs tells: watches on znodes themselves; those on children alone are not in
   * it.
   */
  get summary(): {
    readonly watchers: number;
    readonly paths: number;
    readonly watches: number;
  } {
    const { watcherCount, pathCount, total } = this.#data;
    return { watchers: watcherCount, paths: pathCount, watches: total };
  }

  /** Every watched path with its watchers, children aside: what wchp tells. */
  byPath(): Iterable<readonly [string, Iterable<Watcher>]> {
    return this.#data.paths();
  }

  /** Every path whose children are watched, with those that do. */
  byParent(): Iterable<readonly [string, Iterable<Watcher>]> {
    return this.#child.paths();
  }

  /** Every watcher with its paths, children aside: what wchc tells. */
  byWatcher(): Iterable<readonly [Watcher, Iterable<string>]> {
    return this.#data.watchers();
  }

  /** Leaves a watch that fires once. */
  addOneShot(kind: "data" | "child", path: string, watcher: Watcher): void {
    (kind === "data" ? this.#data : this.#child).add(path, watcher, "oneShot");
  }

  /**
   * Leaves a watch that stays: on the znode and its children, or, recursive, on all below instead of the
   * children.
   */
  addPersistent(path: string, recursive: boolean, watcher: Watcher): void {
    this.#data.add(path, watcher, recursive ? "recursive" : "persistent");
    if (!recursive) this.#child.add(path, watcher, "persistent");
  }

  /** Does what addWatch asks. Throws KeeperError marshallingError for a mode that does not exist. */
  addWatch(request: AddWatchRequest, watcher: Watcher): void {
    if (request.mode !== 0 && request.mode !== 1) {
      throw new KeeperError("marshallingError", `addWatch mode ${request.mode}`);
    }
    this.addPersistent(request.path, request.mode === 1, watcher);
  }

  /**
   * Whether there is such a watch (WATCHER_TYPES). Throws KeeperError marshallingError for an unknown type.
   */
  has(path: string, type: number, watcher: Watcher): boolean {
    switch (type) {
      case WATCHER_TYPES.children:
        return this.#child.has(path, watcher, "oneShot");
      case WATCHER_TYPES.data:
        return this.#data.has(path, watcher, "oneShot");
      case WATCHER_TYPES.any:
        return this.#child.has(path, watcher) || this.#data.has(path, watcher);
      case WATCHER_TYPES.persistent:
        return this.#data.has(path, watcher, "persistent");
      case WATCHER_TYPES.recursive:
        return this.#data.has(path, watcher, "recursive");
      default:
        throw new KeeperError("marshallingError", `watcher type ${type}`);
    }
  }

  /**
   * Removes the watch (WATCHER_TYPES); false where there is none, which is answered by noWatcher. Throws as
   * `has`.
   */
  remove(path: string, type: number, watcher: Watcher): boolean {
    if (!this.has(path, type, watcher)) return false;
    switch (type) {
      case WATCHER_TYPES.children:
        return this.#child.remove(path, watcher, "oneShot");
      case WATCHER_TYPES.data:
        return this.#data.remove(path, watcher, "oneShot");
      case WATCHER_TYPES.persistent:
        this.#child.remove(path, watcher, "persistent");
        return this.#data.remove(path, watcher, "persistent");
      case WATCHER_TYPES.recursive:
        return this.#data.remove(path, watcher, "recursive");
      default:
        this.#child.remove(path, watcher);
        this.#data.remove(path, watcher);
        return true;
    }
  }

  /** Forgets all watches of a connection that is gone. */
  removeWatcher(watcher: Watcher): void {
    this.#data.removeWatcher(watcher);
    this.#child.removeWatcher(watcher);
  }

  /**
   * What watchers are told of the event, in this order: the znode's own watches, then, of a deletion, those
   * on its children whose watcher was not told yet, then those on the parent's children.
   */
  fire(event: TreeEvent): readonly FiredWatch[] {
    const { path, acl } = event;
    const type = EVENT_TYPES[event.kind];
    const watchers = this.#data.trigger(path);
    const fired: FiredWatch[] = [];
    for (const watcher of watchers) fired.push({ watcher, type, path, acl });
    if (event.kind === "dataChanged") return fired;
    if (event.kind === "deleted") {
      for (const watcher of this.#child.trigger(path)) {
        if (!watchers.has(watcher)) fired.push({ watcher, type, path, acl });
      }
    }
    const parent = parentOf(path);
    for (const watcher of this.#child.trigger(parent)) {
      fired.push({
        watcher,
        type: EVENT_TYPES.childrenChanged,
        path: parent,
        acl: event.parentAcl,
      });
    }
    return fired;
  }

  /**
   * Takes over the watches of a client that reconnected, and gives the events that it missed since its
   * relativeZxid, whose watches end with them. Persistent watches are taken over without a catch-up, as in
   * ZooKeeper.
   */
  reestablish(request: SetWatchesRequest, tree: PathReader, watcher: Watcher): readonly MissedEvent[] {
    const missed: MissedEvent[] = [];
    const since = request.relativeZxid;
    for (const [path, node] of readAll(tree, request.dataWatches)) {
      if (node === undefined) missed.push({ type: EVENT_TYPES.deleted, path });
      else if (compareZxid(node.mzxid, since) > 0) {
        missed.push({ type: EVENT_TYPES.dataChanged, path });
      } else this.#data.add(path, watcher, "oneShot");
    }
    for (const [path, node] of readAll(tree, request.existWatches)) {
      if (node !== undefined) missed.push({ type: EVENT_TYPES.created, path });
      else this.#data.add(path, watcher, "oneShot");
    }
    for (const [path, node] of readAll(tree, request.childWatches)) {
      if (node === undefined) missed.push({ type: EVENT_TYPES.deleted, path });
      else if (compareZxid(node.pzxid, since) > 0) {
        missed.push({ type: EVENT_TYPES.childrenChanged, path });
      } else this.#child.add(path, watcher, "oneShot");
    }
    for (const path of request.persistentWatches) this.addPersistent(path, false, watcher);
    for (const path of request.persistentRecursiveWatches) this.addPersistent(path, true, watcher);
    return missed;
  }
}

/** Each path with what is there. A client may have left very many watches: they are looked up in stretches. */
function* readAll(
  tree: PathReader,
  paths: readonly string[],
): Generator<readonly [string, Znode | undefined]> {
  for (const [index, path] of paths.entries()) {
    if (index % PREFETCH_COUNT === 0) tree.prefetch(paths.slice(index, index + PREFETCH_COUNT));
    yield [path, tree.get(actualPath(path))];
  }
}

/**
 * The watch that a read leaves, given how it was answered: undefined for a success, else the error. exists
 * also watches a znode that is not there; the others only what they have read.
 */
export function watchOf(
  request: WatchableReadRequest,
  failure: ErrorName | undefined,
): OneShotWatch | undefined {
  if (!request.watch) return undefined;
  const { op, path } = request;
  switch (op) {
    case "exists":
      if (failure !== undefined && failure !== "noNode") return undefined;
      return { kind: "data", path };
    case "getData":
      return failure === undefined ? { kind: "data", path } : undefined;
    case "getChildren":
    case "getChildren2":
      return failure === undefined ? { kind: "child", path } : undefined;
    default:
      return assertNever(op);
  }
}
