/**
 * DistributedIdQueue: a DistributedQueue whose items have ids, by which they can be taken back.
 *
 * What can go wrong: what can with a DistributedQueue, and the same happens. And: with a lock path `remove` leaves
 * an item alone that somebody works on; without one it may be taken away by the work at the same moment, and then
 * is not counted.
 *
 * Znodes: PATH (container) / queue-|ID|NNNNNNNNNN, slashes and bars of the id as underscores.
 * Source: Curator DistributedIdQueue.
 */
import { DistributedQueue, type DistributedQueueSettings, ITEM_PREFIX } from "./distributed-queue.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

const SEQUENCE_DIGITS = 10;

/** See the file's comment. */
export class DistributedIdQueue<T> {
  readonly #queue: DistributedQueue<T>;

  constructor(client: RecipeClient, settings: DistributedQueueSettings<T>) {
    const sorted = (names: readonly string[]): readonly string[] =>
      names.toSorted((a, b) => (a.slice(-SEQUENCE_DIGITS) < b.slice(-SEQUENCE_DIGITS) ? -1 : 1));
    this.#queue = new DistributedQueue(client, settings, { sorted, dueMs: () => 0 });
  }

  /** Begins to work on items. Once. */
  start(): this {
    this.#queue.start();
    return this;
  }

  /** Puts an item; several may have the same id. Throws as DistributedQueue does, and `misuse` for an empty id. */
  async put(item: T, id: string, options: WaitOptions = {}): Promise<void> {
    if (id === "") throw new RecipeError("misuse", "an empty id: give one of a character or more");
    await this.#queue.putNamed(`${ITEM_PREFIX}|${fixed(id)}|`, [item], options);
  }

  /** Takes all items of that id away on which nobody works; how many it took. */
  async remove(id: string): Promise<number> {
    const prefix = `${ITEM_PREFIX}|${fixed(id)}|`;
    return await this.#queue.removeNamed((name) => name.startsWith(prefix));
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

function fixed(id: string): string {
  return id.replaceAll(/[/|]/g, "_");
}
