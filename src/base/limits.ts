/**
 * Every bound of the system, with its reason. A queue or frame without a bound here is a defect.
 */

/** ZooKeeper's jute.maxbuffer (0xfffff): what one frame may carry, headers included. */
export const JUTE_MAX_BUFFER = 0xfffff;

/**
 * A client's frame, without its length: above it the connection is closed without an answer, as ZooKeeper
 * does.
 */
export const CLIENT_FRAME_BYTES_MAX: number = JUTE_MAX_BUFFER;

/**
 * A frame on a link between replicas: a full client frame and its envelope fit; batches are cut at 1 MiB
 * before.
 */
export const LINK_FRAME_BYTES_MAX: number = 4 * 1024 * 1024;

/** Proposals gathered into one message and one log row; a single larger proposal still travels alone. */
export const BATCH_BYTES_MAX: number = 1024 * 1024;

/** Proposals gathered into one batch: bounds the turn that applies them. */
export const BATCH_PROPOSALS_MAX = 2000;
