/**
 * Answers the pings of one client in the place of its replica, for as long as that is safe. Pure: time is handed in.
 *
 * A ping says that the client lives, and its answer that the session does. So the bridge answers one by itself only
 * where the replica has surely heard of the session no longer ago than `slackMs`: from when a ping was sent to it that
 * it has answered. The client is told a timeout that is shorter by just that (timeouts.ts), so whoever counts its
 * session from the answer to a ping never believes in it for longer than the ensemble does. Otherwise the ping goes to
 * the replica, and the client has its answer when the replica has given one: a replica that is silent is silent to the
 * client too, and so is the bridge's own ping the proof that it lives.
 *
 * The bridge sends no ping but for a client that sent one: a client that is gone is not kept alive.
 */

/** What is to be done. */
export interface PingWork {
  /** Answers that the client is owed now. */
  readonly answers: number;
  /** Whether a ping is to be sent to the replica. */
  readonly sends: boolean;
}

/** See the file's comment. All times in ms of one clock that never goes back. */
export class PingDesk {
  readonly #slackMs: number;
  /** When the latest ping was sent that the replica has answered. */
  #provenMs = Number.NEGATIVE_INFINITY;
  /** When the ping was sent that it has not answered yet. */
  #askedMs: number | undefined;
  /** When pings of the client came that are not answered. */
  #waiting: number[] = [];

  constructor(slackMs: number) {
    this.#slackMs = slackMs;
  }

  /** A ping of the client. */
  onPing(nowMs: number): PingWork {
    this.#waiting.push(nowMs);
    return this.#work(nowMs);
  }

  /** The replica has answered the ping that was sent to it. */
  onAnswer(nowMs: number): PingWork {
    if (this.#askedMs !== undefined) this.#provenMs = this.#askedMs;
    this.#askedMs = undefined;
    return this.#work(nowMs);
  }

  /** Since when the replica owes an answer; undefined where it owes none. */
  get askedMs(): number | undefined {
    return this.#askedMs;
  }

  #work(nowMs: number): PingWork {
    const isProven = (sentMs: number): boolean => sentMs - this.#provenMs <= this.#slackMs;
    const answers = this.#waiting.filter(isProven).length;
    this.#waiting = this.#waiting.filter((sentMs) => !isProven(sentMs));
    const sends = this.#waiting.length > 0 && this.#askedMs === undefined;
    if (sends) this.#askedMs = nowMs;
    return { answers, sends };
  }
}
