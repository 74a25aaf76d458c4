/**
 * How long the disk takes: the core has no clock within a turn, and a turn's write is durable some time after it. One
 * sync is measured at a time, so that under a load this is a sample, at no cost to it.
 */
import type { NamedSummary } from "../keeper/operations/replica-metrics.ts";
import { Summary } from "../keeper/operations/summary.ts";

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
  #slowCount = 0;

  constructor(ports: SyncPorts) {
    this.#ports = ports;
  }

  /** A turn wrote: the promise settles when that is durable, where it is the one that is measured. */
  async wrote(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    const begunMs = this.#ports.now();
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
