/** A client that works with recipes: several at once, again and again, until it is told to stop or is killed. */
import { must } from "../../../src/base/assert.ts";
import type { Rng } from "../../../src/base/rng.ts";
import { Counter } from "../../../src/recipes/counter.ts";
import { DistributedAtomicLong } from "../../../src/recipes/distributed-atomic-long.ts";
import { DistributedDoubleBarrier } from "../../../src/recipes/distributed-double-barrier.ts";
import type { Hold } from "../../../src/recipes/hold.ts";
import { InterProcessMutex } from "../../../src/recipes/inter-process-mutex.ts";
import { InterProcessReadWriteLock } from "../../../src/recipes/inter-process-read-write-lock.ts";
import { InterProcessSemaphoreV2 } from "../../../src/recipes/inter-process-semaphore-v2.ts";
import { LeaderLatch } from "../../../src/recipes/leader-latch.ts";
import { Lock } from "../../../src/recipes/lock.ts";
import { PersistentNode } from "../../../src/recipes/persistent-node.ts";
import { isKeeperError, RecipeError } from "../../../src/recipes/recipe-error.ts";
import { SimpleDistributedQueue } from "../../../src/recipes/simple-distributed-queue.ts";
import type { SessionRecipeClient } from "../../recipes/session-recipe-client.ts";
import { OTHER_WORK } from "./other-work.ts";
import type { RecipeBook } from "./recipe-book.ts";

/** Where they all work. */
export const RECIPE_PLACES = {
  root: "/r",
  lock: "/r/lock",
  semaphore: "/r/semaphore",
  latch: "/r/latch",
  barrier: "/r/barrier",
  counter: "/r/counter",
  text: "/r/text",
  queue: "/r/queue",
  nodes: "/r/nodes",
} as const;

/** As many members as the barrier needs, leases as there are. */
export const MEMBER_COUNT = 3;
export const LEASES_MAX = 2;

/** What every member works at. */
export const RECIPE_KINDS: readonly string[] = [
  "lock",
  "semaphore",
  "latch",
  "barrier",
  "counter",
  "put",
  "take",
];

const PAUSE_MS = 700;
const OTHER_PAUSE_MS = 100;
/** How long a recipe waits for others that may be busy with something else. */
const OTHER_WAIT_MS = 3000;

/** What they work at one after the other. */
export const OTHER_KINDS: readonly string[] = Object.keys(OTHER_WORK);

/** What a member is made of. */
export interface MemberParts {
  readonly name: string;
  readonly client: SessionRecipeClient;
  readonly book: RecipeBook;
  readonly rng: Rng;
  /** Which of the other recipes it begins with. */
  readonly first: number;
  /** Somebody has thrown what nobody expects. */
  readonly onError: (error: unknown) => void;
}

