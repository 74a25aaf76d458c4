/**
 * ServiceProvider: one instance of a service whenever it is asked for, by a strategy; instances that failed are
 * left out for a while.
 *
 * What can go wrong, and what happens then:
 * - An instance's process dies: it is given until its session is over. Say so by `noteError`, and it is left out at
 *   once when it has failed so often.
 * - All have failed, or there is none: undefined.
 * - The connection or the session is lost: instances are those that were seen last.
 *
 * Znodes: those of its ServiceCache. Source: Curator x-discovery ServiceProvider, DownInstancePolicy, strategies.
 */
import type { RecipeClient } from "./recipe-client.ts";
import type { ServiceCache } from "./service-cache.ts";
import type { ServiceInstance } from "./service-instance.ts";

/** Which of them is given: by chance, in turn, or the same as long as it is there. */
export type ProviderStrategy = "random" | "roundRobin" | "sticky";

/** What a provider is made with. */
export interface ServiceProviderSettings {
  /** Default `roundRobin`. */
  readonly strategy?: ProviderStrategy | undefined;
  /** After so many errors within so long an instance is left out until that time is over. Default 2 in 30,000 ms. */
  readonly downInstancePolicy?: { readonly errorThreshold: number; readonly timeoutMs: number } | undefined;
  /** Further conditions. */
  readonly filter?: ((instance: ServiceInstance) => boolean) | undefined;
}

const DOWN_INSTANCE_POLICY = { errorThreshold: 2, timeoutMs: 30_000 } as const;

/** See the file's comment. */
export class ServiceProvider {
  readonly #client: RecipeClient;
  readonly #settings: ServiceProviderSettings;
  readonly #cache: ServiceCache;
  readonly #errors = new Map<string, { readonly fromMs: number; count: number }>();
  #turn = 0;
  #stickyId: string | undefined;

  constructor(client: RecipeClient, cache: ServiceCache, settings: ServiceProviderSettings = {}) {
    this.#client = client;
    this.#cache = cache;
    this.#settings = settings;
  }

  /** Begins; resolves when the instances were read. Once. */
  async start(): Promise<this> {
    await this.#cache.start();
    return this;
  }

  /** One of them; undefined where there is none that may be given. */
  getInstance(): ServiceInstance | undefined {
    const instances = this.getAllInstances();
    if (instances.length === 0) return undefined;
    const { strategy = "roundRobin" } = this.#settings;
    if (strategy === "random") return instances[this.#chance(instances.length)];
    if (strategy === "roundRobin") return instances[this.#turn++ % instances.length];
    const sticky =
      instances.find(({ id }) => id === this.#stickyId) ?? instances[this.#chance(instances.length)];
    this.#stickyId = sticky?.id;
    return sticky;
  }

  /** All that may be given, in the order of their ids. */
  getAllInstances(): readonly ServiceInstance[] {
    const { filter } = this.#settings;
    return this.#cache.instances.filter(
      (instance) => !this.#isDown(instance) && (filter?.(instance) ?? true),
    );
  }

  /** The instance has failed. */
  noteError({ id }: ServiceInstance): void {
    const status = this.#status(id) ?? { fromMs: this.#client.clock.nowMs, count: 0 };
    status.count++;
    this.#errors.set(id, status);
  }

  /** Gives nothing new. */
  async close(): Promise<void> {
    await this.#cache.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #policy(): { readonly errorThreshold: number; readonly timeoutMs: number } {
    return this.#settings.downInstancePolicy ?? DOWN_INSTANCE_POLICY;
  }

  #isDown({ id }: ServiceInstance): boolean {
    return (this.#status(id)?.count ?? 0) >= this.#policy.errorThreshold;
  }

  /** The errors of the time that still counts. */
  #status(id: string): { readonly fromMs: number; count: number } | undefined {
    const status = this.#errors.get(id);
    if (status === undefined || this.#client.clock.nowMs - status.fromMs < this.#policy.timeoutMs)
      return status;
    this.#errors.delete(id);
    return undefined;
  }

  #chance(count: number): number {
    const [a = 0, b = 0] = this.#client.randomBytes(2);
    return (a * 256 + b) % count;
  }
}
