/**
 * A ZooKeeper session for tests and benchmarks, over raw TCP: it moves to the next server of its list when a
 * connection is lost, under the same session id and password, and says when a server tells that the session
 * has expired. It hides nothing: no request is sent twice, and each has an outcome of its own.
 */
import { NO_SESSION, type SessionId } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { WatcherEvent } from "../../src/jute/records.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import {
  openConnection,
  type RequestOutcome,
  type ServerAddress,
  type WireConnection,
} from "./wire-connection.ts";

/** How a client wants its session. */
export interface WireClientSetup {
  readonly servers: readonly ServerAddress[];
  /** The first server to try, an index into the list. */
  readonly first?: number;
  /** How many places on the next server to try stands in the list. Default 1. */
  readonly stride?: number;
  /** Asked for; what the server granted stands in `timeoutMs` once connected. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /** For one attempt: TCP connection and handshake. Default 1,000 ms. */
  readonly connectDeadlineMs?: number;
  readonly onEvent?: (event: WatcherEvent, zxid: Zxid) => void;
  /** What a server did that no server may do: a reply out of order, a zxid that goes back. */
  readonly onFault?: (what: string) => void;
  /** Each change of state, with the session as it is known by then. */
  readonly onState?: (state: SessionState, session: SessionId) => void;
}

/** The state of a session, as the client knows it. */
export type SessionState = "connecting" | "connected" | "expired" | "closed";

/** How a session ended by the server's word. */
export interface Expiry {
  readonly session: SessionId;
  readonly timeoutMs: number;
  /** When the server said so. */
  readonly atMs: number;
  /** The newest moment by which a server surely had heard from the session. */
  readonly lastContactMs: number;
}

/** After a server could not be reached: dead ports refuse at once, and are not to be hammered. */
const RETRY_PAUSE_MS = 50;

/** A client's session. It connects from the moment it is made, until it is closed or expires. */
export class WireClient {
  readonly #setup: WireClientSetup;
  readonly #ended: Promise<void>;
  #server: number;
  /** Asked for by moveTo. */
  #next: number | undefined;
  #connection: WireConnection | undefined;
  #state: SessionState = "connecting";
  #session: SessionId = NO_SESSION;
  #password: Uint8Array = new Uint8Array(16);
  #timeoutMs: number;
  #lastZxid: Zxid = ZXID_ZERO;
  #lastContactMs = 0;
  #expiry: Expiry | undefined;
  #waiting: (() => void)[] = [];
  #connects = 0;

