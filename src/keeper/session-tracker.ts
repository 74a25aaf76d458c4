/**
 * The leader's watch over sessions: who owns each, and which have been silent for longer than their timeout.
 *
 * Never early, however slow the links and whatever the clocks do:
 * 1. Time here is a clock of its own that counts ticks and never jumps: when this replica itself stood still, the
 *    silence of others during that time is not held against them.
 * 2. A session is touched when the leader hears of it, which is later than its client was heard.
 * 3. Nothing is due before every replica that serves has told whom it heard: the leader polls them with its clock, a
 *    link is FIFO, so an answer holds all that was heard, and follows all that was asked, before that moment. What
 *    counts is the horizon, the oldest moment so answered, and not the clock.
 * 4. A replica that is lost may have heard clients, and answered them, until it noticed: what it owned starts again,
 *    with that time on top. So does everything when a leader is new, as the one before it is such a replica. None
 *    answers for longer than that, whatever its own timer does: see Touch.
 * Source: ZooKeeper SessionTrackerImpl and ExpiryQueue (buckets of equal deadlines), Leader.PING (touched sessions).
 */
import type { SessionId, Sid } from "../base/ids.ts";
import type { SessionLeft } from "../base/txn.ts";
import { compareZxid, ZXID_ZERO } from "../base/zxid.ts";
import { EXPIRY_BUCKET_MS, SESSION_CLOCK_STEP_MS_MAX } from "./limits.ts";
import type { Generation, OwnedSession } from "./link-message.ts";

/** What the leader knows of a session that lives. */
export interface TrackedSession {
  /** The replica that its client is connected to, or was last; undefined where none has claimed it. */
  readonly owner: Sid | undefined;
  /** How long ago this leader heard of it; undefined where it never has. */
  readonly heardAgoMs: number | undefined;
  /** How long it may be silent from now on, at least. */
  readonly leftMs: number;
}

interface Tracked {
  /** When this leader heard of it last, by the clock of ticks; undefined where it never has. */
  heardMs: number | undefined;
  timeoutMs: number;
  owner: Sid | undefined;
  generation: Generation;
  bucket: number;
  /** Nobody but its client can tell how long it lives: it is no reason to stay awake, or to wake. */
  isDozing: boolean;
}

/** Sessions by expiry bucket; each operation costs the same however many sessions there are, but for `leave`. */
export class SessionTracker {
  readonly #sessions = new Map<SessionId, Tracked>();
  readonly #buckets = new Map<number, Set<SessionId>>();
  /** Up to when each serving replica has told whom it heard. */
  readonly #covered = new Map<Sid, number>();
  readonly #lostGraceMs: number;
  #clockMs = 0;
  #lastNowMs: number;
  #nextBucket = 0;

  /** `lostGraceMs`: how long a replica may go on to answer its clients after the leader has given it up. */
  constructor(options: { readonly nowMs: number; readonly lostGraceMs: number }) {
    this.#lastNowMs = options.nowMs;
    this.#lostGraceMs = options.lostGraceMs;
  }

  /** How many sessions are watched. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The clock that replicas are polled with. */
  get clockMs(): number {
    return this.#clockMs;
  }

