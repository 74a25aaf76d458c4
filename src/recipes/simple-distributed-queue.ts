/**
 * SimpleDistributedQueue: entries in the order in which they were put, each taken by one.
 *
 * What can go wrong, and what happens then:
 * - The answer to a put or a take is lost: each is made in one transaction with a marker of one's own, which tells.
 *   So an entry is put once, and taken once. (With Curator's own an entry may be put twice, or be gone and given to
 *   nobody.)
 * - The session ends before that is known: the fault `unknownOutcome`.
 * - The one dies that took an entry: the entry is gone. For work that must be done take DistributedQueue with a
 *   lock path, or LockingQueue.
 * - The connection or the session of one who waits is lost: it looks again.
 *
 * Queues are no strength of this kind of server: all who wait are woken by each entry, and a list of all is read
 * each time.
 *
 * Znodes: PATH (container) / qn-NNNNNNNNNN (persistent sequential); PATH-markers (container) / 32HEX (ephemeral).
 * Source: Curator SimpleDistributedQueue.
 */
import { type Entry, Entries } from "./entries.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { NO_DATA } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";

const PREFIX = "qn-";

/** See the file's comment. */
export class SimpleDistributedQueue {
  readonly #client: RecipeClient;
  readonly #entries: Entries;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#entries = new Entries(client, path);
  }

  /** Puts an entry at the end. */
  async offer(data: Uint8Array): Promise<void> {
    await this.#entries.put([{ prefix: PREFIX, data }]);
  }

  /** The first entry, which stays; undefined where there is none. */
  async peek(): Promise<Uint8Array | undefined> {
    for (const name of queued(await this.#entries.list())) {
      const entry = await this.#entries.read(name);
      if (entry !== undefined) return dataOf(entry);
    }
    return undefined;
  }

  /** Takes the first entry; undefined where there is none. */
  async poll(): Promise<Uint8Array | undefined> {
    const entry = await this.#entries.takeFirst(queued(await this.#entries.list()));
    return entry && dataOf(entry);
  }

  /** Waits for an entry and takes it. Throws the fault `timeout`, or the signal's reason. */
  async take(options: WaitOptions = {}): Promise<Uint8Array> {
    using patience = new Patience(this.#client.clock, options, `the queue ${this.#entries.path} is empty`);
    const take = async (names: readonly string[]): Promise<Entry | undefined> =>
      await this.#entries.takeFirst(queued(names));
    return dataOf(await this.#entries.untilTaken(patience, take));
  }

  /** How many entries there are. */
  async size(): Promise<number> {
    return queued(await this.#entries.list()).length;
  }

  /** Takes its marker away. */
  async close(): Promise<void> {
    await this.#entries.close();
  }
}

function queued(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith(PREFIX)).toSorted();
}

function dataOf({ data }: Entry): Uint8Array {
  return data ?? NO_DATA;
}
