import { expect, test } from "vitest";
import { bytes, codesOf, create, Leader } from "./harness.ts";

test("operations of a multi see those before them, under one zxid (YARN's fence; seen on 3.8.0)", () => {
  const leader = new Leader();

  const outcome = leader.write({
    op: "multi",
    operations: [
      create("/m"),
      { op: "setData", path: "/m", data: bytes("q"), version: 0 },
      { op: "check", path: "/m", version: 1 },
      { op: "delete", path: "/m", version: 1 },
      create("/m"),
      create("/m/kid", { flags: 1 }),
    ],
  });

  expect(codesOf(outcome)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(leader.tree.stat("/m")).toMatchObject({ numChildren: 1, version: 0 });
  const zxid = { epoch: 1, counter: leader.counter };
  expect(leader.tree.stat("/m")).toMatchObject({ czxid: zxid, mzxid: zxid, pzxid: zxid });
});

test("a multi that fails says 0, the code, and -2, and changes nothing (seen on 3.8.0)", () => {
  const leader = new Leader();
  const digest = leader.tree.digest;

  const outcome = leader.write({
    op: "multi",
    operations: [
      create("/m"),
      create("/m/q-", { flags: 2 }),
      { op: "delete", path: "/m", version: 3 },
      create("/m2"),
    ],
  });

  expect(codesOf(outcome)).toEqual([0, 0, -103, -2]);
  expect(leader.tree.digest).toEqual(digest);
  expect(leader.events).toEqual([]);
});

test("a multi that failed leaves nothing that a later request could see before it is applied", () => {
  const leader = new Leader();
  leader.write(create("/s"));

  leader.propose({
    op: "multi",
    operations: [create("/s/q-", { flags: 2 }), { op: "check", path: "/nope", version: -1 }],
  });
  const next = leader.propose(create("/s/q-", { flags: 2 }));
  leader.deliver();

  expect(next).toMatchObject({ kind: "create", path: "/s/q-0000000000", parentCreates: 1 });
});

test("sequence numbers go on within a multi (seen on 3.8.0)", () => {
  const leader = new Leader();
  leader.write(create("/s"));

  const outcome = leader.write({
    op: "multi",
    operations: [
      create("/s/z-", { flags: 2 }),
      create("/s/z-", { flags: 2 }),
      create("/s/e-", { op: "create2", flags: 3 }),
    ],
  });

  const paths = outcome.kind === "multi" ? outcome.outcomes : [];
  expect(paths).toMatchObject([
    { path: "/s/z-0000000000", withStat: false },
    { path: "/s/z-0000000001", withStat: false },
    // A create2 is answered with a Stat, as alone (ZooKeeper 3.9; 3.8 told the path alone).
    { path: "/s/e-0000000002", withStat: true },
  ]);
});

test("setData twice in a multi gives each result its own Stat, as Kafka reads its broker epoch from it", () => {
  const leader = new Leader();

  const outcome = leader.write({
    op: "multi",
    operations: [
      create("/brokers", { flags: 1, data: null }),
      { op: "setData", path: "/brokers", data: bytes("{}"), version: 0 },
    ],
  });

  const czxid = { epoch: 1, counter: leader.counter };
  expect(outcome).toMatchObject({
    outcomes: [
      { kind: "created", stat: { version: 0, dataLength: 0 } },
      { kind: "stat", stat: { version: 1, dataLength: 2, czxid } },
    ],
  });
});
