/**
 * Writes on their way to the leader: gathered, and cut into messages that a link takes. A message is an event of the
 * runtime at both ends, which costs more than the writes in it. So while writes are under way those of several clients,
 * which come as an event each, leave together, once the shell has no more events at hand.
 */
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import type { ForwardedRequest } from "./link-message.ts";

/** A write, and about how many bytes it takes on a link. */
export interface Forward {
  readonly request: ForwardedRequest;
  readonly bytes: number;
}

/**
 * The writes in their order, in messages of at most BATCH_BYTES_MAX; a larger write goes alone. After a change of
 * leader all that waits is forwarded at once, which may be far more than a frame holds.
 */
export function forwardBatches(forwards: readonly Forward[]): readonly (readonly ForwardedRequest[])[] {
  const batches: ForwardedRequest[][] = [];
  let room = 0;
  for (const { request, bytes } of forwards) {
    const latest = batches.at(-1);
    if (latest === undefined || bytes > room) {
      batches.push([request]);
      room = BATCH_BYTES_MAX - bytes;
    } else {
      latest.push(request);
      room -= bytes;
    }
  }
  return batches;
}

/** Those of one replica. */
export class ForwardQueue {
  #waiting: Forward[] = [];
  #mayWait = false;
  #isHeld = false;

  /** Adds a write behind those that wait. */
  push(forward: Forward): void {
    this.#waiting.push(forward);
  }

  /** Whether some wait for what else is at hand: the replica is to be stepped again soon. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** A turn begins; `mayWait`: others may be right behind what it brings. */
  beginTurn(mayWait: boolean): void {
    this.#mayWait = mayWait;
  }

  /**
   * The messages that leave now, in order. Where others may be right behind, all wait while writes are under way
   * besides them, `underWay` in all. So who is alone, and waits for each of its writes, is never kept waiting.
   */
  take(underWay: number): readonly (readonly ForwardedRequest[])[] {
    const { length } = this.#waiting;
    this.#isHeld = length > 0 && this.#mayWait && underWay > length;
    if (length === 0 || this.#isHeld) return [];
    const messages = forwardBatches(this.#waiting);
    this.#waiting = [];
    return messages;
  }

  /** Forgets what waits: there is no leader to send it to. */
  clear(): void {
    this.#waiting = [];
    this.#isHeld = false;
  }
}
