/** One client of a benchmark: a session that keeps so many requests outstanding, and looks at no more than it must. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { Address } from "../compat/servers.ts";
import { Latencies } from "./latency.ts";

const LENGTH_BYTES = 4;
const XID_AT = 4;
const ERROR_AT = 16;

/** Of a run, requests of one client have xids from 1 on; a place in its ring of times is reused long after. */
const RING = 1024;

const SESSION_TIMEOUT_MS = 40_000;

/** Where requests come from. */
export interface RequestSource {
  /** Of the longest request. */
  readonly bytesMax: number;
  /** Writes the request of this xid into the buffer, and tells its end. */
  write(into: Buffer, at: number, xid: number): number;
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

/** See the file's comment. */
export class BenchSession {
  readonly #socket: Socket;
  readonly #sentMs = new Float64Array(RING);
  #rest: Buffer = Buffer.alloc(0);
  #xid = 0;
  #unanswered = 0;
  #isStopping = false;
  #load: { readonly requests: RequestSource; readonly tally: Tally; readonly out: Buffer } | undefined;
  readonly #idle: (() => void)[] = [];
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects and makes a session. Throws where the server refuses. */
  static async open(address: Address): Promise<BenchSession> {
    const socket = connect({ ...address, noDelay: true });
    await once(socket, "connect");
    const writer = new JuteWriter();
    encodeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: ZXID_ZERO,
      timeoutMs: SESSION_TIMEOUT_MS,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: false,
    });
    socket.write(writer.take());
    const [frame] = (await once(socket, "data")) as [Buffer];
    if (decodeConnectResponse(frame.subarray(LENGTH_BYTES)).timeoutMs <= 0)
      throw new Error("no session was made");
    const session = new BenchSession(socket);
    socket.on("data", (chunk: Buffer) => session.#received(chunk));
    socket.on("close", () => session.#fail(new Error("the server hung up")));
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
    if (this.#unanswered > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Asks once, and gives the error code of the reply. */
  async ask(request: ClientRequest): Promise<number> {
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
    const tally = newTally();
    this.start(source, tally, 1);
    this.#isStopping = true;
    await this.stop();
    return [...tally.errors.keys()][0] ?? 0;
  }

  /** Hangs up; the session ends by itself. */
  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #send(count: number): void {
    if (this.#load === undefined) return;
    const { requests, out } = this.#load;
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
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const nowMs = performance.now();
    let at = 0;
    let answered = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      const xid = bytes.readInt32BE(at + XID_AT);
      if (xid > 0) {
        answered++;
        this.#count(xid, bytes.readInt32BE(at + ERROR_AT), nowMs);
      }
      at = end;
    }
    this.#rest = at === bytes.length ? EMPTY : Buffer.from(bytes.subarray(at));
    this.#unanswered -= answered;
    if (!this.#isStopping && answered > 0) this.#send(answered);
    else if (this.#unanswered === 0) this.#wake();
  }

  #count(xid: number, error: number, nowMs: number): void {
    if (this.#load === undefined) return;
    const { tally, requests } = this.#load;
    if (error === 0) tally.changes += requests.changesOf(xid);
    else tally.errors.set(error, (tally.errors.get(error) ?? 0) + 1);
    if (tally.isCounting) tally.latencies.add(nowMs - (this.#sentMs[xid % RING] ?? nowMs));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

const EMPTY = Buffer.alloc(0);
