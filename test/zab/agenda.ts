/** What is to happen in a simulation, and its time, which is a number. */
import { must } from "../../src/base/assert.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** Events in the order of their times; of one time, as they were put in. */
export class Agenda {
  #events: Event[] = [];
  #orders = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  later(delayMs: number, act: () => void): void {
    this.#events.push({ atMs: this.#nowMs + delayMs, order: this.#orders++, act });
  }

  /** Lets things happen until the condition holds, or the deadline has come; whether it holds. */
  runUntil(condition: () => boolean, deadlineMs: number): boolean {
    while (!condition()) {
      let at = -1;
      for (const [index, event] of this.#events.entries()) {
        const first = this.#events[at];
        const isEarlier = first === undefined || event.atMs < first.atMs;
        if (isEarlier || (event.atMs === first.atMs && event.order < first.order)) at = index;
      }
      const next = this.#events[at];
      if (next === undefined || next.atMs > deadlineMs) {
        this.#nowMs = deadlineMs;
        return false;
      }
      const last = must(this.#events.pop(), "an event");
      if (last !== next) this.#events[at] = last;
      this.#nowMs = next.atMs;
      next.act();
    }
    return true;
  }
}
