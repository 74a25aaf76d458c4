/**
 * Since when those hold that stand in a queue, or have left it: their znodes tell when they came, and may have waited
 * long behind others. It is gathered from the history, which is read backwards: who holds does so since the last of
 * those went that stood before it, or since it came, where none of them did. Whoever came before it is older in the
 * queue, so what is met of it behind its own beginning does not matter.
 *
 * A permit is made when it is taken, by the transaction that takes it. A Curator client makes its znode first, and may
 * then wait until there is room: since when it holds is not known.
 */
import { nameOf, parentOf } from "../base/path.ts";
import type { Txn } from "../base/txn.ts";
import { type Contender, contendersOf } from "../tree/lock-queue.ts";

/** What is found out of one that holds, or held. */
export interface Holding {
  /** Since when, in Unix milliseconds; undefined where that was not met, or is not known. */
  readonly sinceMs: number | undefined;
}

/** Whoever holds since a moment that was not met yet. */
interface Sought {
  readonly queue: string;
  /** undefined for a permit, which stands in no order. */
  readonly place: Contender | undefined;
  readonly holding: { sinceMs: number | undefined };
}

/** Takes what happened in the queue, the last first. */
export class HeldSince {
  /** By the znode's path: another one of that name is met when this one is not sought any more. */
  readonly #sought = new Map<string, Sought>();

  /** Whether all were met: of some it may be unknown for good. */
  get isEnough(): boolean {
    return this.#sought.size === 0;
  }

  /** It holds, or did until what was met last: what is told of it becomes known later. */
  seek(path: string): Holding {
    const holding = { sinceMs: undefined };
    this.#sought.set(path, { queue: parentOf(path), place: contendersOf([nameOf(path)])[0], holding });
    return holding;
  }

  /** A znode went: whom it stood before holds since then, unless another one went later. */
  noteEnd(path: string, timeMs: number): void {
    if (this.isEnough) return;
    const [gone] = contendersOf([nameOf(path)]);
    if (gone === undefined) return;
    const queue = parentOf(path);
    for (const [holder, sought] of this.#sought) {
      const { place, queue: own } = sought;
      if (own !== queue || place === undefined || !isBefore(gone, place)) continue;
      sought.holding.sinceMs = timeMs;
      this.#sought.delete(holder);
    }
  }

  /** A znode came. */
  noteBeginning(path: string, txn: Txn, timeMs: number): void {
    const sought = this.#sought.get(path);
    if (sought === undefined) return;
    // A permit that is made alone may have been none yet.
    if (sought.place !== undefined || txn.kind !== "create") sought.holding.sinceMs = timeMs;
    this.#sought.delete(path);
  }
}

/** Whether the one had to go before the other could hold. */
function isBefore(one: Contender, other: Contender): boolean {
  return one.sequence < other.sequence && !(one.isShared && other.isShared);
}
