/**
 * Who stands in a lock's queue: its children that are named as Curator and kazoo name them, in the order of their
 * sequence numbers. Others are no contenders. Source: Curator StandardLockInternalsDriver, InterProcessReadWriteLock;
 * kazoo recipe/lock.py.
 */
import { LOCK_DELAY_MS_MAX } from "../base/limits.ts";

/** One in the queue. */
export interface Contender {
  /** Of the child. */
  readonly name: string;
  readonly sequence: number;
  /** A reader: it stands beside other readers. */
  readonly isShared: boolean;
}

/**
 * `lock-` of Curator's mutex, `latch-` of its LeaderLatch, `__WRIT__`, `__READ__` of its read-write lock, `__lock__`,
 * `__rlock__` of kazoo.
 */
const CONTENDER = /(lock-|latch-|__WRIT__|__lock__|__READ__|__rlock__)(-?[0-9]{10})$/;

/** `-delay15000` of those whose lock stays closed for so many milliseconds where they expire. */
const DELAYED = /-delay(\d{1,6})-[^0-9]*-?\d{10}$/;

const PLACEHOLDER = /^closed-/;

/** For how long what the znode holds stays closed if its session expires, in milliseconds; 0 unless it says so. */
export function delayOf(name: string): number {
  return Math.min(Number(DELAYED.exec(name)?.[1] ?? 0), LOCK_DELAY_MS_MAX);
}

/** What stands in the name of a znode before its mark; nothing for no delay. */
export function delayMark(delayMs: number): string {
  return delayMs === 0 ? "" : `-delay${delayMs}`;
}

/** The placeholder for a znode with a delay: it has the same place in the queue. */
export function placeholderName(name: string): string {
  return name.replace(/^.*-delay\d+-/, "closed-");
}

/** Whether the znode keeps something closed that nobody holds. */
export function isPlaceholder(name: string): boolean {
  return PLACEHOLDER.test(name);
}

const SHARED: ReadonlySet<string> = new Set(["__READ__", "__rlock__"]);

/** The contenders among the children, the holder first. */
export function contendersOf(names: readonly string[]): readonly Contender[] {
  const found: Contender[] = [];
  for (const name of names) {
    const [, mark, sequence] = CONTENDER.exec(name) ?? [];
    if (mark === undefined) continue;
    found.push({ name, sequence: Number(sequence), isShared: SHARED.has(mark) });
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}

/** Where a contender stands. */
export interface Place {
  /** How many stand before it. */
  readonly ahead: number;
  /** The one it waits for, whose end may be its turn; undefined for one that holds the lock. */
  readonly blocker: string | undefined;
}

/** The place of the child in the queue; undefined where it stands there no more. */
export function placeOf(contenders: readonly Contender[], name: string): Place | undefined {
  const ahead = contenders.findIndex((contender) => contender.name === name);
  const own = contenders[ahead];
  if (own === undefined) return undefined;
  const before = contenders.slice(0, ahead);
  const blocker = own.isShared ? before.findLast(({ isShared }) => !isShared) : before.at(-1);
  return { ahead, blocker: blocker?.name };
}
