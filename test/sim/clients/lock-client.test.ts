import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { seededRng } from "../../../src/base/rng.ts";
import type { Stat } from "../../../src/base/stat.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { EVENT_TYPES } from "../../../src/tree/watch-table.ts";
import { DriftingClock } from "./client-clock.ts";
import { type ClientPlan, clientPlanFor } from "./client-plan.ts";
import { FakePort } from "./fake-port.ts";
import { LockClient } from "./lock-client.ts";
import { Recorder } from "./recorder.ts";

const MARGIN_MS = 500;
const HOLD_MS = 20_000;

/** Answers the oldest request of the youngest connection, which must be of this kind. */
class Play {
  readonly port = new FakePort();
  readonly recorder = new Recorder(this.port);
  #counter = 0;

  constructor(more: Partial<ClientPlan> = {}) {
    const rng = seededRng([1, 2, 3, 4]);
    const calm = { hangUp: 0, vanish: 0, takeover: 0, nap: 0, oversleep: 0, freeze: 0, closeSession: 0 };
    const plan: ClientPlan = {
      ...clientPlanFor(rng, 100, 1000),
      disturbances: calm,
      sessionTimeoutsMs: [4000],
      locks: 1,
      lockPauseMs: 10,
      holdMs: HOLD_MS,
      lockMarginMs: MARGIN_MS,
      ...more,
    };
    const { port, recorder } = this;
    const clock = new DriftingClock(port, 1);
    const client = new LockClient({ name: "l", plan, port, clock, rng, recorder, isSpent: () => false });
    client.start();
    port.last.welcome();
    port.run(20);
  }

  /** Its znode in the queue, behind those that stand before it. */
  queue(...before: readonly string[]): string {
    const name = `${this.prefix()}0000000009`;
    this.created(name);
    this.listed([...before, name]);
    return `/locks/0/${name}`;
  }

  /** Takes the create; gives the name that it asks for, without a number. */
  prefix(): string {
    const request = must(this.port.last.arrived[0], "a create").request;
    if (request.op !== "create2") throw new Error(`a create, not ${request.op}`);
    return request.path.slice("/locks/0/".length);
  }

  created(name: string): void {
    const { xid } = this.#take("create2");
    const zxid = this.#next();
    const stat = statAt(zxid, { ephemeralOwner: 0x1000n, dataLength: 3 });
    this.port.last.reply(xid, zxid, { op: "create2", path: `/locks/0/${name}`, stat });
  }

  listed(children: readonly string[]): void {
    const { xid } = this.#take("getChildren2");
    const zxid = this.#next();
    const stat = statAt(zxid, { numChildren: children.length });
    this.port.last.reply(xid, zxid, { op: "children2", children, stat });
  }

