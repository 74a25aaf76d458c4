/**
 * InterProcessMutex: a fair lock over all processes, on one path with Curator's and kazoo's.
 *
 * What can go wrong, and what happens then:
 * - The holder dies: its session ends after its timeout, and the next in the queue is woken.
 * - The holder cannot reach any server: `signal` is aborted before its session can be over, by its own clock. Whoever
 *   goes on regardless is told apart by its `token`, which is smaller than the next holder's.
 * - The connection is lost: the lock is kept as long as the session is. The client goes to another replica.
 * - The answer to the create is lost: the znode is found again by its name. Nobody stands in the queue twice.
 * - The waiter gives up: its znode goes. Its session ends: it queues anew, at the end.
 * - Somebody deletes the holder's znode, an operator say: `signal` is aborted, and the next one holds the lock.
 *
 * JavaScript has no threads by which to know who asks again: who holds the lock shows its hold (`held`) to enter it
 * once more. All of them share the znode and the token; the last one to be released gives it back.
 *
 * Znodes: PATH (container) / _c_UUID-lock-NNNNNNNNNN (ephemeral sequential).
 * Source: Curator InterProcessMutex, LockInternals.
 */
import type { Hold } from "./hold.ts";
import { blockerOfWriter, LOCK_MARKS } from "./lock-queue.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { mustHold, participantsOf, type QueueSettings, standInQueue, takeIfFirst } from "./stand-in-queue.ts";
import { protectedPrefix } from "./unique-name.ts";

/** What a mutex is made with. */
export interface MutexSettings {
  /** Read by others who look at the queue: who waits. */
  readonly data?: Uint8Array | undefined;
  /** Somebody asks for the lock by Curator's Revoker; it is the holder's to give it back. */
  readonly onRevoke?: (() => void) | undefined;
}

/** How to acquire a lock that may be entered again. */
export interface ReentrantOptions extends WaitOptions {
  /** What one has of the lock already: then it is entered once more, without waiting. */
  readonly held?: Hold | undefined;
}

/** See the file's comment. */
export class InterProcessMutex {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: MutexSettings;

  constructor(client: RecipeClient, path: string, settings: MutexSettings = {}) {
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
  }

  /** Waits for the lock. Throws the fault `timeout`, the signal's reason, or `notHeld` for a `held` that is none. */
  async acquire(options: ReentrantOptions = {}): Promise<Hold> {
    if (options.held !== undefined) return mustHold(options.held, this.#path).enter();
    return await standInQueue(this.#client, this.#queue(), options);
  }

  /** Takes the lock where nobody has it or waits for it; undefined otherwise. */
  async tryAcquire(options: ReentrantOptions = {}): Promise<Hold | undefined> {
    if (options.held !== undefined) return mustHold(options.held, this.#path).enter();
    return await takeIfFirst(this.#client, this.#queue(), options);
  }

  /** The paths of all in the queue, the holder's first: what Revoker is aimed at. */
  async participants(): Promise<readonly string[]> {
    return await participantsOf(this.#client, this.#path, ALL_MARKS);
  }

  #queue(): QueueSettings {
    return {
      path: this.#path,
      prefix: () => `${protectedPrefix(this.#client)}${LOCK_MARKS.mutex}`,
      marks: ALL_MARKS,
      blockerOf: blockerOfWriter,
      ...this.#settings,
    };
  }
}

const ALL_MARKS: readonly string[] = Object.values(LOCK_MARKS);
