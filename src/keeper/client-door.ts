/**
 * The door that ZooKeeper clients come through: handshakes, requests in their order, replies, watch events.
 *
 * Order per connection: writes leave for the leader as they come, reads wait until the writes before them are
 * answered, so that a session sees its own writes; replies go out in the order of the requests.
 * Source: ZooKeeper NIOServerCnxn, CommitProcessor, FinalRequestProcessor.
 */
import { PERMS } from "../base/acl.ts";
import { assert } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import type { Outcome } from "../base/txn.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { decodeRequest } from "../jute/requests.ts";
import { JuteError } from "../jute/jute-error.ts";
import { isAllowed } from "../tree/access.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { WatchTable } from "../tree/watch-table.ts";
import { powersOf } from "./auth.ts";
import { BoundedClients } from "./bounded-clients.ts";
import { ClientAnswers } from "./client-answers.ts";
import { ClientMemory } from "./client-memory.ts";
import { ClientOutput } from "./client-output.ts";
import {
  Connection,
  type ConnectionId,
  type ConnectionOpening,
  type Pending,
  type PendingWrite,
  type SentOut,
} from "./connection.ts";
import { ClientWrites } from "./client-writes.ts";
import { ConnectionTable } from "./connection-table.ts";
import type { DoorContext, DoorFigures } from "./door-context.ts";
import { Handshakes } from "./handshakes.ts";
import { Logins } from "./logins.ts";
import type { FromLeader, Generation, OwnedSession } from "./link-message.ts";
import { isWriteRequest } from "./link-codec.ts";
import { LocalReads } from "./local-reads.ts";
import { Parking } from "./parking.ts";
import { ReadOnlyClients } from "./read-only.ts";
import { RefusalLog } from "./refusal-log.ts";
import { isLogin, isUnknown } from "./request-kinds.ts";
import { Operator } from "./operations/operator.ts";
import { ReplicaMetrics } from "./operations/replica-metrics.ts";
import type { Counters } from "./status.ts";
import type { Action } from "./turn.ts";

const PATIENT: ReadonlySet<Connection["state"]> = new Set(["fresh", "waiting", "parked"]);

/** Why most are cut off. */
const UNREAD = "it does not read what it is sent";

/** All client connections of one replica. */
export class ClientDoor {
  readonly metrics: ReplicaMetrics = new ReplicaMetrics();
  readonly counters: Counters = this.metrics.counters;
  /** What operators ask of it. */
  readonly operator: Operator;
  readonly #context: DoorContext;
  readonly #watches: WatchTable;
  readonly #output = new ClientOutput(this.metrics);
  readonly #reads: LocalReads;
  readonly #handshakes: Handshakes;
  readonly #readOnly: ReadOnlyClients;
  readonly #logins: Logins;
  readonly #writes: ClientWrites;
  readonly #answers: ClientAnswers;
  readonly #table = new ConnectionTable();
  readonly #memory: ClientMemory;
  readonly #bounded: BoundedClients;
  readonly #refusals: RefusalLog;
  readonly parking: Parking;
  #nowMs = 0;

