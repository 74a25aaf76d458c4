/**
 * A session of ZooKeeper's protocol, without its world: what happens goes in by `step`, what is to be done comes out as
 * effects. It keeps these:
 *
 * 1. `seen`, what is told to each replica at the handshake, never goes back: none that is behind it is let in.
 * 2. On a new connection credentials go first, then watches, then requests: no reply shows a change whose event, for a
 *    watch that was set, has not come before it.
 * 3. Each call is settled exactly once, and each watcher is told of its session's end exactly once.
 * 4. Over is for good: nothing but that is told of a session that has ended.
 *
 * Sources: ZooKeeper ClientCnxn; ZOOKEEPER-706 (watches in parts), ZOOKEEPER-4508 (a client out of touch gives up).
 */
import { assertNever } from "../../base/assert.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { NO_SESSION } from "../../base/ids.ts";
import type { SessionId } from "../../base/ids.ts";
import type { WatcherRequest } from "../../base/request.ts";
import type { Rng } from "../../base/rng.ts";
import { compareZxid, maxZxid, ZXID_ZERO } from "../../base/zxid.ts";
import type { Zxid } from "../../base/zxid.ts";
import { JuteWriter } from "../../jute/archive.ts";
import { FrameDecoder } from "../../jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../jute/handshake.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { XIDS } from "../../jute/opcodes.ts";
import { ZXID_UNKNOWN } from "../../jute/records.ts";
import type { WatcherEvent } from "../../jute/records.ts";
import { encodeRequest } from "../../jute/requests.ts";
import { decodeServerMessage } from "../../jute/responses.ts";
import type { ServerMessage } from "../../jute/responses.ts";
import { Credentials } from "./credentials.ts";
import type { Effect, End, FiredType, Input, Outcome, Submission } from "./effects.ts";
import { ATTEMPT_MS_MAX, ATTEMPT_MS_MIN, CLOSE_MS_MAX, REPLY_BYTES_MAX } from "./limits.ts";
import { Reconnects } from "./reconnects.ts";
import { isWrite, KINDS_OF_TYPE, TYPES_OF_KIND, watchKindOf } from "./request-kinds.ts";
import { RequestQueue } from "./request-queue.ts";
import type { InFlight } from "./request-queue.ts";
import { WatchRegistry } from "./watch-registry.ts";

/** What a session is known by; with all of it another process can take it over. */
export interface SessionIdentity {
  /** NO_SESSION for one that is to be made. */
  readonly id: SessionId;
  readonly password: Uint8Array;
  /** The newest zxid that its owner has seen. */
  readonly seen: Zxid;
}

/** How a session is wanted. */
export interface SessionSetup {
  readonly endpoints: readonly string[];
  /** Asked for; the ensemble grants the nearest that it allows. */
  readonly timeoutMs: number;
  readonly identity: SessionIdentity | undefined;
  /** After so many timeouts without a sign of any replica the session is taken for expired. */
  readonly outOfTouchFactor: number;
  readonly rng: Rng;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "pausing"; readonly untilMs: number }
  | Connecting
  | { readonly kind: "connected"; readonly connection: number; readonly decoder: FrameDecoder }
  | { readonly kind: "over"; readonly end: End };

/** The connection is opened, and then the handshake is waited for. */
interface Connecting {
  readonly kind: "connecting";
  readonly connection: number;
  readonly decoder: FrameDecoder;
  readonly untilMs: number;
  /** undefined until the handshake has gone out. */
  readonly helloMs: number | undefined;
}

const EVENT_TYPES: ReadonlyMap<number, FiredType> = new Map([
  [1, "created"],
  [2, "deleted"],
  [3, "dataChanged"],
  [4, "childrenChanged"],
]);

/** One session. */
export class SessionMachine {
  readonly #setup: SessionSetup;
  readonly #queue = new RequestQueue();
  readonly #watches = new WatchRegistry();
  readonly #credentials = new Credentials();
  readonly #reconnects: Reconnects;
  readonly #writer = new JuteWriter();
  #phase: Phase = { kind: "idle" };
  #effects: Effect[] = [];
  #connections = 0;
  /** Calls of the machine's own have numbers below nought; nobody waits for them. */
  #ownCalls = 0;
  #handshakes = 0;
  #identity: SessionIdentity;
  #timeoutMs: number;
  /** The newest zxid of a reply: the replica had sent all events up to it. */
  #delivered: Zxid = ZXID_ZERO;
  /** When pings left that are not answered. */
  #pings: number[] = [];
  #lastSentMs = 0;
  #lastHeardMs = 0;
  /** When a request left whose answer came, the newest one: a replica heard from the session after that. */
  #lastContactMs: number | undefined;
  #closeUntilMs: number | undefined;

