/**
 * Where to connect next, and when. The first attempt after a lost connection goes out soon, to another replica; each
 * one that fails doubles the pause. All pauses are drawn by chance, so that the clients of a replica that died do not
 * fall upon the next one together.
 */
import { assert } from "../../base/assert.ts";
import type { Rng } from "../../base/rng.ts";
import { BACKOFF_MS_FIRST, BACKOFF_MS_MAX } from "./limits.ts";

/** The endpoints of a session, in an order of its own. */
export class Reconnects {
  readonly #rng: Rng;
  #endpoints: readonly string[];
  #at = 0;
  #failures = 0;

  constructor(endpoints: readonly string[], rng: Rng) {
    assert(endpoints.length > 0, "a session has an endpoint");
    this.#rng = rng;
    this.#endpoints = shuffled(endpoints, rng);
  }

  /** The endpoint of the next attempt. */
  get endpoint(): string {
    const endpoint = this.#endpoints[this.#at % this.#endpoints.length];
    assert(endpoint !== undefined, "a session has an endpoint");
    return endpoint;
  }

  /** Other endpoints from now on; none at all changes nothing. */
  replace(endpoints: readonly string[]): void {
    if (endpoints.length === 0 || sameMembers(endpoints, this.#endpoints)) return;
    this.#endpoints = shuffled(endpoints, this.#rng);
    this.#at = 0;
  }

  /** A handshake succeeded. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The next endpoint's turn; milliseconds to wait before it. */
  failed(): number {
    this.#at = (this.#at + 1) % this.#endpoints.length;
    const rounds = Math.floor(this.#failures / this.#endpoints.length);
    this.#failures++;
    const limitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(rounds, 10));
    return this.#rng.below(limitMs);
  }
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((endpoint) => b.includes(endpoint));
}

/** Fisher and Yates. */
function shuffled(endpoints: readonly string[], rng: Rng): readonly string[] {
  const order = [...endpoints];
  for (let last = order.length - 1; last > 0; last--) {
    const other = rng.below(last + 1);
    const [a, b] = [order[last], order[other]];
    assert(a !== undefined && b !== undefined, "both are within the list");
    order[last] = b;
    order[other] = a;
  }
  return order;
}
