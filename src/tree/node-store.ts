/**
 * Where znodes are kept. The tree works on this small synchronous interface: a map in the simulator and in
 * tests, a bounded cache over SQLite in the object (cached-node-store.ts). One conformance suite runs against
 * both.
 *
 * A store knows no rules: parents, counts and versions are the tree's business. It keeps three views of the
 * same znodes (by path, by parent, by owning session), and these always agree.
 */
import type { Acl } from "../base/acl.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import { nameOf, parentOf } from "../base/path.ts";
import type { NodeData } from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { NodeOwner } from "../base/txn.ts";
import type { Zxid } from "../base/zxid.ts";
import { type IdleZnode, markOf, type MarkRange } from "./idle.ts";

/**
 * One znode. Never changed in place: a change puts another one. Source: ZooKeeper DataNode and StatPersisted.
 */
export interface Znode {
  readonly data: NodeData;
  readonly acl: readonly Acl[];
  readonly owner: NodeOwner;
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly pzxid: Zxid;
  /** Milliseconds of Unix time. */
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly aversion: number;
  /** Creates of children so far, an int32 that wraps: the next sequence number. */
  readonly childCreates: number;
  readonly childCount: number;
}

/**
 * The Stat that clients see. Containers and TTL znodes show no owner. Source: ZooKeeper DataNode.copyStat.
 */
export function statOf(node: Znode): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: (Math.imul(node.childCreates, 2) - node.childCount) | 0,
    aversion: node.aversion,
    ephemeralOwner: node.owner.mode === "ephemeral" ? node.owner.session : NO_SESSION,
    dataLength: node.data === null ? 0 : node.data.length,
    numChildren: node.childCount,
    pzxid: node.pzxid,
  };
}

/** How many znodes there are in a part of the tree, and how many bytes of data they hold. */
export interface Subtotal {
  readonly count: number;
  readonly bytes: number;
}

/** What reading and changing znodes takes: the store, and the overlays that lie over it. */
export interface NodeView {
  /** Who has the parent at hand may tell: where that has no children, nobody need look for this one. */
  get(path: string, parent?: Znode): Znode | undefined;
  /** Keeps the znode at the path, whose parent the store already has. */
  put(path: string, node: Znode): void;
  /** Forgets the znode, which must exist and have no children. */
  delete(path: string): void;
  /** The names of the children, sorted; empty where there are none or the znode is missing. */
  childNames(path: string): readonly string[];
  /** The paths of a session's ephemerals, sorted. */
  ephemeralsOf(session: SessionId): readonly string[];
  /** What stands at the path and below, at any depth: nothing where there is no such znode. */
  subtotal(path: string): Subtotal;
  /** These will be asked for next, in this order: a store that reads them from afar does so in one go. */
  prefetch(paths: readonly string[]): void;
}

/** All znodes of a replica. */
export interface NodeStore extends NodeView {
  /** Of the children's names, sorted, at most so many behind one: what comes before costs nothing. */
  childPage(path: string, after: string, countMax: number): readonly string[];
  /** The paths of all ephemerals, sorted: of many sessions they cost less together than by ephemeralsOf. */
  ephemerals(): readonly string[];
  /** How many znodes there are. */
  count(): number;
  /** How many znodes lie below the path, at any depth. */
  descendantCount(path: string): number;
  /**
   * The next znodes behind a path in the order of comparePlaces, from the beginning for undefined: as many as have
   * about `bytesMax` together, at least one, none at the end. Those that `unwritten` names may be left out.
   */
  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]>;
  /** The paths that have changed since the store last wrote them where its order comes from. */
  unwritten(): Iterable<string>;
  /**
   * The next znodes whose marks lie in the range, by mark and then as rows are, from the beginning for undefined: at
   * most `countMax`, none at the end. It takes no longer where there are very many others. Those that `unwritten` names
   * are left out.
   */
  idle(marks: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[];
}

/** Keeps all znodes in memory: for the simulator and tests. */
export class MapNodeStore implements NodeStore {
  readonly #nodes = new Map<string, Znode>();
  readonly #children = new Map<string, Set<string>>();
  /** Sorted names, made at the first listing after a change. */
  readonly #sortedNames = new Map<string, readonly string[]>();
  readonly #ephemerals = new PathsBySession();

  get(path: string): Znode | undefined {
    return this.#nodes.get(path);
  }

  put(path: string, node: Znode): void {
    const before = this.#nodes.get(path);
    this.#ephemerals.replace(path, before, node);
    this.#nodes.set(path, node);
    if (before !== undefined || path === "/") return;
    const parent = parentOf(path);
    const names = this.#children.get(parent);
    if (names === undefined) this.#children.set(parent, new Set([nameOf(path)]));
    else names.add(nameOf(path));
    this.#sortedNames.delete(parent);
  }

