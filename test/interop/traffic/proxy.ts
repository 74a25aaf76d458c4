/**
 * Stands between a system and one server and writes down every frame. One request is under way at a time, of all
 * connections: so what is written down has one order, and played again it gives the same answers.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

import { XIDS } from "../../../src/jute/opcodes.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import type { Address } from "../../compat/servers.ts";
import { framed } from "./framed.ts";
import type { Line } from "./recording.ts";

const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** See the file's comment. */
export class RecordingProxy {
  readonly lines: Line[] = [];
  readonly #server: Server;
  readonly #upstream: Address;
  readonly #connections = new Set<Connection>();
  /** The end of what is under way. */
  #turn: Promise<void> = Promise.resolve();
  #count = 0;

  private constructor(upstream: Address) {
    this.#upstream = upstream;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async open(upstream: Address): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(upstream);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** The connect string that leads through it. */
  get connect(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
    return `127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const connection of this.#connections) connection.hangUp();
    await closed;
  }

  #accept(client: Socket): void {
    const c = ++this.#count;
    const connection = new Connection(c, client, connect(this.#upstream), this.lines);
    this.#connections.add(connection);
    connection.onFrame = (frame) => {
      // Each waits for the answer to the one before, whosever that was.
      this.#turn = this.#turn.then(async () => await connection.forward(frame));
    };
    connection.onGone = () => {
      this.#connections.delete(connection);
      this.#turn = this.#turn.then(() => connection.leave());
    };
  }
}

class Connection {
  onFrame: (frame: Uint8Array) => void = () => {};
  onGone: () => void = () => {};
  readonly #c: number;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lines: Line[];
  #isGreeted = false;
  #isClosed = false;
  #answered: (() => void) | undefined;

  constructor(c: number, client: Socket, server: Socket, lines: Line[]) {
    this.#c = c;
    this.#client = client;
    this.#server = server;
    this.#lines = lines;
    const asked = new FrameDecoder(FRAME_BYTES_MAX);
    const told = new FrameDecoder(FRAME_BYTES_MAX);
    client.on("data", (chunk) => take(asked, chunk, (frame) => this.onFrame(Uint8Array.from(frame))));
    server.on("data", (chunk) => take(told, chunk, (frame) => this.#told(frame)));
    client.on("close", () => this.onGone());
    server.on("close", () => this.#closed());
    // What went wrong is told by the close that follows.
    client.on("error", () => {});
    server.on("error", () => {});
  }

  /** Sends a frame to the server; resolves with its answer, or when the server has hung up. */
  async forward(frame: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    const isPing = this.#isGreeted && xidOf(frame) === XIDS.ping;
    if (!isPing) this.#lines.push({ c: this.#c, ...(this.#isGreeted ? { ask: frame } : { hello: frame }) });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answered = resolve;
    this.#server.write(framed(frame));
    await promise;
  }

  /** The client has hung up, and all that it had asked is answered. */
  leave(): void {
    if (!this.#isClosed) this.#lines.push({ c: this.#c, gone: true });
    this.#isClosed = true;
    this.hangUp();
  }

  hangUp(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #told(frame: Uint8Array): void {
    const xid = this.#isGreeted ? xidOf(frame) : 0;
    this.#isGreeted = true;
    if (xid !== XIDS.ping) this.#lines.push({ c: this.#c, told: Uint8Array.from(frame) });
    this.#client.write(framed(frame));
    if (xid !== XIDS.notification) this.#answered?.();
  }

  #closed(): void {
    if (!this.#isClosed) this.#lines.push({ c: this.#c, closed: true });
    this.#isClosed = true;
    this.#client.end();
    this.#answered?.();
  }
}

function take(decoder: FrameDecoder, chunk: Uint8Array, use: (frame: Uint8Array) => void): void {
  decoder.push(chunk);
  for (let body = decoder.next(); body !== undefined; body = decoder.next()) use(body);
}

function xidOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getInt32(0);
}
