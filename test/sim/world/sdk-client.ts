/** A client of the SDK in a simulated world: the machine that ships, over the world's connections and time. */
import type { Rng } from "../../../src/base/rng.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { Effect, Input, StateChange } from "../../../src/client/machine/effects.ts";
import { SessionMachine } from "../../../src/client/machine/session-machine.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type { ClientSocket } from "../../../src/world/client-port.ts";
import type { World } from "../../../src/world/world.ts";

/** See the file's comment. */
export class SdkClient {
  readonly machine: SessionMachine;
  /** What it was told of its state; `connected` is the first. */
  readonly states: StateChange[] = [];
  /** What its watches told, as `dataChanged /a`. */
  readonly told: string[] = [];
  /** How its requests ended, by call. */
  readonly outcomes: Map<number, string> = new Map();
  readonly #world: World;
  #socket: { readonly connection: number; readonly socket: ClientSocket } | undefined;
  #calls = 0;
  #timer = 0;

  constructor(world: World, setup: { readonly sid: Sid; readonly timeoutMs: number; readonly rng: Rng }) {
    const { sid, timeoutMs, rng } = setup;
    this.#world = world;
    const others = world.sids.filter((one) => one !== sid);
    const endpoints = [sid, ...others].map(String);
    this.machine = new SessionMachine({
      endpoints,
      timeoutMs,
      identity: undefined,
      outOfTouchFactor: 4 / 3,
      rng,
    });
    this.#step({ kind: "start" });
  }

  /** Asks; the number under which the outcome is found. */
  ask(request: ClientRequest, watches = false): number {
    const call = ++this.#calls;
    this.#step({ kind: "submit", submission: { call, request, watcher: watches ? call : undefined } });
    this.#step({ kind: "flush" });
    return call;
  }

  /** Is gone without a word. */
  vanish(): void {
    this.#timer++;
    this.#socket?.socket.vanish();
    this.#socket = undefined;
  }

  #step(input: Input): void {
    for (const effect of this.machine.step(input, this.#world.nowMs)) this.#perform(effect);
    const { wakeMs } = this.machine;
    const timer = ++this.#timer;
    if (wakeMs === undefined) return;
    this.#world.later(Math.max(0, wakeMs - this.#world.nowMs), () => {
      if (timer === this.#timer) this.#step({ kind: "tick" });
    });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "open":
        return this.#open(effect.connection, Number(effect.endpoint));
      case "send":
        if (this.#socket?.connection === effect.connection) this.#socket.socket.send(effect.bytes);
        return undefined;
      case "say":
        if (this.#socket?.connection === effect.connection) this.#socket.socket.say?.(effect.word);
        return undefined;
      case "drop":
        if (this.#socket?.connection === effect.connection) this.#socket.socket.close();
        return undefined;
      case "settle":
        this.outcomes.set(effect.call, effect.outcome.kind);
        return undefined;
      case "fire":
        for (const _ of effect.watchers) this.told.push(`${effect.event.type} ${effect.event.path}`);
        return undefined;
      case "state":
        this.states.push(effect.state);
        return undefined;
      case "failed":
        return undefined;
    }
  }

  #open(connection: number, sid: Sid): void {
    const socket = this.#world.connect(sid, {
      onBytes: (bytes) => this.#step({ kind: "received", connection, bytes }),
      onWord: (word) => this.#step({ kind: "word", connection, word }),
      onClosed: () => this.#step({ kind: "ended", connection, reason: "closed" }),
    });
    this.#socket = { connection, socket };
    this.#world.later(1, () => this.#step({ kind: "opened", connection }));
  }
}
