/**
 * Semaphore: kazoo's, with so many leases, given fairly: who wants one takes a lock, waits under it until there are
 * fewer leases than there may be, adds its own, and gives the lock back. One alone watches the leases.
 *
 * What can go wrong, and what happens then:
 * - A holder dies: its lease goes with its session. One that waits under the lock dies: so does its lock.
 * - A holder cannot reach any server: its `signal` is aborted before its session can be over.
 * - Two programs disagree on the number of leases: it stands in the data of PATH, and who brings another one is
 *   refused with the fault `misuse`. To change the number, delete the znode while nobody holds a lease.
 * - The answer to a create is lost: the znode is found again by its name.
 *
 * Znodes: PATH (persistent, its data the number) / 32HEX (ephemeral, its data the identifier); PATH-__lock__ as Lock.
 * Source: kazoo recipe/lock.py, Semaphore.
 */
import { childOf } from "../base/path.ts";
import { HeldZnode, type Hold } from "./hold.ts";
import { identifiersAt } from "./kazoo-lock.ts";
import { Bell } from "./latch.ts";
import { Lock } from "./lock.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { currentSession, inBackground, isSessionOver, persevere, withParents } from "./perseverance.ts";
import { createProtected } from "./protected-create.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { uuidHex } from "./unique-name.ts";

/** What a semaphore is made with. */
export interface SemaphoreSettings {
  /** Default 1. */
  readonly maxLeases?: number | undefined;
  /** Who this is, for `leaseHolders`. */
  readonly identifier?: string | undefined;
}

/** See the file's comment. */
export class Semaphore {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #maxLeases: number;
  readonly #data: Uint8Array;
  readonly #lock: Lock;
  #isChecked = false;

  constructor(client: RecipeClient, path: string, settings: SemaphoreSettings = {}) {
    const { maxLeases = 1, identifier = "" } = settings;
    if (!Number.isInteger(maxLeases) || maxLeases < 1)
      throw new RecipeError("misuse", `maxLeases ${maxLeases}: give a whole number from 1 up`);
    this.#client = client;
    this.#path = path;
    this.#maxLeases = maxLeases;
    this.#data = new TextEncoder().encode(identifier);
    this.#lock = new Lock(client, `${path}-__lock__`, { identifier });
  }

  /** Waits for a lease. Throws the fault `timeout`, the signal's reason, or `misuse` for another number of leases. */
  async acquire(options: WaitOptions = {}): Promise<Hold> {
    using patience = new Patience(
      this.#client.clock,
      options,
      `the leases of ${this.#path} are held by others`,
    );
    await patience.of(this.#check());
    for (;;) {
      const aborter = new AbortController();
      const locking = this.#lock.acquire({ signal: aborter.signal });
      try {
        await patience.of(locking);
        const hold = await this.#lease(patience, false);
        if (hold !== undefined) return hold;
      } finally {
        aborter.abort();
        inBackground(locking.then(async (lock) => await lock.release()));
      }
    }
  }

  /** Takes a lease where one is free and nobody waits; undefined otherwise. */
  async tryAcquire(options: WaitOptions = {}): Promise<Hold | undefined> {
    using patience = new Patience(this.#client.clock, options, `no answer about ${this.#path}`);
    await patience.of(this.#check());
    const lock = await this.#lock.tryAcquire(options);
    if (lock === undefined) return undefined;
    try {
      return await this.#lease(patience, true);
    } finally {
      inBackground(lock.release());
    }
  }

  /** The identifiers of those who hold a lease, in no order. */
  async leaseHolders(): Promise<readonly string[]> {
    try {
      const { names } = await persevere(this.#client, async () => await this.#client.children(this.#path));
      return await identifiersAt(
        this.#client,
        names.map((name) => childOf(this.#path, name)),
      );
    } catch (error) {
      // No znode, no holders.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }

  /** Makes the znode with the number of leases, or reads the number there. */
  async #check(): Promise<void> {
    if (this.#isChecked) return;
    const data = new TextEncoder().encode(String(this.#maxLeases));
    const create = async (): Promise<unknown> =>
      await persevere(
        this.#client,
        async () => await this.#client.create(this.#path, { mode: "persistent", data }),
      );
    try {
      await withParents(this.#client, this.#path, create);
    } catch (error) {
      // The number is agreed upon already: it is compared.
      if (!isKeeperError(error, "nodeExists")) throw error;
      await this.#compare();
    }
    this.#isChecked = true;
  }

  async #compare(): Promise<void> {
    const { data } = await persevere(this.#client, async () => await this.#client.get(this.#path));
    const text = data === null ? "" : new TextDecoder().decode(data);
    if (!/^\s*\d+\s*$/.test(text) || Number(text) === this.#maxLeases) return;
    throw new RecipeError(
      "misuse",
      `${this.#path} has ${text} leases, not ${this.#maxLeases}: use that number, or delete the znode`,
    );
  }

  async #lease(patience: Patience, isTry: boolean): Promise<Hold | undefined> {
    const session = await currentSession(this.#client, patience);
    try {
      if (!(await this.#untilFree(patience, isTry))) return undefined;
      const wanted = {
        parent: this.#path,
        prefix: uuidHex(this.#client),
        mode: "ephemeral",
        data: this.#data,
      } as const;
      const joining = createProtected(this.#client, session, wanted).then(
        (created) => new HeldZnode(this.#client, session, created),
      );
      try {
        const znode = await patience.of(joining);
        await patience.of(persevere(this.#client, async () => await znode.guard()));
        if (!znode.lost.aborted) return znode.enter();
      } catch (error) {
        inBackground(joining.then(async (late) => await late.giveUp()));
        throw error;
      }
    } catch (error) {
      // The place went with the session: undefined, and it is tried again in the next one.
      if (patience.isOver || !isSessionOver(error, session)) throw error;
    }
    return undefined;
  }

  async #untilFree(patience: Patience, isTry: boolean): Promise<boolean> {
    const bell = new Bell();
    const session = await currentSession(this.#client, patience);
    const ring = (): void => bell.ring();
    session.lost.addEventListener("abort", ring);
    const watch = isTry ? undefined : ring;
    try {
      for (;;) {
        const listing = persevere(this.#client, async () => await this.#client.children(this.#path, watch));
        const { names } = await patience.of(listing);
        if (session.lost.aborted) throw new RecipeError("sessionLost", "the session is over");
        if (names.length < this.#maxLeases) return true;
        if (isTry) return false;
        await patience.of(bell.rung());
      }
    } finally {
      session.lost.removeEventListener("abort", ring);
    }
  }
}