  /** Up to when every replica that serves has told whom it heard. */
  get horizonMs(): number {
    return Math.min(this.#clockMs, ...this.#covered.values());
  }

  /** The replicas that serve, and are to be polled. */
  get replicas(): Iterable<Sid> {
    return this.#covered.keys();
  }

  /** The replica begins to serve: nobody's silence counts from now on before it has told whom it heard. */
  join(sid: Sid): void {
    this.#covered.set(sid, this.#clockMs);
  }

  /** The replica has told whom it heard until the clock showed this. */
  covered(sid: Sid, clockMs: number): void {
    const before = this.#covered.get(sid);
    if (before !== undefined) this.#covered.set(sid, Math.max(before, Math.min(clockMs, this.#clockMs)));
  }

  /** The replica is lost: whom it heard since its last word is not known. */
  leave(sid: Sid): void {
    if (!this.#covered.delete(sid)) return;
    for (const [session, tracked] of this.#sessions)
      if (tracked.owner === sid) this.#extend(session, tracked);
  }

  /** Starts to watch a session, with its full timeout ahead of it. */
  add(session: SessionId, timeoutMs: number, owner: Sid | undefined): void {
    if (this.#sessions.has(session)) return;
    const heardMs = owner === undefined ? undefined : this.#clockMs;
    const tracked: Tracked = {
      heardMs,
      timeoutMs,
      owner,
      generation: ZXID_ZERO,
      bucket: -1,
      isDozing: false,
    };
    this.#sessions.set(session, tracked);
    this.#extend(session, tracked);
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
    if (tracked === undefined) return;
    tracked.heardMs = this.#clockMs;
    tracked.isDozing = false;
    this.#extend(session, tracked);
  }

  /** The session's client dozes, until something else is heard of it. */
  doze(session: SessionId): void {
    const tracked = this.#sessions.get(session);
    if (tracked !== undefined) tracked.isDozing = true;
  }

  /** The sessions whose clients doze. */
  get dozing(): readonly SessionId[] {
    return [...this.#sessions].filter(([, { isDozing }]) => isDozing).map(([session]) => session);
  }

  /** What is known of one session; undefined where it is over, as far as the leader has decided. */
  explain(session: SessionId): TrackedSession | undefined {
    const tracked = this.#sessions.get(session);
    if (tracked === undefined) return undefined;
    const { owner, heardMs, bucket } = tracked;
    const heardAgoMs = heardMs === undefined ? undefined : this.#clockMs - heardMs;
    return { owner, heardAgoMs, leftMs: Math.max(0, bucket * EXPIRY_BUCKET_MS - this.#clockMs) };
  }

  /** How long each session may be silent from now on. */
  left(): readonly SessionLeft[] {
    return [...this.#sessions]
      .filter(([, { isDozing }]) => !isDozing)
      .map(([session, { bucket }]) => {
        return { session, leftMs: Math.max(0, bucket * EXPIRY_BUCKET_MS - this.#clockMs) };
      });
  }

  /**
   * What was left of a session's time when the ensemble fell asleep is left now, less what has passed since, and a
   * grace at least. One that was heard of under this leader keeps what that gave it, and none gets more than it has.
   */
  resume({ session, leftMs }: SessionLeft, elapsedMs: number): void {
    const tracked = this.#sessions.get(session);
    if (tracked === undefined || tracked.heardMs !== undefined) return;
    const dueMs = this.#clockMs + Math.max(leftMs - elapsedMs, this.#lostGraceMs);
    const bucket = Math.max(this.#nextBucket, Math.ceil(dueMs / EXPIRY_BUCKET_MS));
    if (bucket < tracked.bucket) this.#arm(session, tracked, bucket);
  }

  /** The session's client attached at `owner`: its timeout starts again, older connections lose it. */
  attach(owned: OwnedSession, owner: Sid): Sid | undefined {
    const tracked = this.#sessions.get(owned.session);
    if (tracked === undefined) return undefined;
    const before = tracked.owner;
    this.#own(tracked, owned, owner);
    // Its client is here and nowhere else: a shorter timeout may bring its end nearer.
    this.#arm(owned.session, tracked, this.#dueBucket(tracked));
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
    this.#own(tracked, owned, owner);
    // It may have been elsewhere until just now, at a replica that this leader does not know of.
    this.#extend(owned.session, tracked);
    return true;
  }

  /** When sessions expire where nothing more is heard of them, soonest first; at the earliest, by `nowMs`'s clock. */
  expiries(nowMs: number): readonly { readonly atMs: number; readonly items: readonly SessionId[] }[] {
    const filled = [...this.#buckets].filter(([, sessions]) => sessions.size > 0);
    return filled
      .sort(([a], [b]) => a - b)
      .map(([bucket, sessions]) => ({
        atMs: nowMs + bucket * EXPIRY_BUCKET_MS - this.#clockMs,
        items: [...sessions],
      }));
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
    const due = Math.floor(this.horizonMs / EXPIRY_BUCKET_MS);
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

  #own(tracked: Tracked, owned: OwnedSession, owner: Sid): void {
    tracked.heardMs = this.#clockMs;
    tracked.isDozing = false;
    tracked.owner = owner;
    tracked.generation = owned.generation;
    tracked.timeoutMs = owned.timeoutMs;
  }

  /** Rounded up to the next bucket: the silence has lasted the whole timeout when the bucket is due. */
  #dueBucket({ timeoutMs, owner }: Tracked): number {
    const isHeard = owner !== undefined && this.#covered.has(owner);
    const deadlineMs = this.#clockMs + timeoutMs + (isHeard ? 0 : this.#lostGraceMs);
    return Math.max(this.#nextBucket, Math.ceil(deadlineMs / EXPIRY_BUCKET_MS));
  }

  #extend(session: SessionId, tracked: Tracked): void {
    this.#arm(session, tracked, Math.max(tracked.bucket, this.#dueBucket(tracked)));
  }

  #arm(session: SessionId, tracked: Tracked, bucket: number): void {
    if (bucket === tracked.bucket) return;
    this.#buckets.get(tracked.bucket)?.delete(session);
    tracked.bucket = bucket;
    const members = this.#buckets.get(bucket);
    if (members === undefined) this.#buckets.set(bucket, new Set([session]));
    else members.add(session);
  }
}
