/** Latencies, counted in buckets of constant relative width, so that a percentile of millions takes no memory. */

/** Buckets to a doubling: a percentile is right to 3 %. */
const PER_DOUBLING = 32;

/** From 1 us to over an hour. */
const BUCKETS = PER_DOUBLING * 32;

/** See the file's comment. */
export class Latencies {
  /** Made with the first: of thousands of clients most never count one. */
  #counts: Float64Array | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds one, in ms. */
  add(ms: number): void {
    const bucket = Math.floor(Math.log2(Math.max(ms * 1000, 1)) * PER_DOUBLING);
    const at = Math.min(bucket, BUCKETS - 1);
    const counts = (this.#counts ??= new Float64Array(BUCKETS));
    counts[at] = (counts[at] ?? 0) + 1;
    this.#count++;
  }

  /** The latency in ms that so large a part of all does not exceed; 0 where there are none. */
  percentile(part: number): number {
    const wanted = part * this.#count;
    let seen = 0;
    for (const [bucket, count] of this.#counts?.entries() ?? []) {
      seen += count;
      if (count > 0 && seen >= wanted) return 2 ** ((bucket + 0.5) / PER_DOUBLING) / 1000;
    }
    return 0;
  }
}
