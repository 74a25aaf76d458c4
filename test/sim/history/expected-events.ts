/**
 * The watch events that one connection is owed: its watches, as it set them, against all that was committed. Watches
 * are a connection's: what a client does not bring to the next one by setWatches is gone. Source: ZooKeeper's
 * Programmer's Guide, "ZooKeeper Watches"; src/tree has its own.
 */
import { parentOf } from "../../../src/base/path.ts";
import type { SetWatchesRequest } from "../../../src/base/request.ts";
import { compareZxid, type Zxid } from "../../../src/base/zxid.ts";
import { type ChangeAt, factAt, type Replay } from "./replay.ts";
import { type Answered, isWriteOperation } from "./told-operations.ts";

/** An event that is due. */
export interface DueEvent {
  readonly type: number;
  readonly path: string;
  /** Of the change it tells of; of what setWatches found the reply's. */
  readonly zxid: Zxid;
  /** What setWatches found, which tells no zxid on the wire. */
  readonly isCaughtUp: boolean;
  /** Whether everybody may read the znode: to others it is not sent. */
  readonly isOpen: boolean;
}

const CREATED = 1;
const DELETED = 2;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;

const NO_NODE = -101;

/** How a path is watched. */
interface Watched {
  once: boolean;
  always: boolean;
}

/** One connection's watches, as its server should hold them. */
export class ExpectedEvents {
  readonly due: DueEvent[] = [];
  readonly #replay: Replay;
  readonly #data = new Map<string, Watched>();
  readonly #children = new Map<string, Watched>();
  readonly #recursive = new Set<string>();
  /** Changes up to here have been seen. */
  #seen: number;

  /** `firstZxid` is that of the connection's first reply: watches are none before. */
  constructor(replay: Replay, firstZxid: Zxid) {
    this.#replay = replay;
    this.#seen = firstAfter(replay.changes, firstZxid);
  }

  /** The connection's next reply: all that was committed up to its zxid came before it. */
  reply(operation: Answered): void {
    this.#advanceTo(operation.outcome.zxid);
    if (!isWriteOperation(operation)) this.#watch(operation);
  }

  /** Nothing more was answered: what came after may have been told. */
  end(): void {
    this.#advance(this.#replay.changes.length);
  }

