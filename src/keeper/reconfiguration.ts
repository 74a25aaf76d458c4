/**
 * What a reconfig request makes of the configuration: servers that join and leave, or a list of all of them.
 * Source: ZooKeeper PrepRequestProcessor, OpCode.reconfig.
 */
import { KeeperError } from "../base/error-code.ts";
import type { Sid } from "../base/ids.ts";
import type { ReconfigRequest } from "../base/request.ts";
import { type Zxid, zxidToBigInt } from "../base/zxid.ts";
import type { Reconfigure } from "../tree/prepare.ts";
import { quorumOf } from "../zab/membership.ts";
import {
  configProblem,
  type DynamicConfig,
  dynamicConfigText,
  membershipOf,
  readDynamicConfig,
  versionText,
} from "./dynamic-config.ts";
import { readServerSpec, readSid, type ServerSpec, sharesAddress, splitAsJava } from "./server-spec.ts";

/** The ensemble that is to be changed, as its leader knows it. */
export interface Reconfigurable {
  /** The configuration that was proposed last. */
  readonly config: DynamicConfig;
  /** Whether it is not in force alone yet. */
  readonly isInProgress: boolean;
  /** Whether members that are linked to the leader and have caught up, it included, are a quorum of this one. */
  isQuorumSynced(config: DynamicConfig): boolean;
}

/**
 * The configuration that the request asks for, under the zxid of the transaction that will bring it. Throws
 * KeeperError, in ZooKeeper's order: reconfigInProgress, badVersion, badArguments or marshallingError,
 * newConfigNoQuorum.
 */
function reconfigured(request: ReconfigRequest, ensemble: Reconfigurable, version: Zxid): DynamicConfig {
  const { config } = ensemble;
  if (ensemble.isInProgress) throw new KeeperError("reconfigInProgress");
  const { currentConfigId, newMembers } = request;
  if (currentConfigId !== -1n && currentConfigId !== zxidToBigInt(config.version)) {
    throw new KeeperError("badVersion", `the configuration is of version ${versionText(config.version)}`);
  }
  const asked = newMembers === null ? changed(config, request) : listed(newMembers);
  const next: DynamicConfig = { ...asked, version };
  const problem = configProblem(next);
  if (problem !== undefined) throw new KeeperError("badArguments", problem);
  if (!ensemble.isQuorumSynced(next)) throw new KeeperError("newConfigNoQuorum");
  return next;
}

/** What the desk knows of its ensemble when it changes. */
export interface ReconfigContext {
  /** Whether an earlier change is in force alone. */
  isSettled(): boolean;
  /** The members that are linked to the leader and have caught up, it included. */
  synced(): ReadonlySet<Sid>;
  /** Lets these learn from this leader though they are no members. */
  invite(sids: readonly Sid[]): void;
}

/** Makes the bytes of the next configuration of those of the last. */
export function reconfigureWith(context: ReconfigContext): Reconfigure {
  return (request, data, { zxid, isAllowed }) => {
    const config = readDynamicConfig(new TextDecoder().decode(data ?? new Uint8Array()));
    const ensemble: Reconfigurable = {
      config,
      isInProgress: !context.isSettled(),
      isQuorumSynced: (next) => {
        const { voters } = membershipOf(next);
        const isSynced = quorumOf(membershipOf(next)).contains(context.synced());
        // They come, and learn: who asks again finds them synced. A real one's joiners come by themselves.
        if (!isSynced && isAllowed) context.invite(voters);
        return isSynced;
      },
    };
    return new TextEncoder().encode(dynamicConfigText(reconfigured(request, ensemble, zxid)));
  };
}

/** All members anew; commas part lines as newlines do. */
function listed(newMembers: string): DynamicConfig {
  const config = readDynamicConfig(newMembers.replaceAll(",", "\n"));
  const hasVoter = config.servers.some(({ role }) => role === "participant");
  if (!hasVoter) throw new KeeperError("marshallingError", "the number of participants should be > 0");
  return config;
}

/** Some leave, then some join, or come back with another role or address. */
function changed(config: DynamicConfig, request: ReconfigRequest): DynamicConfig {
  if (config.groups !== undefined) {
    throw new KeeperError("badArguments", "an incremental change of a configuration with groups");
  }
  const servers = new Map<Sid, ServerSpec>(config.servers.map((server) => [server.sid, server]));
  for (const leaving of listItems(request.leavingServers, ",")) servers.delete(readSid(leaving));
  for (const joining of listItems(request.joiningServers, ",")) {
    const joiner = readJoiner(joining);
    for (const other of servers.values()) {
      if (other.sid !== joiner.sid && sharesAddress(joiner, other)) {
        throw new KeeperError("badArguments", `servers ${joiner.sid} and ${other.sid} share an address`);
      }
    }
    servers.set(joiner.sid, joiner);
  }
  return { version: config.version, servers: [...servers.values()] };
}

function readJoiner(text: string): ServerSpec {
  const parts = listItems(text, "=");
  const [key, spec] = parts;
  if (key === undefined || spec === undefined || parts.length !== 2) {
    throw new KeeperError("badArguments", `"${text}" is no server string`);
  }
  const server = readServerSpec(readSid(key.slice(key.lastIndexOf(".") + 1)), spec);
  if (server.client === undefined) {
    throw new KeeperError("badArguments", `server ${server.sid} should have 3 ports specified`);
  }
  return server;
}

/** The parts without spaces around them, empty ones left out. */
function listItems(text: string | null, separator: string): readonly string[] {
  if (text === null) return [];
  return splitAsJava(text, separator)
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
