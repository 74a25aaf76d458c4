/**
 * A semaphore's znodes, as Curator's InterProcessSemaphoreV2 makes them: who waits stands in the queue of a mutex at
 * `locks`, and the first of them puts a znode into `leases` as soon as there is room, which is its permit. How many
 * there are is held at `permits`, as Curator's SharedCount holds a number, which its semaphore can be told to read.
 * Source: Curator InterProcessSemaphoreV2, SharedCount.
 */
import type { SessionId } from "../base/ids.ts";
import { childOf } from "../base/path.ts";
import type { NodeData } from "../base/request.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { contendersOf } from "./lock-queue.ts";
import type { NodeView, Znode } from "./node-store.ts";

/** What it takes to look. */
type Looked = Pick<NodeView, "get" | "childNames">;

/** Where those wait that want a permit: the queue of a lock. */
export function waitersPath(semaphore: string): string {
  return childOf(semaphore, "locks");
}

/** The parent of permits that are taken. */
export function permitsTakenPath(semaphore: string): string {
  return childOf(semaphore, "leases");
}

/** Where it stands how many permits there are. */
export function permitsPath(semaphore: string): string {
  return childOf(semaphore, "permits");
}

const PERMIT = /lease-(-?[0-9]{10})$/;

/** Whether a child of `leases` is named as a permit. */
export function isPermit(name: string): boolean {
  return PERMIT.test(name);
}

/** A number as SharedCount writes it: four bytes, the highest first. */
export function encodePermits(permits: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, permits);
  return bytes;
}

/** The number that is agreed upon; undefined where there is none yet, 0 where what stands there is no such number. */
export function permitsAt(view: Pick<NodeView, "get">, semaphore: string): number | undefined {
  const node = view.get(permitsPath(semaphore));
  return node === undefined ? undefined : decodePermits(node.data);
}

function decodePermits(data: NodeData): number {
  if (data?.length !== 4) return 0;
  return Math.max(0, new DataView(data.buffer, data.byteOffset, 4).getInt32(0));
}

/** How many permits are taken: Curator counts all children, whatever they are called. */
export function permitsTaken(view: Pick<NodeView, "get">, semaphore: string): number {
  return view.get(permitsTakenPath(semaphore))?.childCount ?? 0;
}

/** Permits that are taken, the oldest first. */
export function permitNames(view: Pick<NodeView, "childNames">, semaphore: string): readonly string[] {
  const names = view.childNames(permitsTakenPath(semaphore)).filter(isPermit);
  return names.toSorted((a, b) => sequenceOf(a) - sequenceOf(b));
}

function sequenceOf(name: string): number {
  return Number(PERMIT.exec(name)?.[1] ?? 0);
}

/** Whether somebody has a permit under this token, the czxid of its znode. */
export function isPermitHeld(view: Looked, semaphore: string, token: Zxid): boolean {
  const names = permitNames(view, semaphore);
  const at = names.findIndex((name) => {
    const node = view.get(childOf(permitsTakenPath(semaphore), name));
    return node !== undefined && equalZxid(node.czxid, token);
  });
  const name = names[at];
  if (name === undefined) return false;
  return at < names.length - 1 || !isPending(view, semaphore, name);
}

/**
 * Whether the latest permit is none yet: a Curator client that holds the mutex makes its znode first, and waits until
 * there are no more of them than permits.
 */
export function isPending(view: Looked, semaphore: string, latest: string): boolean {
  const permits = permitsAt(view, semaphore);
  if (permits === undefined || permitsTaken(view, semaphore) <= permits) return false;
  const [first] = contendersOf(view.childNames(waitersPath(semaphore)));
  if (first === undefined) return false;
  const own = sessionOf(view.get(childOf(permitsTakenPath(semaphore), latest)));
  return own !== undefined && own === sessionOf(view.get(childOf(waitersPath(semaphore), first.name)));
}

function sessionOf(node: Znode | undefined): SessionId | undefined {
  return node?.owner.mode === "ephemeral" ? node.owner.session : undefined;
}
