/**
 * The order in which a turn is performed, which is the order that durability asks for: sends that are free, then the
 * turn's one transaction, then the rest, which the object's output gate holds until that transaction is durable. It
 * knows neither clock nor socket nor disk, so the simulator runs this same order.
 *
 * Any failure to perform a turn aborts the object: memory has moved on and the disk has not, so it starts again from
 * the disk.
 */
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { Keeper } from "../keeper/keeper.ts";
import type { Action } from "../keeper/turn.ts";
import { TREE_FLUSH_BYTES, TREE_FLUSH_MS } from "./limits.ts";
import type { Store } from "./store.ts";

/** What takes turns, and where their writes go: of one start. */
export interface Brain {
  readonly keeper: Pick<Keeper, "step">;
  readonly store: Pick<Store, "commit" | "remove" | "isTreeDirty" | "isStagingDirty" | "dirtyBytes">;
}

/** What the object does for its turns. */
export interface TurnPorts {
  /** Unix milliseconds of this replica's clock. */
  now(): number;
  /** Does one thing that a turn asked for. */
  perform(action: Action): void;
  /** A turn's writes were handed to the disk: for what measures it. */
  wrote?(): void;
  /** Feeds `continue`, as an event of its own, at once. */
  continueSoon(): void;
  /** Drops every link and client, and reads the disk again: what is to take turns from here on. */
  startAnew(): Brain;
  /** Ends this object, which starts again from its disk: there are no more turns. */
  abort(error: unknown): void;
}

/** Performs turns, one after the other. */
export class Turns {
  readonly #ports: TurnPorts;
  #brain: Brain;
  /** What happened during a turn: a client cut off in the midst of it, say. */
  readonly #waiting: KeeperInput[] = [];
  #isInTurn = false;
  #lastFlushMs: number;
  #commits = 0;
  #snapshots = 0;

  constructor(brain: Brain, ports: TurnPorts) {
    this.#brain = brain;
    this.#ports = ports;
    this.#lastFlushMs = ports.now();
  }

  /** Transactions since the object came to life, each a sync of the disk. */
  get commits(): number {
    return this.#commits;
  }

  /** Snapshots of the leader's tree that this replica was replaced by, since the object came to life. */
  get snapshots(): number {
    return this.#snapshots;
  }

  /**
   * Everything that happens to the replica comes through here, one turn each, and never one within another: what the
   * outer one has yet to send would leave behind what the inner one sends. After a failure there are no more turns.
   */
  accept(input: KeeperInput): void {
    this.#waiting.push(input);
    if (this.#isInTurn) return;
    this.#isInTurn = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#turn(next);
    } catch (error) {
      this.#ports.abort(error);
      return;
    }
    this.#isInTurn = false;
  }

  #turn(input: KeeperInput): void {
    const { keeper, store } = this.#brain;
    const nowMs = this.#ports.now();
    const turn = keeper.step(input, nowMs);
    for (const send of turn.free) this.#ports.perform(send);
    if (turn.writes.length > 0 || this.#isFlushDue(nowMs)) {
      store.commit(turn.writes);
      this.#commits++;
      this.#ports.wrote?.();
      this.#lastFlushMs = nowMs;
    }
    if (turn.removal !== undefined) store.remove(turn.removal);
    for (const action of turn.after) this.#ports.perform(action);
    if (turn.restart) this.#startAnew();
    if (turn.more) this.#ports.continueSoon();
  }

  /**
   * A snapshot was installed: the replica starts anew on what the disk now holds, with no link and no client, as after
   * a crash. All that it says from here on waits behind the write that installed it.
   */
  #startAnew(): void {
    this.#brain = this.#ports.startAnew();
    this.#waiting.length = 0;
    this.#snapshots++;
  }

  #isFlushDue(nowMs: number): boolean {
    const { store } = this.#brain;
    if (store.isStagingDirty) return true;
    if (!store.isTreeDirty) return false;
    return nowMs - this.#lastFlushMs >= TREE_FLUSH_MS || store.dirtyBytes >= TREE_FLUSH_BYTES;
  }
}
