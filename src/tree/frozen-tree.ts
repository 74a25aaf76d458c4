/**
 * A whole tree as it was at one moment, to be read in parts while the tree goes on changing: what changes is remembered
 * as it was. So whoever reads it sees no mixture of moments, as he does of ZooKeeper's snapshots, which history has to
 * repair. It may be walked more than once; what the last walk has passed is let go.
 *
 * Invariant: what stood at a path is what is remembered of it; where nothing is remembered, what the store has.
 */
import { assert } from "../base/assert.ts";
import type { Zxid } from "../base/zxid.ts";
import { comparePlaces, type Znode } from "./node-store.ts";
import type { SessionRecord } from "./session-table.ts";
import type { ChangeListener, TreeState } from "./tree-state.ts";

/**
 * What changes meanwhile is held in memory, up to this much: an isolate has 128 MB. A slow reader of a tree that is
 * written fast comes to nothing.
 */
const FROZEN_BYTES_MAX = 16 * 1024 * 1024;

/** What one remembered znode costs besides path and data. */
const REMEMBERED_BYTES = 512;

/** A znode with its path. */
export type Placed = readonly [path: string, node: Znode];

/** See the file's comment. */
export class FrozenTree implements ChangeListener {
  /** The zxid of the moment. */
  readonly last: Zxid;
  readonly sessions: readonly SessionRecord[];
  readonly #state: TreeState;
  readonly #bytesMax: number;
  /** What stood where something has changed since; undefined for nothing. */
  readonly #before = new Map<string, Znode | undefined>();
  /** Of those, where something stood: in order, and those that are still to be put in order. */
  #ordered: string[] = [];
  #added: string[] = [];
  #bytes = 0;
  #isOverrun = false;
  /** What comes before is not asked for again. */
  #released: string | undefined;

  /** Of this moment; end it with `close`, or it listens for ever. */
  constructor(state: TreeState, last: Zxid, bytesMax: number = FROZEN_BYTES_MAX) {
    this.#state = state;
    this.#bytesMax = bytesMax;
    this.last = last;
    this.sessions = [...state.sessions.values()];
    // The store's order may or may not show these.
    for (const path of state.store.unwritten()) this.#remember(path, state.store.get(path));
    state.listen(this);
  }

  changedZnode(path: string, before: Znode | undefined): void {
    if (this.#isOverrun || this.#before.has(path)) return;
    if (this.#released !== undefined && comparePlaces(path, this.#released) <= 0) return;
    this.#remember(path, before);
    if (this.#bytes <= this.#bytesMax) return;
    this.#isOverrun = true;
    this.close();
  }

  changedSession(): void {
    // They were copied, as they are few.
  }

  /** What stood at the path; nothing of it must have been let go by a last walk. */
  get(path: string): Znode | undefined {
    assert(this.#released === undefined && !this.#isOverrun, "what is let go is not known");
    return this.#before.has(path) ? this.#before.get(path) : this.#state.store.get(path);
  }

  /** Whether so much has changed that what it was is not known any more: whoever reads it must give up. */
  get isOverrun(): boolean {
    return this.#isOverrun;
  }

  /** Listens no more, and lets go of what it remembers. */
  close(): void {
    this.#state.unlisten(this);
    this.#before.clear();
    this.#ordered = [];
    this.#added = [];
  }

  /** A walk over all znodes, in the order of comparePlaces: parents before children. */
  walk(isLast: boolean): FrozenWalk {
    let at: string | undefined;
    return {
      next: (bytesMax) => {
        const part = this.#after(at, bytesMax);
        at = part.at(-1)?.[0];
        if (isLast && at !== undefined) this.#release(at);
        return part;
      },
    };
  }

  #remember(path: string, before: Znode | undefined): void {
    this.#before.set(path, before);
    this.#bytes += REMEMBERED_BYTES + bytesOf(path, before);
    if (before !== undefined) this.#added.push(path);
  }

  #after(from: string | undefined, bytesMax: number): readonly Placed[] {
    for (let at = from; ;) {
      const stored = this.#state.store.after(at, bytesMax);
      const end = stored.at(-1)?.[0];
      const part = stored.filter(([path]) => !this.#before.has(path));
      part.push(...this.#rememberedBetween(at, end));
      part.sort(([a], [b]) => comparePlaces(a, b));
      if (part.length > 0 || end === undefined) return cut(part, bytesMax);
      at = end;
    }
  }

  /** What is remembered behind one path and up to another; from the beginning and to the end where there is none. */
  #rememberedBetween(from: string | undefined, to: string | undefined): readonly Placed[] {
    this.#putInOrder();
    const start = from === undefined ? 0 : firstBehind(this.#ordered, from);
    const end = to === undefined ? this.#ordered.length : firstBehind(this.#ordered, to);
    return this.#ordered.slice(start, end).flatMap((path) => {
      const node = this.#before.get(path);
      return node === undefined ? [] : [[path, node] as const];
    });
  }

  #putInOrder(): void {
    if (this.#added.length === 0) return;
    const added = this.#added.sort(comparePlaces);
    this.#added = [];
    const merged: string[] = [];
    let at = 0;
    for (const path of this.#ordered) {
      for (let next = added[at]; next !== undefined && comparePlaces(next, path) < 0; next = added[++at])
        merged.push(next);
      merged.push(path);
    }
    this.#ordered = [...merged, ...added.slice(at)];
  }

  #release(upTo: string): void {
    this.#released = upTo;
    this.#putInOrder();
    const gone = this.#ordered.splice(0, firstBehind(this.#ordered, upTo));
    for (const path of gone) {
      this.#bytes -= REMEMBERED_BYTES + bytesOf(path, this.#before.get(path));
      this.#before.delete(path);
    }
  }
}

/** One reading of a frozen tree. */
export interface FrozenWalk {
  /** The next znodes: about `bytesMax`, at least one, none at the end. */
  next(bytesMax: number): readonly Placed[];
}

function bytesOf(path: string, node: Znode | undefined): number {
  return path.length + (node?.data?.length ?? 0);
}

/** As many from the front as have about so many bytes, at least one. */
function cut(part: readonly Placed[], bytesMax: number): readonly Placed[] {
  let count = 0;
  for (let bytes = 0; count < part.length && bytes < bytesMax; count++) {
    const [path, node] = part[count] ?? ["", undefined];
    bytes += bytesOf(path, node);
  }
  return part.slice(0, Math.max(1, count));
}

/** The index of the first path behind this one. */
function firstBehind(paths: readonly string[], path: string): number {
  let low = 0;
  let high = paths.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePlaces(paths[middle] ?? "", path) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
