/**
 * DistributedAtomicValue: bytes that are changed by what they are. It tries so many times by version, and where
 * others are always quicker it takes a lock, if it was told one, and tries under that.
 *
 * What can go wrong, and what happens then:
 * - Others are quicker each time: `succeeded` is false, and nothing was done.
 * - The answer to a change is lost: the znode is looked at behind a sync. Untouched, it is tried again; changed to
 *   something else, another one was quicker. Where it shows what was to be written, others may have written that: the
 *   fault `unknownOutcome` is thrown. Nothing is done twice.
 * - The one dies that holds the lock: it goes with its session. Who does not take the lock is not kept out by it.
 *
 * Znodes: PATH (persistent). The lock is an InterProcessMutex. Source: Curator DistributedAtomicValue.
 */
import { compareAndSet, createIfMissing, sameBytes } from "./compare-and-set.ts";
import { InterProcessMutex } from "./inter-process-mutex.ts";
import { pause, persevere } from "./perseverance.ts";
import type { RecipeClient, Znode } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** How often to try. */
export interface AtomicSettings {
  /** By version, without a lock. Default 10. */
  readonly triesMax?: number | undefined;
  /** The longest pause between two tries, in ms; each is a random part of it. Default 50. */
  readonly pauseMs?: number | undefined;
  /** A lock to try under where all tries were in vain, and how long to wait for it. */
  readonly promotedToLock?: { readonly path: string; readonly timeoutMs: number } | undefined;
}

/** What became of a change. */
export interface AtomicResult<T> {
  readonly succeeded: boolean;
  /** Before the change; undefined where nothing was there. */
  readonly preValue: T | undefined;
  /** After it, where it succeeded. */
  readonly postValue: T | undefined;
  readonly stats: { readonly optimisticTries: number; readonly promotedTries: number };
}

/** Makes the new value of the old one, or undefined to leave it alone. */
export type MakeValue = (previous: Uint8Array | undefined) => Uint8Array | undefined;

const TRIES_MAX = 10;
const PAUSE_MS = 50;

/** See the file's comment. */
export class DistributedAtomicValue {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: AtomicSettings;

  constructor(client: RecipeClient, path: string, settings: AtomicSettings = {}) {
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
  }

  /** Undefined where there is none. As the replica that is asked has it. */
  async get(): Promise<Uint8Array | undefined> {
    return bytesOf(await this.#read());
  }

  /** Sets it to that where it is the other; otherwise it did not succeed. */
  async compareAndSet(expected: Uint8Array, value: Uint8Array): Promise<AtomicResult<Uint8Array>> {
    return await this.change((previous) =>
      previous !== undefined && sameBytes(previous, expected) ? value : undefined,
    );
  }

  /** Sets it, whatever it is, if others let it. */
  async trySet(value: Uint8Array): Promise<AtomicResult<Uint8Array>> {
    return await this.change(() => value);
  }

  /** Sets it, whatever others do. Where an answer is lost it sets it again, over what others set meanwhile. */
  async forceSet(value: Uint8Array): Promise<void> {
    for (;;) {
      try {
        await persevere(this.#client, async () => await this.#client.set(this.#path, value));
        return;
      } catch (error) {
        // It is not there yet: it is made below.
        if (!isKeeperError(error, "noNode")) throw error;
      }
      if (await this.initialize(value)) return;
    }
  }

  /** Sets it where there is none; whether there was none. Throws the fault `unknownOutcome`. */
  async initialize(value: Uint8Array): Promise<boolean> {
    return (await createIfMissing(this.#client, { path: this.#path, data: value })) !== undefined;
  }

  /** Changes it by what it is. Throws the fault `unknownOutcome`. */
  async change(make: MakeValue): Promise<AtomicResult<Uint8Array>> {
    const { triesMax = TRIES_MAX, promotedToLock } = this.#settings;
    let optimisticTries = 0;
    let last = await this.#try(make);
    optimisticTries++;
    while (last.outcome === "beaten" && optimisticTries < triesMax) {
      await this.#pause();
      last = await this.#try(make);
      optimisticTries++;
    }
    let promotedTries = 0;
    if (last.outcome === "beaten" && promotedToLock !== undefined) {
      const hold = await this.#lock(promotedToLock);
      try {
        for (
          ;
          hold?.isHeld === true && last.outcome === "beaten" && promotedTries < triesMax;
          promotedTries++
        ) {
          last = await this.#try(make);
        }
      } finally {
        await hold?.release();
      }
    }
    const { outcome, preValue, postValue } = last;
    const succeeded = outcome === "done";
    const stats = { optimisticTries, promotedTries };
    return { succeeded, preValue, postValue: succeeded ? postValue : undefined, stats };
  }

  async #lock({
    path,
    timeoutMs,
  }: {
    readonly path: string;
    readonly timeoutMs: number;
  }): ReturnType<InterProcessMutex["tryAcquire"]> {
    try {
      return await new InterProcessMutex(this.#client, path).acquire({ timeoutMs });
    } catch (error) {
      // Not had in time: undefined says so.
      if (error instanceof RecipeError && error.fault === "timeout") return undefined;
      throw error;
    }
  }

  async #try(make: MakeValue): Promise<{
    readonly outcome: "done" | "beaten" | "declined";
    readonly preValue: Uint8Array | undefined;
    readonly postValue: Uint8Array | undefined;
  }> {
    const znode = await this.#read();
    const preValue = bytesOf(znode);
    const postValue = make(preValue);
    if (postValue === undefined) return { outcome: "declined", preValue, postValue };
    const change = { path: this.#path, data: postValue };
    const stat =
      znode === undefined
        ? await createIfMissing(this.#client, change)
        : await compareAndSet(this.#client, change, znode.stat.version);
    return { outcome: stat === undefined ? "beaten" : "done", preValue, postValue };
  }

  async #read(): Promise<Znode | undefined> {
    try {
      return await persevere(this.#client, async () => await this.#client.get(this.#path));
    } catch (error) {
      // Nothing is there: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  }

  /** A random part of the longest pause, so that those who met once do not meet again. */
  async #pause(): Promise<void> {
    const { pauseMs = PAUSE_MS } = this.#settings;
    const [byte = 0] = this.#client.randomBytes(1);
    await pause(this.#client.clock, (pauseMs * byte) / 255);
  }
}

function bytesOf(znode: Znode | undefined): Uint8Array | undefined {
  return znode === undefined ? undefined : (znode.data ?? new Uint8Array(0));
}
