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
import { NO_SESSION } from "../../base/ids.ts";
import type { SessionId } from "../../base/ids.ts";
import type { Rng } from "../../base/rng.ts";
import { ZXID_ZERO } from "../../base/zxid.ts";
import type { Zxid } from "../../base/zxid.ts";
import { JuteWriter } from "../../jute/archive.ts";
import { FrameDecoder } from "../../jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../jute/handshake.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { XIDS } from "../../jute/opcodes.ts";
import { encodeRequest } from "../../jute/requests.ts";
import { Conversation } from "./conversation.ts";
import type { Effect, End, Input, Submission } from "./effects.ts";
import { ATTEMPT_MS_MAX, ATTEMPT_MS_MIN, CLOSE_MS_MAX, REPLY_BYTES_MAX } from "./limits.ts";
import { Reconnects } from "./reconnects.ts";

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
  /**
   * After so many timeouts without a sign of any replica the session is taken for expired. Up to 1 that is before any
   * replica can have ended it, so nobody else is given what it holds while this side believes to hold it.
   */
  readonly outOfTouchFactor: number;
  readonly rng: Rng;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "pausing"; readonly untilMs: number }
  | Connecting
  | Connected
  | { readonly kind: "over"; readonly end: End };

/** `doze`: it pings beside the protocol, and hears of its replica by then. */
interface Connected {
  readonly kind: "connected";
  readonly connection: number;
  readonly decoder: FrameDecoder;
  readonly doze: { readonly wordWithinMs: number; readonly wordUntilMs: number } | undefined;
}

/** The connection is opened, and then the handshake is waited for. */
interface Connecting {
  readonly kind: "connecting";
  readonly connection: number;
  readonly decoder: FrameDecoder;
  readonly untilMs: number;
  /** undefined until the handshake has gone out. */
  readonly helloMs: number | undefined;
  /** On the channel that it had: to its owner the session is connected all the while. */
  readonly isAgain: boolean;
}

const NO_IDENTITY: SessionIdentity = { id: NO_SESSION, password: new Uint8Array(16), seen: ZXID_ZERO };

