/**
 * TreeCache: Curator's and kazoo's older name for a subtree that is kept at hand, with their ways to look into it.
 *
 * What can go wrong: what can with a CuratorCache, which it is, and the same happens.
 *
 * Znodes: any. Source: Curator TreeCache (deprecated there), kazoo recipe/cache.py.
 */
import { nameOf, parentOf } from "../base/path.ts";
import { CuratorCache } from "./curator-cache.ts";
import type { MirrorEntry } from "./subtree-mirror.ts";

/** See the file's comment. */
export class TreeCache extends CuratorCache {
  /** What is at the path; undefined where nothing is. */
  getData(path: string): MirrorEntry | undefined {
    return this.get(path);
  }

  /** The names of the children, in order; undefined where the znode itself is not there. */
  getChildren(path: string): readonly string[] | undefined {
    if (this.get(path) === undefined) return undefined;
    const below = this.entries().filter((entry) => entry.path !== path && parentOf(entry.path) === path);
    return below.map((entry) => nameOf(entry.path));
  }
}
