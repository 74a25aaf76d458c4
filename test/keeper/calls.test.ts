/** Callers without a connection: reads, writes and sessions, over changes of leader and the death of replicas. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { CallRequest } from "../../src/keeper/call.ts";
import type { Known } from "../../src/keeper/change-waits.ts";
import { CALL_WAIT_MS, CALLS_MAX } from "../../src/keeper/limits.ts";
import { call, create, keyOf, openSession, readText, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const EPHEMERAL = 1;

function served(
  voters = 3,
  seed = 1,
): { readonly world: World; readonly leader: number; readonly follower: number; readonly other: number } {
  const world = new World({ voters, seed }).startAll();
  const leader = world.untilServing();
  const [follower = 0, other = 0] = world.sids.filter((sid) => sid !== leader);
  return { world, leader, follower, other };
}

function write(
  path: string,
  text = "",
): { readonly kind: "write"; readonly request: ReturnType<typeof create> } {
  return { kind: "write", request: create(path, text) };
}

describe("a call", () => {
  it("writes through any replica, and reads what it wrote elsewhere by the zxid it was told", () => {
    const { world, leader, follower } = served();
    const { zxid, response } = call(world, follower, write("/a", "one")).answered();

    expect(response).toMatchObject({ op: "create2", path: "/a", stat: { czxid: zxid, version: 0 } });
    expect(readText(world, leader, "/a", { minZxid: zxid }).text).toBe("one");
  });

  it("is told what it did wrong", () => {
    const { world, leader } = served(1);
    call(world, leader, write("/a")).answered();

    expect(call(world, leader, write("/a")).answered().code).toBe(ERROR_CODES.nodeExists);
    expect(call(world, leader, write("/b/c")).answered().code).toBe(ERROR_CODES.noNode);
    const ephemeral = { kind: "write", request: create("/e", "", EPHEMERAL) } as const;
    expect(call(world, leader, ephemeral).answered().code).toBe(ERROR_CODES.badArguments);
    const missing = { op: "getData", path: "/none", watch: false } as const;
    const read = { kind: "read", request: missing, isLinearizable: false } as const;
    expect(call(world, leader, read).answered()).toMatchObject({
      code: ERROR_CODES.noNode,
      response: { op: "empty" },
    });
  });

  it("waits until its replica has delivered what the caller has seen, and no longer than it may", () => {
    const { world, follower } = served();
    const ahead = world.tree(follower).lastApplied;
    const seen = { epoch: ahead.epoch, counter: ahead.counter + 1 };
    const read = call(
      world,
      follower,
      { kind: "read", request: { op: "getData", path: "/a", watch: false }, isLinearizable: false },
      { minZxid: seen },
    );
    world.run(100);
    expect(read.answer).toBeUndefined();
    call(world, follower, write("/a", "late")).answered();
    expect(read.answered()).toMatchObject({ code: 0, response: { op: "getData" } });

    const never = call(
      world,
      follower,
      { kind: "read", request: { op: "getData", path: "/a", watch: false }, isLinearizable: false },
      { minZxid: { epoch: ahead.epoch + 9, counter: 1 } },
    );
    const atMs = world.nowMs;
    expect(never.ended()).toEqual({ kind: "unavailable", reason: "lagging" });
    expect(world.nowMs - atMs).toBeGreaterThanOrEqual(CALL_WAIT_MS);
  });

  it("reads linearizably at a replica that lags: never older than what was acknowledged before it came", () => {
    const { world, leader, follower } = served();
    call(world, leader, write("/a", "old")).answered();
    world.untilEqual();
    for (let round = 0; round < 20; round++) {
      world.delayMs = 60;
      const set = { op: "setData", path: "/a", data: new Uint8Array([65 + round]), version: -1 } as const;
      call(world, leader, { kind: "write", request: set }).answered();
      const { text } = readText(world, follower, "/a", { isLinearizable: true });
      expect(text).toBe(String.fromCharCode(65 + round));
    }
  });

  it("shares a barrier with those that wait for one, each behind one that left after it came", () => {
    const { world, follower } = served();
    call(world, follower, write("/a", "x")).answered();
    world.untilEqual();
    const before = world.tree(follower).lastApplied.counter;
    const request = { op: "getData", path: "/a", watch: false } as const;
    const reads = Array.from({ length: 50 }, () =>
      call(world, follower, { kind: "read", request, isLinearizable: true }),
    );
    for (const read of reads) expect(read.answered().code).toBe(0);
    expect(world.tree(follower).lastApplied.counter - before).toBe(2);
  });

  it("is shown a long list of children page by page", () => {
    const { world, leader } = served(1);
    for (const name of ["c", "a", "e", "b", "d"]) call(world, leader, write(`/${name}`)).answered();
    const pages: string[][] = [];
    for (let after = "", isLast = false; !isLast;) {
      const request = { op: "getChildren2", path: "/", watch: false } as const;
      const page = { after, limit: 2 };
      const { response } = call(world, leader, {
        kind: "read",
        request,
        isLinearizable: false,
        page,
      }).answered();
      if (response.op !== "page") throw new Error("no page");
      pages.push([...response.children]);
      after = response.children.at(-1) ?? "";
      isLast = response.isLast;
    }
    expect(pages).toEqual([
      ["a", "b"],
      ["c", "d"],
      ["e", "zookeeper"],
    ]);
  });

  it("is refused where too many are under way, and nothing of it is done", () => {
    const { world, leader, follower } = served();
    world.crash(leader);
    const waiting = Array.from({ length: CALLS_MAX }, () => call(world, follower, write("/a")));
    const last = call(world, follower, write("/b"));
    expect(last.ended()).toEqual({ kind: "unavailable", reason: "busy" });
    waiting[0]?.hangUp();
    expect(call(world, follower, write("/c")).answered().code).toBe(0);
  });
});

describe("a call that waits for a change", () => {
  const data = { op: "getData", path: "/a", watch: false } as const;
  const list = { op: "getChildren2", path: "/a", watch: false } as const;
  const wait = (
    request: typeof data | typeof list,
    known: Known | undefined,
    waitMs = 30_000,
  ): CallRequest => ({
    kind: "read",
    request,
    isLinearizable: false,
    change: { known, waitMs },
  });
  const set: CallRequest = {
    kind: "write",
    request: { op: "setData", path: "/a", data: new Uint8Array(1), version: -1 },
  };

  it("is answered by the creation, each change and the end of what it reads, and by no other", () => {
    const { world, leader, follower } = served();
    const created = call(world, follower, wait(data, undefined));
    world.run(500);
    expect(created.answer).toBeUndefined();
    const { zxid } = call(world, leader, write("/a")).answered();
    expect(created.answered()).toMatchObject({ code: 0, response: { stat: { czxid: zxid, version: 0 } } });

    const changed = call(world, follower, wait(data, { count: 0, zxid }));
    const listed = call(world, follower, wait(list, { count: 0, zxid }));
    world.run(300);
    call(world, leader, set).answered();
    expect(changed.answered()).toMatchObject({ response: { stat: { version: 1 } } });
    expect(listed.answer).toBeUndefined();
    const late = call(world, follower, wait(data, { count: 1, zxid }));
    call(world, leader, write("/a/child")).answered();
    expect(listed.answered()).toMatchObject({ response: { children: ["child"] } });
    expect(late.answer).toBeUndefined();
    call(world, leader, {
      kind: "write",
      request: { op: "delete", path: "/a/child", version: -1 },
    }).answered();
    call(world, leader, { kind: "write", request: { op: "delete", path: "/a", version: -1 } }).answered();
    expect(late.answered().code).toBe(ERROR_CODES.noNode);
  });

  it("is answered at once by what it does not know, and after its time by what it knows", () => {
    const { world, leader, follower } = served();
    const { zxid } = call(world, leader, write("/a")).answered();
    world.untilEqual();
    expect(call(world, follower, wait(data, { count: 7, zxid })).answered(10).code).toBe(0);
    const atMs = world.nowMs;
    const same = call(world, follower, wait(data, { count: 0, zxid }, 2000)).answered();
    expect(same).toMatchObject({ code: 0, response: { stat: { version: 0 } } });
    expect(world.nowMs - atMs).toBeGreaterThanOrEqual(2000);
    const none = { op: "getData", path: "/none", watch: false } as unknown as typeof data;
    expect(call(world, follower, wait(none, undefined, 1000)).answered().code).toBe(ERROR_CODES.noNode);
  });

  it("waits on over a change of leader, and holds nothing once its caller has hung up", () => {
    const { world, leader, follower, other } = served();
    const { zxid } = call(world, leader, write("/a")).answered();
    world.untilEqual();
    const gone = call(world, follower, wait(data, { count: 0, zxid }));
    const asked = call(world, follower, wait(data, { count: 0, zxid }));
    gone.hangUp();
    expect(world.keeper(follower).status().calls).toBe(1);
    world.crash(leader);
    world.run(3000);
    expect(asked.answer).toBeUndefined();
    call(world, other, set).answered();
    expect(asked.answered()).toMatchObject({ response: { stat: { version: 1 } } });
    expect(world.keeper(follower).status().calls).toBe(0);
  });
});

describe("a call over a change of leader", () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed))("writes exactly once, seed %d", (seed) => {
    const { world, leader, follower } = served(3, seed);
    call(world, follower, { kind: "write", request: create("/q") }).answered();
    const sequential = { kind: "write", request: create("/q/n-", "", 2) } as const;
    const calls = Array.from({ length: 40 }, () => call(world, follower, sequential));
    world.run(world.rng.below(12));
    world.crash(leader);
    const paths = calls.map((one) => {
      const { code, response } = one.answered();
      expect(code).toBe(0);
      return response.op === "create2" ? response.path : "";
    });
    expect(new Set(paths).size).toBe(40);
    expect(world.tree(follower).childNames("/q").length).toBe(40);
  });

  it("is told that nobody serves, and that nothing was done", () => {
    const { world, leader, follower } = served();
    for (const sid of world.sids) if (sid !== follower) world.crash(sid);
    world.until("it has noticed", () => !world.keeper(follower).serving);
    const asked = call(world, follower, write("/a"));
    expect(asked.ended()).toEqual({ kind: "unavailable", reason: "no-quorum" });
    world.startAll();
    world.untilServing();
    expect(readText(world, leader, "/a", { isLinearizable: true }).text).toBeUndefined();
  });

  it("waits for that no longer than it has patience", () => {
    const { world, follower } = served();
    for (const sid of world.sids) if (sid !== follower) world.crash(sid);
    world.until("it has noticed", () => !world.keeper(follower).serving);
    const patient = call(world, follower, write("/a"));
    const asked = call(world, follower, write("/b"), { patienceMs: 300 });
    const askedTooMuch = call(world, follower, write("/c"), { patienceMs: 600_000 });
    expect(asked.ended(400)).toEqual({ kind: "unavailable", reason: "no-quorum" });
    expect(patient.answer).toBeUndefined();
    expect(askedTooMuch.ended(6000)).toEqual({ kind: "unavailable", reason: "no-quorum" });
  });

  it("is told that its outcome is unknown where it left for a leader that is gone", () => {
    const { world, leader, follower } = served();
    const asked = call(world, follower, write("/a"));
    world.crash(leader, 0);
    for (const sid of world.sids) if (sid !== follower && sid !== leader) world.crash(sid, 0);
    expect(asked.ended()).toEqual({ kind: "undecided" });
  });
});

describe("a session without a connection", () => {
  it("keeps its ephemerals as long as something is asked in it, by any replica, and not longer", () => {
    const { world, leader, follower } = served();
    const session = openSession(world, follower, 4000);
    const ephemeral = { kind: "write", request: create("/e", "", EPHEMERAL) } as const;
    expect(call(world, leader, ephemeral, { session }).answered().code).toBe(0);
    for (let round = 0; round < 6; round++) {
      world.run(3000);
      const sid = round % 2 === 0 ? leader : follower;
      expect(readText(world, sid, "/e", { session }).text).toBe("");
    }
    const atMs = world.nowMs;
    world.until("it expires", () => world.tree(leader).get("/e") === undefined, 10_000);
    expect(world.nowMs - atMs).toBeGreaterThanOrEqual(4000);
    const late = call(world, follower, ephemeral, { session }).answered();
    expect(late.code).toBe(ERROR_CODES.sessionExpired);
  });

  it("is nobody else's: a wrong password is no session", () => {
    const { world, leader } = served(1);
    const { session } = openSession(world, leader, 4000);
    const thief = { session, password: new Uint8Array(16) };
    const end = { kind: "write", request: { op: "closeSession" } } as const;
    expect(call(world, leader, end, { session: thief }).answered().code).toBe(ERROR_CODES.sessionExpired);
    expect(world.tree(leader).sessions.get(session)).toBeDefined();
    expect(call(world, leader, end).answered().code).toBe(ERROR_CODES.sessionExpired);
  });

  it("is known at once at a replica that lags", () => {
    const { world, leader, follower } = served();
    world.delayMs = 80;
    const session = openSession(world, leader, 4000);
    const ephemeral = { kind: "write", request: create("/e", "", EPHEMERAL) } as const;
    expect(call(world, follower, ephemeral, { session }).answered().code).toBe(0);
    const end = { kind: "write", request: { op: "closeSession" } } as const;
    expect(call(world, follower, end, { session }).answered().code).toBe(0);
    expect(call(world, leader, end, { session }).answered().code).toBe(ERROR_CODES.sessionExpired);
  });

  it("outlives the replica that made it, and the leader", () => {
    const { world, leader, follower } = served();
    const session = openSession(world, follower, 6000);
    const ephemeral = { kind: "write", request: create("/e", "", EPHEMERAL) } as const;
    call(world, follower, ephemeral, { session }).answered();
    world.crash(follower);
    world.run(2000);
    world.start(follower);
    world.untilServing();
    world.crash(leader);
    const other = world.sids.find((sid) => sid !== leader && sid !== follower) ?? 0;
    expect(readText(world, other, "/e", { session, isLinearizable: true }).text).toBe("");
  });
});

describe("a key", () => {
  const put = (text: string): Parameters<typeof transact>[0] => ({
    operations: [create("/n-", text, 2)],
    key: keyOf("order-7"),
  });

  it("makes a write done once, however often and wherever it is asked, and each is told the same", () => {
    const { world, leader, follower } = served();
    const first = call(world, follower, transact(put("x")));
    const second = call(world, leader, transact(put("x")));
    const [one, two] = [first.answered(), second.answered()];
    const three = call(world, follower, transact(put("x"))).answered();

    expect(two).toEqual(one);
    expect(three).toEqual(one);
    expect(one).toMatchObject({ code: 0, response: { op: "multi", results: [{ op: "create2" }] } });
    world.untilEqual();
    expect(
      world
        .tree(leader)
        .childNames("/")
        .filter((name) => name.startsWith("n-")).length,
    ).toBe(1);
  });

  it("stands for one request alone", () => {
    const { world, leader } = served(1);
    call(world, leader, transact(put("x"))).answered();
    const other = { ...put("y"), key: keyOf("order-7", "another") };
    expect(call(world, leader, transact(other)).answered().code).toBe(ERROR_CODES.keyReused);
  });

  it("remembers nothing of what was refused", () => {
    const { world, leader } = served(1);
    const asked = transact({ operations: [create("/a/b")], key: keyOf("k") });
    expect(call(world, leader, asked).answered().response).toMatchObject({
      results: [{ op: "error", code: ERROR_CODES.noNode }],
    });
    call(world, leader, write("/a")).answered();
    expect(call(world, leader, asked).answered().response).toMatchObject({ results: [{ op: "create2" }] });
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "finds a lost answer, whoever died, seed %d",
    (seed) => {
      const { world, leader, follower } = served(3, seed);
      const victim = seed % 2 === 0 ? leader : follower;
      const first = call(world, victim, transact(put("x")));
      world.run(world.rng.below(15));
      world.crash(victim);
      first.ended();
      const again = call(world, world.sids.find((sid) => sid !== victim) ?? 0, transact(put("x"))).answered();
      expect(again.code).toBe(0);
      world.startAll();
      world.untilEqual();
      expect(
        world
          .tree(leader)
          .childNames("/")
          .filter((name) => name.startsWith("n-")).length,
      ).toBe(1);
    },
  );

  it("is kept from clients: nobody reads it, deletes it, or makes its place", () => {
    const { world, leader } = served(1);
    const place = { kind: "write", request: create("/zookeeper/call-keys") } as const;
    expect(call(world, leader, place).answered().code).toBe(ERROR_CODES.noAuth);
    call(world, leader, transact(put("x"))).answered();
    const path = `/zookeeper/call-keys/${keyOf("order-7").name}`;
    const read = { op: "getData", path, watch: false } as const;
    const look = { kind: "read", request: read, isLinearizable: false } as const;
    expect(call(world, leader, look).answered().code).toBe(ERROR_CODES.noAuth);
    const remove = { kind: "write", request: { op: "delete", path, version: -1 } } as const;
    expect(call(world, leader, remove).answered().code).toBe(ERROR_CODES.noAuth);
  });
});
