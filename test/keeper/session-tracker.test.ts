import { describe, expect, it } from "vitest";
import { EXPIRY_BUCKET_MS } from "../../src/keeper/limits.ts";
import type { OwnedSession } from "../../src/keeper/link-message.ts";
import { SessionTracker } from "../../src/keeper/session-tracker.ts";

const TIMEOUT_MS = 4000;
const GRACE_MS = 1500;

/** A tracker, its time, and replicas that answer at once when they do. */
class Subject {
  readonly tracker = new SessionTracker({ nowMs: 0, lostGraceMs: GRACE_MS });
  readonly expiredAt: Map<bigint, number> = new Map();
  nowMs = 0;

  constructor(...replicas: readonly number[]) {
    for (const sid of replicas) this.tracker.join(sid);
  }

  /** Lets time pass while these replicas tell whom they heard: nobody. */
  run(durationMs: number, ...telling: readonly number[]): this {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs;) {
      this.nowMs += 50;
      for (const session of this.tracker.advance(this.nowMs)) this.expiredAt.set(session, this.nowMs);
      for (const sid of telling) this.tracker.covered(sid, this.tracker.clockMs);
    }
    return this;
  }

  lifetimeMs(session: bigint): number | undefined {
    return this.expiredAt.get(session);
  }
}

function owned(session: bigint, counter: number, timeoutMs = TIMEOUT_MS): OwnedSession {
  return { session, generation: { epoch: 1, counter }, timeoutMs };
}

describe("when a session is over", () => {
  it("its timeout has passed, rounded up to a bucket, and the next tick sees it", () => {
    const subject = new Subject(2);
    subject.tracker.add(1n, TIMEOUT_MS, 2);
    subject.run(20_000, 2);

    expect(subject.lifetimeMs(1n)).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(subject.lifetimeMs(1n)).toBeLessThanOrEqual(TIMEOUT_MS + EXPIRY_BUCKET_MS + 50);
  });

  it("every replica that serves has told whom it heard until then, its owner and all others", () => {
    for (const [silent, telling] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const subject = new Subject(2, 3);
      subject.tracker.add(1n, TIMEOUT_MS, 2);
      subject.run(20_000, telling);
      expect(subject.expiredAt.size).toBe(0);
      subject.tracker.covered(silent, TIMEOUT_MS - 1);
      expect(subject.tracker.advance(subject.nowMs)).toEqual([]);
      subject.tracker.covered(silent, TIMEOUT_MS);

      expect(subject.tracker.advance(subject.nowMs)).toEqual([1n]);
    }
  });

  it("an answer that is older than one before, or ahead of the clock, tells nothing", () => {
    const subject = new Subject(2);
    subject.tracker.add(1n, TIMEOUT_MS, 2);
    subject.tracker.covered(2, 1_000_000);
    subject.run(10_000);
    expect(subject.expiredAt.size).toBe(0);
    subject.tracker.covered(2, 9000);
    subject.tracker.covered(2, 10);

    expect(subject.tracker.advance(subject.nowMs)).toEqual([1n]);
  });

  it("a word that comes late counts from when it comes", () => {
    const subject = new Subject(2);
    subject.tracker.add(1n, TIMEOUT_MS, 2);
    subject.run(6000);
    subject.tracker.touch(1n);
    subject.run(20_000, 2);

    expect(subject.lifetimeMs(1n)).toBeGreaterThanOrEqual(6000 + TIMEOUT_MS);
  });
});

describe("a replica that is lost", () => {
  it("holds up no session of others, and leaves its own their timeout again and the time it may not have noticed", () => {
    const subject = new Subject(2, 3);
    subject.tracker.add(1n, TIMEOUT_MS, 2);
    subject.tracker.add(2n, TIMEOUT_MS, 3);
    subject.run(1000, 2);
    subject.tracker.leave(3);
    subject.run(20_000, 2);

    expect(subject.lifetimeMs(1n)).toBeLessThanOrEqual(TIMEOUT_MS + EXPIRY_BUCKET_MS + 50);
    expect(subject.lifetimeMs(2n)).toBeGreaterThanOrEqual(1000 + TIMEOUT_MS + GRACE_MS);
    expect(subject.lifetimeMs(2n)).toBeLessThanOrEqual(1000 + TIMEOUT_MS + GRACE_MS + EXPIRY_BUCKET_MS + 50);
  });

  it("that says hello again with its clients takes none of that time from them; one that attaches does", () => {
    const subject = new Subject(2, 3);
    for (const session of [1n, 2n]) subject.tracker.add(session, TIMEOUT_MS, 2);
    subject.tracker.leave(2);
    subject.tracker.join(2);
    expect(subject.tracker.claim(owned(1n, 0), 2)).toBe(true);
    expect(subject.tracker.attach(owned(2n, 5), 3)).toBe(2);
    subject.run(20_000, 2, 3);

    expect(subject.lifetimeMs(1n)).toBeGreaterThanOrEqual(TIMEOUT_MS + GRACE_MS);
    expect(subject.lifetimeMs(2n)).toBeLessThanOrEqual(TIMEOUT_MS + EXPIRY_BUCKET_MS + 50);
  });
});

describe("attachments", () => {
  it("the timeout agreed on last is the one that counts, longer or shorter", () => {
    const subject = new Subject(2);
    for (const session of [1n, 2n]) subject.tracker.add(session, TIMEOUT_MS, 2);
    subject.tracker.attach(owned(1n, 5, 1000), 2);
    subject.tracker.attach(owned(2n, 6, 8000), 2);
    subject.run(20_000, 2);

    expect(subject.lifetimeMs(1n)).toBeLessThanOrEqual(1000 + EXPIRY_BUCKET_MS + 50);
    expect(subject.lifetimeMs(2n)).toBeGreaterThanOrEqual(8000);
  });

  it("a session that ended is nobody's", () => {
    const subject = new Subject(2);
    subject.tracker.add(1n, TIMEOUT_MS, 2);
    subject.tracker.remove(1n);
    subject.tracker.touch(1n);

    expect(subject.tracker.attach(owned(1n, 5), 2)).toBeUndefined();
    expect(subject.tracker.claim(owned(1n, 5), 2)).toBe(false);
    expect([subject.tracker.size, subject.tracker.ownerOf(1n)]).toEqual([0, undefined]);
    expect(subject.run(20_000, 2).expiredAt.size).toBe(0);
  });
});