  constructor(setup: SessionSetup) {
    this.#setup = setup;
    this.#reconnects = new Reconnects(setup.endpoints, setup.rng);
    this.#identity = setup.identity ?? { id: NO_SESSION, password: new Uint8Array(16), seen: ZXID_ZERO };
    this.#delivered = this.#identity.seen;
    this.#timeoutMs = setup.timeoutMs;
  }

  /** NO_SESSION until the first handshake. */
  get identity(): SessionIdentity {
    return this.#identity;
  }

  /** As granted, once connected. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Whether there is a connection now. */
  get isConnected(): boolean {
    return this.#phase.kind === "connected";
  }

  /** Why it is over, once it is. */
  get end(): End | undefined {
    return this.#phase.kind === "over" ? this.#phase.end : undefined;
  }

  /** No replica ends the session before this moment, as far as is known; undefined before the first handshake. */
  get assuredUntilMs(): number | undefined {
    return this.#lastContactMs === undefined ? undefined : this.#lastContactMs + this.#timeoutMs;
  }

  /** When the next tick is due; undefined where nothing waits for a time. */
  get wakeMs(): number | undefined {
    const times = [this.#outOfTouchMs(), this.#closeUntilMs];
    const phase = this.#phase;
    if (phase.kind === "idle" || phase.kind === "over") return undefined;
    if (phase.kind === "pausing" || phase.kind === "connecting") times.push(phase.untilMs);
    if (phase.kind === "connected") times.push(this.#silenceMs(), this.#pingMs());
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** Takes in what happened; what is to be done about it. */
  step(input: Input, nowMs: number): readonly Effect[] {
    this.#effects = [];
    if (this.#phase.kind === "over") this.#refuse(input);
    else this.#take(input, nowMs);
    this.#flushWriter();
    return this.#effects;
  }

  #take(input: Input, nowMs: number): void {
    switch (input.kind) {
      case "start":
        return this.#open(nowMs);
      case "opened":
        return this.#opened(input.connection, nowMs);
      case "received":
        return this.#received(input, nowMs);
      case "ended":
        return this.#ended(input, nowMs);
      case "tick":
        return this.#tick(nowMs);
      case "submit":
        return this.#submit(input.submission);
      case "flush":
        return this.#sendRequests(nowMs);
      case "cancel":
        return this.#queue.cancel(input.call);
      case "unwatch":
        return this.#unwatch(input.watcher);
      case "endpoints":
        return this.#reconnects.replace(input.endpoints);
      case "close":
        return this.#close(nowMs);
      case "abandon":
        return this.#become("closed", "left without a word");
      default:
        return assertNever(input);
    }
  }

  #refuse(input: Input): void {
    if (input.kind !== "submit" || this.#phase.kind !== "over") return;
    this.#settle(input.submission.call, { kind: "over", end: this.#phase.end });
  }

  // Connecting.

  #open(nowMs: number): void {
    const connection = ++this.#connections;
    const limitMs = Math.min(ATTEMPT_MS_MAX, Math.max(ATTEMPT_MS_MIN, this.#timeoutMs / 3));
    this.#phase = {
      kind: "connecting",
      connection,
      decoder: new FrameDecoder(REPLY_BYTES_MAX),
      untilMs: nowMs + limitMs,
      helloMs: undefined,
    };
    this.#effects.push({ kind: "open", connection, endpoint: this.#reconnects.endpoint });
  }

  #opened(connection: number, nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" || phase.connection !== connection) return;
    this.#phase = { ...phase, helloMs: nowMs };
    const { id, password, seen } = this.#identity;
    encodeConnectRequest(this.#writer, {
      protocolVersion: 0,
      lastZxidSeen: seen,
      timeoutMs: this.#setup.timeoutMs,
      sessionId: id,
      password,
      readOnly: false,
    });
  }

  #received(input: Input & { readonly kind: "received" }, nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" && phase.kind !== "connected") return;
    if (phase.connection !== input.connection) return;
    this.#lastHeardMs = nowMs;
    phase.decoder.push(input.bytes);
    try {
      for (let body = phase.decoder.next(); body !== undefined; body = phase.decoder.next()) {
        if (this.#phase.kind === "connecting") this.#greeted(this.#phase, body, nowMs);
        else this.#message(body);
        // What it read may have ended the connection, or the session.
        if (!this.#isOn(input.connection)) return;
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      return this.#lose(`the replica sent what cannot be read: ${error.message}`, nowMs);
    }
    this.#sendRequests(nowMs);
  }

  #isOn(connection: number): boolean {
    const phase = this.#phase;
    return (phase.kind === "connecting" || phase.kind === "connected") && phase.connection === connection;
  }

  #greeted(phase: Connecting, body: Uint8Array, nowMs: number): void {
    const welcome = decodeConnectResponse(body);
    if (welcome.timeoutMs <= 0) {
      if (this.#identity.id !== NO_SESSION) return this.#become("expired", "a replica said so");
      return this.#lose("the replica gave no session", nowMs);
    }
    if (this.#identity.id !== NO_SESSION && this.#identity.id !== welcome.sessionId) {
      return this.#lose("the replica gave another session than was asked for", nowMs);
    }
    const { connection, decoder } = phase;
    this.#identity = {
      id: welcome.sessionId,
      password: welcome.password ?? new Uint8Array(16),
      seen: this.#identity.seen,
    };
    this.#timeoutMs = welcome.timeoutMs;
    this.#phase = { kind: "connected", connection, decoder };
    this.#lastContactMs = phase.helloMs;
    this.#lastSentMs = phase.helloMs ?? nowMs;
    this.#pings = [];
    this.#handshakes++;
    this.#reconnects.succeeded();
    this.#restore();
    const state = this.#handshakes === 1 ? "connected" : "reconnected";
    this.#effects.push({ kind: "state", state, reason: `session 0x${welcome.sessionId.toString(16)}` });
    if (this.#handshakes > 1) this.#tellUnsure();
  }

  /** Credentials, then watches; requests follow. */
  #restore(): void {
    this.#credentials.renew();
    this.#sendCredentials();
    for (const request of this.#watches.setWatches(this.#delivered)) {
      encodeRequest(this.#writer, XIDS.setWatches, request);
    }
  }

  #tellUnsure(): void {
    for (const place of this.#watches.unsure()) {
      const event = { type: "resync", path: place.path, zxid: undefined } as const;
      this.#effects.push({ kind: "fire", watchers: this.#watches.at(place), event });
    }
  }

  // Messages.

  #message(body: Uint8Array): void {
    const message = decodeServerMessage(body, (xid) => this.#opOf(xid));
    if (message.kind === "event") return this.#event(message.zxid, message.event);
    const { header } = message;
    if (header.zxid.epoch !== ZXID_UNKNOWN.epoch) this.#saw(header.zxid);
    if (header.xid === XIDS.ping) {
      const sentMs = this.#pings.shift();
      if (sentMs !== undefined) this.#heardOf(sentMs);
      return;
    }
    if (header.xid === XIDS.setWatches) return;
    if (header.xid === XIDS.auth) return this.#authAnswered(header.error);
    this.#reply(message);
  }

  #opOf(xid: number): "ping" | "auth" | "setWatches2" | InFlight["request"]["op"] | undefined {
    if (xid === XIDS.ping) return "ping";
    if (xid === XIDS.auth) return "auth";
    if (xid === XIDS.setWatches) return "setWatches2";
    return this.#queue.expected(xid)?.request.op;
  }

