/**
 * ZooKeeper's four-letter words: a client sends the bare word on a fresh connection, gets text and is hung up on.
 * Source: ZooKeeper admin guide and org.apache.zookeeper.server.command.*.
 */
import { assertNever } from "../base/assert.ts";
import { EDGEKEEPER_VERSION, ZOOKEEPER_VERSION } from "./status.ts";
import type { ConnectionStatus, Counters, ReplicaStatus } from "./status.ts";

/** The words answered here; an unknown one just closes the connection, as ZooKeeper does. */
export const FOUR_LETTER_WORDS = ["ruok", "srvr", "stat", "mntr", "isro", "conf", "cons", "envi"] as const;
/** One of them. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/** What the words report on. */
export interface WordContext {
  readonly status: ReplicaStatus;
  readonly connections: readonly ConnectionStatus[];
  readonly zxidHex: string;
  readonly clientPort: string;
  readonly tickTimeMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** The dynamic configuration, and whether this replica observes; undefined for a standalone one. */
  readonly membership: { readonly text: string; readonly observes: boolean } | undefined;
  readonly maxConnectionsPerAddress: number;
}

/** Whether the four characters are a word answered here. */
export function isFourLetterWord(word: string): word is FourLetterWord {
  return (FOUR_LETTER_WORDS as readonly string[]).includes(word);
}

/** The answer's text. */
export function answerWord(word: FourLetterWord, context: WordContext): string {
  const isReadOnly = context.status.mode === "read-only";
  const isServing = context.status.serving || isReadOnly;
  switch (word) {
    case "ruok":
      return "imok";
    case "isro":
      if (isReadOnly) return "ro";
      return isServing ? "rw" : "null";
    case "srvr":
      return isServing ? summary(context) : NOT_SERVING;
    case "stat":
      return isServing ? statText(context) : NOT_SERVING;
    case "mntr":
      return isServing ? monitor(context) : NOT_SERVING;
    case "conf":
      return configuration(context);
    case "cons":
      return isServing ? connectionList(context) : NOT_SERVING;
    case "envi":
      return environment(context);
    default:
      return assertNever(word);
  }
}

const NOT_SERVING = "This ZooKeeper instance is not currently serving requests\n";

/** `3.9.5-edgekeeper-0.1.0, built on ...`, in the form that clients parse the version from. */
function versionText(): string {
  return `${ZOOKEEPER_VERSION}-edgekeeper-${EDGEKEEPER_VERSION}, built on 2026-11-22 00:00 UTC`;
}

function head({ status }: WordContext): string {
  const mode = status.mode === "read-only" ? "READ-ONLY mode; serving only read-only clients\n" : "";
  return `Zookeeper version: ${versionText()}\n${mode}`;
}

function summary(context: WordContext): string {
  return `${head(context)}${figures(context)}`;
}

function figures(context: WordContext): string {
  const { status } = context;
  return [
    `Latency min/avg/max: ${latencies(status.counters)}`,
    `Received: ${status.counters.received}`,
    `Sent: ${status.counters.sent}`,
    `Connections: ${status.connections}`,
    `Outstanding: ${status.heldRequests + status.outstandingProposals}`,
    `Zxid: ${context.zxidHex}`,
    `Mode: ${status.mode}`,
    `Node count: ${status.znodes}`,
    "",
  ].join("\n");
}

function latencies(counters: Readonly<Counters>): string {
  return `${counters.latencyMinMs}/${averageLatency(counters)}/${counters.latencyMaxMs}`;
}

function averageLatency(counters: Readonly<Counters>): string {
  const average = counters.latencyCount === 0 ? 0 : counters.latencySumMs / counters.latencyCount;
  return average.toFixed(4).replace(/0{1,3}$/, "");
}

function statText(context: WordContext): string {
  const clients = context.connections.map(
    (connection) => ` /${connection.remoteAddress}[1](${traffic(connection).join(",")})\n`,
  );
  return `${head(context)}Clients:\n${clients.join("")}\n${figures(context)}`;
}

function connectionList(context: WordContext): string {
  const lines = context.connections.map((connection) => {
    const fields = traffic(connection);
    if (connection.session !== undefined) {
      fields.push(
        `sid=${connection.session}`,
        `lop=${connection.lastOperation}`,
        `est=${connection.openedMs}`,
        `to=${connection.timeoutMs}`,
        `lcxid=0x${(connection.lastXid >>> 0).toString(16)}`,
        `lzxid=${connection.lastZxid}`,
      );
    }
    return ` /${connection.remoteAddress}[1](${fields.join(",")})\n`;
  });
  return `${lines.join("")}\n`;
}

function traffic({ queued, received, sent }: ConnectionStatus): string[] {
  return [`queued=${queued}`, `recved=${received}`, `sent=${sent}`];
}

function monitor(context: WordContext): string {
  const { status } = context;
  const { counters } = status;
  const fields: readonly (readonly [string, string | number])[] = [
    ["zk_version", versionText()],
    ["zk_server_state", status.mode],
    ["zk_num_alive_connections", status.connections],
    ["zk_avg_latency", averageLatency(counters)],
    ["zk_uptime", status.uptimeMs],
    ["zk_outstanding_requests", status.heldRequests + status.outstandingProposals],
    ["zk_znode_count", status.znodes],
    ["zk_global_sessions", status.sessions],
    ["zk_packets_sent", counters.sent],
    ["zk_packets_received", counters.received],
    ["zk_max_latency", counters.latencyMaxMs],
    ["zk_min_latency", counters.latencyMinMs],
    ["zk_watch_count", status.watches],
    ["zk_ephemerals_count", status.ephemerals],
    ["zk_approximate_data_size", status.dataBytes],
    ["zk_stale_sessions_expired", status.expiredSessions],
    ["zk_connection_rejected", counters.connectionsRejected],
  ];
  const ofLeader: typeof fields = [
    ["zk_learners", status.zab.learners.length],
    ["zk_synced_followers", status.syncedFollowers],
    ["zk_synced_observers", status.syncedObservers],
  ];
  const all = status.mode === "leader" ? [...fields, ...ofLeader] : fields;
  return all.map(([name, value]) => `${name}\t${value}\n`).join("");
}

function configuration(context: WordContext): string {
  const { status } = context;
  return [
    `clientPort=${context.clientPort}`,
    `dataDir=durable-object:${status.ensemble}/${status.sid}`,
    `tickTime=${context.tickTimeMs}`,
    // 0 means no bound per address, as in ZooKeeper.
    `maxClientCnxns=${context.maxConnectionsPerAddress}`,
    `minSessionTimeout=${context.sessionTimeoutMinMs}`,
    `maxSessionTimeout=${context.sessionTimeoutMaxMs}`,
    `serverId=${status.sid}`,
    ...membershipLines(context),
    "",
  ].join("\n");
}

/** As ZooKeeper's QuorumZooKeeperServer.dumpConf, without what replicas do not have: quorum and election ports. */
function membershipLines({ membership }: WordContext): readonly string[] {
  if (membership === undefined) return [];
  return [`peerType=${membership.observes ? 1 : 0}`, "membership: ", membership.text];
}

function environment(context: WordContext): string {
  return [
    "Environment:",
    `zookeeper.version=${versionText()}`,
    `host.name=${context.status.ensemble}/${context.status.sid}`,
    "os.name=workerd",
    "",
  ].join("\n");
}
