/**
 * The commands of ZooKeeper's AdminServer, with its names, fields and JSON. Each tells of the replica that is asked.
 * Source: ZooKeeper org.apache.zookeeper.server.admin.Commands (3.9.5).
 */
import { assertNever } from "../../base/assert.ts";
import type { SessionId, Sid } from "../../base/ids.ts";
import { type Zxid, zxidHex, zxidToBigInt } from "../../base/zxid.ts";
import { digestToBigInt } from "../../tree/digest.ts";
import { ELECTION_PORT, QUORUM_PORT } from "../config-node.ts";
import type { ConnectionStatus } from "../status.ts";
import { configurationFields } from "./configuration.ts";
import { environment, systemProperties } from "./environment.ts";
import { interestOps } from "./four-letter-words.ts";
import { type JavaJson, javaJson } from "./java-json.ts";
import { averageLatency, monitorValues, versionText } from "./monitor.ts";
import { clientAddressOf, isServing, type Operation, type Report } from "./report.ts";
import type { SizeStats } from "./summary.ts";

/** The commands that are answered with JSON, by their names; each has other names besides. */
export const ADMIN_COMMANDS = {
  configuration: ["conf", "config"],
  connection_stat_reset: ["crst"],
  connections: ["cons"],
  dirs: [],
  dump: [],
  environment: ["env", "envi"],
  get_trace_mask: ["gtmk"],
  hash: [],
  initial_configuration: ["icfg"],
  is_read_only: ["isro"],
  last_snapshot: ["lsnp"],
  leader: ["lead"],
  monitor: ["mntr"],
  observer_connection_stat_reset: ["orst"],
  observers: ["obsr"],
  ruok: [],
  server_stats: ["srvr"],
  set_trace_mask: ["stmk"],
  stat_reset: ["srst"],
  stats: ["stat"],
  system_properties: ["sysp"],
  voting_view: [],
  watch_summary: ["wchs"],
  watches: ["wchc"],
  watches_by_path: ["wchp"],
  zabstate: [],
} as const;

/** The name of one of them. */
export type AdminCommand = keyof typeof ADMIN_COMMANDS;

/** Those that a replica without a leader answers too. */
const WITHOUT_LEADER: ReadonlySet<AdminCommand> = new Set([
  "environment",
  "get_trace_mask",
  "monitor",
  "set_trace_mask",
  "system_properties",
  "zabstate",
]);

/** What a command is answered with, and what it changes. */
export interface CommandAnswer {
  /** JSON, without a line end, as the AdminServer prints it. */
  readonly text: string;
  readonly operation?: Operation;
}

type Fields = Readonly<Record<string, JavaJson>>;

/** The answer to a command, under any of its names. `query` is what stands behind the question mark. */
export function answerCommand(
  asked: string,
  query: ReadonlyMap<string, string>,
  report: Report,
): CommandAnswer {
  const command = commandOf(asked);
  if (command === undefined) return refused(asked, `Unknown command: ${asked}`);
  if (!isServing(report) && !WITHOUT_LEADER.has(command)) {
    return refused(asked, NOT_SERVING);
  }
  if (command === "set_trace_mask") return setTraceMask(query.get("traceMask"));
  const fields = fieldsOf(command, report);
  const text = javaJson(
    Object.hasOwn(fields, "error") ? { ...fields, command } : { ...fields, command, error: null },
  );
  if (command === "stat_reset") return { text, operation: { kind: "resetStats" } };
  if (command === "connection_stat_reset") return { text, operation: { kind: "resetConnectionStats" } };
  return { text };
}

function refused(command: string, error: string): CommandAnswer {
  return { text: javaJson({ command, error }) };
}

/** What is said where no clients are served. */
export const NOT_SERVING = "This ZooKeeper instance is not currently serving requests";

/** Commands that are answered with other things than JSON, or take more than a query. */
export const BULK_COMMANDS = {
  snapshot: ["snap"],
  restore: ["rest"],
  shed_connections: ["shed"],
} as const;

/** The name of one of them. */
export type BulkCommand = keyof typeof BULK_COMMANDS;

/** The bulk command of that name, under any of its names; undefined where there is none. */
export function bulkCommandOf(asked: string): BulkCommand | undefined {
  if (asked === "snapshot" || asked === "snap") return "snapshot";
  if (asked === "restore" || asked === "rest") return "restore";
  return asked === "shed_connections" || asked === "shed" ? "shed_connections" : undefined;
}

/** The JSON of an answer of theirs; `error` null where nothing is wrong, or where the status alone says what. */
export function bulkAnswerText(
  command: string,
  error: string | null = null,
  fields: Readonly<Record<string, JavaJson>> = {},
): string {
  return javaJson({ ...fields, command, error });
}

