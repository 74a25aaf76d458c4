/**
 * The watches of a session, as its client knows them: what a replica's event is for, and what a new connection must be
 * told so that nothing is missed. Sources: ZooKeeper ZKWatchManager.materialize, ClientCnxn.primeConnection.
 *
 * A replica that is told of persistent watches again says nothing of what happened meanwhile. So a persistent watch is
 * told as a data, exist and child watch as well, which do: which of them depends on whether the znode was there, which
 * is known from the events since, and from what `knows` was told first. Below a recursive watch nothing is known:
 * who has it is told to look again ("resync").
 */
import type { SetWatchesRequest } from "../../base/request.ts";
import { parentOf } from "../../base/path.ts";
import type { Zxid } from "../../base/zxid.ts";
import type { Fired, FiredType } from "./effects.ts";
import { SET_WATCHES_BYTES_MAX } from "./limits.ts";

/** What a watch waits for: the first three fire once. */
export type WatchKind = "data" | "exist" | "child" | "persistent" | "recursive";

/** Where a watcher is set. */
export interface WatchPlace {
  readonly kind: WatchKind;
  readonly path: string;
}

const KINDS: readonly WatchKind[] = ["data", "exist", "child", "persistent", "recursive"];

/** Which watches at a path an event is for; those of a recursive watch above it come on top. */
const FIRES: Readonly<Record<FiredType, readonly WatchKind[]>> = {
  created: ["data", "exist", "persistent"],
  dataChanged: ["data", "exist", "persistent"],
  deleted: ["data", "exist", "child", "persistent"],
  childrenChanged: ["child", "persistent"],
  removed: [],
  resync: ["persistent"],
  ended: [],
};

/** A length stands before each path. */
const PATH_OVERHEAD_BYTES = 4;

/** Watchers are numbers of the owner's; one number stands at one place. */
export class WatchRegistry {
  readonly #byKind: Readonly<Record<WatchKind, Map<string, Set<number>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  readonly #places = new Map<number, WatchPlace>();
  /** Whether the znode of a persistent watch is there, as far as that is known. */
  readonly #isThere = new Map<string, boolean>();

  /** Sets a watcher. */
  add(watcher: number, { kind, path }: WatchPlace): void {
    const watchers = this.#byKind[kind].get(path) ?? new Set();
    watchers.add(watcher);
    this.#byKind[kind].set(path, watchers);
    this.#places.set(watcher, { kind, path });
  }

