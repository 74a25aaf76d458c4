import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Stat } from "../../src/base/stat.ts";
import { sequenceText } from "../../src/tree/create-mode.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { ALICE, bytes, codeOf, create, freshTree, Leader } from "./harness.ts";

function statAt(leader: Leader, path: string): Stat {
  const stat = leader.tree.stat(path);
  if (stat === undefined) throw new Error(`no znode at ${path}`);
  return stat;
}

function summary(stat: Stat): readonly number[] {
  return [stat.version, stat.cversion, stat.aversion, stat.dataLength, stat.numChildren];
}

describe("the reserved znodes show the Stats of a fresh ZooKeeper (seen on 3.8.0)", () => {
  const cases: ReadonlyArray<readonly [string, readonly number[], number]> = [
    ["/", [0, -1, 0, 0, 1], 31],
    ["/zookeeper", [0, -2, 0, 0, 2], 31],
    ["/zookeeper/quota", [0, 0, 0, 0, 0], 31],
    ["/zookeeper/config", [0, 0, -1, 0, 0], 1],
  ];
  test.each(cases)("%s", (path, numbers, perms) => {
    const tree = freshTree();
    const stat = tree.stat(path);

    expect(stat === undefined ? undefined : summary(stat)).toEqual(numbers);
    expect(stat).toMatchObject({ czxid: { epoch: 0, counter: 0 }, ctime: 0, mtime: 0 });
    expect(tree.get(path)?.acl).toEqual([{ perms, scheme: "world", id: "anyone" }]);
  });
});

test("every change moves the numbers that ZooKeeper moves, and no others (seen on 3.8.0)", () => {
  const leader = new Leader();
  const steps: string[] = [];
  const first = leader.counter + 1;
  const note = (what: string): void => {
    const stat = statAt(leader, "/s");
    const zxids = [stat.czxid, stat.mzxid, stat.pzxid].map((zxid) => zxid.counter - first);
    steps.push(`${what}: ${zxids.join(" ")} | ${summary(stat).join(" ")}`);
  };

  leader.write(create("/s"));
  note("create");
  leader.write(create("/s/a"));
  note("child");
  leader.write(create("/s/q-", { flags: 2 }));
  note("sequential child");
  leader.write({ op: "delete", path: "/s/a", version: 0 });
  note("delete of a child");
  leader.write(create("/s/q-0000000001"));
  note("failed create");
  leader.write({ op: "setData", path: "/s", data: bytes("abc"), version: 0 });
  note("setData");
  leader.write({ op: "setACL", path: "/s", acl: OPEN_ACL, version: 0 });
  note("setACL");
  leader.write({ op: "setData", path: "/s/q-0000000001", data: null, version: -1 });
  note("setData of a child");

  expect(steps).toEqual([
    "create: 0 0 0 | 0 0 0 0 0",
    "child: 0 0 1 | 0 1 0 0 1",
    "sequential child: 0 0 2 | 0 2 0 0 2",
    "delete of a child: 0 0 3 | 0 3 0 0 1",
    "failed create: 0 0 3 | 0 3 0 0 1",
    "setData: 0 5 3 | 1 3 0 3 1",
    "setACL: 0 5 3 | 1 3 1 3 1",
    "setData of a child: 0 5 3 | 1 3 1 3 1",
  ]);
});

test("ctime and mtime are the leader's clock at the proposal", () => {
  const leader = new Leader();

  leader.write(create("/s"));
  const created = leader.counter * 1000;
  leader.write({ op: "setData", path: "/s", data: null, version: -1 });

  expect(statAt(leader, "/s")).toMatchObject({ ctime: created, mtime: created + 1000 });
});

