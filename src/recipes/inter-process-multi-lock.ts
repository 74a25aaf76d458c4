/**
 * InterProcessMultiLock: several locks as one, all or none.
 *
 * What can go wrong, and what happens then:
 * - One lock cannot be had in time: those that were taken before it are given back.
 * - One of them is lost: `signal` is aborted, as what is held is no longer all. The rest stays held until `release`.
 * - Two processes name the same locks in different orders: each may wait for what the other has. The locks are
 *   taken in the order given, as in Curator; give them in the same order everywhere, or a timeout.
 *
 * Znodes: those of its locks. Source: Curator InterProcessMultiLock.
 */
import type { Hold } from "./hold.ts";
import type { WaitOptions } from "./patience.ts";
import { inBackground } from "./perseverance.ts";
import type { RecipeClient, RecipeClock } from "./recipe-client.ts";
import { InterProcessMutex } from "./inter-process-mutex.ts";
import { RecipeError } from "./recipe-error.ts";

/** Any lock of this package. */
export interface AnyLock {
  acquire(options?: WaitOptions): Promise<Hold>;
  tryAcquire(options?: WaitOptions): Promise<Hold | undefined>;
}

/** All of the locks, held. */
export class MultiHold implements AsyncDisposable {
  readonly holds: readonly Hold[];
  /** Aborted when any of them is lost or may be. */
  readonly signal: AbortSignal;

  constructor(holds: readonly Hold[]) {
    this.holds = holds;
    this.signal = AbortSignal.any(holds.map((hold) => hold.signal));
  }

  /** Their tokens, in the order of the locks. */
  get tokens(): readonly string[] {
    return this.holds.map(({ token }) => token);
  }

  /** Gives all back, the last one first. */
  async release(): Promise<void> {
    await releaseAll(this.holds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** See the file's comment. */
export class InterProcessMultiLock {
  readonly #clock: RecipeClock;
  readonly #locks: readonly AnyLock[];

  /** A path stands for the InterProcessMutex there. */
  constructor(client: RecipeClient, locks: readonly (AnyLock | string)[]) {
    if (locks.length === 0) throw new RecipeError("misuse", "no locks: give at least one");
    this.#clock = client.clock;
    this.#locks = locks.map((lock) =>
      typeof lock === "string" ? new InterProcessMutex(client, lock) : lock,
    );
  }

  /**
   * Waits for all, for `timeoutMs` together. Throws the fault `timeout`, or the signal's reason; then it holds
   * none.
   */
  async acquire(options: WaitOptions = {}): Promise<MultiHold> {
    const { signal, timeoutMs } = options;
    const untilMs = timeoutMs === undefined ? undefined : this.#clock.nowMs + timeoutMs;
    const holds: Hold[] = [];
    try {
      for (const lock of this.#locks) {
        const leftMs = untilMs === undefined ? undefined : Math.max(0, untilMs - this.#clock.nowMs);
        holds.push(await lock.acquire({ signal, timeoutMs: leftMs }));
      }
    } catch (error) {
      inBackground(releaseAll(holds));
      throw error;
    }
    return new MultiHold(holds);
  }

  /** Takes all where all are free; undefined otherwise, and then it holds none. */
  async tryAcquire(options: WaitOptions = {}): Promise<MultiHold | undefined> {
    const holds: Hold[] = [];
    try {
      for (const lock of this.#locks) {
        const hold = await lock.tryAcquire(options);
        if (hold === undefined) {
          await releaseAll(holds);
          return undefined;
        }
        holds.push(hold);
      }
    } catch (error) {
      inBackground(releaseAll(holds));
      throw error;
    }
    return new MultiHold(holds);
  }
}

async function releaseAll(holds: readonly Hold[]): Promise<void> {
  const outcomes = await Promise.allSettled(holds.toReversed().map(async (hold) => await hold.release()));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
