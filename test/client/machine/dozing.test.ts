/** A session whose client dozes: it pings beside the protocol, and connects again on its channel when it is called. */
import { describe, expect, it } from "vitest";

import { must } from "../../../src/base/assert.ts";
import { seededRng } from "../../../src/base/rng.ts";
import type { Effect, Input } from "../../../src/client/machine/effects.ts";
import { SessionMachine } from "../../../src/client/machine/session-machine.ts";
import { ScriptedReplica } from "./scripted-replica.ts";

const TIMEOUT_MS = 9000;
const WORD_WITHIN_MS = 100_000;

/** A machine that is connected, and its replica's end of the one channel that it has. */
class Bench {
  readonly machine = new SessionMachine({
    endpoints: ["a", "b"],
    timeoutMs: TIMEOUT_MS,
    identity: undefined,
    outOfTouchFactor: 1,
    rng: seededRng([1, 2, 3, 4]),
  });
  replica = new ScriptedReplica();
  nowMs = 1000;
  /** What it did besides sending bytes. */
  readonly did: string[] = [];
  #calls = 0;
  #opened = 0;

  constructor() {
    this.step({ kind: "start" });
    this.step({ kind: "opened", connection: 1 });
    this.deliver();
    this.did.length = 0;
  }

  step(input: Input): void {
    for (const effect of this.machine.step(input, this.nowMs)) this.#perform(effect);
  }

  deliver(): void {
    const bytes = this.replica.take();
    if (bytes.length > 0) this.step({ kind: "received", connection: 1, bytes });
  }

  /** Lets time pass, and the platform answer what it is asked; the replica does, where it is awake. */
  run(durationMs: number, isAnswered = true): void {
    for (const untilMs = this.nowMs + durationMs; ;) {
      const wakeMs = this.machine.wakeMs ?? Infinity;
      if (wakeMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, wakeMs);
      const pings = this.did.filter((one) => one === "say ping").length;
      this.step({ kind: "tick" });
      const isAsked = this.did.filter((one) => one === "say ping").length > pings;
      if (isAsked && isAnswered) this.step({ kind: "word", connection: 1, word: "pong" });
    }
  }

  letDoze(): this {
    this.replica.letDoze(WORD_WITHIN_MS);
    this.deliver();
    return this;
  }

  /** The replica has slept: it knows nothing of the connection any more, and says so. */
  call(): void {
    this.replica = this.replica.successor();
    this.step({ kind: "word", connection: 1, word: "awake" });
    this.deliver();
  }

  ask(path: string, watcher?: number): number {
    const call = ++this.#calls;
    const request = { op: "getData", path, watch: watcher !== undefined } as const;
    this.step({ kind: "submit", submission: { call, request, watcher } });
    this.step({ kind: "flush" });
    return call;
  }

  #perform(effect: Effect): void {
    if (effect.kind === "send") return this.replica.receive(effect.bytes);
    if (effect.kind === "open" && ++this.#opened === 1) return undefined;
    if (effect.kind === "say") this.did.push(`say ${effect.word}`);
    else if (effect.kind === "settle") this.did.push(`settle ${effect.call} ${effect.outcome.kind}`);
    else if (effect.kind === "state") this.did.push(effect.state);
    else if (effect.kind === "fire") this.did.push(`fire ${effect.event.type}`);
    else this.did.push(effect.kind);
    return undefined;
  }
}

describe("a session machine that dozes", () => {
  it("pings in words alone, for as long as they are answered and its replica is heard of", () => {
    const bench = new Bench().letDoze();
    bench.run(WORD_WITHIN_MS - 1);
    expect(new Set(bench.did)).toEqual(new Set(["say ping"]));
    expect(bench.did.length).toBeGreaterThan(WORD_WITHIN_MS / TIMEOUT_MS);
    expect(bench.replica.pings).toBe(0);
    expect(bench.machine.isConnected).toBe(true);

    bench.step({ kind: "word", connection: 1, word: "word" });
    bench.run(WORD_WITHIN_MS - 1);
    expect(bench.machine.isConnected).toBe(true);
    bench.run(2);
    expect(bench.did).toContain("suspended");
  });

  it("takes a channel that answers no ping for lost, within two thirds of its timeout", () => {
    const bench = new Bench().letDoze();
    bench.run((TIMEOUT_MS * 2) / 3 + 1, false);
    expect(bench.did.slice(0, 3)).toEqual(["say ping", "drop", "suspended"]);
  });

  it("asks as ever, and needs a replica that answers from then on", () => {
    const bench = new Bench().letDoze();
    bench.run(5 * TIMEOUT_MS);
    const call = bench.ask("/a");
    bench.deliver();
    expect(bench.did).toContain(`settle ${call} reply`);
    bench.run(TIMEOUT_MS / 3 + 1);
    expect(bench.replica.pings).toBe(1);
    bench.run(TIMEOUT_MS);
    expect(bench.did.filter((one) => one !== "say ping")).toContain("suspended");
  });

  it("does not doze while it waits for an answer", () => {
    const bench = new Bench();
    bench.ask("/a");
    const answer = bench.replica.take();
    bench.letDoze();
    bench.step({ kind: "received", connection: 1, bytes: answer });
    bench.run(TIMEOUT_MS / 3 + 1);
    expect(bench.replica.pings).toBe(1);
    expect(bench.did).not.toContain("say ping");
  });

  it("is called, presents its session and its watches on the same channel, and tells its owner nothing of it", () => {
    const bench = new Bench();
    bench.ask("/a", 7);
    bench.deliver();
    bench.letDoze();
    bench.run(3 * TIMEOUT_MS);
    const { id } = bench.machine.identity;
    bench.did.length = 0;
    bench.call();
    expect(bench.did).toEqual(["say again"]);
    expect(bench.replica.hellos.map(({ sessionId }) => sessionId)).toEqual([0n, id]);
    expect(bench.replica.requests).toMatchObject([{ op: "setWatches2", dataWatches: ["/a"] }]);
    expect(bench.machine.isConnected).toBe(true);

    bench.replica.tell(3, "/a");
    bench.deliver();
    expect(bench.did).toEqual(["say again", "fire dataChanged"]);
  });

  it("sends again what it has asked of a replica that slept, behind its watches and in its order, and once", () => {
    const bench = new Bench();
    bench.ask("/watched", 7);
    bench.deliver();
    bench.letDoze();
    const calls = [bench.ask("/a"), bench.ask("/b")];
    bench.did.length = 0;
    bench.call();
    const asked = bench.replica.requests.map((request) => ("path" in request ? request.path : request.op));
    expect(asked).toEqual(["setWatches2", "/a", "/b"]);
    bench.deliver();
    expect(bench.did).toEqual(["say again", ...calls.map((call) => `settle ${call} reply`)]);
  });

  it("does not send again what nobody waits for", () => {
    const bench = new Bench().letDoze();
    const call = bench.ask("/a");
    bench.step({ kind: "cancel", call });
    bench.call();
    expect(bench.replica.requests).toEqual([]);
  });

  it("is called, and not answered: it is suspended then, and looks for another", () => {
    const bench = new Bench().letDoze();
    bench.replica = new ScriptedReplica();
    bench.step({ kind: "word", connection: 1, word: "awake" });
    bench.did.length = 0;
    bench.run(TIMEOUT_MS / 3 - 1);
    expect(bench.did).toEqual([]);
    bench.run(2);
    expect(bench.did).toEqual(["drop", "suspended"]);
    expect(must(bench.machine.wakeMs, "a time to connect")).toBeGreaterThan(bench.nowMs);
  });
});
