/**
 * LeaderLatch: who of several is the leader, for as long as it is there. It takes part from `start` to `close`.
 *
 * What can go wrong, and what happens then:
 * - The leader dies: its session ends, and the next in the queue becomes the leader.
 * - The leader cannot reach any server: it is told `notLeader` before its session can be over, by its own clock; so
 *   no two believe to lead at once, unless one stands still. What it writes elsewhere is told apart by its `token`.
 * - Its session ends: it takes part anew, at the end of the queue, as soon as there is another session.
 * - Somebody deletes its znode: it is told `notLeader`, and takes part anew.
 * - The answer to a create is lost: the znode is found again, if it is this session's (CURATOR-498).
 * - The connection is lost and comes back in time: it leads on. (Curator's default gives leadership up at once.)
 *
 * Znodes: PATH (container) / _c_UUID-latch-NNNNNNNNNN (ephemeral sequential), its data the id.
 * Source: Curator LeaderLatch.
 */
import type { Hold } from "./hold.ts";
import { identifiersAt } from "./kazoo-lock.ts";
import { Listeners } from "./listeners.ts";
import { blockerOfWriter } from "./lock-queue.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isClosed, RecipeError } from "./recipe-error.ts";
import { participantsOf, standInQueue } from "./stand-in-queue.ts";
import { protectedPrefix } from "./unique-name.ts";

const LATCH = "latch-";

/** What a latch is made with. */
export interface LeaderLatchSettings {
  /** Who this is, for `participants`. */
  readonly id?: string | undefined;
  /** Is told why it takes part no more: it may not write there, say. Without it the client reports that. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** See the file's comment. */
export class LeaderLatch {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: LeaderLatchSettings;
  readonly #closing = new AbortController();
  readonly #leading = new Listeners<[Hold]>();
  readonly #following = new Listeners<[]>();
  #hold: Hold | undefined;
  #work: Promise<void> | undefined;

  constructor(client: RecipeClient, path: string, settings: LeaderLatchSettings = {}) {
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
  }

  /** Whether it leads, as far as it can know. */
  get hasLeadership(): boolean {
    return this.#hold?.isHeld === true;
  }

  /** The hold of the one that leads: its token, and the signal that tells when it leads no more. */
  get leadership(): Hold | undefined {
    return this.hasLeadership ? this.#hold : undefined;
  }

  /** Takes part from now on. Once. */
  start(): this {
    if (this.#work !== undefined)
      throw new RecipeError("misuse", "a latch is started once: make another one");
    this.#work = this.#run().catch(this.#settings.onError ?? ((error) => this.#client.report(error)));
    return this;
  }

  /** Calls the listener whenever it begins to lead; the returned function ends that. */
  onLeader(listener: (leadership: Hold) => void): () => void {
    return this.#leading.add(listener);
  }

  /** Calls the listener whenever it ceases to lead. */
  onNotLeader(listener: () => void): () => void {
    return this.#following.add(listener);
  }

  /** Waits until it leads. Throws the fault `timeout`, the signal's reason, or `closed`. */
  async await(options: WaitOptions = {}): Promise<Hold> {
    // Not by `using`: the program is run from its source too, by a Node that does not know the word.
    const patience = new Patience(this.#client.clock, options, `another one leads at ${this.#path}`);
    try {
      patience.until(this.#closing.signal, () => new RecipeError("closed", "the latch is closed"));
      for (;;) {
        const { leadership } = this;
        if (leadership !== undefined) return leadership;
        await patience.of(
          new Promise<void>((resolve) => {
            const end = this.#leading.add(() => {
              end();
              resolve();
            });
          }),
        );
      }
    } finally {
      patience[Symbol.dispose]();
    }
  }

  /** The ids of all who take part, the leader's first. */
  async participants(): Promise<readonly string[]> {
    return await identifiersAt(this.#client, await participantsOf(this.#client, this.#path, [LATCH]));
  }

  /** Who leads; undefined where nobody takes part. */
  async leader(): Promise<string | undefined> {
    return (await this.participants())[0];
  }

  /** Takes part no more. A leader's listeners are told by `notify`, and otherwise not, as in Curator. */
  async close(mode: "silent" | "notify" = "silent"): Promise<void> {
    if (mode === "silent") this.#following.clear();
    this.#leading.clear();
    this.#closing.abort(new RecipeError("closed", "the latch is closed"));
    await this.#work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const queue = {
      path: this.#path,
      prefix: () => `${protectedPrefix(this.#client)}${LATCH}`,
      marks: [LATCH],
      blockerOf: blockerOfWriter,
      data: new TextEncoder().encode(this.#settings.id ?? ""),
    };
    try {
      while (!signal.aborted) await this.#lead(await standInQueue(this.#client, queue, { signal }));
    } catch (error) {
      // Closing it ends the wait: that is no failure.
      if (!signal.aborted && !isClosed(error)) throw error;
    }
  }

  /** Leads until it is over. */
  async #lead(hold: Hold): Promise<void> {
    this.#hold = hold;
    this.#leading.tell(hold);
    await untilAborted(AbortSignal.any([hold.signal, this.#closing.signal]));
    this.#hold = undefined;
    this.#following.tell();
    await hold.release();
  }
}

/** Resolves when the signal is aborted. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
