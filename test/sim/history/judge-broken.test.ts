/** One history, spoiled in one way at a time: the check whose business it is says so, and no other does. */
import { describe, expect, test } from "vitest";

import { must } from "../../../src/base/assert.ts";
import type { Txn } from "../../../src/base/txn.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import { HISTORY_CHECKS, judge, type JudgeOptions } from "./judge.ts";
import { type Client, create, setData, SingleCopy } from "./single-copy.ts";
import type { ClientHistory, Committed, EventRecord, LockHold, Operation } from "./types.ts";

const ROOT_ACL = create("/").acl;

/** The checks that say something, each once. */
function broken(history: ClientHistory, options?: JudgeOptions): readonly string[] {
  return [...new Set(judge(history, options).map(({ check }) => check))];
}

/** Two clients, a znode /a of the first. */
function story(): { readonly service: SingleCopy; readonly ann: Client; readonly bob: Client } {
  const service = new SingleCopy();
  const ann = service.open();
  const bob = service.open();
  service.ask(ann, create("/a", 0, "0"));
  return { service, ann, bob };
}

/** The list with one changed: the last that the test holds for. */
function changed<T>(list: readonly T[], which: (one: T) => boolean, change: (one: T) => T): readonly T[] {
  const at = list.findLastIndex(which);
  expect(at).toBeGreaterThanOrEqual(0);
  return list.map((one, index) => (index === at ? change(one) : one));
}

function isOp(op: string): (operation: Operation) => boolean {
  return ({ request }) => request.op === op;
}

function answeredAt(operation: Operation, zxid: Zxid): Operation {
  if (operation.outcome.kind !== "answered") throw new Error("only an answer tells a zxid");
  return { ...operation, outcome: { ...operation.outcome, zxid } };
}

function zxid(counter: number): Zxid {
  return { epoch: 1, counter };
}

function zxidOf({ outcome }: Operation): Zxid {
  if (outcome.kind !== "answered") throw new Error("only an answer tells a zxid");
  return outcome.zxid;
}

/** Without the log: what real runs are judged by. */
const REAL = { committed: undefined } as const;

