/** How often there may be calls under one token, or of one signed caller, at this replica. */
import { TokenBuckets } from "../base/token-buckets.ts";
import { CALLERS_COUNTED_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";

/** A bucket holds the calls of so many seconds. */
const BURST_SECONDS = 2;

/** Of one replica. */
export class CallPace {
  readonly #buckets: TokenBuckets | undefined;

  /** So many a second for each; 0 for no bound. */
  constructor(perSecond: number) {
    const burst = perSecond * BURST_SECONDS;
    this.#buckets =
      perSecond === 0 ? undefined : new TokenBuckets({ perSecond, burst, keysMax: CALLERS_COUNTED_MAX });
  }

  /** How many milliseconds the caller has to wait, 0 for none; a call counts once. */
  wait(open: OpenCall, nowMs: number): number {
    const key = keyOf(open);
    if (open.isCounted || key === undefined || this.#buckets === undefined) return 0;
    open.isCounted = true;
    return this.#buckets.take(key, nowMs);
  }
}

/** A token, or whom an issuer speaks of; nobody bounds who speaks for the deployment. */
function keyOf({ scope, identities }: OpenCall): string | undefined {
  if (scope.grants === undefined) return undefined;
  return scope.tokenPath ?? identities.find(({ scheme }) => scheme === "jwt")?.id;
}