  #advanceTo(zxid: Zxid): void {
    const { changes } = this.#replay;
    let end = this.#seen;
    for (let change = changes[end]; change !== undefined; change = changes[end]) {
      if (compareZxid(change.zxid, zxid) > 0) break;
      end++;
    }
    this.#advance(end);
  }

  #advance(end: number): void {
    if (this.#data.size + this.#children.size + this.#recursive.size > 0) {
      for (const change of this.#replay.changes.slice(this.#seen, end)) this.#fire(change);
    }
    this.#seen = Math.max(this.#seen, end);
  }

  #fire({ kind, path, zxid, isOpen, isParentOpen }: ChangeAt): void {
    const tell = (type: number, at: string, isReadable: boolean): void => {
      this.due.push({ type, path: at, zxid, isCaughtUp: false, isOpen: isReadable });
    };
    const type = kind === "created" ? CREATED : kind === "deleted" ? DELETED : DATA_CHANGED;
    const isToldOfData = this.#takes(this.#data, path) || this.#isBelowRecursive(path);
    if (isToldOfData) tell(type, path, isOpen);
    if (kind === "dataChanged") return;
    if (kind === "deleted" && this.#takes(this.#children, path) && !isToldOfData) tell(type, path, isOpen);
    const parent = parentOf(path);
    if (this.#takes(this.#children, parent)) tell(CHILDREN_CHANGED, parent, isParentOpen);
  }

  /** Whether the path is watched; a watch that fires once is over then. */
  #takes(index: Map<string, Watched>, path: string): boolean {
    const watched = index.get(path);
    if (watched === undefined) return false;
    watched.once = false;
    if (!watched.always) index.delete(path);
    return true;
  }

  #isBelowRecursive(path: string): boolean {
    if (this.#recursive.size === 0) return false;
    for (let above = path; ; above = parentOf(above)) {
      if (this.#recursive.has(above)) return true;
      if (above === "/" || above === "") return false;
    }
  }

  #watch({ request, outcome }: Answered): void {
    const { error, zxid } = outcome;
    const isMissing = error === NO_NODE && request.op === "exists";
    if ("watch" in request) {
      const isOfChildren = request.op === "getChildren" || request.op === "getChildren2";
      if (!request.watch || (error !== 0 && !isMissing)) return;
      return this.#once(isOfChildren ? this.#children : this.#data, request.path);
    }
    if (error !== 0) return;
    if (request.op === "addWatch") this.#always(request.path, request.mode === 1);
    if (request.op === "removeWatches") this.#remove(request.path, request.type);
    if (request.op === "setWatches" || request.op === "setWatches2") this.#bring(request, zxid);
  }

  #once(index: Map<string, Watched>, path: string): void {
    index.set(path, { always: index.get(path)?.always ?? false, once: true });
  }

  #always(path: string, isRecursive: boolean): void {
    if (isRecursive) {
      this.#recursive.add(path);
      return;
    }
    for (const index of [this.#data, this.#children]) {
      index.set(path, { once: index.get(path)?.once ?? false, always: true });
    }
  }

  /** By ZooKeeper's Watcher.WatcherType: 1 children, 2 data, 3 any, 4 persistent, 5 recursive. */
  #remove(path: string, type: number): void {
    const drop = (index: Map<string, Watched>, field: keyof Watched): void => {
      const watched = index.get(path);
      if (watched === undefined) return;
      watched[field] = false;
      if (!watched.once && !watched.always) index.delete(path);
    };
    if (type === 1 || type === 3) drop(this.#children, "once");
    if (type === 2 || type === 3) drop(this.#data, "once");
    if (type === 3 || type === 4) {
      drop(this.#children, "always");
      drop(this.#data, "always");
    }
    if (type === 3 || type === 5) this.#recursive.delete(path);
  }

  /** Watches from another connection: what changed since the client's last zxid is told at once, instead. */
  #bring(request: SetWatchesRequest, at: Zxid): void {
    const { facts } = this.#replay;
    const since = request.relativeZxid;
    const missed = (type: number, path: string): void => {
      this.due.push({ type, path, zxid: at, isCaughtUp: true, isOpen: true });
    };
    for (const path of request.dataWatches) {
      const node = factAt(facts, path, at)?.node;
      if (node === undefined && !isOriginal(path)) missed(DELETED, path);
      else if (node !== undefined && compareZxid(node.mzxid, since) > 0) missed(DATA_CHANGED, path);
      else this.#once(this.#data, path);
    }
    for (const path of request.existWatches) {
      const isThere = factAt(facts, path, at)?.node !== undefined || isOriginal(path);
      if (isThere) missed(CREATED, path);
      else this.#once(this.#data, path);
    }
    for (const path of request.childWatches) {
      const node = factAt(facts, path, at)?.node;
      if (node === undefined && !isOriginal(path)) missed(DELETED, path);
      else if (node !== undefined && compareZxid(node.pzxid, since) > 0) missed(CHILDREN_CHANGED, path);
      else this.#once(this.#children, path);
    }
    for (const path of request.persistentWatches) this.#always(path, false);
    for (const path of request.persistentRecursiveWatches) this.#always(path, true);
  }
}

/** Znodes that are there before the first transaction: the log need not have touched them. */
function isOriginal(path: string): boolean {
  return path === "/" || path === "/zookeeper" || path === "/zookeeper/quota" || path === "/zookeeper/config";
}

function firstAfter(changes: readonly ChangeAt[], zxid: Zxid): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const change = changes[middle];
    if (change !== undefined && compareZxid(change.zxid, zxid) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
