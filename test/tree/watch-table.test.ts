import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { ErrorName } from "../../src/base/error-code.ts";
import { KeeperError } from "../../src/base/error-code.ts";
import type { SetWatchesRequest, WatchableReadRequest, WriteRequest } from "../../src/base/request.ts";
import type { TreeEvent } from "../../src/tree/transition.ts";
import { WATCHER_TYPES, watchOf, WatchTable } from "../../src/tree/watch-table.ts";
import { bytes, create, Leader, line } from "./harness.ts";

const ONE = 1;
const TWO = 2;

/** Writes, and what each made the watchers hear, as `watcher:type path`. */
function heard(leader: Leader, table: WatchTable, requests: readonly WriteRequest[]): string[] {
  const lines: string[] = [];
  for (const request of requests) {
    leader.events.length = 0;
    leader.write(request);
    for (const event of leader.events) {
      for (const { watcher, type, path } of table.fire(event)) {
        lines.push(`${watcher}:${type} ${path}`);
      }
    }
  }
  return lines;
}

function leaderWithW(): Leader {
  const leader = new Leader();
  leader.write(create("/w"));
  return leader;
}

const setData = (path: string): WriteRequest => ({
  op: "setData",
  path,
  data: bytes("1"),
  version: -1,
});
const remove = (path: string): WriteRequest => ({ op: "delete", path, version: -1 });

describe("one-shot watches", () => {
  test("on data, children and a znode to come fire at a create of a child, once (seen on 3.8.0)", () => {
    const table = new WatchTable();
    table.addOneShot("data", "/w", ONE);
    table.addOneShot("child", "/w", ONE);
    table.addOneShot("data", "/w/k", ONE);

    const first = heard(leaderWithW(), table, [create("/w/k")]);
    const left = [table.count, table.has("/w", WATCHER_TYPES.data, ONE)];

    expect(first).toEqual(["1:1 /w/k", "1:4 /w"]);
    expect(left).toEqual([1, true]);
  });

  test("on data and children of one znode give one event when it goes (seen on 3.8.0)", () => {
    const leader = leaderWithW();
    leader.write(create("/w/k"));
    const table = new WatchTable();
    table.addOneShot("data", "/w/k", ONE);
    table.addOneShot("child", "/w/k", ONE);
    table.addOneShot("child", "/w/k", TWO);
    table.addOneShot("child", "/w", ONE);

    expect(heard(leader, table, [remove("/w/k")])).toEqual(["1:2 /w/k", "2:2 /w/k", "1:4 /w"]);
    expect(table.count).toBe(0);
  });

  test("on data fire at setData, on children do not, and neither at setACL (seen on 3.8.0)", () => {
    const leader = leaderWithW();
    const table = new WatchTable();
    table.addOneShot("data", "/w", ONE);
    table.addOneShot("child", "/w", ONE);

    const setAcl: WriteRequest = { op: "setACL", path: "/w", acl: OPEN_ACL, version: -1 };
    expect(heard(leader, table, [setAcl, setData("/w"), setData("/w")])).toEqual(["1:3 /w"]);
  });

  test("fire at nothing that failed", () => {
    const table = new WatchTable();
    table.addOneShot("child", "/w", ONE);
    const failing: WriteRequest = {
      op: "multi",
      operations: [create("/w/a"), { op: "delete", path: "/nope", version: -1 }],
    };

    expect(heard(leaderWithW(), table, [failing, create("/w/a/b")])).toEqual([]);
  });
});

const STORY: readonly WriteRequest[] = [
  create("/w/k"),
  setData("/w/k"),
  create("/w/k/j"),
  setData("/w"),
  remove("/w/k/j"),
  remove("/w/k"),
  remove("/w"),
  create("/w"),
];