  delete(path: string): void {
    this.#ephemerals.replace(path, this.#nodes.get(path), undefined);
    this.#nodes.delete(path);
    const parent = parentOf(path);
    const names = this.#children.get(parent);
    if (names === undefined) return;
    names.delete(nameOf(path));
    this.#sortedNames.delete(parent);
    if (names.size === 0) this.#children.delete(parent);
  }

  childNames(path: string): readonly string[] {
    const known = this.#sortedNames.get(path);
    if (known !== undefined) return known;
    const sorted = [...(this.#children.get(path) ?? [])].sort(compareText);
    this.#sortedNames.set(path, sorted);
    return sorted;
  }

  childPage(path: string, after: string, countMax: number): readonly string[] {
    const names = this.childNames(path);
    const from = names.findIndex((name) => name > after);
    return from === -1 ? [] : names.slice(from, from + countMax);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    return this.#ephemerals.of(session);
  }

  ephemerals(): readonly string[] {
    return this.#ephemerals.all();
  }

  prefetch(): void {
    // All of it is near.
  }

  subtotal(path: string): Subtotal {
    let count = 0;
    let bytes = 0;
    for (const [other, { data }] of this.#nodes) {
      if (!isAtOrBelow(other, path)) continue;
      count++;
      bytes += data?.length ?? 0;
    }
    return { count, bytes };
  }

  count(): number {
    return this.#nodes.size;
  }

  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]> {
    const paths = [...this.#nodes.keys()]
      .filter((other) => path === undefined || comparePlaces(other, path) > 0)
      .sort(comparePlaces);
    const found: Array<readonly [string, Znode]> = [];
    let bytes = 0;
    for (const other of paths) {
      const node = this.#nodes.get(other);
      if (bytes >= bytesMax || node === undefined) break;
      found.push([other, node]);
      bytes += other.length + (node.data?.length ?? 0);
    }
    return found;
  }

  unwritten(): Iterable<string> {
    return [];
  }

  idle({ from, to }: MarkRange, after: IdleZnode | undefined, countMax: number): readonly IdleZnode[] {
    const found: IdleZnode[] = [];
    for (const [path, node] of this.#nodes) {
      const mark = markOf(node);
      if (mark === undefined || mark < from || mark > to) continue;
      if (after === undefined || compareIdle({ path, mark }, after) > 0) found.push({ path, mark });
    }
    return found.sort(compareIdle).slice(0, countMax);
  }

  descendantCount(path: string): number {
    const prefix = path === "/" ? "/" : `${path}/`;
    let count = 0;
    for (const other of this.#nodes.keys()) {
      if (other.startsWith(prefix) && other !== path) count++;
    }
    return count;
  }
}

/**
 * The paths of ephemerals by their sessions: the index that a store or an overlay keeps of what it holds
 * itself.
 */
export class PathsBySession {
  readonly #paths = new Map<SessionId, Set<string>>();

  /** Takes note that `after` stands where `before` stood; undefined for no znode. */
  replace(path: string, before: Znode | undefined, after: Znode | undefined): void {
    if (before?.owner.mode === "ephemeral") {
      const owned = this.#paths.get(before.owner.session);
      owned?.delete(path);
      if (owned?.size === 0) this.#paths.delete(before.owner.session);
    }
    if (after?.owner.mode === "ephemeral") {
      const owned = this.#paths.get(after.owner.session);
      if (owned === undefined) this.#paths.set(after.owner.session, new Set([path]));
      else owned.add(path);
    }
  }

  /** The session's paths, sorted. */
  of(session: SessionId): readonly string[] {
    return [...(this.#paths.get(session) ?? [])].sort(compareText);
  }

  /** The paths of all sessions, sorted. */
  all(): readonly string[] {
    return [...this.#paths.values()].flatMap((paths) => [...paths]).sort(compareText);
  }

  clear(): void {
    this.#paths.clear();
  }
}

/** Whether a path is the other, or lies below it at any depth. */
export function isAtOrBelow(path: string, top: string): boolean {
  return top === "/" || path === top || path.startsWith(`${top}/`);
}

/**
 * The one order of paths and names, by code units. Znode names hold no surrogates, so it is also the order of
 * their UTF-8 bytes, in which SQLite sorts.
 */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * The order in which znodes are kept: by parent, then by name, the root first. So all children of one znode follow each
 * other, and behind that znode: its parent's path is shorter than its own, and a prefix of it.
 */
export function comparePlaces(a: string, b: string): number {
  if (a === "/" || b === "/") return Number(b === "/") - Number(a === "/");
  return compareText(parentOf(a), parentOf(b)) || compareText(nameOf(a), nameOf(b));
}

/** The order of idle znodes: by mark, then as they are kept. */
function compareIdle(a: IdleZnode, b: IdleZnode): number {
  return a.mark - b.mark || comparePlaces(a.path, b.path);
}
