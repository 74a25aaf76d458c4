import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { seededRng } from "../../../src/base/rng.ts";
import type { Stat } from "../../../src/base/stat.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import { ZXID_UNKNOWN } from "../../../src/jute/records.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { EVENT_TYPES } from "../../../src/tree/watch-table.ts";
import { Violation } from "../verdict.ts";
import { DriftingClock } from "./client-clock.ts";
import { FakePort } from "./fake-port.ts";
import { Recorder } from "./recorder.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionOwner } from "./session-owner.ts";
import { bytesOf, createOf } from "./workload.ts";

const READ: ClientRequest = { op: "getData", path: "/a", watch: false };
const WATCHED: ClientRequest = { op: "getData", path: "/a", watch: true };

function at(counter: number): Zxid {
  return { epoch: 1, counter };
}

function statAt(zxid: Zxid, more: Partial<Stat> = {}): Stat {
  const none = { ctime: 0, mtime: 0, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n };
  return { ...none, czxid: zxid, mzxid: zxid, pzxid: zxid, dataLength: 0, numChildren: 0, ...more };
}

function dataAt(zxid: Zxid, text = "x"): { op: "getData"; data: Uint8Array; stat: Stat } {
  const data = bytesOf(text);
  return { op: "getData", data, stat: statAt(zxid, { dataLength: data.length }) };
}

interface Play {
  readonly port: FakePort;
  readonly recorder: Recorder;
  readonly client: SessionClient;
}

/** A client that has sent its hello; `rate` is its clock's. */
function begin(owner: SessionOwner = {}, rate = 1): Play {
  const port = new FakePort();
  const recorder = new Recorder(port);
  const clock = new DriftingClock(port, rate);
  const rng = seededRng([1, 2, 3, 4]);
  const client = new SessionClient({ name: "c", port, clock, rng, recorder, timeoutMs: 4000, owner });
  client.start();
  return { port, recorder, client };
}

function connected(owner: SessionOwner = {}): Play {
  const play = begin(owner);
  play.port.last.welcome();
  return play;
}

/** The name of the check that fails. */
function violated(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof Violation) return error.check;
    throw error;
  }
  return "none";
}

describe("what is recorded", () => {
  it("is each request with its answer, in order, at moments of their own", () => {
    const { port, recorder, client } = connected();
    client.ask(READ);
    client.ask({ op: "sync", path: "/a" });
    port.last.reply(1, at(5), dataAt(at(3))).reply(2, at(6), { op: "path", path: "/a" });

    const { operations } = recorder.history();
    expect(operations.map(({ id, request, outcome }) => [id, request.op, outcome])).toEqual([
      [1, "getData", { kind: "answered", zxid: at(5), error: 0, response: dataAt(at(3)) }],
      [2, "sync", { kind: "answered", zxid: at(6), error: 0, response: { op: "path", path: "/a" } }],
    ]);
    const moments = operations.flatMap(({ startMs, endMs }) => [startMs, endMs]);
    expect(new Set(moments).size).toBe(4);
    expect(operations[0]?.connection).toBe(operations[1]?.connection);
  });

  it("of what was never answered is that its outcome is unknown", () => {
    const { port, recorder, client } = connected();
    let told = "";
    client.ask(READ, ({ outcome }) => {
      told = outcome.kind;
    });
    port.last.hangUp();

    expect(told).toBe("unknown");
    expect(recorder.history().operations).toMatchObject([
      { endMs: Number.POSITIVE_INFINITY, outcome: { kind: "unknown", reason: "closed by the replica" } },
    ]);
  });

  it("of a session is when it was surely heard: not before something sent is answered", () => {
    const { port, recorder, client } = begin();
    const [helloMs] = [port.nowMs];
    port.run(100);
    port.last.welcome();
    const [session] = recorder.history().sessions;
    expect(session?.lastHeardMs).toBeCloseTo(helloMs, 1);

    port.run(200);
    client.ask(READ);
    expect(session?.lastHeardMs).toBeCloseTo(helloMs, 1);
    port.run(50);
    port.last.reply(1, at(5), dataAt(at(3)));
    expect(session?.lastHeardMs).toBeCloseTo(300, 1);
  });
});

