/** One client of a benchmark: a session that keeps so many requests outstanding, and looks at no more than it must. */
import { connect, type Socket } from "node:net";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { Address } from "../compat/servers.ts";
import { Latencies } from "../../src/program/bench/latencies.ts";

const LENGTH_BYTES = 4;
const XID_AT = 4;
const ERROR_AT = 16;
/** Of watch events. */
const EVENT_XID = -1;

/** Of a run, requests of one client have xids from 1 on; a place in its ring of times is reused long after. */
const RING = 1024;

const SESSION_TIMEOUT_MS = 40_000;

/** Where requests come from. */
export interface RequestSource {
  /** Of the longest request. */
  readonly bytesMax: number;
  /** Writes the request of this xid into the buffer, and tells its end. */
  write(into: Buffer, at: number, xid: number): number;
  /** How many more requests there are; where it is missing they never end. */
  left?(): number;
  /** How many changes the request of this xid makes. */
  changesOf(xid: number): number;
}

/** Where latencies go, once they count. */
export interface Tally {
  readonly latencies: Latencies;
  /** Replies that told an error, by its code. */
  readonly errors: Map<number, number>;
  /** Changes that were acknowledged, also while all warmed up. */
  changes: number;
  /** Whether what is answered now is counted: not while all warm up. */
  isCounting: boolean;
}

/** One in which nothing is counted yet. */
export function newTally(): Tally {
  return { latencies: new Latencies(), errors: new Map(), changes: 0, isCounting: false };
}

function hello(): Uint8Array {
  const writer = new JuteWriter();
  encodeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeoutMs: SESSION_TIMEOUT_MS,
    sessionId: 0n,
    password: new Uint8Array(16),
    readOnly: false,
  });
  return writer.take();
}

/** See the file's comment. */
export class BenchSession {
  readonly #socket: Socket;
  readonly #sentMs = new Float64Array(RING);
  /** What came of a frame that is not whole yet, and how long it must be to be. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #wantedBytes = LENGTH_BYTES;
  /** The last reply, where somebody wants to read it. */
  #reply: Buffer | undefined;
  #wantsReply = false;
  #xid = 0;
  #unanswered = 0;
  #isStopping = false;
  #isEnding = false;
  #load: { readonly requests: RequestSource; readonly tally: Tally; readonly out: Buffer } | undefined;
  readonly #idle: (() => void)[] = [];
  #failure: Error | undefined;
  readonly #onEvent: () => void;

  private constructor(socket: Socket, onEvent: () => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
  }

  /** Connects and makes a session, which is told of watch events. Throws where the server refuses. */
  static async open(address: Address, onEvent: () => void = () => {}): Promise<BenchSession> {
    const socket = connect({ ...address, noDelay: true });
    const answer = await new Promise<Buffer>((resolve, reject) => {
      socket.once("connect", () => socket.write(hello()));
      socket.once("data", resolve);
      socket.once("close", () => reject(new Error(`the server at port ${address.port} hung up`)));
      socket.once("error", reject);
    });
    socket.removeAllListeners();
    if (decodeConnectResponse(answer.subarray(LENGTH_BYTES)).timeoutMs <= 0)
      throw new Error("no session was made");
    const session = new BenchSession(socket, onEvent);
    socket.on("data", (chunk: Buffer) => session.#received(chunk));
    socket.on("close", () => session.#fail(new Error(`the server at port ${address.port} hung up`)));
    socket.on("error", (error) => session.#fail(error));
    return session;
  }

  /** Keeps `outstanding` requests unanswered until it is stopped. */
  start(requests: RequestSource, tally: Tally, outstanding: number): void {
    if (outstanding >= RING) throw new Error(`at most ${RING - 1} outstanding`);
    this.#load = { requests, tally, out: Buffer.alloc(outstanding * requests.bytesMax) };
    this.#isStopping = false;
    this.#send(outstanding);
  }

  /** Asks for no more, and waits until all is answered. Throws where the connection was lost. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.finished();
  }

  /** Waits until all that there is to ask for is answered. Throws where the connection was lost. */
  async finished(): Promise<void> {
    if (this.#unanswered > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Asks once, and gives the error code of the reply. */
  async ask(request: ClientRequest): Promise<number> {
    return (await this.replyTo(request)).readInt32BE(ERROR_AT);
  }

  /** Asks once, and gives the whole frame of the reply. */
  async replyTo(request: ClientRequest): Promise<Buffer> {
    this.#reply = undefined;
    await this.#askOnce(request);
    if (this.#reply === undefined) throw new Error("no reply came");
    return this.#reply;
  }

  async #askOnce(request: ClientRequest): Promise<void> {
    const writer = new JuteWriter();
    encodeRequest(writer, 1, request);
    const frame = Buffer.from(writer.take());
    const source = {
      bytesMax: frame.length,
      write: (into: Buffer, at: number, xid: number): number => {
        frame.copy(into, at);
        into.writeInt32BE(xid, at + XID_AT);
        return at + frame.length;
      },
      changesOf: () => 0,
    };
    this.#wantsReply = true;
    this.start(source, newTally(), 1);
    this.#isStopping = true;
    await this.stop();
    this.#wantsReply = false;
  }

  /** Ends the session, and hangs up. */
  async end(): Promise<void> {
    // The server hangs up behind its reply.
    this.#isEnding = true;
    await this.#askOnce({ op: "closeSession" });
    this.close();
  }

  /** Hangs up; the session ends by itself. */
  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #send(wanted: number): void {
    if (this.#load === undefined) return;
    const { requests, out } = this.#load;
    const count = Math.min(wanted, requests.left?.() ?? wanted);
    if (count === 0) return;
    const nowMs = performance.now();
    let end = 0;
    for (let sent = 0; sent < count; sent++) {
      this.#xid++;
      this.#sentMs[this.#xid % RING] = nowMs;
      end = requests.write(out, end, this.#xid);
    }
    this.#unanswered += count;
    // The buffer is written over for the next ones.
    this.#socket.write(Buffer.from(out.subarray(0, end)));
  }

  #received(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#partsBytes += chunk.length;
    // A large reply comes in many parts: they are put together once.
    if (this.#partsBytes < this.#wantedBytes) return;
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    const nowMs = performance.now();
    let at = 0;
    let answered = 0;
    this.#wantedBytes = LENGTH_BYTES;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) {
        this.#wantedBytes = end - at;
        break;
      }
      const xid = bytes.readInt32BE(at + XID_AT);
      if (xid > 0) {
        answered++;
        if (this.#wantsReply) this.#reply = bytes.subarray(at, end);
        this.#count(xid, bytes.readInt32BE(at + ERROR_AT), nowMs);
      } else if (xid === EVENT_XID) this.#onEvent();
      at = end;
    }
    this.#parts = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#partsBytes = bytes.length - at;
    this.#unanswered -= answered;
    if (!this.#isStopping && answered > 0) this.#send(answered);
    if (this.#unanswered === 0) this.#wake();
  }

  #count(xid: number, error: number, nowMs: number): void {
    if (this.#load === undefined) return;
    const { tally, requests } = this.#load;
    if (error === 0) tally.changes += requests.changesOf(xid);
    else tally.errors.set(error, (tally.errors.get(error) ?? 0) + 1);
    if (tally.isCounting) tally.latencies.add(nowMs - (this.#sentMs[xid % RING] ?? nowMs));
  }

  #fail(error: Error): void {
    if (!this.#isEnding) this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
