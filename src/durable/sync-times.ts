/**
 * How long the disk takes: the core has no clock within a turn, and a turn's write is durable some time after it. One
 * sync is measured at a time, and not much more often than SAMPLE_INTERVAL_MS: to wait for one is an event of its own.
 */
import type { NamedSummary } from "../keeper/operations/replica-metrics.ts";
import { Summary } from "../keeper/operations/summary.ts";

/** So long after one was measured the next may be. */
const SAMPLE_INTERVAL_MS = 100;

/** What is measured with. */
export interface SyncPorts {
  /** Milliseconds. */
  now(): number;
  /** Settles when all that was written is durable. */
  sync(): Promise<void>;
  /** What took longer than this is slow, milliseconds. */
  readonly warningMs: number;
  /** One was. */
  slow(tookMs: number): void;
}

/** Of one object. */
export class SyncTimes {
  readonly #ports: SyncPorts;
  readonly #summary = new Summary();
  #isMeasuring = false;
  #nextAtMs = 0;
  #slowCount = 0;

  constructor(ports: SyncPorts) {
    this.#ports = ports;
  }

  /** A turn wrote: what settles when that is durable, where it is to be measured. */
  wrote(): Promise<void> | undefined {
    const begunMs = this.#ports.now();
    // A clock that was set back must not end it for long.
    if (this.#isMeasuring || (begunMs < this.#nextAtMs && this.#nextAtMs - begunMs <= SAMPLE_INTERVAL_MS))
      return undefined;
    this.#isMeasuring = true;
    this.#nextAtMs = begunMs + SAMPLE_INTERVAL_MS;
    return this.#measure(begunMs);
  }

  async #measure(begunMs: number): Promise<void> {
    await this.#ports.sync();
    this.#isMeasuring = false;
    const tookMs = Math.max(0, this.#ports.now() - begunMs);
    this.#summary.add(tookMs);
    if (tookMs <= this.#ports.warningMs) return;
    this.#slowCount++;
    this.#ports.slow(tookMs);
  }

  /** How many of those measured were slow. */
  get slowCount(): number {
    return this.#slowCount;
  }

  /** Under ZooKeeper's name for it. */
  summaries(): readonly NamedSummary[] {
    return [{ name: "fsynctime", isAdvanced: false, summary: this.#summary }];
  }
}