describe("a session", () => {
  it("is kept over a lost connection, with its password and what it has seen", () => {
    const { port, recorder, client } = connected();
    client.ask(READ);
    port.last.reply(1, at(5), dataAt(at(3)));
    port.last.hangUp();
    port.run(200);

    expect(port.replicas).toHaveLength(2);
    expect(port.last.hello).toMatchObject({ sessionId: 0x1000n, lastZxidSeen: at(5) });
    port.last.welcome();
    const [session] = recorder.history().sessions;
    expect(session?.attachments).toMatchObject([{ connection: 1 }, { connection: 2, toMs: Infinity }]);
    expect(session?.attachments[0]?.toMs).toBeLessThan(1);
  });

  it("is pinged for by a third of its timeout, and its connection given up after two thirds of silence", () => {
    const { port } = connected();
    port.run(1330);
    expect(port.last.arrived).toEqual([]);
    port.run(10);
    expect(port.last.take()).toMatchObject({ xid: -2, request: { op: "ping" } });
    port.last.reply(-2, at(1));
    port.run(2660);
    expect(port.replicas).toHaveLength(1);
    port.run(200);
    expect(port.replicas[0]?.ending).toBe("close");
    expect(port.replicas).toHaveLength(2);
  });

  it("that a replica tells to be over is recorded so, and another is asked for", () => {
    const { port, recorder } = connected();
    port.last.hangUp();
    port.run(200);
    port.last.refuse();
    port.run(200);

    expect(recorder.history().sessions).toMatchObject([{ session: 0x1000n, closedMs: undefined }]);
    expect(recorder.history().sessions[0]?.expiredMs).toBeGreaterThan(0);
    expect(port.last.hello?.sessionId).toBe(0n);
  });

  it("that it closed itself is recorded so, and never asked for again", () => {
    const { port, recorder, client } = connected();
    client.close();
    expect(client.ask(READ)).toBe(false);
    port.last.reply(1, at(5));
    port.last.hangUp();
    port.run(200);

    expect(recorder.history().sessions[0]).toMatchObject({ expiredMs: undefined });
    expect(recorder.history().sessions[0]?.closedMs).toBeGreaterThan(0);
    expect(port.last.hello?.sessionId).toBe(0n);
  });

  it("that it closed itself may still be told on an older connection what was done before", () => {
    const { port, recorder, client } = connected();
    client.ask(READ);
    client.takeOver();
    const [old, young] = port.replicas;
    young?.welcome();
    client.close();
    young?.reply(1, at(5));
    old?.reply(1, at(4), dataAt(at(3)));

    expect(recorder.history().sessions[0]?.closedMs).toBeGreaterThan(0);
  });

  it("takes its watches along, as of the last that it was told", () => {
    const { port, client } = connected();
    client.ask(WATCHED);
    client.ask({ op: "exists", path: "/none", watch: true });
    client.ask({ op: "addWatch", path: "/r", mode: 1 });
    port.last.reply(1, at(5), dataAt(at(3))).reply(2, at(6), ERROR_CODES.noNode);
    port.last.reply(3, at(7), { op: "error", code: 0 });
    client.move(false);
    port.last.welcome();

    expect(port.last.take()).toMatchObject({
      xid: -8,
      request: {
        op: "setWatches2",
        relativeZxid: at(7),
        dataWatches: ["/a"],
        existWatches: ["/none"],
        persistentRecursiveWatches: ["/r"],
      },
    });
  });

  it("is asked for elsewhere while the old connection stands: what that still tells is nobody's news", () => {
    const { port, recorder, client } = connected();
    client.ask(WATCHED);
    port.last.reply(1, at(5), dataAt(at(3)));
    client.ask(READ);
    client.takeOver();
    const [old, young] = port.replicas;
    expect(client.askLate(READ)).toBe(true);
    expect(old?.arrived).toHaveLength(3);
    expect(young?.hello?.lastZxidSeen).toEqual(at(5));
    young?.welcome();
    young?.reply(-8, at(5));
    client.ask(READ);
    old
      ?.event(EVENT_TYPES.dataChanged, "/a", at(8))
      .reply(2, at(9), dataAt(at(8)))
      .reply(3, at(9), dataAt(at(8)));
    young?.reply(1, at(6), dataAt(at(3)));

    const { operations, events, sessions } = recorder.history();
    const told = operations.map(({ connection, outcome }) => `${connection} ${outcome.kind}`);
    expect(told).toEqual(["1 answered", "1 unknown", "1 unknown", "2 answered", "2 answered"]);
    expect(events).toEqual([]);
    expect(sessions[0]?.attachments).toHaveLength(2);
    port.run(2000);
    expect(old?.ending).toBe("close");
  });

  it("does nothing while it stands still, and reads what waited when it goes on", () => {
    const { port, recorder, client } = connected();
    client.ask(READ);
    client.freeze(1500);
    port.last.reply(1, at(5), dataAt(at(3)));
    port.run(1499);
    expect(client.isQuiet).toBe(false);
    expect(recorder.history().operations[0]?.outcome.kind).toBe("unknown");
    expect(port.last.arrived).toHaveLength(1);
    port.run(2);
    expect(recorder.history().operations[0]?.outcome.kind).toBe("answered");
    expect(recorder.history().operations[0]?.endMs).toBeGreaterThanOrEqual(1500);
  });

  it("that is abandoned is never asked for again", () => {
    const { port, client } = connected();
    client.rest(500, true);
    client.abandon();
    port.run(60_000);
    expect(port.replicas).toHaveLength(1);
    expect(port.last.ending).toBe("vanish");
  });
});

