/** Locks that stay closed after their holders have vanished, and locks that an operator takes away. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid } from "../../src/base/zxid.ts";
import type { QueuedContender } from "../../src/keeper/call.ts";
import { acquire, type Lease, leaseOf, release, renew } from "./lock-caller.ts";
import { call, create, openSession, type TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const LOCK = "/locks/a";
const POOL = "/semaphores/pool";
const TTL_MS = 4000;
const DELAY_MS = 5000;
/** A session is over about so much after its timeout: twice, as the delay is one too. */
const LATE_MS = 2 * 1200;

interface Setting {
  readonly world: World;
  readonly leader: Sid;
  readonly follower: Sid;
}

function served(seed = 1, isAudited = false): Setting {
  const world = new World({ voters: 3, seed, isAudited }).startAll();
  const leader = world.untilServing();
  const [follower = 0] = world.sids.filter((sid) => sid !== leader);
  return { world, leader, follower };
}

function held(asked: TestCall, limitMs?: number): Lease {
  return leaseOf(asked.answered(limitMs));
}

function queue(world: World, sid: Sid, path = LOCK): readonly QueuedContender[] {
  const of = path === LOCK ? "lock" : "semaphore";
  const { response } = call(world, sid, { kind: "queue", of, path, isLinearizable: true }).answered();
  if (response.op !== "queue") throw new Error("no queue");
  return response.contenders;
}

describe("lock-delay", () => {
  it("keeps a lock closed after its lease has expired, for callers and clients of the wire, and no longer", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { lockDelayMs: DELAY_MS }));
    const endMs = world.nowMs + lease.expiresInMs;
    const next = acquire(world, follower, { waitMs: 60_000 });
    world.until(
      "the lease is over",
      () => world.tree(leader).sessions.get(lease.session.session) === undefined,
    );
    const closed = queue(world, follower);
    expect(closed).toMatchObject([
      { isPlaceholder: true, isHolder: false, name: "closed-lock-0000000000" },
      { isPlaceholder: false, isHolder: false },
    ]);
    expect(acquire(world, leader).answered().code).toBe(ERROR_CODES.lockHeld);
    const guard = { kind: "held", path: LOCK, token: lease.token } as const;
    const late = transact({ operations: [create("/late")], guards: [guard] });
    expect(call(world, leader, late).answered().code).toBe(ERROR_CODES.notHeld);
    const own = held(next);
    expect(world.nowMs).toBeGreaterThanOrEqual(endMs + DELAY_MS);
    expect(world.nowMs).toBeLessThan(endMs + DELAY_MS + LATE_MS);
    expect(compareZxid(own.token, lease.token)).toBeGreaterThan(0);
    world.untilEqual();
    expect(world.tree(leader).sessions.count).toBe(1);
  });

  it("is none where the lease is given back, or of one that only waited", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { lockDelayMs: DELAY_MS, ttlMs: 60_000 }));
    const gone = acquire(world, follower, { lockDelayMs: DELAY_MS, waitMs: 60_000 });
    world.run(100);
    world.crash(follower);
    expect(gone.ended()).toBe("lost");
    world.run(TTL_MS + 3000);
    expect(queue(world, leader).length).toBe(1);
    release(world, leader, lease.session).answered();
    held(acquire(world, leader));
  });

  it.each(Array.from({ length: 12 }, (_, at) => at))(
    "is kept by the next leader, wherever in it the leader dies, and the lock is never free before, %d",
    (seed) => {
      const { world, leader, follower } = served(seed);
      const lease = held(acquire(world, follower, { lockDelayMs: DELAY_MS }));
      const endMs = world.nowMs + lease.expiresInMs;
      world.until("it is about to end", () => world.nowMs >= endMs);
      const rival = acquire(world, follower, { waitMs: 60_000 });
      const isOver = (): boolean => world.tree(leader).sessions.get(lease.session.session) === undefined;
      if (seed % 3 !== 0) world.until("the lease is over", isOver);
      world.run(seed % 3 === 1 ? world.rng.below(40) : world.rng.below(2000));
      world.crash(leader);
      world.run(500);
      world.startAll();
      held(rival, 60_000);
      expect(world.nowMs).toBeGreaterThanOrEqual(endMs + DELAY_MS);
      world.untilEqual();
      expect(queue(world, follower).filter(({ isPlaceholder }) => isPlaceholder)).toEqual([]);
    },
  );

  it("keeps a permit from those that want one", () => {
    const { world, leader, follower } = served();
    const asked = { path: POOL, mode: "permit", permits: 1, lockDelayMs: DELAY_MS } as const;
    const waited = acquire(world, leader, { ...asked, waitMs: 60_000 });
    const lease = held(waited);
    const endMs = world.nowMs + lease.expiresInMs;
    const next = acquire(world, follower, { ...asked, waitMs: 60_000 });
    world.until(
      "the lease is over",
      () => world.tree(leader).sessions.get(lease.session.session) === undefined,
    );
    expect(queue(world, leader, POOL)).toMatchObject([{ isPlaceholder: true }, { isHolder: false }]);
    // This one has waited: its znode was moved, and has its delay still.
    const second = held(next);
    expect(world.nowMs).toBeGreaterThanOrEqual(endMs + DELAY_MS);
    const againMs = world.nowMs + TTL_MS - 200 + DELAY_MS;
    held(acquire(world, follower, { ...asked, waitMs: 60_000 }));
    expect(world.nowMs).toBeGreaterThanOrEqual(againMs);
    expect(second.session.session).not.toBe(lease.session.session);
  });

  it("lets readers stand beside a reader that has vanished, and no writer", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { mode: "read", lockDelayMs: DELAY_MS }));
    world.until(
      "the lease is over",
      () => world.tree(leader).sessions.get(lease.session.session) === undefined,
    );
    const reader = held(acquire(world, follower, { mode: "read" }));
    expect(acquire(world, follower, { mode: "write" }).answered().code).toBe(ERROR_CODES.lockHeld);
    world.run(DELAY_MS + LATE_MS - TTL_MS);
    renew(world, follower, reader.session).answered();
    expect(queue(world, follower).length).toBe(2);
    world.run(TTL_MS - 1000);
    expect(queue(world, follower).length).toBe(1);
  });

  it("is had by a client of the wire that names its znode so, for so many znodes", () => {
    const { world, leader, follower } = served();
    const session = openSession(world, leader, TTL_MS);
    call(world, leader, { kind: "write", request: create("/locks") }).answered();
    for (let nth = 0; nth < 70; nth++) {
      call(world, leader, { kind: "write", request: create(`/locks/${nth}`) }).answered();
      const request = create(`/locks/${nth}/x-delay999999-lock-`, "", 3);
      call(world, leader, { kind: "write", request }, { session }).answered();
    }
    world.until("its session is over", () => world.tree(leader).sessions.get(session.session) === undefined);
    const sessions = [...world.tree(leader).sessions.values()];
    expect(sessions.length).toBe(64);
    expect(new Set(sessions.map(({ timeoutMs }) => timeoutMs))).toEqual(new Set([60_000]));
    expect(acquire(world, follower, { path: "/locks/10" }).answered().code).toBe(ERROR_CODES.lockHeld);
  });
});

