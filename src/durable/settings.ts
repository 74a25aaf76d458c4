/** The Worker's variables, read into what a replica needs. */
import { readSettings } from "../base/settings.ts";
import type { Variables } from "../base/variables.ts";
import type { VotersBefore } from "../base/voters-before.ts";
import type { KeeperConfig } from "../keeper/config.ts";
import { DORMANT_WORTH_MS } from "../keeper/limits.ts";
import type { ReplicaName } from "./store.ts";

/** ZooKeeper's lower bound: QuorumPeer waits a tick, and two seconds at least. */
const READ_ONLY_AFTER_MS = 2000;

/** How many batches of proposals the log keeps. */
export function readLogRowsMax(env: Variables): number {
  return readSettings(env).logBatchesMax;
}

/** Whom an operator says the voters of the data to be; undefined where nothing is said. */
export function votersBefore(env: Variables): VotersBefore | undefined {
  return readSettings(env).votersBefore;
}

/** Reads the settings of one replica. Throws ConfigError, which names the variable that makes no sense. */
export function keeperConfig(env: Variables, name: ReplicaName): KeeperConfig {
  const settings = readSettings(env);
  const { heartbeatLimitMs, dormantAfterMs: afterMs, parkedWakeMs, voters, observers } = settings;
  return {
    ensemble: name.ensemble,
    sid: name.sid,
    voters,
    observers,
    votersBefore: settings.votersBefore,
    timing: heartbeatLimitMs === undefined ? {} : { heartbeatLimitMs },
    dormancy: afterMs === 0 ? undefined : { afterMs, worthMs: DORMANT_WORTH_MS, parkedWakeMs },
    clientAddresses: settings.clientAddresses,
    tickTimeMs: settings.tickTimeMs,
    sessionTimeoutMinMs: settings.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: settings.sessionTimeoutMaxMs,
    readOnlyAfterMs: settings.servesReadOnly ? Math.max(READ_ONLY_AFTER_MS, settings.tickTimeMs) : undefined,
    reconfigEnabled: settings.reconfigEnabled,
    isAudited: settings.isAudited,
    logLevel: settings.logLevel,
    fourLetterWords: settings.fourLetterWords,
    znodes: settings.znodes,
    storageLimitBytes: settings.storageLimitMb * 1024 * 1024,
    bounds: {
      maxConnections: settings.maxConnections,
      maxConnectionsPerAddress: settings.maxConnectionsPerAddress,
      maxStreamsPerCaller: settings.maxStreamsPerCaller,
      requestBytesMax: settings.requestBytesMax,
      throttle: settings.throttle,
      callsPerToken: settings.doors.callsPerToken,
    },
  };
}
