/**
 * A session over raw TCP of which everything is noted: what it asked, what it was told, which connections it had. The
 * records are those that the simulator's clients leave, and are judged by the same checks. Times in ms of
 * performance.now().
 */
import { NO_SESSION, type SessionId } from "../../src/base/ids.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import type { WatcherEvent } from "../../src/jute/records.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { type SessionState, WireClient, type WireClientSetup } from "../client/wire-client.ts";
import type { RequestOutcome } from "../client/wire-connection.ts";
import type {
  Attachment,
  ClientHistory,
  EventRecord,
  LockHold,
  Operation,
  Outcome,
  SessionRecord,
} from "../sim/history/types.ts";

type OpenAttachment = { -readonly [Field in keyof Attachment]: Attachment[Field] };

/** Everything that the clients of a run did and were told. */
export class Recorder {
  readonly operations: Operation[] = [];
  readonly events: EventRecord[] = [];
  readonly holds: LockHold[] = [];
  /** What clients saw servers do that none may, as they saw it. */
  readonly faults: string[] = [];
  readonly clients: RecordedClient[] = [];
  #ids = 0;

  /** A number that no other operation or connection of the run has. */
  newId(): number {
    return ++this.#ids;
  }

  /** Handshakes that succeeded beyond the first of each session. */
  get reconnects(): number {
    return this.clients.reduce((sum, { attachments }) => sum + Math.max(0, attachments.length - 1), 0);
  }

  /** As of now: sessions go on. */
  history(): ClientHistory {
    const { operations, events, holds } = this;
    const sessions = this.clients.flatMap((client) => client.sessionRecord() ?? []);
    return { operations, events, holds, sessions, committed: undefined };
  }
}

/** One session of a client; where it expires the client makes another. */
export class RecordedClient {
  readonly name: string;
  readonly wire: WireClient;
  readonly attachments: OpenAttachment[] = [];
  readonly #recorder: Recorder;
  #session: SessionId = NO_SESSION;
  readonly #listeners = new Set<(event: WatcherEvent) => void>();

  constructor(name: string, recorder: Recorder, setup: WireClientSetup) {
    this.name = name;
    this.#recorder = recorder;
    this.wire = new WireClient({
      ...setup,
      onEvent: (event, zxid) => this.#event(event, zxid),
      onFault: (what) => recorder.faults.push(`${name}: ${what}`),
      onState: (state, session) => this.#became(state, session),
    });
    recorder.clients.push(this);
  }

  /** Sends a request; what was never sent is not noted, as it cannot have happened. */
  async request(request: ClientRequest): Promise<RequestOutcome> {
    const { wire, name } = this;
    const id = this.#recorder.newId();
    const connection = this.attachments.at(-1)?.connection ?? 0;
    const session = this.#session;
    const startMs = performance.now();
    const told = await wire.request(request);
    const endMs = performance.now();
    if (told.kind === "unsent") return told;
    const outcome = outcomeOf(told);
    this.#recorder.operations.push({
      id,
      client: name,
      session,
      connection,
      request,
      startMs,
      endMs: outcome.kind === "unknown" ? Infinity : endMs,
      outcome,
    });
    return told;
  }

  /** Calls back at each watch event, until what it returns is called. */
  onEvent(listener: (event: WatcherEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Until when it may presume that its session lives: nobody expires it before, whatever happens. */
  get leaseEndMs(): number {
    return this.wire.lastContactMs + this.wire.timeoutMs;
  }

  /** Undefined where it never came to a session. */
  sessionRecord(): SessionRecord | undefined {
    if (this.#session === NO_SESSION) return undefined;
    const { timeoutMs, lastContactMs, expiry } = this.wire;
    return {
      client: this.name,
      session: this.#session,
      timeoutMs,
      attachments: this.attachments,
      lastHeardMs: expiry?.lastContactMs ?? lastContactMs,
      expiredMs: expiry?.atMs,
      closedMs: undefined,
    };
  }

  #became(state: SessionState, session: SessionId): void {
    const nowMs = performance.now();
    const last = this.attachments.at(-1);
    if (last?.toMs === Infinity) last.toMs = nowMs;
    if (state !== "connected") return;
    this.#session = session;
    this.attachments.push({ connection: this.#recorder.newId(), fromMs: nowMs, toMs: Infinity });
  }

  #event(event: WatcherEvent, zxid: Zxid): void {
    const connection = this.attachments.at(-1)?.connection ?? 0;
    this.#recorder.events.push({
      client: this.name,
      session: this.#session,
      connection,
      atMs: performance.now(),
      zxid,
      event,
    });
    for (const listener of this.#listeners) listener(event);
  }
}

function outcomeOf(told: Exclude<RequestOutcome, { readonly kind: "unsent" }>): Outcome {
  switch (told.kind) {
    case "ok":
      return { kind: "answered", zxid: told.zxid, error: 0, response: told.response };
    case "error":
      return { kind: "answered", zxid: told.zxid, error: told.code, response: undefined };
    case "unknown":
      return told;
    default:
      return told satisfies never;
  }
}
