/** Which changes one who watches is told of. Source: ZooKeeper AddWatchMode, WatchManager, DataTree (3.9). */
import type { Acl } from "../base/acl.ts";
import { parentOf } from "../base/path.ts";
import type { TreeEvent } from "./transition.ts";

/** What of a znode is watched. */
export type WatchedPart =
  /** The znode itself: created, set, deleted. */
  | "data"
  /** Its list of children, and whether it is there at all. */
  | "children"
  /** Both: ZooKeeper's persistent watch. */
  | "node"
  /** The znode and all below, each by its own event: ZooKeeper's persistent recursive watch. */
  | "recursive";

/** What is watched. */
export interface Watched {
  readonly path: string;
  readonly part: WatchedPart;
}

/** What is told of a change, to those alone to whom `acl` gives READ. */
export interface ToldEvent {
  readonly kind: TreeEvent["kind"] | "childrenChanged";
  readonly path: string;
  readonly acl: readonly Acl[];
}

/** What the event is to one who watches this; undefined where it is nothing. */
export function toldOf({ path, part }: Watched, event: TreeEvent): ToldEvent | undefined {
  const { kind, acl } = event;
  if (part === "recursive")
    return isAtOrBelow(event.path, path) ? { kind, path: event.path, acl } : undefined;
  if (event.path === path) {
    const isOfList = part === "children" && kind === "dataChanged";
    return isOfList ? undefined : { kind, path, acl };
  }
  if (kind === "dataChanged" || part === "data" || parentOf(event.path) !== path) return undefined;
  return { kind: "childrenChanged", path, acl: event.parentAcl };
}

function isAtOrBelow(path: string, top: string): boolean {
  return top === "/" || path === top || (path.startsWith(top) && path[top.length] === "/");
}