  constructor(context: DoorContext, watches: WatchTable) {
    this.#context = context;
    this.#watches = watches;
    this.#memory = new ClientMemory(context.bounds.throttle);
    const [output, table, { metrics, counters }] = [this.#output, this.#table, this];
    const close = (connection: Connection): void => this.#close(connection);
    this.#bounded = new BoundedClients({ context, table, close });
    this.parking = new Parking({ context, table, output, bounded: this.#bounded, close });
    this.operator = new Operator({ context, table, output, metrics, close });
    this.#refusals = new RefusalLog(context, this.counters);
    this.#readOnly = new ReadOnlyClients(context);
    this.#logins = new Logins(context.auth, this.#output);
    this.#reads = new LocalReads(context.tree, watches);
    this.#writes = new ClientWrites(context, this.#table);
    this.#handshakes = new Handshakes({ context, table, output, counters });
    this.#answers = new ClientAnswers({ context, reads: this.#reads, output: this.#output });
  }

  /** What it holds, in numbers. */
  get holds(): DoorFigures {
    const { count: connections, writeCount: writes } = this.#table;
    return { connections, writes, clientBytes: this.#memory.totalBytes };
  }

  /** Every connection, for people. */
  connections(): Iterable<Connection> {
    return this.#table.all();
  }

  /** Sets the time of this turn. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#output.at(nowMs);
  }

  /** A client has connected. One too many is hung up on without a word, as ZooKeeper does. */
  opened(opening: ConnectionOpening): void {
    const connection = new Connection(opening, this.#nowMs, this.#context.bounds);
    const refusal = this.#bounded.refusalOf(connection);
    if (refusal === undefined) return this.#table.add(connection);
    this.#output.close(connection);
    this.#refusals.count(connection, this.#nowMs, refusal);
  }

  /** Bytes came from a client, split anywhere. */
  received(id: ConnectionId, bytes: Uint8Array): void {
    const connection = this.#table.get(id);
    if (connection === undefined || this.parking.drops(connection)) return;
    connection.decoder.push(bytes);
    connection.heardMs = this.#nowMs;
    if (connection.state === "fresh" && this.#answeredWord(connection)) return;
    this.#drain(connection);
    if (connection.isFlooding && this.#table.has(connection)) this.#cutOff(connection, "sends without end");
    this.#settle(connection);
  }

  /** Clients' transports have taken some of what was sent: what waited for that goes on. */
  sentOut(sent: readonly SentOut[]): void {
    for (const { connection: id, bytes } of sent) {
      const connection = this.#table.get(id);
      if (connection === undefined) continue;
      connection.sentOut(bytes, this.#nowMs);
      // Its pings may stand unread behind what it is still to read, and reading is a sign of life.
      if (!connection.reading) this.#touch(connection);
      this.#goOn(connection);
      this.#settle(connection);
    }
  }

  /** The client has gone, or its transport failed. Its session goes on until it expires. */
  closed(id: ConnectionId, pongedMs?: number): void {
    const connection = this.#table.get(id);
    if (connection === undefined) return;
    this.#forget(connection, pongedMs);
    this.#relieve();
  }

  /** The leader answered about a session. */
  fromLeader(message: FromLeader & { readonly kind: "attached" | "refused" | "moved" }): void {
    if (message.kind === "moved") {
      this.attached(message.session, message.generation);
      return;
    }
    const connection = this.#table.takeAttaching(message.serial);
    if (connection === undefined) return;
    if (message.kind === "refused") {
      this.#handshakes.refuse(connection);
      this.#close(connection);
      return;
    }
    connection.generation = message.generation;
    connection.timeoutMs = message.timeoutMs;
    this.#open(connection);
  }

  /** The session's client has attached, here or elsewhere: a connection older than that is closed. */
  attached(session: SessionId, generation: Generation): void {
    const connection = this.#table.ofSession(session);
    if (connection === undefined) return;
    if (compareZxid(connection.generation, generation) < 0) this.#close(connection);
  }

  /** A proposal of ours was delivered: its client gets the reply, and the reads behind it their turn. */
  delivered(serial: number, zxid: Zxid, outcome: Outcome): void {
    const connection = this.#table.takeWrite(serial);
    if (connection === undefined) return;
    const first = connection.first();
    assert(first?.kind === "write", "the oldest unanswered request of a connection is the write delivered");
    assert(first.serial === serial, "writes of a connection are delivered in the order they were sent");
    connection.shift();
    this.#finishWrite(connection, first, { zxid, outcome });
    this.#answerReads(connection);
    this.#settle(connection);
  }

  /** A session ended, on request or for its silence: watchers and connection go with it. */
  sessionEnded(session: SessionId): void {
    const connection = this.#table.ofSession(session);
    if (connection === undefined) return;
    const first = connection.first();
    // The client that asked gets its reply first, which is delivered next.
    if (first?.kind === "write" && first.request.op === "closeSession") return;
    this.#close(connection);
  }

  /** Tells the watchers of a change; on each connection before anything that shows it. Says how many there were. */
  announce(event: TreeEvent, zxid: Zxid): number {
    this.#bounded.changed(event.path);
    const fired = this.#watches.fire(event);
    if (fired.length > 0) this.metrics.watchersTold(fired.map(({ type }) => type));
    for (const { watcher, type, path, acl } of fired) {
      const connection = this.#table.get(watcher);
      if (connection === undefined || !isAllowed(acl, PERMS.read, powersOf(connection, this.#context.auth)))
        continue;
      this.#output.event(connection, { type, path }, zxid);
      if (connection.isGreedy) this.#cutOff(connection, UNREAD);
      this.#settle(connection);
    }
    return fired.length;
  }

  /** The leader is lost: what was on its way may or may not have been proposed. */
  suspend(): void {
    this.#handshakes.suspend(this.#nowMs);
    this.#writes.suspend();
  }

  /** There is a leader, and all that was forwarded to the last one is decided: the rest is forwarded again. */
  resume(): void {
    for (const connection of this.#table.writers()) {
      // A write that several leaders did not live to propose may be what ended them: it is not tried for ever.
      if (connection.hasTriedTooOften()) this.#close(connection);
      else this.#writes.forwardAll(connection);
    }
    for (const connection of this.#table.all()) {
      this.#admit(connection);
      this.#goOn(connection);
    }
    this.parking.resumed();
  }

  /** What was not answered as this replica was out of touch is answered now. */
  goOn(): void {
    for (const connection of this.#table.all()) this.#goOn(connection);
  }

  /** Serves reads without a leader from now on, or no more: then those that had no more than that are hung up on. */
  setReadOnly(isOn: boolean): void {
    if (isOn === this.#readOnly.isOn) return;
    this.#readOnly.set(isOn);
    for (const connection of this.#table.all()) {
      if (connection.isReadOnly) this.#close(connection);
      else if (isOn) this.#admit(connection);
    }
  }

  /** Whether reads are served without a leader. */
  get isReadOnly(): boolean {
    return this.#readOnly.isOn;
  }

  /**
   * Closes the connections of sessions, as this replica has had no leader for too long. A fresh one may yet send a
   * four-letter word, and a handshake has its own time to wait, as one that is parked has.
   */
  closeAll(): void {
    for (const connection of this.#table.all()) {
      if (!connection.isReadOnly && !PATIENT.has(connection.state)) this.#close(connection);
    }
  }

  /** Handshakes that waited too long are turned away, and clients that stopped reading. */
  tick(): void {
    for (const [connection, count] of this.#writes.refuseLate(this.#nowMs)) {
      this.counters.requestsThrottled += count;
      this.#goOn(connection);
      this.#settle(connection);
    }
    this.#bounded.tick();
    this.parking.tick(this.#nowMs);
    for (const session of this.#readOnly.takeExpired(this.#nowMs)) this.sessionEnded(session);
    for (const connection of this.#table.all()) {
      if (connection.isStalled(this.#memory.allowance, this.#nowMs)) {
        this.#cutOff(connection, UNREAD);
        continue;
      }
      if (connection.state !== "open") this.#admit(connection);
      if (!this.#table.has(connection) || !this.#handshakes.isLate(connection, this.#nowMs)) continue;
      this.#close(connection);
      this.counters.handshakesExpired++;
      this.#refusals.count(connection, this.#nowMs, "its handshake takes too long");
    }
    this.#relieve();
  }

  /** The sessions whose clients are connected here. */
  owned(): readonly OwnedSession[] {
    return this.#table.owned();
  }

  /** What this turn wants done for clients, in order. */
  takeActions(): readonly Action[] {
    this.parking.speak();
    return this.#output.take();
  }

  #answeredWord(connection: Connection): boolean {
    const verdict = this.operator.answerWord(connection);
    if (verdict === "answered") this.#close(connection);
    return verdict !== "no word";
  }

  /** Takes whole frames as long as the state of the connection lets requests in; the rest when there is room again. */
  #drain(connection: Connection): void {
    if (connection.isDraining) return;
    connection.isDraining = true;
    try {
      while (connection.takesFrames(this.#memory.allowanceFor(connection))) {
        const body = connection.decoder.next();
        if (body === undefined) break;
        if (connection.state === "fresh") {
          this.metrics.received(body.length);
          this.#handshakes.greet(connection, body, this.#nowMs);
          this.#admit(connection);
        } else this.#take(connection, body);
        if (!this.#table.has(connection)) return;
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.counters.framesRejected++; // It cannot be read: its client is hung up on.
      this.#close(connection);
      return;
    } finally {
      connection.isDraining = false;
    }
    const reading = connection.takesFrames(this.#memory.allowanceFor(connection));
    if (!reading) this.#memory.await(connection);
    if (reading === connection.reading) return;
    connection.reading = reading;
    this.#output.flow(connection, reading);
  }

  /** Counts what a connection holds: too much for all, and some are cut off; less than it was, and others go on. */
  #settle(connection: Connection): void {
    if (this.#table.has(connection)) this.#memory.settle(connection);
    for (const offender of this.#memory.offenders(this.#table.all())) {
      this.#cutOff(offender, `it holds most of ${this.#memory.totalBytes} bytes held for clients`);
    }
    this.#relieve();
  }

  /** Those that waited for room go on, where there is some. */
  #relieve(): void {
    for (const relieved of this.#memory.takeRelieved()) {
      if (!this.#table.has(relieved)) continue;
      this.#goOn(relieved);
      this.#memory.settle(relieved);
    }
  }

  /** There is room again: answers what waits, and takes what comes behind it. */
  #goOn(connection: Connection): void {
    if (this.#mayAnswer(connection)) this.#answerReads(connection);
    else this.#drain(connection);
  }

  #mayAnswer(connection: Connection): boolean {
    return connection.isReadOnly || this.#context.mayPromise();
  }

  /** Its client is alive. */
  #touch({ session, isReadOnly }: Connection): void {
    if (session === undefined) return;
    if (isReadOnly) this.#readOnly.heard(session, this.#nowMs);
    else this.parking.heard(session);
  }

  #admit(connection: Connection): void {
    if (this.#readOnly.isOn) return this.#admitReadOnly(connection);
    const request = this.#handshakes.admit(connection);
    if (request !== undefined) this.#writes.enqueue(connection, { xid: 0, request, bytes: 0 }, this.#nowMs);
  }

  #admitReadOnly(connection: Connection): void {
    const admission = this.#readOnly.admit(connection, this.#nowMs);
    if (admission === "opened") this.#open(connection);
    else if (admission !== "waits") {
      if (admission === "refused") this.#handshakes.refuse(connection);
      this.#close(connection);
    }
  }

  #open(connection: Connection): void {
    const { session } = connection;
    assert(session !== undefined, "a session is known when its connection opens");
    const older = this.#table.ofSession(session);
    if (older !== undefined && older !== connection) this.#close(older);
    this.#handshakes.open(connection);
    this.#touch(connection);
    this.#drain(connection);
  }

  #take(connection: Connection, body: Uint8Array): void {
    this.metrics.received(body.length, connection);
    this.#touch(connection);
    if (this.#memory.refusesLarge(connection, body.length)) {
      this.counters.largeRequestsRejected++;
      return this.#close(connection);
    }
    const decoded = decodeRequest(body, this.#memory.slab);
    if (decoded.kind === "headerless") throw decoded.problem;
    if (isLogin(decoded)) {
      // What breaks in a login ends the connection, unanswered.
      if (decoded.kind === "undecodable") throw decoded.problem;
    } else if (!this.#logins.mayAsk(connection, decoded.xid)) return this.#close(connection);
    this.parking.asked(connection, decoded.kind === "request" ? decoded.request.op : undefined);
    const at = { xid: decoded.xid, bytes: body.length, arrivedMs: this.#nowMs };
    const other = connection.isReadOnly ? this.#readOnly.otherThanRead(connection, decoded, at) : undefined;
    if (other !== undefined) return this.#enqueueLocal(connection, other);
    const unknown = isUnknown(decoded);
    if (decoded.kind !== "request" || unknown) {
      if (unknown) this.counters.requestsUnknown++;
      else this.counters.requestsUndecodable++;
      const reason = unknown ? "unimplemented" : "marshallingError";
      return this.#enqueueLocal(connection, { kind: "refused", reason, ...at });
    }
    const { xid, request } = decoded;
    if (request.op === "auth" || request.op === "sasl") {
      if (this.#logins.take(connection, xid, request) === "ends") this.#close(connection);
    } else if (isWriteRequest(request)) {
      this.#writes.enqueue(connection, { xid, request, bytes: body.length }, this.#nowMs);
    } else {
      // What is answered at once needs no guess.
      const replyBytes = connection.pendingCount === 0 ? 0 : this.#reads.replyBytes(request);
      this.#enqueueLocal(connection, { kind: "local", request, replyBytes, ...at });
    }
  }

  #enqueueLocal(connection: Connection, pending: Exclude<Pending, PendingWrite>): void {
    connection.enqueue(pending);
    if (connection.pendingCount === 1 && this.#mayAnswer(connection)) this.#answerReads(connection);
  }

  /**
   * Answers what stands before the next unanswered write, as long as its client reads: while serving, and, serving or
   * not, right behind a write. The state that is due to a read is gone once the next write is delivered: before one
   * that may be on its way nothing can wait.
   */
  #answerReads(connection: Connection): void {
    while (connection.state === "open" && this.#table.has(connection)) {
      const first = connection.first();
      if (first === undefined || first.kind === "write") break;
      if (!connection.hasUndecidedWrites && connection.isClogged(this.#memory.allowance)) {
        this.#memory.await(connection);
        break;
      }
      connection.shift();
      const isLast = this.#answers.answer(connection, first, this.#nowMs);
      if (connection.isGreedy) this.#cutOff(connection, UNREAD);
      else if (isLast) this.#close(connection);
      else this.#memory.settle(connection);
    }
    if (connection.state !== "open" || !this.#table.has(connection)) return;
    if (connection.holdsWrites) this.#writes.forwardAll(connection);
    this.#drain(connection);
  }

  /** It makes us hold too much: what it has not read is dropped. */
  #cutOff(connection: Connection, reason: string): void {
    this.counters.connectionsCutOff++;
    const { remoteAddress } = connection.opening;
    const bytes = connection.requestBytes + connection.outputBytes;
    this.#context.log("client", `${remoteAddress} is cut off, ${bytes} bytes held: ${reason}`);
    this.#output.drop(connection);
    this.#forget(connection);
  }

  #finishWrite(
    connection: Connection,
    pending: PendingWrite,
    done: { readonly zxid: Zxid; readonly outcome: Outcome },
  ): void {
    if (pending.request.op === "createSession") {
      this.#output.sessionMade(connection, pending, { zxid: done.zxid, nowMs: this.#nowMs });
      if (done.outcome.kind === "error") this.#close(connection);
      else this.#open(connection);
      return;
    }
    this.operator.audit(connection, pending.request, done.outcome);
    if (this.#answers.finish(connection, pending, { ...done, nowMs: this.#nowMs })) this.#close(connection);
  }

  #close(connection: Connection): void {
    this.#output.close(connection);
    this.#forget(connection);
  }

  #forget(connection: Connection, pongedMs?: number): void {
    this.#table.remove(connection);
    this.parking.forget(connection, pongedMs);
    this.#memory.forget(connection);
    this.#output.forget(connection);
    this.#watches.removeWatcher(connection.opening.id);
  }
}
