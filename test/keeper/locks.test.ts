/** Locks of callers without a connection: fairness, fencing, and every way to lose a caller, an answer or a replica. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import { LOCK_PROBE_MS } from "../../src/keeper/limits.ts";
import { compareZxid, type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { CallAnswer, CallSession } from "../../src/keeper/call.ts";
import { type Acquire, acquire, type Lease, leaseOf, release, renew } from "./lock-caller.ts";
import { call, create, keyOf, openSession, readText, type TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const LOCK = "/locks/a";
const TTL_MS = 4000;

interface Setting {
  readonly world: World;
  readonly leader: Sid;
  readonly follower: Sid;
  readonly other: Sid;
}

function served(seed = 1): Setting {
  const world = new World({ voters: 3, seed }).startAll();
  const leader = world.untilServing();
  const [follower = 0, other = 0] = world.sids.filter((sid) => sid !== leader);
  return { world, leader, follower, other };
}

function queue(world: World, sid: Sid): readonly string[] {
  return world.tree(sid).childNames(LOCK);
}

function held(asked: TestCall, limitMs?: number): Lease {
  return leaseOf(asked.answered(limitMs));
}

describe("a lock", () => {
  it("is held by one transaction that makes session and znode, named as Curator's", () => {
    const { world, leader, follower } = served();
    const before = world.tree(leader).lastApplied.counter;
    const lease = held(acquire(world, follower));

    expect(lease.token.counter).toBe(before + 1);
    expect(lease.expiresInMs).toBe(TTL_MS);
    world.untilEqual();
    expect(queue(world, leader)).toEqual([expect.stringMatching(/^_c_[0-9a-f-]{36}-lock-0000000000$/)]);
    expect(world.tree(leader).sessions.get(lease.session.session)).toMatchObject({ timeoutMs: TTL_MS });
  });

  it("takes no place, and makes no session, where it is not free and nobody wants to wait", () => {
    const { world, leader, follower } = served();
    held(acquire(world, leader));
    const sessions = world.tree(leader).sessions.count;
    expect(acquire(world, follower).answered().code).toBe(ERROR_CODES.lockHeld);
    expect(world.tree(leader).sessions.count).toBe(sessions);
    expect(queue(world, leader).length).toBe(1);
  });

  it("goes to those that wait in their order, with tokens that grow, and time that holds from when they asked", () => {
    const { world, follower, leader } = served();
    let lease = held(acquire(world, leader));
    const waiting: { readonly asked: TestCall; readonly sentMs: number }[] = [];
    for (let nth = 0; nth < 6; nth++) {
      const sid = world.sids[nth % 3] ?? 0;
      waiting.push({ asked: acquire(world, sid, { waitMs: 60_000 }), sentMs: world.nowMs });
      world.run(30);
    }
    for (const [nth, { asked, sentMs }] of waiting.entries()) {
      world.run(500);
      expect(waiting.slice(nth).every(({ asked: { answer } }) => answer === undefined)).toBe(true);
      expect(release(world, follower, lease.session).answered().code).toBe(0);
      const next = held(asked);
      expect(compareZxid(next.token, lease.token)).toBeGreaterThan(0);
      const endMs = sentMs + next.expiresInMs;
      expect(endMs).toBeGreaterThan(world.nowMs + TTL_MS - 200);
      world.until("it ends", () => world.nowMs >= endMs - 1);
      expect(renew(world, follower, next.session).answered().code).toBe(0);
      lease = next;
    }
  });

  it("is given back once: neither released nor renewed twice, nor under another lock's lease", () => {
    const { world, leader } = served();
    const lease = held(acquire(world, leader));
    const other = held(acquire(world, leader, { path: "/locks/b" }));
    expect(release(world, leader, other.session).answered().code).toBe(ERROR_CODES.leaseOver);
    expect(release(world, leader, lease.session).answered().code).toBe(0);
    expect(release(world, leader, lease.session).answered().code).toBe(ERROR_CODES.sessionExpired);
    expect(renew(world, leader, lease.session).answered().code).toBe(ERROR_CODES.sessionExpired);
  });

  it("is freed when its holder vanishes without a word, after its time and not before", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader));
    const endMs = world.nowMs + lease.expiresInMs;
    const next = acquire(world, follower, { waitMs: 60_000 });
    const token = held(next).token;
    expect(world.nowMs).toBeGreaterThanOrEqual(endMs);
    expect(world.nowMs).toBeLessThan(endMs + 2500);
    expect(compareZxid(token, lease.token)).toBeGreaterThan(0);
  });

  it("is shared by readers, and by nobody with a writer", () => {
    const { world, leader, follower } = served();
    const readers = [1, 2].map(() => held(acquire(world, leader, { mode: "read" })));
    expect(acquire(world, leader, { mode: "write" }).answered().code).toBe(ERROR_CODES.lockHeld);
    const writer = acquire(world, follower, { mode: "write", waitMs: 30_000 });
    world.run(100);
    const late = acquire(world, leader, { mode: "read", waitMs: 30_000 });
    world.run(500);
    expect([writer.answer, late.answer]).toEqual([undefined, undefined]);
    for (const { session } of readers) release(world, leader, session).answered();
    const own = held(writer);
    world.run(500);
    expect(late.answer).toBeUndefined();
    release(world, leader, own.session).answered();
    held(late);
  });

  it("is the lock of those that come by the wire", () => {
    const { world, leader, follower } = served();
    const session = openSession(world, leader, 10_000);
    const first = held(acquire(world, leader));
    const curator = { kind: "write", request: create(`${LOCK}/_c_uuid-lock-`, "", 3) } as const;
    const { response } = call(world, leader, curator, { session }).answered();
    const kazoo = { kind: "write", request: create(`${LOCK}/uuid__lock__`, "", 3) } as const;
    call(world, leader, kazoo, { session }).answered();
    const last = acquire(world, follower, { waitMs: 30_000 });
    release(world, leader, first.session).answered();
    world.run(1000);
    expect(last.answer).toBeUndefined();
    if (response.op !== "create2") throw new Error("no znode");
    const gone = { kind: "write", request: { op: "delete", path: response.path, version: -1 } } as const;
    call(world, leader, gone).answered();
    world.run(1000);
    expect(last.answer).toBeUndefined();
    call(world, leader, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
    held(last);
  });
});

describe("who waits for a lock", () => {
  it("gives up its place when its time is over, and is told so then", () => {
    const { world, leader, follower } = served();
    held(acquire(world, leader));
    const answer = acquire(world, follower, { waitMs: 1000 }).answered();
    expect(answer).toMatchObject({ code: ERROR_CODES.lockTimeout, response: { op: "queued", ahead: 1 } });
    world.untilEqual();
    expect(queue(world, leader).length).toBe(1);
    expect(world.tree(leader).sessions.count).toBe(1);
  });

  it.each([0, 3, 8, 15, 40, 300])("is skipped where it hangs up after %d ms", (afterMs) => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader));
    const gone = acquire(world, follower, { waitMs: 60_000 });
    world.run(afterMs);
    gone.hangUp();
    world.run(1000);
    const next = acquire(world, follower, { waitMs: 60_000 });
    expect(queue(world, leader).length).toBeLessThanOrEqual(2);
    release(world, leader, lease.session).answered();
    const atMs = world.nowMs;
    held(next);
    expect(world.nowMs - atMs).toBeLessThan(200);
  });

  it.each(Array.from({ length: 40 }, (_, at) => at))(
    "is skipped where it hangs up %d ms into its turn",
    (afterMs) => {
      const { world, leader, follower } = served(afterMs);
      const lease = held(acquire(world, leader));
      const key = afterMs % 2 === 0 ? keyOf("k") : undefined;
      const gone = acquire(world, follower, { waitMs: 60_000, key });
      world.run(100);
      const next = acquire(world, follower, { waitMs: 60_000 });
      world.run(100);
      release(world, leader, lease.session);
      world.run(afterMs);
      // Its answer may be on the way: lost with the caller it is as good as told.
      const wasTold = world.keeper(follower).status().calls < 2;
      if (!wasTold) gone.hangUp();
      const atMs = world.nowMs;
      held(next);
      // Who was told, and is silent, has its time.
      if (!wasTold) expect(world.nowMs - atMs).toBeLessThan(300);
      else expect(world.nowMs - atMs).toBeGreaterThan(TTL_MS - 300);
    },
  );

  it("is written to before it is told, where that is asked for, and is skipped where it hangs up at that", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader));
    const gone = acquire(world, follower, { waitMs: 60_000, isProbed: true });
    world.run(100);
    const next = acquire(world, follower, { waitMs: 60_000, isProbed: true });
    world.run(100);
    release(world, leader, lease.session).answered();
    world.until("it is written to", () => world.replica(follower).probed.has(gone.id));
    expect(gone.answer).toBeUndefined();
    gone.hangUp();
    const atMs = world.nowMs;
    const own = held(next);
    expect(world.nowMs - atMs).toBeGreaterThanOrEqual(LOCK_PROBE_MS);
    expect(world.nowMs - atMs).toBeLessThan(500);
    expect(renew(world, leader, own.session).answered().code).toBe(0);
  });

  it("waits on over a change of leader, its session alive however long that is", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, follower, { ttlMs: 3000 }));
    const asked = acquire(world, follower, { waitMs: 60_000, ttlMs: 3000 });
    for (let round = 0; round < 8; round++) {
      world.run(1000);
      expect(renew(world, follower, lease.session).answered().code).toBe(0);
      if (round === 3) world.crash(leader);
      if (round === 5) world.startAll();
    }
    expect(asked.answer).toBeUndefined();
    release(world, follower, lease.session).answered();
    held(asked);
  });

  it("is skipped when its replica has died, once its session is over", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { ttlMs: 20_000 }));
    const lost = acquire(world, follower, { waitMs: 60_000 });
    world.run(100);
    const next = acquire(world, leader, { waitMs: 60_000 });
    world.crash(follower);
    expect(lost.ended()).toBe("lost");
    world.run(TTL_MS + 2500);
    release(world, leader, lease.session).answered();
    const atMs = world.nowMs;
    held(next);
    expect(world.nowMs - atMs).toBeLessThan(200);
  });

  it("is told that its place is lost, where its session ended while its replica was cut off, and never that it holds", () => {
    const { world, leader, follower, other } = served();
    const lease = held(acquire(world, leader, { ttlMs: 60_000 }));
    const asked = acquire(world, follower, { waitMs: 60_000, key: keyOf("k") });
    world.run(200);
    world.cut(follower);
    world.until("its session is over", () => queue(world, leader).length === 1, 20_000);
    release(world, leader, lease.session).answered();
    const rival = held(acquire(world, other, { ttlMs: 60_000 }));
    world.heal();
    expect(asked.answered(60_000).code).toBe(ERROR_CODES.leaseOver);
    expect(renew(world, leader, rival.session).answered().code).toBe(0);
  });

  it.each(Array.from({ length: 20 }, (_, at) => at))(
    "that is first as its session ends is told the truth, %d",
    (at) => {
      const { world, leader, follower } = served(at);
      const lease = held(acquire(world, leader, { ttlMs: 60_000 }));
      const asked = acquire(world, follower, { waitMs: 60_000 });
      world.run(200);
      // Nobody but the test says when it ends: some milliseconds before or behind its turn.
      const [, own = ""] = queue(world, leader);
      const owner = world.tree(leader).get(`${LOCK}/${own}`)?.owner;
      const session = owner?.mode === "ephemeral" ? owner.session : 0n;
      const password = world.tree(leader).sessions.get(session)?.password ?? new Uint8Array();
      const end = (): TestCall => release(world, leader, { session, password });
      const ends = at < 10 ? [end()] : [];
      world.run(at % 10);
      ends.push(release(world, leader, lease.session));
      world.run(at);
      if (at >= 10) ends.push(end());
      const answer = asked.answered();
      for (const one of ends) one.answered();
      world.untilEqual();
      if (answer.code === 0)
        expect(renew(world, leader, leaseOf(answer).session).answered().code).not.toBe(0);
      else expect(answer.code).toBe(ERROR_CODES.leaseOver);
      expect(queue(world, leader)).toEqual([]);
    },
  );

  it("is told that nobody knows where its replica has no leader any more, and holds nothing afterwards", () => {
    const { world, leader, follower, other } = served();
    held(acquire(world, leader, { ttlMs: 30_000 }));
    const asked = acquire(world, follower, { waitMs: 2000 });
    world.run(100);
    world.crash(leader);
    world.crash(other);
    expect(asked.ended()).toEqual({ kind: "undecided" });
    world.startAll();
    world.untilEqual();
    world.until("its place is given up", () => queue(world, follower).length <= 1, 10_000);
  });
});

describe("an acquire under a key", () => {
  const key = keyOf("job-1");

  it("finds the lease that it was given, by any replica, with its whole time again", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, follower, { key }));
    world.run(2000);
    const again = held(acquire(world, leader, { key }));
    expect(again).toEqual({ ...lease, expiresInMs: again.expiresInMs });
    expect(again.expiresInMs).toBeGreaterThanOrEqual(TTL_MS);
    world.untilEqual();
    expect(queue(world, leader).length).toBe(1);
  });

  it("takes its place along to another replica, where its own has died", () => {
    const { world, leader, follower, other } = served();
    const lease = held(acquire(world, leader, { ttlMs: 30_000 }));
    const first = acquire(world, follower, { waitMs: 60_000, key });
    world.run(100);
    const rival = acquire(world, leader, { waitMs: 60_000 });
    world.run(100);
    world.crash(follower);
    expect(first.ended()).toBe("lost");
    const again = acquire(world, other, { waitMs: 60_000, key });
    world.run(10_000);
    release(world, leader, lease.session).answered();
    const own = held(again);
    expect(rival.answer).toBeUndefined();
    release(world, leader, own.session).answered();
    held(rival);
  });

  it("has one place, which the latest request alone is told of: an earlier one is superseded", () => {
    const { world, leader, follower, other } = served();
    const lease = held(acquire(world, leader));
    const first = acquire(world, follower, { waitMs: 60_000, key });
    world.run(100);
    const second = acquire(world, other, { waitMs: 60_000, key });
    world.run(100);
    expect(queue(world, leader).length).toBe(2);
    release(world, leader, lease.session).answered();
    const own = held(second);
    expect(first.answered().code).toBe(ERROR_CODES.superseded);
    world.run(500);
    expect(renew(world, leader, own.session).answered().code).toBe(0);
  });

  it.each(Array.from({ length: 40 }, (_, at) => at))(
    "is not lost by its earlier request's late end, %d",
    (seed) => {
      const { world, leader, follower, other } = served(seed);
      const lease = held(acquire(world, leader, { ttlMs: 20_000 }));
      const first = acquire(world, follower, { waitMs: 60_000, key });
      world.run(100);
      const second = acquire(world, other, { waitMs: 60_000, key });
      world.run(world.rng.below(30));
      release(world, leader, lease.session);
      world.run(world.rng.below(30));
      first.hangUp();
      const own = held(second);
      world.run(1000);
      expect(renew(world, leader, own.session).answered().code).toBe(0);
      expect(queue(world, leader).length).toBe(1);
    },
  );

  it("is over with its lease: a request that comes late takes nothing", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, follower, { key }));
    release(world, follower, lease.session).answered();
    expect(acquire(world, leader, { key }).answered().code).toBe(ERROR_CODES.leaseOver);
    world.untilEqual();
    expect(queue(world, leader)).toEqual([]);
    expect(world.tree(leader).sessions.count).toBe(0);
  });

  it("begins anew where its place was given up, by hanging up or waiting too long", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { ttlMs: 20_000 }));
    const late = acquire(world, follower, { waitMs: 500, key });
    expect(late.answered().code).toBe(ERROR_CODES.lockTimeout);
    const gone = acquire(world, follower, { waitMs: 60_000, key });
    world.run(200);
    gone.hangUp();
    world.run(200);
    expect(queue(world, leader).length).toBe(1);
    release(world, leader, lease.session).answered();
    held(acquire(world, follower, { key }));
  });

  it("stands for one lock alone", () => {
    const { world, leader } = served();
    held(acquire(world, leader, { key }));
    const other = { ...key, fingerprint: "g" };
    const asked = acquire(world, leader, { path: "/locks/b", key: other });
    expect(asked.answered().code).toBe(ERROR_CODES.keyReused);
  });
});

describe("a write that a lock guards", () => {
  const guarded = (path: string, token: Zxid): Parameters<typeof call>[2] =>
    transact({ operations: [create(path)], guards: [{ kind: "held", path: LOCK, token }] });

  it("is done while the lock is held under that token, and not a moment longer", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader));
    const next = acquire(world, follower, { waitMs: 30_000 });
    world.run(100);
    const [, second = ""] = queue(world, leader);
    const waiterToken = world.tree(leader).get(`${LOCK}/${second}`)?.czxid ?? lease.token;
    expect(call(world, follower, guarded("/a", lease.token)).answered().response.op).toBe("multi");
    expect(call(world, leader, guarded("/b", waiterToken)).answered().code).toBe(ERROR_CODES.notHeld);
    // Both are on their way to the leader: the release comes first.
    const released = release(world, leader, lease.session);
    const late = call(world, leader, guarded("/c", lease.token));
    expect(released.answered().code).toBe(0);
    expect(late.answered().code).toBe(ERROR_CODES.notHeld);
    expect(held(next).token).toEqual(waiterToken);
    expect(readText(world, leader, "/c", { isLinearizable: true }).text).toBeUndefined();
  });
});

/** A lease as its caller was told of it, once or more often: from when, and until when at the latest. */
interface Tenure {
  readonly token: Zxid;
  readonly fromMs: number;
  untilMs: number;
  isGivenBack: boolean;
}

