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
import type { Action, Turn } from "../keeper/turn.ts";
import { TREE_FLUSH_BYTES, TREE_FLUSH_COUNT, TREE_FLUSH_MS, TREE_RIDE_MS } from "./limits.ts";
import type { Store } from "./store.ts";

/** By what is decided when the tree reaches the disk. */
type FlushSign = "isTreeDirty" | "isStagingDirty" | "isConfigDirty" | "dirty";

/** What takes turns, and where their writes go: of one start. */
export interface Brain {
  readonly keeper: Pick<Keeper, "step">;
  readonly store: Pick<Store, "commit" | "remove" | "sleep" | FlushSign>;
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
  /** Drops every link, and every client but these, and reads the disk again: what is to take turns from here on. */
  startAnew(parked: Turn["parked"]): Brain;
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
  /** Whether a `continue` is on its way. */
  #isContinuing = false;
  /** Since when the tree in memory is ahead of the one on disk. */
  #dirtySinceMs: number | undefined;
  #commits = 0;
  #snapshots = 0;

  constructor(brain: Brain, ports: TurnPorts) {
    this.#brain = brain;
    this.#ports = ports;
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
    if (input.kind === "continue") this.#isContinuing = false;
    const turn = keeper.step(input, nowMs);
    for (const send of turn.free) this.#ports.perform(send);
    const isFlush = this.#isFlushDue(nowMs, turn.writes.length > 0);
    if (turn.writes.length > 0 || isFlush) {
      store.commit(turn.writes, isFlush);
      this.#commits++;
      this.#ports.wrote?.();
    }
    if (turn.removal !== undefined) store.remove(turn.removal);
    if (turn.sleep !== undefined) store.sleep(turn.sleep);
    for (const action of turn.after) this.#ports.perform(action);
    if (turn.restart) this.#startAnew(turn.parked);
    if (turn.restart && turn.sleep === undefined) this.#snapshots++;
    if (turn.more) this.#continueSoon();
  }

  /** One is enough: turns that leave something to do may come one right behind the other. */
  #continueSoon(): void {
    if (this.#isContinuing) return;
    this.#isContinuing = true;
    this.#ports.continueSoon();
  }

  /**
   * A snapshot was installed, or the replica falls asleep: it starts anew on what the disk now holds, with no link and
   * no client but those that are parked, as after a crash. All that it says from here on waits behind the write that
   * installed it.
   */
  #startAnew(parked: Turn["parked"]): void {
    this.#brain = this.#ports.startAnew(parked);
    this.#dirtySinceMs = undefined;
    this.#isContinuing = false;
    this.#waiting.length = 0;
  }

  /**
   * Not with every batch: a znode that changes often is written once a flush, and what a write waits for is its log row
   * alone. One sync serves both where there is a batch to ride on.
   */
  #isFlushDue(nowMs: number, canRide: boolean): boolean {
    const { store } = this.#brain;
    if (store.isStagingDirty) return true;
    if (!store.isTreeDirty) {
      this.#dirtySinceMs = undefined;
      return false;
    }
    this.#dirtySinceMs ??= nowMs;
    const dirtyMs = nowMs - this.#dirtySinceMs;
    const isDue =
      dirtyMs >= (canRide ? TREE_RIDE_MS : TREE_FLUSH_MS) ||
      // The clock was set back: nobody knows for how long it has been dirty.
      dirtyMs < 0 ||
      store.isConfigDirty ||
      store.dirty.count >= TREE_FLUSH_COUNT ||
      store.dirty.bytes >= TREE_FLUSH_BYTES;
    if (isDue) this.#dirtySinceMs = undefined;
    return isDue;
  }
}
