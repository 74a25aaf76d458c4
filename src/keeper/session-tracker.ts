/**
 * The leader's watch over sessions: who owns each, and which have been silent for longer than their timeout.
 * Time here is a clock of its own that counts ticks and never jumps: when this replica itself stood still, the
 * silence of others during that time is not held against them. So an expiry may come late, never early.
 * Source: ZooKeeper SessionTrackerImpl and ExpiryQueue (buckets of equal deadlines).
 */
import type { SessionId, Sid } from "../base/ids.ts";
import { compareZxid, ZXID_ZERO } from "../base/zxid.ts";
import { EXPIRY_BUCKET_MS, SESSION_CLOCK_STEP_MS_MAX, SESSION_REPORT_SLACK_MS } from "./limits.ts";
import type { Generation, OwnedSession } from "./link-message.ts";

interface Tracked {
  timeoutMs: number;
  owner: Sid | undefined;
  generation: Generation;
  bucket: number;
}

/** Sessions by expiry bucket; each operation costs the same however many sessions there are. */
export class SessionTracker {
  readonly #sessions = new Map<SessionId, Tracked>();
  readonly #buckets = new Map<number, Set<SessionId>>();
  #clockMs = 0;
  #lastNowMs: number;
  #nextBucket = 0;

  constructor(nowMs: number) {
    this.#lastNowMs = nowMs;
  }

  /** How many sessions are watched. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Starts to watch a session, with its full timeout ahead of it. */
  add(session: SessionId, timeoutMs: number, owner: Sid | undefined): void {
    if (this.#sessions.has(session)) return;
    const tracked: Tracked = { timeoutMs, owner, generation: ZXID_ZERO, bucket: -1 };
    this.#sessions.set(session, tracked);
    this.#arm(session, tracked);
  }

  /** Stops watching a session: it is closing, or closed. */
  remove(session: SessionId): void {
    const tracked = this.#sessions.get(session);
    if (tracked === undefined) return;
    this.#buckets.get(tracked.bucket)?.delete(session);
    this.#sessions.delete(session);
  }

  /** Whether the session lives, as far as the leader has decided. */
  has(session: SessionId): boolean {
    return this.#sessions.has(session);
  }

  /** The replica whose connection speaks for the session; undefined until one has claimed it. */
  ownerOf(session: SessionId): Sid | undefined {
    return this.#sessions.get(session)?.owner;
  }

  /** The session was heard from: its timeout starts again. Unknown sessions are passed over. */
  touch(session: SessionId): void {
    const tracked = this.#sessions.get(session);
    if (tracked !== undefined) this.#arm(session, tracked);
  }

  /** The session's client attached at `owner`: its timeout starts again, older connections lose it. */
  attach(owned: OwnedSession, owner: Sid): Sid | undefined {
    const tracked = this.#sessions.get(owned.session);
    if (tracked === undefined) return undefined;
    const before = tracked.owner;
    tracked.owner = owner;
    tracked.generation = owned.generation;
    tracked.timeoutMs = owned.timeoutMs;
    this.#arm(owned.session, tracked);
    return before;
  }

  /**
   * A replica says, to a leader that is new to it, that the session's client is connected there. The youngest
   * attachment wins. Returns whether this one did; if so the owner before it, if any, must let go.
   */
  claim(owned: OwnedSession, owner: Sid): boolean {
    const tracked = this.#sessions.get(owned.session);
    if (tracked === undefined) return false;
    const known = tracked.owner !== undefined && tracked.owner !== owner;
    if (known && compareZxid(owned.generation, tracked.generation) < 0) return false;
    this.attach(owned, owner);
    return true;
  }

  /** The generation of the session's latest attachment. */
  generationOf(session: SessionId): Generation {
    return this.#sessions.get(session)?.generation ?? ZXID_ZERO;
  }

  /** Lets time pass; returns the sessions whose silence is now longer than their timeout, no longer watched. */
  advance(nowMs: number): readonly SessionId[] {
    const elapsedMs = Math.max(0, nowMs - this.#lastNowMs);
    this.#lastNowMs = nowMs;
    this.#clockMs += Math.min(elapsedMs, SESSION_CLOCK_STEP_MS_MAX);
    const expired: SessionId[] = [];
    const due = Math.floor(this.#clockMs / EXPIRY_BUCKET_MS);
    for (; this.#nextBucket <= due; this.#nextBucket++) {
      const bucket = this.#buckets.get(this.#nextBucket);
      if (bucket === undefined) continue;
      this.#buckets.delete(this.#nextBucket);
      for (const session of bucket) {
        expired.push(session);
        this.#sessions.delete(session);
      }
    }
    return expired;
  }

  #arm(session: SessionId, tracked: Tracked): void {
    // Rounded up to the next bucket: the silence has lasted the whole timeout when the bucket is due.
    const deadlineMs = this.#clockMs + tracked.timeoutMs + SESSION_REPORT_SLACK_MS;
    const bucket = Math.ceil(deadlineMs / EXPIRY_BUCKET_MS);
    if (bucket === tracked.bucket) return;
    this.#buckets.get(tracked.bucket)?.delete(session);
    tracked.bucket = bucket;
    const members = this.#buckets.get(bucket);
    if (members === undefined) this.#buckets.set(bucket, new Set([session]));
    else members.add(session);
  }
}
