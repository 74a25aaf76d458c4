/**
 * InterProcessSemaphoreMutex: a lock over all processes that is not re-entrant, and that anybody may give back who
 * has the hold. In Curator that is a semaphore of one lease, with its znodes: it does not exclude an
 * InterProcessMutex on the same path, there or here.
 *
 * What can go wrong: as with InterProcessSemaphoreV2, of which it is the one with a single lease.
 *
 * Znodes: as InterProcessSemaphoreV2. Source: Curator InterProcessSemaphoreMutex.
 */
import type { Hold } from "./hold.ts";
import { InterProcessSemaphoreV2 } from "./inter-process-semaphore-v2.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class InterProcessSemaphoreMutex {
  readonly #semaphore: InterProcessSemaphoreV2;

  constructor(client: RecipeClient, path: string) {
    this.#semaphore = new InterProcessSemaphoreV2(client, path, { maxLeases: 1 });
  }

  /** Waits for the lock; the holder itself, too. Throws the fault `timeout`, or the signal's reason. */
  async acquire(options: WaitOptions = {}): Promise<Hold> {
    return await this.#semaphore.acquire(options);
  }

  /** Takes the lock where nobody has it or waits for it; undefined otherwise. */
  async tryAcquire(options: WaitOptions = {}): Promise<Hold | undefined> {
    return await this.#semaphore.tryAcquire(options);
  }
}
