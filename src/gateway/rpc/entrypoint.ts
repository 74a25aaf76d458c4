/**
 * The service binding: what a Worker of the same account calls. Nothing outside of the account can: an entrypoint has
 * no address, and this one answers no fetch. docs/binding.md tells its users all of it.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import type {
  Instance,
  LockOptions,
  LockQueue,
  MultiWritten,
  Operation,
  ReadOptions,
  SemaphoreOptions,
  WriteOptions,
} from "../../binding/binding.ts";
import type { GatewayEnv } from "../documents.ts";
import { ApiCaller, type BindingApi, segment } from "./api-caller.ts";
import type { BindingProps } from "./binding-props.ts";
import { ContenderTarget, type LeaseTarget, contestOf } from "./lease.ts";
import { ConfigTarget } from "./config.ts";
import { CounterTarget } from "./counter.ts";
import { ElectionTarget } from "./election.ts";
import { multi, NodeTarget, SessionTarget } from "./node.ts";
import { WatchTarget } from "./watch.ts";

/** See EdgekeeperBinding for what each method does. */
export abstract class BindingEntrypoint extends WorkerEntrypoint<GatewayEnv, BindingProps> {
  /** One per isolate: made by whoever makes the Worker. */
  protected abstract readonly api: BindingApi;

  /** Takes a lock. */
  async lock(name: string, options?: LockOptions): Promise<LeaseTarget> {
    return await this.#take(name, options);
  }

  /** Takes a permit of a semaphore. */
  async semaphore(name: string, options: SemaphoreOptions): Promise<LeaseTarget> {
    // Without options it would be a lock.
    return await this.#take(name, { ...options, permits: options?.permits });
  }

  /** Stands in the queue of a lock, or semaphore. */
  contend(name: string, options?: LockOptions | SemaphoreOptions): ContenderTarget {
    return ContenderTarget.stand(this.#caller(), contestOf(name, options));
  }

  /** An election. */
  election(name: string): ElectionTarget {
    return new ElectionTarget(this.#caller(), name);
  }

  /** Who holds a lock, and who waits. */
  async lockQueue(name: string, { consistency = "local", minZxid }: ReadOptions = {}): Promise<LockQueue> {
    const path = `${contestOf(name).url}?consistency=${segment(consistency)}`;
    const told = await this.#caller().json({ method: "GET", path, headers: { "min-zxid": minZxid } });
    return told as unknown as LockQueue;
  }

  /** A znode. */
  node(path: string): NodeTarget {
    return new NodeTarget(this.#caller(), path);
  }

  /** Watches a znode. */
  watch(path: string): WatchTarget {
    return new WatchTarget(this.#caller(), path);
  }

  /** The instances of a service. */
  async instances(
    service: string,
    { consistency = "local", minZxid }: ReadOptions = {},
  ): Promise<readonly Instance[]> {
    const path = `/services/${segment(service)}?consistency=${segment(consistency)}`;
    const told = await this.#caller().json({ method: "GET", path, headers: { "min-zxid": minZxid } });
    return told["instances"] as readonly Instance[];
  }

  /** A configuration document. */
  config(name: string): ConfigTarget {
    return new ConfigTarget(this.#caller(), name);
  }

  /** A counter. */
  counter(name: string): CounterTarget {
    return new CounterTarget(this.#caller(), name);
  }

  /** Several writes in one transaction. */
  async multi(operations: readonly Operation[], options?: WriteOptions): Promise<MultiWritten> {
    return await multi(this.#caller(), operations, options);
  }

  /** Makes a session. */
  async session(options?: { readonly timeoutMs?: number }): Promise<SessionTarget> {
    return await SessionTarget.open(this.#caller(), options);
  }

  /** Not kept at work by this: where the calling Worker's event ends, the place in the queue is given up. */
  async #take(name: string, options?: LockOptions | SemaphoreOptions): Promise<LeaseTarget> {
    return await new ContenderTarget(this.#caller(), contestOf(name, options)).held();
  }

  #caller(): ApiCaller {
    return new ApiCaller(this.api, this.env, this.ctx);
  }
}
