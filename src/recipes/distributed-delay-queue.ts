/**
 * DistributedDelayQueue: a DistributedQueue whose items are worked on when their time has come, the earliest first.
 *
 * What can go wrong: what can with a DistributedQueue, and the same happens. And: the time is that of each worker's
 * own clock; one that runs fast works on items early.
 *
 * Znodes: PATH (container) / queue-|X|NNNNNNNNNN, X the hex digits of the Unix time in ms.
 * Source: Curator DistributedDelayQueue.
 */
import { DistributedQueue, type DistributedQueueSettings, ITEM_PREFIX } from "./distributed-queue.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class DistributedDelayQueue<T> {
  readonly #queue: DistributedQueue<T>;

  constructor(client: RecipeClient, settings: DistributedQueueSettings<T>) {
    const sorted = (names: readonly string[]): readonly string[] =>
      names.toSorted((a, b) => dueMs(a) - dueMs(b) || (a < b ? -1 : 1));
    this.#queue = new DistributedQueue(client, settings, { sorted, dueMs });
  }

  /** Begins to work on items. Once. */
  start(): this {
    this.#queue.start();
    return this;
  }

  /** Puts an item that is worked on from that Unix time in ms on. Throws as DistributedQueue does. */
  async put(item: T, delayUntilMs: number, options: WaitOptions = {}): Promise<void> {
    await this.putMulti([item], delayUntilMs, options);
  }

  /** Puts several as one. */
  async putMulti(items: readonly T[], delayUntilMs: number, options: WaitOptions = {}): Promise<void> {
    const digits = Math.max(0, Math.ceil(delayUntilMs)).toString(16).toUpperCase().padStart(8, "0");
    await this.#queue.putNamed(`${ITEM_PREFIX}|${digits}|`, items, options);
  }

  /** How many items there are. */
  async size(): Promise<number> {
    return await this.#queue.size();
  }

  /** Works on no more items. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Nought for a name without a time, as in Curator. */
function dueMs(name: string): number {
  const digits = /\|([0-9A-Fa-f]+)\|/.exec(name)?.[1];
  return digits === undefined ? 0 : Number.parseInt(digits, 16);
}
