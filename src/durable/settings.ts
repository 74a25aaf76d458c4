/** The Worker's variables, read into what a replica needs. */
import type { Sid } from "../base/ids.ts";
import type { KeeperConfig } from "../keeper/keeper.ts";
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

/** A setting is missing or makes no sense: says which, what it was, and what it may be. */
class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const TICK_TIME_MS = 2000;
const SID_MAX = 254;

/** Reads the settings of one replica. Throws ConfigError. */
export function keeperConfig(env: ReplicaEnv, name: ReplicaName): KeeperConfig {
  const voters = readVoters(env.VOTERS);
  const tickTimeMs = milliseconds("TICK_TIME_MS", env.TICK_TIME_MS) ?? TICK_TIME_MS;
  const heartbeatLimitMs = milliseconds("HEARTBEAT_LIMIT_MS", env.HEARTBEAT_LIMIT_MS);
  return {
    ensemble: name.ensemble,
    sid: name.sid,
    voters,
    observers: [],
    timing: heartbeatLimitMs === undefined ? {} : { heartbeatLimitMs },
    clientAddresses: list(env.CLIENT_ADDRESSES ?? ""),
    tickTimeMs,
    sessionTimeoutMinMs: milliseconds("SESSION_TIMEOUT_MIN_MS", env.SESSION_TIMEOUT_MIN_MS) ?? 2 * tickTimeMs,
    sessionTimeoutMaxMs:
      milliseconds("SESSION_TIMEOUT_MAX_MS", env.SESSION_TIMEOUT_MAX_MS) ?? 20 * tickTimeMs,
  };
}

/** Reads `1,2,3`. Throws ConfigError unless it is 1, 3 or 5 distinct sids. */
export function readVoters(text: string | undefined): readonly Sid[] {
  const voters = list(text ?? "").map(Number);
  const isSid = (sid: number): boolean => Number.isInteger(sid) && sid >= 1 && sid <= SID_MAX;
  if (![1, 3, 5].includes(voters.length) || !voters.every(isSid) || new Set(voters).size !== voters.length) {
    throw new ConfigError(
      `VOTERS is "${text ?? ""}": it must list 1, 3 or 5 different sids from 1 to ${SID_MAX}, such as "1,2,3"`,
    );
  }
  return voters;
}

function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function milliseconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) {
    throw new ConfigError(`${name} is "${text}": it must be a whole number of milliseconds above 0`);
  }
  return value;
}
