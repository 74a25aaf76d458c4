/**
 * Standing in a lock's queue until it is one's turn: what all locks here have in common.
 *
 * 1. An ephemeral sequential znode is created, in a way that survives a lost answer (protected-create.ts).
 * 2. Who waits for nobody holds the lock. Who waits watches only the one before it, so the end of a holder wakes one.
 *    First is first for good: a replica that lags may show it late, and never wrongly.
 * 3. A waiter whose session ends, or whose znode somebody deletes, stands no more in the queue: it queues anew, at
 *    the end, as long as its patience lasts.
 * 4. Who gives up, by its timeout or its AbortSignal, deletes its znode; where its create is not answered yet, as
 *    soon as that is. What cannot be deleted goes with the session.
 *
 * Source: ZooKeeper recipes, Locks; Curator LockInternals; kazoo recipe/lock.py.
 */
import { childOf, nameOf } from "../base/path.ts";
import { HeldZnode, type Hold } from "./hold.ts";
import { Latch } from "./latch.ts";
import { type Contender, contendersOf } from "./lock-queue.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { currentSession, inBackground, isSessionOver, persevere } from "./perseverance.ts";
import { createProtected, type ProtectedCreate } from "./protected-create.ts";
import type { RecipeClient, RecipeSession } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** Which queue, and how to stand in it. */
export interface QueueSettings {
  readonly path: string;
  /** Of a new attempt: nobody else's. */
  readonly prefix: () => string;
  /** A whole name, not to be numbered, where the place in the queue is known already. */
  readonly isPlaced?: boolean;
  /** The marks of all that count as contenders. */
  readonly marks: readonly string[];
  /** Whom to wait for. */
  readonly blockerOf: (queue: readonly Contender[], own: Contender) => Contender | undefined;
  readonly data?: Uint8Array | undefined;
  /** Somebody asks the holder to give it back (Curator's Revoker). */
  readonly onRevoke?: (() => void) | undefined;
}

/** Waits for one's turn. Rejects with the fault `timeout`, the signal's reason, or `closed`. */
export async function standInQueue(
  client: RecipeClient,
  settings: QueueSettings,
  options: WaitOptions = {},
): Promise<Hold> {
  // Not by `using`: the program is run from its source too, by a Node that does not know the word.
  const patience = new Patience(client.clock, options, `the lock ${settings.path} is held by others`);
  try {
    for (;;) {
      const hold = await attempt(client, settings, patience, false);
      if (typeof hold !== "string") return hold;
    }
  } finally {
    patience[Symbol.dispose]();
  }
}

/** Takes what is free, and gives undefined where somebody is before us. The limits are for the servers' answers. */
export async function takeIfFirst(
  client: RecipeClient,
  settings: QueueSettings,
  options: WaitOptions = {},
): Promise<Hold | undefined> {
  const patience = new Patience(client.clock, options, `no answer about the lock ${settings.path}`);
  try {
    for (;;) {
      const hold = await attempt(client, settings, patience, true);
      if (hold !== "lost") return hold === "taken" ? undefined : hold;
    }
  } finally {
    patience[Symbol.dispose]();
  }
}

/** One place in the queue, until it is first, lost, or behind somebody for whom we do not wait. */
async function attempt(
  client: RecipeClient,
  settings: QueueSettings,
  patience: Patience,
  isTry: boolean,
): Promise<Hold | "lost" | "taken"> {
  const session = await currentSession(client, patience);
  const znode = await join(client, settings, session, patience);
  if (znode === undefined) return "lost";
  const place = new Place(client, settings, znode);
  try {
    const outcome = isTry ? await place.look(patience) : await place.wait(patience);
    if (outcome === "first" && !znode.lost.aborted) return znode.enter();
    await patience.of(znode.giveUp());
    return outcome === "first" ? "lost" : outcome;
  } catch (error) {
    // The place went with the session: the caller stands in anew.
    inBackground(znode.giveUp());
    if (patience.isOver || !isSessionOver(error, session)) throw error;
    return "lost";
  } finally {
    place.end();
  }
}

