/**
 * ZooKeeper's dynamic configuration: who is in the ensemble, in which role, and which voters decide together, as
 * /zookeeper/config holds it and `reconfig` takes it.
 * Source: ZooKeeper QuorumPeerConfig.parseDynamicConfig, QuorumMaj, QuorumHierarchical.
 */
import { KeeperError } from "../base/error-code.ts";
import type { Sid } from "../base/ids.ts";
import { OBSERVERS_MAX, SID_MAX, VOTERS_MAX } from "../base/limits.ts";
import { type Zxid, zxidFromBigInt, zxidToBigInt } from "../base/zxid.ts";
import { type Membership, membershipProblem, type QuorumGroup } from "../zab/membership.ts";
import { readProperties } from "./java-properties.ts";
import { readServerSpec, readSid, type ServerSpec, serverSpecText } from "./server-spec.ts";

/** See the file's comment. */
export interface DynamicConfig {
  /** The zxid of the transaction that made it; 0:0 of the first one, which none did. */
  readonly version: Zxid;
  readonly servers: readonly ServerSpec[];
  /** Absent where a majority of the participants decides. */
  readonly groups?: readonly QuorumGroup[];
  /** 1 where nothing is said; only with groups. */
  readonly weights?: ReadonlyMap<Sid, number>;
}

/**
 * Reads a configuration. Throws KeeperError, as ZooKeeper: badArguments where it makes no sense, marshallingError where
 * a number is none.
 */
export function readDynamicConfig(text: string): DynamicConfig {
  const servers = new Map<Sid, ServerSpec>();
  const groups: QuorumGroup[] = [];
  const weights = new Map<Sid, number>();
  let version: Zxid = { epoch: 0, counter: 0 };
  let isHierarchical = false;
  for (const [key, value] of readProperties(text)) {
    const number = key.slice(key.indexOf(".") + 1);
    if (key.startsWith("server.")) {
      const sid = readSid(number);
      servers.set(sid, readServerSpec(sid, value));
    } else if (key.startsWith("group")) {
      isHierarchical = true;
      groups.push({ id: readSid(number), sids: value.split(":").map(readSid) });
    } else if (key.startsWith("weight")) {
      isHierarchical = true;
      weights.set(readSid(number), readSid(value));
    } else if (key === "version") version = readVersion(value);
    else throw new KeeperError("badArguments", `unrecognised parameter: ${key}`);
  }
  const bySid = [...servers.values()].toSorted((a, b) => a.sid - b.sid);
  return isHierarchical ? { version, servers: bySid, groups, weights } : { version, servers: bySid };
}

/** The text, with the servers in the order of their sids: ZooKeeper's is that of a HashMap, the same up to 15. */
export function dynamicConfigText({ version, servers, groups, weights }: DynamicConfig): string {
  const bySid = servers.toSorted((a, b) => a.sid - b.sid);
  const lines = bySid.map((server) => `server.${server.sid}=${serverSpecText(server)}`);
  for (const { id, sids } of (groups ?? []).toSorted((a, b) => a.id - b.id)) {
    lines.push(`group.${id}=${sids.toSorted((a, b) => a - b).join(":")}`);
  }
  if (groups !== undefined) {
    const weighed = bySid.filter(({ role }) => role === "participant");
    for (const { sid } of weighed) lines.push(`weight.${sid}=${weights?.get(sid) ?? 1}`);
  }
  lines.push(`version=${versionText(version)}`);
  return lines.join("\n");
}

/** The version in hexadecimal digits, as the text tells it and status documents do. */
export function versionText(version: Zxid): string {
  return zxidToBigInt(version).toString(16);
}

/**
 * What is wrong with a configuration as a whole, that of an ensemble that shall go on with it; undefined: nothing.
 * ZooKeeper takes sids up to 255 and any number of servers; it lets groups name servers that are none.
 */
export function configProblem(config: DynamicConfig): string | undefined {
  const { servers } = config;
  const { voters, observers } = membershipOf(config);
  const strange = servers.find(({ sid }) => sid < 1 || sid > SID_MAX);
  if (strange !== undefined) return `server ${strange.sid}: it must be from 1 to ${SID_MAX}`;
  if (voters.length < 1) return "it must include at least 1 participant";
  if (voters.length > VOTERS_MAX)
    return `it has ${voters.length} participants, and ${VOTERS_MAX} is the limit`;
  if (observers.length > OBSERVERS_MAX)
    return `it has ${observers.length} observers, and ${OBSERVERS_MAX} is the limit`;
  return membershipProblem(membershipOf(config));
}

/** What the protocol needs to know of it. */
export function membershipOf(config: DynamicConfig): Membership {
  const { version, groups, weights } = config;
  const inRole = (role: ServerSpec["role"]): readonly Sid[] =>
    config.servers.filter((server) => server.role === role).map(({ sid }) => sid);
  const members = { version, voters: inRole("participant"), observers: inRole("observer") };
  if (groups === undefined) return members;
  return weights === undefined ? { ...members, groups } : { ...members, groups, weights };
}

/** Hexadecimal, as Java's Long.parseLong(text, 16) takes it. */
function readVersion(text: string): Zxid {
  if (!/^\+?[0-9a-fA-F]{1,16}$/.test(text)) throw new KeeperError("marshallingError", `version=${text}`);
  return zxidFromBigInt(BigInt(`0x${text.replace("+", "")}`));
}