describe("persistent watches", () => {
  test("hear the znode and its children, and stay (seen on 3.8.0)", () => {
    const table = new WatchTable();
    table.addPersistent("/w", false, ONE);

    const lines = heard(leaderWithW(), table, STORY);

    expect(lines).toEqual(["1:4 /w", "1:3 /w", "1:4 /w", "1:2 /w", "1:1 /w"]);
    expect(table.has("/w", WATCHER_TYPES.persistent, ONE)).toBe(true);
  });

  test("that are recursive hear all below and never a change of children (seen on 3.8.0)", () => {
    const table = new WatchTable();
    table.addPersistent("/w", true, ONE);

    expect(heard(leaderWithW(), table, STORY)).toEqual([
      "1:1 /w/k",
      "1:3 /w/k",
      "1:1 /w/k/j",
      "1:3 /w",
      "1:2 /w/k/j",
      "1:2 /w/k",
      "1:2 /w",
      "1:1 /w",
    ]);
  });

  test("that are recursive on the root hear everything, and nothing beside their path", () => {
    const table = new WatchTable();
    table.addPersistent("/", true, ONE);
    table.addPersistent("/w", true, TWO);

    const lines = heard(leaderWithW(), table, [create("/wx"), create("/w/a")]);

    expect(lines).toEqual(["1:1 /wx", "2:1 /w/a", "1:1 /w/a"]);
  });

  test("of all kinds on one path by one watcher give each event once", () => {
    const table = new WatchTable();
    table.addPersistent("/w", true, ONE);
    table.addPersistent("/w", false, ONE);
    table.addOneShot("data", "/w", ONE);

    expect(heard(leaderWithW(), table, [setData("/w"), setData("/w")])).toEqual(["1:3 /w", "1:3 /w"]);
    expect(table.has("/w", WATCHER_TYPES.data, ONE)).toBe(false);
  });

  test("refuse a mode that does not exist with -5 (seen on 3.8.0)", () => {
    const table = new WatchTable();

    expect(() => table.addWatch({ op: "addWatch", path: "/w", mode: 7 }, ONE)).toThrow(KeeperError);
    table.addWatch({ op: "addWatch", path: "/w", mode: 0 }, ONE);
    table.addWatch({ op: "addWatch", path: "/v", mode: 1 }, ONE);
    expect(table.has("/w", WATCHER_TYPES.persistent, ONE)).toBe(true);
    expect(table.has("/v", WATCHER_TYPES.recursive, ONE)).toBe(true);
  });
});

test("an event carries the list of the znode it is about, to be shown only to its readers", () => {
  const leader = leaderWithW();
  const acl = [line(31, "ip", "10.0.0.1")];
  leader.write(create("/w/secret", { acl }));
  const table = new WatchTable();
  table.addPersistent("/w", true, ONE);
  table.addPersistent("/w", false, TWO);
  leader.events.length = 0;

  leader.write({ op: "closeSession" });
  leader.write({ op: "createSession", timeoutMs: 1, password: new Uint8Array(16) });
  const identities = [{ scheme: "ip", id: "10.0.0.1" }];
  leader.write({ op: "setData", path: "/w/secret", data: null, version: -1 }, { identities });
  leader.write(remove("/w/secret"));

  expect(leader.events.flatMap((event) => table.fire(event))).toEqual([
    { watcher: ONE, type: 3, path: "/w/secret", acl },
    { watcher: ONE, type: 2, path: "/w/secret", acl },
    { watcher: TWO, type: 4, path: "/w", acl: OPEN_ACL },
  ]);
});

describe("checkWatches and removeWatches", () => {
  test("know each kind apart", () => {
    const table = new WatchTable();
    const types = Object.values(WATCHER_TYPES);
    const has = (): string => types.filter((type) => table.has("/w", type, ONE)).join("");
    const seen = [has()];

    table.addOneShot("data", "/w", ONE);
    seen.push(has());
    table.addOneShot("child", "/w", ONE);
    seen.push(has());
    table.addPersistent("/w", false, ONE);
    seen.push(has());
    table.addPersistent("/w", true, ONE);
    seen.push(has());

    expect(seen).toEqual(["", "23", "123", "1234", "12345"]);
    expect(table.has("/w", WATCHER_TYPES.any, TWO)).toBe(false);
    expect(table.has("/v", WATCHER_TYPES.any, ONE)).toBe(false);
  });

  test("remove one kind at a time, and say when there is none", () => {
    const table = new WatchTable();
    table.addOneShot("data", "/w", ONE);
    table.addOneShot("child", "/w", ONE);
    table.addPersistent("/w", false, ONE);
    table.addPersistent("/w", true, ONE);

    for (const type of [1, 2, 4, 5]) {
      expect([type, table.remove("/w", type, ONE)]).toEqual([type, true]);
      expect([type, table.remove("/w", type, ONE)]).toEqual([type, false]);
    }
    expect(table.count).toBe(0);
    expect(table.remove("/w", WATCHER_TYPES.any, ONE)).toBe(false);
  });

  test("remove all at once for type 3 (seen on 3.8.0)", () => {
    const table = new WatchTable();
    table.addOneShot("data", "/w", ONE);
    table.addPersistent("/w", false, ONE);
    table.addPersistent("/w", true, ONE);
    table.addOneShot("data", "/w", TWO);

    expect(table.remove("/w", WATCHER_TYPES.any, ONE)).toBe(true);
    expect(heard(leaderWithW(), table, [create("/w/a"), setData("/w")])).toEqual(["2:3 /w"]);
  });

  test("refuse an unknown type with -5 (seen on 3.8.0)", () => {
    const table = new WatchTable();

    expect(() => table.has("/w", 9, ONE)).toThrow(KeeperError);
    expect(() => table.remove("/w", 0, ONE)).toThrow(KeeperError);
  });
});

