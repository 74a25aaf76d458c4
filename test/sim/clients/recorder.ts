/**
 * Keeps what all clients of a run did and were told, in the shapes that checks read. Records are made when something
 * begins and are completed in place, so that nothing is ever looked for.
 */
import type { SessionId } from "../../../src/base/ids.ts";
import type { Response } from "../../../src/base/request.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { Position } from "../../../src/keeper/event-stream.ts";
import type { WatcherEvent } from "../../../src/jute/records.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type {
  Attachment,
  CallRecord,
  ClientHistory,
  EventRecord,
  LockHold,
  Operation,
  Outcome,
  ReadingRecord,
  SessionRecord,
  ToldChange,
} from "../history/types.ts";
import { Violation } from "../verdict.ts";
import type { ClientPort } from "../../../src/world/client-port.ts";

/** Two moments that the world does not tell apart lie so far apart here, in ms. */
const MOMENT_STEP_MS = 1e-9;

/** Whose record it is. */
export interface Asker {
  readonly client: string;
  readonly session: SessionId;
  readonly connection: number;
}

/** An operation on its way. */
export class OpenOperation implements Operation {
  readonly id: number;
  readonly client: string;
  readonly session: SessionId;
  readonly connection: number;
  readonly request: ClientRequest;
  readonly startMs: number;
  endMs: number = Number.POSITIVE_INFINITY;
  outcome: Outcome = { kind: "unknown", reason: "not answered yet" };

  constructor(
    parts: Asker & { readonly id: number; readonly request: ClientRequest; readonly startMs: number },
  ) {
    this.id = parts.id;
    this.client = parts.client;
    this.session = parts.session;
    this.connection = parts.connection;
    this.request = parts.request;
    this.startMs = parts.startMs;
  }
}

/** A stretch on one connection that may go on. */
interface OpenAttachment extends Attachment {
  toMs: number;
}

/** Replicas' clocks run at most so much faster than the world's: a timeout may be over so much earlier. */
const CLOCK_RATE_MAX = 1.1;

/**
 * A word that ends a whole timeout of silence may come too late: it reaches the leader by the next poll, which may have
 * proposed the session's end by then. Who is still heard so long after it was in time.
 */
const LATE_WORD_MS = 3000;

/** A session that may live. */
export class OpenSession implements SessionRecord {
  readonly client: string;
  readonly session: SessionId;
  readonly timeoutMs: number;
  readonly attachments: OpenAttachment[] = [];
  readonly frozen: { readonly fromMs: number; toMs: number }[] = [];
  lastHeardMs: number;
  expiredMs: number | undefined;
  closedMs: number | undefined;
  /** Of its closing, once its client knows of it. */
  closedAt: Zxid | undefined;
  /** The latest word, be it too late. */
  #lastWordMs: number;
  /** The latest word that ended a whole timeout of silence, as long as it may have been too late. */
  #lateFromMs: number | undefined;

  constructor(parts: Pick<SessionRecord, "client" | "session" | "timeoutMs" | "lastHeardMs">) {
    this.client = parts.client;
    this.session = parts.session;
    this.timeoutMs = parts.timeoutMs;
    this.lastHeardMs = parts.lastHeardMs;
    this.#lastWordMs = parts.lastHeardMs;
  }

  /** The session lives on a connection. */
  attach(connection: number, fromMs: number): void {
    this.attachments.push({ connection, fromMs, toMs: Number.POSITIVE_INFINITY });
  }

  /** It no longer does. */
  detach(connection: number, toMs: number): void {
    const last = this.attachments.findLast((attachment) => attachment.connection === connection);
    if (last !== undefined && last.toMs > toMs) last.toMs = toMs;
  }

  /** Its client stands still. */
  freeze(fromMs: number): void {
    this.frozen.push({ fromMs, toMs: Number.POSITIVE_INFINITY });
  }

  /** Its client goes on. */
  thaw(toMs: number): void {
    const last = this.frozen.at(-1);
    if (last !== undefined) last.toMs = Math.min(last.toMs, toMs);
  }

