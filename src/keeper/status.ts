/** What a replica tells about itself: plain data for people, four-letter words, HTTP and tests. */
import type { SessionId, Sid } from "../base/ids.ts";
import type { PeerStatus } from "../zab/config.ts";
import type { ConnectionStats } from "./connection-stats.ts";

/** ZooKeeper's version whose behaviour this follows: clients switch features on it. */
export const ZOOKEEPER_VERSION = "3.9.5";

/** The project's own version. */
export const EDGEKEEPER_VERSION = "0.1.0";

/** A client's connection, for `cons`, `stat` and what tells of them. */
export interface ConnectionStatus {
  readonly remoteAddress: string;
  readonly transport: "tcp" | "websocket";
  /** undefined before one is asked for. */
  readonly session: SessionId | undefined;
  readonly timeoutMs: number;
  /** Unanswered requests. */
  readonly queued: number;
  readonly openedMs: number;
  /** When its client was last heard. */
  readonly heardMs: number;
  /** Whether its socket is read, and whether it is owed output. */
  readonly isRead: boolean;
  readonly isOwed: boolean;
  readonly stats: ConnectionStats;
}

/** Counted since the replica started. */
export interface Counters {
  received: number;
  sent: number;
  /** Not let in: one too many, or a handshake that took too long. */
  connectionsRejected: number;
  /** Closed for what they made the replica hold. */
  connectionsCutOff: number;
  framesRejected: number;
  requestsUndecodable: number;
  requestsUnknown: number;
  /** Writes answered with -127, as they had waited for too long. */
  requestsThrottled: number;
  /** Hung up on, as too much of large ones was unanswered. */
  largeRequestsRejected: number;
  /** Bytes of requests, and of replies and events, with their length fields. */
  receivedBytes: number;
  sentBytes: number;
  /** Clients that asked for a session, a new one or theirs. */
  handshakes: number;
  /** Those that asked for theirs. */
  revalidations: number;
  /** Handshakes that took too long. */
  handshakesExpired: number;
  /** Logins that failed. */
  loginsFailed: number;
  /** Made by this leader. */
  proposals: number;
  /** Taken from a leader. */
  proposalsReceived: number;
  /** Committed and applied here. */
  commits: number;
  /** Replicas whose tree was found to differ from a quorum's, by this leader. */
  digestMismatches: number;
  watchEvents: number;
  turns: number;
  /** Requests of connections that were answered, and how long that took. */
  latencyCount: number;
  latencySumMs: number;
  latencyMinMs: number;
  latencyMaxMs: number;
  /** The same of calls, which HTTP, the binding and webhooks make; of one that asked to wait nothing is counted. */
  callCount: number;
  callSumMs: number;
}

/** Counters at nought. */
export function freshCounters(): Counters {
  return {
    received: 0,
    sent: 0,
    connectionsRejected: 0,
    connectionsCutOff: 0,
    framesRejected: 0,
    requestsUndecodable: 0,
    requestsUnknown: 0,
    requestsThrottled: 0,
    largeRequestsRejected: 0,
    receivedBytes: 0,
    sentBytes: 0,
    handshakes: 0,
    revalidations: 0,
    handshakesExpired: 0,
    loginsFailed: 0,
    proposals: 0,
    proposalsReceived: 0,
    commits: 0,
    digestMismatches: 0,
    watchEvents: 0,
    turns: 0,
    latencyCount: 0,
    latencySumMs: 0,
    latencyMinMs: 0,
    latencyMaxMs: 0,
    callCount: 0,
    callSumMs: 0,
  };
}

/** One replica, as GET /ENSEMBLE/v1/status shows it. */
export interface ReplicaStatus {
  readonly ensemble: string;
  readonly sid: Sid;
  readonly instance: number;
  readonly version: string;
  /** As `srvr` says it: leader, follower, observer, standalone, read-only, or looking; asleep of one that sleeps. */
  readonly mode: string;
  readonly serving: boolean;
  readonly leader: Sid | null;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly lastZxid: string;
  readonly lastCommitted: string;
  readonly lastDelivered: string;
  readonly digest: string;
  readonly sessions: number;
  readonly connections: number;
  /** Bytes held for clients: requests, and output that is not read yet. */
  readonly clientBytes: number;
  readonly znodes: number;
  readonly ephemerals: number;
  /** Lengths of paths and data together. */
  readonly dataBytes: number;
  readonly watches: number;
  /** Since the replica started, or woke. */
  readonly uptimeMs: number;
  /** For how long it had slept, by its own clock, when it woke; null where it started in another way. */
  readonly sleptMs: number | null;
  /** For how long it has led; null where it does not. */
  readonly leadingMs: number | null;
  /** Voters and observers that have caught up with this leader; 0 elsewhere. */
  readonly syncedFollowers: number;
  readonly syncedObservers: number;
  /** Requests without a connection, of HTTP, that are not answered. */
  readonly calls: number;
  /** Streams of events that are open. */
  readonly streams: number;
  /** What their readers have not taken, in UTF-16 units. */
  readonly streamsUnsent: number;
  readonly heldRequests: number;
  /** Bytes of its clients' and callers' writes that the leader or the log has, and that are not delivered. */
  readonly forwardedBytes: number;
  readonly outstandingProposals: number;
  readonly expiredSessions: number;
  /** Sessions that were one too many, to this leader. */
  readonly refusedSessions: number;
  /** Digests of other replicas that this leader compared with its own; 0 elsewhere. */
  readonly digestsCompared: number;
  readonly counters: Readonly<Counters>;
  /** The protocol's own: election reason and duration, learners, dropped messages by kind. */
  readonly zab: PeerStatus;
}