describe("random callers", () => {
  it.each(Array.from({ length: 25 }, (_, seed) => seed))(
    "never hold the lock two at a time, over crashes, hang-ups and retries, and get it in the end, seed %d",
    (seed) => {
      const { world } = served(seed + 100);
      const tenures = new Map<string, Tenure>();
      const run = { world, tenures };
      for (let nth = 0; nth < 12; nth++) begin(run, nth);
      for (let round = 0; round < 8; round++) {
        world.run(500 + world.rng.below(3000));
        const victim = world.sids[world.rng.below(3)] ?? 0;
        world.crash(victim);
        world.run(200 + world.rng.below(2000));
        world.startAll();
      }
      world.untilServing();
      world.untilEqual();
      world.run(40_000);
      expect(held(acquire(world, 1, { waitMs: 60_000 }), 60_000)).toBeDefined();
      const ordered = [...tenures.values()].toSorted((a, b) => compareZxid(a.token, b.token));
      expect(ordered.length).toBeGreaterThan(3);
      for (const [at, { fromMs }] of ordered.entries()) {
        const before = ordered[at - 1];
        if (before !== undefined) expect(fromMs).toBeGreaterThanOrEqual(before.untilMs);
      }
    },
  );
});

/** A caller that acquires, works, and releases or vanishes; whose answer may be lost; who may hang up and ask again. */
function begin(run: { readonly world: World; readonly tenures: Map<string, Tenure> }, nth: number): void {
  const { world, tenures } = run;
  const isKeyed = nth % 3 !== 0;
  const options = { waitMs: 20_000, ttlMs: 3000, key: isKeyed ? keyOf(`k${nth}`) : undefined };
  const ask = (tries: number): void => {
    const up = world.sids.filter((sid) => world.replica(sid).keeper !== undefined);
    const sid = up[world.rng.below(up.length)] ?? world.sids[0] ?? 1;
    const sentMs = world.nowMs;
    const asked: Acquire = options;
    const made = acquire(world, sid, asked, (answer) => told(answer, sentMs, tries));
    if (world.rng.below(4) !== 0) return;
    world.later(world.rng.below(4000), () => {
      if (made.answer !== undefined) return;
      made.hangUp();
      if (isKeyed && tries > 0) ask(tries - 1);
    });
  };
  const told = (answer: CallAnswer | "lost", sentMs: number, tries: number): void => {
    if (answer === "lost" || answer.kind !== "answered" || answer.code !== 0) {
      if (tries > 0) world.later(100 + world.rng.below(500), () => ask(tries - 1));
      return;
    }
    const { token, expiresInMs, session } = leaseOf(answer);
    const before = tenures.get(zxidText(token));
    // Its own earlier request was told, and has given it back since: nobody works under it any more.
    if (before?.isGivenBack === true) return;
    const untilMs = Math.max(before?.untilMs ?? 0, sentMs + expiresInMs);
    const tenure = { token, fromMs: before?.fromMs ?? world.nowMs, untilMs, isGivenBack: false };
    tenures.set(zxidText(token), tenure);
    if (world.rng.below(3) !== 0) world.later(world.rng.below(1500), () => giveBack(session, token));
  };
  const giveBack = (session: CallSession, token: Zxid): void => {
    const tenure = tenures.get(zxidText(token));
    if (tenure === undefined || tenure.isGivenBack) return;
    tenure.untilMs = Math.min(tenure.untilMs, world.nowMs);
    tenure.isGivenBack = true;
    const up = world.sids.find((sid) => world.replica(sid).keeper !== undefined);
    if (up !== undefined) release(world, up, session);
  };
  world.later(world.rng.below(8000), () => ask(4));
}