test("sequence numbers count all creates of children, and a failed create takes none (seen on 3.8.0)", () => {
  const leader = new Leader();
  const paths: unknown[] = [];
  const note = (path: string, flags: number): void => {
    const outcome = leader.write(create(path, { flags }));
    paths.push(outcome.kind === "created" ? outcome.path : codeOf(outcome));
  };

  leader.write(create("/s"));
  note("/s/a", 0);
  note("/s/q-", 2);
  leader.write({ op: "delete", path: "/s/a", version: -1 });
  note("/s/q-0000000001", 0);
  note("/s/q-", 3);
  note("/s/", 2);

  expect(paths).toEqual(["/s/a", "/s/q-0000000001", -110, "/s/q-0000000002", "/s/0000000003"]);
});

describe("a sequence number is an int32 of at least ten characters", () => {
  const cases: ReadonlyArray<readonly [number, string]> = [
    [0, "0000000000"],
    [42, "0000000042"],
    [2147483647, "2147483647"],
    [-2147483648, "-2147483648"],
    [-1, "-000000001"],
  ];
  test.each(cases)("%i is %s", (value, text) => {
    expect(sequenceText(value)).toBe(text);
  });
});

test("after sequence number 2147483647 comes -2147483648, and creates go on", () => {
  const store = new MapNodeStore();
  const leader = new Leader(freshTree(store));
  leader.write(create("/s"));
  const node = store.get("/s");
  if (node === undefined) throw new Error("no znode");
  store.put("/s", { ...node, childCreates: 2147483647 });

  for (let index = 0; index < 3; index++) leader.write(create("/s/q", { flags: 2 }));

  expect(leader.tree.childNames("/s")).toEqual(["q-2147483647", "q-2147483648", "q2147483647"]);
  // Twice -2147483646, less three children, as an int32.
  expect(leader.tree.stat("/s")).toMatchObject({ cversion: 1, numChildren: 3 });
});

describe("Stat.ephemeralOwner is the session of an ephemeral, and 0 for all others", () => {
  const cases: ReadonlyArray<readonly [string, Parameters<typeof create>[1], bigint]> = [
    ["persistent", { flags: 0 }, 0n],
    ["ephemeral", { flags: 1 }, ALICE],
    ["sequential ephemeral", { flags: 3, path: "/s" }, ALICE],
    ["container (seen on 3.8.0)", { op: "createContainer", flags: 4 }, 0n],
    ["ephemeral flag on createContainer (seen on 3.8.0)", { op: "createContainer", flags: 1 }, 0n],
  ];
  test.each(cases)("%s", (_, more, owner) => {
    const outcome = new Leader().write(create("/n", more));

    expect(outcome.kind === "created" ? outcome.stat.ephemeralOwner : outcome).toBe(owner);
  });
});

describe("createContainer makes a container, and in a multi the flag of one does too (seen on 3.9.5)", () => {
  const cases: ReadonlyArray<readonly [string, Parameters<typeof create>[1], string, string, boolean]> = [
    ["create, flag 4", { flags: 4 }, "persistent", "container", true],
    ["create2, flag 4", { op: "create2", flags: 4 }, "persistent", "container", true],
    ["createContainer, flag 4", { op: "createContainer", flags: 4 }, "container", "container", true],
    ["createContainer, flag 0", { op: "createContainer", flags: 0 }, "container", "container", true],
    ["create2, flag 0", { op: "create2", flags: 0 }, "persistent", "persistent", true],
    ["create, flag 0", { flags: 0 }, "persistent", "persistent", false],
  ];
  test.each(cases)("%s", (_, more, alone, inMulti, withStat) => {
    const leader = new Leader();

    leader.write(create("/alone", more));
    const outcome = leader.write({ op: "multi", operations: [create("/multi", more)] });

    expect(leader.tree.get("/alone")?.owner.mode).toBe(alone);
    expect(leader.tree.get("/multi")?.owner.mode).toBe(inMulti);
    const [first] = outcome.kind === "multi" ? outcome.outcomes : [];
    expect(first).toMatchObject({ kind: "created", withStat });
  });
});
