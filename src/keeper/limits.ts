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

/** For how long a replica is said to be quiet at most: what it says is a number of 31 bits, and nobody waits longer. */
export const QUIET_MS_MAX = 0x7fffffff;

/** A replica's word that it is quiet counts for so long: a few polls. */
export const QUIET_REPORT_AGE_MS_MAX = 1000;

/** A leader serves for so long before it sleeps: what was to be done when it woke is done by then. */
export const DORMANT_SETTLE_MS = 1000;

/**
 * Nobody sleeps who would have to wake by itself sooner than this: the election of a wake takes a fraction of a second
 * of all replicas, and the platform keeps an idle object in memory for some ten seconds anyway.
 */
export const DORMANT_WORTH_MS = 10_000;

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
 * Sessions of the ensemble. Every replica holds all of them in memory, at some 0.5 KB each with what the leader counts
 * of their silence, connected or not: 16 MB. As many as three replicas take connections. One more is not made, and its
 * connection is closed.
 */
export const SESSIONS_MAX = 32_768;

/**
 * How long a replica without a leader keeps its clients waiting before it closes their connections, so that they go
 * to a replica that has one. An ordinary change of leader is over well before.
 */
export const LEADERLESS_HOLD_MS = 1500;

/** And a client that is parked: it waits for nothing, and a wake may take longer than a change of leader. */
export const PARKED_HOLD_MS = 10_000;

/** Clients that are parked and called connect again, so many at a time: each has HANDSHAKE_LIMIT_MS for it. */
export const CALLED_AT_ONCE_MAX = 64;

/**
 * How long a call waits for this replica to serve, to have delivered what the caller has seen, or for its write, before
 * it is told what is known. An ordinary change of leader is over before.
 */
export const CALL_WAIT_MS = 5000;

/** Calls that a replica has under way: each holds a request of the gateway open. */
export const CALLS_MAX = 4096;

/** And so many bytes of them, of the 128 MB of an isolate. */
export const CALLS_BYTES_MAX: number = 16 * 1024 * 1024;

/** The shortest life of a session without a connection: its owner must have time for a call. */
export const CALL_SESSION_MS_MIN = 2000;

/** The longest: nobody hears that its owner is gone before. */
export const CALL_SESSION_MS_MAX: number = 24 * 60 * 60 * 1000;

/** Tokens of an ensemble: they are listed in one answer. */
export const TOKENS_MAX = 10_000;

/** Of CALLS_MAX so many may be under one token: those that wait for a minute would keep all others out. */
export const CALLS_PER_TOKEN_MAX = 1024;

/** Tokens and signed callers whose calls are counted, at some 100 bytes each. */
export const CALLERS_COUNTED_MAX = 20_000;

/** Callers with a token that a replica does not know, which wait to be told that it is none: few, as each is free. */
export const STRANGERS_MAX = 64;

/** A write that such a caller costs leaves at most this often, for all of them. */
export const STRANGER_BARRIER_MS = 1000;

/** Of one session, whose end makes a session for each: a caller's lease has one, a client of the wire may have many. */
export const LOCK_DELAYS_MAX = 64;

/**
 * How much of a turn's distance from the one before counts towards how long a caller has waited, where it is told how
 * long its lease lasts from when it asked: what is longer may be a clock that jumped. Two ticks.
 */
export const LEASE_CLOCK_STEP_MS_MAX = 100;

/** What was written to a caller that has gone is refused within this time on the same machine. */
export const LOCK_PROBE_MS = 100;

/** Of a lock's queue so many are shown. */
export const LOCK_QUEUE_SHOWN = 100;

/** Of a session's ephemerals so many are shown. */
export const EPHEMERALS_SHOWN = 1000;

/** How long a handshake waits for this replica to serve, or to catch up with what the client has seen elsewhere. */
export const HANDSHAKE_HOLD_MS = 1000;

/** A connection that has not completed its handshake after this long is closed: it holds memory for nothing. */
export const HANDSHAKE_LIMIT_MS = 10_000;

/** Committed proposals applied in one turn, in bytes: more are left for the next, so that pings are answered. */
export const DELIVER_BYTES_PER_TURN: number = 4 * 1024 * 1024;

/** What applying a proposal costs besides its payload, in bytes of payload: small ones are bounded by their number. */
export const APPLY_COST_BYTES = 512;

/** What telling a watcher of a change costs, in bytes of payload: a change may have very many watchers. */
export const EVENT_COST_BYTES = 128;

/** A sweep of containers and TTL znodes reads so many candidates at a time. */
export const SWEEP_PAGE = 256;

/** What a sweep may remove for time that has passed counts up to this much of it: a leader that stood still makes no
 * burst of it. */
export const SWEEP_BURST_MS = 250;

/** A database that was full has room again below this part of its limit, so that it does not come and go. */
export const STORAGE_RESUME_RATIO = 0.95;

/** Unanswered requests a connection may have before its socket is no longer read. */
export const PENDING_REQUESTS_MAX = 1000;

/** Below this many, the socket is read again. */
export const PENDING_REQUESTS_RESUME = 500;

/** Unanswered request bytes a connection may have before its socket is no longer read: a few of the largest. */
export const PENDING_BYTES_MAX: number = 8 * 1024 * 1024;

/** A part of a snapshot: one is read and sent a turn, for each learner that has room; clients wait for it. */
export const SNAPSHOT_PART_BYTES: number = 256 * 1024;

