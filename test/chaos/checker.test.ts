import { describe, expect, test } from "vitest";

import type { SessionId } from "../../src/base/ids.ts";
import { check, historyOf } from "./checker.ts";
import { gapsWithin } from "./gaps.ts";
import type {
  Action,
  Answer,
  FinalZnode,
  History,
  Operation,
  Outcome,
  ReplicaView,
  SessionRecord,
} from "./history.ts";

const SESSION: SessionId = 0x100n;

/** The n-th operation of a history: it takes 5 ms of its own 10, and its zxid is 1:n. */
function operation(n: number, action: Action, outcome: Outcome | Answer, session = SESSION): Operation {
  const isAnswer = !["ok", "error", "unknown", "unsent"].includes(outcome.kind);
  const whole = isAnswer ? ok(n, outcome as Answer) : (outcome as Outcome);
  return { client: 0, session, startMs: n * 10, endMs: n * 10 + 5, action, outcome: whole };
}

function ok(n: number, answer: Answer): Outcome {
  return { kind: "ok", zxid: { epoch: 1, counter: n }, answer };
}

const UNKNOWN: Outcome = { kind: "unknown", reason: "the connection was lost" };
const UNSENT: Outcome = { kind: "unsent", reason: "connecting" };

function refused(n: number, code: number): Outcome {
  return { kind: "error", zxid: { epoch: 1, counter: n }, code };
}

function plain(path: string): Action {
  return { kind: "create", path, data: path, ephemeral: false };
}

function ephemeral(path: string): Action {
  return { kind: "create", path, data: path, ephemeral: true };
}

function created(n: number, path: string): Answer {
  return { kind: "created", path, czxid: { epoch: 1, counter: n } };
}

function sequential(prefix: string): Action {
  return { kind: "sequential", parent: "/r/s", prefix, data: prefix };
}

function set(version: number): Action {
  return { kind: "set", path: "/r/counter", version };
}

function read(synced: boolean): Action {
  return { kind: "read", path: "/r/counter", synced };
}

function value(version: number, data = String(version)): Answer {
  return { kind: "value", data, version };
}

function multi(fails: boolean): Action {
  return { kind: "multi", paths: ["/r/a", "/r/b"], data: "multi", fails };
}

function znode(data: string, counter: number, more: Partial<FinalZnode> = {}): FinalZnode {
  return { data, czxid: { epoch: 1, counter }, version: 0, ephemeralOwner: 0n, ...more };
}

interface Story {
  readonly operations?: readonly Operation[];
  readonly znodes?: Readonly<Record<string, FinalZnode>>;
  readonly second?: Readonly<Record<string, FinalZnode>>;
  readonly sessions?: readonly SessionRecord[];
  readonly faults?: readonly string[];
}

function living(expiry?: SessionRecord["expiry"]): SessionRecord {
  return { client: 0, session: SESSION, timeoutMs: 10_000, connects: 1, expiry };
}

function historyWith(story: Story): History {
  return {
    root: "/r",
    operations: story.operations ?? [],
    sessions: story.sessions ?? [living()],
    faults: story.faults ?? [],
  };
}

/** The rules that the story breaks, each once. */
function broken(story: Story): readonly string[] {
  const views: ReplicaView[] = [{ name: "replica 1", znodes: new Map(Object.entries(story.znodes ?? {})) }];
  if (story.second !== undefined) {
    views.push({ name: "replica 2", znodes: new Map(Object.entries(story.second)) });
  }
  return [...new Set(check(historyWith(story), views).map(({ rule }) => rule))];
}

const COUNTER = operation(1, { ...plain("/r/counter"), data: "0" } as Action, created(1, "/r/counter"));

