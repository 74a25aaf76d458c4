/**
 * The znodes of a replica whose tree may outgrow its memory: rows in a synchronous backend (SQLite in the
 * object), under a bounded cache of decoded znodes and an overlay of what was changed and not yet written.
 *
 * Invariants:
 * 1. What is dirty is pinned: it is forgotten only by takeDirty, whose caller writes it to the rows at once.
 * 2. A path is dirty or in the clean cache, never both.
 * 3. The clean cache holds only what the rows hold, and at most cacheBytesMax of it.
 */
import { assert } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import { nameOf, parentOf, pathProblem } from "../base/path.ts";
import type { IdleZnode, MarkRange } from "./idle.ts";
import {
  compareText,
  isAtOrBelow,
  type NodeStore,
  PathsBySession,
  type Subtotal,
  type Znode,
} from "./node-store.ts";
import { ZnodeCache } from "./znode-cache.ts";

/** The rows under the cache. Paths handed to it are always valid ones; all answers are immediate. */
export interface NodeRows {
  read(path: string): Znode | undefined;
  /** What reading each of them would give; those with much data may be left out of both. */
  readMany(paths: readonly string[]): ManyRead;
  /** The names of the children, sorted by code units (as SQLite's BINARY does for what paths may hold). */
  childNames(path: string): readonly string[];
  /** The first so many of these behind a name. */
  childPage(path: string, after: string, countMax: number): readonly string[];
  ephemeralsOf(session: SessionId): readonly string[];
  /** Those of all sessions. */
  ephemerals(): readonly string[];
  count(): number;
  /** How many znodes lie below the path, at any depth: a range of the key, not a walk. */
  descendantCount(path: string): number;
  /** The next rows in the order of the key; see NodeStore.after. */
  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]>;
  /** What the rows at the path and below it hold: a range of the key, not a walk. */
  subtotal(path: string): Subtotal;
  /** The next rows by their marks; see NodeStore.idle. */
  idle(marks: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[];
}

/** What reading several paths gave. */
export interface ManyRead {
  readonly found: ReadonlyArray<readonly [string, Znode]>;
  readonly absent: readonly string[];
}

/** What changed since the last time: every path at most once, in one of the lists. */
export interface DirtyNodes {
  /** Rows that stand, and stand in no index but the key's, neither before nor now. */
  readonly updates: ReadonlyArray<readonly [string, Znode]>;
  /** All others. */
  readonly puts: ReadonlyArray<readonly [string, Znode]>;
  readonly deletes: readonly string[];
}

/** What the rows have: none, one of a persistent znode, or one of any other, which stands in an index. */
type RowKind = "none" | "plain" | "indexed";

interface DirtyNode {
  /** undefined: deleted. */
  readonly node: Znode | undefined;
  readonly row: RowKind;
}

/** Paths remembered as absent, so that a client that asks for ever new ones fills no memory. */
const ABSENT_COUNT_MAX = 16_384;

/** From so many on it costs less to read them together. */
const PREFETCH_MIN = 4;

/** Longer paths are looked for again. */
const ABSENT_PATH_LENGTH_MAX = 256;

/** Parents whose children's names are remembered, and how many names of one: queues of locks, above all. */
const PARENTS_MAX = 1024;
const NAMES_MAX = 64;

/** A store over rows. Every method is synchronous, and the rows are read only on a miss. */
export class CachedNodeStore implements NodeStore {
  readonly #rows: NodeRows;
  readonly #clean: ZnodeCache;
  /** Looked for and not found since the last write: paths that neither the rows have nor is dirty. */
  readonly #absent = new Set<string>();
  /** Per parent, the names of the children that the rows have: the rows change only by what takeDirty gives. */
  readonly #storedNames = new Map<string, readonly string[]>();
  readonly #dirty = new Map<string, DirtyNode>();
  #dirtyBytes = 0;
  /** Per parent, the dirty children: true for one that was put, false for one that was deleted. */
  readonly #dirtyChildren = new Map<string, Map<string, boolean>>();
  readonly #dirtyEphemerals = new PathsBySession();
  /** How many more znodes there are than rows. */
  #countAhead = 0;

  /**
   * `cacheBytesMax` bounds the estimated memory of clean znodes; what is dirty comes on top until it is
   * taken.
   */
  constructor(rows: NodeRows, cacheBytesMax: number) {
    this.#rows = rows;
    this.#clean = new ZnodeCache(cacheBytesMax, bytesOf);
  }

  /** The estimated memory of what takeDirty would give: the shell writes before it grows past its bound. */
  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** How many znodes takeDirty would give. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** The estimated memory of the clean cache, at most the bound given. */
  get cachedBytes(): number {
    return this.#clean.bytes;
  }

