/**
 * LockingQueue: kazoo's, entries by priority that are locked while one works on them, and go when it says so.
 *
 * What can go wrong, and what happens then:
 * - The one dies that works on an entry: the lock goes with its session, and another one takes the entry.
 * - Its session ends while it works: the entry's `signal` is aborted; `consume` and `release` are false.
 * - The answer to a put is lost: a marker tells; an entry is put once. The answer to `consume` is lost: the lock
 *   tells.
 * - The connection or the session of one who waits is lost: it looks again.
 *
 * Znodes: PATH/entries (container) / entry-PPP-NNNNNNNNNN (persistent sequential), PATH/taken (container) / ENTRY
 * (ephemeral, its data the worker); PATH/entries-markers (container) / 32HEX (ephemeral).
 * Source: kazoo recipe/queue.py, LockingQueue.
 */
import { childOf } from "../base/path.ts";
import { Entries } from "./entries.ts";
import { HeldZnode } from "./hold.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import {
  currentSession,
  deleteEphemeral,
  inBackground,
  isSessionOver,
  makeContainers,
  NO_DATA,
  persevere,
} from "./perseverance.ts";
import { createOwned } from "./protected-create.ts";
import { DEFAULT_PRIORITY, priorityDigits } from "./queue.ts";
import type { RecipeClient, WatchListener } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { uuidHex } from "./unique-name.ts";

/** An entry that is locked. */
export interface LockedEntry {
  readonly data: Uint8Array;
  /** Larger than those of all who worked on the entry before. */
  readonly token: string;
  /** Aborted when the lock is lost or may be: another one may work on the entry. */
  readonly signal: AbortSignal;
}

interface Work extends LockedEntry {
  readonly name: string;
  readonly znode: HeldZnode;
}

/** See the file's comment. One works on one entry at a time. */
export class LockingQueue {
  readonly #client: RecipeClient;
  readonly #taken: string;
  readonly #entries: Entries;
  readonly #id: Uint8Array;
  #work: Work | undefined;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#taken = childOf(path, "taken");
    this.#entries = new Entries(client, childOf(path, "entries"));
    this.#id = new TextEncoder().encode(uuidHex(client));
  }

  /** Puts an entry; a smaller priority, from 0 to 999, is taken earlier. */
  async put(data: Uint8Array, priority: number = DEFAULT_PRIORITY): Promise<void> {
    await this.putAll([data], priority);
  }

  /** Puts all of them or none. */
  async putAll(list: readonly Uint8Array[], priority: number = DEFAULT_PRIORITY): Promise<void> {
    const prefix = `entry-${priorityDigits(priority)}-`;
    await this.#entries.put(list.map((data) => ({ prefix, data })));
  }

  /**
   * Waits for an entry and locks it. The one that it has already is given again. Throws the fault `timeout`, or the
   * signal's reason.
   */
  async get(options: WaitOptions = {}): Promise<LockedEntry> {
    if (this.#work?.signal.aborted === false) return this.#work;
    using patience = new Patience(
      this.#client.clock,
      options,
      `no entry to work on at ${this.#entries.path}`,
    );
    this.#work = await this.#entries.untilTaken(
      patience,
      async (names, watch) => await this.#lockFirst(names, watch, patience),
    );
    return this.#work;
  }

  /** Whether it still has the lock of the entry that it works on, by the servers' word. */
  async holdsLock(): Promise<boolean> {
    const work = this.#work;
    if (work === undefined || work.signal.aborted) return false;
    await persevere(this.#client, async () => await this.#client.sync(work.znode.path));
    const stat = await persevere(this.#client, async () => await this.#client.exists(work.znode.path));
    return stat?.ephemeralOwner === work.znode.session.id;
  }

  /** The work is done: the entry goes. False where the lock was lost: another one may work on it. */
  async consume(): Promise<boolean> {
    const work = this.#take();
    const paths = [childOf(this.#entries.path, work.name), work.znode.path];
    return await this.#end(work, paths);
  }

  /** The entry stays, for whoever comes. False where the lock was lost already. */
  async release(): Promise<boolean> {
    const work = this.#take();
    return await this.#end(work, [work.znode.path]);
  }

  /** How many entries there are, those that are locked counted. */
  async size(): Promise<number> {
    return (await this.#entries.list()).length;
  }

  /** Gives back what it works on, and takes its marker away. */
  async close(): Promise<void> {
    if (this.#work !== undefined) await this.release();
    await this.#entries.close();
  }

  #take(): Work {
    const work = this.#work;
    if (work === undefined) throw new RecipeError("notHeld", "it works on no entry: get one first");
    this.#work = undefined;
    return work;
  }

  /**
   * Nobody else deletes the lock while the session lives: that it is gone after a lost answer says that it was
   * done.
   */
  async #end({ znode }: Work, paths: readonly string[]): Promise<boolean> {
    if (znode.lost.aborted) return false;
    znode.letGo();
    const { session } = znode;
    const parts = paths.map((path) => ({ op: "delete", path, version: -1 }) as const);
    let isAgain = false;
    const transaction = async (): Promise<void> => {
      // In a later session the lock could be another one's.
      if (this.#client.session !== session) throw new RecipeError("sessionLost", "the session is over");
      try {
        await this.#client.transaction(parts);
      } catch (error) {
        // An attempt before, of which the answer was lost, has done it.
        if (isAgain && isKeeperError(error, "noNode")) return;
        isAgain = true;
        throw error;
      }
    };
    try {
      await persevere(this.#client, transaction);
    } catch (error) {
      // Somebody else has it, or the session is over: false says that it was not taken.
      if (!isSessionOver(error, session) && !isKeeperError(error, "noNode")) throw error;
      inBackground(deleteEphemeral(this.#client, session, znode.path));
      return false;
    }
    return true;
  }

  async #lockFirst(
    names: readonly string[],
    watch: WatchListener,
    patience: Patience,
  ): Promise<Work | undefined> {
    const session = await currentSession(this.#client, patience);
    const taken = new Set(await this.#takenNames(watch));
    for (const name of names.toSorted()) {
      if (taken.has(name)) continue;
      const created = await createOwned(this.#client, session, {
        path: childOf(this.#taken, name),
        data: this.#id,
      });
      if (created === undefined) continue;
      const znode = new HeldZnode(this.#client, session, created);
      const entry = await this.#entries.read(name);
      if (entry !== undefined) {
        await persevere(this.#client, async () => await znode.guard());
        return { name, znode, data: entry.data ?? NO_DATA, token: znode.token, signal: znode.lost };
      }
      await znode.giveUp();
    }
    return undefined;
  }

  async #takenNames(watch: WatchListener): Promise<readonly string[]> {
    for (;;) {
      try {
        return (await persevere(this.#client, async () => await this.#client.children(this.#taken, watch)))
          .names;
      } catch (error) {
        // The parent lacks: it is made below, to be watched.
        if (!isKeeperError(error, "noNode")) throw error;
      }
      await makeContainers(this.#client, this.#taken);
    }
  }
}
