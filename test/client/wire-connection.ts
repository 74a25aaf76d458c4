/**
 * One TCP connection of a ZooKeeper client: handshake, requests in a pipeline, replies in their order, pings.
 * Nothing is tried twice here: a request whose connection ends before its reply is told as unknown.
 */
import { connect, type Socket } from "node:net";

import type { SessionId } from "../../src/base/ids.ts";
import type { Response } from "../../src/base/request.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import {
  type ConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../src/jute/handshake.ts";
import { XIDS } from "../../src/jute/opcodes.ts";
import type { WatcherEvent } from "../../src/jute/records.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage, type ServerMessage } from "../../src/jute/responses.ts";

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** How a request ended. */
export type RequestOutcome =
  | { readonly kind: "ok"; readonly zxid: Zxid; readonly response: Response }
  /** Answered with an error of ZooKeeper's: it did not happen. */
  | { readonly kind: "error"; readonly zxid: Zxid; readonly code: number }
  /** The connection ended before the answer: it may have happened. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** There was no connection to send it on: it did not happen. */
  | { readonly kind: "unsent"; readonly reason: string };

/** What a connection tells its owner besides the outcomes of requests. */
export interface ConnectionListener {
  onReply(zxid: Zxid): void;
  onEvent(zxid: Zxid, event: WatcherEvent): void;
  /** The server broke the protocol; the connection ends by it. */
  onProtocolError(what: string): void;
  /** The connection has ended; outcomes of what is unanswered follow. */
  onEnd(): void;
}

/** How to open a connection. */
export interface ConnectionSetup {
  readonly server: ServerAddress;
  readonly hello: ConnectRequest;
  /** For the TCP connection and the handshake together. */
  readonly deadlineMs: number;
  readonly listener: ConnectionListener;
}

/** How an attempt to connect ended. */
export type Opening =
  | { readonly kind: "open"; readonly connection: WireConnection }
  /** The server said that the session is gone. */
  | { readonly kind: "expired" }
  | { readonly kind: "failed"; readonly reason: string };

/** A reply's frame, at most: a large listing and its envelope. */
const REPLY_BYTES_MAX = 4 * 1024 * 1024;

/** Times are looked at this often within a session timeout. */
const CHECKS_PER_TIMEOUT = 12;

interface Pending {
  readonly xid: number;
  readonly op: ClientRequest["op"];
  readonly sentMs: number;
  readonly resolve: (outcome: RequestOutcome) => void;
}

/** Requests that are answered under a number of their own, beside the others. */
const SPECIAL_XIDS: Readonly<Partial<Record<ClientRequest["op"], number>>> = {
  ping: XIDS.ping,
  auth: XIDS.auth,
  setWatches: XIDS.setWatches,
  setWatches2: XIDS.setWatches,
};

/** Opens a connection: resolves in any case, at the deadline at the latest. */
export async function openConnection(setup: ConnectionSetup): Promise<Opening> {
  const socket = connect({ host: setup.server.host, port: setup.server.port, noDelay: true });
  return await new Promise((resolve) => {
    const decoder = new FrameDecoder(REPLY_BYTES_MAX);
    const timer = setTimeout(() => fail(`no handshake within ${setup.deadlineMs} ms`), setup.deadlineMs);
    const sentMs = performance.now();
    const settle = (opening: Opening): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (opening.kind !== "open") {
        // A destroyed socket may still report an error, which is no news.
        socket.on("error", () => {});
        socket.destroy();
      }
      resolve(opening);
    };
    const fail = (reason: string): void => settle({ kind: "failed", reason });
    socket.on("connect", () => {
      const writer = new JuteWriter();
      encodeConnectRequest(writer, setup.hello);
      socket.write(writer.take());
    });
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail("closed by the server"));
    socket.on("data", (chunk) => {
      try {
        decoder.push(chunk);
        const body = decoder.next();
        if (body === undefined) return;
        const welcome = decodeConnectResponse(body);
        if (welcome.timeoutMs <= 0) return settle({ kind: "expired" });
        const { sessionId, timeoutMs } = welcome;
        const password = Uint8Array.from(welcome.password ?? []);
        clearTimeout(timer);
        socket.removeAllListeners();
        const { listener } = setup;
        const session = { sessionId, timeoutMs, password, sentMs };
        resolve({ kind: "open", connection: new WireConnection({ socket, decoder, listener, session }) });
      } catch (error) {
        fail(String(error));
      }
    });
  });
}

/** What a handshake agreed on. */
export interface Agreed {
  readonly sessionId: SessionId;
  readonly timeoutMs: number;
  readonly password: Uint8Array;
  /** When the handshake began: the server heard from us after it. */
  readonly sentMs: number;
}

/** An open connection. `ended` resolves, with the reason, once it is lost or closed. */
export class WireConnection {
  readonly session: Agreed;
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #listener: ConnectionListener;
  readonly #writer = new JuteWriter();
  readonly #checks: NodeJS.Timeout;
  /** In the order sent; those before #head are answered. */
  #pending: Pending[] = [];
  #head = 0;
  readonly #special = new Map<number, Pending[]>();
  #xid = 0;
  #flushing = false;
  #endReason: string | undefined;
  #lastSentMs: number;
  #lastHeardMs: number;
  #lastContactMs: number;
  readonly #resolveEnded: (reason: string) => void;