  get(path: string, parent?: Znode): Znode | undefined {
    const dirty = this.#dirty.get(path);
    if (dirty !== undefined) return dirty.node;
    const clean = this.#clean.get(path);
    if (clean !== undefined) return clean;
    if (this.#absent.has(path)) return undefined;
    // Rows are found by (parent, name), in which "//a" and "a" would pass for "/a".
    if (pathProblem(path) !== undefined || this.#isKnownAbsent(path)) return undefined;
    const read = parent?.childCount === 0 ? undefined : this.#rows.read(path);
    if (read !== undefined) this.#clean.set(path, read);
    else this.#noteAbsent(path);
    return read;
  }

  prefetch(paths: readonly string[]): void {
    const unknown = paths.filter((path) => !this.#isKnown(path));
    // Fewer are read one by one, by whoever asks for them.
    if (unknown.length < PREFETCH_MIN) return;
    const { found, absent } = this.#rows.readMany(unknown.filter((path) => pathProblem(path) === undefined));
    for (const [path, node] of found) this.#clean.set(path, node);
    for (const path of absent) this.#noteAbsent(path);
  }

  put(path: string, node: Znode): void {
    const before = this.#dirty.get(path);
    const row = before?.row ?? this.#takeRow(path);
    this.#absent.delete(path);
    if (before === undefined ? row === "none" : before.node === undefined) this.#countAhead++;
    this.#setDirty(path, { node, row });
  }

  delete(path: string): void {
    const before = this.#dirty.get(path);
    const row = before?.row ?? this.#takeRow(path);
    assert(before === undefined ? row !== "none" : before.node !== undefined, `no znode at ${path}`);
    this.#countAhead--;
    if (row === "none") this.#dropDirty(path);
    else this.#setDirty(path, { node: undefined, row });
  }

  childNames(path: string): readonly string[] {
    const stored = this.#storedChildNames(path);
    const changed = this.#dirtyChildren.get(path);
    if (changed === undefined) return stored;
    const names = stored.filter((name) => !changed.has(name));
    for (const [name, present] of changed) if (present) names.push(name);
    return names.sort(compareText);
  }

  childPage(path: string, after: string, countMax: number): readonly string[] {
    const changed = this.#dirtyChildren.get(path);
    // As many more as may have gone since they were written.
    const stored = this.#rows.childPage(path, after, countMax + (changed?.size ?? 0));
    if (changed === undefined) return stored;
    const names = stored.filter((name) => !changed.has(name));
    for (const [name, present] of changed) if (present && name > after) names.push(name);
    return names.sort(compareText).slice(0, countMax);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    const stored = this.#rows.ephemeralsOf(session).filter((path) => !this.#dirty.has(path));
    return [...stored, ...this.#dirtyEphemerals.of(session)].sort(compareText);
  }

  ephemerals(): readonly string[] {
    const stored = this.#rows.ephemerals().filter((path) => !this.#dirty.has(path));
    return [...stored, ...this.#dirtyEphemerals.all()].sort(compareText);
  }

  count(): number {
    return this.#rows.count() + this.#countAhead;
  }

  descendantCount(path: string): number {
    const prefix = path === "/" ? "/" : `${path}/`;
    let count = this.#rows.descendantCount(path);
    for (const [other, { node, row }] of this.#dirty) {
      if (other === path || !other.startsWith(prefix)) continue;
      if (node !== undefined && row === "none") count++;
      if (node === undefined && row !== "none") count--;
    }
    return count;
  }

  subtotal(path: string): Subtotal {
    let { count, bytes } = this.#rows.subtotal(path);
    for (const [other, { node, row }] of this.#dirty) {
      if (!isAtOrBelow(other, path)) continue;
      const written = row === "none" ? undefined : this.#rows.read(other);
      count += (node === undefined ? 0 : 1) - (written === undefined ? 0 : 1);
      bytes += (node?.data?.length ?? 0) - (written?.data?.length ?? 0);
    }
    return { count, bytes };
  }

  /** Past the cache, in which one walk over everything would leave nothing that is in use. */
  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]> {
    for (let from = path; ;) {
      const stored = this.#rows.after(from, bytesMax);
      const last = stored.at(-1);
      if (last === undefined) return [];
      const found: Array<readonly [string, Znode]> = [];
      for (const [other, node] of stored) {
        const dirty = this.#dirty.get(other);
        if (dirty === undefined) found.push([other, node]);
        else if (dirty.node !== undefined) found.push([other, dirty.node]);
      }
      if (found.length > 0) return found;
      from = last[0];
    }
  }

  unwritten(): Iterable<string> {
    return this.#dirty.keys();
  }

  idle(marks: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[] {
    for (let from = after; ;) {
      const stored = this.#rows.idle(marks, from, countMax);
      const found = stored.filter(({ path }) => !this.#dirty.has(path));
      if (found.length > 0 || stored.length === 0) return found;
      from = stored.at(-1);
    }
  }

  /**
   * What to write: the caller has it in the rows before it uses this store again, or stops the replica.
   * Afterwards nothing is dirty, and what was put stays cached as far as the bound allows.
   */
  takeDirty(): DirtyNodes {
    const updates: Array<readonly [string, Znode]> = [];
    const puts: Array<readonly [string, Znode]> = [];
    const deletes: string[] = [];
    for (const [path, { node, row }] of this.#dirty) {
      if (node === undefined) deletes.push(path);
      else if (row === "plain" && isPlain(node)) updates.push([path, node]);
      else puts.push([path, node]);
    }
    this.#absent.clear();
    for (const parent of this.#dirtyChildren.keys()) this.#storedNames.delete(parent);
    this.#dirty.clear();
    this.#dirtyBytes = 0;
    this.#dirtyChildren.clear();
    this.#dirtyEphemerals.clear();
    this.#countAhead = 0;
    for (const written of [updates, puts]) for (const [path, node] of written) this.#clean.set(path, node);
    return { updates, puts, deletes };
  }

  /** What the rows have of a znode that is not dirty and is about to be: it leaves the clean cache. */
  #takeRow(path: string): RowKind {
    const clean = this.#clean.delete(path);
    if (clean !== undefined) return isPlain(clean) ? "plain" : "indexed";
    if (this.#absent.has(path) || this.#isKnownAbsent(path)) return "none";
    const read = this.#rows.read(path);
    if (read === undefined) return "none";
    return isPlain(read) ? "plain" : "indexed";
  }

  #isKnown(path: string): boolean {
    return this.#dirty.has(path) || this.#clean.has(path) || this.#absent.has(path);
  }

  /** Few are remembered, and no long lists. */
  #storedChildNames(path: string): readonly string[] {
    const known = this.#storedNames.get(path);
    if (known !== undefined) return known;
    const names = this.#rows.childNames(path);
    if (names.length > NAMES_MAX) return names;
    const [oldest] = this.#storedNames.size < PARENTS_MAX ? [] : this.#storedNames.keys();
    if (oldest !== undefined) this.#storedNames.delete(oldest);
    this.#storedNames.set(path, names);
    return names;
  }

  /** Whether the rows have it not, as far as that can be told without looking. */
  #isKnownAbsent(path: string): boolean {
    if (path === "/") return false;
    return this.#storedNames.get(parentOf(path))?.includes(nameOf(path)) === false;
  }

  /** A create looks three times for what is not there: when it is prepared, when it is applied, when it is put. */
  #noteAbsent(path: string): void {
    if (path.length > ABSENT_PATH_LENGTH_MAX) return;
    if (this.#absent.size >= ABSENT_COUNT_MAX) this.#absent.clear();
    this.#absent.add(path);
  }

  #setDirty(path: string, entry: DirtyNode): void {
    const before = this.#dirty.get(path);
    this.#dirtyEphemerals.replace(path, before?.node, entry.node);
    this.#dirtyBytes += bytesMore(path, before, entry);
    this.#dirty.set(path, entry);
    // It is among its parent's dirty children already.
    const isKnown = before !== undefined && (before.node === undefined) === (entry.node === undefined);
    if (isKnown || path === "/") return;
    const parent = parentOf(path);
    const children = this.#dirtyChildren.get(parent);
    const present = entry.node !== undefined;
    if (children === undefined) {
      this.#dirtyChildren.set(parent, new Map([[nameOf(path), present]]));
    } else children.set(nameOf(path), present);
  }

  #dropDirty(path: string): void {
    const before = this.#dirty.get(path);
    if (before === undefined) return;
    this.#dirtyEphemerals.replace(path, before.node, undefined);
    this.#dirtyBytes -= bytesOf(path, before.node);
    this.#dirty.delete(path);
    const parent = parentOf(path);
    const children = this.#dirtyChildren.get(parent);
    children?.delete(nameOf(path));
    if (children?.size === 0) this.#dirtyChildren.delete(parent);
  }
}

/** Whether it stands in none of the indexes that find znodes which end by themselves. */
function isPlain({ owner }: Znode): boolean {
  return owner.mode === "persistent";
}

/** Objects, zxids and map entries of one znode, roughly, as measured on V8. */
const NODE_OVERHEAD_BYTES = 512;

function bytesOf(path: string, node: Znode | undefined): number {
  let bytes = NODE_OVERHEAD_BYTES + 2 * path.length + (node?.data?.length ?? 0);
  for (const acl of node?.acl ?? []) bytes += 64 + acl.scheme.length + acl.id.length;
  return bytes;
}

/** By how much `after` takes more than what stood there; mostly it is the data alone that differs. */
function bytesMore(path: string, before: DirtyNode | undefined, after: DirtyNode): number {
  if (before === undefined) return bytesOf(path, after.node);
  if (before.node === undefined || after.node?.acl !== before.node.acl) {
    return bytesOf(path, after.node) - bytesOf(path, before.node);
  }
  return (after.node.data?.length ?? 0) - (before.node.data?.length ?? 0);
}
