/** A replica in words and numbers: its status document, and what four-letter words report on. */
import { zxidHex, zxidText } from "../base/zxid.ts";
import { digestText } from "../tree/digest.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchTable } from "../tree/watch-table.ts";
import type { PeerPhase, PeerStatus } from "../zab/config.ts";
import type { ClientDoor } from "./client-door.ts";
import type { WordContext } from "./four-letter-words.ts";
import type { KeeperConfig } from "./config.ts";
import { configText } from "./config-node.ts";
import { EDGEKEEPER_VERSION, type ReplicaStatus } from "./status.ts";

/** What there is to describe. */
export interface Described {
  readonly config: KeeperConfig;
  readonly instance: number;
  readonly serving: boolean;
  readonly zab: PeerStatus;
  readonly tree: Tree;
  readonly watches: WatchTable;
  readonly door: ClientDoor;
  readonly uptimeMs: number;
  readonly expiredSessions: number;
  readonly refusedSessions: number;
  readonly linkErrors: number;
  readonly digestsCompared: number;
}

/** The status document. */
export function describeReplica(replica: Described): ReplicaStatus {
  const { config, zab, tree, door } = replica;
  const isSameEpoch = zab.lastZxid.epoch === zab.lastCommitted.epoch;
  return {
    ensemble: config.ensemble,
    sid: config.sid,
    instance: replica.instance,
    version: EDGEKEEPER_VERSION,
    mode: modeOf(replica),
    serving: replica.serving,
    leader: zab.leader ?? null,
    acceptedEpoch: zab.acceptedEpoch,
    currentEpoch: zab.currentEpoch,
    lastZxid: zxidText(zab.lastZxid),
    lastCommitted: zxidText(zab.lastCommitted),
    lastDelivered: zxidText(tree.lastApplied),
    digest: digestText(tree.digest),
    sessions: tree.sessions.count,
    connections: door.connectionCount,
    clientBytes: door.heldBytes,
    znodes: tree.nodeCount,
    ...tree.totals,
    uptimeMs: replica.uptimeMs,
    syncedFollowers: zab.learners.filter(({ isSynced, isVoter }) => isSynced && isVoter).length,
    syncedObservers: zab.learners.filter(({ isSynced, isVoter }) => isSynced && !isVoter).length,
    watches: replica.watches.count,
    heldRequests: door.heldCount,
    forwardedBytes: door.forwardedBytes,
    outstandingProposals: isSameEpoch ? zab.lastZxid.counter - zab.lastCommitted.counter : 0,
    expiredSessions: replica.expiredSessions,
    refusedSessions: replica.refusedSessions,
    digestsCompared: replica.digestsCompared,
    counters: { ...door.counters, framesRejected: door.counters.framesRejected + replica.linkErrors },
    zab,
  };
}

/** What a four-letter word reports on. */
export function describeForWords(replica: Described): WordContext {
  const { clientAddresses, voters, observers, sid, ...config } = replica.config;
  const address = clientAddresses[[...voters, ...observers].indexOf(sid)] ?? "";
  return {
    status: describeReplica(replica),
    connections: Array.from(replica.door.connections(), (connection) => connection.status()),
    zxidHex: zxidHex(replica.tree.lastApplied),
    clientPort: address.slice(address.lastIndexOf(":") + 1),
    tickTimeMs: config.tickTimeMs,
    sessionTimeoutMinMs: config.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: config.sessionTimeoutMaxMs,
    maxConnectionsPerAddress: config.bounds.maxConnectionsPerAddress,
    membership: isStandalone(replica.config)
      ? undefined
      : {
          text: new TextDecoder().decode(configText(replica.config)),
          observes: observers.includes(sid),
        },
  };
}

function isStandalone({ voters, observers }: KeeperConfig): boolean {
  return voters.length === 1 && observers.length === 0;
}

/** A phase, for the log. */
export function phaseText(phase: PeerPhase, zab: PeerStatus): string {
  if (phase.role === "looking") return `looking: ${zab.lastElectionReason}`;
  if (phase.role === "removed") return `removed: no member of ${zxidText(phase.version)}`;
  return phase.role === "leading" ? `leading ${phase.stage}` : `${phase.role} ${phase.leader} ${phase.stage}`;
}

function modeOf(replica: Described): string {
  if (replica.door.isReadOnly) return "read-only";
  if (!replica.serving) return "looking";
  if (isStandalone(replica.config)) return "standalone";
  const { role } = replica.zab.phase;
  if (role === "leading") return "leader";
  return role === "observing" ? "observer" : "follower";
}
