/** How often there may be calls under one token, or of one signed caller, at this replica, and how many at a time. */
import { TokenBuckets } from "../base/token-buckets.ts";
import { CALLERS_COUNTED_MAX, CALLS_PER_TOKEN_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";

/** A bucket holds the calls of so many seconds. */
const BURST_SECONDS = 2;

/** One that is open may be answered any moment, or in a minute. */
const OPEN_WAIT_MS = 1000;

/** Of one replica. */
export class CallPace {
  readonly #buckets: TokenBuckets | undefined;
  /** Calls that are open, by whom they are counted for. */
  readonly #open = new Map<string, number>();

  /** So many a second for each; 0 for no bound. */
  constructor(perSecond: number) {
    const burst = perSecond * BURST_SECONDS;
    this.#buckets =
      perSecond === 0 ? undefined : new TokenBuckets({ perSecond, burst, keysMax: CALLERS_COUNTED_MAX });
  }

  /** How many milliseconds the caller has to wait, 0 for none: then the call counts, once, until it leaves. */
  wait(open: OpenCall, nowMs: number): number {
    const key = keyOf(open);
    if (open.countedFor !== undefined || key === undefined) return 0;
    const count = this.#open.get(key) ?? 0;
    if (count >= CALLS_PER_TOKEN_MAX) return OPEN_WAIT_MS;
    const waitMs = this.#buckets?.take(key, nowMs) ?? 0;
    if (waitMs > 0) return waitMs;
    open.countedFor = key;
    this.#open.set(key, count + 1);
    return 0;
  }

  /** The call is over. */
  leave({ countedFor }: OpenCall): void {
    if (countedFor === undefined) return;
    const count = (this.#open.get(countedFor) ?? 1) - 1;
    if (count > 0) this.#open.set(countedFor, count);
    else this.#open.delete(countedFor);
  }
}

/** A token, or whom an issuer speaks of; nobody bounds who speaks for the deployment. */
function keyOf({ scope, identities }: OpenCall): string | undefined {
  if (scope.grants === undefined) return undefined;
  const signed = identities.find(({ scheme }) => scheme === "jwt");
  return scope.tokenPath ?? (signed && `jwt:${signed.id}`);
}
