/**
 * The watches that a client believes to have on one connection, and what it must ask for again on the next.
 * Source: ZooKeeper ZKWatchManager, WatchRegistration, ClientCnxn.primeConnection (3.9).
 */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { parentOf } from "../../../src/base/path.ts";
import type { SetWatchesRequest } from "../../../src/base/request.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type { WatcherEvent } from "../../../src/jute/records.ts";
import { EVENT_TYPES, WATCHER_TYPES } from "../../../src/tree/watch-table.ts";

/** The wire's number for a recursive watch. */
const RECURSIVE_MODE = 1;

/** See the file's comment. */
export class WatchSet {
  readonly #data: Set<string>;
  readonly #exists: Set<string>;
  readonly #children: Set<string>;
  readonly #persistent: Set<string>;
  readonly #recursive: Set<string>;

  /** Empty, or with all that another one holds. */
  constructor(before?: WatchSet) {
    this.#data = new Set(before === undefined ? [] : before.#data);
    this.#exists = new Set(before === undefined ? [] : before.#exists);
    this.#children = new Set(before === undefined ? [] : before.#children);
    this.#persistent = new Set(before === undefined ? [] : before.#persistent);
    this.#recursive = new Set(before === undefined ? [] : before.#recursive);
  }

  /** Watches that stay until they are removed. */
  get persistentCount(): number {
    return this.#persistent.size + this.#recursive.size;
  }

  /** One of the watches that stay, as a removal names it. */
  firstPersistent(): { readonly path: string; readonly type: number } | undefined {
    for (const path of this.#recursive) return { path, type: WATCHER_TYPES.recursive };
    for (const path of this.#persistent) return { path, type: WATCHER_TYPES.persistent };
    return undefined;
  }

  /** A request is answered: what it asked to watch is watched, or no longer. */
  answered(request: ClientRequest, error: number): void {
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others watch nothing
    switch (request.op) {
      case "getData":
        if (request.watch && error === ERROR_CODES.ok) this.#data.add(request.path);
        return;
      case "exists":
        if (!request.watch) return;
        if (error === ERROR_CODES.ok) this.#data.add(request.path);
        else if (error === ERROR_CODES.noNode) this.#exists.add(request.path);
        return;
      case "getChildren":
      case "getChildren2":
        if (request.watch && error === ERROR_CODES.ok) this.#children.add(request.path);
        return;
      case "addWatch":
        if (error !== ERROR_CODES.ok) return;
        (request.mode === RECURSIVE_MODE ? this.#recursive : this.#persistent).add(request.path);
        return;
      case "removeWatches":
        if (error === ERROR_CODES.ok) this.#remove(request.path, request.type);
        return;
      default:
    }
  }

  /** Takes an event: false where nothing that is watched can have given it. One-shot watches end with it. */
  take({ type, path }: WatcherEvent): boolean {
    switch (type) {
      case EVENT_TYPES.created:
      case EVENT_TYPES.dataChanged:
        return any([this.#data.delete(path), this.#exists.delete(path), this.#stays(path)]);
      case EVENT_TYPES.deleted:
        return any([
          this.#data.delete(path),
          this.#exists.delete(path),
          this.#children.delete(path),
          this.#stays(path),
        ]);
      case EVENT_TYPES.childrenChanged:
        return any([this.#children.delete(path), this.#persistent.has(path)]);
      default:
        return false;
    }
  }

  /** What to ask for on a new connection; undefined where nothing is watched. */
  restore(relativeZxid: Zxid): SetWatchesRequest | undefined {
    const request: SetWatchesRequest = {
      op: "setWatches2",
      relativeZxid,
      dataWatches: [...this.#data],
      existWatches: [...this.#exists],
      childWatches: [...this.#children],
      persistentWatches: [...this.#persistent],
      persistentRecursiveWatches: [...this.#recursive],
    };
    const sets = [this.#data, this.#exists, this.#children, this.#persistent, this.#recursive];
    return sets.some(({ size }) => size > 0) ? request : undefined;
  }

  #remove(path: string, type: number): void {
    if (type === WATCHER_TYPES.persistent) this.#persistent.delete(path);
    else if (type === WATCHER_TYPES.recursive) this.#recursive.delete(path);
    else {
      const isAny = type === WATCHER_TYPES.any;
      const ofData = [this.#data, this.#exists];
      const ofAll = [...ofData, this.#children, this.#persistent, this.#recursive];
      const sets = type === WATCHER_TYPES.children ? [this.#children] : isAny ? ofAll : ofData;
      for (const set of sets) set.delete(path);
    }
  }

  #stays(path: string): boolean {
    if (this.#persistent.has(path)) return true;
    if (this.#recursive.size === 0) return false;
    for (let above = path; ; above = parentOf(above)) {
      if (this.#recursive.has(above)) return true;
      if (above === "/") return false;
    }
  }
}

function any(found: readonly boolean[]): boolean {
  return found.includes(true);
}