/**
 * Znodes that may have changed and wait to be sent while a snapshot goes to a learner: some 20 MB of paths. One that is
 * slower than the writes would make the leader hold ever more, and would never be done.
 */
export const SNAPSHOT_CHANGES_MAX = 200_000;

/** Digests are noted at every so many-th zxid: often enough to be near a divergence, too seldom to cost anything. */
export const DIGEST_EVERY = 128;

/** Digests kept: a follower may lag this many times DIGEST_EVERY proposals and still be compared. */
export const DIGESTS_KEPT = 256;

/** Replicas tell the leader their digests this often. */
export const DIGEST_REPORT_INTERVAL_MS = 1000;

/** A leader counts its whole tree at most this often, however often its snapshots are refused: it reads all of it. */
export const RECOUNT_INTERVAL_MS = 10_000;

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
 * Output that a client has not read yet, above which nothing more is answered to it, nor taken from it: as much as a
 * fast reader has under way between two reports of its socket. A few kilobytes of requests can ask for gigabytes.
 */
export const OUTPUT_WINDOW_BYTES: number = 1024 * 1024;

/**
 * Unread output at which a connection is cut off: what nobody can hold back comes on top of the window, which is watch
 * events, replies to writes, and the reply that went over the window, the longest list of children, say.
 */
export const CONNECTION_OUTPUT_BYTES_MAX: number = 16 * 1024 * 1024;

/** A client that is owed output and has read none of it for this long is cut off: it holds memory for nothing. */
export const OUTPUT_STALL_MS = 30_000;

/**
 * What all clients together may make a replica hold before each may add no more than its share: an isolate has 128 MB,
 * of which the znodes' cache and what is not yet written take a quarter.
 */
export const CLIENTS_BYTES_SHORT: number = 24 * 1024 * 1024;

/** Below this much, each may hold again what a single client may. */
export const CLIENTS_BYTES_RELIEVED: number = 18 * 1024 * 1024;

/** At this much unread output of all clients nothing more is answered until some of it is read. */
export const CLIENTS_OUTPUT_BYTES_FULL: number = 40 * 1024 * 1024;

/**
 * At this much those that hold most are cut off: what cannot be held back (events, replies to writes, messages of
 * WebSockets, frames that are not complete) came on top.
 */
export const CLIENTS_BYTES_MAX: number = 48 * 1024 * 1024;

/** What a client may hold where memory is short, of requests and of unread output: a few ordinary ones. */
export const SHARE_BYTES: number = 64 * 1024;

/** Where memory is short, who reads nothing for this long is cut off: the others wait for what it holds. */
export const OUTPUT_STALL_SHORT_MS = 2000;

/** What a child's name takes in a reply, by a guess: how long a list will be is known when it is made. */
export const CHILD_NAME_BYTES_GUESS = 32;

/** What a reply takes whose size is not known before: large, as it is seldom asked for among writes. */
export const REPLY_BYTES_GUESS: number = 64 * 1024;

/** Of refusals that come by the thousand one in this time is told in the log; the rest is counted. */
export const REFUSAL_LOG_INTERVAL_MS = 1000;

/**
 * Writes of one replica that the leader or the log has and that are not delivered: at so many bytes the others wait at
 * the replica, whose clients are read no further. A leader holds this much, and a request more, for each of up to 21
 * replicas, itself among them. Ten megabytes a second where the replicas are 100 ms apart.
 */
export const FORWARDED_BYTES_MAX: number = 1024 * 1024;

/** And so many requests, however small (ZooKeeper's globalOutstandingLimit is 1000 a server). */
export const FORWARDED_REQUESTS_MAX = 2000;

/**
 * A write is forwarded to at most this many leaders in turn; then its connection is closed, its outcome unknown. One
 * change of leader is an accident, two in a row are possible, more may be the write's own doing.
 */
export const FORWARD_ATTEMPTS_MAX = 3;

/** Of the history so many bytes are read in a turn, for who asks about the past: as for streams that are behind. */
export const WALK_SLICE_BYTES: number = 256 * 1024;

/** Transactions read at a time when a walk back begins: it soon finds out how many make a slice. */
export const WALK_STEP_FIRST = 64;

/** At most so many, however small: none of a slice may be very long under way. */
export const WALK_STEP_MAX = 4096;

/** Questions about the past that a replica has under way: each holds what it has found. */
export const WALKS_MAX = 16;

/** How long such a question may take: so much history as is kept is read in less, unless others want much, too. */
export const WALK_WAIT_MS = 10_000;

/** Paths that a difference may be about: it is refused above. */
export const DIFFERENCE_PATHS_MAX = 10_000;

/** Bytes of data that are held for a difference, and of what changes meanwhile: it is refused above. */
export const DIFFERENCE_BYTES_MAX: number = 8 * 1024 * 1024;

/** Why something is gone is looked for in so many of the latest transactions: who looks wants to know of today. */
export const EXPLAIN_LOOKS_MAX = 200_000;

/** Of a page of children it is told of so many how many children they have: each is looked up. */
export const COUNTED_CHILDREN_MAX = 500;

/** Of data that are explained so many bytes are told, from their beginning. */
export const EXPLAIN_HEAD_BYTES_MAX = 240;

/** Of a queue that is explained so many of those that left last are told. */
export const EXPLAIN_LEFT_MAX = 10;
