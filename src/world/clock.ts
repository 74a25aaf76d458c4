/** A replica's clock: it may be ahead or behind, jump, and run at another speed than the world's. */
import type { Agenda } from "./agenda.ts";
import { EPOCH_MS } from "./setting.ts";

/** See the file's comment. */
export class ReplicaClock {
  readonly #agenda: Agenda;
  #rate = 1;
  /** What it showed at a moment, and that moment. */
  #fromMs = EPOCH_MS;
  #sinceMs = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** Unix milliseconds, as this replica believes. */
  get nowMs(): number {
    return Math.floor(this.#fromMs + (this.#agenda.nowMs - this.#sinceMs) * this.#rate);
  }

  get rate(): number {
    return this.#rate;
  }

  /** Runs at this many of its ms in each of the world's from now on. */
  set rate(rate: number) {
    this.#fromMs += (this.#agenda.nowMs - this.#sinceMs) * this.#rate;
    this.#sinceMs = this.#agenda.nowMs;
    this.#rate = rate;
  }

  /** Jumps, back where negative. */
  jump(byMs: number): void {
    this.#fromMs += byMs;
  }

  /** How many of the world's ms pass while so many of its own do. */
  worldMs(ownMs: number): number {
    return ownMs / this.#rate;
  }
}
