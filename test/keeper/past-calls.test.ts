/** What callers are told of the past, and why things are so: over replicas, their deaths and forgotten history. */
import { describe, expect, it } from "vitest";
import { type Acl, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CallResponse, Moment } from "../../src/keeper/call.ts";
import { WALKS_MAX } from "../../src/keeper/limits.ts";
import { served, set, write } from "./served-world.ts";
import { call, create, type TestCall } from "./test-caller.ts";
import type { World } from "./world.ts";

const FOR_ANN: readonly Acl[] = [{ perms: PERMS.all, scheme: "x509", id: "CN=ann" }];

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

describe("a difference since before the first write", () => {
  it("tells what was there without any, as the history is kept from its beginning", () => {
    const { world, leader } = served();
    write(world, leader, "/a", "one");
    const page = { after: "", limit: 10 };
    const moments = { from: { timeMs: 1 }, to: undefined } as const;
    const request = { kind: "difference", path: "/", ...moments, page, isLinearizable: false } as const;
    const { response } = call(world, leader, request).answered();
    expect(response).toMatchObject({
      from: ZXID_ZERO,
      entries: [
        { path: "/a", kind: "created" },
        {
          path: "/zookeeper/config",
          kind: "changed",
          before: { data: new Uint8Array(), version: 0, czxid: ZXID_ZERO },
        },
      ],
    });
  });
});
