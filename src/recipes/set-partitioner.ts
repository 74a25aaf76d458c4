/**
 * SetPartitioner: kazoo's, a set of things divided among those who take part, each thing to one.
 *
 * `allocating`: it waits until nobody has come or gone for a while, and then for the locks of its share.
 * `acquired`: its share is in `partition`. `release`: somebody has come or gone; put your work down and call
 * `releaseSet`, which allocates anew. `failure`: for good; make another one.
 *
 * What can go wrong, and what happens then:
 * - A member dies: its locks go with its session, the others are told to release, and divide anew.
 * - A member loses its session, or one of its locks: `failure`, and `signal` is aborted.
 * - A member does not release: who is to have one of its things waits in `allocating`; no thing is two members' at
 *   once.
 * - The connection is lost: nothing changes as long as the session lives.
 *
 * Znodes: PATH/party as ShallowParty, PATH/locks/ITEM as Lock. Source: kazoo recipe/partitioner.py.
 */
import { childOf } from "../base/path.ts";
import type { Hold } from "./hold.ts";
import { Latch } from "./latch.ts";
import { untilAborted } from "./leader-latch.ts";
import { Listeners } from "./listeners.ts";
import { Lock } from "./lock.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { PatientChildrenWatch } from "./patient-children-watch.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { ShallowParty } from "./shallow-party.ts";

/** See the file's comment. */
export type PartitionState = "allocating" | "acquired" | "release" | "failure";

/** Which of the items are that member's: every thing must be exactly one member's. */
export type PartitionFunction = (
  identifier: string,
  members: readonly string[],
  items: readonly string[],
) => readonly string[];

/** What a partitioner is made with. */
export interface SetPartitionerSettings {
  readonly items: readonly string[];
  /** Nobody else's. */
  readonly identifier: string;
  /** Default: every so-manieth of the items, in order. */
  readonly partition?: PartitionFunction | undefined;
  /** So long nobody may come or go before the set is divided. Default 30,000. */
  readonly timeBoundaryMs?: number | undefined;
}

const TIME_BOUNDARY_MS = 30_000;

/** See the file's comment. It takes part from `start` to `finish`. */
export class SetPartitioner {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: SetPartitionerSettings;
  readonly #party: ShallowParty;
  readonly #states = new Listeners<[PartitionState]>();
  readonly #failing = new AbortController();
  #state: PartitionState = "allocating";
  #partition: readonly string[] = [];
  #holds: Hold[] = [];
  #released = new Latch();
  #work: Promise<void> | undefined;

  constructor(client: RecipeClient, path: string, settings: SetPartitionerSettings) {
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
    this.#party = new ShallowParty(client, childOf(path, "party"), settings.identifier);
  }

  get state(): PartitionState {
    return this.#state;
  }

  /** Its share, in `acquired` and until it is released. */
  get partition(): readonly string[] {
    return this.#partition;
  }

  /** Aborted in `failure`, with why as its reason. */
  get signal(): AbortSignal {
    return this.#failing.signal;
  }

  /** Calls the listener at each change of the state. */
  onState(listener: (state: PartitionState) => void): () => void {
    return this.#states.add(listener);
  }

  /** Takes part. Once. */
  start(): this {
    if (this.#work !== undefined)
      throw new RecipeError("misuse", "a partitioner is started once: make another one");
    this.#work = this.#run().catch((error: unknown) => this.#fail(error));
    return this;
  }

  /** Waits until it has its share. Throws the fault `timeout`, the signal's reason, or why it failed. */
  async waitForAcquire(options: WaitOptions = {}): Promise<readonly string[]> {
    using patience = new Patience(this.#client.clock, options, `the set of ${this.#path} is not divided`);
    patience.until(this.signal, () => this.signal.reason as unknown);
    while (this.#state !== "acquired") await patience.of(this.#change());
    return this.#partition;
  }

  /** The work on its share is put down: others may have it, and it is divided anew. */
  async releaseSet(): Promise<void> {
    await this.#releaseLocks();
    this.#released.open();
  }

  /** Takes part no more; its share is free. */
  async finish(): Promise<void> {
    this.#fail(new RecipeError("closed", "the partitioner is finished"));
    await this.#work;
    await this.#releaseLocks();
    await this.#party.leave();
  }

  async #run(): Promise<void> {
    const { signal } = this;
    const over = untilAborted(signal);
    await Promise.race([this.#party.join(), over]);
    while (!signal.aborted) {
      this.#released = new Latch();
      const boundaryMs = this.#settings.timeBoundaryMs ?? TIME_BOUNDARY_MS;
      const watch = new PatientChildrenWatch(this.#client, childOf(this.#path, "party"), boundaryMs);
      const { names, changed } = await watch.start({ signal });
      const isAcquired = await this.#allocate(names, changed);
      if (isAcquired) this.#become("acquired");
      await Promise.race([changed, over]);
      if (signal.aborted) return;
      if (isAcquired) {
        this.#become("release");
        await Promise.race([this.#released.opened, over]);
      } else await this.#releaseLocks();
      if (!signal.aborted) this.#become("allocating");
    }
  }

  /** Takes the locks of its share; false where somebody comes or goes meanwhile. */
  async #allocate(names: readonly string[], changed: Promise<void>): Promise<boolean> {
    const members = names.map((name) => name.slice(name.indexOf("-") + 1));
    const { identifier, partition = everySoManieth, items } = this.#settings;
    const share = partition(identifier, members, items);
    const aborter = new AbortController();
    const stopped = changed.then(() => aborter.abort(new RecipeError("closed", "somebody has come or gone")));
    try {
      for (const item of share) {
        const lock = new Lock(this.#client, childOf(childOf(this.#path, "locks"), item), { identifier });
        const hold = await lock.acquire({ signal: AbortSignal.any([aborter.signal, this.signal]) });
        this.#holds.push(hold);
        hold.signal.addEventListener("abort", () => {
          if (this.#holds.includes(hold)) this.#fail(hold.signal.reason);
        });
      }
    } catch (error) {
      // Somebody has come or gone: the shares are dealt anew.
      if (!aborter.signal.aborted) throw error;
      await stopped;
      return false;
    }
    this.#partition = share;
    return !aborter.signal.aborted;
  }

  async #releaseLocks(): Promise<void> {
    const holds = this.#holds;
    this.#holds = [];
    this.#partition = [];
    await Promise.all(holds.map(async (hold) => await hold.release()));
  }

  #fail(error: unknown): void {
    if (this.signal.aborted) return;
    this.#failing.abort(error);
    this.#become("failure");
  }

  #become(state: PartitionState): void {
    if (this.#state === "failure" || this.#state === state) return;
    this.#state = state;
    this.#states.tell(state);
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = this.#states.add(() => {
        end();
        resolve();
      });
    });
  }
}

function everySoManieth(
  identifier: string,
  members: readonly string[],
  items: readonly string[],
): readonly string[] {
  const place = members.toSorted().indexOf(identifier);
  return items.toSorted().filter((_, index) => index % members.length === place);
}
