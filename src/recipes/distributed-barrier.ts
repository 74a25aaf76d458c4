/**
 * DistributedBarrier: a door that is shut while its znode is there.
 *
 * What can go wrong, and what happens then:
 * - The connection or the session of one who waits is lost: it looks again. Nobody is let through while the znode
 *   is there.
 * - The replica of one who waits lags: it is made to catch up first, so who asks after the barrier was set finds it
 *   shut.
 * - The one dies that set the barrier: it stays shut, as its znode belongs to no session. Whoever may remove it
 *   opens it.
 * - The answer to a set or a removal is lost: it is done again, which changes nothing.
 *
 * Znodes: PATH (persistent). Source: Curator DistributedBarrier, ZooKeeper recipes (barriers).
 */
import { Patience, type WaitOptions } from "./patience.ts";
import { deleteSurely, NO_DATA, persevere, withParents } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";
import { untilRead } from "./until-read.ts";

/** See the file's comment. */
export class DistributedBarrier {
  readonly #client: RecipeClient;
  readonly #path: string;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /** Shuts it; one that is shut stays so. */
  async setBarrier(): Promise<void> {
    const client = this.#client;
    const create = async (): Promise<unknown> =>
      await persevere(
        client,
        async () => await client.create(this.#path, { mode: "persistent", data: NO_DATA }),
      );
    try {
      await withParents(client, this.#path, create);
    } catch (error) {
      // It is up already.
      if (!isKeeperError(error, "nodeExists")) throw error;
    }
  }

  /** Opens it; one that is open stays so. */
  async removeBarrier(): Promise<void> {
    await deleteSurely(this.#client, this.#path);
  }

  /** Waits until it is open. Throws the fault `timeout`, or the signal's reason. */
  async waitOnBarrier(options: WaitOptions = {}): Promise<void> {
    using patience = new Patience(this.#client.clock, options, `the barrier ${this.#path} is shut`);
    // The replica that is asked may lag: what it shows first must not be older than a set that was answered before.
    const path = this.#path;
    const client = this.#client;
    await untilRead(client, patience, async (watch) => {
      await client.sync(path);
      return (await client.exists(path, watch)) === undefined || undefined;
    });
  }
}
