/** Bounds of event streams, each with its reason. */

/** Streams that a replica has open: each holds a request of the gateway open, and some kilobytes. */
export const STREAMS_MAX = 2000;

/** And of one caller, unless the deployment says otherwise: more come from a client that opens and forgets. */
export const STREAMS_PER_CALLER_MAX = 100;

/**
 * Text that a reader has not taken yet, in UTF-16 units: above it the stream is told nothing more, and goes on from the
 * history once there is room. So a slow reader costs no more than this and its longest event.
 */
export const STREAM_UNSENT_MAX: number = 128 * 1024;

/** Of all streams together, of the 128 MB of an isolate: above it each may have no more than its share. */
export const STREAMS_UNSENT_MAX: number = 8 * 1024 * 1024;

/** What a stream is told all the same, so that readers that take nothing do not stand in the way of those that do. */
export const STREAM_SHARE: number = 4 * 1024;

/** Who is owed something and has taken nothing for so long is told why, and cut off. */
export const STREAM_STALL_MS = 30_000;

/** Of the history so many bytes are read in a turn, for all streams that are behind. */
export const STREAM_SLICE_BYTES: number = 256 * 1024;

/** How long a stream waits for a leader, and for what its caller has seen elsewhere, until it is refused. */
export const STREAM_HOLD_MS = 5000;

/** Webhooks of an ensemble: the leader tells them all. */
export const HOOKS_MAX = 50;

/** Clients are asked to wait so long before they come back. */
export const STREAM_RETRY_MS = 1000;
