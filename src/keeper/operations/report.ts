/**
 * All that a replica tells those who run it: four-letter words, the commands of the AdminServer and the metrics are
 * made of this. What is long is a function, called by those who show it.
 */
import type { SessionId, Sid } from "../../base/ids.ts";
import type { StagedRestore } from "../../base/txn.ts";
import type { Zxid } from "../../base/zxid.ts";
import type { Digest } from "../../tree/digest.ts";
import type { KeeperConfig } from "../config.ts";
import { HANDSHAKE_LIMIT_MS } from "../limits.ts";
import type { ConnectionStatus, ReplicaStatus } from "../status.ts";
import type { NamedSummary, ReplicaMetrics } from "./replica-metrics.ts";

/** A session, as `dump` shows it. */
export interface SessionReport {
  readonly session: SessionId;
  readonly timeoutMs: number;
}

/** Sessions, or connections, that end at about the same moment where nothing more is heard of them. */
export interface ExpiryBucket<Item> {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly items: readonly Item[];
}

/** The digest of the tree as it was at a zxid. */
export interface DigestReport {
  readonly zxid: Zxid;
  readonly digest: Digest;
}

/** Watches on znodes, those on children alone not counted: as ZooKeeper shows them. */
export interface WatchReport {
  readonly summary: { readonly watchers: number; readonly paths: number; readonly watches: number };
  readonly bySession: readonly (readonly [SessionId, readonly string[]])[];
  readonly byPath: readonly (readonly [string, readonly SessionId[]])[];
  /** Those on children alone too: each once. */
  readonly all: Iterable<{
    readonly path: string;
    readonly session: SessionId;
    readonly of: "node" | "children";
  }>;
}

/** One replica, at one moment. */
export interface Report {
  readonly status: ReplicaStatus;
  readonly config: KeeperConfig;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly lastZxid: Zxid;
  readonly traceMask: bigint;
  readonly databaseBytes: number;
  /** Syncs of the disk that took longer than FSYNC_WARNING_MS, of those that were measured. */
  readonly slowSyncs: number;
  /** The present dynamic configuration, without its last line end. */
  readonly configText: string;
  readonly metrics: Pick<ReplicaMetrics, "replySizes" | "proposalSizes">;
  /** For how long this replica leads; undefined where it does not. */
  readonly leadingMs: number | undefined;
  /** The keeper's own, and what the shell around it measures. */
  summaries(): readonly NamedSummary[];
  connections(): readonly ConnectionStatus[];
  sessions(): readonly SessionReport[];
  /** When sessions expire, soonest first; undefined on a replica that does not lead and so does not know. */
  expiries(): readonly ExpiryBucket<SessionId>[] | undefined;
  /** Sessions that own ephemerals, with their paths. */
  ephemerals(): readonly (readonly [SessionId, readonly string[]])[];
  watches(): WatchReport;
  /** The oldest first. */
  digests(): readonly DigestReport[];
}

/** What an operator may change about a running replica. */
export type Operation =
  /** All counters and summaries begin at nought. */
  | { readonly kind: "resetStats" }
  /** Each connection's own counters begin at nought. */
  | { readonly kind: "resetConnectionStats" }
  /** So many of a hundred connections are hung up on. */
  | { readonly kind: "shedConnections"; readonly percentage: number }
  | { readonly kind: "setTraceMask"; readonly mask: bigint };

/** What is asked of the leader, if this is one, on the way to a restore. */
export type RestoreStep =
  /** May a tree be staged? What becomes of it stands in `restorePermit`. */
  | { readonly kind: "permitRestore" }
  /** What was staged everywhere takes the place of the tree. */
  | { readonly kind: "proposeRestore"; readonly staged: StagedRestore };

/** Whether clients are served, be it read-only. */
export function isServing({ status }: Report): boolean {
  return status.serving || status.mode === "read-only";
}

/** `host:port` that clients reach the replica by, itself unless another is asked for; undefined where none is told. */
export function clientAddressOf({ config }: Report, sid: Sid = config.sid): string | undefined {
  return config.clientAddresses[[...config.voters, ...config.observers].indexOf(sid)];
}

/** When connections end where nothing more is heard of them, by ticks: with their session, or their handshake. */
export function connectionExpiries(report: Report): readonly ExpiryBucket<ConnectionStatus>[] {
  const { tickTimeMs } = report.config;
  const buckets = new Map<number, ConnectionStatus[]>();
  for (const connection of report.connections()) {
    const limitMs = connection.timeoutMs === 0 ? HANDSHAKE_LIMIT_MS : connection.timeoutMs;
    const atMs = Math.ceil((connection.heardMs + limitMs) / tickTimeMs) * tickTimeMs;
    buckets.set(atMs, [...(buckets.get(atMs) ?? []), connection]);
  }
  return Array.from(buckets, ([atMs, items]) => ({ atMs, items })).sort((a, b) => a.atMs - b.atMs);
}