/** The command of that name; undefined where there is none. */
function commandOf(asked: string): AdminCommand | undefined {
  if (isCommand(asked)) return asked;
  const all: readonly (readonly [string, readonly string[]])[] = Object.entries(ADMIN_COMMANDS);
  const [name = ""] = all.find(([, others]) => others.includes(asked)) ?? [];
  return isCommand(name) ? name : undefined;
}

function isCommand(name: string): name is AdminCommand {
  return Object.hasOwn(ADMIN_COMMANDS, name);
}

/** An error stands before the command's name here, as ZooKeeper's map has it. */
function setTraceMask(asked: string | undefined): CommandAnswer {
  const command = "set_trace_mask";
  const needs = "setTraceMask requires long traceMask argument";
  if (asked === undefined) return { text: javaJson({ error: needs, command }) };
  if (!/^[+-]?\d{1,19}$/.test(asked) || BigInt.asIntN(64, BigInt(asked)) !== BigInt(asked)) {
    return { text: javaJson({ error: `${needs}, got ${asked}`, command }) };
  }
  const mask = BigInt(asked);
  return {
    text: javaJson({ tracemask: mask, command, error: null }),
    operation: { kind: "setTraceMask", mask },
  };
}

function fieldsOf(command: Exclude<AdminCommand, "set_trace_mask">, report: Report): Fields {
  switch (command) {
    case "ruok":
    case "stat_reset":
    case "connection_stat_reset":
    case "observer_connection_stat_reset":
      return {};
    case "configuration":
      return configurationFields(report);
    case "connections":
      return { connections: report.connections().map(connectionInfo), secure_connections: [] };
    case "dirs":
      return { datadir_size: report.databaseBytes, logdir_size: report.databaseBytes };
    case "dump":
      return dump(report);
    case "environment":
      return environment(report);
    case "system_properties":
      return systemProperties(report);
    case "get_trace_mask":
      return { tracemask: report.traceMask };
    case "hash":
      return { digests: report.digests().map(digestFields) };
    case "initial_configuration":
      return { initial_configuration: report.status.mode === "standalone" ? null : report.configText };
    case "is_read_only":
      return { read_only: report.status.mode === "read-only" };
    case "last_snapshot":
      return lastSnapshot(report);
    case "leader":
      return leader(report);
    case "monitor":
      return Object.fromEntries(monitorValues(report));
    case "observers":
      return observers(report);
    case "server_stats":
      return serverStats(report);
    case "stats": {
      const connections = report.connections().map(briefConnectionInfo);
      return { ...serverStats(report), connections, secure_connections: [] };
    }
    case "voting_view":
      return votingView(report);
    case "watch_summary": {
      const { watchers, paths, watches } = report.watches().summary;
      return { num_connections: watchers, num_paths: paths, num_total_watches: watches };
    }
    case "watches":
      return { session_id_to_watched_paths: bySession(report.watches().bySession) };
    case "watches_by_path":
      return {
        path_to_session_ids: Object.fromEntries(
          report.watches().byPath.map(([path, sessions]) => [path, sessions.map(javaLong)]),
        ),
      };
    case "zabstate":
      return zabState(report);
    default:
      return assertNever(command);
  }
}

function briefConnectionInfo(connection: ConnectionStatus): Fields {
  return {
    remote_socket_address: connection.remoteAddress,
    interest_ops: interestOps(connection),
    outstanding_requests: connection.queued,
    packets_received: connection.stats.received,
    packets_sent: connection.stats.sent,
  };
}

function connectionInfo(connection: ConnectionStatus): Fields {
  const { stats } = connection;
  return {
    ...briefConnectionInfo(connection),
    session_id: javaLong(connection.session ?? 0n),
    last_operation: stats.lastOperation,
    established: connection.openedMs,
    session_timeout: connection.timeoutMs,
    last_cxid: stats.lastXid,
    last_zxid: stats.lastZxid === undefined ? -1 : zxidToBigInt(stats.lastZxid),
    last_response_time: stats.lastResponseMs,
    last_latency: stats.lastLatencyMs,
    min_latency: stats.minLatencyMs,
    avg_latency: stats.averageLatencyMs,
    max_latency: stats.maxLatencyMs,
  };
}

function dump(report: Report): Fields {
  const expiries = report.expiries() ?? [];
  return {
    expiry_time_to_session_ids: Object.fromEntries(
      expiries.map(({ atMs, items }) => [String(atMs), items.map(javaLong)]),
    ),
    session_id_to_ephemeral_paths: bySession(report.ephemerals()),
  };
}

function bySession(all: readonly (readonly [SessionId, readonly string[]])[]): Fields {
  return Object.fromEntries(all.map(([session, paths]) => [String(javaLong(session)), paths]));
}

