/** What callers are shown who look after an ensemble, and the sessions that they end. */
import { describe, expect, it } from "vitest";
import { type Acl, PERMS } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { sessionKey } from "../../src/base/ids.ts";
import type { CallRequest, CallResponse } from "../../src/keeper/call.ts";
import type { HeldKind } from "../../src/keeper/survey.ts";
import { acquire, leaseOf, renew } from "./lock-caller.ts";
import { call, create, openSession, transact } from "./test-caller.ts";
import { connected, create as createByWire } from "./test-client.ts";
import { World } from "./world.ts";

const CLOSED: readonly Acl[] = [{ perms: PERMS.all, scheme: "digest", id: "ann:hash" }];

function served(): { readonly world: World; readonly leader: number; readonly follower: number } {
  const world = new World({ voters: 3, seed: 5 }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? 0;
  return { world, leader, follower };
}

function told<Op extends CallResponse["op"]>(
  world: World,
  sid: number,
  request: CallRequest,
  op: Op,
): CallResponse & { readonly op: Op } {
  const { response } = call(world, sid, request).answered();
  if (response.op !== op) throw new Error(`answered by ${response.op}`);
  return response as CallResponse & { readonly op: Op };
}

describe("sessions", () => {
  it("are told by every replica, in pages; the connection by the one that has it, the end by the leader", () => {
    const { world, leader, follower } = served();
    const client = connected(world, follower);
    client.get(createByWire("/mine", { flags: 1 }));
    for (let count = 0; count < 3; count++) openSession(world, leader, 10_000);
    world.untilEqual();
    const all = { kind: "listSessions", after: 0n, limit: 10 } as const;

    const atFollower = told(world, follower, all, "sessions");
    const atLeader = told(world, leader, all, "sessions");

    expect(atFollower.sessions.map(({ session }) => session)).toEqual(
      atLeader.sessions.map(({ session }) => session),
    );
    expect(atFollower.sessions.filter(({ connection }) => connection !== undefined)).toMatchObject([
      { ephemerals: 1 },
    ]);
    expect(atLeader.sessions.every(({ connection }) => connection === undefined)).toBe(true);
    expect(atLeader.sessions.every(({ expiresMs }) => expiresMs !== undefined)).toBe(true);
    expect(atFollower.sessions.every(({ expiresMs }) => expiresMs === undefined)).toBe(true);
    const first = told(world, leader, { ...all, limit: 3 }, "sessions");
    const rest = told(world, leader, { ...all, after: first.sessions.at(-1)?.session ?? 0n }, "sessions");
    expect([first.isLast, rest.isLast]).toEqual([false, true]);
    expect([...first.sessions, ...rest.sessions].map(({ session }) => sessionKey(session))).toEqual(
      atLeader.sessions.map(({ session }) => sessionKey(session)),
    );
  });

  it("show the ephemerals that one may see, and no others", () => {
    const { world, leader, follower } = served();
    call(world, leader, transact({ operations: [create("/open")] })).answered();
    const client = connected(world, follower);
    client.get(createByWire("/open/seen", { flags: 1, acl: CLOSED }));
    client.get(createByWire("/secret"));
    client.get(createByWire("/secret/own", { flags: 1, acl: CLOSED }));
    client.get({ op: "setACL", path: "/secret", acl: CLOSED, version: -1 });
    world.run(500);
    const [known] = told(world, follower, { kind: "listSessions", after: 0n, limit: 9 }, "sessions").sessions;
    const request = { kind: "showSession", session: known?.session ?? 0n } as const;

    const { sessions } = told(world, follower, request, "sessions");

    expect(sessions).toMatchObject([{ ephemerals: 2, paths: ["/open/seen"] }]);
  });

  it("are ended by an operator though a connection has them, and whoever asks again is told that there is none", () => {
    const { world, leader, follower } = served();
    const client = connected(world, follower);
    client.get(createByWire("/mine", { flags: 1 }));
    world.untilEqual();
    const [known] = told(world, leader, { kind: "listSessions", after: 0n, limit: 9 }, "sessions").sessions;
    const request = { kind: "endSession", session: known?.session ?? 0n } as const;
    const third = world.sids.find((sid) => sid !== leader && sid !== follower) ?? 0;

    expect(call(world, third, request).answered().code).toBe(ERROR_CODES.ok);

    world.untilEqual();
    expect(world.tree(leader).get("/mine")).toBeUndefined();
    expect(world.tree(leader).sessions.count).toBe(0);
    expect(call(world, leader, request).answered().code).toBe(ERROR_CODES.sessionExpired);
  });

  it("that hold a lock end with it at once, its delay included", () => {
    const { world, leader, follower } = served();
    const lease = leaseOf(acquire(world, follower, { lockDelayMs: 15_000 }).answered());
    const request = { kind: "endSession", session: lease.session.session } as const;

    expect(call(world, leader, request).answered().code).toBe(ERROR_CODES.ok);

    expect(leaseOf(acquire(world, follower).answered()).token).toBeDefined();
    expect(renew(world, follower, lease.session).answered().code).toBe(ERROR_CODES.sessionExpired);
  });
});

describe("what is held", () => {
  it("is found wherever it stands, by its kind, with who stands first", () => {
    const { world, follower } = served();
    const take = (path: string, mode: "exclusive" | "permit" | "latch"): void => {
      acquire(world, follower, { path, mode, permits: 1 }).answered();
    };
    take("/locks/a", "exclusive");
    take("/app/b/mutex", "exclusive");
    take("/pool", "permit");
    take("/elections/e", "latch");
    acquire(world, follower, { path: "/pool", mode: "permit", permits: 1, waitMs: 5000 });
    world.run(500);
    const list = (of: HeldKind, after = ""): readonly (readonly [string, number])[] => {
      const request = { kind: "listQueues", of, after, limit: 10 } as const;
      return told(world, follower, request, "queues").queues.map(({ path, count }) => [path, count]);
    };

    expect(list("lock")).toEqual([
      ["/app/b/mutex", 1],
      ["/locks/a", 1],
    ]);
    expect(list("lock", "/app/b/mutex")).toEqual([["/locks/a", 1]]);
    expect(list("semaphore")).toEqual([["/pool", 2]]);
    expect(list("election")).toEqual([["/elections/e", 1]]);
  });
});

describe("watches", () => {
  it("are told with the sessions that left them, on znodes and on children, but of none that one may not read", () => {
    const { world, leader, follower } = served();
    for (const path of ["/a", "/closed"])
      call(world, leader, transact({ operations: [create(path)] })).answered();
    const client = connected(world, follower);
    client.get({ op: "getData", path: "/a", watch: true });
    client.get({ op: "getChildren2", path: "/a", watch: true });
    client.get({ op: "getData", path: "/closed", watch: true });
    world.run(200);
    const [known] = told(world, follower, { kind: "listSessions", after: 0n, limit: 9 }, "sessions").sessions;
    const request = { kind: "listWatches", after: "", limit: 10 } as const;
    const own = { session: known?.session };
    expect(told(world, follower, request, "watches").watches).toMatchObject([
      {
        path: "/a",
        count: 2,
        watchers: [
          { ...own, of: "node" },
          { ...own, of: "children" },
        ],
      },
      { path: "/closed", count: 1 },
    ]);
    const other = connected(world, leader);
    other.get({ op: "setACL", path: "/closed", acl: CLOSED, version: -1 });
    world.untilEqual();

    const { watches } = told(world, follower, request, "watches");

    expect(watches.map(({ path }) => path)).toEqual(["/a"]);
  });
});
