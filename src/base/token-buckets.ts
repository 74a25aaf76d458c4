/**
 * How often something may happen, for each of many: a bucket holds so many tokens, each time takes one, and so many
 * come back a second. Where there are too many buckets the one is forgotten that nobody has touched for longest.
 */

/** What each bucket is like. */
export interface BucketSettings {
  readonly perSecond: number;
  /** What it holds when it is full. */
  readonly burst: number;
  /** Buckets that are kept. */
  readonly keysMax: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** See the file's comment. */
export class TokenBuckets {
  readonly #settings: BucketSettings;
  /** Those that were touched last stand last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(settings: BucketSettings) {
    this.#settings = settings;
  }

  /** Buckets that are not full, or were not when they were touched. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token where there is one; gives how many milliseconds to wait for one, 0 where it was taken. */
  take(key: string, nowMs: number): number {
    const bucket = this.#filled(key, nowMs);
    const waitMs = this.#waitOf(bucket);
    if (waitMs === 0) bucket.tokens--;
    this.#keep(key, bucket);
    return waitMs;
  }

  /** How many milliseconds to wait for a token, 0 where there is one; takes none. */
  wait(key: string, nowMs: number): number {
    return this.#buckets.has(key) ? this.#waitOf(this.#filled(key, nowMs)) : 0;
  }

  /** A clock that was set back fills nothing and empties nothing. */
  #filled(key: string, nowMs: number): Bucket {
    const { perSecond, burst } = this.#settings;
    const known = this.#buckets.get(key);
    if (known === undefined) return { tokens: burst, atMs: nowMs };
    const sinceMs = Math.max(0, nowMs - known.atMs);
    return { tokens: Math.min(burst, known.tokens + (sinceMs * perSecond) / 1000), atMs: nowMs };
  }

  #waitOf({ tokens }: Bucket): number {
    // A sum of fractions is seldom whole: what is a hair below one is one.
    const missing = 1 - tokens - 1e-9;
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.#settings.perSecond);
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#settings.keysMax) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
