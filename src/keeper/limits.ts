/** The keeper's bounds and intervals, each with its reason. */

/** Deadlines of sessions are kept in buckets this wide: touching one in the same bucket costs nothing. */
export const EXPIRY_BUCKET_MS = 250;

/**
 * A session's clock moves at most this far per tick. A tick comes every TICK_INTERVAL_MS; a longer pause means that
 * this replica stood still (frozen host, long commit), while clients' pings waited in its sockets.
 */
export const SESSION_CLOCK_STEP_MS_MAX = 250;

/** The leader asks the replicas this often which sessions they heard from. */
export const SESSION_POLL_INTERVAL_MS = 250;

/**
 * A session whose client vanished is over, while leader and replicas stay, at most this long after its timeout, and
 * two round trips between the leader and the farthest replica:
 * - its last word waits for a poll: an interval and a tick, and a round trip (the poll goes, the answer comes);
 * - its deadline is rounded up to a bucket;
 * - a poll sent after the deadline must be answered by all: an interval and a tick, and a round trip;
 * - the next tick sees it.
 * A tick counts 50 ms. On top of that come, each where it happens: the heartbeat limit where a replica falls silent, as
 * the leader waits that long for its answer; timeout and heartbeat limit anew where the replica that had the client,
 * or the leader, is lost; and all the time for which the leader stands still.
 */
export const SESSION_LATE_MS_MAX: number = 2 * (SESSION_POLL_INTERVAL_MS + 50) + EXPIRY_BUCKET_MS + 50;

/**
 * How long a replica without a leader keeps its clients waiting before it closes their connections, so that they go
 * to a replica that has one. An ordinary change of leader is over well before.
 */
export const LEADERLESS_HOLD_MS = 1500;

/** How long a handshake waits for this replica to serve, or to catch up with what the client has seen elsewhere. */
export const HANDSHAKE_HOLD_MS = 1000;

/** A connection that has not completed its handshake after this long is closed: it holds memory for nothing. */
export const HANDSHAKE_LIMIT_MS = 10_000;

/** Committed proposals applied in one turn, in bytes: more are left for the next, so that pings are answered. */
export const DELIVER_BYTES_PER_TURN: number = 4 * 1024 * 1024;

/** What applying a proposal costs besides its payload, in bytes of payload: small ones are bounded by their number. */
export const APPLY_COST_BYTES = 512;

/** Unanswered requests a connection may have before its socket is no longer read. */
export const PENDING_REQUESTS_MAX = 1000;

/** Below this many, the socket is read again. */
export const PENDING_REQUESTS_RESUME = 500;

/** Unanswered request bytes a connection may have before its socket is no longer read: a few of the largest. */
export const PENDING_BYTES_MAX: number = 8 * 1024 * 1024;

/** The leader calls replicas that have no link to it this often: it wakes objects that died and have no clients. */
export const MISSING_CALL_INTERVAL_MS = 1000;

/**
 * What a connection may make a replica hold in all, before it is cut off: its requests, answered or not, and the frames
 * behind them. Reading stops long before; but a WebSocket cannot be told to stop.
 */
export const CONNECTION_BYTES_MAX: number = 16 * 1024 * 1024;

/** What an unanswered request costs besides its bytes. */
export const PENDING_OVERHEAD_BYTES = 128;

/** What a connection proved to be, in all: it travels with each of the connection's writes. */
export const IDENTITY_BYTES_MAX: number = 64 * 1024;

/**
 * What one turn may answer a connection: more would pile up in the shell, which cuts it off at as much. A few kilobytes
 * of requests can ask for gigabytes.
 */
export const TURN_OUTPUT_BYTES_MAX: number = 16 * 1024 * 1024;

/**
 * A write is forwarded to at most this many leaders in turn; then its connection is closed, its outcome unknown. One
 * change of leader is an accident, two in a row are possible, more may be the write's own doing.
 */
export const FORWARD_ATTEMPTS_MAX = 3;
