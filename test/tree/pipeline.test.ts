import fc from "fast-check";
import { expect, test } from "vitest";
import type { Outcome } from "../../src/base/txn.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import { equalDigest } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { recomputeDigest } from "../../src/tree/tree.ts";
import { ALICE, BOB, codeOf, codesOf, contentsOf, create, freshTree, Leader, MapRows } from "./harness.ts";
import { steps } from "./operations.ts";

/** How many proposals are applied after each request: fewer than come, so that the pipeline grows deep. */
const deliveries = fc.array(fc.constantFrom(0, 0, 0, 0, 1, 1, 2), { minLength: 50, maxLength: 50 });

test("requests prepared ahead come to the same transactions as one at a time", () => {
  fc.assert(
    fc.property(steps, deliveries, (requests, delivered) => {
      const slow = new Leader();
      const ahead = new Leader();
      const outcomes: Outcome[] = [];

      for (const { session, request } of requests) outcomes.push(slow.write(request, { session }));
      for (const [index, { session, request }] of requests.entries()) {
        ahead.propose(request, { session });
        ahead.deliver(delivered[index] ?? 0);
      }
      ahead.deliver();

      expect(ahead.log).toEqual(slow.log);
      expect(ahead.tree.digest).toEqual(slow.tree.digest);
      expect(ahead.events).toEqual(slow.events);
      expect(ahead.preparer.outstanding).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("the random writes meet each other: many succeed and many fail", () => {
  const counts = new Map<string, number>();
  for (const requests of fc.sample(steps, { numRuns: 200, seed: 7 })) {
    const leader = new Leader();
    for (const { session, request } of requests) {
      const outcome = leader.write(request, { session });
      const isFailed = outcome.kind === "multi" && codesOf(outcome).some((code) => code !== 0);
      const key = `${request.op}:${codeOf(outcome) === 0 && !isFailed ? "ok" : "error"}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }

  const seldom = [
    "create:ok",
    "create:error",
    "delete:ok",
    "setData:ok",
    "setACL:ok",
    "deleteContainer:error",
    "multi:ok",
    "multi:error",
    "closeSession:ok",
    "createSession:ok",
  ].filter((key) => (counts.get(key) ?? 0) < 20);
  expect(seldom).toEqual([]);
});

test("the incremental digest is the digest from scratch after every transaction", () => {
  fc.assert(
    fc.property(steps, (requests) => {
      const store = new MapNodeStore();
      const leader = new Leader(freshTree(store));

      for (const { session, request } of requests) {
        leader.write(request, { session });
        const fromScratch = recomputeDigest(store, leader.tree.sessions);
        expect(equalDigest(leader.tree.digest, fromScratch)).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

test("the counts in znodes are the counts of znodes after every transaction", () => {
  fc.assert(
    fc.property(steps, (requests) => {
      const store = new MapNodeStore();
      const leader = new Leader(freshTree(store));

      for (const { session, request } of requests) {
        leader.write(request, { session });
        const contents = contentsOf(store);
        expect(store.count()).toBe(contents.length);
        for (const [path, node] of contents) {
          expect([path, node.childCount]).toEqual([path, store.childNames(path).length]);
        }
        const owned = contents.filter(([, node]) => node.owner.mode === "ephemeral").length;
        const indexed = [ALICE, BOB].flatMap((id) => store.ephemeralsOf(id)).length;
        expect(indexed).toBe(owned);
      }
    }),
    { numRuns: 100 },
  );
});

test("an event is given for every znode that came, went or changed its data, and for no other", () => {
  fc.assert(
    fc.property(steps, (requests) => {
      const store = new MapNodeStore();
      const leader = new Leader(freshTree(store));

      for (const { session, request } of requests) {
        const before = new Map(contentsOf(store).map(([path, node]) => [path, node.mzxid]));
        leader.events.length = 0;
        leader.write(request, { session });
        const after = new Map(contentsOf(store).map(([path, node]) => [path, node.mzxid]));
        const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
          (path) => before.get(path) !== after.get(path),
        );
        const told = new Set(leader.events.map((event) => event.path));
        expect(changed.filter((path) => !told.has(path))).toEqual([]);
      }
    }),
    { numRuns: 100 },
  );
});

test("two replicas that apply the same transactions stay equal, whatever keeps their znodes", () => {
  const flushes = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(steps, flushes, fc.constantFrom(0, 3000, 1_000_000), (requests, flush, bytes) => {
      const mapped = new MapNodeStore();
      const leader = new Leader(freshTree(mapped));
      const rows = new MapRows();
      const cached = new CachedNodeStore(rows, bytes);
      const replica = freshTree(cached);
      for (const { session, request } of requests) leader.write(request, { session });

      for (const [index, { zxid, header, txn }] of leader.log.entries()) {
        replica.apply(zxid, header, txn);
        if (flush[index] === true) rows.flush(cached);
        expect(cached.cachedBytes).toBeLessThanOrEqual(bytes);
      }

      expect(replica.digest).toEqual(leader.tree.digest);
      expect(contentsOf(cached)).toEqual(contentsOf(mapped));
      expect(cached.count()).toBe(mapped.count());
      rows.flush(cached);
      expect(contentsOf(rows.nodes)).toEqual(contentsOf(mapped));
    }),
    { numRuns: 200 },
  );
});

test("a closing session's later writes are refused, and its ephemerals gone, before it is applied", () => {
  const leader = new Leader();
  leader.write(create("/locks"));
  leader.write(create("/locks/a", { flags: 1 }));

  leader.propose(create("/locks/b", { flags: 1 }));
  leader.propose({ op: "delete", path: "/locks/a", version: -1 });
  leader.propose(create("/locks/a", { flags: 1 }));
  leader.propose({ op: "closeSession" });
  const late = leader.propose(create("/late"));
  const again = leader.propose({ op: "closeSession" });
  const successor = leader.propose(create("/locks/a", { flags: 1 }), { session: BOB });
  const parent = leader.propose({ op: "delete", path: "/locks", version: -1 }, { session: BOB });
  leader.deliver();

  expect(late).toEqual({ kind: "error", code: -112 });
  expect(again).toEqual({ kind: "error", code: -112 });
  expect(successor).toMatchObject({ kind: "create", path: "/locks/a" });
  expect(parent).toEqual({ kind: "error", code: -111 });
  expect(leader.tree.childNames("/locks")).toEqual(["a"]);
  expect(leader.tree.ephemeralsOf(ALICE)).toEqual([]);
  expect(leader.tree.ephemeralsOf(BOB)).toEqual(["/locks/a"]);
});

test("nothing stays outstanding once all is applied, even after failures", () => {
  const leader = new Leader();

  for (let index = 0; index < 50; index++) {
    leader.propose(create("/x"));
    leader.propose({ op: "multi", operations: [create("/y"), create("/y")] });
    leader.propose({ op: "delete", path: "/x", version: -1 });
  }
  const before = leader.preparer.outstanding;
  leader.deliver();

  expect(before).toBe(2);
  expect(leader.preparer.outstanding).toBe(0);
  expect(leader.tree.nodeCount).toBe(4);
});
