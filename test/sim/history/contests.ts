/**
 * Who stands where in what callers contend for, read from the reference tree by the names of znodes alone: a queue's
 * children, a semaphore's permits, and what keeps a lock closed whose holder has vanished.
 */
import { childOf, nameOf, parentOf } from "../../../src/base/path.ts";
import { equalZxid, type Zxid } from "../../../src/base/zxid.ts";
import type { ReferenceTree } from "./reference-tree.ts";

const CONTENDER = /(?:lock|latch)-\d{10}$/;
const PERMIT = /lease-\d{10}$/;
const DELAYED = /-delay(\d+)-[a-z]+-\d{10}$/;
const PLACEHOLDER = /\/closed-[^/]+$/;

/** Whether a znode of that name stands in a queue. */
export function isContender(path: string): boolean {
  return CONTENDER.test(path);
}

/** Whether a znode of that name is a permit of a semaphore. */
export function isPermit(path: string): boolean {
  return PERMIT.test(path);
}

/** Whether it keeps closed what nobody holds. */
export function isPlaceholder(path: string): boolean {
  return PLACEHOLDER.test(path);
}

/** For how long a lock stays closed whose holder's lease expires, in ms; 0 where its znode does not say. */
export function delayOf(path: string): number {
  return Number(DELAYED.exec(path)?.[1] ?? 0);
}

/** Whether who stands first there waits for a permit, and holds nothing. */
export function isWaiting(queue: string): boolean {
  return nameOf(queue) === "locks" && parentOf(queue) !== "/";
}

/** The paths of those that stand in the queue, the first of them first. */
export function queueOf(tree: ReferenceTree, queue: string): readonly string[] {
  const names = [...(tree.nodes.get(queue)?.children ?? [])].filter(isContender);
  return names
    .toSorted((a, b) => Number(a.slice(-10)) - Number(b.slice(-10)))
    .map((name) => childOf(queue, name));
}

/** The paths of all that takes a permit of the semaphore. */
export function permitsOf(tree: ReferenceTree, semaphore: string): readonly string[] {
  const taken = childOf(semaphore, "leases");
  return [...(tree.nodes.get(taken)?.children ?? [])].map((name) => childOf(taken, name));
}

/** Whether somebody holds the lock under the token, or has a permit under it. */
export function isHeld(
  tree: ReferenceTree,
  { path, token }: { readonly path: string; readonly token: Zxid },
): boolean {
  const [first] = queueOf(tree, path);
  return [...(first === undefined ? [] : [first]), ...permitsOf(tree, path)].some((one) => {
    const node = tree.nodes.get(one);
    return node !== undefined && equalZxid(node.czxid, token);
  });
}

/** Follows who comes to be the first of each queue, and when. */
export class Heads {
  readonly #byQueue = new Map<string, { readonly path: string; readonly atMs: number }[]>();

  /** Behind each transaction. */
  note(queue: string, path: string | undefined, atMs: number): void {
    if (path === undefined || isPlaceholder(path)) return;
    const heads = this.#byQueue.get(queue) ?? [];
    if (heads.at(-1)?.path !== path) this.#byQueue.set(queue, [...heads, { path, atMs }]);
  }

  /** The first that came behind this one, at that time or later. */
  next(path: string, fromMs: number): { readonly path: string; readonly atMs: number } | undefined {
    const heads = this.#byQueue.get(parentOf(path)) ?? [];
    return heads.find((head) => head.atMs >= fromMs && head.path !== path);
  }
}