describe("order", () => {
  test("ZxidsFollowTime: a later write has a lower zxid", () => {
    const { service, ann, bob } = story();
    service.ask(ann, setData("/a", "1"));
    service.ask(bob, { op: "delete", path: "/nowhere", version: -1 });
    const operations = changed(service.operations, isOp("delete"), (one) => answeredAt(one, zxid(2)));

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["ZxidsFollowTime"]);
  });

  test("ZxidGivenOnce: two concurrent writes are told the same", () => {
    const { service, ann, bob } = story();
    const first = service.ask(ann, { op: "delete", path: "/nowhere", version: -1 });
    service.ask(bob, { op: "delete", path: "/nowhere", version: -1 });
    const operations = changed(service.operations, isOp("delete"), (one) => {
      return answeredAt({ ...one, startMs: first.startMs }, zxidOf(first));
    });

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["ZxidGivenOnce"]);
  });

  test("SequencesFollowTime: a number that was given is given again", () => {
    const { service, ann, bob } = story();
    service.ask(ann, create("/a/n-", 2));
    service.ask(bob, create("/a/m-", 2));
    const operations = changed(service.operations, isOp("create2"), (one) => {
      if (one.outcome.kind !== "answered" || one.outcome.response?.op !== "create2") return one;
      const response = { ...one.outcome.response, path: "/a/m-0000000000" };
      return { ...one, outcome: { ...one.outcome, response } };
    });

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["SequencesFollowTime"]);
  });

  test("SessionZxidsMonotonic: a read at another replica goes back", () => {
    const { service, ann, bob } = story();
    service.ask(bob, { op: "exists", path: "/nowhere", watch: false });
    service.ask(ann, setData("/a", "1"));
    service.ask(bob, { op: "exists", path: "/nowhere", watch: false });
    service.reconnect(bob);
    service.ask(bob, { op: "exists", path: "/nowhere", watch: false });
    const operations = changed(service.operations, isOp("exists"), (one) => answeredAt(one, zxid(3)));

    expect(broken(service.history({ operations }))).toEqual(["SessionZxidsMonotonic"]);
  });

  test("ReadYourWrites: a session is shown a znode without its own write", () => {
    const { service, ann } = story();
    const before = service.ask(ann, { op: "exists", path: "/a", watch: false });
    const write = service.ask(ann, setData("/a", "1"));
    service.ask(ann, { op: "exists", path: "/a", watch: false });
    const operations = changed(service.operations, isOp("exists"), (one) => ({
      ...answeredAt({ ...one, outcome: before.outcome }, zxidOf(write)),
    }));

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["ReadYourWrites"]);
  });

  test("SyncReadsFresh: behind a sync a write is missing that was acknowledged before it", () => {
    const { service, ann, bob } = story();
    service.ask(bob, { op: "exists", path: "/nowhere", watch: false });
    service.ask(ann, setData("/a", "1"));
    service.ask(bob, { op: "sync", path: "/" });
    const operations = changed(service.operations, isOp("sync"), (one) => answeredAt(one, zxid(3)));

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["SyncReadsFresh"]);
  });

  test("Linearizability: a read behind a sync shows a value that was replaced, whatever zxid it tells", () => {
    const { service, ann, bob } = story();
    const old = service.ask(bob, { op: "getData", path: "/a", watch: false });
    service.ask(ann, setData("/a", "1"));
    service.ask(bob, { op: "sync", path: "/" });
    const fresh = service.ask(bob, { op: "getData", path: "/a", watch: false });
    const operations = changed(service.operations, isOp("getData"), (one) => ({
      ...answeredAt({ ...one, outcome: old.outcome }, zxidOf(fresh)),
    }));

    expect(broken(service.history({ ...REAL, operations }))).toEqual(["Linearizability"]);
  });

  test("LinearizabilityUndecided: the checker was not let go on for long enough", () => {
    const { service, ann, bob } = story();
    for (let n = 0; n < 20; n++) service.ask(n % 2 === 0 ? ann : bob, setData("/a", String(n)));

    expect(broken(service.history(), { configurationsMax: 3 })).toEqual(["LinearizabilityUndecided"]);
  });
});

