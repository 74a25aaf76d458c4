/** What callers are told of why things are so: over replicas, and with history that is forgotten. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { SessionId } from "../../src/base/ids.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CallResponse } from "../../src/keeper/call.ts";
import { EXPLAIN_HEAD_BYTES_MAX } from "../../src/keeper/limits.ts";
import { served, set, write } from "./served-world.ts";
import { call, create, openSession, type TestCall } from "./test-caller.ts";
import type { World } from "./world.ts";

const EPHEMERAL = 1;

function explained<Op extends "explainedPath" | "explainedSession">(
  { response }: { readonly response: CallResponse },
  op: Op,
): CallResponse & { readonly op: Op } {
  if (response.op !== op) throw new Error(`explained by ${response.op}`);
  return response as CallResponse & { readonly op: Op };
}

describe("an explanation", () => {
  const LEASE = { mode: "exclusive", ttlMs: 5000, owner: "me", isProbed: false, key: undefined } as const;

  function acquire(world: World, sid: number, waitMs: number): TestCall {
    return call(world, sid, { kind: "acquire", path: "/locks/l", waitMs, ...LEASE });
  }

  it("tells who holds a lock and who waits, and why the last holder does no more", () => {
    const { world, leader, follower } = served();
    acquire(world, follower, 0).answered();
    const waiting = acquire(world, follower, 60_000);
    world.run(500);
    const explain = (): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path: "/locks/l", isLinearizable: false }).answered(),
        "explainedPath",
      );
    const { queue } = explain();
    const [holder, waiter] = queue?.contenders ?? [];

    expect(queue).toMatchObject({ of: "lock", count: 2 });
    expect(holder).toMatchObject({ isHolder: true, behind: undefined, owner: { timeoutMs: 5000 } });
    expect(waiter).toMatchObject({ isHolder: false, behind: holder?.path });
    expect(waiter?.owner?.tracked).toMatchObject({ attachedTo: follower });
    expect(waiter?.owner?.tracked?.heardAgoMs).toBeLessThan(1000);

    // Nobody renews it.
    waiting.answered(30_000);
    const { left } = explain();
    expect(left).toMatchObject([
      { path: holder?.path, why: "session-expired", by: { session: holder?.session } },
    ]);
  });

  it("tells of a lock that is gone who held it last, under which token and how that ended, as far as is kept", () => {
    const { world, leader, follower } = served();
    const explain = (): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path: "/locks/l", isLinearizable: false }).answered(),
        "explainedPath",
      );
    const held = acquire(world, follower, 0).answered();
    const waiting = acquire(world, follower, 60_000);
    world.run(500);
    waiting.hangUp();
    world.run(500);
    const { contenders } = must(explain().queue, "a queue");
    const lease = must(held.response.op === "lease" ? held.response.session : undefined, "a lease");
    const release = { kind: "release", path: "/locks/l" } as const;
    const released = call(world, follower, release, { session: lease }).answered();
    world.until("its container is removed", () => world.tree(leader).get("/locks/l") === undefined, 300_000);
    const [holder] = contenders;
    const { gone, left, queue, lookedBack } = explain();

    expect(gone).toMatchObject({ path: "/locks/l", why: "removed-by-itself" });
    expect(queue).toMatchObject({ path: "/locks/l", of: "lock", count: 0 });
    expect(left.map(({ held: hasHeld }) => hasHeld)).toEqual([true, false]);
    expect(left[0]).toMatchObject({
      path: holder?.path,
      why: "session-closed",
      by: { zxid: released.zxid, session: lease.session },
      createdBy: { zxid: holder?.token, session: lease.session, replica: follower },
      head: new TextEncoder().encode("me"),
    });
    expect(lookedBack).toMatchObject({ to: ZXID_ZERO, isAll: true });

    // The history forgets when it was taken, then that it ever was.
    world.run(3000);
    world.replica(leader).trim(must(holder, "a holder").token);
    expect(explain()).toMatchObject({
      left: [{ path: holder?.path, createdBy: undefined }, { held: false }],
      lookedBack: { to: holder?.token, isAll: true },
    });
    world.replica(leader).trim(must(gone, "its end").by.zxid);
    expect(explain()).toMatchObject({ gone: undefined, left: [], lookedBack: { isAll: true } });
  });

  it("tells of a lock whose znode came and went as often the same, be it there or not", () => {
    const { world, leader, follower } = served();
    const explain = (): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path: "/locks/l", isLinearizable: false }).answered(),
        "explainedPath",
      );
    for (let round = 0; round < 2; round++) {
      const { response } = acquire(world, follower, 0).answered();
      const session = must(response.op === "lease" ? response.session : undefined, "a lease");
      world.run(500);
      call(world, follower, { kind: "release", path: "/locks/l" }, { session }).answered();
      if (round === 1) break;
      world.until("it is removed", () => world.tree(leader).get("/locks/l") === undefined, 300_000);
    }
    const { left } = explain();
    expect(left).toMatchObject([{ held: true }, { held: true }]);
    // Each began anew to count.
    expect(new Set(left.map(({ heldSinceMs }) => heldSinceMs)).size).toBe(2);
    for (const { heldSinceMs, createdBy } of left) expect(heldSinceMs).toBe(createdBy?.timeMs);
    world.until("it is removed", () => world.tree(leader).get("/locks/l") === undefined, 300_000);
    expect(explain().left).toEqual(left);
    expect(explain().gone).toMatchObject({ why: "removed-by-itself", mode: "container" });
  });

  it("tells since when each held it, which is when the one before it went, and when it had asked", () => {
    const { world, leader, follower } = served();
    const explain = (path = "/locks/l"): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path, isLinearizable: false }).answered(),
        "explainedPath",
      );
    const release = ({ response }: { readonly response: CallResponse }): void => {
      const session = must(response.op === "lease" ? response.session : undefined, "a lease");
      call(world, follower, { kind: "release", path: "/locks/l" }, { session }).answered();
    };
    const first = acquire(world, follower, 0).answered();
    world.run(500);
    const second = acquire(world, follower, 60_000);
    world.run(500);
    const third = acquire(world, follower, 60_000);
    world.run(500);
    const [held, ...waiting] = must(explain().queue, "a queue").contenders;
    expect(held?.heldSinceMs).toBe(held?.ctime);
    expect(waiting.map(({ heldSinceMs }) => heldSinceMs)).toEqual([undefined, undefined]);

    release(first);
    const two = second.answered(30_000);
    world.run(500);
    release(two);
    third.answered(30_000);
    const { queue, left } = explain();
    const [{ by: secondEnd, heldSinceMs: secondSince, createdBy: secondCame } = {}, firstLeft] = left;
    const holder = must(queue?.contenders[0], "a holder");
    expect(firstLeft).toMatchObject({ held: true, heldSinceMs: held?.ctime });
    expect(secondSince).toBe(firstLeft?.by.timeMs);
    expect(secondCame?.timeMs).toBe(waiting[0]?.ctime);
    expect(holder).toMatchObject({ heldSinceMs: secondEnd?.timeMs, ctime: waiting[1]?.ctime });
    // Of what stands in the queue the same is told.
    expect(explain(holder.path).queue).toEqual(queue);

    // The history tells no more who was there before.
    world.run(3000);
    world.replica(leader).trim(must(secondEnd, "its end").zxid);
    expect(explain().queue?.contenders).toMatchObject([{ isHolder: true, heldSinceMs: undefined }]);
  });

  it("tells since when readers hold, who stand beside each other, and of a permit when it was taken", () => {
    const { world, leader, follower } = served(1);
    const explain = (path: string): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path, isLinearizable: false }).answered(),
        "explainedPath",
      );
    const names = [
      "a-__READ__0000000000",
      "b-__WRIT__0000000001",
      "c-__READ__0000000002",
      "d-__READ__0000000003",
    ];
    for (const name of ["/rw", ...names.map((one) => `/rw/${one}`)]) {
      write(world, follower, name, "");
      world.run(100);
    }
    const remove = (name: string): void => {
      const request = { op: "delete", path: `/rw/${name}`, version: -1 } as const;
      call(world, follower, { kind: "write", request }).answered();
      world.run(100);
    };
    remove("a-__READ__0000000000");
    remove("b-__WRIT__0000000001");
    remove("c-__READ__0000000002");
    const { queue, left } = explain("/rw");
    const [reader, writer, early] = left;
    // The other reader was not in its way.
    expect(queue?.contenders).toMatchObject([{ isHolder: true, heldSinceMs: writer?.by.timeMs }]);
    expect(reader?.heldSinceMs).toBe(writer?.by.timeMs);
    expect(writer?.heldSinceMs).toBe(early?.by.timeMs);
    expect(early?.heldSinceMs).toBe(early?.createdBy?.timeMs);

    const permit = { kind: "acquire", path: "/s", ...LEASE, mode: "permit", permits: 1 } as const;
    const one = call(world, follower, { ...permit, waitMs: 0 }).answered();
    const two = call(world, follower, { ...permit, waitMs: 60_000 });
    world.run(500);
    const session = must(one.response.op === "lease" ? one.response.session : undefined, "a lease");
    call(world, follower, { kind: "release", path: "/s" }, { session }).answered();
    two.answered(30_000);
    const [taken] = must(explain("/s").queue, "a queue").contenders;
    expect(taken).toMatchObject({ isHolder: true, heldSinceMs: taken?.ctime });
    // As Curator makes one, which may have to wait yet.
    write(world, follower, "/s/leases/x-lease-0000000009", "");
    const [, other] = must(explain("/s").queue, "a queue").contenders;
    expect(other).toMatchObject({ isHolder: true, heldSinceMs: undefined });
  });

  it("tells how a znode's data begin, and who set them last", () => {
    const { world, leader, follower } = served();
    const data = "x".repeat(EXPLAIN_HEAD_BYTES_MAX);
    write(world, follower, "/long", data);
    const last = set(world, follower, "/long", `${data}, and more`);
    world.untilEqual();
    const request = { kind: "explainPath", path: "/long", isLinearizable: false } as const;
    const told = explained(call(world, leader, request).answered(), "explainedPath");

    expect(new TextDecoder().decode(told.head)).toBe(data);
    expect(told.setBy).toMatchObject({ zxid: last, replica: follower, isOwn: false });
  });

  it("tells what became of an ephemeral and of its session, closed or expired, and what of is not known", () => {
    const { world, leader, follower } = served();
    const make = (name: string): SessionId => {
      const session = openSession(world, follower, 5000);
      call(world, follower, { kind: "write", request: create(name, "", EPHEMERAL) }, { session }).answered();
      if (name === "/closed") {
        call(world, follower, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
      }
      return session.session;
    };
    const [closed, expired] = [make("/closed"), make("/expired")];
    const ask = (path: string): ReturnType<typeof explained<"explainedPath">> =>
      explained(
        call(world, leader, { kind: "explainPath", path, isLinearizable: false }).answered(),
        "explainedPath",
      );
    const askSession = (session: SessionId): ReturnType<typeof explained<"explainedSession">> =>
      explained(
        call(world, leader, { kind: "explainSession", session, isLinearizable: false }).answered(),
        "explainedSession",
      );

    expect(ask("/expired").owner).toMatchObject({ session: expired, timeoutMs: 5000 });
    expect(askSession(expired)).toMatchObject({
      ephemerals: ["/expired"],
      ended: undefined,
      opened: { replica: follower },
    });
    world.until("it expires", () => world.tree(leader).get("/expired") === undefined, 30_000);
    expect(ask("/closed").gone).toMatchObject({
      why: "session-closed",
      by: { session: closed, replica: follower },
    });
    expect(ask("/expired").gone).toMatchObject({
      why: "session-expired",
      by: { session: expired, isOwn: true },
    });
    expect(askSession(expired)).toMatchObject({
      ended: { why: "expired" },
      lost: ["/expired"],
      session: { timeoutMs: undefined },
    });
    expect(askSession(closed)).toMatchObject({ ended: { why: "closed" }, lost: ["/closed"] });
    expect(ask("/never")).toMatchObject({ gone: undefined, lookedBack: { isAll: true } });

    world.run(3000);
    const { lastApplied } = world.tree(leader);
    world.replica(leader).trim(lastApplied);
    expect(ask("/expired")).toMatchObject({ gone: undefined, lookedBack: { to: lastApplied, isAll: true } });
    expect(askSession(closed)).toMatchObject({ ended: undefined, lookedBack: { to: lastApplied } });
  });
});
