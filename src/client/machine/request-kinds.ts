/** What requests do to the tree, and to watches. */
import type { WatchableReadRequest } from "../../base/request.ts";
import type { ClientRequest } from "../../jute/requests.ts";
import type { WatchKind } from "./watch-registry.ts";

const WRITES: ReadonlySet<ClientRequest["op"]> = new Set([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "delete",
  "setData",
  "setACL",
  "multi",
  "reconfig",
  "closeSession",
]);

/** Whether it makes a difference that the request was done. */
export function isWrite({ op }: ClientRequest): boolean {
  return WRITES.has(op);
}

const READ_WATCHES: Readonly<Record<WatchableReadRequest["op"], WatchKind>> = {
  exists: "data",
  getData: "data",
  getChildren: "child",
  getChildren2: "child",
};

/** The mode of addWatch that stands for recursive. Source: ZooKeeper AddWatchMode. */
export const ADD_WATCH_MODES = { persistent: 0, recursive: 1 } as const;

/** What a request that succeeds sets a watcher for; an exists that finds nothing sets another. */
export function watchKindOf(request: ClientRequest): WatchKind | undefined {
  if (request.op === "addWatch")
    return request.mode === ADD_WATCH_MODES.recursive ? "recursive" : "persistent";
  return isWatchable(request) ? READ_WATCHES[request.op] : undefined;
}

function isWatchable(request: ClientRequest): request is WatchableReadRequest {
  return request.op in READ_WATCHES;
}

/** Numbers of removeWatches. Source: ZooKeeper Watcher.WatcherType. */
export const WATCHER_TYPES = { children: 1, data: 2, any: 3, persistent: 4, recursive: 5 } as const;

/** What is removed under each number. */
export const KINDS_OF_TYPE: ReadonlyMap<number, readonly WatchKind[]> = new Map([
  [WATCHER_TYPES.children, ["child"]],
  [WATCHER_TYPES.data, ["data", "exist"]],
  [WATCHER_TYPES.any, ["data", "exist", "child", "persistent", "recursive"]],
  [WATCHER_TYPES.persistent, ["persistent"]],
  [WATCHER_TYPES.recursive, ["recursive"]],
]);

/** Under which number each kind is removed. */
export const TYPES_OF_KIND: Readonly<Record<WatchKind, number>> = {
  data: WATCHER_TYPES.data,
  exist: WATCHER_TYPES.data,
  child: WATCHER_TYPES.children,
  persistent: WATCHER_TYPES.persistent,
  recursive: WATCHER_TYPES.recursive,
};