/** One session. */
export class SessionMachine {
  readonly #setup: SessionSetup;
  readonly #conversation: Conversation;
  readonly #reconnects: Reconnects;
  readonly #writer = new JuteWriter();
  #phase: Phase = { kind: "idle" };
  #effects: Effect[] = [];
  #connections = 0;
  #handshakes = 0;
  /** Attempts to connect that failed since there was a connection. */
  #failures = 0;
  #id: SessionId;
  #password: Uint8Array;
  #timeoutMs: number;
  /** When pings left that are not answered. */
  #pings: number[] = [];
  #lastSentMs = 0;
  #lastHeardMs = 0;
  /** When a request left whose answer came, the newest one: a replica heard from the session after that. */
  #lastContactMs: number | undefined;
  #closeUntilMs: number | undefined;
  /** When it last ceased to doze: before, no sign of a replica was due. */
  #dozedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(setup: SessionSetup) {
    this.#setup = setup;
    this.#reconnects = new Reconnects(setup.endpoints, setup.rng);
    const { id, password, seen } = setup.identity ?? NO_IDENTITY;
    this.#id = id;
    this.#password = password;
    this.#conversation = new Conversation(seen, (effect) => this.#effects.push(effect));
    this.#timeoutMs = setup.timeoutMs;
  }

  /** NO_SESSION until the first handshake. */
  get identity(): SessionIdentity {
    return { id: this.#id, password: this.#password, seen: this.#conversation.seen };
  }

  /** As granted, once connected. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Whether there is a connection now. */
  get isConnected(): boolean {
    const phase = this.#phase;
    return phase.kind === "connected" || (phase.kind === "connecting" && phase.isAgain);
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
    if (phase.kind === "connected") times.push(this.#silenceMs(), this.#pingMs(), phase.doze?.wordUntilMs);
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
      case "word":
        return this.#word(input, nowMs);
      case "ended":
        return this.#ended(input, nowMs);
      case "tick":
        return this.#tick(nowMs);
      case "submit":
        return this.#submit(input.submission);
      case "flush":
        return this.#sendRequests(nowMs);
      case "cancel":
        return this.#conversation.cancel(input.call);
      case "unwatch":
        return this.#conversation.unwatch(input.watcher, this.#phase.kind === "connected");
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
    this.#conversation.settle(input.submission.call, { kind: "over", end: this.#phase.end });
  }

  // Connecting.

  #open(nowMs: number): void {
    const connection = ++this.#connections;
    this.#phase = {
      kind: "connecting",
      connection,
      decoder: new FrameDecoder(REPLY_BYTES_MAX),
      untilMs: nowMs + this.#attemptMs,
      helloMs: undefined,
      isAgain: false,
    };
    this.#effects.push({ kind: "open", connection, endpoint: this.#reconnects.endpoint });
  }

  get #attemptMs(): number {
    return Math.min(ATTEMPT_MS_MAX, Math.max(ATTEMPT_MS_MIN, this.#timeoutMs / 3));
  }

  #opened(connection: number, nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" || phase.connection !== connection) return;
    if (phase.helloMs !== undefined) return;
    this.#phase = { ...phase, helloMs: nowMs };
    this.#sayHello();
  }

  #sayHello(): void {
    const { id, password, seen } = this.identity;
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
        else this.#message(body, nowMs);
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
    if (phase.helloMs === undefined) return this.#lose("the replica spoke before it was asked", nowMs);
    const welcome = decodeConnectResponse(body);
    if (welcome.timeoutMs <= 0) {
      if (this.#id !== NO_SESSION) return this.#become("expired", "a replica said so");
      return this.#lose("the replica gave no session", nowMs);
    }
    if (this.#id !== NO_SESSION && this.#id !== welcome.sessionId) {
      return this.#lose("the replica gave another session than was asked for", nowMs);
    }
    const { connection, decoder } = phase;
    this.#id = welcome.sessionId;
    this.#password = welcome.password ?? this.#password;
    this.#timeoutMs = welcome.timeoutMs;
    this.#phase = { kind: "connected", connection, decoder, doze: undefined };
    this.#lastContactMs = phase.helloMs;
    this.#lastSentMs = phase.helloMs;
    this.#pings = [];
    this.#handshakes++;
    this.#failures = 0;
    this.#reconnects.succeeded();
    this.#conversation.restore(this.#writer);
    const state = this.#handshakes === 1 ? "connected" : "reconnected";
    const reason = `session 0x${welcome.sessionId.toString(16)}`;
    if (!phase.isAgain) this.#effects.push({ kind: "state", state, reason });
    if (this.#handshakes > 1) this.#conversation.tellUnsure();
  }

  #message(body: Uint8Array, nowMs: number): void {
    const meaning = this.#conversation.message(body);
    switch (meaning.kind) {
      case "heard":
        return this.#heardOf(meaning.sentMs);
      case "pong": {
        const sentMs = this.#pings.shift();
        return sentMs === undefined ? undefined : this.#heardOf(sentMs);
      }
      case "doze":
        return this.#doze(meaning.wordWithinMs, nowMs);
      case "closed":
        return this.#become("closed", "closed by the client");
      case "authFailed":
        return this.#become("authFailed", "a credential is not accepted any more");
      case "nothing":
        return undefined;
      default:
        return assertNever(meaning);
    }
  }

  #heardOf(sentMs: number): void {
    this.#lastContactMs = Math.max(this.#lastContactMs ?? sentMs, sentMs);
  }

  // Dozing.

  #doze(wordWithinMs: number, nowMs: number): void {
    if (this.#phase.kind !== "connected") return;
    this.#phase = { ...this.#phase, doze: { wordWithinMs, wordUntilMs: nowMs + wordWithinMs } };
  }

  /** It asks for something: from now on it needs a replica that answers. */
  #rouse(nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== "connected" || phase.doze === undefined) return;
    this.#phase = { ...phase, doze: undefined };
    this.#lastHeardMs = nowMs;
    this.#dozedUntilMs = nowMs;
  }

  #word({ connection, word }: Input & { readonly kind: "word" }, nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== "connected" || phase.connection !== connection) return;
    this.#lastHeardMs = nowMs;
    if (word === "word" && phase.doze !== undefined) this.#doze(phase.doze.wordWithinMs, nowMs);
    if (word !== "awake") return;
    this.#rouse(nowMs);
    this.#conversation.unsend();
    this.#phase = {
      kind: "connecting",
      connection,
      decoder: new FrameDecoder(REPLY_BYTES_MAX),
      untilMs: nowMs + this.#attemptMs,
      helloMs: nowMs,
      isAgain: true,
    };
    this.#effects.push({ kind: "say", connection, word: "again" });
    this.#sayHello();
  }

  // Requests.

  #submit(submission: Submission): void {
    if (this.#closeUntilMs === undefined) return this.#conversation.submit(submission);
    return this.#conversation.settle(submission.call, { kind: "over", end: "closed" });
  }

  #sendRequests(nowMs: number): void {
    if (this.#phase.kind !== "connected") return;
    const before = this.#writer.length;
    this.#conversation.send(this.#writer, nowMs);
    if (this.#writer.length === before) return;
    this.#lastSentMs = nowMs;
    this.#rouse(nowMs);
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
    if ((phase.doze?.wordUntilMs ?? Infinity) <= nowMs) {
      return this.#lose("the replica has not been heard of for too long", nowMs);
    }
    if (this.#pingMs() > nowMs) return undefined;
    this.#lastSentMs = nowMs;
    if (phase.doze !== undefined) {
      this.#effects.push({ kind: "say", connection: phase.connection, word: "ping" });
      return undefined;
    }
    this.#pings.push(nowMs);
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

  /** Where that is no promise, not before a replica was looked for: it may be this process that was asleep. */
  #outOfTouchMs(): number | undefined {
    if (this.#lastContactMs === undefined) return undefined;
    if (this.#phase.kind === "connected" && this.#phase.doze !== undefined) return undefined;
    if (this.#setup.outOfTouchFactor > 1 && this.#failures === 0) return undefined;
    const lastMs = Math.max(this.#lastContactMs, this.#dozedUntilMs);
    return lastMs + this.#timeoutMs * this.#setup.outOfTouchFactor;
  }

  // Ends.

  #ended({ connection, reason }: Input & { readonly kind: "ended" }, nowMs: number): void {
    if (this.#isOn(connection)) this.#lose(reason, nowMs, false);
  }

  #lose(reason: string, nowMs: number, isOpen = true): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" && phase.kind !== "connected") return;
    this.#writer.clear();
    this.#rouse(nowMs);
    if (isOpen) this.#effects.push({ kind: "drop", connection: phase.connection });
    this.#phase = { kind: "pausing", untilMs: nowMs + this.#reconnects.failed() };
    if (phase.kind === "connected" || phase.isAgain) {
      this.#effects.push({ kind: "state", state: "suspended", reason });
      this.#conversation.lose(reason);
    } else {
      this.#failures++;
      this.#effects.push({ kind: "failed", connection: phase.connection, reason });
    }
    if (this.#closeUntilMs !== undefined) this.#become("closed", "closed while there was no connection");
  }

  #close(nowMs: number): void {
    if (this.#closeUntilMs !== undefined) return;
    if (this.#phase.kind !== "connected") {
      return this.#become("closed", "closed while there was no connection");
    }
    this.#conversation.submitOwn({ op: "closeSession" });
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
    this.#conversation.lose(reason);
    this.#conversation.finish(end);
  }
}
