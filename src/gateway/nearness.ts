/**
 * Which replica to ask first: the one that answers soonest, as far as this isolate has seen, or can guess. What is
 * seen is smoothed as TCP smooths round trips (RFC 6298), and holds for a minute; what nobody has seen is guessed from
 * where the replica was placed. Free of clock and dice.
 */
import type { Sid } from "../base/ids.ts";

/** A replica that may be asked. */
export interface Candidate {
  readonly sid: Sid;
  /** About how long it should take to answer, in ms; 0 where nobody knows. */
  readonly guessMs: number;
  /** Whether it is of the gateway's own process: of those that are as near it comes first. */
  readonly isHome?: boolean;
}

interface Seen {
  smoothedMs: number;
  deviationMs: number;
  atMs: number;
  /** It did not answer then; undefined once it has answered since. */
  failedMs: number | undefined;
}

/** What was seen is believed for so long. */
const BELIEVED_MS = 60_000;

/** One that did not answer is asked last for so long. */
const SHUNNED_MS = 5000;

/** So much farther is as near: callers are spread over these. */
const NEAR_FACTOR = 1.5;
const NEAR_MS = 2;

/** When another one is asked beside one of which nothing is known, and the least there is. */
const HEDGE_UNKNOWN_MS = 100;
const HEDGE_MIN_MS = 10;

/** What an isolate knows of replicas' distance. */
export class Nearness {
  readonly #seen = new Map<string, Seen>();
  readonly #random: () => number;

  /** `random` gives numbers from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** All of them, the one to ask first in front. */
  order(ensemble: string, candidates: readonly Candidate[], nowMs: number): readonly Sid[] {
    const ranked = candidates.map(({ sid, guessMs, isHome = false }) => ({
      sid,
      isHome,
      ms: this.#measure(ensemble, sid, nowMs)?.smoothedMs ?? guessMs,
      isShunned: this.#isShunned(ensemble, sid, nowMs),
      draw: this.#random(),
    }));
    const best = Math.min(...ranked.filter(({ isShunned }) => !isShunned).map(({ ms }) => ms));
    const isNear = (ms: number): boolean => ms <= best * NEAR_FACTOR + NEAR_MS;
    const distance = ({ ms }: { readonly ms: number }): number => (isNear(ms) ? best : ms);
    return ranked
      .toSorted(
        (a, b) =>
          Number(a.isShunned) - Number(b.isShunned) ||
          distance(a) - distance(b) ||
          Number(b.isHome) - Number(a.isHome) ||
          a.draw - b.draw,
      )
      .map(({ sid }) => sid);
  }

  /** When another one is to be asked beside it, in ms after it was: few of its answers take as long. */
  hedgeMs(ensemble: string, sid: Sid, nowMs: number): number {
    const seen = this.#measure(ensemble, sid, nowMs);
    if (seen === undefined) return HEDGE_UNKNOWN_MS;
    return Math.max(HEDGE_MIN_MS, seen.smoothedMs + 4 * seen.deviationMs);
  }

  /** It has answered what costs it nothing to speak of. */
  answered(
    ensemble: string,
    sid: Sid,
    { tookMs, nowMs }: { readonly tookMs: number; readonly nowMs: number },
  ): void {
    const seen = this.#measure(ensemble, sid, nowMs);
    const deviation = seen === undefined ? tookMs / 2 : Math.abs(seen.smoothedMs - tookMs);
    this.#seen.set(keyOf(ensemble, sid), {
      smoothedMs: seen === undefined ? tookMs : seen.smoothedMs + (tookMs - seen.smoothedMs) / 8,
      deviationMs: seen === undefined ? deviation : seen.deviationMs + (deviation - seen.deviationMs) / 4,
      atMs: nowMs,
      failedMs: undefined,
    });
  }

  /** It did not answer, or could not serve. */
  failed(ensemble: string, sid: Sid, nowMs: number): void {
    const known = this.#seen.get(keyOf(ensemble, sid));
    const nothing: Seen = {
      smoothedMs: 0,
      deviationMs: 0,
      atMs: Number.NEGATIVE_INFINITY,
      failedMs: undefined,
    };
    this.#seen.set(keyOf(ensemble, sid), { ...(known ?? nothing), failedMs: nowMs });
  }

  #measure(ensemble: string, sid: Sid, nowMs: number): Seen | undefined {
    const seen = this.#seen.get(keyOf(ensemble, sid));
    return seen !== undefined && nowMs - seen.atMs < BELIEVED_MS ? seen : undefined;
  }

  #isShunned(ensemble: string, sid: Sid, nowMs: number): boolean {
    const failedMs = this.#seen.get(keyOf(ensemble, sid))?.failedMs;
    return failedMs !== undefined && nowMs - failedMs < SHUNNED_MS;
  }
}

function keyOf(ensemble: string, sid: Sid): string {
  return `${ensemble}/${sid}`;
}
