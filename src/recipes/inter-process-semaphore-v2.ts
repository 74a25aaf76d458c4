/**
 * InterProcessSemaphoreV2: so many leases over all processes, fairly given.
 *
 * Who wants a lease takes a lock first; under it, it puts its znode among the leases, and waits until there are no
 * more than there may be. So one alone watches the leases, and the end of a lease wakes one.
 *
 * What can go wrong, and what happens then:
 * - A holder dies: its lease goes with its session, and who waits is woken.
 * - The one dies that waits under the lock: so do its lock and its znode among the leases, and the next one waits.
 * - A holder cannot reach any server: its `signal` is aborted before its session can be over.
 * - The answer to a create is lost: the znode is found again by its name.
 * - Processes disagree on how many leases there are: each keeps to its own number. Give them one SharedCount.
 *
 * A token is larger than those of all leases given before; others may hold leases at the same time.
 *
 * Znodes: PATH/locks as InterProcessMutex; PATH/leases (container) / _c_UUID-lease-NNNNNNNNNN (ephemeral sequential).
 * Source: Curator InterProcessSemaphoreV2.
 */
import { childOf, nameOf } from "../base/path.ts";
import { HeldZnode, type Hold } from "./hold.ts";
import { InterProcessMutex } from "./inter-process-mutex.ts";
import { Bell } from "./latch.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { currentSession, inBackground, isSessionOver, persevere } from "./perseverance.ts";
import { createProtected } from "./protected-create.ts";
import type { RecipeClient, RecipeSession } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { protectedPrefix } from "./unique-name.ts";

/** A number that may change while it is used: SharedCount is one. */
export interface LeaseCount {
  readonly count: number;
  /** Calls the listener at each change; the returned function ends that. */
  onCount(listener: (count: number) => void): () => void;
}

/** What a semaphore is made with. */
export interface SemaphoreV2Settings {
  readonly maxLeases: number | LeaseCount;
  /** Read by others who look at the leases. */
  readonly data?: Uint8Array | undefined;
}

const LEASE = "lease-";

/** See the file's comment. */
export class InterProcessSemaphoreV2 {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: SemaphoreV2Settings;
  readonly #lock: InterProcessMutex;

  constructor(client: RecipeClient, path: string, settings: SemaphoreV2Settings) {
    const { maxLeases } = settings;
    if (typeof maxLeases === "number" && !(Number.isInteger(maxLeases) && maxLeases > 0))
      throw new RecipeError("misuse", `maxLeases ${maxLeases}: give a whole number from 1 up`);
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
    this.#lock = new InterProcessMutex(client, childOf(path, "locks"));
  }

  /** Waits for a lease. Throws the fault `timeout`, or the signal's reason. */
  async acquire(options: WaitOptions = {}): Promise<Hold> {
    using patience = new Patience(
      this.#client.clock,
      options,
      `the leases of ${this.#path} are held by others`,
    );
    for (;;) {
      const lock = await this.#locked(patience);
      try {
        const hold = await this.#lease(patience, false);
        if (hold !== undefined) return hold;
      } finally {
        inBackground(lock.release());
      }
    }
  }

  /** Takes a lease where one is free and nobody waits; undefined otherwise. */
  async tryAcquire(options: WaitOptions = {}): Promise<Hold | undefined> {
    using patience = new Patience(this.#client.clock, options, `no answer about ${this.#path}`);
    const lock = await this.#lock.tryAcquire(options);
    if (lock === undefined) return undefined;
    try {
      return await this.#lease(patience, true);
    } finally {
      inBackground(lock.release());
    }
  }

  /** So many leases, all or none. Throws as `acquire` does, and has given back all that it had by then. */
  async acquireAll(count: number, options: WaitOptions = {}): Promise<readonly Hold[]> {
    const holds: Hold[] = [];
    const untilMs = this.#client.clock.nowMs + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
    try {
      while (holds.length < count) {
        const leftMs = Math.max(0, untilMs - this.#client.clock.nowMs);
        const timeoutMs = options.timeoutMs === undefined ? undefined : leftMs;
        holds.push(await this.acquire({ signal: options.signal, timeoutMs }));
      }
    } catch (error) {
      for (const hold of holds) inBackground(hold.release());
      throw error;
    }
    return holds;
  }

  /** The names of the leases that are held, or about to be. */
  async participants(): Promise<readonly string[]> {
    try {
      const leases = childOf(this.#path, "leases");
      return (await persevere(this.#client, async () => await this.#client.children(leases))).names;
    } catch (error) {
      // No znode, no leases.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }

  get #maxLeases(): number {
    const { maxLeases } = this.#settings;
    return typeof maxLeases === "number" ? maxLeases : maxLeases.count;
  }

  async #locked(patience: Patience): Promise<Hold> {
    const aborter = new AbortController();
    const locking = this.#lock.acquire({ signal: aborter.signal });
    try {
      return await patience.of(locking);
    } catch (error) {
      aborter.abort();
      // It may have been given at the same moment.
      inBackground(locking.then(async (hold) => await hold.release()));
      throw error;
    }
  }

  /** Under the lock; undefined where the place is lost, or where nothing is free and we do not wait. */
  async #lease(patience: Patience, isTry: boolean): Promise<Hold | undefined> {
    const session = await currentSession(this.#client, patience);
    const creating = this.#join(session);
    let znode: HeldZnode;
    try {
      znode = await patience.of(creating);
    } catch (error) {
      // The place went with the session: undefined, and it is tried again in the next one.
      inBackground(creating.then(async (late) => await late.giveUp()));
      if (patience.isOver || !isSessionOver(error, session)) throw error;
      return undefined;
    }
    try {
      if ((await this.#fits(znode, patience, isTry)) && !znode.lost.aborted) return znode.enter();
      await patience.of(znode.giveUp());
      return undefined;
    } catch (error) {
      // The place went with the session: undefined, and it is tried again in the next one.
      inBackground(znode.giveUp());
      if (patience.isOver || !isSessionOver(error, session)) throw error;
      return undefined;
    }
  }

  async #join(session: RecipeSession): Promise<HeldZnode> {
    const prefix = `${protectedPrefix(this.#client)}${LEASE}`;
    const parent = childOf(this.#path, "leases");
    const { data } = this.#settings;
    const wanted = { parent, prefix, mode: "ephemeralSequential", data } as const;
    return new HeldZnode(this.#client, session, await createProtected(this.#client, session, wanted));
  }

  /** Waits until there are no more znodes than there may be; false where ours is lost. */
  async #fits(znode: HeldZnode, patience: Patience, isTry: boolean): Promise<boolean> {
    const bell = new Bell();
    const ring = (): void => bell.ring();
    const { maxLeases } = this.#settings;
    const end = typeof maxLeases === "number" ? undefined : maxLeases.onCount(ring);
    znode.lost.addEventListener("abort", ring);
    const leases = childOf(this.#path, "leases");
    const watch = isTry ? undefined : ring;
    try {
      await patience.of(persevere(this.#client, async () => await znode.guard()));
      for (;;) {
        const list = async (): Promise<readonly string[]> =>
          (await this.#client.children(leases, watch)).names;
        const names = await patience.of(persevere(this.#client, list));
        if (!names.includes(nameOf(znode.path)) || znode.lost.aborted) return false;
        if (names.length <= this.#maxLeases) return true;
        if (isTry) return false;
        await patience.of(bell.rung());
      }
    } finally {
      end?.();
      znode.lost.removeEventListener("abort", ring);
    }
  }
}