async function join(
  client: RecipeClient,
  settings: QueueSettings,
  session: RecipeSession,
  patience: Patience,
): Promise<HeldZnode | undefined> {
  const { path, prefix, isPlaced = false, data } = settings;
  const mode = isPlaced ? "ephemeral" : "ephemeralSequential";
  const wanted: ProtectedCreate = { parent: path, prefix: prefix(), mode, data };
  const creating = createProtected(client, session, wanted);
  try {
    return new HeldZnode(client, session, await patience.of(creating));
  } catch (error) {
    // The create may still be done: its znode must not stand in the queue for ever.
    inBackground(creating.then(async (created) => await new HeldZnode(client, session, created).giveUp()));
    if (patience.isOver || !isSessionOver(error, session)) throw error;
    return undefined;
  }
}

/** A place in the queue. */
class Place {
  readonly #client: RecipeClient;
  readonly #settings: QueueSettings;
  readonly #znode: HeldZnode;
  readonly #onLost = (): void => this.#latch.open();
  #latch = new Latch();
  #isGuarded = false;

  constructor(client: RecipeClient, settings: QueueSettings, znode: HeldZnode) {
    this.#client = client;
    this.#settings = settings;
    this.#znode = znode;
    znode.lost.addEventListener("abort", this.#onLost);
  }

  end(): void {
    this.#znode.lost.removeEventListener("abort", this.#onLost);
  }

  /** Whether nobody is to be waited for at the moment. */
  async look(patience: Patience): Promise<"first" | "lost" | "taken"> {
    const blocker = await this.#blocker(patience);
    if (blocker === "lost") return "lost";
    return blocker === undefined ? "first" : "taken";
  }

  /** Waits until nobody is to be waited for. */
  async wait(patience: Patience): Promise<"first" | "lost"> {
    for (;;) {
      const blocker = await this.#blocker(patience);
      if (blocker === undefined) return "first";
      this.#latch = new Latch();
      if (blocker === "lost" || this.#znode.lost.aborted) return "lost";
      const latch = this.#latch;
      const path = childOf(this.#settings.path, blocker.name);
      try {
        // Not `exists`, which would leave a watch behind on what is gone.
        await patience.of(
          persevere(this.#client, async () => await this.#client.get(path, () => latch.open())),
        );
      } catch (error) {
        // Whoever stood before has gone: the queue is looked at again.
        if (isKeeperError(error, "noNode")) continue;
        throw error;
      }
      await patience.of(latch.opened);
    }
  }

  async #blocker(patience: Patience): Promise<Contender | "lost" | undefined> {
    const { path, marks, blockerOf, onRevoke } = this.#settings;
    const guarding = this.#isGuarded ? undefined : this.#guard(onRevoke);
    const listing = persevere(this.#client, async () => await this.#client.children(path));
    const [, { names }] = await patience.of(Promise.all([guarding, listing]));
    const queue = contendersOf(names, marks);
    const own = queue.find(({ name }) => name === nameOf(this.#znode.path));
    if (own === undefined || this.#znode.lost.aborted) return "lost";
    return blockerOf(queue, own);
  }

  async #guard(onRevoke: (() => void) | undefined): Promise<void> {
    await persevere(this.#client, async () => await this.#znode.guard(onRevoke));
    this.#isGuarded = true;
  }
}

/** The contenders' paths, the holder first: Curator's getParticipantNodes, kazoo's contenders. */
export async function participantsOf(
  client: RecipeClient,
  path: string,
  marks: readonly string[],
): Promise<readonly string[]> {
  try {
    const { names } = await persevere(client, async () => await client.children(path));
    return contendersOf(names, marks).map(({ name }) => childOf(path, name));
  } catch (error) {
    // No znode, nobody in the queue.
    if (isKeeperError(error, "noNode")) return [];
    throw error;
  }
}

/** Asks holds for the znode that is to be entered again. Throws the fault `notHeld` where it is none of these. */
export function mustHold(held: Hold, path: string): HeldZnode {
  if (!held.isHeld || !held.path.startsWith(`${path}/`)) {
    throw new RecipeError("notHeld", `what is to be entered again is no hold of ${path}, or one no more`);
  }
  return held.znode;
}
