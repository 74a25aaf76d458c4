/**
 * A service of one replica that does what it is asked at once, and notes all that its clients do and are told: a
 * history that is as it should be, for tests to spoil.
 */
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import type { CreateRequest, ReadRequest, WriteRequest } from "../../../src/base/request.ts";
import type { Txn, TxnHeader } from "../../../src/base/txn.ts";
import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { ZXID_UNKNOWN } from "../../../src/jute/records.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { LocalReads } from "../../../src/keeper/local-reads.ts";
import { replyTo } from "../../../src/keeper/replies.ts";
import { DIGEST_ZERO } from "../../../src/tree/digest.ts";
import { MapNodeStore } from "../../../src/tree/node-store.ts";
import { Preparer } from "../../../src/tree/prepare.ts";
import { UNBOUNDED } from "../../../src/tree/scope.ts";
import { SessionTable } from "../../../src/tree/session-table.ts";
import { Tree } from "../../../src/tree/tree.ts";
import { WatchTable } from "../../../src/tree/watch-table.ts";
import { isWrite } from "./reference-requests.ts";
import type {
  Attachment,
  ClientHistory,
  Committed,
  EventRecord,
  LockHold,
  Operation,
  SessionRecord,
} from "./types.ts";

/** What is wrong with a request's way. */
export type Misfortune =
  /** It is done, and the answer is lost. */
  | "answer lost"
  /** It never arrives. */
  | "never done";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A session, as its client and the service see it. */
export interface Client {
  readonly record: Mutable<Omit<SessionRecord, "attachments">> & {
    readonly attachments: Mutable<Attachment>[];
  };
  connection: number;
}