describe("the log", () => {
  /** The last transaction of a kind, changed. */
  function withTxn(
    service: SingleCopy,
    kind: Txn["kind"],
    change: (one: Committed) => Committed,
  ): ClientHistory {
    return service.history({ committed: changed(service.committed, ({ txn }) => txn.kind === kind, change) });
  }

  test("AcknowledgedIsCommitted: a write that was acknowledged is not there", () => {
    const { service, ann } = story();
    service.ask(ann, setData("/a", "1"));

    expect(broken(service.history({ committed: service.committed.slice(0, -1) }))).toEqual([
      "AcknowledgedIsCommitted",
    ]);
  });

  test("AcknowledgedIsCommitted: a read shows a zxid that nobody ever committed", () => {
    const { service, ann } = story();
    service.ask(ann, { op: "whoAmI" });
    const operations = changed(service.operations, isOp("whoAmI"), (one) => answeredAt(one, zxid(99)));

    expect(broken(service.history({ operations }))).toEqual(["AcknowledgedIsCommitted"]);
  });

  test("CommittedOnce: a request is proposed by two leaders", () => {
    const { service, ann } = story();
    service.ask(ann, { op: "delete", path: "/nowhere", version: -1 });
    const last = must(service.committed.at(-1), "something is committed");
    const again = { ...last, zxid: zxid(last.zxid.counter + 1) };

    expect(broken(service.history({ committed: [...service.committed, again] }))).toEqual(["CommittedOnce"]);
  });

  test("CommittedWasAsked: something is done that nobody asked for", () => {
    const { service, ann } = story();
    service.ask(ann, setData("/a", "1"));
    const last = must(service.committed.at(-1), "something is committed");
    const header = { ...last.header, origin: { ...last.header.origin, serial: 999 } };
    const txn: Txn = { kind: "setData", path: "/a", data: null, version: 2 };
    const alien = { ...last, header, txn, zxid: zxid(last.zxid.counter + 1) };

    expect(broken(service.history({ committed: [...service.committed, alien] }))).toEqual([
      "CommittedWasAsked",
    ]);
  });

  test("SessionOrder: what an old connection left waiting is done behind a younger write", () => {
    const { service, ann } = story();
    service.ask(ann, create("/b"), "never done");
    service.reconnect(ann);
    service.ask(ann, setData("/a", "1"));
    const last = must(service.committed.at(-1), "something is committed");
    const header = { ...last.header, origin: { ...last.header.origin, serial: 999 } };
    const { data, acl } = create("/b");
    const owner = { mode: "persistent" } as const;
    const txn: Txn = { kind: "create", path: "/b", data, acl, owner, parentCreates: 2, withStat: true };
    const late = { ...last, header, txn, zxid: zxid(last.zxid.counter + 1) };

    expect(broken(service.history({ committed: [...service.committed, late] }))).toEqual(["SessionOrder"]);
  });

  test("EffectsAsAsked: another path is created than was asked for", () => {
    const { service, ann } = story();
    service.ask(ann, create("/b"));
    const history = withTxn(service, "create", (one) => {
      return { ...one, txn: { ...one.txn, path: "/c" } as Txn };
    });

    expect(broken(history)).toEqual(["EffectsAsAsked"]);
  });

  test("RepliesAsModelled: a reply tells another Stat than what was done", () => {
    const { service, ann } = story();
    service.ask(ann, create("/b"));
    const operations = changed(service.operations, isOp("create2"), (one) => {
      if (one.outcome.kind !== "answered" || one.outcome.response?.op !== "create2") return one;
      const { response } = one.outcome;
      const stat = { ...response.stat, cversion: 5 };
      return { ...one, outcome: { ...one.outcome, response: { ...response, stat } } };
    });

    expect(broken(service.history({ operations }))).toEqual(["RepliesAsModelled"]);
  });

  test("RepliesAsModelled: a write that was done is told as refused", () => {
    const { service, ann } = story();
    service.ask(ann, { op: "setACL", path: "/a", acl: ROOT_ACL, version: -1 });
    const operations = changed(service.operations, isOp("setACL"), (one) => {
      return answeredAt(
        { ...one, outcome: { kind: "answered", zxid: zxid(4), error: -101, response: undefined } },
        zxidOf(one),
      );
    });

    expect(broken(service.history({ operations }))).toEqual(["RepliesAsModelled"]);
  });

  test("ReadsShowAState: a list of children lacks one", () => {
    const { service, ann } = story();
    service.ask(ann, create("/b"));
    service.ask(ann, { op: "getChildren", path: "/", watch: false });
    const operations = changed(service.operations, isOp("getChildren"), (one) => {
      if (one.outcome.kind !== "answered") return one;
      return {
        ...one,
        outcome: { ...one.outcome, response: { op: "children" as const, children: ["b", "zookeeper"] } },
      };
    });

    expect(broken(service.history({ operations }))).toEqual(["ReadsShowAState"]);
  });
});