  /** A replica must have heard the session at that moment or later: it has answered what was sent then. */
  heard(sentMs: number): void {
    if (sentMs <= this.#lastWordMs) return;
    if (sentMs - this.#lastWordMs >= this.timeoutMs / CLOCK_RATE_MAX) this.#lateFromMs = sentMs;
    this.#lastWordMs = sentMs;
    if (this.#lateFromMs !== undefined && sentMs - this.#lateFromMs < LATE_WORD_MS) return;
    this.#lateFromMs = undefined;
    this.lastHeardMs = sentMs;
  }
}

/** A hold that may last. */
export class OpenHold implements LockHold {
  readonly lock: string;
  readonly client: string;
  readonly session: SessionId;
  readonly token: Zxid;
  readonly permits?: number;
  readonly fromMs: number;
  toMs: number = Number.POSITIVE_INFINITY;

  constructor(parts: Omit<LockHold, "toMs">) {
    this.lock = parts.lock;
    this.client = parts.client;
    this.session = parts.session;
    this.token = parts.token;
    if (parts.permits !== undefined) this.permits = parts.permits;
    this.fromMs = parts.fromMs;
  }
}

/** A call on its way. */
export type OpenCallRecord = { -readonly [Field in keyof CallRecord]: CallRecord[Field] };

/** What a reader of events was told so far. */
export interface OpenReading extends ReadingRecord {
  upTo: Position;
  readonly told: ToldChange[];
}

/** See the file's comment. */
export class Recorder {
  readonly #port: ClientPort;
  readonly #operations: OpenOperation[] = [];
  readonly #events: EventRecord[] = [];
  readonly #sessions: OpenSession[] = [];
  readonly #holds: OpenHold[] = [];
  readonly #calls: OpenCallRecord[] = [];
  readonly #readings: OpenReading[] = [];
  readonly #sessionIds = new Set<SessionId>();
  #connections = 0;
  #lastMoment = 0;

  constructor(port: ClientPort) {
    this.#port = port;
  }

  /** Operations so far. */
  get operationCount(): number {
    return this.#operations.length;
  }

  /** The present moment, later than every one before. */
  moment(): number {
    this.#lastMoment = Math.max(this.#port.moment, this.#lastMoment + MOMENT_STEP_MS);
    return this.#lastMoment;
  }

  /** A number for a new connection. */
  nextConnection(): number {
    return ++this.#connections;
  }

  /** A request is about to be sent. */
  begin(asker: Asker, request: ClientRequest): OpenOperation {
    const { client, session, connection } = asker;
    const id = this.#operations.length + 1;
    const operation = new OpenOperation({ client, session, connection, id, request, startMs: this.moment() });
    this.#operations.push(operation);
    return operation;
  }

  /** The request is answered. */
  answer(
    operation: OpenOperation,
    told: { readonly zxid: Zxid; readonly error: number; readonly response: Response | undefined },
  ): void {
    operation.endMs = this.moment();
    operation.outcome = { kind: "answered", ...told };
  }

  /** The request will never be answered. */
  giveUp(operation: OpenOperation, reason: string): void {
    operation.outcome = { kind: "unknown", reason };
  }

  /** A client reads a watch event. */
  event(asker: Asker, zxid: Zxid, event: WatcherEvent): void {
    const { client, session, connection } = asker;
    this.#events.push({ client, session, connection, atMs: this.moment(), zxid, event });
  }

  /** A caller is about to ask. */
  beginCall(parts: Pick<CallRecord, "client" | "intent" | "asked" | "token">): OpenCallRecord {
    const { POSITIVE_INFINITY: endMs } = Number;
    const call = { ...parts, startMs: this.moment(), endMs, answer: undefined, isGivenUp: false };
    this.#calls.push(call);
    return call;
  }

  /** A reader is told from where on it is told of events. */
  beginReading(parts: Pick<ReadingRecord, "client" | "watched" | "from">): OpenReading {
    const reading: OpenReading = { ...parts, upTo: parts.from, told: [] };
    this.#readings.push(reading);
    return reading;
  }

  /** A client is given a session. Throws a Violation where it has been given away before. */
  beginSession(parts: Pick<SessionRecord, "client" | "session" | "timeoutMs" | "lastHeardMs">): OpenSession {
    if (this.#sessionIds.has(parts.session)) {
      throw new Violation(
        "sessions are unique",
        `0x${parts.session.toString(16)} is given to ${parts.client} too`,
      );
    }
    this.#sessionIds.add(parts.session);
    const session = new OpenSession(parts);
    this.#sessions.push(session);
    return session;
  }

  /** A client knows that it holds a lock. */
  beginHold(parts: Omit<LockHold, "fromMs" | "toMs">): OpenHold {
    const hold = new OpenHold({ ...parts, fromMs: this.moment() });
    this.#holds.push(hold);
    return hold;
  }

  /** All of it, in the order in which it began; it goes on to change while clients work. */
  history(): ClientHistory {
    return {
      operations: this.#operations,
      events: this.#events,
      sessions: this.#sessions,
      holds: this.#holds,
      ...(this.#calls.length === 0 ? {} : { calls: this.#calls }),
      ...(this.#readings.length === 0 ? {} : { readings: this.#readings }),
      committed: undefined,
    };
  }
}
