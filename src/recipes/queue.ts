/**
 * Queue: kazoo's, entries by priority and within that in the order in which they were put, each taken by one.
 *
 * What can go wrong: what can with a SimpleDistributedQueue, and the same happens: an entry is put once and taken
 * once, and who takes it and dies takes it along.
 *
 * Znodes: PATH (container) / entry-PPP-NNNNNNNNNN (persistent sequential); PATH-markers (container) / 32HEX
 * (ephemeral).
 * Source: kazoo recipe/queue.py, Queue.
 */
import { Entries } from "./entries.ts";
import { NO_DATA } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

/** What kazoo gives an entry without one. */
export const DEFAULT_PRIORITY = 100;

/** Three digits: smaller comes first. Throws the fault `misuse` for what does not fit. */
export function priorityDigits(priority: number): string {
  if (!Number.isInteger(priority) || priority < 0 || priority > 999)
    throw new RecipeError("misuse", `a priority of ${priority}: give a whole number from 0 to 999`);
  return String(priority).padStart(3, "0");
}

/** See the file's comment. */
export class Queue {
  readonly #entries: Entries;

  constructor(client: RecipeClient, path: string) {
    this.#entries = new Entries(client, path);
  }

  /** Puts an entry; a smaller priority, from 0 to 999, is taken earlier. */
  async put(data: Uint8Array, priority: number = DEFAULT_PRIORITY): Promise<void> {
    await this.#entries.put([{ prefix: `entry-${priorityDigits(priority)}-`, data }]);
  }

  /** Takes the first entry; undefined where there is none. */
  async get(): Promise<Uint8Array | undefined> {
    const names = await this.#entries.list();
    const entry = await this.#entries.takeFirst(names.toSorted());
    return entry && (entry.data ?? NO_DATA);
  }

  /** How many entries there are. */
  async size(): Promise<number> {
    return (await this.#entries.list()).length;
  }

  /** Takes its marker away. */
  async close(): Promise<void> {
    await this.#entries.close();
  }
}