  constructor(setup: WireClientSetup) {
    if (setup.servers.length === 0) throw new Error("a client needs a server to connect to");
    this.#setup = setup;
    this.#server = (setup.first ?? 0) % setup.servers.length;
    this.#timeoutMs = setup.timeoutMs ?? 10_000;
    this.#ended = this.#run();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Nought before the first connection. */
  get session(): SessionId {
    return this.#session;
  }

  /** As granted, once connected. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** The highest zxid that a reply showed. */
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** The newest moment by which a server surely had heard from the session. */
  get lastContactMs(): number {
    return Math.max(this.#lastContactMs, this.#connection?.lastContactMs ?? 0);
  }

  /** How often a handshake succeeded: 1 for a session that never lost its connection. */
  get connects(): number {
    return this.#connects;
  }

  /** The index of the server connected to, or to be tried next. */
  get server(): number {
    return this.#server;
  }

  /** Whether no request waits for its reply. */
  get isIdle(): boolean {
    return this.#connection?.isIdle ?? true;
  }

  /** Set once a server told that the session has expired. */
  get expiry(): Expiry | undefined {
    return this.#expiry;
  }

  /** Sends a request; resolves with its outcome, and never rejects. */
  request(request: ClientRequest): Promise<RequestOutcome> {
    const connection = this.#connection;
    if (connection === undefined) return Promise.resolve({ kind: "unsent", reason: this.#state });
    return connection.request(request);
  }

  /** Waits until the session is connected: false once it never will be, or at the deadline. */
  async connected(deadlineMs: number): Promise<boolean> {
    const untilMs = performance.now() + deadlineMs;
    while (this.#state === "connecting") {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return false;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, leftMs);
      this.#waiting.push(resolve);
      await promise;
      clearTimeout(timer);
    }
    return this.#state === "connected";
  }

  /** Ends the session on the server, if one can be reached right now, and the client with it. */
  async close(): Promise<void> {
    if (this.#connection !== undefined) await this.#connection.request({ op: "closeSession" });
    await this.abandon();
  }

  /** Goes without a word: the session lives on until it expires. */
  async abandon(): Promise<void> {
    if (this.#state !== "expired") this.#become("closed");
    this.#connection?.end("closed by the client");
    await this.#ended;
  }

  /** Drops the connection alone, as a lost network does; the session reconnects at the next server. */
  disconnect(): void {
    this.#connection?.end("dropped by the client");
  }

  /** Drops the connection, and tries this server first. */
  moveTo(server: number): void {
    this.#next = server % this.#setup.servers.length;
    this.disconnect();
  }

  #isOver(): boolean {
    return this.#state === "closed" || this.#state === "expired";
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      const isConnected = await this.#attempt();
      if (this.#isOver()) return;
      this.#server = this.#next ?? (this.#server + (this.#setup.stride ?? 1)) % this.#setup.servers.length;
      this.#next = undefined;
      if (!isConnected) await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }

  /** One connection, from its handshake to its end; false if there was none. */
  async #attempt(): Promise<boolean> {
    const server = this.#setup.servers[this.#server];
    if (server === undefined) throw new Error("the index of a server is within the list");
    const opening = await openConnection({
      server,
      hello: {
        protocolVersion: 0,
        lastZxidSeen: this.#lastZxid,
        timeoutMs: this.#setup.timeoutMs ?? 10_000,
        sessionId: this.#session,
        password: this.#password,
        readOnly: false,
      },
      deadlineMs: this.#setup.connectDeadlineMs ?? 1000,
      listener: {
        onReply: (zxid) => this.#seen(zxid),
        onEvent: (zxid, event) => this.#setup.onEvent?.(event, zxid),
        onProtocolError: (what) => this.#setup.onFault?.(what),
        onEnd: () => this.#lost(),
      },
    });
    if (opening.kind === "expired") this.#expired();
    if (opening.kind !== "open") return false;
    const { connection } = opening;
    if (this.#isOver()) {
      connection.end("closed by the client");
      return true;
    }
    this.#adopt(connection);
    await connection.ended;
    // Told by then, unless it ended before it was adopted.
    this.#lost();
    return true;
  }

  #lost(): void {
    if (this.#connection === undefined) return;
    this.#lastContactMs = this.lastContactMs;
    this.#connection = undefined;
    if (!this.#isOver()) this.#become("connecting");
  }

  #adopt(connection: WireConnection): void {
    const { sessionId, password, timeoutMs } = connection.session;
    if (this.#session !== NO_SESSION && this.#session !== sessionId) {
      this.#setup.onFault?.(`session ${this.#session} came back as ${sessionId}`);
    }
    this.#session = sessionId;
    this.#password = password;
    this.#timeoutMs = timeoutMs;
    this.#connection = connection;
    this.#connects++;
    this.#become("connected");
  }

  #expired(): void {
    this.#expiry = {
      session: this.#session,
      timeoutMs: this.#timeoutMs,
      atMs: performance.now(),
      lastContactMs: this.#lastContactMs,
    };
    this.#become("expired");
  }

  #seen(zxid: Zxid): void {
    if (compareZxid(zxid, this.#lastZxid) >= 0) {
      this.#lastZxid = zxid;
      return;
    }
    const seen = `${zxidText(zxid)} after ${zxidText(this.#lastZxid)}`;
    this.#setup.onFault?.(`the zxid of replies went back to ${seen} at server ${this.#server + 1}`);
  }

  #become(state: SessionState): void {
    this.#state = state;
    this.#setup.onState?.(state, this.#session);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
