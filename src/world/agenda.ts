/** What is to happen in a simulated world, and its time, which is a number. */
import { must } from "../base/assert.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** A moment's fraction of a ms: small enough for a million events in one, exact for runs of many days. */
const MOMENT = 2 ** -20;

/** Events in the order of their times; of one time, as they were put in. A binary heap. */
export class Agenda {
  readonly #heap: Event[] = [];
  #orders = 0;
  #nowMs = 0;
  #inMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** `nowMs` and a fraction: no two events have the same. */
  get moment(): number {
    return this.#nowMs + this.#inMs * MOMENT;
  }

  /** Acts after so many ms; a part of one counts as a whole one. */
  later(delayMs: number, act: () => void): void {
    const event = { atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)), order: this.#orders++, act };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = must(heap[above], "a parent");
      if (isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  /** Lets the next event happen, unless it is later than the deadline; whether one did. */
  step(deadlineMs: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > deadlineMs) return false;
    this.#removeFirst();
    if (next.atMs > this.#nowMs) {
      this.#nowMs = next.atMs;
      this.#inMs = 0;
    }
    this.#inMs++;
    next.act();
    return true;
  }

  /** Lets things happen until the condition holds, or the deadline has come; whether it holds. */
  runUntil(condition: () => boolean, deadlineMs: number): boolean {
    while (!condition()) {
      if (this.step(deadlineMs)) continue;
      this.#nowMs = deadlineMs;
      this.#inMs = 0;
      return false;
    }
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = must(heap.pop(), "an event");
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      let child = heap[left];
      if (child === undefined) break;
      let below = left;
      const right = heap[left + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below = left + 1;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
