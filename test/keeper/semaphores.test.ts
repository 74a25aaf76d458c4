/** Semaphores of callers without a connection: at most N at a time, fair, beside Curator's, over every kind of loss. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { CallAnswer, CallSession } from "../../src/keeper/call.ts";
import { encodePermits } from "../../src/tree/semaphore.ts";
import { type Acquire, acquire, type Lease, leaseOf, release, renew } from "./lock-caller.ts";
import { call, create, keyOf, openSession, type TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const PATH = "/semaphores/pool";
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

function take(world: World, sid: Sid, options: Acquire = {}): TestCall {
  return acquire(world, sid, { path: PATH, mode: "permit", permits: 2, ...options });
}

function held(asked: TestCall, limitMs?: number): Lease {
  return leaseOf(asked.answered(limitMs));
}

function namesIn(world: World, sid: Sid, child: "leases" | "locks"): readonly string[] {
  return world.tree(sid).childNames(`${PATH}/${child}`);
}

describe("a semaphore", () => {
  it("gives as many permits as it has, each by one transaction, in the znodes of Curator's", () => {
    const { world, leader, follower } = served();
    const before = world.tree(leader).lastApplied.counter;
    const first = held(take(world, follower));
    const second = held(take(world, leader));
    expect(second.token.counter).toBe(before + 2);
    expect(take(world, leader).answered().code).toBe(ERROR_CODES.lockHeld);
    world.untilEqual();
    const names = [/^_c_[0-9a-f-]{36}-lease-0000000000$/, /^_c_[0-9a-f-]{36}-lease-0000000001$/];
    const leases = namesIn(world, follower, "leases").toSorted((a, b) =>
      a.slice(-10).localeCompare(b.slice(-10)),
    );
    expect(leases).toEqual(names.map((name) => expect.stringMatching(name) as string));
    expect(world.tree(follower).get(`${PATH}/permits`)?.data).toEqual(encodePermits(2));
    expect(world.tree(leader).sessions.count).toBe(2);
    release(world, leader, first.session, PATH).answered();
    expect(compareZxid(held(take(world, follower)).token, second.token)).toBeGreaterThan(0);
  });

  it("is a matter of agreement: another number of permits is refused, by those that wait as well", () => {
    const { world, leader, follower } = served();
    held(take(world, leader));
    expect(take(world, follower, { permits: 3 }).answered().code).toBe(ERROR_CODES.permitsDiffer);
    const asked = take(world, follower, { permits: 3, waitMs: 5000 }).answered();
    expect(asked.code).toBe(ERROR_CODES.permitsDiffer);
    expect([world.tree(leader).sessions.count, namesIn(world, leader, "locks").length]).toEqual([1, 0]);
    // What is no number of permits is none that anybody could agree to.
    const put = { op: "put", path: `${PATH}/permits`, data: new Uint8Array([2]), acl: [] } as const;
    call(world, leader, transact({ operations: [{ ...put, acl: create("/x").acl }] })).answered();
    expect(take(world, follower).answered().code).toBe(ERROR_CODES.permitsDiffer);
  });

  it("goes to those that wait in their order, with tokens that grow, and time that holds from when they asked", () => {
    const { world, follower, leader } = served();
    const holders = [held(take(world, leader)), held(take(world, leader))];
    const waiting: { readonly asked: TestCall; readonly sentMs: number }[] = [];
    for (let nth = 0; nth < 6; nth++) {
      const sid = world.sids[nth % 3] ?? 0;
      waiting.push({ asked: take(world, sid, { waitMs: 60_000 }), sentMs: world.nowMs });
      world.run(50);
    }
    for (const [nth, { asked, sentMs }] of waiting.entries()) {
      world.run(400);
      for (const { session } of holders) renew(world, leader, session, PATH).answered();
      expect(waiting.slice(nth).every(({ asked: { answer } }) => answer === undefined)).toBe(true);
      const [oldest, ...rest] = holders.splice(0);
      release(
        world,
        follower,
        oldest?.session ?? rest[0]?.session ?? { session: 0n, password: new Uint8Array() },
        PATH,
      );
      const next = held(asked);
      for (const { token } of rest) expect(compareZxid(next.token, token)).toBeGreaterThan(0);
      expect(sentMs + next.expiresInMs).toBeGreaterThan(world.nowMs + TTL_MS - 200);
      expect(sentMs + next.expiresInMs).toBeLessThanOrEqual(world.nowMs + TTL_MS);
      holders.push(...rest, next);
    }
    world.untilEqual();
    expect([namesIn(world, leader, "leases").length, namesIn(world, leader, "locks").length]).toEqual([2, 0]);
  });

  it("has a permit again when its holder vanishes, after its time and not before", () => {
    const { world, leader, follower } = served();
    const lease = held(take(world, leader, { permits: 1 }));
    const endMs = world.nowMs + lease.expiresInMs;
    held(take(world, follower, { permits: 1, waitMs: 60_000 }));
    expect(world.nowMs).toBeGreaterThanOrEqual(endMs);
    expect(world.nowMs).toBeLessThan(endMs + 2500);
  });

  it("lets nobody overtake those that wait, though a permit is free", () => {
    const { world, leader, follower } = served();
    const [first] = [
      held(take(world, leader, { ttlMs: 30_000 })),
      held(take(world, leader, { ttlMs: 30_000 })),
    ];
    // By the wire, at the head of the queue: it takes its time.
    const session = openSession(world, leader, 20_000);
    call(world, leader, { kind: "write", request: { ...create(`${PATH}/locks`), op: "create2" } }).answered();
    const mutex = { kind: "write", request: create(`${PATH}/locks/_c_x-lock-`, "", 3) } as const;
    call(world, leader, mutex, { session }).answered();
    release(world, leader, first?.session ?? session, PATH).answered();
    expect(take(world, follower).answered().code).toBe(ERROR_CODES.lockHeld);
    const asked = take(world, follower, { waitMs: 10_000 });
    world.run(1000);
    expect(asked.answer).toBeUndefined();
    call(world, leader, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
    held(asked);
  });

  it("wakes the first that waits where it gets more permits, who is told that it has stated another number", () => {
    const { world, leader, follower } = served();
    held(take(world, leader, { permits: 1, ttlMs: 30_000 }));
    const asked = take(world, follower, { permits: 1, waitMs: 20_000 });
    world.run(200);
    const put = {
      op: "put",
      path: `${PATH}/permits`,
      data: encodePermits(2),
      acl: create("/x").acl,
    } as const;
    call(world, leader, transact({ operations: [put] })).answered();
    expect(asked.answered().code).toBe(ERROR_CODES.permitsDiffer);
    world.untilEqual();
    expect(namesIn(world, leader, "locks")).toEqual([]);
    held(take(world, follower, { permits: 2 }));
  });
});

describe("Curator's InterProcessSemaphoreV2 on the same path", () => {
  it("counts the permits of callers, and they count its own", () => {
    const { world, leader, follower } = served();
    const lease = held(take(world, leader, { ttlMs: 60_000 }));
    const session = openSession(world, leader, 60_000);
    const write = (request: ReturnType<typeof create>): ReturnType<TestCall["answered"]> =>
      call(world, leader, { kind: "write", request }, { session }).answered();
    write(create(`${PATH}/locks`));
    const mutex = write(create(`${PATH}/locks/_c_u-lock-`, "", 3)).response;
    const permit = write(create(`${PATH}/leases/_c_u-lease-`, "", 3)).response;
    if (mutex.op !== "create2" || permit.op !== "create2") throw new Error("no znodes");
    // It sees two of two: it has its permit, and gives back the mutex.
    call(world, leader, {
      kind: "write",
      request: { op: "delete", path: mutex.path, version: -1 },
    }).answered();
    const asked = take(world, follower, { waitMs: 20_000 });
    world.run(500);
    expect(asked.answer).toBeUndefined();
    call(world, leader, {
      kind: "write",
      request: { op: "delete", path: permit.path, version: -1 },
    }).answered();
    held(asked);
    renew(world, leader, lease.session, PATH).answered();
  });
});

describe("who waits for a permit", () => {
  it("gives up its place when its time is over, and is told so then", () => {
    const { world, leader, follower } = served();
    held(take(world, leader, { permits: 1 }));
    const answer = take(world, follower, { permits: 1, waitMs: 1000 }).answered();
    expect(answer).toMatchObject({ code: ERROR_CODES.lockTimeout, response: { op: "queued", ahead: 0 } });
    world.untilEqual();
    expect([namesIn(world, leader, "locks").length, world.tree(leader).sessions.count]).toEqual([0, 1]);
  });

  it.each(Array.from({ length: 40 }, (_, at) => at))(
    "is skipped where it hangs up %d ms into its turn",
    (afterMs) => {
      const { world, leader, follower } = served(afterMs);
      const lease = held(take(world, leader, { permits: 1 }));
      const key = afterMs % 2 === 0 ? keyOf("k") : undefined;
      const gone = take(world, follower, { permits: 1, waitMs: 60_000, key });
      world.run(100);
      const next = take(world, follower, { permits: 1, waitMs: 60_000 });
      world.run(100);
      release(world, leader, lease.session, PATH);
      world.run(afterMs);
      // Its answer may be on the way: lost with the caller it is as good as told.
      const wasTold = world.keeper(follower).status().calls < 2;
      if (!wasTold) gone.hangUp();
      const atMs = world.nowMs;
      held(next);
      if (!wasTold) expect(world.nowMs - atMs).toBeLessThan(300);
      else expect(world.nowMs - atMs).toBeGreaterThan(TTL_MS - 300);
      world.untilEqual();
      expect(namesIn(world, leader, "leases").length).toBe(1);
    },
  );

  it("waits on over a change of leader, and is skipped when its replica has died, once its session is over", () => {
    const { world, leader, follower, other } = served();
    const lease = held(take(world, follower, { permits: 1, ttlMs: 60_000 }));
    const asked = take(world, follower, { permits: 1, waitMs: 60_000 });
    const lost = take(world, other, { permits: 1, waitMs: 60_000 });
    world.run(200);
    const last = take(world, follower, { permits: 1, waitMs: 60_000 });
    world.run(200);
    world.crash(leader);
    world.run(5000);
    world.startAll();
    world.untilServing();
    world.crash(other);
    expect(lost.ended()).toBe("lost");
    world.run(TTL_MS + 4000);
    expect([asked.answer, last.answer]).toEqual([undefined, undefined]);
    release(world, follower, lease.session, PATH).answered();
    release(world, follower, held(asked).session, PATH).answered();
    held(last);
  });
});

describe("a permit under a key", () => {
  const key = keyOf("job-1");

  it("is found again by any replica, held or waited for, and not taken twice", () => {
    const { world, leader, follower, other } = served();
    const lease = held(take(world, follower, { permits: 1, key }));
    const again = held(take(world, leader, { permits: 1, key, waitMs: 1000 }));
    expect(again).toEqual({ ...lease, expiresInMs: again.expiresInMs });
    const next = keyOf("job-2");
    const first = take(world, follower, { permits: 1, waitMs: 60_000, key: next });
    world.run(100);
    const second = take(world, other, { permits: 1, waitMs: 60_000, key: next });
    world.run(100);
    expect(namesIn(world, leader, "locks").length).toBe(1);
    release(world, leader, lease.session, PATH).answered();
    const own = held(second);
    expect(first.answered().code).toBe(ERROR_CODES.superseded);
    world.run(500);
    expect(renew(world, leader, own.session, PATH).answered().code).toBe(0);
  });

  it.each(Array.from({ length: 40 }, (_, at) => at))(
    "is held by its latest request or by nobody, whoever of two hangs up, %d",
    (seed) => {
      const { world, leader, follower, other } = served(seed);
      const lease = held(take(world, leader, { permits: 1, ttlMs: 20_000 }));
      const first = take(world, follower, { permits: 1, waitMs: 60_000, key });
      world.run(100);
      const second = take(world, other, { permits: 1, waitMs: 60_000, key });
      world.run(world.rng.below(30));
      release(world, leader, lease.session, PATH);
      world.run(world.rng.below(30));
      if (seed % 2 === 0) first.hangUp();
      else if (second.answer === undefined) second.hangUp();
      world.run(1000);
      const told = second.answer;
      if (told !== undefined && told !== "lost" && told.kind === "answered" && told.code === 0) {
        expect(renew(world, leader, leaseOf(told).session, PATH).answered().code).toBe(0);
        expect(namesIn(world, leader, "leases").length).toBe(1);
      } else {
        expect(seed % 2).toBe(1);
        expect([namesIn(world, leader, "leases"), namesIn(world, leader, "locks")]).toEqual([[], []]);
      }
    },
  );
});

describe("a write that a permit guards", () => {
  const guarded = (path: string, token: Zxid): Parameters<typeof call>[2] =>
    transact({ operations: [create(path)], guards: [{ kind: "held", path: PATH, token }] });

  it("is done while the permit is held under that token, and by nobody that waits", () => {
    const { world, leader, follower } = served();
    const [first, second] = [held(take(world, leader)), held(take(world, leader))];
    take(world, follower, { waitMs: 30_000 });
    world.run(100);
    const [waiter = ""] = namesIn(world, leader, "locks");
    const waiterToken = world.tree(leader).get(`${PATH}/locks/${waiter}`)?.czxid;
    if (first === undefined || second === undefined || waiterToken === undefined)
      throw new Error("nobody waits");
    for (const [nth, { token }] of [first, second].entries())
      expect(call(world, follower, guarded(`/a${nth}`, token)).answered().response.op).toBe("multi");
    expect(call(world, leader, guarded("/b", waiterToken)).answered().code).toBe(ERROR_CODES.notHeld);
    const released = release(world, leader, first.session, PATH);
    const late = call(world, leader, guarded("/c", first.token));
    expect(released.answered().code).toBe(0);
    expect(late.answered().code).toBe(ERROR_CODES.notHeld);
  });

  it("is not done for a Curator client that has made its znode and waits for room", () => {
    const { world, leader } = served();
    held(take(world, leader));
    held(take(world, leader));
    const session = openSession(world, leader, 20_000);
    const write = (path: string, flags: number): ReturnType<TestCall["answered"]> =>
      call(world, leader, { kind: "write", request: create(path, "", flags) }, { session }).answered();
    write(`${PATH}/locks`, 0);
    write(`${PATH}/locks/_c_u-lock-`, 3);
    const { zxid } = write(`${PATH}/leases/_c_u-lease-`, 3);
    expect(call(world, leader, guarded("/a", zxid)).answered().code).toBe(ERROR_CODES.notHeld);
  });
});

/** A permit as its caller was told of it: from when, and until when at the latest. */
interface Tenure {
  readonly fromMs: number;
  untilMs: number;
  isGivenBack: boolean;
}

