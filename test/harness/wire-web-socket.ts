/** A ZooKeeper client over a WebSocket, one request at a time: what is asked for here is who is let in, and to what. */
import { once } from "node:events";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import {
  type ConnectResponse,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage, type ServerMessage } from "../../src/jute/responses.ts";

type Reply = ServerMessage & { readonly kind: "reply" };

/** What a client shows. */
export interface WebSocketShown {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** A session to come back to. */
  readonly session?: Pick<ConnectResponse, "sessionId"> & { readonly password: Uint8Array };
}

/** See the file's comment. */
export class WireWebSocket {
  readonly socket: WebSocket;
  readonly closed: Promise<unknown>;
  welcome: ConnectResponse | undefined;
  readonly #frames: Uint8Array[] = [];
  #wake: () => void = () => undefined;
  #isClosed = false;
  #xid = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const decoder = new FrameDecoder(1_048_576);
    socket.addEventListener("message", ({ data }) => {
      decoder.push(new Uint8Array(data as ArrayBuffer));
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) this.#frames.push(frame);
      this.#wake();
    });
    this.closed = once(socket, "close").then(() => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** Opens it and gets a session; throws where it is not let in. */
  static async open(
    url: string,
    { headers, protocols, session }: WebSocketShown = {},
  ): Promise<WireWebSocket> {
    // Node's WebSocket takes headers too, which a browser's does not.
    const options = { headers: headers ?? {}, protocols: [...(protocols ?? [])] };
    const client = new WireWebSocket(new WebSocket(url, options));
    await Promise.race([
      once(client.socket, "open"),
      once(client.socket, "error").then(() => Promise.reject(new Error(`not let in: ${url}`))),
    ]);
    const writer = new JuteWriter();
    encodeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: ZXID_ZERO,
      timeoutMs: 10_000,
      sessionId: session?.sessionId ?? 0n,
      password: session?.password ?? new Uint8Array(16),
      readOnly: false,
    });
    client.socket.send(writer.take());
    const frame = await client.#next();
    if (frame === undefined) throw new Error("closed before the handshake was over");
    client.welcome = decodeConnectResponse(frame);
    return client;
  }

  /** Asks, and waits for the reply; undefined where it is hung up on. Events are passed over. */
  async ask(request: ClientRequest): Promise<Reply | undefined> {
    const xid = ++this.#xid;
    const writer = new JuteWriter();
    encodeRequest(writer, xid, request);
    this.socket.send(writer.take());
    for (let frame = await this.#next(); frame !== undefined; frame = await this.#next()) {
      const message = decodeServerMessage(frame, () => request.op);
      if (message.kind === "reply" && message.header.xid === xid) return message;
    }
    return undefined;
  }

  close(): void {
    this.socket.close();
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (this.#frames.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#frames.shift();
  }
}
