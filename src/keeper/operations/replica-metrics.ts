/**
 * What a replica counts and measures of itself, under the names by which ZooKeeper's ServerMetrics tells them. Times
 * are by the clock of turns, in milliseconds: within one turn no time passes.
 */
import type { PeerPhase } from "../../zab/config.ts";
import type { Proposal } from "../../zab/message.ts";
import type { EventType } from "../../tree/watch-table.ts";
import type { CallRequest } from "../call.ts";
import type { Connection } from "../connection.ts";
import { type Counters, freshCounters } from "../status.ts";
import { SizeStats, Summary } from "./summary.ts";

/** Summaries without percentiles (ZooKeeper: DetailLevel.BASIC). */
const BASIC = [
  "election_time",
  "unavailable_time",
  "leader_unavailable_time",
  "follower_sync_time",
  "observer_sync_time",
  "node_created_watch_count",
  "node_deleted_watch_count",
  "node_changed_watch_count",
  "node_children_watch_count",
  "requests_in_session_queue",
] as const;

/** Summaries with percentiles (ZooKeeper: DetailLevel.ADVANCED). */
const ADVANCED = ["readlatency", "updatelatency", "propagation_latency", "quorum_ack_latency"] as const;

/** The name of a summary. */
export type SummaryName = (typeof BASIC)[number] | (typeof ADVANCED)[number];

/** A summary, and how it is shown. */
export interface NamedSummary {
  readonly name: string;
  readonly isAdvanced: boolean;
  readonly summary: Summary;
}

const WATCH_COUNTS: Readonly<Record<EventType, SummaryName>> = {
  1: "node_created_watch_count",
  2: "node_deleted_watch_count",
  3: "node_changed_watch_count",
  4: "node_children_watch_count",
};

const LENGTH_BYTES = 4;

/** Of one start of a replica. */
export class ReplicaMetrics {
  readonly counters: Counters = freshCounters();
  /** Sizes of replies to clients, in bytes. */
  readonly replySizes: SizeStats = new SizeStats();
  /** Sizes of this leader's proposals, in bytes. */
  readonly proposalSizes: SizeStats = new SizeStats();
  readonly #summaries = new Map<SummaryName, Summary>();
  #lookingSinceMs: number | undefined;
  #syncingSinceMs: number | undefined;
  #servingSinceMs: number | undefined;
  #awaySinceMs: number | undefined;

  constructor() {
    for (const name of [...BASIC, ...ADVANCED]) this.#summaries.set(name, new Summary());
  }

  /** All summaries, in a fixed order. */
  summaries(): readonly NamedSummary[] {
    const advanced: readonly string[] = ADVANCED;
    return Array.from(this.#summaries, ([name, summary]) => ({
      name,
      isAdvanced: advanced.includes(name),
      summary,
    }));
  }

  /** For how long this replica leads; undefined where it does not. */
  leadingMs({ role }: PeerPhase, clockMs: number): number | undefined {
    const since = this.#servingSinceMs;
    return role === "leading" && since !== undefined ? clockMs - since : undefined;
  }

  /** Notes a value. */
  add(name: SummaryName, value: number): void {
    this.#summaries.get(name)?.add(value);
  }

  /** A frame with so many bytes behind its length came: a request of this connection, or a client's first. */
  received(bytes: number, connection?: Connection): void {
    this.counters.receivedBytes += LENGTH_BYTES + bytes;
    if (connection === undefined) return;
    this.counters.received++;
    connection.stats.received++;
    this.add("requests_in_session_queue", connection.pendingCount + 1);
  }

  /** A request was answered, so long after it came. */
  answered(kind: "readlatency" | "updatelatency", tookMs: number): void {
    const { counters } = this;
    counters.latencyMinMs = counters.latencyCount === 0 ? tookMs : Math.min(counters.latencyMinMs, tookMs);
    counters.latencyMaxMs = Math.max(counters.latencyMaxMs, tookMs);
    counters.latencySumMs += tookMs;
    counters.latencyCount++;
    this.add(kind, tookMs);
  }

  /** A call was answered, so long after it came. One that asked to wait took as long as it was willing to. */
  called(request: CallRequest, tookMs: number): void {
    const isWaiting =
      (request.kind === "acquire" && request.waitMs > 0) ||
      ("change" in request && request.change !== undefined);
    if (isWaiting) return;
    this.counters.callCount++;
    this.counters.callSumMs += tookMs;
  }

  /** So many watchers were told of an event. */
  watchersTold(types: readonly EventType[]): void {
    const counts = new Map<EventType, number>();
    for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
    for (const [type, count] of counts) this.add(WATCH_COUNTS[type], count);
  }

  /** This leader proposes. */
  proposed(proposals: readonly Proposal[]): void {
    this.counters.proposals += proposals.length;
    for (const { payload } of proposals) this.proposalSizes.add(payload.length);
  }

  /** A proposal was applied, so long after its leader prepared it, by two clocks where that was another replica. */
  committed(tookMs: number, { role }: PeerPhase): void {
    this.counters.commits++;
    this.add("propagation_latency", Math.max(0, tookMs));
    if (role === "leading") this.add("quorum_ack_latency", Math.max(0, tookMs));
  }

  /** The peer's phase has changed: how long elections, synchronizations and outages take. */
  phaseChanged(phase: PeerPhase, clockMs: number): void {
    if (!("stage" in phase)) {
      this.#lookingSinceMs ??= clockMs;
      this.#awaySinceMs ??= clockMs;
      this.#syncingSinceMs = undefined;
      this.#servingSinceMs = undefined;
      return;
    }
    if (this.#lookingSinceMs !== undefined) this.add("election_time", clockMs - this.#lookingSinceMs);
    this.#lookingSinceMs = undefined;
    if (phase.stage !== "broadcast") {
      this.#syncingSinceMs ??= clockMs;
      return;
    }
    if (this.#syncingSinceMs !== undefined && phase.role !== "leading") {
      const name = phase.role === "following" ? "follower_sync_time" : "observer_sync_time";
      this.add(name, clockMs - this.#syncingSinceMs);
    }
    this.#syncingSinceMs = undefined;
    this.#servingSinceMs ??= clockMs;
    if (this.#awaySinceMs === undefined) return;
    this.add("unavailable_time", clockMs - this.#awaySinceMs);
    if (phase.role === "leading") this.add("leader_unavailable_time", clockMs - this.#awaySinceMs);
    this.#awaySinceMs = undefined;
  }

  /** All begins at nought: srst. */
  reset(): void {
    Object.assign(this.counters, freshCounters());
    for (const summary of this.#summaries.values()) summary.reset();
    this.replySizes.reset();
    this.proposalSizes.reset();
  }
}
