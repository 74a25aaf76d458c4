/** The shell of a session machine: it performs effects, keeps the timer, and turns outcomes into promises. */
import type { Response } from "../base/request.ts";
import { zxidToBigInt } from "../base/zxid.ts";
import type { ClientRequest } from "../jute/requests.ts";
import {
  AuthFailedError,
  ClosedError,
  ConnectionLossError,
  type EdgekeeperError,
  errorOfCode,
  QueueFullError,
  RequestTooLargeError,
  SessionExpiredError,
} from "./errors.ts";
import type { Effect, End, Fired, Input, Outcome, StateChange } from "./machine/effects.ts";
import { SessionMachine, type SessionSetup } from "./machine/session-machine.ts";
import type { Runtime } from "./runtime.ts";
import type { Channel, Transport } from "./transport.ts";
import type { WatchEvent } from "./znode.ts";

/** What a caller adds to a request. */
export interface CallOptions {
  /** What errors name; where the request has a path, the caller's form of it. */
  readonly path?: string | undefined;
  /** Ends the waiting, with its reason; what was sent may be done all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Set where the request succeeds. */
  readonly watch?: ((event: WatchEvent) => void) | undefined;
}

/** An answer that is no error. */
export interface Reply {
  readonly zxid: bigint;
  readonly response: Response;
  /** The number of the watcher that was set. */
  readonly watcher: number | undefined;
}

/** An attempt to connect that failed. */
export interface FailedAttempt {
  readonly endpoint: string;
  readonly reason: string;
}

/** A change of state, and why. */
export interface StateEvent {
  readonly state: StateChange;
  readonly reason: string;
}

interface Call {
  readonly isCreate: boolean;
  readonly path: string | undefined;
  readonly watcher: number | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** The parts of a session. */
export interface SessionParts {
  readonly setup: SessionSetup;
  readonly transport: Transport;
  readonly runtime: Runtime;
}

/** One session; it begins to connect at `start`. */
export class Session {
  readonly #machine: SessionMachine;
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #inbox: Input[] = [];
  #isStepping = false;
  #isFlushing = false;
  #channel: { readonly connection: number; readonly endpoint: string; readonly channel: Channel } | undefined;
  readonly #calls = new Map<number, Call>();
  readonly #watchers = new Map<number, (event: WatchEvent) => void>();
  readonly #listeners = new Set<(event: StateEvent) => void>();
  readonly #failureListeners = new Set<(failed: FailedAttempt) => void>();
  readonly #ended = new AbortController();
  #numbers = 0;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor({ setup, transport, runtime }: SessionParts) {
    this.#machine = new SessionMachine(setup);
    this.#transport = transport;
    this.#runtime = runtime;
  }

  /** What the session is known as, and how it is. */
  get machine(): Pick<SessionMachine, "identity" | "timeoutMs" | "isConnected" | "end" | "assuredUntilMs"> {
    return this.#machine;
  }

