/**
 * Who watches which path, in one of the two roles (a znode itself, or its children). One-shot, persistent and
 * persistent recursive watches of one watcher on one path stand beside each other.
 * Source: ZooKeeper WatchManager and WatchStats (3.9).
 */
import { parentOf } from "../base/path.ts";

/** The number of the connection that watches. */
export type Watcher = number;

/**
 * How a watch lives: a one-shot ends when it fires; a recursive one also fires for everything below its path.
 */
export type WatchMode = "oneShot" | "persistent" | "recursive";

const MODE_BITS: Readonly<Record<WatchMode, number>> = { oneShot: 1, persistent: 2, recursive: 4 };

/** Both ways from watchers to paths, always in agreement. */
export class WatchIndex {
  /** Per path, each watcher's modes as a sum of MODE_BITS, never 0. */
  readonly #byPath = new Map<string, Map<Watcher, number>>();
  readonly #byWatcher = new Map<Watcher, Set<string>>();
  #recursiveCount = 0;
  #total = 0;

  /** Pairs of a watcher and a path: what ZooKeeper counts as watches. */
  get total(): number {
    return this.#total;
  }

  get pathCount(): number {
    return this.#byPath.size;
  }

  get watcherCount(): number {
    return this.#byWatcher.size;
  }

  /** Every path with its watchers. */
  *paths(): Iterable<readonly [string, Iterable<Watcher>]> {
    for (const [path, watchers] of this.#byPath) yield [path, watchers.keys()];
  }

  /** Every watcher with its paths. */
  watchers(): Iterable<readonly [Watcher, Iterable<string>]> {
    return this.#byWatcher.entries();
  }

  add(path: string, watcher: Watcher, mode: WatchMode): void {
    this.#set(path, watcher, this.#bits(path, watcher) | MODE_BITS[mode]);
  }

  /** Whether there is such a watch; of any mode where none is given. */
  has(path: string, watcher: Watcher, mode?: WatchMode): boolean {
    const bits = this.#bits(path, watcher);
    return mode === undefined ? bits !== 0 : (bits & MODE_BITS[mode]) !== 0;
  }

  /** Removes the watch, all modes where none is given; false where there was none. */
  remove(path: string, watcher: Watcher, mode?: WatchMode): boolean {
    if (!this.has(path, watcher, mode)) return false;
    const left = mode === undefined ? 0 : this.#bits(path, watcher) & ~MODE_BITS[mode];
    this.#set(path, watcher, left);
    return true;
  }

  removeWatcher(watcher: Watcher): void {
    // Copied: each removal changes the set that is walked.
    const paths = Array.from(this.#byWatcher.get(watcher) ?? []);
    for (const path of paths) this.#set(path, watcher, 0);
  }

  /** The watchers of an event at the path, each once; one-shot watches on the path itself end here. */
  trigger(path: string): ReadonlySet<Watcher> {
    const triggered = new Set<Watcher>();
    const watchers = Array.from(this.#byPath.get(path) ?? []);
    for (const [watcher, bits] of watchers) {
      triggered.add(watcher);
      this.#set(path, watcher, bits & ~MODE_BITS.oneShot);
    }
    if (this.#recursiveCount === 0) return triggered;
    for (let above = path; above !== "/";) {
      above = parentOf(above);
      for (const [watcher, bits] of this.#byPath.get(above) ?? []) {
        if ((bits & MODE_BITS.recursive) !== 0) triggered.add(watcher);
      }
    }
    return triggered;
  }

  #bits(path: string, watcher: Watcher): number {
    return this.#byPath.get(path)?.get(watcher) ?? 0;
  }

  #set(path: string, watcher: Watcher, bits: number): void {
    const before = this.#bits(path, watcher);
    if (before === bits) return;
    this.#recursiveCount += (bits >> 2) - (before >> 2);
    this.#total += Math.sign(bits) - Math.sign(before);
    if (bits === 0) this.#unlink(path, watcher);
    else this.#link(path, watcher, bits);
  }

  #link(path: string, watcher: Watcher, bits: number): void {
    const watchers = this.#byPath.get(path);
    if (watchers === undefined) this.#byPath.set(path, new Map([[watcher, bits]]));
    else watchers.set(watcher, bits);
    const paths = this.#byWatcher.get(watcher);
    if (paths === undefined) this.#byWatcher.set(watcher, new Set([path]));
    else paths.add(path);
  }

  #unlink(path: string, watcher: Watcher): void {
    const watchers = this.#byPath.get(path);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byPath.delete(path);
    const paths = this.#byWatcher.get(watcher);
    paths?.delete(path);
    if (paths?.size === 0) this.#byWatcher.delete(watcher);
  }
}
