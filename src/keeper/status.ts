/** What a replica tells about itself: plain data for people, four-letter words, HTTP and tests. */
import type { Sid } from "../base/ids.ts";
import type { PeerStatus } from "../zab/config.ts";

/** ZooKeeper's version whose behaviour this follows: clients switch features on it. */
export const ZOOKEEPER_VERSION = "3.9.5";

/** The project's own version. */
export const EDGEKEEPER_VERSION = "0.1.0";

/** A client's connection, for `cons`, `stat` and the status document. */
export interface ConnectionStatus {
  readonly remoteAddress: string;
  readonly transport: "tcp" | "websocket";
  /** As `0x...`, or undefined before the handshake is complete. */
  readonly session: string | undefined;
  readonly timeoutMs: number;
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  readonly openedMs: number;
  readonly lastOperation: string;
  readonly lastXid: number;
  readonly lastZxid: string;
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
  watchEvents: number;
  turns: number;
  latencyCount: number;
  latencySumMs: number;
  latencyMinMs: number;
  latencyMaxMs: number;
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
    watchEvents: 0,
    turns: 0,
    latencyCount: 0,
    latencySumMs: 0,
    latencyMinMs: 0,
    latencyMaxMs: 0,
  };
}

/** One replica, as GET /ENSEMBLE/v1/status shows it. */
export interface ReplicaStatus {
  readonly ensemble: string;
  readonly sid: Sid;
  readonly instance: number;
  readonly version: string;
  /** As `srvr` says it: leader, follower, observer, standalone, read-only, or looking. */
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
  /** Since the replica started. */
  readonly uptimeMs: number;
  /** Voters and observers that have caught up with this leader; 0 elsewhere. */
  readonly syncedFollowers: number;
  readonly syncedObservers: number;
  readonly heldRequests: number;
  /** Bytes of its clients' writes that the leader or the log has, and that are not delivered. */
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
