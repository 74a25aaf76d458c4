/**
 * Who is served at a busy door, and when. A handshake costs the same whether its client still waits for it or not, and
 * clients give up after some seconds and come again: a door that serves all in their order spends its time on those
 * that have gone, and at last on nobody else. So few handshakes are under way at a time; of the clients that wait the
 * newest is next, as it has most of its patience left; and one that hangs up while it waits is passed over.
 * Source: for the same reason ZooKeeper throttles connections (BlueThrottle, zookeeper.connection_throttle_tokens).
 */

/** So few that have left are not worth a look at all the others. */
const ORDER_SLACK = 64;

/** How many there may be. */
export interface AdmissionBounds {
  /** Handshakes under way at a time. */
  readonly underWayMax: number;
  /** Clients that wait; one more, and the oldest is turned away. */
  readonly waitingMax: number;
}

/** What a client is told, once: that its turn has come, or that it is turned away. */
export type Verdict = "admitted" | "refused";

/** A client's place, which is given up once its handshake is over, or its client gone. */
export interface Place {
  /** Gives the place up; a second time does nothing. */
  leave(): void;
}

/** The admission to one replica. */
export class Admission {
  readonly #bounds: AdmissionBounds;
  /** Those that wait, the oldest first. */
  readonly #waiting = new Map<number, (verdict: Verdict) => void>();
  /** The numbers of those that wait, ascending, and of some that have left. */
  #order: number[] = [];
  readonly #underWay = new Set<number>();
  #next = 0;

  constructor(bounds: AdmissionBounds) {
    this.#bounds = bounds;
  }

  /** Handshakes under way. */
  get underWayCount(): number {
    return this.#underWay.size;
  }

  /** Clients that wait. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** A client wants its handshake; it is told when it may have it, perhaps before this returns. */
  enter(tell: (verdict: Verdict) => void): Place {
    const number = this.#next++;
    this.#waiting.set(number, tell);
    this.#order.push(number);
    this.#admit();
    if (this.#waiting.size > this.#bounds.waitingMax) this.#refuseOldest();
    return { leave: () => this.#leave(number) };
  }

  #leave(number: number): void {
    if (this.#underWay.delete(number)) this.#admit();
    else if (this.#waiting.delete(number)) this.#forgetLeft();
  }

  #admit(): void {
    while (this.#underWay.size < this.#bounds.underWayMax) {
      const number = this.#order.pop();
      if (number === undefined) return;
      const tell = this.#waiting.get(number);
      if (tell === undefined) continue;
      this.#waiting.delete(number);
      this.#underWay.add(number);
      tell("admitted");
    }
  }

  #refuseOldest(): void {
    for (const [number, tell] of this.#waiting) {
      this.#waiting.delete(number);
      tell("refused");
      break;
    }
    this.#forgetLeft();
  }

  /** Those that left are passed over when their turn comes; where they are most, they are taken out at once. */
  #forgetLeft(): void {
    if (this.#order.length <= 2 * this.#waiting.size + ORDER_SLACK) return;
    this.#order = this.#order.filter((number) => this.#waiting.has(number));
  }
}