  constructor(parts: {
    readonly socket: Socket;
    readonly decoder: FrameDecoder;
    readonly listener: ConnectionListener;
    readonly session: Agreed;
  }) {
    this.session = parts.session;
    this.#socket = parts.socket;
    this.#decoder = parts.decoder;
    this.#listener = parts.listener;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#lastHeardMs = performance.now();
    this.#lastSentMs = parts.session.sentMs;
    this.#lastContactMs = parts.session.sentMs;
    this.#socket.on("data", (chunk) => this.#received(chunk));
    this.#socket.on("error", (error) => this.end(error.message));
    this.#socket.on("close", () => this.end("closed by the server"));
    this.#checks = setInterval(() => this.#check(), parts.session.timeoutMs / CHECKS_PER_TIMEOUT);
    this.#drain();
  }

  /** The newest moment by which the server surely had heard from us: when an answered request was sent. */
  get lastContactMs(): number {
    return this.#lastContactMs;
  }

  /** Whether all that was asked has been answered, pings aside. */
  get isIdle(): boolean {
    return this.#head === this.#pending.length;
  }

  /** Sends a request behind all others; resolves with its outcome, and never rejects. */
  request(request: ClientRequest): Promise<RequestOutcome> {
    if (this.#endReason !== undefined) return Promise.resolve({ kind: "unsent", reason: this.#endReason });
    return new Promise((resolve) => this.#send(request, resolve));
  }

  /** Ends the connection now; what is unanswered becomes unknown. */
  end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    clearInterval(this.#checks);
    this.#socket.destroy();
    this.#listener.onEnd();
    for (const pending of this.#pending.slice(this.#head)) pending.resolve({ kind: "unknown", reason });
    for (const queue of this.#special.values()) {
      for (const pending of queue) pending.resolve({ kind: "unknown", reason });
    }
    this.#pending = [];
    this.#head = 0;
    this.#special.clear();
    this.#resolveEnded(reason);
  }

  #send(request: ClientRequest, resolve: Pending["resolve"]): void {
    const special = SPECIAL_XIDS[request.op];
    const xid = special ?? this.#nextXid();
    const pending: Pending = { xid, op: request.op, sentMs: performance.now(), resolve };
    if (special === undefined) this.#pending.push(pending);
    else this.#queueOf(special).push(pending);
    this.#lastSentMs = pending.sentMs;
    encodeRequest(this.#writer, xid, request);
    if (this.#flushing) return;
    this.#flushing = true;
    // All that is asked within one turn leaves in one write.
    queueMicrotask(() => this.#flush());
  }

  #nextXid(): number {
    this.#xid = this.#xid === 0x7fffffff ? 1 : this.#xid + 1;
    return this.#xid;
  }

  #queueOf(xid: number): Pending[] {
    const known = this.#special.get(xid);
    if (known !== undefined) return known;
    const queue: Pending[] = [];
    this.#special.set(xid, queue);
    return queue;
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#endReason === undefined) this.#socket.write(this.#writer.take());
  }

  #received(chunk: Uint8Array): void {
    this.#lastHeardMs = performance.now();
    this.#decoder.push(chunk);
    this.#drain();
  }

  #drain(): void {
    try {
      for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
        this.#take(decodeServerMessage(body, (xid) => this.#expected(xid)?.op));
        if (this.#endReason !== undefined) return;
      }
    } catch (error) {
      this.#listener.onProtocolError(String(error));
      this.end(`protocol error: ${String(error)}`);
    }
  }

  /** The request that a reply under this xid must answer: replies come in the order of their requests. */
  #expected(xid: number): Pending | undefined {
    if (xid < 0) return this.#special.get(xid)?.[0];
    const first = this.#pending[this.#head];
    return first?.xid === xid ? first : undefined;
  }

  #take(message: ServerMessage): void {
    if (message.kind === "event") {
      this.#listener.onEvent(message.zxid, message.event);
      return;
    }
    const { header, response } = message;
    const pending = this.#expected(header.xid);
    if (pending === undefined) return;
    if (header.xid < 0) this.#special.get(header.xid)?.shift();
    else this.#advance();
    this.#lastContactMs = Math.max(this.#lastContactMs, pending.sentMs);
    if (header.zxid.epoch !== 0xffffffff) this.#listener.onReply(header.zxid);
    if (header.error === 0) pending.resolve({ kind: "ok", zxid: header.zxid, response });
    else pending.resolve({ kind: "error", zxid: header.zxid, code: header.error });
  }

  #advance(): void {
    this.#head++;
    if (this.#head < 1024 || this.#head * 2 < this.#pending.length) return;
    this.#pending = this.#pending.slice(this.#head);
    this.#head = 0;
  }

  /** As ZooKeeper's clients: a ping after a third of the timeout, a new server after two thirds of silence. */
  #check(): void {
    const nowMs = performance.now();
    const { timeoutMs } = this.session;
    if (nowMs - this.#lastHeardMs >= (timeoutMs * 2) / 3) return this.end("the server was silent");
    if (nowMs - this.#lastSentMs < timeoutMs / 3 - timeoutMs / CHECKS_PER_TIMEOUT) return;
    // Its outcome says nothing that the end of the connection does not.
    this.#send({ op: "ping" }, () => {});
  }
}
