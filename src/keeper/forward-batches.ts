/** Writes on their way to the leader, cut into messages that a link takes. */
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import type { ForwardedRequest } from "./link-message.ts";

/** A write, and about how many bytes it takes on a link. */
export interface Forward {
  readonly request: ForwardedRequest;
  readonly bytes: number;
}

/**
 * The writes in their order, in messages of at most BATCH_BYTES_MAX; a larger write goes alone. After a change of
 * leader all that waits is forwarded at once, which may be far more than a frame holds.
 */
export function forwardBatches(forwards: readonly Forward[]): readonly (readonly ForwardedRequest[])[] {
  const batches: ForwardedRequest[][] = [];
  let room = 0;
  for (const { request, bytes } of forwards) {
    const latest = batches.at(-1);
    if (latest === undefined || bytes > room) {
      batches.push([request]);
      room = BATCH_BYTES_MAX - bytes;
    } else {
      latest.push(request);
      room -= bytes;
    }
  }
  return batches;
}
