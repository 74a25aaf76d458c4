/**
 * How a client comes to its session: it asks for a new one, which is made through the log, or for one it has, about
 * which the leader is asked. Source: ZooKeeper ZooKeeperServer.processConnectRequest, Learner.validateSession.
 */
import { assert } from "../base/assert.ts";
import type { WriteRequest } from "../base/request.ts";
import { compareZxid } from "../base/zxid.ts";
import { type ConnectResponse, decodeConnectRequest } from "../jute/handshake.ts";
import type { ClientOutput } from "./client-output.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { Connection } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import type { Counters } from "./status.ts";
import { HANDSHAKE_HOLD_MS, HANDSHAKE_LIMIT_MS } from "./limits.ts";

/** What handshakes are made with. */
export interface HandshakeParts {
  readonly context: DoorContext;
  readonly table: ConnectionTable;
  readonly output: ClientOutput;
  readonly counters: Counters;
}

/** The handshakes of one replica's connections. */
export class Handshakes {
  readonly #context: DoorContext;
  readonly #table: ConnectionTable;
  readonly #output: ClientOutput;
  readonly #counters: Counters;
  #serial = 0;

  constructor(parts: HandshakeParts) {
    this.#context = parts.context;
    this.#table = parts.table;
    this.#output = parts.output;
    this.#counters = parts.counters;
  }

  /** Takes the client's first frame. Throws JuteError where it is none. */
  greet(connection: Connection, body: Uint8Array, nowMs: number): void {
    connection.hello = decodeConnectRequest(body);
    this.#counters.handshakes++;
    if (connection.hello.sessionId !== 0n) this.#counters.revalidations++;
    connection.state = "waiting";
    connection.waitingSinceMs = nowMs;
  }

  /**
   * Goes on with a handshake, where this replica serves and has all that the client has seen. A new session is to be
   * made through the log: then the request for it is returned.
   */
  admit(connection: Connection): WriteRequest | undefined {
    const hello = connection.hello;
    if (connection.state !== "waiting" || hello === undefined || !this.#context.serving()) return undefined;
    if (compareZxid(hello.lastZxidSeen, this.#context.tree.lastApplied) > 0) return undefined;
    const timeoutMs = this.#context.negotiateTimeout(hello.timeoutMs);
    connection.timeoutMs = timeoutMs;
    if (hello.sessionId === 0n) {
      const { session, password } = this.#context.makeSession(connection.opening.entropy);
      connection.session = session;
      connection.password = password;
      connection.state = "creating";
      return { op: "createSession", timeoutMs, password };
    }
    const session = hello.sessionId;
    const password = hello.password ?? new Uint8Array(0);
    connection.session = session;
    connection.password = password;
    connection.state = "attaching";
    connection.attachSerial = ++this.#serial;
    this.#table.addAttaching(connection);
    this.#context.tellLeader({
      kind: "attach",
      serial: connection.attachSerial,
      session,
      password,
      timeoutMs,
    });
    return undefined;
  }

  /** The session is made, or the leader let the client have it: requests are taken from now on. */
  open(connection: Connection): void {
    assert(connection.session !== undefined, "a session is known when its connection opens");
    this.#table.own(connection.session, connection);
    connection.state = "open";
    this.#output.welcome(connection, {
      protocolVersion: 0,
      timeoutMs: connection.timeoutMs,
      sessionId: connection.session,
      password: connection.password,
      readOnly: readOnlyOf(connection),
    });
  }

  /** As ZooKeeper: a timeout of nought and a session of nought mean that the session has expired. */
  refuse(connection: Connection): void {
    this.#output.welcome(connection, {
      protocolVersion: 0,
      timeoutMs: 0,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: readOnlyOf(connection),
    });
  }

  /** The leader is lost: about what it was asked, the next one is asked. */
  suspend(nowMs: number): void {
    for (const connection of this.#table.takeAllAttaching()) {
      connection.state = "waiting";
      connection.waitingSinceMs = nowMs;
    }
  }

  /** Whether a handshake has taken longer than it may. */
  isLate(connection: Connection, nowMs: number): boolean {
    if (connection.state === "open" || connection.state === "parked") return false;
    const limitMs = connection.state === "waiting" ? HANDSHAKE_HOLD_MS : HANDSHAKE_LIMIT_MS;
    return nowMs - connection.waitingSinceMs >= limitMs;
  }
}

/** Told only to a client that asked: older ones do not know the field. */
function readOnlyOf({ hello, isReadOnly }: Connection): ConnectResponse["readOnly"] {
  assert(hello !== undefined, "a connection is answered after its handshake began");
  return hello.readOnly === undefined ? undefined : isReadOnly;
}