describe("what no replica may do is told by name", () => {
  const cases: readonly (readonly [string, (play: Play) => void])[] = [
    ["well-formed bytes", ({ port }): void => void port.last.raw(Uint8Array.of(0, 0, 0, 3, 1, 2, 3))],
    ["well-formed bytes", ({ port }): void => void port.last.raw(Uint8Array.of(255, 0, 0, 3))],
    ["no reply to nothing", ({ port }): void => void port.last.reply(1, at(1))],
    [
      "replies in order",
      ({ port, client }): void => {
        client.ask(READ);
        client.ask(READ);
        port.last.reply(2, at(1), dataAt(at(1)));
      },
    ],
    [
      "zxid of a session never goes back",
      ({ port, client }): void => {
        client.ask(READ);
        client.ask(READ);
        port.last.reply(1, at(9), dataAt(at(1))).reply(2, at(8), dataAt(at(1)));
      },
    ],
    [
      "zxid of a session never goes back",
      ({ port, client }): void => {
        client.ask(READ);
        port.last.reply(1, at(9), dataAt(at(1)));
        client.move(false);
        port.last.welcome();
        client.ask(READ);
        port.last.reply(1, at(8), dataAt(at(1)));
      },
    ],
    ["no event without a watch", ({ port }): void => void port.last.event(EVENT_TYPES.created, "/a", at(1))],
    [
      "no event without a watch",
      ({ port, client }): void => {
        client.ask(WATCHED);
        port.last.reply(1, at(2), dataAt(at(1)));
        port.last.event(EVENT_TYPES.dataChanged, "/a", at(3)).event(EVENT_TYPES.deleted, "/a", at(4));
      },
    ],
    [
      "a session keeps its identity",
      ({ port, client }): void => {
        client.move(false);
        port.last.welcome({ sessionId: 0x1001n });
      },
    ],
    [
      "a session keeps its identity",
      ({ port, client }): void => {
        client.move(false);
        port.last.welcome({ password: new Uint8Array(16) });
      },
    ],
    [
      "answers fit their requests",
      ({ port, client }): void => {
        client.ask(READ);
        port.last.reply(1, at(1), ERROR_CODES.badVersion);
      },
    ],
    [
      "a closed session is told nothing",
      ({ port, client }): void => {
        client.close();
        port.last.reply(1, at(1));
        port.run(1400);
        port.last.reply(-2, at(1));
      },
    ],
    [
      "a closed session is told nothing",
      ({ port, client }): void => {
        client.ask(READ);
        client.takeOver();
        const [old, young] = port.replicas;
        young?.welcome();
        client.close();
        young?.reply(1, at(5));
        old?.reply(1, at(5), dataAt(at(3)));
      },
    ],
    [
      "an older connection writes nothing behind a younger",
      ({ port, client }): void => {
        client.ask(createOf("/a", bytesOf("")));
        client.takeOver();
        const [old, young] = port.replicas;
        young?.welcome();
        client.ask(createOf("/b", bytesOf("")));
        young?.reply(1, at(4), { op: "path", path: "/b" });
        old?.reply(1, at(5), { op: "path", path: "/a" });
      },
    ],
  ];

  it.each(cases)("%s", (check, act) => {
    expect(violated(() => act(connected()))).toBe(check);
  });

  it("sessions are unique", () => {
    const { port, recorder } = connected();
    const clock = new DriftingClock(port, 1);
    const rng = seededRng([1, 2, 3, 5]);
    const parts = { name: "d", port, clock, rng, recorder, timeoutMs: 4000, owner: {} };
    new SessionClient(parts).start();
    expect(violated(() => port.last.welcome())).toBe("sessions are unique");
  });

  it("and what one may do is not: an event that was missed comes without a zxid, and before its replies", () => {
    const { port, recorder, client } = connected();
    client.ask(WATCHED);
    port.last.reply(1, at(5), dataAt(at(3)));
    client.move(true);
    port.last.welcome().event(EVENT_TYPES.deleted, "/a", ZXID_UNKNOWN).reply(-8, at(6));

    expect(recorder.history().events).toMatchObject([{ connection: 2, event: { path: "/a" } }]);
  });
});
