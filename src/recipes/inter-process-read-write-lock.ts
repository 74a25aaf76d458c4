/**
 * InterProcessReadWriteLock: many readers or one writer, fairly: a reader waits for the last writer before it, a
 * writer for whoever is before it. Readers that come behind a waiting writer wait for it.
 *
 * Who holds the write lock may take the read lock, too, by showing its hold, and then give the write lock back: it
 * goes on as a reader, without letting another writer in between. Never the other way round: a reader that waited
 * for all readers to go would wait for itself.
 *
 * What can go wrong, and what happens then:
 * - A reader or the writer dies: its znode goes with its session, and who waits for it is woken.
 * - A holder cannot reach any server: its `signal` is aborted before its session can be over.
 * - The writer's session ends after it has taken the read lock: both are lost together, as both are that session's.
 * - The answer to a create is lost: the znode is found again by its name.
 *
 * Znodes: PATH (container) / _c_UUID-__READ__N, _c_UUID-__WRIT__N (ephemeral sequential). A writer's read lock has
 * the writer's number. Source: Curator InterProcessReadWriteLock.
 */
import type { Hold } from "./hold.ts";
import { mustHold, type QueueSettings, standInQueue, takeIfFirst } from "./stand-in-queue.ts";
import type { ReentrantOptions } from "./inter-process-mutex.ts";
import { blockerOfReader, blockerOfWriter, LOCK_MARKS, sequenceDigits } from "./lock-queue.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { protectedPrefix } from "./unique-name.ts";

const ALL_MARKS: readonly string[] = Object.values(LOCK_MARKS);

/** One side of the lock. */
export interface LockSide {
  /**
   * Waits for the lock. `held` is what one has of it already: of the same side, to enter it again; or of the
   * writer's, to read as well. Throws the fault `timeout`, the signal's reason, or `notHeld`.
   */
  acquire(options?: ReentrantOptions): Promise<Hold>;
  /** Takes the lock where it need not wait; undefined otherwise. */
  tryAcquire(options?: ReentrantOptions): Promise<Hold | undefined>;
}

/** See the file's comment. */
export class InterProcessReadWriteLock {
  readonly readLock: LockSide;
  readonly writeLock: LockSide;
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #data: Uint8Array | undefined;

  constructor(client: RecipeClient, path: string, settings: { readonly data?: Uint8Array } = {}) {
    this.#client = client;
    this.#path = path;
    this.#data = settings.data;
    this.readLock = {
      acquire: async (options = {}) =>
        this.#again(options) ?? (await this.#stand(this.#reader(options), options)),
      tryAcquire: async (options = {}) =>
        this.#again(options) ?? (await this.#take(this.#reader(options), options)),
    };
    this.writeLock = {
      acquire: async (options = {}) =>
        this.#againAsWriter(options) ?? (await this.#stand(this.#writer(), options)),
      tryAcquire: async (options = {}) =>
        this.#againAsWriter(options) ?? (await this.#take(this.#writer(), options)),
    };
  }

  async #stand(queue: QueueSettings, options: ReentrantOptions): Promise<Hold> {
    return await standInQueue(this.#client, queue, options);
  }

  async #take(queue: QueueSettings, options: ReentrantOptions): Promise<Hold | undefined> {
    return await takeIfFirst(this.#client, queue, options);
  }

  /** A reader that reads again. */
  #again({ held }: ReentrantOptions): Hold | undefined {
    return held === undefined || isWriter(held) ? undefined : mustHold(held, this.#path).enter();
  }

  #againAsWriter({ held }: ReentrantOptions): Hold | undefined {
    if (held === undefined) return undefined;
    if (isWriter(held)) return mustHold(held, this.#path).enter();
    throw new RecipeError("misuse", "who reads cannot write without giving the read lock back first");
  }

  #writer(): QueueSettings {
    return {
      path: this.#path,
      prefix: () => `${protectedPrefix(this.#client)}${LOCK_MARKS.write}`,
      marks: ALL_MARKS,
      blockerOf: blockerOfWriter,
      data: this.#data,
    };
  }

  #reader({ held }: ReentrantOptions): QueueSettings {
    const prefix = (): string => `${protectedPrefix(this.#client)}${LOCK_MARKS.read}`;
    const queue = {
      path: this.#path,
      prefix,
      marks: ALL_MARKS,
      blockerOf: blockerOfReader,
      data: this.#data,
    };
    if (held === undefined) return queue;
    // A writer's own: it stands at the writer's place, and waits for nobody as long as that is held.
    const writer = mustHold(held, this.#path);
    const digits = sequenceDigits(writer.path);
    return {
      ...queue,
      prefix: () => `${prefix()}${digits}`,
      isPlaced: true,
      blockerOf: (contenders, own) => (writer.lost.aborted ? blockerOfReader(contenders, own) : undefined),
    };
  }
}

function isWriter({ path }: Hold): boolean {
  return path.includes(LOCK_MARKS.write);
}
