/** A runtime whose time goes on when a test says so; promises go on between two of its timers. */
import { type Rng, seededRng } from "../../src/base/rng.ts";
import type { Runtime } from "../../src/client/runtime.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** See the file's comment. */
export class ManualRuntime implements Runtime {
  readonly rng: Rng = seededRng([1, 2, 3, 4]);
  readonly reported: unknown[] = [];
  #nowMs = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  unixMs(): number {
    return this.#nowMs;
  }

  startTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  report(error: unknown): void {
    this.reported.push(error);
  }

  /** Lets so much time pass, timer by timer. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets all promises go on that can. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
