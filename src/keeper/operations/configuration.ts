/**
 * What `conf` and the command configuration tell. A replica has no directory and listens on no port of its own: it
 * names its object, and the ports that /zookeeper/config names.
 * Source: ZooKeeper ZooKeeperServer.dumpConf, QuorumZooKeeperServer.dumpConf, ZooKeeperServerConf.toMap.
 */
import { DEFAULT_TIMING } from "../../zab/config.ts";
import { ELECTION_PORT, QUORUM_PORT } from "../config-node.ts";
import { clientAddressOf, type Report } from "./report.ts";

/** The name of ZooKeeper's only election algorithm, Fast Leader Election. */
const FAST_LEADER_ELECTION = 3;

/** ZooKeeper's word for what is not set. */
const UNSET = -1;

/** The lines of `conf`. */
export function configurationLines(report: Report): string {
  const { config, databaseBytes } = report;
  const directory = dataDirectory(report);
  const fields: Readonly<Record<string, string | number>> = {
    clientPort: clientPort(report),
    secureClientPort: UNSET,
    dataDir: directory,
    dataDirSize: databaseBytes,
    dataLogDir: directory,
    dataLogSize: databaseBytes,
    tickTime: config.tickTimeMs,
    // 0 means no bound per address, as in ZooKeeper.
    maxClientCnxns: config.bounds.maxConnectionsPerAddress,
    minSessionTimeout: config.sessionTimeoutMinMs,
    maxSessionTimeout: config.sessionTimeoutMaxMs,
    clientPortListenBacklog: UNSET,
    serverId: config.sid,
    ...(report.status.mode === "standalone" ? {} : quorumFields(report)),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}\n`);
  if (report.status.mode !== "standalone") lines.push("membership: \n", `${report.configText}\n`);
  return lines.join("");
}

/** The fields of the command configuration. */
export function configurationFields(report: Report): Readonly<Record<string, string | number>> {
  const { config } = report;
  return {
    client_port: clientPort(report),
    data_dir: dataDirectory(report),
    data_log_dir: dataDirectory(report),
    tick_time: config.tickTimeMs,
    max_client_cnxns: config.bounds.maxConnectionsPerAddress,
    min_session_timeout: config.sessionTimeoutMinMs,
    max_session_timeout: config.sessionTimeoutMaxMs,
    server_id: config.sid,
    client_port_listen_backlog: UNSET,
  };
}

function quorumFields({ config, status }: Report): Readonly<Record<string, number>> {
  const { syncLimitMs, heartbeatLimitMs } = { ...DEFAULT_TIMING, ...config.timing };
  const ticks = (ms: number): number => Math.max(1, Math.ceil(ms / config.tickTimeMs));
  return {
    initLimit: ticks(syncLimitMs),
    syncLimit: ticks(heartbeatLimitMs),
    electionAlg: FAST_LEADER_ELECTION,
    electionPort: ELECTION_PORT,
    quorumPort: QUORUM_PORT,
    peerType: status.zab.membership.current.voters.includes(config.sid) ? 0 : 1,
  };
}

/** One database holds tree and log. */
function dataDirectory({ config }: Report): string {
  return `durable-object:${config.ensemble}/${config.sid}`;
}

/** -1 where the deployment names no client address for this replica. */
function clientPort(report: Report): number {
  const address = clientAddressOf(report);
  return address === undefined ? UNSET : Number(address.slice(address.lastIndexOf(":") + 1));
}
