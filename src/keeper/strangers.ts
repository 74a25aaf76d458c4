/**
 * Callers whose token this replica does not know. It may lag behind the one that made the token, so they are told that
 * it is none behind a barrier only. A barrier is a write, and anybody may make a token up: so few wait, for one barrier
 * a second, and the rest is told at once.
 */
import { STRANGER_BARRIER_MS, STRANGERS_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";

/** Of one replica. */
export class Strangers {
  #waiting: OpenCall[] = [];
  #lastMs: number | undefined;

  /** Whether the caller waits: otherwise it is to be told now. */
  add(open: OpenCall): boolean {
    if (this.#waiting.length >= STRANGERS_MAX) return false;
    this.#waiting.push(open);
    return true;
  }

  /** Those for whom a barrier is to leave now: none where the last one left a moment ago. */
  takeDue(nowMs: number): readonly OpenCall[] {
    if (this.#waiting.length === 0) return [];
    if (this.#lastMs !== undefined && nowMs - this.#lastMs < STRANGER_BARRIER_MS) return [];
    this.#lastMs = nowMs;
    const due = this.#waiting;
    this.#waiting = [];
    return due;
  }
}
