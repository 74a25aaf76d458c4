/** What a transact alone can do: keep what it replaces, make what is missing, and want that something is not there. */
import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { TransactRequest } from "../../src/base/request.ts";
import { StorageGate } from "../../src/keeper/storage-gate.ts";
import { zxidDigits } from "../../src/base/zxid.ts";
import { call, create, keyOf, type TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const PATH = "/config/app";
const HISTORY = `${PATH}/.history`;

function served(): { readonly world: World; readonly leader: Sid; readonly follower: Sid } {
  const world = new World({ voters: 3 }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? 0;
  call(world, leader, { kind: "write", request: create("/config") }).answered();
  return { world, leader, follower };
}

function put(world: World, sid: Sid, text: string, parts: Partial<TransactRequest> = {}): TestCall {
  const data = new TextEncoder().encode(text);
  const operations = [{ op: "put", path: PATH, data, acl: OPEN_ACL }] as const;
  return call(world, sid, transact({ archived: { path: PATH, max: 3 }, operations, ...parts }));
}

function kept(world: World, sid: Sid): readonly string[] {
  const tree = world.tree(sid);
  return tree.childNames(HISTORY).map((name) => {
    return new TextDecoder().decode(tree.get(`${HISTORY}/${name}`)?.data ?? new Uint8Array());
  });
}

describe("an archive", () => {
  it("keeps the latest that were replaced, by any replica, under the names of their writes", () => {
    const { world, leader, follower } = served();
    put(world, follower, "0").answered();
    const node = world.tree(follower).get(PATH);
    expect(kept(world, follower)).toEqual([]);
    put(world, leader, "1").answered();
    world.untilEqual();
    expect(world.tree(follower).childNames(HISTORY)).toEqual([
      `${zxidDigits(node?.mzxid ?? { epoch: 0, counter: 0 })}-0-${node?.mtime}`,
    ]);
    // By the wire: the next one keeps that too.
    const wire = { op: "setData", path: PATH, data: new TextEncoder().encode("2"), version: -1 } as const;
    call(world, leader, { kind: "write", request: wire }).answered();
    for (const text of ["3", "4"]) put(world, follower, text).answered();
    world.untilEqual();
    expect(kept(world, leader)).toEqual(["0", "2", "3"]);
    put(world, leader, "5").answered();
    expect(kept(world, leader)).toEqual(["2", "3", "4"]);
  });

  it("is nothing where the write is not done, and is made once under a key, over the death of the leader", () => {
    const { world, leader, follower } = served();
    put(world, follower, "0").answered();
    const absent = [{ kind: "absent", path: PATH }] as const;
    expect(put(world, follower, "1", { guards: absent }).answered().code).toBe(ERROR_CODES.nodeExists);
    expect(kept(world, follower)).toEqual([]);
    const key = keyOf("k");
    const asked = put(world, follower, "2", { key });
    world.crash(leader);
    asked.answered(30_000);
    world.startAll();
    world.untilServing();
    put(world, follower, "2", { key }).answered();
    put(world, leader, "2", { key }).answered(30_000);
    world.untilEqual();
    expect(kept(world, follower)).toEqual(["0"]);
    expect(kept(world, leader)).toEqual(["0"]);
  });

  it("is as protected as what it keeps", () => {
    const { world, leader } = served();
    const acl = [{ perms: 7, scheme: "world", id: "anyone" }];
    const operations = [{ op: "put", path: PATH, data: new Uint8Array([1]), acl }] as const;
    call(world, leader, transact({ operations })).answered();
    put(world, leader, "1").answered();
    const [name = ""] = world.tree(leader).childNames(HISTORY);
    expect(world.tree(leader).get(`${HISTORY}/${name}`)?.acl).toEqual(acl);
  });
});

describe("ensure", () => {
  it("makes what is missing and leaves what is there", () => {
    const { world, leader } = served();
    const ensure = (text: string): TestCall => {
      const data = new TextEncoder().encode(text);
      return call(
        world,
        leader,
        transact({ operations: [{ op: "ensure", path: "/one", data, acl: OPEN_ACL }] }),
      );
    };
    ensure("first").answered();
    ensure("second").answered();
    const node = world.tree(leader).get("/one");
    expect([new TextDecoder().decode(node?.data ?? new Uint8Array()), node?.version]).toEqual(["first", 0]);
  });
});

describe("a full disk", () => {
  it("refuses what may add to the tree, and not what takes from it", () => {
    const gate = new StorageGate(1000);
    const bare = {
      op: "transact",
      newSession: undefined,
      ensured: undefined,
      guards: [],
      key: undefined,
    } as const;
    const parts = { path: PATH, acl: OPEN_ACL } as const;
    const growing: readonly TransactRequest[] = [
      { ...bare, operations: [{ op: "add", delta: 1n, ...parts }] },
      { ...bare, operations: [{ op: "ensure", data: null, ...parts }] },
      { ...bare, operations: [{ op: "put", data: null, ...parts }] },
    ];
    const shrinking = { ...bare, operations: [{ op: "delete", path: PATH, version: -1 }] } as const;
    expect(growing.some((request) => gate.refuses(request))).toBe(false);
    gate.report(1, 1001);
    expect(growing.every((request) => gate.refuses(request))).toBe(true);
    expect(gate.refuses(shrinking)).toBe(false);
  });
});