describe("a forced release", () => {
  const force = (world: World, sid: Sid, token: Zxid, path = LOCK): TestCall =>
    call(world, sid, { kind: "forceRelease", path, token });

  it("takes the lock from its holder, who cannot use it any more, and gives it to the next under a larger token", () => {
    const { world, leader, follower } = served(1, true);
    const lease = held(acquire(world, leader, { lockDelayMs: DELAY_MS, ttlMs: 60_000 }));
    const next = acquire(world, follower, { waitMs: 30_000, ttlMs: 60_000 });
    world.run(200);
    const [, waiter] = queue(world, leader);
    expect(force(world, follower, waiter?.token ?? lease.token).answered().code).toBe(ERROR_CODES.notHeld);
    expect(force(world, follower, lease.token).answered().code).toBe(0);
    const own = held(next);
    expect(compareZxid(own.token, lease.token)).toBeGreaterThan(0);
    expect(renew(world, leader, lease.session).answered().code).toBe(ERROR_CODES.leaseOver);
    expect(force(world, leader, lease.token).answered().code).toBe(ERROR_CODES.notHeld);
    expect(renew(world, leader, own.session).answered().code).toBe(0);
    const lines = world.replica(follower).log.filter((line) => line.includes("operation=forceRelease"));
    expect(lines).toEqual([
      expect.stringMatching(/operation=forceRelease.*result=failure/) as string,
      expect.stringMatching(/operation=forceRelease\tznode=\/locks\/a\/_c_.*result=success/) as string,
    ]);
  });

  it("opens a lock that is closed for its delay, and takes permits as well as locks of the wire", () => {
    const { world, leader, follower } = served();
    const lease = held(acquire(world, leader, { lockDelayMs: 60_000 }));
    world.until(
      "the lease is over",
      () => world.tree(leader).sessions.get(lease.session.session) === undefined,
    );
    const [closed] = queue(world, leader);
    expect(force(world, leader, closed?.token ?? lease.token).answered().code).toBe(0);
    held(acquire(world, follower));
    const permit = held(acquire(world, leader, { path: POOL, mode: "permit", permits: 1 }));
    expect(force(world, follower, permit.token, POOL).answered().code).toBe(0);
    const session = openSession(world, leader, 20_000);
    call(world, leader, { kind: "write", request: create("/wire") }).answered();
    const request = create("/wire/u__lock__", "", 3);
    const { zxid } = call(world, leader, { kind: "write", request }, { session }).answered();
    expect(force(world, follower, zxid, "/wire").answered().code).toBe(0);
    world.untilEqual();
    expect(world.tree(leader).childNames("/wire")).toEqual([]);
  });
});