  /** What was read about a znode; kept where a persistent watch is set. */
  knows(path: string, isThere: boolean): void {
    if (this.#byKind.persistent.has(path)) this.#isThere.set(path, isThere);
  }

  /** Takes a watcher away; its place, where it was the last one there. */
  remove(watcher: number): WatchPlace | undefined {
    const place = this.#places.get(watcher);
    if (place === undefined) return undefined;
    this.#places.delete(watcher);
    const watchers = this.#byKind[place.kind].get(place.path);
    watchers?.delete(watcher);
    if (watchers?.size !== 0) return undefined;
    this.#byKind[place.kind].delete(place.path);
    if (place.kind === "persistent") this.#isThere.delete(place.path);
    return place;
  }

  /** Takes away all watchers of these kinds at a path. */
  removeAll(path: string, kinds: readonly WatchKind[]): readonly number[] {
    const removed = kinds.flatMap((kind) => [...(this.#byKind[kind].get(path) ?? [])]);
    for (const watcher of removed) this.remove(watcher);
    return removed;
  }

  /** Takes away every watcher. */
  drain(): readonly number[] {
    const all = [...this.#places.keys()];
    for (const kind of KINDS) this.#byKind[kind].clear();
    this.#places.clear();
    this.#isThere.clear();
    return all;
  }

  /** The watchers that an event is for; those that fire once are set no more. */
  fired({ type, path }: Pick<Fired, "type" | "path">): readonly number[] {
    const isRepeated = type === "deleted" && this.#isThere.get(path) === false;
    if (type === "created" || type === "dataChanged") this.knows(path, true);
    if (type === "deleted") this.knows(path, false);
    const watchers: number[] = [];
    for (const kind of FIRES[type]) {
      const here = this.#byKind[kind].get(path);
      if (here === undefined) continue;
      if (kind === "persistent") {
        if (!isRepeated) watchers.push(...here);
        continue;
      }
      watchers.push(...here);
      for (const watcher of here) this.#places.delete(watcher);
      this.#byKind[kind].delete(path);
    }
    if (type !== "childrenChanged" && type !== "resync") watchers.push(...this.#recursiveAbove(path));
    return watchers;
  }

  /** Where watchers must be told that they may have missed something, once the watches are set again. */
  unsure(): readonly WatchPlace[] {
    const places: WatchPlace[] = [];
    for (const path of this.#byKind.recursive.keys()) places.push({ kind: "recursive", path });
    for (const path of this.#byKind.persistent.keys()) {
      if (!this.#isThere.has(path)) places.push({ kind: "persistent", path });
    }
    return places;
  }

  /** The watchers at a place. */
  at({ kind, path }: WatchPlace): readonly number[] {
    return [...(this.#byKind[kind].get(path) ?? [])];
  }

  /** What a new connection is told, in parts of bounded size; `relativeZxid` is what the client knows everything of. */
  setWatches(relativeZxid: Zxid): readonly SetWatchesRequest[] {
    const parts = new SetWatchesParts(relativeZxid);
    for (const path of this.#byKind.data.keys()) parts.add("dataWatches", path);
    for (const path of this.#byKind.exist.keys()) parts.add("existWatches", path);
    for (const path of this.#byKind.child.keys()) parts.add("childWatches", path);
    for (const path of this.#byKind.persistent.keys()) {
      const isThere = this.#isThere.get(path);
      if (isThere === true) {
        if (!this.#byKind.data.has(path)) parts.add("dataWatches", path);
        if (!this.#byKind.child.has(path)) parts.add("childWatches", path);
      }
      if (isThere === false && !this.#byKind.exist.has(path)) parts.add("existWatches", path);
      parts.add("persistentWatches", path);
    }
    for (const path of this.#byKind.recursive.keys()) parts.add("persistentRecursiveWatches", path);
    return parts.finish();
  }

  #recursiveAbove(path: string): number[] {
    const watchers: number[] = [];
    if (this.#byKind.recursive.size === 0) return watchers;
    for (let above = path; ; above = parentOf(above)) {
      watchers.push(...(this.#byKind.recursive.get(above) ?? []));
      if (above === "/") return watchers;
    }
  }
}

type Lists = Exclude<keyof SetWatchesRequest, "op" | "relativeZxid">;

/** Cuts lists of paths into requests. */
class SetWatchesParts {
  readonly #relativeZxid: Zxid;
  readonly #parts: SetWatchesRequest[] = [];
  #lists: Record<Lists, string[]> = emptyLists();
  #bytes = 0;

  constructor(relativeZxid: Zxid) {
    this.#relativeZxid = relativeZxid;
  }

  add(list: Lists, path: string): void {
    // A character of UTF-16 takes three bytes at most.
    const bytes = path.length * 3 + PATH_OVERHEAD_BYTES;
    if (this.#bytes > 0 && this.#bytes + bytes > SET_WATCHES_BYTES_MAX) this.#cut();
    this.#lists[list].push(path);
    this.#bytes += bytes;
  }

  finish(): readonly SetWatchesRequest[] {
    if (this.#bytes > 0) this.#cut();
    return this.#parts;
  }

  #cut(): void {
    this.#parts.push({ op: "setWatches2", relativeZxid: this.#relativeZxid, ...this.#lists });
    this.#lists = emptyLists();
    this.#bytes = 0;
  }
}

function emptyLists(): Record<Lists, string[]> {
  return {
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };
}
