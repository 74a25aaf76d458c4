/** What kazoo's three locks have in common: its names for contenders, and its way to look at them. */
import type { Hold } from "./hold.ts";
import { type Contender, LOCK_MARKS } from "./lock-queue.ts";
import type { WaitOptions } from "./patience.ts";
import { persevere } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";
import { participantsOf, type QueueSettings, standInQueue, takeIfFirst } from "./stand-in-queue.ts";
import { uuidHex } from "./unique-name.ts";

/** What a lock is made with. */
export interface KazooLockSettings {
  /** Who this is, for `contenders`. */
  readonly identifier?: string | undefined;
  /** Further marks in front of the number by which other programs' znodes are known as contenders. */
  readonly extraLockPatterns?: readonly string[] | undefined;
}

/** How one kind of lock stands in the queue. */
export interface KazooLockKind {
  readonly mark: string;
  readonly blockerOf: (queue: readonly Contender[], own: Contender) => Contender | undefined;
}

/** See the file's comment. */
export class KazooLock {
  readonly #client: RecipeClient;
  readonly #queue: QueueSettings;

  constructor(client: RecipeClient, path: string, kind: KazooLockKind, settings: KazooLockSettings) {
    const { identifier = "", extraLockPatterns = [] } = settings;
    this.#client = client;
    this.#queue = {
      path,
      prefix: () => `${uuidHex(client)}${kind.mark}`,
      marks: [...Object.values(LOCK_MARKS), ...extraLockPatterns],
      blockerOf: kind.blockerOf,
      data: new TextEncoder().encode(identifier),
    };
  }

  /** Waits for the lock; the holder itself, too. Throws the fault `timeout`, or the signal's reason. */
  async acquire(options: WaitOptions = {}): Promise<Hold> {
    return await standInQueue(this.#client, this.#queue, options);
  }

  /** Takes the lock where it need not wait; undefined otherwise. */
  async tryAcquire(options: WaitOptions = {}): Promise<Hold | undefined> {
    return await takeIfFirst(this.#client, this.#queue, options);
  }

  /** The identifiers of all in the queue, the holder's first; empty for one without. */
  async contenders(): Promise<readonly string[]> {
    const paths = await participantsOf(this.#client, this.#queue.path, this.#queue.marks);
    return await identifiersAt(this.#client, paths);
  }
}

/** The texts in those of the znodes that are still there. */
export async function identifiersAt(
  client: RecipeClient,
  paths: readonly string[],
): Promise<readonly string[]> {
  const reads = paths.map(async (path) => {
    try {
      const { data } = await persevere(client, async () => await client.get(path));
      return data === null ? "" : new TextDecoder().decode(data);
    } catch (error) {
      // Nobody stands there: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  });
  return (await Promise.all(reads)).filter((text) => text !== undefined);
}