  /** Aborted once the session is over; its reason is the error that says how. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  start(): void {
    this.#step({ kind: "start" });
  }

  /** Sends a request. Rejects with a typed error, or with the signal's reason. */
  async call(request: ClientRequest, { path, signal, watch }: CallOptions = {}): Promise<Reply> {
    signal?.throwIfAborted();
    const call = ++this.#numbers;
    const watcher = watch === undefined ? undefined : ++this.#numbers;
    if (watch !== undefined && watcher !== undefined) this.#watchers.set(watcher, watch);
    const onAbort = (): void => {
      this.#forget(call, signal?.reason);
      this.#step({ kind: "cancel", call });
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise<Reply>((resolve, reject) => {
        const isCreate = request.op.startsWith("create");
        this.#calls.set(call, { isCreate, path, watcher, resolve, reject });
        this.#step({ kind: "submit", submission: { call, request, watcher } });
        this.#flushSoon();
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Takes a watcher away: it hears nothing more. */
  unwatch(watcher: number): void {
    if (!this.#watchers.delete(watcher)) return;
    this.#step({ kind: "unwatch", watcher });
    this.#flushSoon();
  }

  /** Tells each change of state from now on, until the function that it returns is called. */
  onState(listener: (event: StateEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells each attempt to connect that failed, until the function that it returns is called. */
  onFailure(listener: (failed: FailedAttempt) => void): () => void {
    this.#failureListeners.add(listener);
    return () => this.#failureListeners.delete(listener);
  }

  /** Other endpoints for the connections to come. */
  replaceEndpoints(endpoints: readonly string[]): void {
    this.#step({ kind: "endpoints", endpoints });
  }

  /** Ends the session; resolves once it is over, whatever that took. */
  async close(how: "close" | "abandon"): Promise<void> {
    const over = new Promise<void>((resolve) => {
      if (this.#ended.signal.aborted) resolve();
      else this.#ended.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#step({ kind: how });
    await over;
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // All that is asked within one turn leaves in one message.
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#step({ kind: "flush" });
    });
  }

  /** What listeners do while effects are performed waits its turn. */
  #step(input: Input): void {
    this.#inbox.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.#machine.step(next, this.#runtime.nowMs())) this.#perform(effect);
      }
    } finally {
      this.#isStepping = false;
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const atMs = this.#machine.wakeMs;
    if (atMs === this.#timer?.atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (atMs === undefined) return;
    const delayMs = Math.max(0, Math.ceil(atMs - this.#runtime.nowMs()));
    const cancel = this.#runtime.startTimer(delayMs, () => {
      this.#timer = undefined;
      this.#step({ kind: "tick" });
    });
    this.#timer = { atMs, cancel };
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "open":
        return this.#open(effect.connection, effect.endpoint);
      case "send":
        if (this.#channel?.connection === effect.connection) this.#channel.channel.send(effect.bytes);
        return undefined;
      case "say":
        if (this.#channel?.connection === effect.connection) this.#channel.channel.say?.(effect.word);
        return undefined;
      case "drop":
        if (this.#channel?.connection === effect.connection) this.#channel.channel.close();
        return undefined;
      case "settle":
        return this.#settle(effect.call, effect.outcome);
      case "fire":
        return this.#fire(effect.watchers, effect.event);
      case "state":
        return this.#tellState(effect);
      case "failed":
        return this.#tellFailure(effect.connection, effect.reason);
      default:
        return effect satisfies never;
    }
  }

  #open(connection: number, endpoint: string): void {
    const channel = this.#transport(endpoint, {
      onOpen: () => this.#step({ kind: "opened", connection }),
      onBytes: (bytes) => this.#step({ kind: "received", connection, bytes }),
      onWord: (word) => this.#step({ kind: "word", connection, word }),
      onEnd: (reason) => this.#step({ kind: "ended", connection, reason }),
    });
    this.#channel = { connection, endpoint, channel };
  }

  #settle(number: number, outcome: Outcome): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    this.#calls.delete(number);
    const { watcher } = call;
    if (outcome.kind === "reply") {
      call.resolve({ zxid: zxidToBigInt(outcome.zxid), response: outcome.response, watcher });
      return;
    }
    const error = errorOf(outcome, call);
    // An exists that finds nothing has set its watcher.
    if (watcher !== undefined && error.code !== "NONODE") this.#watchers.delete(watcher);
    call.reject(error);
  }

  #forget(number: number, reason: unknown): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    this.#calls.delete(number);
    if (call.watcher !== undefined) this.#watchers.delete(call.watcher);
    call.reject(reason);
  }

  #fire(watchers: readonly number[], { type, path, zxid }: Fired): void {
    const event = { type, path, zxid: zxid === undefined ? undefined : zxidToBigInt(zxid) };
    for (const watcher of watchers) {
      const watch = this.#watchers.get(watcher);
      if (watch !== undefined) this.#tell(() => watch(event));
    }
  }

  #tellState({ state, reason }: StateEvent): void {
    for (const listener of this.#listeners) this.#tell(() => listener({ state, reason }));
    if (state === "connected" || state === "suspended" || state === "reconnected") return;
    this.#ended.abort(endError(state, reason, undefined));
  }

  #tellFailure(connection: number, reason: string): void {
    if (this.#channel?.connection !== connection) return;
    const { endpoint } = this.#channel;
    for (const listener of this.#failureListeners) this.#tell(() => listener({ endpoint, reason }));
  }

  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#runtime.report(error);
    }
  }
}

function errorOf(
  outcome: Exclude<Outcome, { kind: "reply" }>,
  { path, isCreate }: Pick<Call, "path" | "isCreate">,
): EdgekeeperError {
  switch (outcome.kind) {
    case "error":
      return errorOfCode(outcome.code, { path, isCreate });
    case "lost":
      return new ConnectionLossError({ path, detail: outcome.reason, mayBeDone: outcome.mayBeDone });
    case "refused":
      return outcome.reason === "too-large"
        ? new RequestTooLargeError({ path, detail: outcome.detail })
        : new QueueFullError({ path, detail: outcome.detail });
    case "over":
      return endError(outcome.end, undefined, path);
    default:
      return outcome satisfies never;
  }
}

function endError(end: End, detail: string | undefined, path: string | undefined): EdgekeeperError {
  if (end === "expired") return new SessionExpiredError({ path, detail });
  if (end === "authFailed") return new AuthFailedError({ path, detail });
  return new ClosedError({ path, detail });
}
