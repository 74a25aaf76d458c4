/**
 * Election: kazoo's, a function that runs while one leads.
 *
 * What can go wrong, and what happens then: as with a LeaderSelector. The function is given the hold: its signal
 * tells when leadership is lost or may be; `cancel` does not interrupt it, as in kazoo.
 *
 * Znodes: those of a Lock, with the identifier as data. Source: kazoo recipe/election.py.
 */
import type { Hold } from "./hold.ts";
import { Lock } from "./lock.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

/** See the file's comment. */
export class Election {
  readonly #lock: Lock;
  #waiting = new AbortController();

  constructor(client: RecipeClient, path: string, identifier = "") {
    this.#lock = new Lock(client, path, { identifier });
  }

  /**
   * Waits to be elected, runs the function, and gives leadership up. Gives what the function gives; undefined where
   * `cancel` was called before it was elected. Throws the fault `timeout`, the signal's reason, or what the
   * function throws.
   */
  async run<T>(lead: (leadership: Hold) => Promise<T>, options: WaitOptions = {}): Promise<T | undefined> {
    const waiting = this.#waiting;
    const signals = options.signal === undefined ? [waiting.signal] : [waiting.signal, options.signal];
    let hold: Hold;
    try {
      hold = await this.#lock.acquire({ ...options, signal: AbortSignal.any(signals) });
    } catch (error) {
      // It was cancelled: whatever ended the wait, it was not elected.
      if (waiting.signal.aborted) return undefined;
      throw error;
    }
    try {
      return await lead(hold);
    } finally {
      await hold.release();
    }
  }

  /** Who waits in `run` waits no more. Who leads goes on. */
  cancel(): void {
    this.#waiting.abort(new RecipeError("closed", "the election was cancelled"));
    this.#waiting = new AbortController();
  }

  /** The identifiers of all who take part, the leader's first. */
  async contenders(): Promise<readonly string[]> {
    return await this.#lock.contenders();
  }
}
