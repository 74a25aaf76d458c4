/**
 * A client's session, driven by a made-up world: it connects, keeps its session over lost connections, pings, and asks
 * what its owner wants, many requests at once. All it asks and is told is recorded. It behaves as ZooKeeper's own
 * clients do, but for `takeOver`, which leaves an old connection standing to see what still comes of it. What a client
 * may not rely on it does not record.
 * Source: ZooKeeper ClientCnxn (pings after a third of the timeout, another replica after two thirds of silence).
 */
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { NO_SESSION, type SessionId, sessionText, type Sid } from "../../../src/base/ids.ts";
import type { NodeData } from "../../../src/base/request.ts";
import type { Rng } from "../../../src/base/rng.ts";
import { compareZxid, maxZxid, type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { ConnectResponse } from "../../../src/jute/handshake.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type { ServerMessage } from "../../../src/jute/responses.ts";
import type { ReplicaWord } from "../../../src/client/transport.ts";
import { same } from "../history/same.ts";
import { Violation } from "../verdict.ts";
import type { ClientPort } from "../../../src/world/client-port.ts";
import type { ClientClock } from "./client-clock.ts";
import { isLogged, misfitOf } from "./fitting-answer.ts";
import type { Asker, OpenOperation, OpenSession, Recorder } from "./recorder.ts";
import { type Asked, type ConnectionOwner, SessionConnection, type Watched } from "./session-connection.ts";
import type { SessionOwner } from "./session-owner.ts";
import { SleptOver } from "./slept-over.ts";
import { WatchSet } from "./watch-set.ts";
import { WriteOrder } from "./write-order.ts";

/** From the loss of a connection to the next attempt, at most. */
const RETRY_MS_MAX = 150;
/** An old connection is hung up on so long after its session has moved, if its replica has not. */
const LATE_MS = 1500;
/** Why what was sent by it stays unanswered. */
const LEFT = "its session has left the connection";

/** What a session is made of. */
export interface SessionParts {
  /** For people and records. */
  readonly name: string;
  readonly port: ClientPort;
  readonly clock: ClientClock;
  readonly rng: Rng;
  readonly recorder: Recorder;
  readonly timeoutMs: number;
  readonly owner: SessionOwner;
}

/** What came under a number. */
type Reply = ServerMessage & { readonly kind: "reply" };

/** What the client knows of the session that it has. */
interface Known {
  readonly record: OpenSession;
  readonly password: NodeData;
  readonly writes: WriteOrder;
}

const NOTHING_WATCHED: Watched = { set: new WatchSet(), asOf: ZXID_ZERO };

/** See the file's comment. */
export class SessionClient implements ConnectionOwner {
  readonly name: string;
  readonly #parts: SessionParts;
  #known: Known | undefined;
  /** Speaks for the session. */
  #current: SessionConnection | undefined;
  /** Waits for the answer to its handshake. */
  #next: SessionConnection | undefined;
  /** Left for a younger one, and not hung up on: what it is told is checked, and nothing is learned from it. */
  readonly #late = new Set<SessionConnection>();
  /** As of the loss of the last connection. */
  #watched = NOTHING_WATCHED;
  readonly #sleptOver: SleptOver;
  #seen: Zxid = ZXID_ZERO;
  #heardOwnMs = 0;
  #isFrozen = false;
  #isClosing = false;
  #isResting = true;
  #isStopped = false;
  #isGone = false;
  #isRetrying = false;
  #lastSid: Sid | undefined;

  constructor(parts: SessionParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#sleptOver = new SleptOver(parts.recorder);
  }

  /** Whether requests can be sent. */
  get isConnected(): boolean {
    return this.#current?.state === "open" && !this.#isClosing && !this.#isFrozen;
  }

  /** Whether it stands still. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Nought where there is none. */
  get session(): SessionId {
    return this.#known?.record.session ?? NO_SESSION;
  }

  /** As granted; what is asked for where there is no session. */
  get timeoutMs(): number {
    return this.#known?.record.timeoutMs ?? this.#parts.timeoutMs;
  }

  /** By the client's own clock, when it sent the last request that the session's own connection was answered. */
  get heardOwnMs(): number {
    return this.#heardOwnMs;
  }

  /** Operations that wait for their answers on the session's own connection. */
  get unanswered(): number {
    return (this.#current?.unanswered ?? 0) + this.#sleptOver.count;
  }

  /** What is watched. */
  get watches(): WatchSet {
    return this.#current?.watched.set ?? this.#watched.set;
  }

  /** Whether an older connection stands, though the session has moved. */
  get hasLate(): boolean {
    return this.#late.size > 0 && !this.#isFrozen;
  }

  /** Whether nothing is unanswered and it does not stand still. */
  get isQuiet(): boolean {
    return this.unanswered === 0 && !this.#isFrozen;
  }

  /** Connects for the first time. */
  start(): void {
    this.#isResting = false;
    this.#connect();
  }

  /** Makes no other session when this one is over, and lets go of old connections. */
  stop(): void {
    this.#isStopped = true;
    this.#dropLate();
  }

  /** Is gone for good without a word: its session is left to expire. */
  abandon(): void {
    this.#isGone = true;
    this.#leave(true, "its client is gone");
    this.#dropLate();
  }

  /** Sends a request; false, and nothing is sent, where there is no connection. `done` is called when it has ended. */
  ask(request: ClientRequest, done?: (operation: OpenOperation) => void): boolean {
    if (!this.isConnected) return false;
    this.#send(must(this.#current, "a connection"), request, done);
    return true;
  }

  /** Logs the connection in, by the scheme digest. It is recorded no more than a ping. */
  login(login: string): void {
    const auth = new TextEncoder().encode(login);
    if (this.#current !== undefined)
      this.#send(this.#current, { op: "auth", type: 0, scheme: "digest", auth }, undefined);
  }

  /** Sends what is asked within in one piece. */
  together(ask: () => void): void {
    if (this.#current === undefined) ask();
    else this.#current.together(ask);
  }

  /**
   * Sends a request by a connection that the session has left; false where there is none. Its outcome is never known:
   * no client reads what comes by such a connection.
   */
  askLate(request: ClientRequest): boolean {
    const { recorder, clock } = this.#parts;
    if (!this.hasLate) return false;
    for (const connection of this.#late) {
      const operation = recorder.begin(this.#asker(connection), request);
      recorder.giveUp(operation, LEFT);
      connection.send({ request, sentMoment: operation.startMs, sentOwnMs: clock.nowMs });
      return true;
    }
    return false;
  }

  /** Leaves its connection for another replica; the one it leaves is told unless `isUnnoticed`. */
  move(isUnnoticed: boolean): void {
    this.#leave(isUnnoticed, "its client has moved");
    this.#connect();
  }

  /** The same, but the connection that it leaves stands for a while, and what was sent by it may still be done. */
  takeOver(): void {
    const connection = this.#current;
    if (!this.isConnected || connection === undefined) return;
    connection.isLate = true;
    this.#late.add(connection);
    this.#parts.clock.later(LATE_MS, () => {
      if (this.#late.has(connection)) this.#drop(connection, false, LEFT);
    });
    this.#detach(connection);
    this.#open();
    this.#giveUp(connection, LEFT);
  }

  /** Is not connected for so long, by its own clock. */
  rest(durationMs: number, isUnnoticed: boolean): void {
    this.#leave(isUnnoticed, "its client rests");
    this.#isResting = true;
    this.#parts.clock.later(durationMs, () => {
      this.#isResting = false;
      this.#connect();
    });
  }

  /** Stands still for so long, by its own clock: it sends nothing, not even pings, and reads nothing. */
  freeze(durationMs: number): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    this.#known?.record.freeze(this.#parts.recorder.moment());
    this.#parts.clock.later(durationMs, () => {
      this.#isFrozen = false;
      this.#known?.record.thaw(this.#parts.recorder.moment());
      this.#parts.owner.thawed?.();
      for (const connection of [this.#current, this.#next, ...this.#late]) connection?.thaw();
      this.#connect();
    });
  }

  /** Ends the session. Another is made when it is over, unless told to stop. */
  close(): void {
    if (!this.isConnected) return;
    const { record } = must(this.#known, "a session that is connected");
    this.ask({ op: "closeSession" }, ({ outcome, endMs }) => {
      if (outcome.kind !== "answered" || outcome.error !== ERROR_CODES.ok) return;
      record.closedMs = endMs;
      record.closedAt = outcome.zxid;
    });
    this.#isClosing = true;
  }

  welcomed(connection: SessionConnection, welcome: ConnectResponse): void {
    this.#next = undefined;
    if (welcome.timeoutMs <= 0) return this.#refused(connection);
    const { record } = this.#claim(connection, welcome);
    const moment = this.#parts.recorder.moment();
    this.#current = connection;
    connection.lastToldOwnMs = this.#parts.clock.nowMs;
    record.heard(connection.helloMoment);
    this.#heardOwnMs = connection.helloOwnMs;
    const isNew = record.attachments.length === 0;
    record.attach(connection.id, moment);
    const restoration = connection.takeOver(this.#watched);
    if (restoration !== undefined) this.#send(connection, restoration, undefined);
    this.#sleptOver.again((request, done) => this.#send(connection, request, done));
    this.#watch(connection);
    this.#parts.owner.connected?.(isNew);
  }

  told(connection: SessionConnection, message: ServerMessage, asked: Asked | undefined): void {
    connection.lastToldOwnMs = this.#parts.clock.nowMs;
    if (message.kind === "reply") this.#judge(connection, message, must(asked, "what is answered"));
    // A client has no eyes for what still comes by a connection that it has left.
    if (connection.isLate) return;
    this.#seen = maxZxid(this.#seen, connection.lastZxid);
    if (message.kind === "reply") return this.#answered(message, must(asked, "what is answered"));
    this.#parts.recorder.event(this.#asker(connection), message.zxid, message.event);
    this.#parts.owner.event?.(message.event);
  }

  worded(connection: SessionConnection, word: ReplicaWord): void {
    connection.hears(word, this.#parts.clock.nowMs);
    if (word === "pong" && this.#current === connection) this.#parts.owner.ponged?.();
    if (word !== "awake" || this.#current !== connection) return;
    this.#sleptOver.take(connection.release());
    this.#isOver(connection, "its replica slept over it");
    if (this.#isStopped && this.#known === undefined) connection.end(false);
    else this.#open(connection);
  }

  lost(connection: SessionConnection, reason: string): void {
    this.#isOver(connection, reason);
    this.#connectLater();
  }

  /** Throws a Violation where no replica may answer so. */
  #judge(connection: SessionConnection, { header, response }: Reply, { request }: Asked): void {
    const { record, writes } = must(this.#known, "a session that is answered");
    const { session } = record;
    const { zxid, error } = header;
    const what = `${connection.describe()}, ${request.op}`;
    // A replica that is behind goes on to tell an older connection what was done before.
    const isBefore = connection.isLate && compareZxid(zxid, record.closedAt ?? zxid) < 0;
    if (record.closedMs !== undefined && !isBefore) {
      throw new Violation("a closed session is told nothing", what);
    }
    const misfit = misfitOf({ session, request, zxid, error, response });
    if (misfit !== undefined) throw new Violation("answers fit their requests", `${what}: ${misfit}`);
    if (isLogged(request)) writes.wrote(connection.id, zxid, what);
  }

  #answered({ header, response }: Reply, asked: Asked): void {
    const { record } = must(this.#known, "a session that is answered");
    const { zxid, error } = header;
    const { operation, done } = asked;
    record.heard(asked.sentMoment);
    this.#heardOwnMs = Math.max(this.#heardOwnMs, asked.sentOwnMs);
    if (operation === undefined) return;
    this.#parts.recorder.answer(operation, { zxid, error, response: error === 0 ? response : undefined });
    if (error === ERROR_CODES.sessionExpired && !this.#isClosing) record.expiredMs ??= operation.endMs;
    done?.(operation);
  }

  /** The connection is no more. */
  #isOver(connection: SessionConnection, reason: string): void {
    this.#late.delete(connection);
    if (this.#next === connection) this.#next = undefined;
    if (this.#current === connection) {
      this.#detach(connection);
      if (this.#isClosing) this.#end();
    }
    this.#giveUp(connection, reason);
  }

  /** The connection no longer speaks for the session. */
  #detach(connection: SessionConnection): void {
    this.#current = undefined;
    this.#watched = connection.watched;
    this.#known?.record.detach(connection.id, this.#parts.recorder.moment());
  }

  /** What is unanswered on the connection stays so. */
  #giveUp(connection: SessionConnection, reason: string): void {
    const unanswered = connection.release();
    for (const { operation } of unanswered)
      if (operation !== undefined) this.#parts.recorder.giveUp(operation, reason);
    for (const { operation, done } of unanswered) if (operation !== undefined) done?.(operation);
  }

  #drop(connection: SessionConnection, isUnnoticed: boolean, reason: string): void {
    connection.end(isUnnoticed);
    this.#isOver(connection, reason);
  }

  #dropLate(): void {
    for (const connection of this.#late) this.#drop(connection, false, LEFT);
  }

  #dropNext(): void {
    if (this.#next !== undefined) this.#drop(this.#next, false, "no longer wanted");
  }

  #leave(isUnnoticed: boolean, reason: string): void {
    this.#dropNext();
    if (this.#current !== undefined) this.#drop(this.#current, isUnnoticed, reason);
  }

  #connect(): void {
    const isBusy = this.#current !== undefined || this.#next !== undefined;
    if (isBusy || this.#isResting || this.#isFrozen || this.#isGone) return;
    if (this.#isStopped && this.#known === undefined) return;
    this.#open();
  }

  #connectLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#parts.clock.later(this.#parts.rng.below(RETRY_MS_MAX), () => {
      this.#isRetrying = false;
      this.#connect();
    });
  }

  /** On the socket of the connection before, where that is given. */
  #open(before?: SessionConnection): void {
    const { port, rng, recorder, clock } = this.#parts;
    const others = (port.members ?? port.sids).filter((sid) => sid !== this.#lastSid);
    const sids = others.length > 0 && rng.below(8) > 0 ? others : port.sids;
    const sid = before?.sid ?? must(sids[rng.below(sids.length)], "a replica");
    this.#lastSid = sid;
    const connection = new SessionConnection({
      owner: this,
      port,
      rng,
      id: recorder.nextConnection(),
      sid,
      before,
      hello: {
        protocolVersion: 0,
        lastZxidSeen: this.#seen,
        timeoutMs: this.#parts.timeoutMs,
        sessionId: this.session,
        password: this.#known?.password ?? new Uint8Array(16),
        readOnly: false,
      },
      helloMoment: recorder.moment(),
      helloOwnMs: clock.nowMs,
    });
    this.#next = connection;
    clock.later(this.timeoutMs / 3, () => this.#giveUpGreeting(connection));
  }

  #giveUpGreeting(connection: SessionConnection): void {
    if (this.#next !== connection) return;
    // What stands still does not count the time.
    if (this.#isFrozen) return this.#parts.clock.later(RETRY_MS_MAX, () => this.#giveUpGreeting(connection));
    this.#drop(connection, false, "its handshake took too long");
    this.#connectLater();
  }

  /** The session is told to be over. */
  #refused(connection: SessionConnection): void {
    const known = this.#known;
    if (known === undefined) {
      throw new Violation(
        "a session keeps its identity",
        `${connection.describe()} is refused a new session`,
      );
    }
    known.record.expiredMs ??= this.#parts.recorder.moment();
    this.#drop(connection, false, "its session has expired");
    this.#leave(false, "its session has expired");
    this.#end();
    this.#connectLater();
  }

  #claim(connection: SessionConnection, welcome: ConnectResponse): Known {
    const { sessionId: session, timeoutMs, password } = welcome;
    const known = this.#known;
    if (known === undefined) {
      const { name: client } = this;
      const lastHeardMs = connection.helloMoment;
      const record = this.#parts.recorder.beginSession({ client, session, timeoutMs, lastHeardMs });
      this.#known = { record, password, writes: new WriteOrder() };
      return this.#known;
    }
    const { record } = known;
    const isSame = record.session === session && record.timeoutMs === timeoutMs;
    if (!isSame || !same(known.password, password)) {
      const told = `${sessionText(session)} of ${timeoutMs} ms, was ${sessionText(record.session)}`;
      throw new Violation("a session keeps its identity", `${connection.describe()} gets ${told}`);
    }
    return known;
  }

  #end(): void {
    this.#known = undefined;
    this.#watched = NOTHING_WATCHED;
    this.#seen = ZXID_ZERO;
    this.#isClosing = false;
    this.#dropLate();
    this.#sleptOver.giveUp();
    this.#parts.owner.ended?.();
  }

  /** Pings after a third of the timeout, and gives the connection up after two thirds of silence. */
  #watch(connection: SessionConnection): void {
    const { clock } = this.#parts;
    const thirdMs = this.timeoutMs / 3;
    const untilPingMs = connection.lastSentOwnMs + thirdMs - clock.nowMs;
    const untilSilentMs = connection.lastToldOwnMs + 2 * thirdMs - clock.nowMs;
    clock.later(Math.max(1, Math.min(untilPingMs, untilSilentMs)), () => {
      if (this.#current !== connection) return;
      if (!this.#isFrozen) this.#tend(connection, thirdMs);
      if (this.#current === connection) this.#watch(connection);
    });
  }

  #tend(connection: SessionConnection, thirdMs: number): void {
    const { nowMs } = this.#parts.clock;
    if (connection.isSilent(nowMs, 2 * thirdMs)) {
      this.#leave(false, "the replica is silent");
      this.#connectLater();
    } else if (nowMs - connection.lastSentOwnMs >= thirdMs && !connection.pingsAside(nowMs)) {
      this.#send(connection, { op: "ping" }, undefined);
    }
  }

  #asker({ id }: SessionConnection): Asker {
    return { client: this.name, session: this.session, connection: id };
  }

  #send(
    connection: SessionConnection,
    request: ClientRequest,
    done: ((operation: OpenOperation) => void) | undefined,
  ): void {
    const { recorder, clock } = this.#parts;
    const isUnrecorded = request.op === "ping" || request.op === "auth";
    const operation = isUnrecorded ? undefined : recorder.begin(this.#asker(connection), request);
    const sentMoment = operation?.startMs ?? recorder.moment();
    connection.send({ request, operation, sentMoment, sentOwnMs: clock.nowMs, done });
  }
}
