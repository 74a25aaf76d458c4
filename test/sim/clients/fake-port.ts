/** A world without replicas: a test reads what a client sent, and says what comes back. */
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { Response } from "../../../src/base/request.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  decodeConnectRequest,
  encodeConnectResponse,
} from "../../../src/jute/handshake.ts";
import { type ClientRequest, decodeRequest } from "../../../src/jute/requests.ts";
import { encodeDoze, encodeReply, encodeWatchEvent } from "../../../src/jute/responses.ts";
import type { ClientWord, ReplicaWord } from "../../../src/client/transport.ts";
import { Agenda } from "../../zab/agenda.ts";
import type {
  CallPort,
  ClientEnd,
  ClientPort,
  ClientSocket,
  StreamPort,
} from "../../../src/world/client-port.ts";

/** The password of every session. */
const PASSWORD: Readonly<Uint8Array> = new Uint8Array(16).fill(7);

/** A request as it arrived. */
export interface Arrived {
  readonly xid: number;
  readonly request: ClientRequest;
}

/** The far end of a connection. */
export class FakeReplica implements ClientSocket {
  readonly sid: Sid;
  hello: ConnectRequest | undefined;
  /** Requests that were not taken yet. */
  readonly arrived: Arrived[] = [];
  ending: "close" | "vanish" | undefined;
  /** Words beside the bytes that came. */
  readonly words: ClientWord[] = [];
  #end: ClientEnd;
  #decoder = new FrameDecoder(0xfffff);

  constructor(sid: Sid, end: ClientEnd) {
    this.sid = sid;
    this.#end = end;
  }

  send(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
      if (this.hello === undefined) this.hello = decodeConnectRequest(body);
      else {
        const decoded = decodeRequest(body);
        if (decoded.kind !== "request") throw new Error(`a client sent what is ${decoded.kind}`);
        this.arrived.push(decoded);
      }
    }
  }

  say(word: ClientWord): void {
    this.words.push(word);
  }

  /** The client begins anew on it. */
  handOver(end: ClientEnd): void {
    this.#end = end;
    this.hello = undefined;
    this.#decoder = new FrameDecoder(0xfffff);
  }

  close(): void {
    this.ending = "close";
  }

  vanish(): void {
    this.ending = "vanish";
  }

  /** The oldest request that was not taken yet. */
  take(): Arrived {
    return must(this.arrived.shift(), "a request");
  }

  /** Answers the handshake. */
  welcome(response: Partial<ConnectResponse> = {}): this {
    const { hello } = this;
    const asked = hello === undefined || hello.sessionId === 0n ? 0x1000n : hello.sessionId;
    const given = {
      protocolVersion: 0,
      timeoutMs: 4000,
      sessionId: asked,
      password: PASSWORD,
      readOnly: false,
    };
    return this.#write((writer) => encodeConnectResponse(writer, { ...given, ...response }));
  }

  /** Tells that the session is over. */
  refuse(): this {
    return this.welcome({ timeoutMs: 0, sessionId: 0n, password: new Uint8Array(16) });
  }

  reply(xid: number, zxid: Zxid, answer: Response | number = { op: "empty" }): this {
    const error = typeof answer === "number" ? answer : 0;
    const response = typeof answer === "number" ? ({ op: "empty" } as const) : answer;
    return this.#write((writer) => encodeReply(writer, { xid, zxid, error }, response));
  }

  event(type: number, path: string, zxid: Zxid): this {
    return this.#write((writer) => encodeWatchEvent(writer, zxid, { type, state: 3, path }));
  }

  /** The client may doze, and hears a word within so long. */
  letDoze(zxid: Zxid, wordWithinMs: number): this {
    return this.#write((writer) => encodeDoze(writer, zxid, wordWithinMs));
  }

  word(word: ReplicaWord): this {
    this.#end.onWord?.(word);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#end.onBytes(bytes);
    return this;
  }

  hangUp(): void {
    this.#end.onClosed();
  }

  #write(write: (writer: JuteWriter) => void): this {
    const writer = new JuteWriter();
    write(writer);
    return this.raw(writer.take());
  }
}

/** See the file's comment. */
export class FakePort implements ClientPort, CallPort, StreamPort {
  readonly sids: readonly Sid[];
  /** Each connection in the order of its opening. */
  readonly replicas: FakeReplica[] = [];
  readonly #agenda = new Agenda();
  #events = 0;

  constructor(sids: readonly Sid[] = [1, 2, 3]) {
    this.sids = sids;
  }

  get nowMs(): number {
    return this.#agenda.nowMs;
  }

  get moment(): number {
    return this.nowMs + ++this.#events / 1e6;
  }

  /** The far end of the youngest connection. */
  get last(): FakeReplica {
    return must(this.replicas.at(-1), "a connection");
  }

  later(delayMs: number, act: () => void): void {
    this.#agenda.later(delayMs, act);
  }

  connect(sid: Sid, end: ClientEnd): ClientSocket {
    const replica = new FakeReplica(sid, end);
    this.replicas.push(replica);
    return replica;
  }

  read(): never {
    throw new Error("nobody reads events in tests of clients with connections");
  }

  call(): never {
    throw new Error("nobody calls in tests of clients with connections");
  }

  /** Lets time pass. */
  run(durationMs: number): void {
    this.#agenda.runUntil(() => false, this.nowMs + durationMs);
  }
}
