/** What a quota counts, what it says, and what it refuses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MultiOperation, WriteRequest } from "../../src/base/request.ts";
import { ZNODE_SETTINGS } from "../../src/base/znode-settings.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import { quotaOver } from "../../src/tree/quota.ts";
import { recomputeDigest } from "../../src/tree/tree.ts";
import { ALICE, bytes, codeOf, codesOf, create, freshTree, Leader, MapRows } from "./harness.ts";

const ENFORCING = { ...ZNODE_SETTINGS, enforceQuota: true };

function textAt(leader: Leader, path: string): string | undefined {
  const node = leader.tree.get(path);
  return node === undefined ? undefined : new TextDecoder().decode(node.data ?? new Uint8Array(0));
}

/** What zkCli's setquota does for a path of one part. */
function setQuota(leader: Leader, name: string, limits: string): void {
  const at = `/zookeeper/quota/${name}`;
  leader.write(create(at));
  leader.write(create(`${at}/zookeeper_limits`, { data: bytes(limits) }));
  leader.write(create(`${at}/zookeeper_stats`, { data: bytes("count=-1,bytes=-1") }));
}

function stats(leader: Leader, name: string): string | undefined {
  return textAt(leader, `/zookeeper/quota/${name}/zookeeper_stats`);
}

describe("a quota", () => {
  test("counts what is there when it is set, the znode itself too, and all that changes from then on", () => {
    const leader = new Leader();
    for (const path of ["/a", "/a/b", "/ab"]) leader.write(create(path, { data: bytes("12345") }));
    setQuota(leader, "a", "count=10,bytes=-1");
    const before = stats(leader, "a");
    leader.write(create("/a/c", { data: bytes("123") }));
    leader.write(create("/a/e", { flags: 1, data: null }));
    leader.write({ op: "setData", path: "/a/b", data: bytes("1"), version: -1 });
    leader.write(create("/ab/x"));
    const grown = stats(leader, "a");
    leader.write({ op: "closeSession" }, { session: ALICE });
    leader.write({ op: "delete", path: "/a/b", version: -1 }, { session: 0xb0bn });

    expect([before, grown, stats(leader, "a")]).toEqual([
      "count=2,bytes=10",
      "count=4,bytes=9",
      "count=2,bytes=8",
    ]);
  });

  test("is answered with what was sent, and its stats change without a version, a time or an event", () => {
    const leader = new Leader();
    leader.write(create("/a"));
    leader.write(create("/zookeeper/quota/a"));
    leader.write(create("/zookeeper/quota/a/zookeeper_limits", { data: bytes("count=1,bytes=-1") }));
    const sent = create("/zookeeper/quota/a/zookeeper_stats", { op: "create2", data: bytes("xyz") });
    const made = leader.write(sent);
    leader.events.length = 0;
    const stat = leader.tree.stat(sent.path);
    leader.write(create("/a/b"));

    expect(made).toMatchObject({ kind: "created", stat: { dataLength: 3 } });
    expect(leader.tree.stat(sent.path)).toEqual(stat);
    expect(leader.events.map(({ path }) => path)).toEqual(["/a/b"]);
  });

  test("of a path where nothing is counts from nothing; without limits nothing is counted", () => {
    const leader = new Leader();
    setQuota(leader, "later", "count=5,bytes=-1");
    leader.write(create("/later"));
    leader.write({ op: "delete", path: "/zookeeper/quota/later/zookeeper_limits", version: -1 });
    leader.write(create("/later/x"));

    expect(stats(leader, "later")).toBe("count=1,bytes=0");
  });

  test("inside another one stands alone: the deepest counts", () => {
    const leader = new Leader();
    leader.write(create("/a"));
    leader.write(create("/a/b"));
    setQuota(leader, "a", "count=9,bytes=-1");
    setQuota(leader, "a/b", "count=9,bytes=-1");
    leader.write(create("/a/b/c"));
    leader.write(create("/a/d"));

    expect([stats(leader, "a"), stats(leader, "a/b")]).toEqual(["count=3,bytes=0", "count=2,bytes=0"]);
    expect(
      ["/a", "/a/d", "/a/b", "/a/b/c/d", "/ab", "/"].map((path) => quotaOver(leader.tree, path)),
    ).toEqual(["/a", "/a", "/a/b", "/a/b", undefined, undefined]);
  });

  test.each([
    [
      "count=1,bytes=2=;byteHardLimit=7;countHardLimit=8",
      "count=2,bytes=2=;byteHardLimit=7;countHardLimit=8",
    ],
    ["bytes=5", "count=0,bytes=5"],
    ["count=,bytes=3", "count=0,bytes=3"],
    ["garbage,count=x;;=,count=4", "count=5,bytes=-1"],
    ["", "count=0,bytes=-1"],
  ])("whose stats a client set to %j goes on from there", (set, after) => {
    const leader = new Leader();
    leader.write(create("/a"));
    setQuota(leader, "a", "count=9,bytes=-1");
    leader.write({
      op: "setData",
      path: "/zookeeper/quota/a/zookeeper_stats",
      data: bytes(set),
      version: -1,
    });
    leader.write(create("/a/b"));

    expect(stats(leader, "a")).toBe(after);
  });
});

