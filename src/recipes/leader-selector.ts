/**
 * LeaderSelector: each leads in its turn, for as long as its function runs.
 *
 * What can go wrong, and what happens then:
 * - The leader dies: its session ends, and the next in the queue leads.
 * - The leader loses its session, or may have: the signal that its function was given is aborted. It has to stop
 *   then; nobody can make it. Its `token` tells it apart from the next leader wherever it writes.
 * - The function throws: leadership is given up as when it returns, and the error is told to `onError`.
 * - The session ends while it waits: it queues anew.
 *
 * Znodes: those of an InterProcessMutex, with the id as data. Source: Curator LeaderSelector.
 */
import type { Hold } from "./hold.ts";
import { InterProcessMutex } from "./inter-process-mutex.ts";
import { identifiersAt } from "./kazoo-lock.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isClosed, RecipeError } from "./recipe-error.ts";

/** What a leader does while it leads: when it returns, leadership is given up. */
export type TakeLeadership = (turn: {
  /** Of all leaders so far the largest. */
  readonly token: string;
  /** Aborted when leadership is lost, may be lost, or is to be given up: CancelLeadershipException in Curator. */
  readonly signal: AbortSignal;
}) => Promise<void>;

/** What a selector is made with. */
export interface LeaderSelectorSettings {
  /** Who this is, for `participants`. */
  readonly id?: string | undefined;
  /** Whether it queues again after each turn. */
  readonly autoRequeue?: boolean | undefined;
  /** Is told what a turn threw, and why it queues no more. Without it the client reports that. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** See the file's comment. */
export class LeaderSelector {
  readonly #client: RecipeClient;
  readonly #mutex: InterProcessMutex;
  readonly #takeLeadership: TakeLeadership;
  readonly #settings: LeaderSelectorSettings;
  readonly #closing = new AbortController();
  #interrupt = new AbortController();
  #hold: Hold | undefined;
  #turn: Promise<void> | undefined;
  #isStarted = false;

  constructor(
    client: RecipeClient,
    path: string,
    takeLeadership: TakeLeadership,
    settings: LeaderSelectorSettings = {},
  ) {
    const { id } = settings;
    const data = id === undefined ? undefined : new TextEncoder().encode(id);
    this.#client = client;
    this.#mutex = new InterProcessMutex(client, path, { data });
    this.#takeLeadership = takeLeadership;
    this.#settings = settings;
  }

  /** Whether its turn is now, as far as it can know. */
  get hasLeadership(): boolean {
    return this.#hold?.isHeld === true;
  }

  /** Queues for its first turn. Once. */
  start(): this {
    if (this.#isStarted) throw new RecipeError("misuse", "a selector is started once: requeue it instead");
    this.#isStarted = true;
    this.requeue();
    return this;
  }

  /** Queues for one more turn; false, and nothing is done, where it queues or leads already. */
  requeue(): boolean {
    if (this.#closing.signal.aborted) throw new RecipeError("closed", "the selector is closed");
    if (this.#turn !== undefined) return false;
    this.#turn = this.#run()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#turn = undefined;
      });
    return true;
  }

  /** Asks the turn that is under way to end, by its signal. */
  interruptLeadership(): void {
    this.#interrupt.abort(new RecipeError("notHeld", "leadership is to be given up"));
  }

  /** The ids of all who take part, the leader's first. */
  async participants(): Promise<readonly string[]> {
    return await identifiersAt(this.#client, await this.#mutex.participants());
  }

  /** Who leads; undefined where nobody takes part. */
  async leader(): Promise<string | undefined> {
    return (await this.participants())[0];
  }

  /** Takes part no more: its turn's signal is aborted. Resolves when the turn has ended. */
  async close(): Promise<void> {
    this.#closing.abort(new RecipeError("closed", "the selector is closed"));
    await this.#turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    do {
      try {
        await this.#lead(await this.#mutex.acquire({ signal }));
      } catch (error) {
        // Closing it ends the wait: that is no failure.
        if (isClosed(error)) return;
        if (!signal.aborted) throw error;
      }
    } while (this.#settings.autoRequeue === true && !signal.aborted);
  }

  async #lead(hold: Hold): Promise<void> {
    this.#interrupt = new AbortController();
    this.#hold = hold;
    const signal = AbortSignal.any([hold.signal, this.#interrupt.signal, this.#closing.signal]);
    try {
      await this.#takeLeadership({ token: hold.token, signal });
    } catch (error) {
      // A function that ends because it was told to is no failure.
      if (!signal.aborted) this.#tell(error);
    } finally {
      this.#hold = undefined;
      await hold.release();
    }
  }

  #tell(error: unknown): void {
    const { onError } = this.#settings;
    if (onError === undefined) this.#client.report(error);
    else onError(error);
  }
}
