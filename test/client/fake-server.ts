/** A ZooKeeper server that answers as a test tells it to, for what no real one does when asked. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

import type { Zxid } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  decodeConnectRequest,
  encodeConnectResponse,
} from "../../src/jute/handshake.ts";
import { type ClientRequest, decodeRequest } from "../../src/jute/requests.ts";
import { encodeReply } from "../../src/jute/responses.ts";
import type { ServerAddress } from "./wire-connection.ts";

/** A request that came, and the connection that it came on. */
export interface Arrived {
  readonly xid: number;
  readonly request: ClientRequest;
  readonly socket: Socket;
}

/** What the server does. */
export interface Script {
  readonly onHello: (hello: ConnectRequest) => ConnectResponse;
  readonly onRequest: (arrived: Arrived) => void;
}

/** Listens on loopback until it is closed. */
export class FakeServer {
  readonly hellos: ConnectRequest[] = [];
  readonly requests: Arrived[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script: Script;
  #isPaused = false;

  constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<ServerAddress> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
    return { host: "127.0.0.1", port: address.port };
  }

  /** From now on reads nothing, as a process that stands still: its system takes connections all the same. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Ends all connections, and listens on. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.drop();
    await closed;
  }

  #serve(socket: Socket): void {
    const decoder = new FrameDecoder(1 << 20);
    let isGreeted = false;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // Clients of these tests leave without a word.
    socket.on("error", () => {});
    if (this.#isPaused) return;
    socket.on("data", (chunk) => {
      decoder.push(chunk);
      for (let body = decoder.next(); body !== undefined; body = decoder.next()) {
        if (isGreeted) this.#take(socket, body);
        else this.#greet(socket, body);
        isGreeted = true;
      }
    });
  }

  #greet(socket: Socket, body: Uint8Array): void {
    const hello = decodeConnectRequest(body);
    this.hellos.push(hello);
    const writer = new JuteWriter();
    encodeConnectResponse(writer, this.#script.onHello(hello));
    socket.write(writer.take());
  }

  #take(socket: Socket, body: Uint8Array): void {
    const decoded = decodeRequest(body);
    if (decoded.kind !== "request") throw new Error(`the client sent ${decoded.kind}`);
    const arrived = { xid: decoded.xid, request: decoded.request, socket };
    this.requests.push(arrived);
    this.#script.onRequest(arrived);
  }
}

/** Answers with no more than a header. */
export function replyEmpty({ xid, socket }: Pick<Arrived, "xid" | "socket">, zxid: Zxid, error = 0): void {
  const writer = new JuteWriter();
  encodeReply(writer, { xid, zxid, error }, { op: "empty" });
  socket.write(writer.take());
}
