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

/**
 * A transaction as bytes. It stands in one row of the log, and SQLite in the object takes rows of 2 MB: a larger one
 * would stop every replica. Above the client's frame, as `auth` in an access control list stands for several identities
 * and malformed UTF-8 grows when it is read.
 */
export const TXN_BYTES_MAX: number = 1536 * 1024;

/** A znode's access control list: with the largest data and path a frame can carry it fits into one row of 2 MB. */
export const ACL_BYTES_MAX: number = 512 * 1024;

/** What a multiRead gathers: a few of the largest znodes. A frame of it could name one of 1 MB forty thousand times. */
export const MULTI_READ_BYTES_MAX: number = 8 * 1024 * 1024;

/** Sids go from 1 to here: a session's id carries its maker's in one byte. */
export const SID_MAX = 254;

/** Each write waits for a majority of them: more would make every write slower, and no data safer. */
export const VOTERS_MAX = 7;

/**
 * The leader sends every proposal to each observer itself, and calls each that is away once a second: more of them
 * would cost the voters their throughput.
 */
export const OBSERVERS_MAX = 16;

/** How long it is remembered what was done under a key: an hour of retries, and some time to look why. */
export const KEY_TTL_MS: number = 60 * 60 * 1000;

/** How long a lock may stay closed after its holder has vanished, as in Consul. */
export const LOCK_DELAY_MS_MAX: number = 60_000;

/** Keys remembered at a time, some 300 bytes of each replica's disk each: 70 new ones a second for an hour. */
export const KEYS_MAX = 250_000;

/**
 * How far a promised epoch may be beyond what a peer knows: more is no epoch but a broken frame, and a promise is for
 * ever, so that one of the last epoch there is would lock its replica out for good. Above the minutes of Unix time that
 * ensembles begin with, for a peer that starts with its clock at nought, until 2097.
 */
export const EPOCH_LEAP_MAX = 67_500_000;

/**
 * The same for what a learner says it has promised: less, as its leader's epoch comes behind that, and must be believed
 * by all others, who may know of fewer epochs than the leader does.
 */
export const PROMISE_LEAP_MAX: number = EPOCH_LEAP_MAX - 100_000;