describe("the checker finds nothing in", () => {
  const good: readonly [string, Story][] = [
    ["no history at all", {}],
    [
      "a create, a delete, and an unknown of either kind",
      {
        operations: [
          operation(1, plain("/r/kept"), created(1, "/r/kept")),
          operation(2, plain("/r/gone"), created(2, "/r/gone")),
          operation(3, { kind: "delete", path: "/r/gone" }, { kind: "done" }),
          operation(4, plain("/r/there"), UNKNOWN),
          operation(5, plain("/r/not-there"), UNKNOWN),
          operation(6, plain("/r/never"), UNSENT),
          operation(7, plain("/r/perhaps"), created(7, "/r/perhaps")),
          operation(8, { kind: "delete", path: "/r/perhaps" }, UNKNOWN),
        ],
        znodes: { "/r/kept": znode("/r/kept", 1), "/r/there": znode("/r/there", 4) },
      },
    ],
    [
      "a counter whose unknown set took place",
      {
        operations: [
          COUNTER,
          operation(2, set(1), { kind: "version", version: 1 }),
          operation(3, set(2), UNKNOWN),
          operation(4, read(true), value(2)),
          operation(5, set(3), { kind: "version", version: 3 }),
          operation(6, read(false), value(3)),
        ],
        znodes: { "/r/counter": znode("3", 1, { version: 3 }) },
      },
    ],
    [
      "sequence numbers with holes, and an unknown one found by its prefix",
      {
        operations: [
          operation(1, sequential("x-"), created(1, "/r/s/x-0000000003")),
          operation(2, sequential("y-"), UNKNOWN),
          operation(3, sequential("z-"), created(3, "/r/s/z-0000000007")),
        ],
        znodes: {
          "/r/s/x-0000000003": znode("x-", 1),
          "/r/s/y-0000000005": znode("y-", 2),
          "/r/s/z-0000000007": znode("z-", 3),
        },
      },
    ],
    [
      "an ephemeral of a session that lives, and one that went with a session that was silent too long",
      {
        operations: [
          operation(1, ephemeral("/r/e"), created(1, "/r/e")),
          operation(2, ephemeral("/r/f"), created(2, "/r/f"), 0x200n),
        ],
        sessions: [
          living(),
          { ...living({ atMs: 20_000, lastContactMs: 9000 }), session: 0x200n, timeoutMs: 10_000 },
        ],
        znodes: { "/r/e": znode("/r/e", 1, { ephemeralOwner: SESSION }) },
      },
    ],
    [
      "a multi that is whole, and one that was refused",
      {
        operations: [
          operation(1, multi(false), { kind: "done" }),
          operation(2, { ...multi(true), paths: ["/r/c"] } as Action, { kind: "refused" }),
        ],
        znodes: { "/r/a": znode("multi", 1), "/r/b": znode("multi", 1) },
      },
    ],
  ];

  test.each(good)("%s", (_name, story) => {
    expect(broken(story)).toEqual([]);
  });
});

