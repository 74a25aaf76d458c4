/** The Worker's variables, read into what a replica needs. */
import { readSettings } from "../base/settings.ts";
import type { KeeperConfig } from "../keeper/config.ts";
import type { ReplicaName } from "./store.ts";

/** Variables, secrets and bindings that a replica reads (wrangler.toml). */
export interface ReplicaEnv {
  readonly REPLICA: DurableObjectNamespace;
  /** Sids of the voters, separated by commas: 1, 3 or 5 of them. */
  readonly VOTERS: string;
  /** `host:port` for each voter in the same order, for /zookeeper/config; may be empty. */
  readonly CLIENT_ADDRESSES?: string;
  /** ZooKeeper's tickTime in milliseconds; session timeouts are 2 to 20 of it unless set apart. */
  readonly TICK_TIME_MS?: string;
  readonly SESSION_TIMEOUT_MIN_MS?: string;
  readonly SESSION_TIMEOUT_MAX_MS?: string;
  /** `user:base64(sha1(user:password))` of the super user; nobody is one unless it is set. */
  readonly SUPER_DIGEST?: string;
  /** Silence after which a replica gives its leader, or its follower, up. */
  readonly HEARTBEAT_LIMIT_MS?: string;
}

/** Reads the settings of one replica. Throws ConfigError, which names the variable that makes no sense. */
export function keeperConfig(env: ReplicaEnv, name: ReplicaName): KeeperConfig {
  const settings = readSettings(env);
  const { heartbeatLimitMs } = settings;
  return {
    ensemble: name.ensemble,
    sid: name.sid,
    voters: settings.voters,
    observers: [],
    timing: heartbeatLimitMs === undefined ? {} : { heartbeatLimitMs },
    clientAddresses: settings.clientAddresses,
    tickTimeMs: settings.tickTimeMs,
    sessionTimeoutMinMs: settings.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: settings.sessionTimeoutMaxMs,
  };
}
