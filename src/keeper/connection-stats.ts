/** What a connection's owner is told of it. Source: ZooKeeper ServerCnxn.updateStatsForResponse, resetStats. */
import type { Zxid } from "../base/zxid.ts";

/** A request that was answered. */
export interface AnsweredRequest {
  /** ZooKeeper's word for the operation, as `lop` shows it. */
  readonly operation: string;
  /** Negative for what clients do not number: pings, logins, watches of a reconnect. */
  readonly xid: number;
  readonly zxid: Zxid;
  readonly tookMs: number;
  readonly nowMs: number;
}

/** Counted since the connection opened, or since the last reset. */
export class ConnectionStats {
  received = 0;
  sent = 0;
  lastOperation = "NA";
  lastXid = -1;
  /** undefined before the first answer: ZooKeeper shows -1. */
  lastZxid: Zxid | undefined;
  lastResponseMs = 0;
  lastLatencyMs = 0;
  minLatencyMs = 0;
  maxLatencyMs = 0;
  #answered = 0;
  #latencySumMs = 0;

  /** The mean latency, cut off to whole milliseconds as ZooKeeper does. */
  get averageLatencyMs(): number {
    return this.#answered === 0 ? 0 : Math.floor(this.#latencySumMs / this.#answered);
  }

  /** A request was answered. */
  answered({ operation, xid, zxid, tookMs, nowMs }: AnsweredRequest): void {
    if (xid >= 0) this.lastXid = xid;
    this.lastOperation = operation;
    this.lastZxid = zxid;
    this.lastResponseMs = nowMs;
    this.lastLatencyMs = tookMs;
    this.minLatencyMs = this.#answered === 0 ? tookMs : Math.min(this.minLatencyMs, tookMs);
    this.maxLatencyMs = Math.max(this.maxLatencyMs, tookMs);
    this.#answered++;
    this.#latencySumMs += tookMs;
  }

  /** Begins to count anew. */
  reset(): void {
    Object.assign(this, new ConnectionStats());
    this.#answered = 0;
    this.#latencySumMs = 0;
  }
}
