import { expect, test } from "vitest";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { must } from "../../../src/base/assert.ts";
import { sessionText } from "../../../src/base/ids.ts";
import { auditLines } from "../../../src/keeper/operations/audit.ts";
import { connected, create } from "../test-client.ts";
import { World } from "../world.ts";

/** The audit lines of a replica, without what stands before their fields. */
function linesOf(world: World, sid: number): readonly string[] {
  const lines = must(world.replica(sid).log, "a log").filter((line) => line.includes(" audit "));
  return lines.map((line) => line.slice(line.indexOf(" audit ") + " audit ".length));
}

test("each change leaves a line at the replica that answers, with ZooKeeper's fields", () => {
  const world = new World({ voters: 3, isAudited: true }).startAll();
  const leader = world.untilServing();
  const other = leader === 1 ? 2 : 1;
  const client = connected(world, other);
  const set = { op: "setData", path: "/a", data: null, version: -1 } as const;
  client.ask(create("/a"));
  client.ask({ ...create("/a/e"), flags: 1 });
  client.ask({ ...set, version: 7 });
  client.ask({ op: "setACL", path: "/a", acl: OPEN_ACL, version: -1 });
  client.ask({ op: "multi", operations: [set, { op: "check", path: "/a", version: -1 }] });
  client.ask({ op: "multi", operations: [set, { op: "delete", path: "/none", version: -1 }] });
  client.ask({ op: "getData", path: "/a", watch: false });
  const session = sessionText(must(world.keeper(other).report().connections()[0]?.session, "a session"));
  client.ask({ op: "closeSession" });
  world.run(1000);

  const who = `session=${session}\tuser=10.0.0.1\tip=10.0.0.1`;
  expect(linesOf(world, other)).toEqual([
    `${who}\toperation=create\tznode=/a\tznode_type=persistent\tresult=success`,
    `${who}\toperation=create\tznode=/a/e\tznode_type=ephemeral\tresult=success`,
    `${who}\toperation=setData\tznode=/a\tresult=failure`,
    `${who}\toperation=setAcl\tznode=/a\tacl=world:anyone:cdrwa\tresult=success`,
    `${who}\toperation=setData\tznode=/a\tresult=success`,
    `${who}\toperation=multiOperation\tresult=failure`,
  ]);
  expect(linesOf(world, leader)).toEqual([
    `session=${session}\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/a/e\tresult=success`,
  ]);
});

test("nothing is written unless it is asked for", () => {
  const world = new World({ voters: 1 }).startAll();
  world.untilServing();
  connected(world, 1).ask(create("/a"));

  expect(linesOf(world, 1)).toEqual([]);
});

test("what a client sent can end neither a field nor a line, and a login's hash is not told", () => {
  const identities = [
    { scheme: "super", id: "" },
    { scheme: "digest", id: "ann\n:c2VjcmV0" },
    { scheme: "ip", id: "10.0.0.1" },
  ];
  const actor = { session: 5n, identities, host: "10.0.0.1" };
  const request = { ...create("/x\tresult=success\n2026 forged"), flags: 9 };
  expect(auditLines(actor, request, { kind: "error", code: -8 })).toEqual([
    "session=0x5\tuser=ann\\u000a,10.0.0.1\tip=10.0.0.1\toperation=create" +
      "\tznode=/x\\u0009result=success\\u000a2026 forged\tresult=failure",
  ]);
});
