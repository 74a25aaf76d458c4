/** The Worker's variables, read into what a replica needs. */
import type { Sid } from "../base/ids.ts";
import { ConfigError, readSettings, sidsOf } from "../base/settings.ts";
import type { KeeperConfig } from "../keeper/config.ts";
import type { ReplicaName } from "./store.ts";

/** Variables, secrets and bindings that a replica reads (wrangler.toml). */
export interface ReplicaEnv {
  readonly REPLICA: DurableObjectNamespace;
  /** Sids of the voters, separated by commas: 1, 3 or 5 of them. */
  readonly VOTERS: string;
  /** Sids of the observers, separated by commas; none unless set. */
  readonly OBSERVERS?: string;
  /** The voters of the data where they were others; see votersRefusal. */
  readonly VOTERS_BEFORE?: string;
  /** `host:port` for each voter, then each observer, in the same order, for /zookeeper/config; may be empty. */
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

/** Whom an operator says the voters of the data to be; undefined where nothing is said. */
export function votersBefore(env: ReplicaEnv): readonly Sid[] | undefined {
  return readSettings(env).votersBefore;
}

/** Reads the settings of one replica. Throws ConfigError, which names the variable that makes no sense. */
export function keeperConfig(env: ReplicaEnv, name: ReplicaName): KeeperConfig {
  const settings = readSettings(env);
  const { heartbeatLimitMs, voters, observers } = settings;
  // Its alarm may still wake a replica that was taken off the lists: it must not take part.
  if (!sidsOf(settings).includes(name.sid)) {
    const lists = `VOTERS (${voters.join(",")}) or OBSERVERS (${observers.join(",")})`;
    throw new ConfigError(`replica ${name.ensemble}/${name.sid} is not in ${lists}`);
  }
  return {
    ensemble: name.ensemble,
    sid: name.sid,
    voters,
    observers,
    timing: heartbeatLimitMs === undefined ? {} : { heartbeatLimitMs },
    clientAddresses: settings.clientAddresses,
    tickTimeMs: settings.tickTimeMs,
    sessionTimeoutMinMs: settings.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: settings.sessionTimeoutMaxMs,
  };
}
