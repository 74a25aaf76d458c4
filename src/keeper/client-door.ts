/**
 * The door that ZooKeeper clients come through: handshakes, requests in their order, replies, watch events.
 *
 * Order per connection: writes leave for the leader as they come, reads wait until the writes before them are
 * answered, so that a session sees its own writes; replies go out in the order of the requests.
 * Source: ZooKeeper NIOServerCnxn, CommitProcessor, FinalRequestProcessor.
 */
import { PERMS } from "../base/acl.ts";
import { assert } from "../base/assert.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import type { Origin, SessionId } from "../base/ids.ts";
import type { Request, WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { decodeRequest } from "../jute/requests.ts";
import { JuteError } from "../jute/jute-error.ts";
import { decodeConnectRequest } from "../jute/handshake.ts";
import { ZXID_UNKNOWN } from "../jute/records.ts";
import { isAllowed } from "../tree/access.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { WatchTable } from "../tree/watch-table.ts";
import { addIdentities, authenticate, identityBytes } from "./auth.ts";
import { ClientOutput } from "./client-output.ts";
import {
  Connection,
  type ConnectionId,
  type ConnectionOpening,
  type Pending,
  type PendingWrite,
} from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import { answerWord, isFourLetterWord } from "./four-letter-words.ts";
import { HANDSHAKE_HOLD_MS, HANDSHAKE_LIMIT_MS, PENDING_OVERHEAD_BYTES } from "./limits.ts";
import type { FromLeader, Generation, OwnedSession } from "./link-message.ts";
import { isWriteRequest } from "./link-codec.ts";
import { LocalReads } from "./local-reads.ts";
import { replyTo, type Reply } from "./replies.ts";
import { type Counters, freshCounters } from "./status.ts";
import type { Action } from "./turn.ts";

/** All client connections of one replica. */
export class ClientDoor {
  readonly counters: Counters = freshCounters();
  readonly #context: DoorContext;
  readonly #watches: WatchTable;
  readonly #reads: LocalReads;
  readonly #output = new ClientOutput(this.counters);
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #sessions = new Map<SessionId, Connection>();
  readonly #writesBySerial = new Map<number, Connection>();
  readonly #attaching = new Map<number, Connection>();
  readonly #touched = new Set<SessionId>();
  #serial = 0;
  #nowMs = 0;

  constructor(context: DoorContext, watches: WatchTable) {
    this.#context = context;
    this.#watches = watches;
    this.#reads = new LocalReads(context.tree, watches);
  }

  /** Connections open now, handshaken or not. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Requests that wait for the log or for a leader. */
  get heldCount(): number {
    return this.#writesBySerial.size;
  }

  /** Every connection, for people. */
  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  /** Sets the time of this turn. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** A client has connected. */
  opened(opening: ConnectionOpening): void {
    this.#connections.set(opening.id, new Connection(opening, this.#nowMs));
  }

  /** Bytes came from a client, split anywhere. */
  received(id: ConnectionId, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.decoder.push(bytes);
    if (connection.state === "fresh" && this.#answeredWord(connection)) return;
    this.#drain(connection);
    if (connection.isFlooding && this.#connections.has(id)) this.#cutOff(connection);
  }

  /** The client has gone, or its transport failed. Its session goes on until it expires. */
  closed(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#forget(connection);
  }

  /** The leader answered about a session. */
  fromLeader(message: FromLeader & { readonly kind: "attached" | "refused" | "moved" }): void {
    if (message.kind === "moved") {
      this.attached(message.session, message.generation);
      return;
    }
    const connection = this.#attaching.get(message.serial);
    this.#attaching.delete(message.serial);
    if (connection === undefined) return;
    if (message.kind === "refused") {
      this.#refuseSession(connection);
      return;
    }
    connection.generation = message.generation;
    connection.timeoutMs = message.timeoutMs;
    this.#open(connection);
  }

  /** The session's client has attached, here or elsewhere: a connection older than that is closed. */
  attached(session: SessionId, generation: Generation): void {
    const connection = this.#sessions.get(session);
    if (connection === undefined) return;
    if (compareZxid(connection.generation, generation) < 0) this.#close(connection);
  }

  /** A proposal of ours was delivered: its client gets the reply, and the reads behind it their turn. */
  delivered(serial: number, zxid: Zxid, outcome: Outcome): void {
    const connection = this.#writesBySerial.get(serial);
    if (connection === undefined) return;
    this.#writesBySerial.delete(serial);
    const first = connection.first();
    assert(first?.kind === "write", "the oldest unanswered request of a connection is the write delivered");
    assert(first.serial === serial, "writes of a connection are delivered in the order they were sent");
    connection.shift();
    this.#finishWrite(connection, first, { zxid, outcome });
    this.#answerReads(connection);
  }

  /** A session ended, on request or for its silence: watchers and connection go with it. */
  sessionEnded(session: SessionId): void {
    const connection = this.#sessions.get(session);
    if (connection === undefined) return;
    const first = connection.first();
    // The client that asked gets its reply first, which is delivered next.
    if (first?.kind === "write" && first.request.op === "closeSession") return;
    this.#close(connection);
  }

  /** Tells the watchers of a change; on each connection before anything that shows it. */
  announce(event: TreeEvent, zxid: Zxid): void {
    for (const { watcher, type, path, acl } of this.#watches.fire(event)) {
      const connection = this.#connections.get(watcher);
      if (connection === undefined || !isAllowed(acl, PERMS.read, connection.identities)) continue;
      this.#output.event(connection, { type, path }, zxid);
    }
  }

  /** The leader is lost: what was on its way may or may not have been proposed. */
  suspend(): void {
    for (const connection of this.#attaching.values()) {
      connection.state = "waiting";
      connection.waitingSinceMs = this.#nowMs;
    }
    this.#attaching.clear();
    for (const connection of new Set(this.#writesBySerial.values())) {
      for (const pending of connection.pendingWrites()) pending.sent = false;
    }
  }

  /** There is a leader, and all that was forwarded to the last one is decided: the rest is forwarded again. */
  resume(): void {
    for (const connection of new Set(this.#writesBySerial.values())) {
      // A write that several leaders did not live to propose may be what ended them: it is not tried for ever.
      if (connection.hasTriedTooOften()) this.#cutOff(connection);
      else for (const pending of connection.pendingWrites()) this.#forward(connection, pending);
    }
    for (const connection of this.#connections.values()) {
      this.#admit(connection);
      this.#answerReads(connection);
    }
  }

  /**
   * Closes the connections of sessions, as this replica has had no leader for too long. A fresh one may yet send a
   * four-letter word, and a handshake has its own time to wait.
   */
  closeAll(): void {
    for (const connection of this.#connections.values()) {
      if (connection.state !== "fresh" && connection.state !== "waiting") this.#close(connection);
    }
  }

  /** Handshakes that waited too long are turned away. */
  tick(): void {
    for (const connection of this.#connections.values()) {
      if (connection.state === "open") continue;
      this.#admit(connection);
      if (!this.#isShaking(connection)) continue;
      const heldMs = this.#nowMs - connection.waitingSinceMs;
      const tooLong = connection.state === "waiting" ? HANDSHAKE_HOLD_MS : HANDSHAKE_LIMIT_MS;
      if (heldMs < tooLong) continue;
      this.counters.connectionsRejected++;
      this.#close(connection);
    }
  }

  /** The sessions heard from since the last call. */
  takeTouched(): readonly SessionId[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }

  /** The sessions whose clients are connected here. */
  owned(): readonly OwnedSession[] {
    return [...this.#sessions].map(([session, { generation, timeoutMs }]) => ({
      session,
      generation,
      timeoutMs,
    }));
  }

  /** What this turn wants done for clients, in order. */
  takeActions(): readonly Action[] {
    return this.#output.take();
  }

  #isShaking(connection: Connection): boolean {
    return connection.state !== "open" && this.#connections.has(connection.opening.id);
  }

  #answeredWord(connection: Connection): boolean {
    const word = connection.decoder.peekFirstWord();
    if (word === undefined || !/^[a-z]{4}$/.test(word)) return false;
    if (isFourLetterWord(word)) {
      this.#output.text(connection, answerWord(word, this.#context.words()));
    }
    this.#close(connection);
    return true;
  }

  /** Takes whole frames as long as the state of the connection lets requests in; the rest when there is room again. */
  #drain(connection: Connection): void {
    if (connection.isDraining) return;
    connection.isDraining = true;
    try {
      while (connection.takesFrames()) {
        const body = connection.decoder.next();
        if (body === undefined) break;
        if (connection.state === "fresh") this.#greet(connection, body);
        else this.#take(connection, body);
        if (!this.#connections.has(connection.opening.id)) return;
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.counters.framesRejected++;
      this.#close(connection);
      return;
    } finally {
      connection.isDraining = false;
    }
    const reading = connection.takesFrames();
    if (reading === connection.reading) return;
    connection.reading = reading;
    this.#output.flow(connection, reading);
  }

  #greet(connection: Connection, body: Uint8Array): void {
    connection.hello = decodeConnectRequest(body);
    connection.state = "waiting";
    connection.waitingSinceMs = this.#nowMs;
    this.#admit(connection);
  }

  /** Goes on with a handshake, where this replica serves and has all that the client has seen. */
  #admit(connection: Connection): void {
    const hello = connection.hello;
    if (connection.state !== "waiting" || hello === undefined || !this.#context.serving()) return;
    if (compareZxid(hello.lastZxidSeen, this.#context.tree.lastApplied) > 0) return;
    connection.timeoutMs = this.#context.negotiateTimeout(hello.timeoutMs);
    if (hello.sessionId === 0n) {
      const made = this.#context.makeSession(connection.opening.entropy);
      connection.session = made.session;
      connection.password = made.password;
      connection.state = "creating";
      const { timeoutMs, password } = connection;
      this.#enqueueWrite(connection, 0, { op: "createSession", timeoutMs, password });
      return;
    }
    connection.session = hello.sessionId;
    connection.password = hello.password ?? new Uint8Array(0);
    connection.state = "attaching";
    connection.attachSerial = ++this.#serial;
    this.#attaching.set(connection.attachSerial, connection);
    this.#context.tellLeader({
      kind: "attach",
      serial: connection.attachSerial,
      session: connection.session,
      password: connection.password,
      timeoutMs: connection.timeoutMs,
    });
  }

  #open(connection: Connection): void {
    const { session, hello } = connection;
    assert(session !== undefined, "a session is known when its connection opens");
    assert(hello !== undefined, "a connection opens by its handshake");
    const older = this.#sessions.get(session);
    if (older !== undefined && older !== connection) this.#close(older);
    this.#sessions.set(session, connection);
    connection.state = "open";
    this.#touched.add(session);
    this.#output.welcome(connection, {
      protocolVersion: 0,
      timeoutMs: connection.timeoutMs,
      sessionId: session,
      password: connection.password,
      readOnly: hello.readOnly === undefined ? undefined : false,
    });
    this.#drain(connection);
  }

  /** As ZooKeeper: a timeout of nought and a session of nought mean that the session has expired. */
  #refuseSession(connection: Connection): void {
    this.#output.welcome(connection, {
      protocolVersion: 0,
      timeoutMs: 0,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: connection.hello?.readOnly === undefined ? undefined : false,
    });
    this.#close(connection);
  }

  #take(connection: Connection, body: Uint8Array): void {
    this.counters.received++;
    connection.received++;
    if (connection.session !== undefined) this.#touched.add(connection.session);
    const decoded = decodeRequest(body);
    if (decoded.kind === "headerless") throw decoded.problem;
    if (decoded.kind !== "request") {
      const unknown = decoded.kind === "unknownOpcode";
      if (unknown) this.counters.requestsUnknown++;
      else this.counters.requestsUndecodable++;
      this.#enqueueLocal(connection, {
        kind: "refused",
        xid: decoded.xid,
        reason: unknown ? "unimplemented" : "marshallingError",
        bytes: body.length,
        arrivedMs: this.#nowMs,
      });
      return;
    }
    const { xid, request } = decoded;
    connection.lastXid = xid;
    if (request.op === "auth") {
      this.#authenticate(connection, request);
    } else if (isWriteRequest(request)) {
      this.#enqueueWrite(connection, xid, request, body.length);
    } else {
      const arrivedMs = this.#nowMs;
      this.#enqueueLocal(connection, { kind: "local", xid, request, bytes: body.length, arrivedMs });
    }
  }

  /** Answered at once and out of order, as ZooKeeper does: requests behind it have the new identity. */
  #authenticate(connection: Connection, request: Request & { readonly op: "auth" }): void {
    const added = authenticate(request, connection.opening.remoteAddress, this.#context.auth);
    const all = added && addIdentities(connection.identities, added);
    const code = all === undefined ? ERROR_CODES.authFailed : ERROR_CODES.ok;
    this.#output.authReply(connection, code);
    if (all === undefined) this.#close(connection);
    else connection.identities = all;
  }

  #enqueueLocal(connection: Connection, pending: Exclude<Pending, PendingWrite>): void {
    connection.enqueue(pending);
    if (connection.pendingCount === 1 && this.#context.serving()) this.#answerReads(connection);
  }

  #enqueueWrite(connection: Connection, xid: number, request: WriteRequest, bytes = 0): void {
    const pending: PendingWrite = {
      kind: "write",
      xid,
      serial: ++this.#serial,
      request,
      bytes,
      arrivedMs: this.#nowMs,
      sent: false,
      attempts: 0,
    };
    connection.enqueue(pending);
    this.#writesBySerial.set(pending.serial, connection);
    this.#forward(connection, pending);
  }

  #forward(connection: Connection, pending: PendingWrite): void {
    if (pending.sent || !this.#context.serving() || connection.session === undefined) return;
    pending.sent = true;
    pending.attempts++;
    const origin: Origin = { ...this.#context.origin, serial: pending.serial };
    const { session, identities } = connection;
    const { xid, request } = pending;
    const bytes = pending.bytes + identityBytes(identities) + PENDING_OVERHEAD_BYTES;
    this.#context.forward({ origin, session, xid, identities, request }, bytes);
  }

  /**
   * Answers what stands before the next unanswered write: while serving, and, serving or not, right behind a write, as
   * the state that is due to these reads is gone once the next write is delivered.
   */
  #answerReads(connection: Connection): void {
    while (connection.state === "open" && this.#connections.has(connection.opening.id)) {
      const first = connection.first();
      if (first === undefined || first.kind === "write") {
        this.#drain(connection);
        return;
      }
      connection.shift();
      if (first.kind === "refused") this.#refuse(connection, first);
      else this.#answerLocally(connection, first);
      if (connection.isGreedy) this.#cutOff(connection);
    }
  }

  /** It makes us hold too much: what it would have got in this turn is dropped. */
  #cutOff(connection: Connection): void {
    this.counters.connectionsRejected++;
    connection.out.clear();
    this.#close(connection);
  }

  #refuse(connection: Connection, pending: Pending & { readonly kind: "refused" }): void {
    const unknown = pending.reason === "unimplemented";
    // ZooKeeper answers an opcode it lacks with zxid -1 and hangs up.
    const zxid = unknown ? ZXID_UNKNOWN : this.#context.tree.lastApplied;
    this.#reply(connection, pending, { zxid, code: ERROR_CODES[pending.reason], response: { op: "empty" } });
    if (unknown) this.#close(connection);
  }

  #answerLocally(connection: Connection, pending: Pending & { readonly kind: "local" }): void {
    connection.lastOperation = pending.request.op;
    const zxid = this.#context.tree.lastApplied;
    if (pending.request.op === "sasl") {
      this.#refuse(connection, { ...pending, kind: "refused", reason: "unimplemented" });
      return;
    }
    const answer = this.#reads.answer(pending.request, {
      connection: connection.opening.id,
      session: connection.session ?? 0n,
      identities: connection.identities,
    });
    for (const event of answer.events) this.#output.event(connection, event, zxid);
    this.#reply(connection, pending, { zxid, code: answer.code, response: answer.response });
  }

  #finishWrite(
    connection: Connection,
    pending: PendingWrite,
    done: { readonly zxid: Zxid; readonly outcome: Outcome },
  ): void {
    const { request } = pending;
    connection.lastOperation = request.op;
    connection.lastZxid = done.zxid;
    if (request.op === "createSession") {
      if (done.outcome.kind === "error") this.#close(connection);
      else this.#open(connection);
      return;
    }
    const reply = replyTo(request, done.outcome);
    this.#reply(connection, pending, { zxid: done.zxid, ...reply });
    if (request.op === "closeSession") this.#close(connection);
  }

  #reply(connection: Connection, pending: Pending, reply: Reply & { readonly zxid: Zxid }): void {
    this.#output.reply(connection, pending, { ...reply, nowMs: this.#nowMs });
  }

  #close(connection: Connection): void {
    this.#output.close(connection);
    this.#forget(connection);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.opening.id);
    this.#output.forget(connection);
    this.#watches.removeWatcher(connection.opening.id);
    this.#attaching.delete(connection.attachSerial);
    for (const pending of connection.pendingWrites()) this.#writesBySerial.delete(pending.serial);
    const { session } = connection;
    if (session !== undefined && this.#sessions.get(session) === connection) this.#sessions.delete(session);
  }
}