describe("the checker finds", () => {
  const bad: readonly [string, string, Story][] = [
    [
      "a lost create",
      "an acknowledged create stays",
      { operations: [operation(1, plain("/r/a"), created(1, "/r/a"))] },
    ],
    [
      "a create whose delete finds nothing",
      "nothing is refused without a reason",
      {
        operations: [
          operation(1, plain("/r/a"), created(1, "/r/a")),
          operation(2, { kind: "delete", path: "/r/a" }, refused(2, -101)),
        ],
        znodes: { "/r/a": znode("/r/a", 1) },
      },
    ],
    [
      "a deleted znode that came back",
      "an acknowledged delete stays",
      {
        operations: [
          operation(1, plain("/r/a"), created(1, "/r/a")),
          operation(2, { kind: "delete", path: "/r/a" }, { kind: "done" }),
        ],
        znodes: { "/r/a": znode("/r/a", 1) },
      },
    ],
    [
      "a create that was done twice",
      "a znode keeps its czxid",
      {
        operations: [operation(1, plain("/r/a"), created(1, "/r/a"))],
        znodes: { "/r/a": znode("/r/a", 2) },
      },
    ],
    [
      "a create refused as existing, of a name tried once",
      "nothing is refused without a reason",
      { operations: [operation(1, plain("/r/a"), refused(1, -110))] },
    ],
    [
      "one sequential create with two znodes",
      "one create makes one znode",
      {
        operations: [operation(1, sequential("x-"), created(1, "/r/s/x-0000000001"))],
        znodes: { "/r/s/x-0000000001": znode("x-", 1), "/r/s/x-0000000002": znode("x-", 2) },
      },
    ],
    [
      "a reply to somebody else's create",
      "a reply is to its request",
      {
        operations: [operation(1, sequential("x-"), created(1, "/r/s/y-0000000001"))],
        znodes: { "/r/s/y-0000000001": znode("x-", 1) },
      },
    ],
    [
      "a sequence number given twice",
      "a sequence number is given once",
      {
        operations: [
          operation(1, sequential("x-"), created(1, "/r/s/x-0000000001")),
          operation(2, sequential("y-"), created(2, "/r/s/y-0000000001")),
        ],
        znodes: { "/r/s/x-0000000001": znode("x-", 1), "/r/s/y-0000000001": znode("y-", 2) },
      },
    ],
    [
      "a sequence number lower than one acknowledged before",
      "sequence numbers follow time",
      {
        operations: [
          operation(1, sequential("x-"), created(1, "/r/s/x-0000000002")),
          operation(2, sequential("y-"), created(2, "/r/s/y-0000000001")),
        ],
        znodes: { "/r/s/x-0000000002": znode("x-", 1), "/r/s/y-0000000001": znode("y-", 2) },
      },
    ],
    [
      "a write below one acknowledged before",
      "zxids follow time",
      {
        operations: [
          operation(1, plain("/r/a"), ok(9, created(9, "/r/a"))),
          operation(2, plain("/r/b"), ok(8, created(8, "/r/b"))),
        ],
        znodes: { "/r/a": znode("/r/a", 9), "/r/b": znode("/r/b", 8) },
      },
    ],
    ["a znode that nobody made", "no znode is a stranger", { znodes: { "/r/a": znode("", 1) } }],
    [
      "a write that was never sent",
      "what was refused did not happen",
      { operations: [operation(1, plain("/r/a"), UNSENT)], znodes: { "/r/a": znode("/r/a", 1) } },
    ],
    [
      "other data than were written",
      "data are as written",
      { operations: [operation(1, plain("/r/a"), UNKNOWN)], znodes: { "/r/a": znode("b", 1) } },
    ],
    [
      "half a multi",
      "a multi is whole or absent",
      { operations: [operation(1, multi(false), UNKNOWN)], znodes: { "/r/a": znode("multi", 1) } },
    ],
    [
      "a refused multi that left something",
      "what was refused did not happen",
      {
        operations: [operation(1, multi(true), { kind: "refused" })],
        znodes: { "/r/a": znode("multi", 1), "/r/b": znode("multi", 1) },
      },
    ],
    [
      "a multi with two zxids",
      "a multi has one zxid",
      {
        operations: [operation(1, multi(false), UNKNOWN)],
        znodes: { "/r/a": znode("multi", 1), "/r/b": znode("multi", 2) },
      },
    ],
    [
      "a counter that fell back",
      "an acknowledged set stays",
      {
        operations: [COUNTER, operation(2, set(1), { kind: "version", version: 1 })],
        znodes: { "/r/counter": znode("0", 1) },
      },
    ],
    [
      "a set that was done twice",
      "a version counts the sets",
      {
        operations: [COUNTER, operation(2, set(1), { kind: "version", version: 1 })],
        znodes: { "/r/counter": znode("2", 1, { version: 2 }) },
      },
    ],
    [
      "a counter whose value is not its version",
      "a counter is its version",
      {
        operations: [COUNTER, operation(2, set(1), { kind: "version", version: 1 })],
        znodes: { "/r/counter": znode("7", 1, { version: 1 }) },
      },
    ],
    [
      "a session that does not read its own write",
      "a session reads its own writes",
      {
        operations: [
          COUNTER,
          operation(2, set(1), { kind: "version", version: 1 }),
          operation(3, read(false), value(0)),
        ],
        znodes: { "/r/counter": znode("1", 1, { version: 1 }) },
      },
    ],
    [
      "a read after a sync that misses what another session was told",
      "a read after a sync is up to date",
      {
        operations: [
          COUNTER,
          operation(2, set(1), { kind: "version", version: 1 }),
          operation(3, read(true), value(0), 0x200n),
        ],
        znodes: { "/r/counter": znode("1", 1, { version: 1 }) },
      },
    ],
    [
      "a read of what nobody wrote",
      "a read shows what was written",
      {
        operations: [COUNTER, operation(3, read(true), value(5))],
        znodes: { "/r/counter": znode("0", 1) },
      },
    ],
    [
      "a session that goes back in time",
      "a session's time does not go back",
      {
        operations: [
          COUNTER,
          operation(2, read(false), ok(9, value(0))),
          operation(3, read(false), ok(8, value(0))),
        ],
        znodes: { "/r/counter": znode("0", 1) },
      },
    ],
    [
      "a session that expired early",
      "no session expires early",
      { sessions: [living({ atMs: 20_000, lastContactMs: 10_001 })] },
    ],
    [
      "an ephemeral that its living session lost",
      "an acknowledged create stays",
      { operations: [operation(1, ephemeral("/r/e"), created(1, "/r/e"))] },
    ],
    [
      "an ephemeral that outlives its session",
      "an ephemeral goes with its session",
      {
        operations: [operation(1, ephemeral("/r/e"), created(1, "/r/e"))],
        sessions: [living({ atMs: 20_000, lastContactMs: 1000 })],
        znodes: { "/r/e": znode("/r/e", 1, { ephemeralOwner: SESSION }) },
      },
    ],
    [
      "an ephemeral of somebody else",
      "an ephemeral has its owner",
      {
        operations: [operation(1, ephemeral("/r/e"), created(1, "/r/e"))],
        znodes: { "/r/e": znode("/r/e", 1, { ephemeralOwner: 0x200n }) },
      },
    ],
    [
      "a session that two clients hold",
      "a session is one client's",
      { sessions: [living(), { ...living(), client: 1 }] },
    ],
    [
      "replicas that differ",
      "replicas agree",
      {
        operations: [operation(1, plain("/r/a"), UNKNOWN)],
        znodes: { "/r/a": znode("/r/a", 1) },
        second: {},
      },
    ],
    ["what a client saw", "protocol", { faults: ["a reply out of order"] }],
  ];

  test.each(bad)("%s", (_name, rule, story) => {
    expect(broken(story)).toContain(rule);
  });
});

test("the history of a path names all that was tried with it, in order of time", () => {
  const story: Story = {
    operations: [
      operation(2, { kind: "delete", path: "/r/a" }, UNKNOWN),
      operation(1, plain("/r/a"), created(1, "/r/a")),
      operation(3, plain("/r/b"), UNSENT),
    ],
  };
  const lines = historyOf(historyWith(story), "/r/a");

  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain("create");
  expect(lines[1]).toContain("unknown (the connection was lost)");
});

test("a gap counts from the last write before the fault to the first after it, per client and over all", () => {
  const acknowledged = [
    { client: 0, atMs: 90 },
    { client: 1, atMs: 95 },
    { client: 0, atMs: 300 },
    { client: 0, atMs: 310 },
    { client: 1, atMs: 480 },
  ];

  expect(gapsWithin(acknowledged, { fromMs: 100, untilMs: 500 })).toEqual({
    ensembleMs: 205,
    clientMs: 385,
    acknowledged: 3,
  });
  expect(gapsWithin([], { fromMs: 100, untilMs: 500 }).ensembleMs).toBe(400);
});
