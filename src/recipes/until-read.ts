/**
 * Waiting for what a znode shows: it is read with a watch, and read again at each event and on each new connection.
 */
import { Bell } from "./latch.ts";
import type { Patience } from "./patience.ts";
import { currentSession, persevere } from "./perseverance.ts";
import type { RecipeClient, WatchListener } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** What a read came to: something to give back, or `undefined` to wait on. */
export type WatchedRead<T> = (watch: WatchListener) => Promise<T | undefined>;

/**
 * Reads until there is something. A session that ends takes its watches along: the next one reads anew. Throws the
 * fault `closed` where the client is, and what else the read throws.
 */
export async function untilRead<T>(
  client: RecipeClient,
  patience: Patience,
  read: WatchedRead<T>,
): Promise<T> {
  const bell = new Bell();
  const ring = (): void => bell.ring();
  const end = client.onState(ring);
  try {
    for (;;) {
      await currentSession(client, patience);
      try {
        const found = await patience.of(persevere(client, async () => await read(ring)));
        if (found !== undefined) return found;
      } catch (error) {
        // The next session looks again.
        if (!isKeeperError(error, "sessionExpired")) throw error;
        continue;
      }
      await patience.of(bell.rung());
    }
  } finally {
    end();
  }
}

/** Waits until the znode is gone. */
export async function untilGone(client: RecipeClient, patience: Patience, path: string): Promise<void> {
  await untilRead(
    client,
    patience,
    async (watch) => (await client.exists(path, watch)) === undefined || undefined,
  );
}

/** The task that keeps something up to date until it is told to stop. */
export class Upkeep {
  readonly #client: RecipeClient;
  readonly #bell = new Bell();
  readonly #endState: () => void;
  #isStopped = false;
  readonly #done: Promise<void>;

  /**
   * Calls `look` at once, and again whenever it has been rung and whenever the client's state changes, one after the
   * other. What fails for the lack of a session is looked at again with the next one; what else fails is reported to
   * the client, and looked at again when something rings.
   */
  constructor(client: RecipeClient, look: () => Promise<void>) {
    this.#client = client;
    this.#endState = client.onState(() => this.ring());
    this.#done = this.#run(look);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** There is something to look at. */
  ring(): void {
    this.#bell.ring();
  }

  /** Stops; resolves when the look that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endState();
    this.ring();
    await this.#done;
  }

  async #run(look: () => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      if (this.#client.session !== undefined) {
        try {
          await persevere(this.#client, look);
        } catch (error) {
          // The next session looks again; a client that was stopped wants to hear of nothing.
          const isSession = isKeeperError(error, "sessionExpired") || isFault(error, "sessionLost");
          if (!isSession && !this.#isStopped) this.#client.report(error);
        }
      }
      if (!this.#isStopped) await this.#bell.rung();
    }
  }
}

function isFault(error: unknown, fault: RecipeError["fault"]): boolean {
  return error instanceof RecipeError && error.fault === fault;
}
