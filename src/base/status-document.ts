/**
 * What GET /ENSEMBLE/v1/status answers, as far as programs of ours read it: the gateway's answer is of this type, and
 * the dashboard and the program `edgekeeper` read no other. A replica tells more; one of another version may tell less.
 */
import type { Sid } from "./ids.ts";

/** See the file's comment. */
export interface StatusDocument {
  readonly ensemble: string;
  readonly leader: Sid | null;
  readonly replicas: readonly ReplicaReport[];
}

/** One replica; `status` is null where it does not answer, and `error` says why. */
export interface ReplicaReport {
  readonly sid: Sid;
  readonly role: "participant" | "observer";
  /** Where it was asked to live: one of Cloudflare's location hints; null where `PLACEMENT` does not say. */
  readonly location: string | null;
  readonly status: ReplicaFigures | null;
  readonly error: string | null;
}

/** What a replica tells. Zxids are `EPOCH:COUNTER`. */
export interface ReplicaFigures {
  readonly instance: number;
  readonly version: string;
  readonly mode: string;
  readonly serving: boolean;
  readonly asleep: boolean;
  /** Why it does not replicate with some of the others; null where it does with all. */
  readonly refusal: string | null;
  readonly currentEpoch: number;
  readonly lastZxid: string;
  readonly lastDelivered: string;
  readonly digest: string;
  readonly sessions: number;
  readonly connections: number;
  readonly clientBytes: number;
  readonly znodes: number;
  readonly ephemerals: number;
  readonly dataBytes: number;
  readonly databaseBytes: number;
  readonly watches: number;
  readonly streams: number;
  /** Since it started, or woke; 0 of one that sleeps. */
  readonly uptimeMs: number;
  /** For how long it had slept when it woke; null where it did not. A replica of an earlier version does not tell. */
  readonly sleptMs?: number | null;
  readonly leadingMs: number | null;
  readonly outstandingProposals: number;
  readonly snapshots: number;
  readonly counters: {
    readonly commits: number;
    readonly watchEvents: number;
    readonly latencyCount: number;
    readonly latencySumMs: number;
    /** Of calls over HTTP; a replica of an earlier version does not tell. */
    readonly callCount?: number;
    readonly callSumMs?: number;
    /** How often its tree was found to differ from a quorum's since it came to life. */
    readonly digestMismatches: number;
  };
  readonly zab: {
    readonly elections: number;
    readonly lastElectionReason: string;
    readonly lastElectionMs?: number | undefined;
    readonly lastSync: string;
    readonly voice: "full" | "fresh" | "none";
  };
}
