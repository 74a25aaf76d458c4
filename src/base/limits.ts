/**
 * Every bound of the system, with its reason. A queue or frame without a bound here is a defect.
 */

/**
 * A client's frame without its length (ZooKeeper's jute.maxbuffer): above it the connection is closed without an
 * answer, as ZooKeeper does.
 */
export const CLIENT_FRAME_BYTES_MAX = 0xfffff;

/** Proposals gathered into one message and one log row; a single larger proposal still travels alone. */
export const BATCH_BYTES_MAX: number = 1024 * 1024;

/** Proposals gathered into one batch: bounds the turn that applies them. */
export const BATCH_PROPOSALS_MAX = 2000;
