/** What callers are told of the past, and why things are so: over replicas, their deaths and forgotten history. */
import { describe, expect, it } from "vitest";
import { type Acl, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { SessionId } from "../../src/base/ids.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CallResponse, Moment } from "../../src/keeper/call.ts";
import { EXPLAIN_HEAD_BYTES_MAX, WALKS_MAX } from "../../src/keeper/limits.ts";
import { call, create, openSession, type TestCall } from "./test-caller.ts";
import { World } from "./world.ts";

const EPHEMERAL = 1;

const FOR_ANN: readonly Acl[] = [{ perms: PERMS.all, scheme: "x509", id: "CN=ann" }];

interface Served {
  readonly world: World;
  readonly leader: number;
  readonly follower: number;
}

function served(voters = 3): Served {
  const world = new World({ voters, seed: 7 }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? leader;
  return { world, leader, follower };
}

function write(world: World, sid: number, path: string, text: string): Zxid {
  return call(world, sid, { kind: "write", request: create(path, text) }).answered().zxid;
}

function set(world: World, sid: number, path: string, text: string): Zxid {
  const data = new TextEncoder().encode(text);
  const request = { op: "setData", path, data, version: -1 } as const;
  return call(world, sid, { kind: "write", request }).answered().zxid;
}

function setAcl(world: World, sid: number, path: string, acl: readonly Acl[]): Zxid {
  const request = { op: "setACL", path, acl, version: -1 } as const;
  return call(world, sid, { kind: "write", request }).answered().zxid;
}

function past(world: World, sid: number, path: string, at: Moment & { readonly isList?: boolean }): TestCall {
  const page = at.isList === true ? { after: "", limit: 100 } : undefined;
  return call(world, sid, { kind: "past", path, at, page, isLinearizable: false });
}

function textOf(response: CallResponse): string | undefined {
  return response.op === "past" ? new TextDecoder().decode(response.data ?? new Uint8Array()) : undefined;
}

function explained<Op extends "explainedPath" | "explainedSession">(
  { response }: { readonly response: CallResponse },
  op: Op,
): CallResponse & { readonly op: Op } {
  if (response.op !== op) throw new Error(`explained by ${response.op}`);
  return response as CallResponse & { readonly op: Op };
}

describe("a znode of the past", () => {
  it("is what it was at any moment, at every replica, also after all of them have died", () => {
    const { world, leader, follower } = served();
    const first = write(world, leader, "/a", "one");
    const second = set(world, leader, "/a", "two");
    const child = write(world, leader, "/a/b", "");
    const third = set(world, leader, "/a", "three");
    for (const deaths of [0, 1]) {
      if (deaths === 1) {
        for (const sid of world.sids) world.crash(sid);
        world.startAll();
        world.untilServing();
      }
      world.untilEqual();
      for (const sid of [leader, follower]) {
        const told = [first, second, child, third].map((zxid) => {
          const { response } = past(world, sid, "/a", { zxid }).answered();
          return [textOf(response), response.op === "past" ? response.asOf : undefined];
        });
        expect(told).toEqual([
          ["one", first],
          ["two", second],
          ["two", child],
          ["three", third],
        ]);
        const lists = [second, child].map(
          (zxid) => past(world, sid, "/a", { zxid, isList: true }).answered().response,
        );
        expect(lists).toMatchObject([
          { op: "pastChildren", children: [], stat: { numChildren: 0, cversion: 0 } },
          { op: "pastChildren", children: ["b"], stat: { numChildren: 1, cversion: 1, pzxid: child } },
        ]);
        const before = { epoch: first.epoch, counter: first.counter - 1 };
        expect(past(world, sid, "/a", { zxid: before }).answered().code).toBe(ERROR_CODES.noNode);
      }
    }
  });

  it("is told by time, behind the last write by then", () => {
    const { world, leader } = served();
    write(world, leader, "/a", "one");
    world.run(1000);
    const thenMs = world.clockOf(leader);
    world.run(1000);
    set(world, leader, "/a", "two");

    expect(textOf(past(world, leader, "/a", { timeMs: thenMs }).answered().response)).toBe("one");
    expect(past(world, leader, "/a", { timeMs: 1 }).answered().code).toBe(ERROR_CODES.noNode);
  });

  it("that is not kept is told to be gone, with the oldest moment that can be told", () => {
    const { world, leader } = served(1);
    const first = write(world, leader, "/a", "one");
    const other = write(world, leader, "/b", "kept");
    const second = set(world, leader, "/a", "two");
    world.run(3000);
    world.replica(leader).trim(other);

    expect(past(world, leader, "/a", { zxid: first }).ended()).toMatchObject({
      reason: "gone",
      oldest: other,
    });
    // What replaced it is known, what it replaced is not; of another that nobody has set the present is the past.
    expect(past(world, leader, "/a", { zxid: other }).ended()).toMatchObject({
      reason: "gone",
      oldest: second,
    });
    expect(textOf(past(world, leader, "/b", { zxid: other }).answered().response)).toBe("kept");
    expect(past(world, leader, "/", { zxid: other, isList: true }).answered().response).toMatchObject({
      children: ["a", "b", "zookeeper"],
    });
  });

  it("is told to nobody who might not read it then, or may not now, also where it is deleted", () => {
    const { world, leader } = served(1);
    const opened = write(world, leader, "/a", "open");
    write(world, leader, "/d", "open");
    setAcl(world, leader, "/d", FOR_ANN);
    const closed = setAcl(world, leader, "/a", FOR_ANN);
    world.identities = [{ scheme: "x509", id: "CN=ann" }];
    const secret = set(world, leader, "/a", "secret");
    const reopened = setAcl(world, leader, "/a", OPEN_ACL);
    const request = { op: "delete", path: "/d", version: -1 } as const;
    call(world, leader, { kind: "write", request }).answered();
    const codes = (): readonly (string | number | undefined)[] =>
      [opened, closed, secret, reopened].map((zxid) => {
        const { code, response } = past(world, leader, "/a", { zxid }).answered();
        return code === 0 ? textOf(response) : code;
      });

    expect(codes()).toEqual(["open", "open", "secret", "secret"]);
    const gone = (): number => past(world, leader, "/d", { zxid: closed }).answered().code;
    expect(gone()).toBe(0);
    world.identities = [];
    expect(codes()).toEqual(["open", ERROR_CODES.noAuth, ERROR_CODES.noAuth, "secret"]);
    expect(gone()).toBe(ERROR_CODES.noAuth);
    world.identities = [{ scheme: "x509", id: "CN=ann" }];
    setAcl(world, leader, "/a", FOR_ANN);
    world.identities = [];
    expect(codes()).toEqual(Array.from({ length: 4 }, () => ERROR_CODES.noAuth));
  });
});

describe("questions about the past", () => {
  it("are so many at a time, each over several turns, and nobody's who has hung up", () => {
    const { world, leader } = served(1);
    const first = write(world, leader, "/a", "one");
    for (let round = 0; round < 200; round++) set(world, leader, "/a", String(round));
    // Each call is a turn, in which one of them is read on for.
    const asked = Array.from({ length: 3 * WALKS_MAX }, () => past(world, leader, "/a", { zxid: first }));
    const gone = asked.findLast(({ answer }) => answer === undefined);
    expect(gone).toBeDefined();
    gone?.hangUp();
    const others = asked.filter((one) => one !== gone).map((one) => one.ended());
    const busy = others.filter((one) => one !== "lost" && one.kind === "unavailable");
    const told = others.flatMap((one) =>
      one !== "lost" && one.kind === "answered" ? [textOf(one.response)] : [],
    );
    expect(busy.length).toBeGreaterThan(0);
    expect(new Set(busy.map((one) => JSON.stringify(one)))).toEqual(
      new Set(['{"kind":"unavailable","reason":"busy"}']),
    );
    expect(told.length).toBeGreaterThanOrEqual(WALKS_MAX);
    expect(new Set(told)).toEqual(new Set(["one"]));
    expect(gone?.answer).toBeUndefined();
    expect(textOf(past(world, leader, "/a", { zxid: first }).answered().response)).toBe("one");
  });

  it("about more than can be held are refused", () => {
    const { world, leader } = served(1);
    const from = write(world, leader, "/many", "");
    for (let round = 0; round < 3; round++) {
      const operations = Array.from({ length: 3400 }, (_, at) => create(`/many/${round}-${at}`));
      call(world, leader, { kind: "write", request: { op: "multi", operations } }).answered();
    }
    const page = { after: "", limit: 10 };
    const asked = {
      kind: "difference",
      from: { zxid: from },
      to: undefined,
      page,
      isLinearizable: false,
    } as const;
    expect(call(world, leader, { ...asked, path: "/many" }).answered().code).toBe(
      ERROR_CODES.marshallingError,
    );
    const { response } = call(world, leader, { ...asked, path: "/many/1-7" }).answered();
    expect(response).toMatchObject({ entries: [{ path: "/many/1-7", kind: "created" }], isLast: true });
  });
});

describe("a difference", () => {
  it("is told of a subtree between two moments, as far as it is known and may be read", () => {
    const { world, leader } = served();
    write(world, leader, "/top", "");
    write(world, leader, "/top/kept", "same");
    write(world, leader, "/top/changed", "before");
    write(world, leader, "/top/secret", "s");
    const from = write(world, leader, "/top/deleted", "gone");
    write(world, leader, "/other", "");
    set(world, leader, "/top/changed", "after");
    setAcl(world, leader, "/top/secret", FOR_ANN);
    call(world, leader, {
      kind: "write",
      request: { op: "delete", path: "/top/deleted", version: -1 },
    }).answered();
    const to = write(world, leader, "/top/created", "new");
    set(world, leader, "/top/created", "newer");
    const page = { after: "", limit: 10 };
    const request = { kind: "difference", path: "/top", from: { zxid: from }, page } as const;
    const { response } = call(world, leader, {
      ...request,
      to: { zxid: to },
      isLinearizable: false,
    }).answered();
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

    expect(response).toMatchObject({ op: "difference", from, to, isLast: true });
    expect(response.op === "difference" ? response.entries : []).toMatchObject([
      {
        path: "/top/changed",
        kind: "changed",
        isDataSet: true,
        isAclSet: false,
        before: { data: bytes("before"), version: 0 },
        after: { data: bytes("after"), version: 1 },
      },
      { path: "/top/created", kind: "created", before: undefined, after: { data: bytes("new") } },
      { path: "/top/deleted", kind: "deleted", before: { data: bytes("gone") }, after: undefined },
    ]);
    const backwards = { ...request, from: { zxid: to }, to: { zxid: from }, isLinearizable: false };
    expect(call(world, leader, backwards).answered().code).toBe(ERROR_CODES.badArguments);
    const first = call(world, leader, {
      ...request,
      to: undefined,
      page: { after: "", limit: 1 },
      isLinearizable: false,
    });
    expect(first.answered().response).toMatchObject({ entries: [{ path: "/top/changed" }], isLast: false });
  });
});

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
