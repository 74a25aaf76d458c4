/**
 * Barrier: kazoo's name for a door that is shut while its znode is there.
 *
 * What can go wrong: what can with a DistributedBarrier, which it excludes and is excluded by on the same path, and
 * the same happens. kazoo's own `wait` may throw when the connection is lost; this one looks again.
 *
 * Znodes: PATH (persistent). Source: kazoo recipe/barrier.py, Barrier.
 */
import { DistributedBarrier } from "./distributed-barrier.ts";
import type { WaitOptions } from "./patience.ts";
import { persevere } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class Barrier {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #barrier: DistributedBarrier;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
    this.#barrier = new DistributedBarrier(client, path);
  }

  /** Shuts it; one that is shut stays so. */
  async create(): Promise<void> {
    await this.#barrier.setBarrier();
  }

  /** Opens it; whether it was shut, as far as was seen. */
  async remove(): Promise<boolean> {
    const stat = await persevere(this.#client, async () => await this.#client.exists(this.#path));
    await this.#barrier.removeBarrier();
    return stat !== undefined;
  }

  /** Waits until it is open. Throws the fault `timeout`, or the signal's reason. */
  async wait(options: WaitOptions = {}): Promise<void> {
    await this.#barrier.waitOnBarrier(options);
  }
}
