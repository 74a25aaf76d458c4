/** The session machine by itself: whatever happens to it, in whatever order, what it promises holds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { seededRng } from "../../../src/base/rng.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { Effect, Input } from "../../../src/client/machine/effects.ts";
import { SessionMachine, type SessionSetup } from "../../../src/client/machine/session-machine.ts";
import { ScriptedReplica } from "./scripted-replica.ts";

const SETUP: SessionSetup = {
  endpoints: ["a", "b", "c"],
  timeoutMs: 9000,
  identity: undefined,
  outOfTouchFactor: 4 / 3,
  rng: seededRng([1, 2, 3, 4]),
};

function setup(more: Partial<SessionSetup> = {}): SessionSetup {
  return { ...SETUP, rng: seededRng([1, 2, 3, 4]), ...more };
}

/** A machine with a replica that answers at once, and a clock that is set by hand. */
class Bench {
  readonly machine: SessionMachine;
  readonly effects: Effect[] = [];
  replica = new ScriptedReplica();
  nowMs = 1000;
  connection = 0;
  #calls = 0;

  constructor(more: Partial<SessionSetup> = {}) {
    this.machine = new SessionMachine(setup(more));
  }

  step(input: Input): readonly Effect[] {
    const effects = this.machine.step(input, this.nowMs);
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.kind === "open") {
        this.connection = effect.connection;
        this.replica = this.replica.successor();
      }
      if (effect.kind === "send") this.replica.receive(effect.bytes);
    }
    return effects;
  }

  /** What the replica has to say so far. */
  deliver(): readonly Effect[] {
    const bytes = this.replica.take();
    return bytes.length === 0 ? [] : this.step({ kind: "received", connection: this.connection, bytes });
  }

  connect(): this {
    this.step({ kind: "start" });
    return this.open();
  }

  open(): this {
    this.step({ kind: "opened", connection: this.connection });
    this.deliver();
    return this;
  }

  submit(path: string, watcher?: number): number {
    const call = ++this.#calls;
    const request = { op: "getData", path, watch: watcher !== undefined } as const;
    this.step({ kind: "submit", submission: { call, request, watcher } });
    return call;
  }

  create(path: string): number {
    const call = ++this.#calls;
    const create = { op: "create2", path, data: null, acl: [], flags: 0, ttlMs: 0 } as const;
    this.step({ kind: "submit", submission: { call, request: create, watcher: undefined } });
    return call;
  }

  /** The connection breaks, and the next one is open as soon as it may. */
  reconnect(): this {
    this.step({ kind: "ended", connection: this.connection, reason: "cut" });
    this.nowMs = must(this.machine.wakeMs, "a time to connect");
    this.step({ kind: "tick" });
    return this.open();
  }

  states(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.kind === "state" ? [effect.state] : []));
  }

  outcomes(call: number): readonly string[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind !== "settle" || effect.call !== call) return [];
      const { outcome } = effect;
      return outcome.kind === "lost" ? [`lost ${outcome.mayBeDone}`] : [outcome.kind];
    });
  }
}

