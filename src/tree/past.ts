/**
 * What znodes were at moments that are over, from the present tree and the history of transactions, read backwards. The
 * tree keeps no old values: what a write replaced is in the history only where the write before it is there still. So
 * the past of a znode has two parts:
 *
 * 1. What is later than the moment is undone. That a znode was created or deleted is undone exactly; of one whose data
 *    were set it is then not known what they were.
 * 2. What is not known is looked for in what is before the moment: the latest write there says it.
 *
 * Invariant: what is told of a moment is what stood there; what history does not tell is undefined, and never guessed.
 */
import type { Acl } from "../base/acl.ts";
import { assertNever, must } from "../base/assert.ts";
import { nameOf, parentOf } from "../base/path.ts";
import type { NodeData } from "../base/request.ts";
import type { NodeOwner, OperationTxn, Txn } from "../base/txn.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Znode } from "./node-store.ts";
import { CONFIG_PATH } from "./reserved.ts";
import { type EventNote, eventsOf } from "./told-events.ts";

/** What a transaction did to one znode, and whom the list of that let read it then. */
export type Change =
  | {
      readonly kind: "created";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly data: NodeData;
      readonly owner: NodeOwner;
      readonly parentCreates: number;
    }
  | { readonly kind: "deleted"; readonly path: string; readonly acl: readonly Acl[] }
  | {
      readonly kind: "set";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly data: NodeData;
      readonly version: number;
    }
  | {
      readonly kind: "restricted";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly aversion: number;
    };

/** A transaction of the history. */
export interface PastTxn {
  readonly zxid: Zxid;
  /** Unix milliseconds by its leader's clock. */
  readonly timeMs: number;
  readonly changes: readonly Change[];
}

/** What a transaction did to znodes, in order; `note` is what is kept of its events beside the history. */
export function changesOf(txn: Txn, note: EventNote | undefined): readonly Change[] {
  if (txn.kind === "setAcl") {
    const { path, acl, aversion } = txn;
    return [{ kind: "restricted", path, acl, aversion }];
  }
  const events = eventsOf(txn, note);
  if (txn.kind === "closeSession") {
    return events.map(({ path, acl }) => ({ kind: "deleted", path, acl }) as const);
  }
  const changes: Change[] = [];
  for (const operation of operationsOf(txn)) {
    if (operation.kind === "check" || operation.kind === "error") continue;
    const { acl } = must(events[changes.length], "an event for each change");
    changes.push(changeOf(operation, acl));
  }
  return changes;
}

function operationsOf(txn: Txn): readonly OperationTxn[] {
  switch (txn.kind) {
    case "multi":
    case "sessionMulti":
      return txn.operations;
    case "create":
    case "delete":
    case "setData":
    case "check":
    case "error":
      return [txn];
    case "config":
      return [{ kind: "setData", path: CONFIG_PATH, data: txn.data, version: -1 }];
    case "setAcl":
    case "createSession":
    case "closeSession":
    case "settled":
    case "dormant":
    case "restore":
    case "barrier":
      return [];
    default:
      return assertNever(txn);
  }
}

function changeOf(
  operation: Exclude<OperationTxn, { readonly kind: "check" | "error" }>,
  acl: readonly Acl[],
): Change {
  const { path } = operation;
  switch (operation.kind) {
    case "create": {
      const { data, owner, parentCreates } = operation;
      return { kind: "created", path, acl, data, owner, parentCreates };
    }
    case "delete":
      return { kind: "deleted", path, acl };
    case "setData":
      return { kind: "set", path, acl, data: operation.data, version: operation.version };
    default:
      return assertNever(operation);
  }
}

/** Data, and the write that set them. */
export interface PastValue {
  readonly data: NodeData;
  readonly version: number;
  readonly mzxid: Zxid;
  readonly mtime: number;
}

/** How a znode came about. */
export interface PastBirth {
  readonly czxid: Zxid;
  readonly ctime: number;
  readonly owner: NodeOwner;
}

/** A znode at a moment; undefined for what is not known of it. */
export interface PastZnode {
  readonly value: PastValue | undefined;
  readonly birth: PastBirth | undefined;
  /** Whom it let read: lists that let everybody read may stand for each other. */
  readonly acl: readonly Acl[] | undefined;
  readonly aversion: number | undefined;
  readonly childCreates: number | undefined;
  readonly childCount: number;
  readonly pzxid: Zxid | undefined;
}

