/** What goes out to clients in a turn: each connection's bytes gathered into one write. */
import { ERROR_CODES } from "../base/error-code.ts";
import { XIDS } from "../jute/opcodes.ts";
import { type ConnectResponse, encodeConnectResponse } from "../jute/handshake.ts";
import { encodeDoze, encodeReply, encodeWatchEvent } from "../jute/responses.ts";
import type { Response } from "../base/request.ts";
import { type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Connection, Pending, PendingWrite } from "./connection.ts";
import type { Reply } from "./replies.ts";
import { OPERATION_NAMES } from "./operations/operation-names.ts";
import type { ReplicaMetrics } from "./operations/replica-metrics.ts";
import type { Action, ParkedWord } from "./turn.ts";

/** Watcher.Event.KeeperState.SyncConnected. */
const SYNC_CONNECTED = 3;

const LENGTH_BYTES = 4;

/** Encodes replies and events, and keeps the order of bytes, closings and flow changes. */
export class ClientOutput {
  readonly #metrics: ReplicaMetrics;
  readonly #dirty = new Set<Connection>();
  #actions: Action[] = [];
  #nowMs = 0;

  constructor(metrics: ReplicaMetrics) {
    this.#metrics = metrics;
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
    this.#answered(connection, pending, answer);
    const isPing = pending.kind === "local" && pending.request.op === "ping";
    // Whatever number the client gave its ping.
    const xid = isPing ? XIDS.ping : pending.xid;
    const header = { xid, zxid: answer.zxid, error: answer.code };
    const before = connection.out.length;
    encodeReply(connection.out, header, answer.response);
    // ZooKeeper counts what follows the length field.
    this.#metrics.replySizes.add(connection.out.length - before - LENGTH_BYTES);
    this.#wrote(connection);
  }

  /** The session that a connection asked for is made: that counts as a request, which its welcome answers. */
  sessionMade(connection: Connection, pending: PendingWrite, answer: Pick<Answer, "zxid" | "nowMs">): void {
    this.#answered(connection, pending, answer);
  }

  /**
   * The reply about a login, which has no place in the order of requests. Most clients send an auth packet with
   * the xid -4, but go-zookeeper numbers it like any other request and waits for that number.
   */
  loginReply(connection: Connection, xid: number, code: number, response: LoginResponse): void {
    if (code !== ERROR_CODES.ok) this.#metrics.counters.loginsFailed++;
    encodeReply(connection.out, { xid, zxid: ZXID_ZERO, error: code }, response);
    this.#wrote(connection);
  }

  /** A watch that fired. */
  event(connection: Connection, event: { readonly type: number; readonly path: string }, zxid: Zxid): void {
    this.#metrics.counters.watchEvents++;
    const { type, path } = event;
    encodeWatchEvent(connection.out, zxid, { type, state: SYNC_CONNECTED, path });
    this.#wrote(connection);
  }

  /** The client need not ping. */
  doze(connection: Connection, zxid: Zxid, wordWithinMs: number): void {
    encodeDoze(connection.out, zxid, wordWithinMs);
    this.#wrote(connection);
  }

  /** Beside the stream of bytes: for a client whose connection is parked. */
  word(connection: Connection, word: ParkedWord): void {
    this.#actions.push({ kind: "clientWord", connection: connection.opening.id, word });
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
    connection.stats.sent++;
    this.#metrics.counters.sent++;
    this.#dirty.add(connection);
  }

  #answered(connection: Connection, pending: Pending, answer: Pick<Answer, "zxid" | "nowMs">): void {
    const tookMs = Math.max(0, answer.nowMs - pending.arrivedMs);
    this.#metrics.answered(pending.kind === "write" ? "updatelatency" : "readlatency", tookMs);
    const operation = operationOf(pending) ?? connection.stats.lastOperation;
    connection.stats.answered({
      operation,
      xid: pending.xid,
      zxid: answer.zxid,
      tookMs,
      nowMs: answer.nowMs,
    });
  }

  #flush(connection: Connection): void {
    if (connection.out.length === 0) return;
    const bytes = connection.takeOutput(this.#nowMs);
    this.#metrics.counters.sentBytes += bytes.length;
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

/** What was asked for; undefined where that was refused unread. */
function operationOf(pending: Pending): string | undefined {
  if (pending.kind === "refused") return undefined;
  return OPERATION_NAMES[pending.kind === "farewell" ? "closeSession" : pending.request.op];
}
