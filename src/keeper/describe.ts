/** A replica in words and numbers: its status document, and what four-letter words report on. */
import { zxidText } from "../base/zxid.ts";
import { digestText } from "../tree/digest.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchTable } from "../tree/watch-table.ts";
import type { PeerPhase, PeerStatus } from "../zab/config.ts";
import type { CallDoor } from "./call-door.ts";
import type { EventStreams } from "./event-streams.ts";
import type { ClientDoor } from "./client-door.ts";
import type { KeeperConfig } from "./config.ts";
import type { Digests } from "./digests.ts";
import type { Started } from "./dormancy.ts";
import type { KeeperParts } from "./keeper-input.ts";
import type { PeerHost } from "./peer-host.ts";
import type { LeaderDesk } from "./leader-desk.ts";
import type { Report, WatchReport } from "./operations/report.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import type { SessionId } from "../base/ids.ts";
import { EDGEKEEPER_VERSION, type ReplicaStatus } from "./status.ts";

/** What there is to describe. */
export interface Described {
  readonly config: KeeperConfig;
  readonly instance: number;
  readonly serving: boolean;
  readonly host: PeerHost;
  readonly tree: Tree;
  readonly watches: WatchTable;
  readonly door: ClientDoor;
  readonly calls: CallDoor;
  readonly streams: EventStreams;
  readonly forwardedBytes: number;
  /** While it leads. */
  readonly desk: LeaderDesk | undefined;
  readonly digests: Digests;
  readonly shell: Pick<KeeperParts, "notes" | "databaseBytes" | "summaries" | "restorable" | "slowSyncs">;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** By a clock that never goes back. */
  readonly clockMs: number;
  readonly started: Started | undefined;
}

/** The status document. */
export function describeReplica(replica: Described): ReplicaStatus {
  const { config, tree, door, host } = replica;
  const zab = host.status();
  const isSameEpoch = zab.lastZxid.epoch === zab.lastCommitted.epoch;
  return {
    ensemble: config.ensemble,
    sid: config.sid,
    instance: replica.instance,
    version: EDGEKEEPER_VERSION,
    mode: modeOf(replica, zab),
    serving: replica.serving,
    leader: zab.leader ?? null,
    acceptedEpoch: zab.acceptedEpoch,
    currentEpoch: zab.currentEpoch,
    lastZxid: zxidText(zab.lastZxid),
    lastCommitted: zxidText(zab.lastCommitted),
    lastDelivered: zxidText(tree.lastApplied),
    digest: digestText(tree.digest),
    sessions: tree.sessions.count,
    connections: door.holds.connections,
    clientBytes: door.holds.clientBytes,
    znodes: tree.nodeCount,
    ...tree.totals,
    uptimeMs: replica.clockMs - (replica.started?.clockMs ?? replica.clockMs),
    sleptMs: replica.started?.sleptMs ?? null,
    leadingMs: door.metrics.leadingMs(host.phase, replica.clockMs) ?? null,
    syncedFollowers: zab.learners.filter(({ isSynced, isVoter }) => isSynced && isVoter).length,
    syncedObservers: zab.learners.filter(({ isSynced, isVoter }) => isSynced && !isVoter).length,
    watches: replica.watches.count,
    calls: replica.calls.count,
    streams: replica.streams.count,
    streamsUnsent: replica.streams.unsent,
    heldRequests: door.holds.writes + replica.calls.writeCount,
    forwardedBytes: replica.forwardedBytes,
    outstandingProposals: isSameEpoch ? zab.lastZxid.counter - zab.lastCommitted.counter : 0,
    expiredSessions: replica.desk?.expiredCount ?? 0,
    refusedSessions: replica.desk?.refusedCount ?? 0,
    digestsCompared: replica.digests.compared,
    counters: {
      ...door.counters,
      framesRejected: door.counters.framesRejected + host.linkErrors,
      proposalsReceived: host.proposalsReceived,
      digestMismatches: replica.digests.mismatches,
    },
    zab,
  };
}

/** All that operators are told. */
export function describeForOperators(replica: Described): Report {
  const { config, tree, door, watches, clockMs } = replica;
  return {
    status: describeReplica(replica),
    config,
    nowMs: replica.nowMs,
    lastZxid: tree.lastApplied,
    traceMask: door.operator.traceMask,
    databaseBytes: replica.shell.databaseBytes(),
    slowSyncs: replica.shell.slowSyncs?.() ?? 0,
    configText: new TextDecoder().decode(tree.get(CONFIG_PATH)?.data ?? new Uint8Array()),
    metrics: door.metrics,
    leadingMs: door.metrics.leadingMs(replica.host.phase, clockMs),
    summaries: () => [...door.metrics.summaries(), ...(replica.shell.summaries?.() ?? [])],
    connections: () => Array.from(door.connections(), (connection) => connection.status()),
    sessions: () => Array.from(tree.sessions.values(), ({ id, timeoutMs }) => ({ session: id, timeoutMs })),
    expiries: () => replica.desk?.expiries(replica.nowMs),
    ephemerals: () => ephemeralsOf(tree),
    watches: () => describeWatches(watches, door),
    digests: () => replica.digests.noted(),
  };
}

function ephemeralsOf(tree: Tree): ReturnType<Report["ephemerals"]> {
  if (tree.totals.ephemerals === 0) return [];
  const all = Array.from(tree.sessions.values(), ({ id }) => [id, tree.ephemeralsOf(id)] as const);
  return all.filter(([, paths]) => paths.length > 0);
}

function describeWatches(watches: WatchTable, door: ClientDoor): WatchReport {
  const sessions = new Map<number, SessionId>();
  for (const { opening, session } of door.connections()) sessions.set(opening.id, session ?? 0n);
  const sessionOf = (watcher: number): SessionId => sessions.get(watcher) ?? 0n;
  return {
    summary: watches.summary,
    bySession: Array.from(watches.byWatcher(), ([watcher, paths]) => [sessionOf(watcher), [...paths]]),
    byPath: Array.from(watches.byPath(), ([path, watchers]) => [path, Array.from(watchers, sessionOf)]),
    all: allWatches(watches, sessionOf),
  };
}

function* allWatches(watches: WatchTable, sessionOf: (watcher: number) => SessionId): WatchReport["all"] {
  for (const [path, watchers] of watches.byPath()) {
    for (const watcher of watchers) yield { path, session: sessionOf(watcher), of: "node" };
  }
  for (const [path, watchers] of watches.byParent()) {
    for (const watcher of watchers) yield { path, session: sessionOf(watcher), of: "children" };
  }
}

function isStandalone({ current: { voters, observers } }: PeerStatus["membership"]): boolean {
  return voters.length === 1 && observers.length === 0;
}

/** A phase, for the log. */
export function phaseText(phase: PeerPhase, zab: PeerStatus): string {
  if (phase.role === "looking") return `looking: ${zab.lastElectionReason}`;
  if (phase.role === "removed") return `removed: no member of ${zxidText(phase.version)}`;
  if (phase.role !== "leading") return `${phase.role} ${phase.leader} ${phase.stage}`;
  // From here on it leads, which a starter tells (cli/leader-lines).
  return `leading ${phase.stage}${phase.stage === "broadcast" ? `, epoch ${zab.currentEpoch}` : ""}`;
}

function modeOf({ serving, door }: Described, { phase, membership }: PeerStatus): string {
  if (door.isReadOnly) return "read-only";
  if (!serving) return "looking";
  if (isStandalone(membership)) return "standalone";
  const { role } = phase;
  if (role === "leading") return "leader";
  return role === "observing" ? "observer" : "follower";
}