describe("watches", () => {
  function watched(): { readonly service: SingleCopy; readonly event: EventRecord } {
    const { service, ann, bob } = story();
    service.ask(bob, { op: "getData", path: "/a", watch: true });
    service.ask(ann, setData("/a", "1"));
    service.ask(bob, { op: "getData", path: "/a", watch: false });
    expect(broken(service.history())).toEqual([]);
    return { service, event: must(service.events[0], "the watch fired") };
  }

  test("EventBeforeState: the event comes behind a reply that shows the change", () => {
    const { service, event } = watched();

    expect(broken(service.history({ events: [{ ...event, atMs: service.nowMs + 1 }] }))).toEqual([
      "EventBeforeState",
    ]);
  });

  test("EventNotMissed: the event never comes", () => {
    const { service } = watched();

    expect(broken(service.history({ events: [] }))).toEqual(["EventNotMissed"]);
  });

  test("EventNotMissed: setWatches takes a watch over and is silent about what the client has missed", () => {
    const { service, ann, bob } = story();
    const seen = service.ask(bob, { op: "getData", path: "/a", watch: true });
    service.lose(bob);
    service.ask(ann, setData("/a", "1"));
    service.reconnect(bob);
    const none = {
      existWatches: [],
      childWatches: [],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    };
    const relativeZxid = zxidOf(seen);
    service.ask(bob, { op: "setWatches", relativeZxid, dataWatches: ["/a"], ...none });

    expect(service.events).toHaveLength(1);
    expect(broken(service.history())).toEqual([]);
    expect(broken(service.history({ events: [] }))).toEqual(["EventNotMissed"]);
  });

  test("EventHasCause: an event tells of a znode that nobody watches", () => {
    const { service, event } = watched();
    const alien = { ...event, event: { ...event.event, path: "/b" } };

    expect(broken(service.history({ events: [event, alien] }))).toEqual(["EventHasCause"]);
  });

  test("EventOnce: a watch that fires once fires twice", () => {
    const { service, event } = watched();

    expect(broken(service.history({ events: [event, event] }))).toEqual(["EventOnce"]);
  });
});

describe("sessions", () => {
  const calm = (service: SingleCopy): JudgeOptions => ({
    calm: [{ fromMs: 0, toMs: service.nowMs }],
    expiryLateMs: 100,
  });

  function expired(): SingleCopy {
    const { service, ann, bob } = story();
    service.ask(bob, create("/e", 1));
    service.lose(bob);
    service.expire(bob);
    service.ask(ann, { op: "sync", path: "/" });
    service.ask(ann, { op: "exists", path: "/e", watch: false });
    expect(broken(service.history(), calm(service))).toEqual([]);
    return service;
  }

  test("SessionNotEarly: the end comes before the timeout is over", () => {
    const service = expired();
    const sessions = changed(
      service.history().sessions,
      () => true,
      (one) => ({
        ...one,
        timeoutMs: one.timeoutMs + 10,
      }),
    );

    expect(broken(service.history({ sessions }), calm(service))).toEqual(["SessionNotEarly"]);
    expect(broken(service.history({ sessions, ...REAL }))).toEqual(["SessionNotEarly"]);
  });

  test("SessionNotLate: a session whose client is gone stays", () => {
    const { service, ann, bob } = story();
    service.lose(bob);
    service.nowMs += 2000;
    service.ask(ann, { op: "sync", path: "/" });

    expect(broken(service.history(), calm(service))).toEqual(["SessionNotLate"]);
  });

  test("SessionIsOneClients: two clients are given one session", () => {
    const { service, bob } = story();
    const sessions = [...service.history().sessions, { ...bob.record, client: "c9" }];

    expect(broken(service.history({ sessions }))).toEqual(["SessionIsOneClients"]);
  });

  test("SessionEndsByLog: a client is told that its session is over, and it lives", () => {
    const { service, bob } = story();
    bob.record.expiredMs = bob.record.lastHeardMs + 5000;

    expect(broken(service.history())).toEqual(["SessionEndsByLog"]);
  });

  test("SessionEndsByLog: a session that has expired goes on", () => {
    const { service, ann } = story();
    ann.record.lastHeardMs = -5000;
    ann.record.expiredMs = service.nowMs;
    service.ask(ann, { op: "whoAmI" });
    ann.record.lastHeardMs = -5000;

    expect(broken(service.history(REAL))).toEqual(["SessionEndsByLog"]);
  });

  test("SessionMoved: a connection that its session has left goes on writing", () => {
    const { service, ann } = story();
    const old = ann.connection;
    service.reconnect(ann);
    service.ask(ann, setData("/a", "1"));
    const operations = changed(service.operations, isOp("setData"), (one) => ({ ...one, connection: old }));

    expect(broken(service.history({ operations }))).toEqual(["SessionMoved"]);
  });

  test("EphemeralsAsSessions: an ephemeral outlives its session", () => {
    const { service, ann, bob } = story();
    service.ask(bob, create("/e", 1));
    const alive = service.ask(ann, { op: "exists", path: "/e", watch: false });
    service.lose(bob);
    service.expire(bob);
    service.ask(ann, { op: "sync", path: "/" });
    const read = service.ask(ann, { op: "getACL", path: "/e" });
    const operations = changed(service.operations, isOp("getACL"), (one) => {
      return answeredAt({ ...one, outcome: alive.outcome }, zxidOf(read));
    });

    expect(broken(service.history({ operations, ...REAL }))).toEqual(["EphemeralsAsSessions"]);
  });

  test("EphemeralsAsSessions: an ephemeral is gone and its session goes on", () => {
    const { service, ann, bob } = story();
    service.ask(bob, create("/e", 1));
    const gone = service.ask(ann, { op: "exists", path: "/nowhere", watch: false });
    service.ask(bob, { op: "sync", path: "/" });
    const operations = changed(
      service.operations,
      (one) => one === gone,
      (one) => ({
        ...one,
        request: { op: "exists" as const, path: "/e", watch: false },
      }),
    );

    expect(broken(service.history({ operations, ...REAL }))).toEqual(["EphemeralsAsSessions"]);
  });
});

