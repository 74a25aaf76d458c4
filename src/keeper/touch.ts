/**
 * Whether this replica is in touch with what it serves by, of real time: a learner with its leader, a leader with a
 * quorum. A client that is answered relies on its session to live on for its timeout, and a leader that has given a
 * replica up, or follows another, waits for no more than the heartbeat limit (see SessionTracker, rule 4). Whether to
 * leave a leader is decided by lived time, which stands still while the replica does: so a replica whose timer stalls
 * may be with its leader for long, and must make no promise meanwhile.
 */
export class Touch {
  readonly #limitMs: number;
  readonly #silenceMs: () => number;
  /** It is in touch until then at least; what is heard later shows when that is over. */
  #untilMs = Number.NEGATIVE_INFINITY;
  #hasRefused = false;

  /** `silenceMs`: for how long, of all time, nothing was heard. */
  constructor(limitMs: number, silenceMs: () => number) {
    this.#limitMs = limitMs;
    this.#silenceMs = silenceMs;
  }

  /** Whether it is. Who is told that it is not may wait: see isBack. */
  isIn(clockMs: number): boolean {
    if (clockMs <= this.#untilMs) return true;
    this.#untilMs = clockMs - this.#silenceMs() + this.#limitMs;
    const isIn = clockMs <= this.#untilMs;
    this.#hasRefused ||= !isIn;
    return isIn;
  }

  /** Whether somebody was told that it is not in touch, and it is again: once. */
  isBack(clockMs: number): boolean {
    if (!this.#hasRefused || !this.isIn(clockMs)) return false;
    this.#hasRefused = false;
    return true;
  }
}