/** The service and its clients. One thing happens a millisecond. */
export class SingleCopy {
  readonly operations: Operation[] = [];
  readonly events: EventRecord[] = [];
  readonly holds: LockHold[] = [];
  readonly committed: Committed[] = [];
  nowMs: number = 0;
  readonly #clients: Client[] = [];
  readonly #tree = new Tree({
    store: new MapNodeStore(),
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied: ZXID_ZERO,
  });
  readonly #preparer = new Preparer(this.#tree);
  readonly #watches = new WatchTable();
  readonly #reads = new LocalReads(this.#tree, this.#watches);
  #serial = 0;
  #connections = 0;

  /** A new session. */
  open(timeoutMs = 1000): Client {
    const session: SessionId = BigInt(this.#clients.length + 1);
    const client: Client = {
      record: {
        client: `c${session}`,
        session,
        timeoutMs,
        attachments: [],
        lastHeardMs: this.nowMs,
        expiredMs: undefined,
        closedMs: undefined,
      },
      connection: 0,
    };
    this.#clients.push(client);
    this.nowMs++;
    this.#commit(session, { op: "createSession", timeoutMs, password: new Uint8Array(16) }, true);
    this.#attach(client);
    return client;
  }

  /** Loses the connection, and the watches with it, and finds a new one. */
  reconnect(client: Client): void {
    this.lose(client);
    this.nowMs++;
    this.#commit(client.record.session, { op: "sync", path: "" }, false);
    this.#attach(client);
  }

  /** The client is gone without a word. */
  lose(client: Client): void {
    this.#watches.removeWatcher(client.connection);
    const last = client.record.attachments.at(-1);
    if (last !== undefined) last.toMs = ++this.nowMs;
  }

  /** The leader ends a session that was silent for long enough; its client is told where it asks. */
  expire(client: Client, isTold = true): void {
    const { record } = client;
    this.nowMs = Math.max(this.nowMs, record.lastHeardMs + record.timeoutMs) + 1;
    this.#commit(record.session, { op: "closeSession" }, false);
    this.nowMs++;
    if (isTold) record.expiredMs = this.nowMs;
  }

  /** The leader looks at the znode, and removes it where it is due. */
  sweep(path: string): void {
    this.nowMs++;
    this.#commit(NO_SESSION, { op: "deleteContainer", path }, false);
  }

  /** One request, from its sending to its answer. */
  ask(client: Client, request: ClientRequest, misfortune?: Misfortune): Operation {
    const { record, connection } = client;
    const startMs = ++this.nowMs;
    this.nowMs++;
    const outcome = misfortune === "never done" ? undefined : this.#do(client, request);
    const endMs = ++this.nowMs;
    const isLost = outcome === undefined || misfortune !== undefined;
    const operation: Operation = {
      id: this.operations.length + 1,
      client: record.client,
      session: record.session,
      connection,
      request,
      startMs,
      endMs: isLost ? Infinity : endMs,
      outcome: isLost ? { kind: "unknown", reason: "the connection was lost" } : outcome,
    };
    this.operations.push(operation);
    if (isLost) return operation;
    record.lastHeardMs = startMs;
    if (request.op === "closeSession") {
      record.closedMs = endMs;
      this.lose(client);
    }
    return operation;
  }

  history(changes: Partial<ClientHistory> = {}): ClientHistory {
    const { operations, events, holds, committed } = this;
    const sessions = this.#clients.map(({ record }) => record);
    return { operations, events, holds, committed, sessions, ...changes };
  }

  #attach({ record }: Client): void {
    const client = this.#clients.find((one) => one.record === record);
    const connection = ++this.#connections;
    if (client !== undefined) client.connection = connection;
    record.lastHeardMs = this.nowMs;
    record.attachments.push({ connection, fromMs: ++this.nowMs, toMs: Infinity });
  }

  #do({ record, connection }: Client, request: ClientRequest): Operation["outcome"] {
    const { session } = record;
    if (isWrite(request)) {
      const { zxid, outcome } = this.#commit(session, request, true);
      const { code, response } = replyTo(request, outcome);
      return { kind: "answered", zxid, error: code, response };
    }
    if (request.op === "auth" || request.op === "sasl") throw new Error("not here");
    const zxid = this.#tree.lastApplied;
    const { code, response, events } = this.#answer(request, { connection, session });
    for (const { type, path } of events) this.#tell(connection, ZXID_UNKNOWN, { type, path });
    return { kind: "answered", zxid, error: code, response: code === 0 ? response : undefined };
  }

  #answer(
    request: ReadRequest | { readonly op: "ping" },
    who: { readonly connection: number; readonly session: SessionId },
  ): ReturnType<LocalReads["answer"]> {
    return this.#reads.answer(request, { ...who, identities: [], proven: [], scope: UNBOUNDED });
  }

  #commit(
    session: SessionId,
    request: WriteRequest,
    isClients: boolean,
  ): { readonly zxid: Zxid; readonly outcome: ReturnType<Tree["apply"]>["outcome"] } {
    const zxid: Zxid = { epoch: 1, counter: this.committed.length + 1 };
    const serial = isClients ? ++this.#serial : 0;
    const header: TxnHeader = {
      session,
      xid: serial,
      timeMs: 1_000_000 + this.nowMs,
      origin: { sid: 1, instance: 1, serial },
    };
    const input = { zxid, session, timeMs: header.timeMs, identities: [], request };
    const txn: Txn = this.#preparer.prepare(input);
    const { outcome, events } = this.#tree.apply(zxid, header, txn);
    this.#preparer.applied(zxid);
    this.committed.push({ zxid, header, txn, atMs: this.nowMs });
    for (const event of events) {
      for (const { watcher, type, path } of this.#watches.fire(event))
        this.#tell(watcher, zxid, { type, path });
    }
    return { zxid, outcome };
  }

  #tell(connection: number, zxid: Zxid, told: { readonly type: number; readonly path: string }): void {
    const client = this.#clients.find((one) => one.connection === connection);
    if (client === undefined) return;
    const { client: name, session } = client.record;
    this.events.push({
      client: name,
      session,
      connection,
      atMs: this.nowMs + 0.5,
      zxid,
      event: { ...told, state: 3 },
    });
  }
}

/** A create as most clients send it. */
export function create(path: string, flags = 0, data = ""): CreateRequest {
  return { op: "create2", path, data: new TextEncoder().encode(data), acl: OPEN_ACL, flags, ttlMs: 0 };
}

/** A setData of a text. */
export function setData(path: string, data: string, version = -1): ClientRequest {
  return { op: "setData", path, data: new TextEncoder().encode(data), version };
}
