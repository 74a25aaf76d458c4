/**
 * DistributedPriorityQueue: a DistributedQueue whose items are worked on by their priority, a smaller int32 first.
 *
 * What can go wrong: what can with a DistributedQueue, and the same happens. An item that is put at the end again,
 * as its work threw, keeps its priority. (With Curator's own it loses it.)
 *
 * Znodes: PATH (container) / queue-SXXXXXXXXNNNNNNNNNN, S 0 for negative priorities, X their hex digits.
 * Source: Curator DistributedPriorityQueue.
 */
import { DistributedQueue, type DistributedQueueSettings, ITEM_PREFIX } from "./distributed-queue.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

/** See the file's comment. */
export class DistributedPriorityQueue<T> {
  readonly #queue: DistributedQueue<T>;

  constructor(client: RecipeClient, settings: DistributedQueueSettings<T>) {
    this.#queue = new DistributedQueue(client, settings);
  }

  /** Begins to work on items. Once. */
  start(): this {
    this.#queue.start();
    return this;
  }

  /** Puts an item. Throws the faults `timeout`, `misuse` and `unknownOutcome`, or the signal's reason. */
  async put(item: T, priority: number, options: WaitOptions = {}): Promise<void> {
    await this.putMulti([item], priority, options);
  }

  /** Puts several as one. */
  async putMulti(items: readonly T[], priority: number, options: WaitOptions = {}): Promise<void> {
    if ((priority | 0) !== priority)
      throw new RecipeError("misuse", `a priority of ${priority}: give an int32`);
    const digits = (priority >>> 0).toString(16).toUpperCase().padStart(8, "0");
    await this.#queue.putNamed(`${ITEM_PREFIX}${priority < 0 ? "0" : "1"}${digits}`, items, options);
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