describe("a limit", () => {
  function limited(
    limits: string,
    settings = ENFORCING,
  ): { readonly leader: Leader; readonly codes: () => number[] } {
    const leader = new Leader(freshTree(), 0, settings);
    leader.write(create("/a", { data: bytes("12") }));
    setQuota(leader, "a", limits);
    const writes: readonly WriteRequest[] = [
      create("/a/1"),
      create("/a/2", { data: bytes("1234567890") }),
      { op: "setData", path: "/a", data: bytes("1234567890"), version: -1 },
      { op: "setData", path: "/a", data: bytes("1"), version: 77 },
    ];
    return { leader, codes: () => writes.map((request) => codeOf(leader.write(request))) };
  }

  test.each([
    ["count=-1,bytes=-1=;countHardLimit=2", [0, -125, 0, -103]],
    ["count=-1,bytes=-1=;byteHardLimit=9", [0, -125, -125, -103]],
    ["count=-1,bytes=-1=;byteHardLimit=12", [0, 0, -125, -103]],
    ["count=1,bytes=1", [0, 0, 0, -103]],
    ["count=1,bytes=1=;byteHardLimit=1000;countHardLimit=1000", [0, 0, 0, -103]],
    ["count=-1,bytes=-1=;countHardLimit=0", [-125, -125, 0, -103]],
  ])("of %s is answered with %j", (limits, codes) => {
    expect(limited(limits).codes()).toEqual(codes);
  });

  test("that is hard is only warned of where quotas are not enforced", () => {
    expect(limited("count=-1,bytes=-1=;countHardLimit=0", ZNODE_SETTINGS).codes()).toEqual([0, 0, 0, -103]);
  });

  test("counts what is proposed before it, and before it in the same multi", () => {
    const { leader } = limited("count=-1,bytes=-1=;countHardLimit=3");
    const operations: readonly MultiOperation[] = [create("/a/1"), create("/a/2"), create("/a/3")];
    const multi = leader.write({ op: "multi", operations });
    const pipelined = ["/a/1", "/a/2", "/a/3"].map((path) => leader.propose(create(path)).kind);
    leader.deliver();

    expect(codesOf(multi)).toEqual([0, 0, -125]);
    expect(pipelined).toEqual(["create", "create", "error"]);
    expect(stats(leader, "a")).toBe("count=3,bytes=2");
  });
});

test("the stats always say what there is, whatever is written, pipelined and flushed", () => {
  const path = fc.constantFrom("/a", "/a/x", "/a/x/y", "/b", "/a/z");
  const data = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 9 }));
  const flags = fc.constantFrom(0, 0, 1);
  const write = fc.oneof(
    fc.record({ path, data, flags }).map(({ path: at, ...more }): WriteRequest => create(at, more)),
    fc.record({ path, data }).map((one): WriteRequest => ({ op: "setData", version: -1, ...one })),
    path.map((at): WriteRequest => ({ op: "delete", path: at, version: -1 })),
    fc.record({ path, data }).map(({ path: at, data: of }): WriteRequest => {
      return {
        op: "multi",
        operations: [create(at, { data: of }), { op: "delete", path: "/b", version: -1 }],
      };
    }),
    fc.constant<WriteRequest>({ op: "closeSession" }),
    fc.constant<WriteRequest>({ op: "createSession", timeoutMs: 4000, password: new Uint8Array(16) }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 6, arbitrary: write }, fc.constantFrom("flush", "deliver"))),
      (steps) => {
        const rows = new MapRows();
        const store = new CachedNodeStore(rows, 2000);
        const leader = new Leader(freshTree(store));
        leader.write(create("/a", { data: bytes("12") }));
        setQuota(leader, "a", "count=3,bytes=-1");
        for (const step of steps) {
          if (step === "flush") rows.flush(store);
          else if (step === "deliver") leader.deliver();
          else leader.propose(step);
        }
        leader.deliver();
        const { count, bytes: size } = leader.tree.subtotal("/a");

        expect(stats(leader, "a")).toBe(`count=${count},bytes=${size}`);
        expect(recomputeDigest(leader.tree, leader.tree.sessions)).toEqual(leader.tree.digest);
      },
    ),
    { numRuns: 200 },
  );
});