/** What is known so far of one path at one moment. Changed in place, as history is read. */
interface Remains extends Partial<{ -readonly [Field in keyof PastZnode]: PastZnode[Field] }> {
  exists: boolean;
  childCount: number;
  /** From this change on it is known what stood there. */
  lostAt: Zxid;
}

function remainsOf(node: Znode | undefined): Remains {
  if (node === undefined) return { exists: false, childCount: 0, lostAt: ZXID_ZERO };
  const { data, version, mzxid, mtime, czxid, ctime, owner, acl } = node;
  const { aversion, childCreates, childCount, pzxid } = node;
  return {
    exists: true,
    value: { data, version, mzxid, mtime },
    birth: { czxid, ctime, owner },
    acl,
    aversion,
    childCreates,
    childCount,
    pzxid,
    lostAt: ZXID_ZERO,
  };
}

/** The change is later than the moment: it has not happened yet. */
function undo(remains: Remains, zxid: Zxid, change: Change): void {
  switch (change.kind) {
    case "created":
      Object.assign(remains, remainsOf(undefined));
      return;
    case "deleted":
      Object.assign(remains, { exists: true, acl: change.acl, childCount: 0, lostAt: zxid });
      remains.value = undefined;
      remains.birth = undefined;
      remains.aversion = undefined;
      remains.childCreates = undefined;
      remains.pzxid = undefined;
      return;
    case "set":
      remains.value = undefined;
      remains.acl ??= change.acl;
      remains.lostAt = zxid;
      return;
    case "restricted":
      remains.acl = undefined;
      remains.aversion = (change.aversion - 1) | 0;
      return;
    default:
      assertNever(change);
  }
}

/** The change is of the moment or before it: it tells what is not known yet. */
function fill(remains: Remains, { zxid, timeMs }: PastTxn, change: Change): void {
  if (change.kind === "deleted") return;
  remains.acl ??= change.acl;
  if (change.kind === "restricted") {
    remains.aversion ??= change.aversion;
    return;
  }
  const version = change.kind === "set" ? change.version : 0;
  // A copy: the rest of the row that it was read with is not to be held.
  remains.value ??= { data: change.data?.slice() ?? null, version, mzxid: zxid, mtime: timeMs };
  if (change.kind === "set") return;
  remains.birth ??= { czxid: zxid, ctime: timeMs, owner: change.owner };
  remains.aversion ??= 0;
  remains.childCreates ??= 0;
  remains.pzxid ??= zxid;
}

/** A child comes or goes. */
function changeChild(remains: Remains, zxid: Zxid, change: Change, isLater: boolean): void {
  const isCreated = change.kind === "created";
  if (isLater) {
    remains.childCount += isCreated ? -1 : 1;
    if (isCreated) remains.childCreates = (change.parentCreates - 1) | 0;
    remains.pzxid = undefined;
    return;
  }
  if (isCreated) remains.childCreates ??= change.parentCreates;
  remains.pzxid ??= zxid;
}

function isComplete({ exists, value, birth, acl, aversion, childCreates, pzxid }: Remains): boolean {
  if (!exists) return true;
  const isKnown = value !== undefined && birth !== undefined && acl !== undefined;
  return isKnown && aversion !== undefined && childCreates !== undefined && pzxid !== undefined;
}

/** A moment that is asked for: the state behind this write, or behind the last one by then. */
export type Moment = { readonly zxid: Zxid } | { readonly timeMs: number };

/** Finds a moment's place while history is read backwards. */
export class MomentFinder {
  readonly #asked: Moment;
  #zxid: Zxid | undefined;
  #timeMs: number | undefined;

  constructor(asked: Moment) {
    this.#asked = asked;
  }

  /** The last write that had happened; undefined until one that had is met. */
  get zxid(): Zxid | undefined {
    return this.#zxid;
  }

  /** When that write was, by its leader's clock, in Unix milliseconds; undefined where that is not known. */
  get timeMs(): number | undefined {
    return this.#timeMs;
  }

