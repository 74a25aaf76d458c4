/**
 * DistributedQueue: items that are put by some and worked on by others, each by one at a time.
 *
 * What can go wrong, and what happens then:
 * - Without `lockPath` an item is taken away before it is worked on: who dies over it, or throws, takes it along.
 * - With `lockPath` it is locked meanwhile, and goes when the work is done: who dies over it leaves it to another
 *   one. So it may be worked on twice, never not at all. Where the work throws, it is put at the end again, or
 *   goes: `errorMode`.
 * - The session ends during the work: the item is another one's; the `signal` that the work was given is aborted.
 * - The answer to a put or a take is lost: a marker tells. The session ends before that is known: `unknownOutcome`.
 * - An item cannot be read: it is taken away and told to `onError`, as in Curator.
 *
 * Znodes: PATH (container) / queue-NNNNNNNNNN (persistent sequential, its data Curator's ItemSerializer's); LOCKPATH
 * (container) / ITEM (ephemeral); PATH-markers (container) / 32HEX (ephemeral).
 * Source: Curator DistributedQueue, ItemSerializer.
 */
import { childOf } from "../base/path.ts";
import { type Entry, Entries } from "./entries.ts";
import { HeldZnode } from "./hold.ts";
import { itemBytes, itemsOf } from "./item-bytes.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { makeContainers, NO_DATA, persevere } from "./perseverance.ts";
import { createOwned } from "./protected-create.ts";
import type { RecipeClient, RecipeSession, WatchListener } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";

/** How items become bytes. */
export interface QueueSerializer<T> {
  serialize(item: T): Uint8Array;
  deserialize(bytes: Uint8Array): T;
}

/** What a queue is made with. */
export interface DistributedQueueSettings<T> {
  readonly path: string;
  readonly serializer: QueueSerializer<T>;
  /** Works on items; without it the queue only puts. */
  readonly consumer?: ((item: T, signal: AbortSignal) => Promise<void>) | undefined;
  /** Where items are locked while they are worked on. */
  readonly lockPath?: string | undefined;
  /** A put waits while there are so many. */
  readonly maxItems?: number | undefined;
  /** With a lock path: what becomes of an item whose work throws. Default `requeue`. */
  readonly errorMode?: "requeue" | "delete" | undefined;
  /** Is told what the work threw, and which items could not be read. Without it the client reports that. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How kinds of queues differ: for those in this package that are made on this one. */
export interface QueueKind {
  /** In the order in which they are to be worked on. */
  readonly sorted: (names: readonly string[]) => readonly string[];
  /** Unix time in ms from which the item may be worked on; 0 for at once. */
  readonly dueMs: (name: string) => number;
}

/** What all items' names begin with. */
export const ITEM_PREFIX = "queue-";

const PLAIN: QueueKind = { sorted: (names) => names.toSorted(), dueMs: () => 0 };
const SEQUENCE_DIGITS = 10;
const NEVER = new AbortController().signal;

/** See the file's comment. */
export class DistributedQueue<T> {
  readonly #client: RecipeClient;
  readonly #settings: DistributedQueueSettings<T>;
  readonly #kind: QueueKind;
  readonly #entries: Entries;
  #upkeep: Upkeep | undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(client: RecipeClient, settings: DistributedQueueSettings<T>, kind: QueueKind = PLAIN) {
    this.#client = client;
    this.#settings = settings;
    this.#kind = kind;
    this.#entries = new Entries(client, settings.path);
  }

