/** Instances of services: children with their data, of one state, waited for, over the loss of who registered them. */
import { describe, expect, it } from "vitest";
import type { Sid } from "../../src/base/ids.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import type { CallSession } from "../../src/keeper/call.ts";
import { call, create, openSession, type TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const SERVICE = "/services/web";

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

function register(world: World, sid: Sid, session: CallSession, id: string): void {
  const operations = [create(`${SERVICE}/${id}`, id, 1)];
  const { response } = call(world, sid, transact({ ensured: SERVICE, operations }), { session }).answered();
  if (response.op !== "multi") throw new Error("not registered");
}

function list(world: World, sid: Sid, known?: Zxid, limit = 100): TestCall {
  const change = known === undefined ? undefined : { known, waitMs: 60_000 };
  return call(world, sid, {
    kind: "children",
    path: SERVICE,
    limit,
    isLinearizable: known === undefined,
    change,
  });
}

function seen(asked: TestCall): {
  readonly texts: readonly string[];
  readonly state: Zxid;
  readonly isAll: boolean;
} {
  const { response } = asked.answered(70_000);
  if (response.op !== "childrenData") throw new Error("no children");
  const { children, state, isAll } = response;
  const texts = children.map(({ data }) => new TextDecoder().decode(data ?? new Uint8Array()));
  return { texts, state, isAll };
}

describe("the instances of a service", () => {
  it("are told with their data, none of a service that nobody knows, and not more than are asked for", () => {
    const { world, leader, follower } = served();
    expect(seen(list(world, leader))).toMatchObject({ texts: [], isAll: true });
    const session = openSession(world, leader, 20_000);
    for (const id of ["a", "b", "c"]) register(world, follower, session, id);
    expect(seen(list(world, leader))).toMatchObject({ texts: ["a", "b", "c"], isAll: true });
    expect(seen(list(world, follower, undefined, 2))).toMatchObject({ texts: ["a", "b"], isAll: false });
  });

  it("are waited for: until one comes, goes or changes, and not for another service's", () => {
    const { world, leader, follower, other } = served();
    const session = openSession(world, leader, 40_000);
    const nobody = seen(list(world, other));
    const first = list(world, other, nobody.state);
    world.run(300);
    expect(first.answer).toBeUndefined();
    register(world, leader, session, "a");
    const one = seen(first);
    expect(one.texts).toEqual(["a"]);
    const second = list(world, other, one.state);
    call(world, leader, { kind: "write", request: create("/services/api") }).answered();
    call(world, leader, { kind: "write", request: create("/services/api/x") }).answered();
    world.run(300);
    expect(second.answer).toBeUndefined();
    const data = new TextEncoder().encode("changed");
    const set = { op: "setData", path: `${SERVICE}/a`, data, version: -1 } as const;
    call(world, follower, { kind: "write", request: set }).answered();
    const two = seen(second);
    expect(two.texts).toEqual(["changed"]);
    const third = list(world, other, two.state);
    call(world, leader, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
    expect(seen(third).texts).toEqual([]);
  });

  it("go when who registered them has vanished, its time over and not before, whichever replica dies", () => {
    const { world, leader, follower, other } = served();
    const session = openSession(world, follower, 4000);
    register(world, follower, session, "a");
    const startMs = world.nowMs;
    const { state } = seen(list(world, other));
    const asked = list(world, other, state);
    const lost = list(world, follower, state);
    world.crash(follower);
    expect(lost.ended()).toBe("lost");
    world.run(1000);
    world.crash(leader);
    world.run(300);
    world.startAll();
    expect(seen(asked).texts).toEqual([]);
    expect(world.nowMs - startMs).toBeGreaterThanOrEqual(4000);
  });

  it("are told as far as their caller may read them", () => {
    const { world, leader } = served();
    const session = openSession(world, leader, 20_000);
    register(world, leader, session, "open");
    const acl = [{ perms: 31, scheme: "digest", id: "somebody:hash" }];
    const closed = { ...create(`${SERVICE}/closed`, "secret"), acl };
    call(world, leader, { kind: "write", request: closed }).answered();
    expect(seen(list(world, leader)).texts).toEqual(["open"]);
  });
});
