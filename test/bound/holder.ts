/** An object that does to a lock, over several requests, what a test says; its stubs live on between them. */
import { DurableObject } from "cloudflare:workers";
import type {
  Contender,
  EdgekeeperBinding,
  Lease,
  LeaseEnd,
  LockOptions,
} from "../../src/binding/binding.ts";
import { signalOf } from "../../src/binding/signal-of.ts";
import { told } from "./told.ts";

/** What the Workers of this test are bound to. */
export interface BoundEnv {
  readonly EDGEKEEPER: EdgekeeperBinding;
  /** With props that are none. */
  readonly STRANGE: EdgekeeperBinding;
  /** With another ensemble. */
  readonly ELSEWHERE: EdgekeeperBinding;
  /** May read below /scoped, and no more. */
  readonly READER: EdgekeeperBinding;
  /** May do everything there, and take the locks below scoped/. */
  readonly SCOPED: EdgekeeperBinding;
  /** As much as a token may that is none. */
  readonly NO_TOKEN: EdgekeeperBinding;
  readonly HOLDER: DurableObjectNamespace<Holder>;
}

/** See the file's comment. */
export class Holder extends DurableObject<BoundEnv> {
  #lease: Lease | undefined;
  #contender: Contender | undefined;
  #waiting: Promise<unknown> | undefined;
  #lost: LeaseEnd | undefined;
  #signal: AbortSignal | undefined;

  /** Takes a lock and keeps its stub. */
  async take(name: string, options: LockOptions): Promise<unknown> {
    return await told(async () => await this.#keep(await this.env.EDGEKEEPER.lock(name, options)));
  }

  /** Stands in a queue; `outcome` tells what comes of it. */
  async contend(name: string, options: LockOptions): Promise<void> {
    const contender = await this.env.EDGEKEEPER.contend(name, options);
    this.#contender = contender;
    this.#waiting = told(async () => await this.#keep(await contender.held()));
  }

  /** The same, by a promise that is then let go of. */
  async lockAndLetGo(name: string, options: LockOptions): Promise<void> {
    const promise = this.env.EDGEKEEPER.lock(name, options);
    (promise as unknown as Disposable)[Symbol.dispose]();
  }

  /** What came of standing in the queue. */
  async outcome(): Promise<unknown> {
    return await this.#waiting;
  }

  /** Gives the place up. */
  async leave(): Promise<void> {
    await this.#contender?.leave();
  }

  /** Has the whole time again. */
  async renew(): Promise<unknown> {
    return await told(async () => await this.#lease?.renew());
  }

  /** Gives the lock back. */
  async release(): Promise<unknown> {
    return await told(async () => await this.#lease?.release());
  }

  /** Lets go of the stub. */
  async letGo(): Promise<void> {
    this.#lease?.[Symbol.dispose]();
  }

  /** How the lock was lost, once it was. */
  async state(): Promise<unknown> {
    const reason: unknown = this.#signal?.aborted === true ? this.#signal.reason : undefined;
    return { lost: this.#lost, reason: reason instanceof Error ? reason.message : reason };
  }

  /** Dies without a word. */
  async die(): Promise<void> {
    this.ctx.abort("as the test says");
  }

  async #keep(lease: Lease): Promise<unknown> {
    this.#lease = lease;
    this.#signal = signalOf(lease);
    const ending = await lease.ending();
    ending.lost().then(
      (end) => (this.#lost = end),
      () => undefined,
    );
    return { token: await lease.token, path: await lease.path, expiresInMs: await lease.expiresInMs };
  }
}
