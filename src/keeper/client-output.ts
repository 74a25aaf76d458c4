/** What goes out to clients in a turn: each connection's bytes gathered into one write. */
import { XIDS } from "../jute/opcodes.ts";
import { type ConnectResponse, encodeConnectResponse } from "../jute/handshake.ts";
import { encodeReply, encodeWatchEvent } from "../jute/responses.ts";
import type { Response } from "../base/request.ts";
import { type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Connection, Pending } from "./connection.ts";
import type { Reply } from "./replies.ts";
import type { Counters } from "./status.ts";
import type { Action } from "./turn.ts";

/** Watcher.Event.KeeperState.SyncConnected. */
const SYNC_CONNECTED = 3;

/** Encodes replies and events, and keeps the order of bytes, closings and flow changes. */
export class ClientOutput {
  readonly #counters: Counters;
  readonly #dirty = new Set<Connection>();
  #actions: Action[] = [];
  #nowMs = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** Sets the time of this turn. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** The answer to a connect request. */
  welcome(connection: Connection, response: ConnectResponse): void {
    encodeConnectResponse(connection.out, response);
    this.#wrote(connection);
  }

  /** The reply to a request; counts how long it took. */
  reply(connection: Connection, pending: Pending, answer: Answer): void {
    const tookMs = Math.max(0, answer.nowMs - pending.arrivedMs);
    const counters = this.#counters;
    counters.latencyMinMs = counters.latencyCount === 0 ? tookMs : Math.min(counters.latencyMinMs, tookMs);
    counters.latencyMaxMs = Math.max(counters.latencyMaxMs, tookMs);
    counters.latencySumMs += tookMs;
    counters.latencyCount++;
    const isPing = pending.kind === "local" && pending.request.op === "ping";
    // Whatever number the client gave its ping.
    const xid = isPing ? XIDS.ping : pending.xid;
    const header = { xid, zxid: answer.zxid, error: answer.code };
    encodeReply(connection.out, header, answer.response);
    this.#wrote(connection);
  }

  /**
   * The reply about a login, which has no place in the order of requests. Most clients send an auth packet with
   * the xid -4, but go-zookeeper numbers it like any other request and waits for that number.
   */
  loginReply(connection: Connection, xid: number, code: number, response: LoginResponse): void {
    encodeReply(connection.out, { xid, zxid: ZXID_ZERO, error: code }, response);
    this.#wrote(connection);
  }

  /** A watch that fired. */
  event(connection: Connection, event: { readonly type: number; readonly path: string }, zxid: Zxid): void {
    this.#counters.watchEvents++;
    const { type, path } = event;
    encodeWatchEvent(connection.out, zxid, { type, state: SYNC_CONNECTED, path });
    this.#wrote(connection);
  }

  /** Text outside the protocol: the answer to a four-letter word. */
  text(connection: Connection, text: string): void {
    connection.out.utf8(text);
    this.#wrote(connection);
  }

  /** Reads, or stops reading, from the client's socket. */
  flow(connection: Connection, reading: boolean): void {
    this.#actions.push({ kind: "clientFlow", connection: connection.opening.id, reading });
  }

  /** Hangs up at once; what the client has not read yet is lost. */
  drop(connection: Connection): void {
    connection.out.clear();
    this.#dirty.delete(connection);
    this.#actions.push({ kind: "clientDrop", connection: connection.opening.id });
  }

  /** Hangs up, once all written before is out. */
  close(connection: Connection): void {
    this.#flush(connection);
    this.#dirty.delete(connection);
    this.#actions.push({ kind: "clientClose", connection: connection.opening.id });
  }

  /** Drops what was written: there is nobody to send it to. */
  forget(connection: Connection): void {
    this.#dirty.delete(connection);
  }

  /** Everything since the last call, in order. */
  take(): readonly Action[] {
    for (const connection of this.#dirty) this.#flush(connection);
    this.#dirty.clear();
    const taken = this.#actions;
    this.#actions = [];
    return taken;
  }

  #wrote(connection: Connection): void {
    connection.sent++;
    this.#counters.sent++;
    this.#dirty.add(connection);
  }

  #flush(connection: Connection): void {
    if (connection.out.length === 0) return;
    const bytes = connection.takeOutput(this.#nowMs);
    this.#actions.push({ kind: "clientSend", connection: connection.opening.id, bytes });
  }
}

/** What follows the header of a reply about a login. */
export type LoginResponse = Extract<Response, { readonly op: "empty" | "sasl" }>;

/** A reply with the zxid and time it goes out under. */
export interface Answer extends Reply {
  readonly zxid: Zxid;
  readonly nowMs: number;
}