  /** Whether what happened then is later than the moment. */
  isBefore({ zxid, timeMs }: Pick<PastTxn, "zxid" | "timeMs">): boolean {
    if (this.#zxid !== undefined) return false;
    const asked = this.#asked;
    const isLater = "zxid" in asked ? compareZxid(zxid, asked.zxid) > 0 : timeMs > asked.timeMs;
    if (isLater) return true;
    this.#zxid = zxid;
    this.#timeMs = timeMs;
    return false;
  }

  /** Nothing is kept of what was before `base`; undefined where it is not known either when that was. */
  endAt(base: Zxid, timeMs: number | undefined): void {
    if (this.#zxid !== undefined) return;
    const asked = this.#asked;
    const isIt =
      "zxid" in asked ? compareZxid(asked.zxid, base) >= 0 : timeMs !== undefined && timeMs <= asked.timeMs;
    if (!isIt) return;
    this.#zxid = base;
    // Before the first write of all there was no time.
    this.#timeMs = timeMs !== undefined && Number.isFinite(timeMs) ? timeMs : undefined;
  }
}

/** One znode at a moment, with the names of its children. */
export class PastNode {
  readonly path: string;
  readonly moment: MomentFinder;
  readonly #remains: Remains;
  readonly #names: Set<string>;
  #lastAcl: readonly Acl[] | undefined;

  /** From what is there now. */
  constructor(at: {
    readonly path: string;
    readonly moment: Moment;
    readonly node: Znode | undefined;
    readonly names: readonly string[];
  }) {
    this.path = at.path;
    this.moment = new MomentFinder(at.moment);
    this.#remains = remainsOf(at.node);
    this.#names = new Set(at.names);
    this.#lastAcl = at.node?.acl;
  }

  /** Takes the transaction before the last one that was taken; whether more would tell more. */
  take(txn: PastTxn): boolean {
    const { zxid } = txn;
    const isLater = this.moment.isBefore(txn);
    for (const change of txn.changes.toReversed()) {
      if (change.path === this.path) {
        this.#lastAcl ??= change.acl;
        if (isLater) undo(this.#remains, zxid, change);
        else fill(this.#remains, txn, change);
        continue;
      }
      const isMembership = change.kind === "created" || change.kind === "deleted";
      if (!isMembership || parentOf(change.path) !== this.path) continue;
      changeChild(this.#remains, zxid, change, isLater);
      if (!isLater) continue;
      if (change.kind === "created") this.#names.delete(nameOf(change.path));
      else this.#names.add(nameOf(change.path));
    }
    return isLater || !isComplete(this.#remains);
  }

  /** What was there; undefined for nothing. */
  get node(): PastZnode | undefined {
    const { exists, value, birth, acl, aversion, childCreates, childCount, pzxid } = this.#remains;
    return exists ? { value, birth, acl, aversion, childCreates, childCount, pzxid } : undefined;
  }

  /** The names of its children then, in no order. */
  get names(): Iterable<string> {
    return this.#names;
  }

  /** The list that it has, or had when it was deleted last; undefined where it was never there since the moment. */
  get lastAcl(): readonly Acl[] | undefined {
    return this.#lastAcl;
  }

  /** Where the data of then are not known: from here on those of this path are. */
  get lostAt(): Zxid {
    return this.#remains.lostAt;
  }
}

/** What became of a path between two moments. */
export interface PathDifference {
  readonly path: string;
  readonly before: PastZnode | undefined;
  readonly after: PastZnode | undefined;
  /** It is another znode of the same name. */
  readonly isAnother: boolean;
  readonly isSet: boolean;
  readonly isRestricted: boolean;
  /** The list that it has, or had when it was deleted last. */
  readonly lastAcl: readonly Acl[];
}

interface Compared {
  readonly before: Remains;
  readonly after: Remains;
  readonly lastAcl: readonly Acl[];
  isAnother: boolean;
  isSet: boolean;
  isRestricted: boolean;
}

/** What is different at and below a path between two moments. Children are told themselves, not by their parents. */
export class PastDifference {
  readonly from: MomentFinder;
  readonly to: MomentFinder;
  readonly #path: string;
  readonly #present: (path: string) => Znode | undefined;
  readonly #compared = new Map<string, Compared>();
  /** Once all that changed is known: those of which something is not. */
  #pending: Set<string> | undefined;
  #bytes = 0;

  /** `present` tells what stood at a path when history began to be read. */
  constructor(asked: {
    readonly path: string;
    readonly from: Moment;
    readonly to: Moment;
    readonly present: (path: string) => Znode | undefined;
  }) {
    this.#path = asked.path;
    this.from = new MomentFinder(asked.from);
    this.to = new MomentFinder(asked.to);
    this.#present = asked.present;
  }

  /** How many paths have changed since `from`. */
  get count(): number {
    return this.#compared.size;
  }

  /** About how many bytes of data are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the transaction before the last one that was taken; whether more would tell more. */
  take(txn: PastTxn): boolean {
    const isAfterFrom = this.from.isBefore(txn);
    const isAfterTo = this.to.isBefore(txn);
    for (const change of txn.changes.toReversed()) {
      if (!isAtOrBelow(change.path, this.#path)) continue;
      const compared = this.#comparedAt(change, isAfterFrom);
      if (compared === undefined) continue;
      const { before, after } = compared;
      this.#step(before, txn, change, isAfterFrom);
      this.#step(after, txn, change, isAfterTo);
      if (!isAfterFrom || isAfterTo) continue;
      compared.isAnother ||= change.kind === "created";
      compared.isSet ||= change.kind === "set";
      compared.isRestricted ||= change.kind === "restricted";
    }
    if (isAfterFrom) return true;
    const pending = (this.#pending ??= this.#untold());
    for (const { path } of txn.changes) if (this.#isTold(path)) pending.delete(path);
    return pending.size > 0;
  }

  #untold(): Set<string> {
    return new Set([...this.#compared.keys()].filter((path) => !this.#isTold(path)));
  }

  #isTold(path: string): boolean {
    const compared = this.#compared.get(path);
    return compared === undefined || (isTold(compared.before) && isTold(compared.after));
  }

  /** The history was read to its very beginning, when these were there: what was not set since is as it was then. */
  beginWith(nodes: Iterable<readonly [string, Znode]>): void {
    for (const [path, node] of nodes) {
      const compared = this.#compared.get(path);
      const { value, birth, acl } = remainsOf(node);
      for (const remains of compared === undefined ? [] : [compared.before, compared.after]) {
        remains.value ??= value;
        remains.birth ??= birth;
        remains.acl ??= acl;
      }
    }
  }

  /** What is different, in the order of paths. */
  differences(): readonly PathDifference[] {
    const found: PathDifference[] = [];
    for (const [path, compared] of this.#compared) {
      const { before, after, lastAcl, isAnother, isSet, isRestricted } = compared;
      if (!before.exists && !after.exists) continue;
      if (before.exists === after.exists && !isAnother && !isSet && !isRestricted) continue;
      const shown = { before: znodeOf(before), after: znodeOf(after) };
      found.push({ path, ...shown, isAnother, isSet, isRestricted, lastAcl });
    }
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #step(remains: Remains, txn: PastTxn, change: Change, isLater: boolean): void {
    if (isLater) return undo(remains, txn.zxid, change);
    const wasKnown = remains.value !== undefined;
    fill(remains, txn, change);
    if (!wasKnown) this.#bytes += remains.value?.data?.length ?? 0;
  }

  #comparedAt({ path, acl }: Change, isAfterFrom: boolean): Compared | undefined {
    const known = this.#compared.get(path);
    if (known !== undefined || !isAfterFrom) return known;
    const node = this.#present(path);
    const compared: Compared = {
      before: remainsOf(node),
      after: remainsOf(node),
      lastAcl: node?.acl ?? acl,
      isAnother: false,
      isSet: false,
      isRestricted: false,
    };
    this.#compared.set(path, compared);
    this.#bytes += 2 * (node?.data?.length ?? 0);
    return compared;
  }
}

/** Whether all that a difference shows of it is known. */
function isTold({ exists, value, birth, acl }: Remains): boolean {
  return !exists || (value !== undefined && birth !== undefined && acl !== undefined);
}

function znodeOf(remains: Remains): PastZnode | undefined {
  const { exists, value, birth, acl, aversion, childCreates, childCount, pzxid } = remains;
  return exists ? { value, birth, acl, aversion, childCreates, childCount, pzxid } : undefined;
}

/** Whether a path is this one, or below it. */
export function isAtOrBelow(path: string, top: string): boolean {
  return top === "/" || path === top || path.startsWith(`${top}/`);
}