describe("random callers", () => {
  it.each(Array.from({ length: 10 }, (_, seed) => seed))(
    "are never more than there are permits, over crashes, hang-ups and retries, and get one in the end, seed %d",
    (seed) => {
      const { world } = served(seed + 300);
      const tenures = new Map<string, Tenure>();
      for (let nth = 0; nth < 14; nth++) begin({ world, tenures }, nth);
      for (let round = 0; round < 8; round++) {
        world.run(500 + world.rng.below(3000));
        world.crash(world.sids[world.rng.below(3)] ?? 0);
        world.run(200 + world.rng.below(2000));
        world.startAll();
      }
      world.untilServing();
      world.untilEqual();
      world.run(40_000);
      held(take(world, 1, { waitMs: 60_000 }), 60_000);
      const all = [...tenures.values()];
      expect(all.length).toBeGreaterThan(3);
      for (const { fromMs } of all) {
        const others = all.filter((one) => one.fromMs <= fromMs && one.untilMs > fromMs);
        expect(others.length).toBeLessThanOrEqual(2);
      }
    },
  );
});

/** A caller that takes a permit, works, and gives it back or vanishes; who may hang up and ask again. */
function begin(run: { readonly world: World; readonly tenures: Map<string, Tenure> }, nth: number): void {
  const { world, tenures } = run;
  const isKeyed = nth % 3 !== 0;
  const ask = (tries: number): void => {
    const up = world.sids.filter((sid) => world.replica(sid).keeper !== undefined);
    const sid = up[world.rng.below(up.length)] ?? 1;
    const sentMs = world.nowMs;
    const key = isKeyed ? keyOf(`k${nth}`) : undefined;
    const asked: Acquire = { path: PATH, mode: "permit", permits: 2, waitMs: 20_000, ttlMs: 3000, key };
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
    if (before?.isGivenBack === true) return;
    const untilMs = Math.max(before?.untilMs ?? 0, sentMs + expiresInMs);
    tenures.set(zxidText(token), { fromMs: before?.fromMs ?? world.nowMs, untilMs, isGivenBack: false });
    if (world.rng.below(3) !== 0) world.later(world.rng.below(1500), () => giveBack(session, token));
  };
  const giveBack = (session: CallSession, token: Zxid): void => {
    const tenure = tenures.get(zxidText(token));
    if (tenure === undefined || tenure.isGivenBack) return;
    tenure.untilMs = Math.min(tenure.untilMs, world.nowMs);
    tenure.isGivenBack = true;
    const up = world.sids.find((sid) => world.replica(sid).keeper !== undefined);
    if (up !== undefined) release(world, up, session, PATH);
  };
  world.later(world.rng.below(8000), () => ask(4));
}