describe("setWatches", () => {
  const lists = {
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };

  function reestablished(leader: Leader, request: Partial<SetWatchesRequest>): readonly string[] {
    const table = new WatchTable();
    const relativeZxid = { epoch: 1, counter: leader.counter };
    const full: SetWatchesRequest = { op: "setWatches2", relativeZxid, ...lists, ...request };
    const missed = table.reestablish(full, leader.tree, ONE);
    const types = Object.values(WATCHER_TYPES).filter((type) =>
      ["/w", "/nope"].some((path) => table.has(path, type, ONE)),
    );
    return [...missed.map(({ type, path }) => `${type} ${path}`), `has ${types.join("")}`];
  }

  const since = { epoch: 1, counter: 3 };
  const afterSetData = { epoch: 1, counter: 4 };
  const cases: ReadonlyArray<readonly [string, Partial<SetWatchesRequest>, readonly string[]]> = [
    ["data, gone", { dataWatches: ["/nope"] }, ["2 /nope", "has "]],
    ["data, as it was", { dataWatches: ["/w"] }, ["has 23"]],
    ["data, changed since", { dataWatches: ["/w"], relativeZxid: since }, ["3 /w", "has "]],
    ["exist, there now", { existWatches: ["/w"] }, ["1 /w", "has "]],
    ["exist, the root under its empty name (seen on 3.9.5)", { existWatches: [""] }, ["1 ", "has "]],
    ["data, the root under its empty name", { dataWatches: [""] }, ["has "]],
    ["children, the root under its empty name", { childWatches: [""] }, ["has "]],
    ["exist, still missing", { existWatches: ["/nope"] }, ["has 23"]],
    ["children, gone", { childWatches: ["/nope"] }, ["2 /nope", "has "]],
    ["children, as they were", { childWatches: ["/w"] }, ["has 13"]],
    ["children, changed since", { childWatches: ["/w"], relativeZxid: since }, ["4 /w", "has "]],
    ["data, only children changed since", { dataWatches: ["/w"], relativeZxid: afterSetData }, ["has 23"]],
    [
      "children, data not changed since",
      { childWatches: ["/w"], relativeZxid: afterSetData },
      ["4 /w", "has "],
    ],
    ["persistent", { persistentWatches: ["/nope"], relativeZxid: since }, ["has 34"]],
    ["recursive", { persistentRecursiveWatches: ["/w"], relativeZxid: since }, ["has 35"]],
  ];
  test.each(cases)("%s", (_, request, expected) => {
    const leader = leaderWithW();
    leader.write(setData("/w"));
    leader.write(create("/w/kid"));

    expect(reestablished(leader, request)).toEqual(expected);
  });
});

describe("the watch that a read leaves", () => {
  const read = (op: WatchableReadRequest["op"]): WatchableReadRequest => ({
    op,
    path: "/w",
    watch: true,
  });
  const data = { kind: "data", path: "/w" };
  const child = { kind: "child", path: "/w" };
  const cases: ReadonlyArray<
    readonly [WatchableReadRequest["op"], ErrorName | undefined, typeof data | undefined]
  > = [
    ["exists", undefined, data],
    ["exists", "noNode", data],
    ["exists", "noAuth", undefined],
    ["exists", "badArguments", undefined],
    ["getData", undefined, data],
    ["getData", "noNode", undefined],
    ["getChildren", undefined, child],
    ["getChildren", "noNode", undefined],
    ["getChildren2", undefined, child],
    ["getChildren2", "noAuth", undefined],
  ];
  test.each(cases)("%s answered by %s", (op, failure, watch) => {
    expect(watchOf(read(op), failure)).toEqual(watch);
    expect(watchOf({ ...read(op), watch: false }, failure)).toBeUndefined();
  });
});

test("a connection that is gone leaves no watch behind", () => {
  const table = new WatchTable();
  for (const watcher of [ONE, TWO]) {
    table.addOneShot("data", "/w", watcher);
    table.addOneShot("child", "/v", watcher);
    table.addPersistent("/w", true, watcher);
  }

  table.removeWatcher(ONE);

  expect(heard(leaderWithW(), table, [setData("/w")])).toEqual(["2:3 /w"]);
  expect(table.summary).toEqual({ watchers: 1, paths: 1, watches: 1 });
  table.removeWatcher(TWO);
  expect(table.count).toBe(0);
  expect([...table.byPath()]).toEqual([]);
  expect([...table.byWatcher()]).toEqual([]);
});