describe("a session machine", () => {
  it("shakes hands, and presents the same session to the next replica, with the newest zxid that it has seen", () => {
    const bench = new Bench().connect();
    bench.submit("/a");
    bench.step({ kind: "flush" });
    bench.deliver();

    bench.reconnect();

    const [first, second] = bench.replica.hellos;
    expect(first).toMatchObject({ sessionId: 0n, lastZxidSeen: ZXID_ZERO });
    expect(second).toMatchObject({
      sessionId: bench.machine.identity.id,
      lastZxidSeen: { epoch: 1, counter: 1 },
    });
    expect(second?.password).toEqual(bench.machine.identity.password);
    expect(bench.states()).toEqual(["connected", "suspended", "reconnected"]);
  });

  it("sends what was submitted in one piece, and says of what was sent and lost whether it may be done", () => {
    const bench = new Bench().connect();
    const read = bench.submit("/a");
    const write = bench.create("/b");
    const sent = bench.step({ kind: "flush" }).filter(({ kind }) => kind === "send");
    const unsent = bench.submit("/c");

    bench.reconnect();
    bench.deliver();

    expect(sent).toHaveLength(1);
    expect(bench.outcomes(read)).toEqual(["lost false"]);
    expect(bench.outcomes(write)).toEqual(["lost true"]);
    expect(bench.outcomes(unsent)).toEqual(["reply"]);
  });

  it("pings after a third of the timeout, and leaves a replica that is silent for two", () => {
    const bench = new Bench().connect();

    bench.nowMs += 3000;
    bench.step({ kind: "tick" });
    expect(bench.replica.pings).toBe(1);
    expect(bench.machine.assuredUntilMs).toBe(1000 + 9000);
    bench.deliver();
    expect(bench.machine.assuredUntilMs).toBe(4000 + 9000);

    bench.nowMs += 6000;
    bench.step({ kind: "tick" });
    expect(bench.states()).toEqual(["connected", "suspended"]);
    expect(bench.effects.at(-2)).toMatchObject({ kind: "drop" });
  });

  it("gives up where no replica is reached for longer than a session lives, and tells everybody once", () => {
    const bench = new Bench().connect();
    bench.submit("/a", 77);
    bench.step({ kind: "flush" });
    bench.deliver();
    bench.step({ kind: "ended", connection: bench.connection, reason: "cut" });
    const waiting = bench.submit("/b");

    while (bench.machine.end === undefined) {
      bench.nowMs = must(bench.machine.wakeMs, "something to wait for");
      const opened = bench.step({ kind: "tick" }).find(({ kind }) => kind === "open");
      if (opened !== undefined)
        bench.step({ kind: "ended", connection: bench.connection, reason: "refused" });
    }
    const late = bench.submit("/c");

    expect(bench.nowMs).toBe(1000 + 12_000);
    expect(bench.states()).toEqual(["connected", "suspended", "expired"]);
    expect([...bench.outcomes(waiting), ...bench.outcomes(late)]).toEqual(["over", "over"]);
    const fired = bench.effects.filter(({ kind }) => kind === "fire");
    expect(fired).toEqual([
      { kind: "fire", watchers: [77], event: { type: "ended", path: "", zxid: undefined } },
    ]);
  });

  it("is expired where a replica says so, and where its clock says so before any replica can", () => {
    const told = new Bench().connect();
    told.replica.expires = true;
    told.reconnect();
    expect(told.machine.end).toBe("expired");

    const cautious = new Bench({ outOfTouchFactor: 1 }).connect();
    cautious.nowMs += 9000;
    cautious.step({ kind: "tick" });
    expect(cautious.machine.end).toBe("expired");
  });

  it("sets its watches again before anything else, behind its credentials, in parts of bounded size", () => {
    const bench = new Bench().connect();
    const auth = { op: "auth", type: 0, scheme: "digest", auth: new Uint8Array([1]) } as const;
    bench.step({ kind: "submit", submission: { call: 1000, request: auth, watcher: undefined } });
    const name = "n".repeat(1000);
    for (let index = 0; index < 100; index++) bench.submit(`/${name}${index}`, 10_000 + index);
    bench.step({ kind: "flush" });
    bench.deliver();

    bench.step({ kind: "ended", connection: bench.connection, reason: "cut" });
    bench.submit("/last");
    bench.nowMs = must(bench.machine.wakeMs, "a time to connect");
    bench.step({ kind: "tick" });
    bench.open();

    const ops = bench.replica.requests.map(({ op }) => op);
    expect(ops).toEqual(["auth", "setWatches2", "setWatches2", "setWatches2", "getData"]);
    const parts = bench.replica.requests.flatMap((request) =>
      request.op === "setWatches2" ? [request.dataWatches] : [],
    );
    expect(parts.flat()).toHaveLength(100);
    for (const paths of parts) expect(paths.join("").length).toBeLessThan(128 * 1024);
  });

  it("asks for what it was not told of: of a transaction's two events one may be lost with the connection", () => {
    const bench = new Bench().connect();
    bench.submit("/a", 1);
    bench.submit("/b", 2);
    bench.step({ kind: "flush" });
    bench.deliver();
    bench.replica.tell(3, "/a");
    bench.deliver();

    bench.reconnect();

    // No older state than the event's may be shown, but what happened with it may not have been told in full.
    expect(bench.replica.hellos.at(-1)?.lastZxidSeen).toEqual({ epoch: 1, counter: 3 });
    expect(bench.replica.requests).toMatchObject([
      { op: "setWatches2", relativeZxid: { epoch: 1, counter: 2 }, dataWatches: ["/b"] },
    ]);
  });

  it("is over where a credential is refused that was good before, and only the call fails where it is new", () => {
    const bench = new Bench().connect();
    const auth = { op: "auth", type: 0, scheme: "digest", auth: new Uint8Array([1]) } as const;
    bench.replica.authError = ERROR_CODES.authFailed;
    bench.step({ kind: "submit", submission: { call: 1000, request: auth, watcher: undefined } });
    bench.step({ kind: "flush" });
    bench.deliver();
    expect([bench.outcomes(1000), bench.machine.end]).toEqual([["error"], undefined]);

    bench.replica.authError = 0;
    bench.step({ kind: "submit", submission: { call: 1001, request: auth, watcher: undefined } });
    bench.step({ kind: "flush" });
    bench.deliver();
    bench.step({ kind: "ended", connection: bench.connection, reason: "cut" });
    bench.replica.authError = ERROR_CODES.authFailed;
    bench.nowMs = must(bench.machine.wakeMs, "a time to connect");
    bench.step({ kind: "tick" });
    bench.open();
    bench.deliver();

    expect([bench.outcomes(1001), bench.machine.end]).toEqual([["reply"], "authFailed"]);
  });

  it("refuses at once what is too large, and what is more than it holds", () => {
    const bench = new Bench();
    const large = { op: "setData", path: "/a", data: new Uint8Array(1 << 20), version: -1 } as const;
    bench.step({ kind: "submit", submission: { call: 1, request: large, watcher: undefined } });
    const read = { op: "getData", path: "/a", watch: false } as const;
    for (let call = 2; call < 10_003; call++) {
      bench.step({ kind: "submit", submission: { call, request: read, watcher: undefined } });
    }

    const settled = bench.effects.flatMap((effect) => (effect.kind === "settle" ? [effect] : []));
    expect(settled.map(({ call, outcome }) => [call, outcome])).toMatchObject([
      [1, { kind: "refused", reason: "too-large" }],
      [10_002, { kind: "refused", reason: "queue-full" }],
    ]);
  });

  it("has no more on its way than a replica takes, and sends the rest as answers come, in order", () => {
    const bench = new Bench().connect();
    for (let index = 0; index < 600; index++) bench.submit(`/${index}`);
    bench.step({ kind: "flush" });
    expect(bench.replica.requests).toHaveLength(500);

    bench.deliver();
    expect(bench.replica.requests).toHaveLength(600);
    expect(bench.replica.requests.map((request) => ("path" in request ? request.path : ""))).toEqual(
      Array.from({ length: 600 }, (_, index) => `/${index}`),
    );
  });

  it("settles each call exactly once, keeps its states in order and never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.boolean(), (actions, isCautious) => {
        const bench = new Bench({ outOfTouchFactor: isCautious ? 1 : 4 / 3 });
        bench.step({ kind: "start" });
        const calls: number[] = [];
        const cancelled = new Set<number>();
        for (const one of actions) act(bench, one, { calls, cancelled });
        bench.step({ kind: "abandon" });

        for (const call of calls) {
          const count = bench.outcomes(call).length;
          if (cancelled.has(call)) expect(count).toBeLessThanOrEqual(1);
          else expect(count).toBe(1);
        }
        expect(bench.states().join(" ")).toMatch(
          /^(?:connected (?:suspended reconnected )*(?:suspended )?)?(?:expired|closed|authFailed)$/,
        );
        const endings = bench.effects.filter(
          (effect) => effect.kind === "fire" && effect.event.type === "ended",
        );
        expect(endings.length).toBeLessThanOrEqual(1);
        const after = bench.effects.length;
        bench.step({ kind: "tick" });
        bench.step({ kind: "flush" });
        expect(bench.effects).toHaveLength(after);
      }),
      { numRuns: 300 },
    );
  });
});

