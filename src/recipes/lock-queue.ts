/**
 * Who stands in a queue: the children that are named as contenders are, in the order of their sequence numbers. The
 * names of Curator's mutex and read-write lock and of kazoo's locks all count, so that all of them exclude each other
 * on one path. Others are no contenders.
 * Source: Curator StandardLockInternalsDriver, InterProcessReadWriteLock; kazoo recipe/lock.py.
 */
import { RecipeError } from "./recipe-error.ts";

/** How Curator and kazoo mark the znodes of their locks, in front of the number. */
export const LOCK_MARKS = {
  mutex: "lock-",
  write: "__WRIT__",
  read: "__READ__",
  kazooLock: "__lock__",
  kazooRead: "__rlock__",
} as const;

const READ_MARKS: ReadonlySet<string> = new Set([LOCK_MARKS.read, LOCK_MARKS.kazooRead]);

/** Ten characters, zeros behind the sign, of an int32: the longest has eleven. */
const SEQUENCE = String.raw`(-\d{9,10}|\d{10})$`;

/** One in the queue. */
export interface Contender {
  readonly name: string;
  readonly mark: string;
  readonly sequence: number;
  /** It stands beside other readers. */
  readonly isReader: boolean;
}

/** The contenders with any of these marks among the children, the first first. */
export function contendersOf(names: readonly string[], marks: readonly string[]): readonly Contender[] {
  const pattern = new RegExp(`(${marks.map(escaped).join("|")})${SEQUENCE}`);
  const found: Contender[] = [];
  for (const name of names) {
    const [, mark, sequence] = pattern.exec(name) ?? [];
    if (mark === undefined) continue;
    found.push({ name, mark, sequence: Number(sequence), isReader: READ_MARKS.has(mark) });
  }
  return found.sort(inOrder);
}

/** The number at the end of a contender's name, with its zeros. */
export function sequenceDigits(name: string): string {
  const digits = new RegExp(SEQUENCE).exec(name)?.[0];
  if (digits === undefined) throw new RecipeError("badData", `${name} does not end in a sequence number`);
  return digits;
}

/** Whom a contender that excludes all others waits for: the one before it. */
export function blockerOfWriter(queue: readonly Contender[], own: Contender): Contender | undefined {
  return queue[queue.indexOf(own) - 1];
}

/** Whom a reader waits for: the last writer before it. */
export function blockerOfReader(queue: readonly Contender[], own: Contender): Contender | undefined {
  return queue.slice(0, queue.indexOf(own)).findLast(({ isReader }) => !isReader);
}

/** By the shorter way round: behind 2147483647 comes -2147483648, where all of ZooKeeper's own recipes break. */
function inOrder(a: Contender, b: Contender): number {
  return (a.sequence - b.sequence) | 0;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