test("the counts are those of pairs of watcher and path, children aside in the summary", () => {
  const table = new WatchTable();
  table.addOneShot("data", "/a", ONE);
  table.addOneShot("data", "/a", ONE);
  table.addPersistent("/a", true, ONE);
  table.addOneShot("data", "/b", ONE);
  table.addOneShot("data", "/b", TWO);
  table.addOneShot("child", "/c", TWO);

  expect(table.summary).toEqual({ watchers: 2, paths: 2, watches: 3 });
  expect(table.count).toBe(4);
  const byPath = [...table.byPath()].map(([path, watchers]) => [path, [...watchers]]);
  expect(byPath).toEqual([
    ["/a", [ONE]],
    ["/b", [ONE, TWO]],
  ]);
  const byWatcher = [...table.byWatcher()].map(([watcher, paths]) => [watcher, [...paths]]);
  expect(byWatcher).toEqual([
    [ONE, ["/a", "/b"]],
    [TWO, ["/b"]],
  ]);
});

/** A list of watches, without any index: what the table must agree with. */
interface PlainWatch {
  readonly role: "data" | "child";
  readonly mode: "oneShot" | "persistent" | "recursive";
  readonly path: string;
  readonly watcher: number;
}

function firePlainly(watches: PlainWatch[], event: TreeEvent): Set<string> {
  const fired = new Set<string>();
  const types = { created: 1, deleted: 2, dataChanged: 3 } as const;
  const hit = (role: "data" | "child", path: string, type: number): void => {
    for (const watch of watches.slice()) {
      const isBelow = watch.path === "/" || path.startsWith(`${watch.path}/`);
      const isHit = watch.path === path || (watch.mode === "recursive" && isBelow);
      if (watch.role !== role || !isHit) continue;
      fired.add(`${watch.watcher}:${type} ${path}`);
      if (watch.mode === "oneShot") watches.splice(watches.indexOf(watch), 1);
    }
  };
  hit("data", event.path, types[event.kind]);
  if (event.kind === "deleted") hit("child", event.path, 2);
  const slash = event.path.lastIndexOf("/");
  if (event.kind !== "dataChanged") hit("child", event.path.slice(0, slash) || "/", 4);
  return fired;
}

test("the table fires what a plain list of watches would", () => {
  const path = fc.constantFrom("/", "/a", "/a/b", "/a/b/c", "/ab");
  const watcher = fc.constantFrom(1, 2, 3);
  const kind = fc.constantFrom("data", "child", "persistent", "recursive", "remove", "gone");
  const step = fc.oneof(
    fc.record({ kind, path, watcher }),
    fc.record({ event: fc.constantFrom("created", "deleted", "dataChanged"), path }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = new WatchTable();
      let plain: PlainWatch[] = [];
      const add = (watch: PlainWatch): void => {
        const text = JSON.stringify(watch);
        if (!plain.some((other) => JSON.stringify(other) === text)) plain.push(watch);
      };
      for (const next of steps) {
        const at = next.path;
        if ("event" in next) {
          if (at === "/" && next.event !== "dataChanged") continue;
          const event = { kind: next.event, path: at, acl: [], parentAcl: [] } as TreeEvent;
          const lines = table.fire(event).map((one) => `${one.watcher}:${one.type} ${one.path}`);
          expect(new Set(lines)).toEqual(firePlainly(plain, event));
          expect(new Set(lines).size).toBe(lines.length);
          continue;
        }
        const who = next.watcher;
        if (next.kind === "data" || next.kind === "child") {
          table.addOneShot(next.kind, at, who);
          add({ role: next.kind, mode: "oneShot", path: at, watcher: who });
        } else if (next.kind === "persistent") {
          table.addPersistent(at, false, who);
          for (const role of ["data", "child"] as const) {
            add({ role, mode: "persistent", path: at, watcher: who });
          }
        } else if (next.kind === "recursive") {
          table.addPersistent(at, true, who);
          add({ role: "data", mode: "recursive", path: at, watcher: who });
        } else if (next.kind === "remove") {
          const before = plain.length;
          plain = plain.filter((watch) => watch.path !== at || watch.watcher !== who);
          expect(table.remove(at, WATCHER_TYPES.any, who)).toBe(plain.length !== before);
        } else {
          table.removeWatcher(who);
          plain = plain.filter((watch) => watch.watcher !== who);
        }
      }
    }),
    { numRuns: 500 },
  );
});
