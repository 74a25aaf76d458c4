/** The shell's bounds and intervals, each with its reason. */

/** Decoded znodes kept per replica: three replicas may share an isolate of 128 MB. */
export const ZNODE_CACHE_BYTES: number = 24 * 1024 * 1024;

/** Decoded znodes kept of a tree that a snapshot brings: only what changes again while it comes is looked at twice. */
export const STAGING_CACHE_BYTES: number = 4 * 1024 * 1024;

/**
 * History kept, in bytes of proposals: who needs more gets a snapshot. Batches are bounded by LOG_SLOTS, which is at
 * least as many proposals; a tree of some ten thousand znodes is sooner sent than this much history.
 */
export const LOG_BYTES_MAX: number = 256 * 1024 * 1024;

/** A serving replica ticks this often: a fraction of the heartbeat, so that silence is measured finely enough. */
export const TICK_INTERVAL_MS = 50;

/**
 * While serving, the alarm stands this far ahead as the dead-man's switch: below the 70 s after which the platform may
 * take an idle object out of memory.
 */
export const ALARM_AHEAD_MS = 30_000;

/** The alarm is set anew once it stands nearer than this: each setting is a billed row. */
export const ALARM_RENEW_MS = 15_000;

/** Applied changes reach the disk at the latest after this long, with or without a log row to ride on. */
export const TREE_FLUSH_MS = 1000;

/** Or as soon as changed znodes take this much memory. */
export const TREE_FLUSH_BYTES: number = 8 * 1024 * 1024;

/** An election request to another replica is given up after this long. */
export const NOTIFY_DEADLINE_MS = 1000;

/** Opening a link to another replica is given up after this long. */
export const LINK_DEADLINE_MS = 2000;

/** Bytes are written to a client's socket in pieces of this size: it is seen to read as each piece is taken. */
export const CLIENT_WRITE_BYTES_MAX: number = 64 * 1024;

/** So much taken is told to the keeper at once, below its window of output: a fast reader waits for no tick. */
export const CLIENT_REPORT_BYTES: number = 256 * 1024;

/** A client that was hung up on has this long to read what was sent before; then its connection is dropped. */
export const CLIENT_LINGER_MS = 5000;

/** A reader of events whose stream has ended has this long to take the last of it. */
export const STREAM_LINGER_MS = 5000;

/** The command snapshot reads and sends so much at a time, between which the replica goes on. */
export const DOWNLOAD_PART_BYTES: number = 256 * 1024;

/** Whoever asked for a snapshot and takes nothing of it for this long is given up: what changes is kept for it. */
export const DOWNLOAD_STALL_MS = 60_000;

/** Znodes that a restore has read and not written, in bytes. */
export const STAGING_DIRTY_BYTES_MAX: number = 2 * 1024 * 1024;

/** A step of a restore looks this often whether what it asked for has been committed. */
export const RESTORE_POLL_MS = 20;

/** And for so long. */
export const RESTORE_DEADLINE_MS = 30_000;

/** Epochs of a fresh ensemble begin at the minutes of Unix time. */
export const MINUTE_MS = 60_000;

/** Each election takes an epoch: so far ahead of the minutes no ensemble has come. */
export const EPOCHS_AHEAD_MAX = 1_000_000;
