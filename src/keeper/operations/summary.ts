/**
 * A running summary of one figure: how often, how much in all, least and most, and percentiles of the recent past.
 * Source: ZooKeeper AvgMinMaxCounter and AvgMinMaxPercentileCounter, whose percentiles are of a random sample of all;
 * these are of the latest values, as the core has no dice.
 */

/** So many of the latest values are kept for percentiles: an hour of a quiet ensemble, a moment of a busy one. */
const RECENT_COUNT = 1024;

/** Whole numbers, in what unit is the owner's to say. */
export class Summary {
  #count = 0;
  #sum = 0;
  #min = 0;
  #max = 0;
  #recent: number[] = [];

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** 0 where nothing was added, as ZooKeeper says. */
  get min(): number {
    return this.#min;
  }

  /** 0 where nothing was added. */
  get max(): number {
    return this.#max;
  }

  /** The mean of all, to four digits behind the point; 0 where nothing was added. */
  get average(): number {
    return this.#count === 0 ? 0 : Math.round((this.#sum / this.#count) * 10_000) / 10_000;
  }

  add(value: number): void {
    this.#min = this.#count === 0 ? value : Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#recent[this.#count % RECENT_COUNT] = value;
    this.#count++;
    this.#sum += value;
  }

  /** The value that the share `ratio` (0 to 1) of the latest values does not exceed; 0 where nothing was added. */
  quantiles(ratios: readonly number[]): readonly number[] {
    const sorted = [...this.#recent].sort((a, b) => a - b);
    return ratios.map((ratio) => sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? 0);
  }

  /** Begins anew. */
  reset(): void {
    this.#count = 0;
    this.#sum = 0;
    this.#min = 0;
    this.#max = 0;
    this.#recent = [];
  }
}

/** The latest, least and largest of sizes in bytes; -1 where there was none yet. Source: ZooKeeper BufferStats. */
export class SizeStats {
  last = -1;
  min = -1;
  max = -1;

  add(bytes: number): void {
    this.last = bytes;
    this.min = this.min === -1 ? bytes : Math.min(this.min, bytes);
    this.max = Math.max(this.max, bytes);
  }

  reset(): void {
    this.last = -1;
    this.min = -1;
    this.max = -1;
  }

  /** As `srvr` shows it. */
  get text(): string {
    return `${this.last}/${this.min}/${this.max}`;
  }
}
