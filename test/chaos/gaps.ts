/** How long no write was acknowledged. */
import type { Acknowledged } from "./load.ts";

/** Figures about a stretch of time. */
export interface Gaps {
  /** Between two acknowledged writes of any clients, in ms. */
  readonly ensembleMs: number;
  /** Between two acknowledged writes of one client, the longest of all clients, in ms. */
  readonly clientMs: number;
  /** Acknowledged writes within the stretch. */
  readonly acknowledged: number;
}

/**
 * The longest gaps that reach into the stretch; a gap that began before it counts whole, one that has not
 * ended with it counts up to its end. `acknowledged` is in order of time.
 */
export function gapsWithin(
  acknowledged: readonly Acknowledged[],
  stretch: { readonly fromMs: number; readonly untilMs: number },
): Gaps {
  const { fromMs, untilMs } = stretch;
  const lastByClient = new Map<number, number>();
  let last: number | undefined;
  let ensembleMs = 0;
  let clientMs = 0;
  let count = 0;
  for (const { client, atMs } of acknowledged) {
    if (atMs > untilMs) break;
    if (atMs >= fromMs) {
      ensembleMs = Math.max(ensembleMs, atMs - (last ?? fromMs));
      clientMs = Math.max(clientMs, atMs - (lastByClient.get(client) ?? fromMs));
      count++;
    }
    last = atMs;
    lastByClient.set(client, atMs);
  }
  ensembleMs = Math.max(ensembleMs, untilMs - (last ?? fromMs));
  for (const atMs of lastByClient.values()) clientMs = Math.max(clientMs, untilMs - atMs);
  return { ensembleMs, clientMs, acknowledged: count };
}