  #saw(zxid: Zxid): void {
    this.#delivered = maxZxid(this.#delivered, zxid);
    this.#sawEvent(zxid);
  }

  /** What an event shows is seen, but its transaction may have had others that have not come yet. */
  #sawEvent(zxid: Zxid): void {
    if (compareZxid(zxid, this.#identity.seen) > 0) this.#identity = { ...this.#identity, seen: zxid };
  }

  #heardOf(sentMs: number): void {
    this.#lastContactMs = Math.max(this.#lastContactMs ?? sentMs, sentMs);
  }

  #event(zxid: Zxid, event: WatcherEvent): void {
    const type = EVENT_TYPES.get(event.type);
    // A replica tells of no other kind unasked.
    if (type === undefined) return;
    const isTold = zxid.epoch !== ZXID_UNKNOWN.epoch;
    if (isTold) this.#sawEvent(zxid);
    const watchers = this.#watches.fired({ type, path: event.path });
    if (watchers.length === 0) return;
    const fired = { type, path: event.path, zxid: isTold ? zxid : undefined };
    this.#effects.push({ kind: "fire", watchers, event: fired });
  }

  #reply({ header, response }: ServerMessage & { readonly kind: "reply" }): void {
    const sent = this.#queue.expected(header.xid);
    if (sent === undefined) throw new JuteError("bad-value", `a reply to ${header.xid}, which was not asked`);
    this.#queue.answered();
    this.#heardOf(sent.sentMs);
    // addWatch is answered with a code in its body.
    const code = header.error === 0 && response.op === "error" ? response.code : header.error;
    if (code !== 0) return this.#failed(sent, header.zxid, code);
    this.#setWatcher(sent);
    this.#settle(sent.call, { kind: "reply", zxid: header.zxid, response });
    if (sent.request.op === "removeWatches") this.#removed(sent.request);
    if (sent.request.op === "closeSession") this.#become("closed", "closed by the client");
  }

  #failed(sent: InFlight, zxid: Zxid, code: number): void {
    const { request, watcher, call } = sent;
    if (request.op === "exists" && code === ERROR_CODES.noNode) {
      this.#watches.knows(request.path, false);
      if (watcher !== undefined && call !== undefined) {
        this.#watches.add(watcher, { kind: "exist", path: request.path });
      }
    }
    this.#settle(call, { kind: "error", zxid, code });
  }

  /** Who gave up waiting has no use for a watch. */
  #setWatcher({ request, watcher, call }: InFlight): void {
    if (request.op === "exists") this.#watches.knows(request.path, true);
    const kind = watchKindOf(request);
    if (kind === undefined || watcher === undefined || call === undefined || !("path" in request)) return;
    this.#watches.add(watcher, { kind, path: request.path });
  }

  #removed({ path, type }: WatcherRequest): void {
    const watchers = this.#watches.removeAll(path, KINDS_OF_TYPE.get(type) ?? []);
    if (watchers.length === 0) return;
    const event = { type: "removed", path, zxid: undefined } as const;
    this.#effects.push({ kind: "fire", watchers, event });
  }

  #authAnswered(code: number): void {
    const call = this.#credentials.answered(code);
    if (call !== undefined) {
      const zxid = ZXID_UNKNOWN;
      const isGood = code === 0;
      this.#settle(
        call,
        isGood ? { kind: "reply", zxid, response: { op: "empty" } } : { kind: "error", zxid, code },
      );
      return;
    }
    // What was good before is no more: to go on with fewer rights than the owner believes would mislead it.
    if (code !== 0) this.#become("authFailed", "a credential is not accepted any more");
  }

  #settle(call: number | undefined, outcome: Outcome): void {
    if (call !== undefined && call > 0) this.#effects.push({ kind: "settle", call, outcome });
  }

  // Requests.

  #submit(submission: Submission): void {
    const { request, call } = submission;
    if (this.#closeUntilMs !== undefined) return this.#settle(call, { kind: "over", end: "closed" });
    if (request.op === "auth") {
      this.#credentials.add(request, call);
      if (this.#phase.kind === "connected") this.#sendCredentials();
      return;
    }
    const refused = this.#queue.submit(submission);
    if (refused !== undefined) this.#settle(call, refused);
  }

  #submitOwn(request: InFlight["request"]): void {
    this.#submit({ call: --this.#ownCalls, request, watcher: undefined });
  }

  #sendCredentials(): void {
    for (const request of this.#credentials.unsent()) encodeRequest(this.#writer, XIDS.auth, request);
  }

  #sendRequests(nowMs: number): void {
    if (this.#phase.kind !== "connected") return;
    const before = this.#writer.length;
    this.#queue.send(this.#writer, nowMs);
    if (this.#writer.length > before) this.#lastSentMs = nowMs;
  }

  #unwatch(watcher: number): void {
    const place = this.#watches.remove(watcher);
    // A watch that is about to be set there would be removed with it; one too many is no harm.
    if (place === undefined || this.#queue.setsWatchAt(place.path)) return;
    if (place.kind === "data" || place.kind === "exist") {
      const other = place.kind === "data" ? "exist" : "data";
      if (this.#watches.at({ kind: other, path: place.path }).length > 0) return;
    }
    // Without a connection there is nothing to take back: the next one is not told of it.
    if (this.#phase.kind !== "connected") return;
    this.#submitOwn({ op: "removeWatches", path: place.path, type: TYPES_OF_KIND[place.kind] });
  }

  #flushWriter(): void {
    if (this.#writer.length === 0) return;
    const bytes = this.#writer.take();
    const phase = this.#phase;
    if (phase.kind !== "connecting" && phase.kind !== "connected") return;
    // Behind the opening, before what tells of its end.
    this.#effects.push({ kind: "send", connection: phase.connection, bytes });
  }

  // Time.

  #tick(nowMs: number): void {
    if ((this.#closeUntilMs ?? Infinity) <= nowMs) {
      return this.#become("closed", "closed by the client; no replica confirmed it in time");
    }
    if ((this.#outOfTouchMs() ?? Infinity) <= nowMs) {
      return this.#become("expired", "no replica was reached for longer than a session lives");
    }
    const phase = this.#phase;
    if (phase.kind === "pausing" && phase.untilMs <= nowMs) return this.#open(nowMs);
    if (phase.kind === "connecting" && phase.untilMs <= nowMs) {
      return this.#lose("the replica did not answer in time", nowMs);
    }
    if (phase.kind !== "connected") return undefined;
    if (this.#silenceMs() <= nowMs) return this.#lose("the replica is silent", nowMs);
    if (this.#pingMs() > nowMs) return undefined;
    this.#pings.push(nowMs);
    this.#lastSentMs = nowMs;
    encodeRequest(this.#writer, XIDS.ping, { op: "ping" });
    return undefined;
  }

  /** Two thirds of the timeout: a third is left to find another replica. */
  #silenceMs(): number {
    return this.#lastHeardMs + (this.#timeoutMs * 2) / 3;
  }

  /** A third of the timeout after anything was sent; also where much is sent and nothing heard, once. */
  #pingMs(): number {
    return this.#lastSentMs + this.#timeoutMs / 3;
  }

  #outOfTouchMs(): number | undefined {
    if (this.#phase.kind === "connected" || this.#lastContactMs === undefined) return undefined;
    return this.#lastContactMs + this.#timeoutMs * this.#setup.outOfTouchFactor;
  }

  // Ends.

  #ended({ connection, reason }: Input & { readonly kind: "ended" }, nowMs: number): void {
    if (this.#isOn(connection)) this.#lose(reason, nowMs, false);
  }

  #lose(reason: string, nowMs: number, isOpen = true): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" && phase.kind !== "connected") return;
    this.#writer.clear();
    if (isOpen) this.#effects.push({ kind: "drop", connection: phase.connection });
    this.#phase = { kind: "pausing", untilMs: nowMs + this.#reconnects.failed() };
    if (phase.kind === "connected") {
      this.#effects.push({ kind: "state", state: "suspended", reason });
      this.#settleLost(reason);
    }
    if (this.#closeUntilMs !== undefined) this.#become("closed", "closed while there was no connection");
  }

  #settleLost(reason: string): void {
    for (const { call, request } of this.#queue.lose()) {
      this.#settle(call, { kind: "lost", reason, mayBeDone: isWrite(request) });
    }
  }

  #close(nowMs: number): void {
    if (this.#closeUntilMs !== undefined) return;
    if (this.#phase.kind !== "connected") {
      return this.#become("closed", "closed while there was no connection");
    }
    this.#submitOwn({ op: "closeSession" });
    this.#closeUntilMs = nowMs + Math.min(CLOSE_MS_MAX, this.#timeoutMs);
    this.#sendRequests(nowMs);
  }

  #become(end: End, reason: string): void {
    const phase = this.#phase;
    if (phase.kind === "over") return;
    this.#flushWriter();
    if (phase.kind === "connecting" || phase.kind === "connected") {
      this.#effects.push({ kind: "drop", connection: phase.connection });
    }
    this.#phase = { kind: "over", end };
    this.#effects.push({ kind: "state", state: end, reason });
    this.#settleLost(reason);
    for (const call of [...this.#queue.drain(), ...this.#credentials.drain()]) {
      this.#settle(call, { kind: "over", end });
    }
    this.#tellEnd(this.#watches.drain());
  }

  #tellEnd(watchers: readonly number[]): void {
    if (watchers.length === 0) return;
    const event = { type: "ended", path: "", zxid: undefined } as const;
    this.#effects.push({ kind: "fire", watchers, event });
  }
}
