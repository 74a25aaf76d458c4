/** Elections of callers without a connection, and who looks how they end. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import type { CallSession } from "../../src/keeper/call.ts";
import { acquire, type Acquire, type Lease, leaseOf, release } from "./lock-caller.ts";
import { call, create, openSession, type TestCall } from "./test-caller.ts";
import { World } from "./world.ts";

const PATH = "/elections/jobs";

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

function campaign(world: World, sid: Sid, options: Acquire = {}): TestCall {
  return acquire(world, sid, { path: PATH, mode: "latch", ...options });
}

function held(asked: TestCall): Lease {
  return leaseOf(asked.answered());
}

function proclaim(world: World, sid: Sid, session: CallSession, text: string): TestCall {
  const data = new TextEncoder().encode(text);
  return call(world, sid, { kind: "proclaim", path: PATH, data }, { session });
}

/** Who leads, by the value that is shown. */
function observe(world: World, sid: Sid, known?: Zxid, waitMs = 0): TestCall {
  const change = waitMs === 0 ? undefined : { known, waitMs };
  return call(world, sid, { kind: "queue", path: PATH, isLinearizable: false, change });
}

function seen(asked: TestCall): { readonly value: string | undefined; readonly mzxid: Zxid | undefined } {
  const { response } = asked.answered(70_000);
  if (response.op !== "queue") throw new Error("no queue");
  const [first] = response.contenders;
  const value = first === undefined ? undefined : new TextDecoder().decode(first.data ?? new Uint8Array());
  return { value, mzxid: first?.mzxid };
}

describe("an election", () => {
  it("is won by the first in znodes of Curator's LeaderLatch, and by the next when that one resigns or vanishes", () => {
    const { world, leader, follower } = served();
    const first = held(campaign(world, leader, { ttlMs: 60_000 }));
    const second = campaign(world, follower, { waitMs: 60_000 });
    world.run(100);
    const third = campaign(world, leader, { waitMs: 60_000, ttlMs: 60_000 });
    world.run(500);
    const names = world.tree(leader).childNames(PATH);
    expect(names.map((name) => name.replace(/^_c_[0-9a-f-]{36}/, "")).toSorted()).toEqual([
      "-latch-0000000000",
      "-latch-0000000001",
      "-latch-0000000002",
    ]);
    release(world, leader, first.session, PATH).answered();
    held(second);
    expect(third.answer).toBeUndefined();
    held(third);
  });

  it("shows what its leader proclaims, and nobody else may", () => {
    const { world, leader, follower } = served();
    const first = held(campaign(world, leader, { ttlMs: 60_000 }));
    expect(proclaim(world, follower, first.session, "a").answered().code).toBe(0);
    world.untilEqual();
    expect(seen(observe(world, follower)).value).toBe("a");
    const stranger = openSession(world, leader, 20_000);
    expect(proclaim(world, leader, stranger, "b").answered().code).toBe(ERROR_CODES.leaseOver);
    const next = held(campaign(world, follower, { path: "/elections/other", ttlMs: 60_000 }));
    expect(proclaim(world, leader, next.session, "b").answered().code).toBe(ERROR_CODES.leaseOver);
    // Both are on their way: it resigns first.
    const resigned = release(world, leader, first.session, PATH);
    const late = proclaim(world, leader, first.session, "c");
    expect(resigned.answered().code).toBe(0);
    expect(late.answered().code).not.toBe(0);
  });

  it("is observed: a wait ends when another leads or proclaims another value, and when nobody leads, and not before", () => {
    const { world, leader, follower, other } = served();
    const nobody = observe(world, other, undefined, 60_000);
    world.run(500);
    expect(nobody.answer).toBeUndefined();
    const first = held(campaign(world, leader, { ttlMs: 60_000 }));
    const one = seen(nobody);
    expect(one.value).toBe("me");
    const change = observe(world, other, one.mzxid, 60_000);
    held(campaign(world, follower, { path: "/elections/other" }));
    const waiting = campaign(world, follower, { waitMs: 60_000, ttlMs: 60_000 });
    world.run(500);
    expect(change.answer).toBeUndefined();
    proclaim(world, leader, first.session, "two").answered();
    const two = seen(change);
    expect(two.value).toBe("two");
    const next = observe(world, other, two.mzxid, 60_000);
    release(world, leader, first.session, PATH).answered();
    const three = seen(next);
    expect(three.value).toBe("me");
    expect(seen(observe(world, other, three.mzxid, 1000)).mzxid).toEqual(three.mzxid);
    const end = observe(world, other, three.mzxid, 60_000);
    release(world, leader, held(waiting).session, PATH).answered();
    expect(seen(end).value).toBeUndefined();
  });

  it("is observed and waited for over the death of the leading replica and of the one that was asked", () => {
    const { world, leader, follower, other } = served();
    const first = held(campaign(world, follower, { ttlMs: 60_000 }));
    const { mzxid } = seen(observe(world, follower));
    const waiting = campaign(world, follower, { waitMs: 60_000, ttlMs: 60_000 });
    const [change, lost] = [observe(world, follower, mzxid, 60_000), observe(world, other, mzxid, 60_000)];
    world.run(300);
    world.crash(leader);
    world.run(4000);
    world.startAll();
    world.untilServing();
    world.crash(other);
    expect(lost.ended()).toBe("lost");
    world.run(2000);
    expect([waiting.answer, change.answer]).toEqual([undefined, undefined]);
    release(world, follower, first.session, PATH).answered();
    held(waiting);
    expect(seen(change).mzxid).not.toEqual(mzxid);
  });

  it("has candidates of Curator's and kazoo's", () => {
    const { world, leader, follower } = served();
    const session = openSession(world, leader, 20_000);
    for (const path of ["/elections", PATH])
      call(world, leader, { kind: "write", request: create(path) }).answered();
    const latch = { kind: "write", request: create(`${PATH}/_c_u-latch-`, "curator", 3) } as const;
    call(world, leader, latch, { session }).answered();
    const kazoo = { kind: "write", request: create(`${PATH}/u__lock__`, "kazoo", 3) } as const;
    const asked = campaign(world, follower, { waitMs: 60_000 });
    world.run(200);
    call(world, leader, kazoo, { session }).answered();
    world.untilEqual();
    expect(seen(observe(world, follower)).value).toBe("curator");
    call(world, leader, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
    held(asked);
  });
});
