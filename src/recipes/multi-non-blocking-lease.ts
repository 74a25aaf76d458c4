/**
 * MultiNonBlockingLease: kazoo's, so many leases of so long by the clock, each as a NonBlockingLease.
 *
 * What can go wrong: what can with a NonBlockingLease, and the same happens. Who renews may be given another one of
 * the leases than it had, where an earlier one in the row is over; its own then runs out.
 *
 * Znodes: PATH/0, PATH/1, ... as NonBlockingLease. Source: kazoo recipe/lease.py, MultiNonBlockingLease.
 */
import { childOf } from "../base/path.ts";
import { type Lease, NonBlockingLease, type NonBlockingLeaseSettings } from "./non-blocking-lease.ts";
import type { WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

/** See the file's comment. */
export class MultiNonBlockingLease {
  readonly #leases: readonly NonBlockingLease[];

  constructor(
    client: RecipeClient,
    path: string,
    settings: NonBlockingLeaseSettings & { readonly count: number },
  ) {
    const { count } = settings;
    if (!Number.isInteger(count) || count < 1)
      throw new RecipeError("misuse", `${count} leases: give a whole number from 1 up`);
    this.#leases = Array.from(
      { length: count },
      (_, index) => new NonBlockingLease(client, childOf(path, String(index)), settings),
    );
  }

  /** The first that is free or its own; undefined where others have all. `timeoutMs` is for each. */
  async obtain(options: WaitOptions = {}): Promise<Lease | undefined> {
    for (const lease of this.#leases) {
      const obtained = await lease.obtain(options);
      if (obtained !== undefined) return obtained;
    }
    return undefined;
  }
}
