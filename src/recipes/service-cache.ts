/**
 * ServiceCache: the instances of one service, kept at hand, with word of their changes.
 *
 * What can go wrong, and what happens then:
 * - An instance's process dies: it is gone from here when its session is over.
 * - The connection or the session is lost: what is at hand grows old, and is read again when there is a connection.
 * - What an instance has written cannot be read: it is left out, and reported to the client.
 *
 * Znodes: BASE/NAME/ID. Source: Curator x-discovery ServiceCache.
 */
import { childOf } from "../base/path.ts";
import { PathChildrenCache } from "./path-children-cache.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { parseInstance, type ServiceInstance } from "./service-instance.ts";

/** See the file's comment. */
export class ServiceCache {
  readonly #client: RecipeClient;
  readonly #cache: PathChildrenCache;

  constructor(client: RecipeClient, basePath: string, name: string) {
    this.#client = client;
    this.#cache = new PathChildrenCache(client, childOf(basePath, name));
  }

  /** Begins; resolves when the instances were read. Once. */
  async start(): Promise<this> {
    await this.#cache.start();
    return this;
  }

  /** The instances as they were read last, those that are not enabled left out, in the order of their ids. */
  get instances(): readonly ServiceInstance[] {
    const found: ServiceInstance[] = [];
    for (const { path, data } of this.#cache.currentData) {
      try {
        const instance = parseInstance(data, path);
        if (instance.enabled) found.push(instance);
      } catch (error) {
        this.#client.report(error);
      }
    }
    return found;
  }

  /** Calls the listener whenever an instance comes, changes or goes. */
  onChange(listener: () => void): () => void {
    return this.#cache.onEvent(() => listener());
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    await this.#cache.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