describe("locks", () => {
  const hold = (client: Client, token: number, fromMs: number, toMs: number): LockHold => ({
    lock: "/lock",
    client: client.record.client,
    session: client.record.session,
    token: zxid(token),
    fromMs,
    toMs,
  });

  test("one holder after another is as it should be, and so is one whose session is over", () => {
    const { service, ann, bob } = story();
    service.lose(ann);
    service.expire(ann);
    const end = must(service.committed.at(-1), "the end is committed");

    expect(
      broken(service.history({ holds: [hold(ann, 3, 1, Infinity), hold(bob, 4, end.atMs + 1, 9e9)] })),
    ).toEqual([]);
    expect(broken(service.history({ holds: [hold(ann, 3, 1, 5), hold(bob, 4, 5, 8)] }))).toEqual([]);
  });

  test("LockHeldOnce: two hold it at once", () => {
    const { service, ann, bob } = story();

    expect(broken(service.history({ holds: [hold(ann, 3, 1, 5), hold(bob, 4, 4, 8)] }))).toEqual([
      "LockHeldOnce",
    ]);
  });

  test("TokensGrow: the second holder's token is the smaller one", () => {
    const { service, ann, bob } = story();

    expect(broken(service.history({ holds: [hold(ann, 4, 1, 5), hold(bob, 3, 6, 8)] }))).toEqual([
      "TokensGrow",
    ]);
  });

  test("GuardedWritesGrow: a write under an old token is done after one under a newer", () => {
    const { service, ann, bob } = story();
    service.ask(ann, setData("/a", "4"));
    service.ask(bob, setData("/a", "3"));
    const guardOf: JudgeOptions["guardOf"] = ({ request }) => {
      if (request.op !== "setData") return undefined;
      return { lock: "/lock", token: zxid(Number(new TextDecoder().decode(request.data ?? undefined))) };
    };

    expect(broken(service.history(), { guardOf })).toEqual(["GuardedWritesGrow"]);
  });
});

test("no two checks share a name", () => {
  const names = HISTORY_CHECKS.map(({ name }) => name);

  expect(new Set(names).size).toBe(names.length);
});
