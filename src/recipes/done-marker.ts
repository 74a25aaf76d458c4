/**
 * A znode of one's own that tells which of one's transactions was done last. Each transaction sets it, too; where
 * the answer is lost, it is read behind a sync, and tells whether the transaction was done. So it is done once, and
 * that is known, as long as the session lives that the marker belongs to.
 *
 * Znodes: PARENT (container) / 32HEX (ephemeral, its data the number of the last transaction).
 */
import { NO_DATA, persevere } from "./perseverance.ts";
import { createProtected } from "./protected-create.ts";
import type { RecipeClient, RecipeSession, TransactionPart } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";
import { uuidHex } from "./unique-name.ts";

/** See the file's comment. */
export class DoneMarker {
  readonly #client: RecipeClient;
  readonly #parent: string;
  #session: RecipeSession | undefined;
  #path: string | undefined;
  #serial = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: RecipeClient, parent: string) {
    this.#client = client;
    this.#parent = parent;
  }

  /**
   * Does the transaction once. Rejects with the code of the part that failed, or, where the session ends before it is
   * known, with the fault `unknownOutcome`. One at a time: another call waits.
   */
  async commit(parts: readonly TransactionPart[]): Promise<void> {
    const before = this.#last;
    const own = (async () => {
      // Its own caller has heard of its failure.
      await before.catch(() => undefined);
      await this.#commit(parts);
    })();
    this.#last = own;
    await own;
  }

  async #commit(parts: readonly TransactionPart[]): Promise<void> {
    const serial = String(++this.#serial);
    const data = new TextEncoder().encode(serial);
    let isUnknown = false;
    for (;;) {
      const path = await this.#ensure(isUnknown);
      try {
        await this.#client.transaction([...parts, { op: "set", path, data, version: -1 }]);
        return;
      } catch (error) {
        // The marker went with its session, or its parent by itself: it is begun anew where nothing can have been done.
        if (isKeeperError(error, "sessionExpired")) {
          if (isUnknown) throw unknownOutcome(error);
          continue;
        }
        if (!isTransient(error)) {
          if (isKeeperError(error, "noNode") && (await this.#isGone(path))) continue;
          throw error;
        }
        isUnknown = true;
        if ((await this.#read(path, error)) === serial) return;
        isUnknown = false;
      }
    }
  }

  /** The marker of the client's session. */
  async #ensure(isUnknown: boolean): Promise<string> {
    const { session } = this.#client;
    if (session === undefined || session.lost.aborted)
      throw new RecipeError("sessionLost", "there is no session");
    if (this.#session === session && this.#path !== undefined) return this.#path;
    if (isUnknown) throw unknownOutcome(undefined);
    const wanted = {
      parent: this.#parent,
      prefix: uuidHex(this.#client),
      mode: "ephemeral",
      data: NO_DATA,
    } as const;
    const { path } = await createProtected(this.#client, session, wanted);
    this.#session = session;
    this.#path = path;
    return path;
  }

  /** Somebody has deleted the marker: another one is made. */
  async #isGone(path: string): Promise<boolean> {
    const stat = await persevere(this.#client, async () => await this.#client.exists(path));
    if (stat === undefined) this.#path = undefined;
    return stat === undefined;
  }

  async #read(path: string, cause: unknown): Promise<string> {
    try {
      await persevere(this.#client, async () => await this.#client.sync(path));
      const { data } = await persevere(this.#client, async () => await this.#client.get(path));
      return data === null ? "" : new TextDecoder().decode(data);
    } catch (error) {
      if (isKeeperError(error, "noNode", "sessionExpired")) throw unknownOutcome(cause);
      throw error;
    }
  }

  /** Takes the marker away: childless, its parent goes by itself. */
  async close(): Promise<void> {
    const path = this.#path;
    if (path === undefined || this.#session === undefined || this.#session.lost.aborted) return;
    this.#path = undefined;
    try {
      await persevere(this.#client, async () => await this.#client.delete(path));
    } catch (error) {
      // It is gone, by itself or with its session.
      if (!isKeeperError(error, "noNode", "sessionExpired")) throw error;
    }
  }
}

function unknownOutcome(cause: unknown): RecipeError {
  return new RecipeError(
    "unknownOutcome",
    "the session ended before the transaction was known to be done",
    cause,
  );
}

/** Where the markers of a queue are: beside it, as all that is below it counts as an entry there. */
export function markersOf(path: string): string {
  return `${path}-markers`;
}