/** See the file's comment. */
export class RecipeMember {
  readonly name: string;
  readonly client: SessionRecipeClient;
  readonly node: PersistentNode;
  readonly #parts: MemberParts;
  readonly #stop = new AbortController();
  #isKilled = false;
  #done: Promise<unknown> = Promise.resolve();
  #entries = 0;
  #others = 0;

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.client = parts.client;
    const path = `${RECIPE_PLACES.nodes}/${parts.name}`;
    this.node = new PersistentNode(parts.client, { path, data: new Uint8Array(1) });
  }

  /** Begins all kinds of work. */
  start(): void {
    this.node.start();
    this.#done = Promise.all([
      this.#again(async () => await this.#lock()),
      this.#again(async () => await this.#semaphore()),
      this.#again(async () => await this.#latch()),
      this.#again(async () => await this.#barrier()),
      this.#again(async () => await this.#count()),
      this.#again(async () => await this.#put()),
      this.#again(async () => await this.#takeEntry()),
      this.#again(async () => await this.#other()),
    ]);
  }

  /** Begins nothing more; resolves when all has come to its end. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the run ends"));
    await this.#done;
  }

  /** Is gone without a word. */
  kill(): void {
    this.#isKilled = true;
    this.#stop.abort(new Error("it is killed"));
    this.client.abandon();
  }

  async #again(work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (!this.#isKilled && !isExpected(error) && error !== this.#stop.signal.reason)
          this.#parts.onError(error);
      }
      await this.#pause(PAUSE_MS);
    }
  }

  /** A mutex, a writer and kazoo's lock exclude each other on one path; so does a reader them all. */
  async #lock(): Promise<void> {
    const { client, name } = this;
    const { lock: path } = RECIPE_PLACES;
    const signal = this.#stop.signal;
    const kind = this.#parts.rng.below(4);
    const locks = [
      new InterProcessMutex(client, path),
      new Lock(client, path),
      new InterProcessReadWriteLock(client, path).writeLock,
      new InterProcessReadWriteLock(client, path).writeLock,
    ] as const;
    const isPatient = this.#parts.rng.below(3) > 0;
    const options = isPatient ? { signal } : { signal, timeoutMs: 300 };
    const hold = await (locks[kind] ?? locks[0]).acquire(options);
    const over = this.#parts.book.holds(path, name, hold);
    await this.#work(hold);
    over();
    await hold.release();
    this.#parts.book.count("lock");
  }

  async #semaphore(): Promise<void> {
    const semaphore = new InterProcessSemaphoreV2(this.client, RECIPE_PLACES.semaphore, {
      maxLeases: LEASES_MAX,
    });
    const hold = await semaphore.acquire({ signal: this.#stop.signal });
    const over = this.#parts.book.holdsLease(RECIPE_PLACES.semaphore, this.name, hold);
    await this.#work(hold);
    over();
    await hold.release();
    this.#parts.book.count("semaphore");
  }

  async #latch(): Promise<void> {
    await using latch = new LeaderLatch(this.client, RECIPE_PLACES.latch, { id: this.name });
    let over = (): void => undefined;
    latch.onLeader((leadership) => {
      over = this.#parts.book.holds(RECIPE_PLACES.latch, this.name, leadership);
      this.#parts.book.count("latch");
    });
    latch.start();
    await this.#pause(PAUSE_MS * 6);
    over();
  }

  async #barrier(): Promise<void> {
    const barrier = new DistributedDoubleBarrier(this.client, RECIPE_PLACES.barrier, {
      memberCount: MEMBER_COUNT,
    });
    const signal = this.#stop.signal;
    await barrier.enter({ signal, timeoutMs: 30_000 });
    await this.#pause(PAUSE_MS);
    await barrier.leave({ signal, timeoutMs: 30_000 });
    this.#parts.book.count("barrier");
  }

  async #count(): Promise<void> {
    const { added } = this.#parts.book;
    try {
      const long = new DistributedAtomicLong(this.client, RECIPE_PLACES.counter);
      if ((await long.increment()).succeeded) added.known++;
      this.#parts.book.count("counter");
    } catch (error) {
      added.unknown++;
      throw error;
    }
    await new Counter(this.client, RECIPE_PLACES.text).add(1);
  }

  async #put(): Promise<void> {
    const { put } = this.#parts.book;
    const queue = new SimpleDistributedQueue(this.client, RECIPE_PLACES.queue);
    const entry = `${this.name}.${++this.#entries}`;
    try {
      await queue.offer(new TextEncoder().encode(entry));
      put.known.add(entry);
      this.#parts.book.count("put");
    } catch (error) {
      put.unknown.add(entry);
      throw error;
    } finally {
      await queue.close();
    }
  }

  async #takeEntry(): Promise<void> {
    const { book } = this.#parts;
    const queue = new SimpleDistributedQueue(this.client, RECIPE_PLACES.queue);
    try {
      const data = await queue.poll();
      if (data === undefined) return;
      book.taken.push(new TextDecoder().decode(data));
      book.count("take");
    } catch (error) {
      book.takesUnknown++;
      throw error;
    } finally {
      await queue.close();
    }
  }

  /** All the other recipes, one after the other; each member begins at another one. */
  async #other(): Promise<void> {
    const { rng, book, first } = this.#parts;
    const kind = must(OTHER_KINDS[(first + this.#others) % OTHER_KINDS.length], "a kind of work");
    const work = must(OTHER_WORK[kind], kind);
    await work({
      client: this.client,
      name: this.name,
      book,
      rng,
      wait: { signal: this.#stop.signal, timeoutMs: OTHER_WAIT_MS },
      unique: `${this.name}.${++this.#others}`,
      pause: async (signal) => await this.#pause(OTHER_PAUSE_MS, signal),
    });
    book.count(kind);
  }

  /** Works for a while, or until what it holds is lost. */
  async #work({ signal }: Hold): Promise<void> {
    await this.#pause(PAUSE_MS, signal);
  }

  async #pause(mostMs: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      signal?.addEventListener("abort", () => resolve(), { once: true });
      this.client.clock.later(1 + this.#parts.rng.below(mostMs), resolve);
    });
  }
}

/** What every recipe may throw where sessions end and connections break. */
function isExpected(error: unknown): boolean {
  if (isKeeperError(error, "sessionExpired")) return true;
  return (
    error instanceof RecipeError &&
    ["timeout", "sessionLost", "unknownOutcome", "notHeld"].includes(error.fault)
  );
}
