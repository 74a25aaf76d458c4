/**
 * The figures that ZooKeeper calls its monitor: `mntr` shows them as zk_NAME, the command monitor as NAME, Prometheus
 * scrapes them. What ZooKeeper measures inside its processors, threads and Java is left out: docs/zookeeper.md.
 * Source: ZooKeeper ZooKeeperServer.registerMetrics, LeaderZooKeeperServer.registerMetrics, ServerMetrics.
 */
import type { Sid } from "../../base/ids.ts";
import { EDGEKEEPER_VERSION, ZOOKEEPER_VERSION, type Counters } from "../status.ts";
import { Decimal } from "./java-json.ts";
import type { NamedSummary } from "./replica-metrics.ts";
import type { Report } from "./report.ts";

/** A figure as it goes up and down, or as it only grows. */
export interface Figure {
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly value: number | Decimal;
}

/** `3.9.5-edgekeeper-0.1.0, built on ...`, in the form that clients parse the version from. */
export function versionText(): string {
  return `${ZOOKEEPER_VERSION}-edgekeeper-${EDGEKEEPER_VERSION}, built on 2026-11-22 00:00 UTC`;
}

/** The mean time from a request to its answer, to four digits behind the point. */
export function averageLatency({ latencyCount, latencySumMs }: Counters): Decimal {
  return new Decimal(latencyCount === 0 ? 0 : Math.round((latencySumMs / latencyCount) * 10_000) / 10_000);
}

/** `following - broadcast`, as ZooKeeper's getDetailedPeerState says it. */
function peerState({ zab }: Report["status"]): string {
  const { phase } = zab;
  return "stage" in phase ? `${phase.role} - ${phase.stage}` : phase.role;
}

/** All of it, in the order in which it is shown. Words come first. */
export function monitorValues(report: Report): readonly (readonly [string, string | number | Decimal])[] {
  const { status } = report;
  const isAlone = status.mode === "standalone";
  return [
    ["version", versionText()],
    ["server_state", status.mode],
    ...(isAlone ? [] : [["peer_state", peerState(status)] as const]),
    ...monitorFigures(report).map(({ name, value }) => [name, value] as const),
    ...report.summaries().flatMap(summaryValues),
  ];
}

/** Gauges and counters. */
export function monitorFigures(report: Report): readonly Figure[] {
  return [...gauges(report), ...counters(report)].map(([name, value, kind]) => ({ name, value, kind }));
}

type Row = readonly [name: string, value: number | Decimal, kind: Figure["kind"]];

function gauges(report: Report): readonly Row[] {
  const { status, metrics } = report;
  const all: Record<string, number | Decimal> = {
    ephemerals_count: status.ephemerals,
    num_alive_connections: status.connections,
    avg_latency: averageLatency(status.counters),
    min_latency: status.counters.latencyMinMs,
    max_latency: status.counters.latencyMaxMs,
    outstanding_requests: status.heldRequests + status.outstandingProposals,
    znode_count: status.znodes,
    global_sessions: status.sessions,
    packets_sent: status.counters.sent,
    packets_received: status.counters.received,
    watch_count: status.watches,
    auth_failed_count: status.counters.loginsFailed,
    approximate_data_size: status.dataBytes,
    uptime: status.uptimeMs,
    last_client_response_size: metrics.replySizes.last,
    min_client_response_size: metrics.replySizes.min,
    max_client_response_size: metrics.replySizes.max,
  };
  if (status.mode !== "standalone") all["quorum_size"] = status.zab.membership.current.voters.length;
  if (status.mode === "observer") all["observer_master_id"] = status.leader ?? -1;
  if (status.mode === "leader") Object.assign(all, leaderGauges(report));
  return Object.entries(all).map(([name, value]) => [name, value, "gauge"] as const);
}

/** Those that learn and are no members yet: invited by a reconfig that waits for them. */
function strangers({ zab }: Report["status"]): readonly Sid[] {
  const { voters, observers } = zab.membership.current;
  const synced = zab.learners.filter(({ isSynced }) => isSynced).map(({ sid }) => sid);
  return synced.filter((sid) => !voters.includes(sid) && !observers.includes(sid));
}

function leaderGauges({ status, metrics, leadingMs }: Report): Record<string, number> {
  return {
    learners: status.zab.learners.length,
    synced_followers: status.syncedFollowers,
    synced_non_voting_followers: strangers(status).length,
    synced_observers: status.syncedObservers,
    leader_uptime: leadingMs ?? 0,
    last_proposal_size: metrics.proposalSizes.last,
    min_proposal_size: metrics.proposalSizes.min,
    max_proposal_size: metrics.proposalSizes.max,
  };
}

function counters({ status }: Report): readonly Row[] {
  const { counters: counted } = status;
  const all: Record<string, number> = {
    bytes_received_count: counted.receivedBytes,
    response_bytes: counted.sentBytes,
    connection_request_count: counted.handshakes,
    connection_revalidate_count: counted.revalidations,
    connection_rejected: counted.connectionsRejected,
    connection_drop_count: counted.connectionsCutOff,
    sessionless_connections_expired: counted.handshakesExpired,
    stale_sessions_expired: status.expiredSessions,
    large_requests_rejected: counted.largeRequestsRejected,
    throttled_ops: counted.requestsThrottled,
    proposal_count: counted.proposals,
    commit_count: counted.commits,
    learner_proposal_received_count: counted.proposalsReceived,
    learner_commit_received_count: status.mode === "leader" ? 0 : counted.commits,
    looking_count: status.zab.elections,
    digest_mismatches_count: counted.digestMismatches,
  };
  return Object.entries(all).map(([name, value]) => [name, value, "counter"] as const);
}

function summaryValues({
  name,
  isAdvanced,
  summary,
}: NamedSummary): readonly (readonly [string, number | Decimal])[] {
  const basic = [
    [`avg_${name}`, new Decimal(summary.average)],
    [`min_${name}`, summary.min],
    [`max_${name}`, summary.max],
    [`cnt_${name}`, summary.count],
    [`sum_${name}`, summary.sum],
  ] as const;
  if (!isAdvanced) return basic;
  const [p50 = 0, p95 = 0, p99 = 0, p999 = 0] = summary.quantiles([0.5, 0.95, 0.99, 0.999]);
  return [...basic, [`p50_${name}`, p50], [`p95_${name}`, p95], [`p99_${name}`, p99], [`p999_${name}`, p999]];
}
