/**
 * Answers to reads, kept by an isolate for callers who say how old they may be (`Cache-Control: max-age`, RFC 9111
 * 5.2.1.1). Only what anybody may read is kept, and apart for each identity all the same, as tokens have scopes. Free
 * of the clock.
 */
import { compareZxid, type Zxid } from "../../base/zxid.ts";

/** What can be kept: it tells of which state it is. */
interface Dated {
  readonly zxid: Zxid;
}

interface Kept<Answer> {
  readonly answer: Answer;
  readonly atMs: number;
  readonly bytes: number;
}

/** What a caller takes. */
export interface Wanted {
  /** In ms; what was kept for longer is not for it. */
  readonly maxAgeMs: number;
  /** It has seen this: nothing older is for it. */
  readonly minZxid: Zxid;
  readonly nowMs: number;
}

/** An answer, and how long ago it was asked for, in ms, where it was kept since. */
export interface Found<Answer> {
  readonly answer: Answer;
  readonly ageMs: number | undefined;
}

/** Nothing is kept for longer, whatever callers take: who has lost a right reads on for so long at most. */
const CACHE_AGE_MS_MAX = 60_000;

/** Of an isolate's 128 MB. */
const BYTES_MAX = 8 * 1024 * 1024;

/** Larger ones would drive all others out. */
const ENTRY_BYTES_MAX: number = BYTES_MAX / 8;

/** Of a Stat, and of what keeps the entry. */
const ENTRY_OVERHEAD_BYTES = 512;

/** See the file's comment. */
export class ReadCache<Answer extends Dated> {
  /** The least recently kept first. */
  readonly #kept = new Map<string, Kept<Answer>>();
  #bytes = 0;

  /** What there is for the caller. */
  find(key: string, { maxAgeMs, minZxid, nowMs }: Wanted): Found<Answer> | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const ageMs = nowMs - kept.atMs;
    if (ageMs >= CACHE_AGE_MS_MAX) this.#drop(key, kept);
    if (ageMs > Math.min(maxAgeMs, CACHE_AGE_MS_MAX)) return undefined;
    return compareZxid(kept.answer.zxid, minZxid) < 0 ? undefined : { answer: kept.answer, ageMs };
  }

  /** Keeps an answer that was asked for at `atMs`; an older one never takes the place of a newer. */
  keep(key: string, answer: Answer, size: { readonly atMs: number; readonly bytes: number }): void {
    const { atMs } = size;
    const bytes = key.length + ENTRY_OVERHEAD_BYTES + size.bytes;
    const there = this.#kept.get(key);
    if (there !== undefined && compareZxid(there.answer.zxid, answer.zxid) > 0) return;
    if (there !== undefined) this.#drop(key, there);
    if (bytes > ENTRY_BYTES_MAX) return;
    this.#kept.set(key, { answer, atMs, bytes });
    this.#bytes += bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= BYTES_MAX) return;
      this.#drop(oldest, kept);
    }
  }

  #drop(key: string, kept: Kept<Answer>): void {
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }
}

/** How old an answer may be that the caller takes, in ms, as Cache-Control says; 0 where it says nothing. */
export function maxAgeOf(cacheControl: string | undefined): number {
  if (cacheControl === undefined || /\bno-(?:cache|store)\b/i.test(cacheControl)) return 0;
  const [, seconds] = /(?:^|[,\s])max-age\s*=\s*"?(\d{1,9})/i.exec(cacheControl) ?? [];
  return seconds === undefined ? 0 : Number(seconds) * 1000;
}