type Action =
  | { readonly kind: "submit"; readonly path: string; readonly isWatched: boolean }
  | {
      readonly kind:
        | "create"
        | "deliver"
        | "cut"
        | "open"
        | "tick"
        | "flush"
        | "cancel"
        | "unwatch"
        | "close";
    }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "garbage"; readonly bytes: Uint8Array }
  | { readonly kind: "event"; readonly path: string; readonly type: number }
  | { readonly kind: "expire" };

const path = fc.constantFrom("/a", "/b", "/a/c");
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("submit" as const), path, isWatched: fc.boolean() }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constantFrom("create", "deliver", "open", "tick", "flush", "cancel", "unwatch" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(5000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("event" as const), path, type: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("garbage" as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("close" as const, "expire" as const) }) },
);

function act(
  bench: Bench,
  one: Action,
  { calls, cancelled }: { readonly calls: number[]; readonly cancelled: Set<number> },
): void {
  switch (one.kind) {
    case "submit":
      calls.push(bench.submit(one.path, one.isWatched ? 100_000 + calls.length : undefined));
      return;
    case "create":
      calls.push(bench.create("/made"));
      return;
    case "deliver":
      bench.deliver();
      return;
    case "open":
      bench.step({ kind: "opened", connection: bench.connection });
      return;
    case "cut":
      bench.step({ kind: "ended", connection: bench.connection, reason: "cut" });
      return;
    case "wait":
      bench.nowMs += one.ms;
      return;
    case "cancel": {
      const call = calls.at(-1);
      if (call === undefined) return;
      cancelled.add(call);
      bench.step({ kind: "cancel", call });
      return;
    }
    case "unwatch":
      bench.step({ kind: "unwatch", watcher: 100_000 + calls.length - 1 });
      return;
    case "garbage":
      bench.step({ kind: "received", connection: bench.connection, bytes: one.bytes });
      return;
    case "event":
      bench.replica.tell(one.type, one.path);
      return;
    case "expire":
      bench.replica.expires = true;
      return;
    case "tick":
    case "flush":
    case "close":
      bench.step({ kind: one.kind });
  }
}
