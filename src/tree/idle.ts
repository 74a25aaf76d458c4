/**
 * Znodes that end by themselves: a container that has lost its last child, and a TTL znode that nobody has set for its
 * time and that has no children. Each has a mark, a number that tells when it may go, so that an index over the marks
 * finds those that are due among millions. Source: ZooKeeper ContainerManager.getCandidates.
 */
import type { Znode } from "./node-store.ts";

/** The largest time to live that fits ZooKeeper's EphemeralType: 40 bits of milliseconds, 34 years. */
export const TTL_MS_MAX: number = 2 ** 40 - 1;

/** A znode that may be due, and its mark. */
export interface IdleZnode {
  readonly path: string;
  readonly mark: number;
}

/** The marks of those that are due, both ends included. */
export interface MarkRange {
  readonly from: number;
  readonly to: number;
}

/** A container that had children may go at once. */
const AT_ONCE = 0;

/**
 * The mark of a znode, undefined of one that stays. Of a childless TTL znode it is the last millisecond of its life; of
 * a container that has had children 0; of one that never had any, which ends only where that is set, it is below zero,
 * the lower the younger.
 */
export function markOf({ owner, childCount, childCreates, mtime }: Znode): number | undefined {
  if (childCount > 0) return undefined;
  if (owner.mode === "ttl") return mtime + owner.ttlMs;
  if (owner.mode !== "container") return undefined;
  return childCreates === 0 ? -1 - mtime : AT_ONCE;
}

/** The marks of all that may go at this time; `neverUsedMs` is of ZnodeSettings. */
export function dueMarks(timeMs: number, neverUsedMs: number): MarkRange {
  return { from: neverUsedMs === 0 ? AT_ONCE : neverUsedMs - timeMs, to: timeMs - 1 };
}

/** Whether the znode may be removed at this time: longer than its life, not as long (ContainerManager). */
export function isDue(node: Znode, timeMs: number, neverUsedMs: number): boolean {
  const mark = markOf(node);
  const { from, to } = dueMarks(timeMs, neverUsedMs);
  return mark !== undefined && mark >= from && mark <= to;
}