  existing(path: string): void {
    const { xid, request } = this.#take("exists");
    expect(request).toMatchObject({ path });
    this.port.last.reply(xid, this.#next(), { op: "stat", stat: statAt({ epoch: 1, counter: 1 }) });
  }

  done(op: ClientRequest["op"], error: number = ERROR_CODES.ok): ClientRequest {
    const { xid, request } = this.#take(op);
    const answer = op === "sync" ? ({ op: "path", path: "/locks/0" } as const) : error;
    this.port.last.reply(xid, this.#next(), answer);
    return request;
  }

  /** Pings, and guarded writes, which are told to have failed. */
  answerAll(): void {
    const codes = [ERROR_CODES.noNode, ERROR_CODES.runtimeInconsistency];
    const results = codes.map((code) => ({ op: "error", code }) as const);
    for (const { xid, request } of this.port.last.arrived.splice(0)) {
      this.port.last.reply(xid, this.#next(), request.op === "ping" ? 0 : { op: "multi", results });
    }
  }

  gone(path: string): void {
    this.port.last.event(EVENT_TYPES.deleted, path, this.#next());
  }

  get holds(): ReturnType<Recorder["history"]>["holds"] {
    return this.recorder.history().holds;
  }

  #take(op: ClientRequest["op"]): { readonly xid: number; readonly request: ClientRequest } {
    const arrived = this.port.last.take();
    expect(arrived.request.op).toBe(op);
    return arrived;
  }

  #next(): Zxid {
    return { epoch: 1, counter: ++this.#counter };
  }
}

function statAt(zxid: Zxid, more: Partial<Stat> = {}): Stat {
  const zeros = { ctime: 0, mtime: 0, version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n };
  return { ...zeros, czxid: zxid, mzxid: zxid, pzxid: zxid, dataLength: 0, numChildren: 0, ...more };
}

describe("a client that queues for a lock", () => {
  it("holds it when nobody is before it, under the czxid of its znode", () => {
    const play = new Play();
    play.queue();
    expect(play.holds).toMatchObject([
      { lock: "/locks/0", client: "l", token: { epoch: 1, counter: 1 }, toMs: Infinity },
    ]);
  });

  it("watches the one before it alone, and looks again when that goes", () => {
    const play = new Play();
    const own = play.queue("x.1-0000000008", "y.7-0000000003");
    play.existing("/locks/0/x.1-0000000008");
    expect(play.holds).toHaveLength(0);
    play.gone("/locks/0/x.1-0000000008");
    play.listed([own.slice("/locks/0/".length), "y.7-0000000003"]);
    play.existing("/locks/0/y.7-0000000003");
    play.gone("/locks/0/y.7-0000000003");
    play.listed([own.slice("/locks/0/".length)]);
    expect(play.holds).toHaveLength(1);
  });

  it("looks again at once where the one before it is gone already", () => {
    const play = new Play();
    const own = play.queue("x.1-0000000008");
    play.done("exists", ERROR_CODES.noNode);
    play.listed([own.slice("/locks/0/".length)]);
    expect(play.holds).toHaveLength(1);
  });

  it("finds the znode of a create whose answer was lost, behind a sync", () => {
    const play = new Play();
    const name = `${play.prefix()}0000000009`;
    play.port.last.hangUp();
    play.port.run(200);
    play.port.last.welcome();
    play.done("sync");
    play.listed(["x.1-0000000012", name]);
    play.existing(`/locks/0/${name}`);
    play.listed(["x.1-0000000012", name]);
    expect(play.holds).toMatchObject([{ token: { epoch: 1, counter: 1 } }]);
  });

  it("tries under another name where that create was not done", () => {
    const play = new Play();
    const lost = play.prefix();
    play.port.last.hangUp();
    play.port.run(200);
    play.port.last.welcome();
    play.done("sync");
    play.listed(["x.1-0000000012"]);
    play.port.run(50);
    expect(play.prefix()).not.toBe(lost);
  });

  it("stops to believe in its lock when nothing sent since was answered, the margin before its timeout", () => {
    const play = new Play();
    const own = play.queue();
    const heardMs = play.port.nowMs;
    play.port.run(4000 - MARGIN_MS - 1);
    expect(play.holds[0]?.toMs).toBe(Infinity);
    play.port.run(2);
    expect(play.holds[0]?.toMs).toBeLessThanOrEqual(heardMs + 4000 - MARGIN_MS + 1);
    play.port.last.welcome();
    expect(play.done("delete")).toMatchObject({ path: own });
  });

  it("goes on to believe while its pings are answered, and lets go at the end of its session", () => {
    const play = new Play();
    play.queue();
    for (let round = 1; round <= 6; round++) {
      play.port.run(1400);
      play.answerAll();
    }
    expect(play.holds[0]?.toMs).toBe(Infinity);
    play.port.last.hangUp();
    play.port.run(200);
    play.port.last.refuse();
    expect(play.holds[0]?.toMs).toBeLessThan(play.port.nowMs + 1);
  });

  it("writes what the lock protects on the condition that its znode is there, and releases by deleting that", () => {
    const play = new Play({ holdMs: 100 });
    const own = play.queue();
    play.port.run(200);
    const requests = play.port.last.arrived.map(({ request }) => request);
    expect(requests.at(-1)).toMatchObject({ op: "delete", path: own });
    expect(play.holds[0]?.toMs).toBeLessThan(200);
    for (const request of requests.slice(0, -1)) {
      expect(request).toMatchObject({
        op: "multi",
        operations: [
          { op: "check", path: own, version: 0 },
          { op: "setData", path: "/fenced/0" },
        ],
      });
    }
  });
});