/** Session ids and digests are signed in Java. */
function javaLong(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function digestFields({ zxid, digest }: ReturnType<Report["digests"]>[number]): Fields {
  return {
    zxid: zxidToBigInt(zxid),
    digest: javaLong(digestToBigInt(digest)),
    digest_version: DIGEST_VERSION,
  };
}

/** Ours: another hash than ZooKeeper's, which is at 2. */
const DIGEST_VERSION = 3;

/** The tree on disk is one whole snapshot, as of what was last applied: its zxid in hex, and seconds. */
function lastSnapshot(report: Report): Fields {
  return { zxid: zxidHex(report.lastZxid).slice(2), timestamp: Math.floor(report.nowMs / 1000) };
}

function leader(report: Report): Fields {
  const { status } = report;
  if (status.mode === "standalone") return { error: "server is not initialized" };
  const address = status.leader === null ? undefined : clientAddressOf(report, status.leader);
  return {
    is_leader: status.mode === "leader",
    leader_id: status.leader ?? -1,
    leader_ip: address === undefined ? "" : hostOf(address),
  };
}

function observers({ status }: Report): Fields {
  const all = status.zab.learners.filter(({ isVoter, isSynced }) => !isVoter && isSynced);
  return {
    synced_observers: all.length,
    observers: all.map(({ sid, acknowledged }) => ({ sid, last_zxid: zxidToBigInt(acknowledged) })),
  };
}

function serverStats(report: Report): Fields {
  const { status, metrics } = report;
  const { counters } = status;
  const clientResponse = sizes(metrics.replySizes);
  return {
    version: versionText(),
    read_only: status.mode === "read-only",
    server_stats: {
      packets_sent: counters.sent,
      packets_received: counters.received,
      fsync_threshold_exceed_count: report.slowSyncs,
      client_response_stats: clientResponse,
      provider_null: false,
      server_state: status.mode,
      outstanding_requests: status.heldRequests + status.outstandingProposals,
      min_latency: counters.latencyMinMs,
      avg_latency: averageLatency(counters),
      max_latency: counters.latencyMaxMs,
      data_dir_size: report.databaseBytes,
      log_dir_size: report.databaseBytes,
      last_processed_zxid: zxidToBigInt(report.lastZxid),
      num_alive_client_connections: status.connections,
      uptime: status.uptimeMs,
      auth_failed_count: counters.loginsFailed,
    },
    client_response: clientResponse,
    ...(status.mode === "leader" ? { proposal_stats: sizes(metrics.proposalSizes) } : {}),
    node_count: status.znodes,
  };
}

function sizes({ last, min, max }: Pick<SizeStats, "last" | "min" | "max">): Fields {
  return { last_buffer_size: last, min_buffer_size: min, max_buffer_size: max };
}

function votingView(report: Report): Fields {
  if (report.status.mode === "standalone") return { current_config: {} };
  const views = report.status.zab.membership.current.voters.map(
    (sid) => [String(sid), serverView(report, sid)] as const,
  );
  return { current_config: Object.fromEntries(views) };
}

function serverView(report: Report, sid: Sid): Fields {
  return {
    server_addresses: [quorumAddress(report, sid)],
    election_addresses: [electionAddress(report, sid)],
    client_address: clientAddressOf(report, sid) ?? "",
    learner_type: report.status.zab.membership.current.voters.includes(sid) ? "participant" : "observer",
  };
}

/** As /zookeeper/config names it; nothing listens there, as replicas talk over links. */
function quorumAddress(report: Report, sid: Sid): string {
  return `${hostOf(clientAddressOf(report, sid) ?? "127.0.0.1:0")}:${QUORUM_PORT}`;
}

function electionAddress(report: Report, sid: Sid): string {
  return `${hostOf(clientAddressOf(report, sid) ?? "127.0.0.1:0")}:${ELECTION_PORT}`;
}

/** ZooKeeper's servers may have several addresses; all that its bean tells of them. */
function multipleAddresses(address: string): Fields {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return {
    empty: false,
    all_addresses: [address],
    wildcard_addresses: [`0.0.0.0:${port}`],
    all_ports: [port],
    all_host_strings: [hostOf(address)],
    reachable_address: address,
    all_reachable_addresses: [address],
    all_reachable_addresses_or_all: [address],
    reachable_or_one: address,
    one: address,
  };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function zabState(report: Report): Fields {
  const { status, config } = report;
  if (status.mode === "standalone") return { voting: false, zabstate: "" };
  const { phase } = status.zab;
  const lastZxid: Zxid = report.lastZxid;
  return {
    myid: config.sid,
    is_leader: status.mode === "leader",
    quorum_address: multipleAddresses(quorumAddress(report, config.sid)),
    election_address: multipleAddresses(electionAddress(report, config.sid)),
    client_address: clientAddressOf(report) ?? "",
    voting: status.zab.membership.current.voters.includes(config.sid),
    last_zxid: zxidHex(lastZxid),
    zab_epoch: lastZxid.epoch,
    zab_counter: lastZxid.counter,
    zabstate: "stage" in phase ? phase.stage : "election",
  };
}
