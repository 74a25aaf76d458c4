/** A client's own clock: it runs a little faster or slower than the one true clock, which no client can read. */
import type { ClientPort } from "../../../src/world/client-port.ts";

/** Time, as a client may know it. */
export interface ClientClock {
  /** ms since some moment. */
  readonly nowMs: number;
  /** Runs it once so many ms have passed on this clock, or a little later. */
  later(delayMs: number, act: () => void): void;
}

/** A clock that runs `rate` times as fast as the true one. */
export class DriftingClock implements ClientClock {
  readonly #port: ClientPort;
  readonly #rate: number;

  constructor(port: ClientPort, rate: number) {
    this.#port = port;
    this.#rate = rate;
  }

  get nowMs(): number {
    return this.#port.nowMs * this.#rate;
  }

  later(delayMs: number, act: () => void): void {
    this.#port.later(Math.max(0, Math.ceil(delayMs / this.#rate)), act);
  }
}
