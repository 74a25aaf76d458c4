/**
 * Gathers the effects of one turn, in which the peer may step several times. A later step takes what an earlier one
 * wrote for durable and sends what reveals it freely; but all of a turn's writes are one transaction behind all that is
 * free. So what a later step would send freely waits, where an earlier one wrote; and each link stays FIFO.
 */
import type { PeerEffects } from "../zab/effects.ts";
import type { LinkId } from "../zab/message.ts";
import type { Slept } from "./dormancy.ts";
import type { ParkedConnection } from "./parking.ts";
import { LinkFrames } from "./link-codec.ts";
import type { Action, LinkSend, Removal, Turn } from "./turn.ts";

/** One turn's effects so far. */
export class TurnOutbox {
  /** What turns messages into the frames that are sent. */
  readonly frames: LinkFrames = new LinkFrames();
  #free: LinkSend[] = [];
  #writes: PeerEffects["writes"] = [];
  #after: Action[] = [];
  /** Links on which something waits for the writes. */
  readonly #waiting = new Set<LinkId>();
  #restart = false;
  #removal: Removal | undefined;
  #sleep: Slept | undefined;
  #parked: readonly ParkedConnection[] = [];

  /** Sends a frame that reveals nothing its own step writes: before the writes, unless it must wait. */
  sendFree(send: LinkSend): void {
    if (this.#writes.length > 0 || this.#waiting.has(send.link)) this.act(send);
    else this.#free.push(send);
  }

  /** Adds a step's writes, behind what it sends freely. */
  write(writes: PeerEffects["writes"]): void {
    if (writes.length > 0) this.#writes = [...this.#writes, ...writes];
  }

  /** Adds what is done behind the writes. */
  act(...actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.kind === "linkSend") this.#waiting.add(action.link);
      this.#after.push(action);
    }
  }

  /** With this turn's writes the disk holds something else than memory. */
  restart(): void {
    this.#restart = true;
  }

  /** With this turn all that the replica has goes. */
  remove(removal: Removal): void {
    this.#removal = removal;
    this.#restart = true;
  }

  /** With this turn the replica falls asleep, over these connections. */
  sleep(how: Slept, parked: readonly ParkedConnection[]): void {
    this.#sleep = how;
    this.#parked = parked;
    this.#restart = true;
  }

  get isRestarting(): boolean {
    return this.#restart;
  }

  /** Hands everything out and starts anew. */
  take(more: boolean): Turn {
    const turn = {
      free: this.#free,
      writes: this.#writes,
      after: this.#after,
      more,
      restart: this.#restart,
      removal: this.#removal,
      sleep: this.#sleep,
      parked: this.#parked,
    };
    this.#free = [];
    this.#writes = [];
    this.#after = [];
    this.#waiting.clear();
    this.frames.endTurn();
    return turn;
  }
}
