/** What goes by itself before it is due is seen, and what goes in time is not. */
import { expect, test } from "vitest";

import { judge } from "./judge.ts";
import { create, SingleCopy } from "./single-copy.ts";
import type { Committed } from "./types.ts";

/** A TTL znode of 50 ms and an emptied container, which are removed, a persistent znode, and who made them. */
function swept(): SingleCopy {
  const service = new SingleCopy();
  const ann = service.open();
  service.ask(ann, create("/a"));
  service.ask(ann, { ...create("/t", 5), op: "createTTL", ttlMs: 50 });
  service.ask(ann, { ...create("/box", 4), op: "createContainer" });
  service.ask(ann, create("/box/kid"));
  service.ask(ann, { op: "delete", path: "/box/kid", version: -1 });
  service.nowMs += 100;
  service.sweep("/box");
  service.sweep("/t");
  service.ask(ann, { op: "sync", path: "/" });
  service.ask(ann, { op: "exists", path: "/t", watch: false });
  return service;
}

/** The names of the checks that see something where the service's own deletion of the TTL znode is another. */
function broken(change: (one: Committed) => Committed): readonly string[] {
  const service = swept();
  const committed = service.committed.map((one) => {
    const isIt = one.header.session === 0n && one.txn.kind === "delete" && one.txn.path === "/t";
    return isIt ? change(one) : one;
  });
  return judge(service.history({ committed })).map(({ check }) => check);
}

test("a TTL znode and an emptied container may go", () => {
  expect(broken((one) => one)).toEqual([]);
});

test("SweptWhenDue: a TTL znode goes before its time is over, by the clock of the leader that removes it", () => {
  const early = (byMs: number) => (one: Committed) => {
    return { ...one, header: { ...one.header, timeMs: one.header.timeMs - byMs } };
  };

  expect(broken(early(40))).toEqual([]);
  expect(broken(early(80))).toEqual(["SweptWhenDue"]);
});

test("SweptWhenDue: the service removes what stays by itself", () => {
  expect(broken((one) => ({ ...one, txn: { kind: "delete", path: "/a" } }))).toContain("SweptWhenDue");
});

test("Linearizability: a TTL znode is gone that nobody removed", () => {
  const missing = broken((one) => ({ ...one, txn: { kind: "error", code: -103 } }));

  expect(missing).toContain("Linearizability");
});
