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

/** With the first log row that comes after this long. */
export const TREE_RIDE_MS = 500;

/** Or as soon as changed znodes take this much memory. */
export const TREE_FLUSH_BYTES: number = 8 * 1024 * 1024;

/** Or are so many: to write them all takes some 10 ms, for which the replica stands still. */
export const TREE_FLUSH_COUNT = 2048;

/** An election request to another replica is given up after this long. */
export const NOTIFY_DEADLINE_MS = 1000;

/** Opening a link to another replica is given up after this long. */
export const LINK_DEADLINE_MS = 2000;

/** Bytes are written to a client's socket in pieces of this size: it is seen to read as each piece is taken. */
export const CLIENT_WRITE_BYTES_MAX: number = 64 * 1024;

/** So much taken is told to the keeper at once, below its window of output: a fast reader waits for no tick. */
export const CLIENT_REPORT_BYTES: number = 256 * 1024;

/** A trunk is read in pieces of at least so much, and of at most so much where much comes. */
export const TRUNK_CHUNK_BYTES_MIN = 4096;
/** See TRUNK_CHUNK_BYTES_MIN. */
export const TRUNK_CHUNK_BYTES_MAX: number = 64 * 1024;

/** A client that was hung up on has this long to read what was sent before; then its connection is dropped. */
export const CLIENT_LINGER_MS = 5000;

/** Webhooks are looked for this often: who leads tells them. */
export const HOOK_LOOK_MS = 250;

/** So many events go into one delivery at most. */
export const HOOK_EVENTS_MAX = 100;

/** A receiver that has not answered by then has failed. */
export const HOOK_DEADLINE_MS = 10_000;

/** The first attempt after one that failed comes so soon, and each later one after twice the time. */
export const HOOK_RETRY_MS = 1000;

/** But no later than this. */
export const HOOK_RETRY_MS_MAX: number = 5 * 60_000;

/** How far a webhook was told is noted at most this often, each time a write; what was not is told again elsewhere. */
export const HOOK_NOTE_MS = 1000;

/** And this often where nothing was to be told, so that it does not fall out of the history. */
export const HOOK_IDLE_NOTE_MS = 60_000;

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

/** Spans are gathered for so long before they are sent: those of a write come together, and nobody waits for them. */
export const SPAN_GATHER_MS = 500;

/** Spans of one request to the collector, some 300 KB. */
export const SPAN_BATCH_MAX = 512;

/** Spans that wait for the collector: about a kilobyte each. */
export const SPANS_HELD_MAX = 4096;

/** A collector that has not answered by then has not taken them. */
export const SPAN_DEADLINE_MS = 5000;

/** That it takes nothing is logged no more often. */
export const SPAN_WARNING_MS = 60_000;

/** A data point of Analytics Engine is written no more often, unless somebody leads anew: 250 fit into an event. */
export const ANALYTICS_INTERVAL_MS = 10_000;