  /** Begins to work on items. Once. */
  start(): this {
    if (this.#settings.consumer === undefined) return this;
    if (this.#upkeep !== undefined)
      throw new RecipeError("misuse", "a queue is started once: make another one");
    this.#upkeep = new Upkeep(this.#client, async () => await this.#look());
    return this;
  }

  /** Puts an item. Throws the faults `timeout` and `unknownOutcome`, or the signal's reason. */
  async put(item: T, options: WaitOptions = {}): Promise<void> {
    await this.putNamed(ITEM_PREFIX, [item], options);
  }

  /** Puts several as one: they are worked on together, one after the other. */
  async putMulti(items: readonly T[], options: WaitOptions = {}): Promise<void> {
    await this.putNamed(ITEM_PREFIX, items, options);
  }

  /** For queues that are made on this one: puts items under a name that begins so. */
  async putNamed(prefix: string, items: readonly T[], options: WaitOptions): Promise<void> {
    using patience = new Patience(this.#client.clock, options, `the queue ${this.#settings.path} is full`);
    const { maxItems, serializer } = this.#settings;
    if (maxItems !== undefined) {
      await this.#entries.untilTaken(
        patience,
        async (names) => await Promise.resolve(names.length < maxItems || undefined),
      );
    }
    const data = itemBytes(items.map((item) => serializer.serialize(item)));
    await this.#entries.put([{ prefix, data }]);
  }

  /** Takes away all whose names are chosen, unless somebody works on them; how many it took. */
  async removeNamed(isChosen: (name: string) => boolean): Promise<number> {
    const session = this.#client.session;
    const names = (await this.#entries.list()).filter(isChosen);
    let count = 0;
    for (const name of names) {
      const entry = await this.#entries.read(name);
      if (entry === undefined || session === undefined) continue;
      const lock = await this.#lock(session, name);
      if (lock === "others") continue;
      if (await this.#entries.remove(entry)) count++;
      await lock?.giveUp();
    }
    return count;
  }

  /** How many items there are. */
  async size(): Promise<number> {
    return (await this.#entries.list()).length;
  }

  /** Works on no more items; resolves when the work under way is done. */
  async close(): Promise<void> {
    this.#cancelTimer();
    await this.#upkeep?.stop();
    await this.#entries.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #look(): Promise<void> {
    const ring = (): void => this.#upkeep?.ring();
    const names = (await this.#entries.list(ring)).filter((name) => name.startsWith(ITEM_PREFIX));
    const locked = new Set(await this.#lockedNames(ring));
    this.#cancelTimer();
    const { nowMs } = this.#client.clock;
    const waiting = names.map(this.#kind.dueMs).filter((dueMs) => dueMs > nowMs);
    if (waiting.length > 0) this.#cancelTimer = this.#client.clock.later(Math.min(...waiting) - nowMs, ring);
    for (const name of this.#kind.sorted(names)) {
      if (this.#upkeep?.isStopped === true) return;
      if (!locked.has(name) && this.#kind.dueMs(name) <= nowMs) await this.#workOn(name);
    }
  }

  async #workOn(name: string): Promise<void> {
    const session = this.#client.session;
    if (session === undefined) throw new RecipeError("sessionLost", "there is no session");
    const lock = await this.#lock(session, name);
    if (lock === "others") return;
    try {
      const entry = await this.#entries.read(name);
      if (entry === undefined) return;
      if (lock === undefined) {
        if (await this.#entries.remove(entry)) await this.#consume(entry, NEVER);
        return;
      }
      const isDone = await this.#consume(entry, lock.lost);
      if (lock.lost.aborted) return;
      const isAgain = !isDone && this.#settings.errorMode !== "delete";
      const prefix = name.slice(0, -SEQUENCE_DIGITS);
      await this.#entries.remove(entry, isAgain ? { prefix, data: entry.data ?? NO_DATA } : undefined);
    } finally {
      await lock?.giveUp();
    }
  }

  /** Whether all went well; what did not is told. */
  async #consume({ name, data }: Entry, signal: AbortSignal): Promise<boolean> {
    const { consumer, serializer, onError = (error: unknown) => this.#client.report(error) } = this.#settings;
    let items: readonly T[];
    try {
      items = itemsOf(data ?? NO_DATA, name).map((bytes) => serializer.deserialize(bytes));
    } catch (error) {
      onError(error);
      return true;
    }
    try {
      for (const item of items) await consumer?.(item, signal);
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }

  /** Undefined where there are no locks. */
  async #lock(session: RecipeSession, name: string): Promise<HeldZnode | "others" | undefined> {
    const { lockPath } = this.#settings;
    if (lockPath === undefined) return undefined;
    const wanted = { path: childOf(lockPath, name), data: NO_DATA };
    for (;;) {
      try {
        const created = await createOwned(this.#client, session, wanted);
        return created === undefined ? "others" : new HeldZnode(this.#client, session, created);
      } catch (error) {
        // The parent of locks lacks: it is made below.
        if (!isKeeperError(error, "noNode")) throw error;
      }
      await makeContainers(this.#client, lockPath);
    }
  }

  /** Watched as well: what another one leaves behind when it dies is to be taken. */
  async #lockedNames(watch: WatchListener): Promise<readonly string[]> {
    const { lockPath } = this.#settings;
    if (lockPath === undefined) return [];
    for (;;) {
      try {
        return (await persevere(this.#client, async () => await this.#client.children(lockPath, watch)))
          .names;
      } catch (error) {
        // The parent of locks lacks: it is made below, to be watched.
        if (!isKeeperError(error, "noNode")) throw error;
      }
      await makeContainers(this.#client, lockPath);
    }
  }
}
