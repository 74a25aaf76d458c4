/** The transport that every runtime has: a WebSocket that carries the protocol's bytes. */
import type { Channel, ChannelListener, ClientWord, ReplicaWord, Transport } from "./transport.ts";

/** What is used of a WebSocket. */
interface SocketLike {
  binaryType: string;
  send(data: Uint8Array | string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: never) => void): void;
}

/** A class of WebSockets: the runtime's own, or another's such as that of the package `ws`. */
export type WebSocketClass = new (url: string, protocols?: string[]) => SocketLike;

/** How WebSockets are made. */
export interface WebSocketOptions {
  /** Sent as a subprotocol, as a browser can set no header; the gateway takes it for a bearer token. */
  readonly token?: string | undefined;
  readonly WebSocket?: WebSocketClass | undefined;
}

/** The subprotocol that is spoken. */
const SUBPROTOCOL = "edgekeeper";

/** And that which carries a token, in base64url. */
const TOKEN_SUBPROTOCOL = "edgekeeper.bearer.";

/** What a replica says in texts. */
const WORDS: ReadonlySet<unknown> = new Set<ReplicaWord>(["pong", "word", "awake"]);

/** A transport over WebSockets, to endpoints `ws://host/ENSEMBLE/zk` or `wss://`. */
export function webSocketTransport({ token, WebSocket: given }: WebSocketOptions = {}): Transport {
  const known: unknown = given ?? (globalThis as { readonly WebSocket?: unknown }).WebSocket;
  if (typeof known !== "function") {
    throw new TypeError(
      "this runtime has no WebSocket: use Node 22 or later, or pass the option WebSocket (the package ws has one)",
    );
  }
  const socketClass = known as WebSocketClass;
  const protocols = token === undefined ? undefined : [SUBPROTOCOL, TOKEN_SUBPROTOCOL + base64Url(token)];
  return (endpoint, listener) => new WebSocketChannel(socketClass, { endpoint, protocols }, listener);
}

class WebSocketChannel implements Channel {
  readonly #listener: ChannelListener;
  readonly #socket: SocketLike | undefined;
  #isOver = false;

  constructor(
    socketClass: WebSocketClass,
    { endpoint, protocols }: { readonly endpoint: string; readonly protocols: string[] | undefined },
    listener: ChannelListener,
  ) {
    this.#listener = listener;
    let socket: SocketLike;
    try {
      socket = new socketClass(listener.onWord === undefined ? endpoint : parking(endpoint), protocols);
    } catch (error) {
      // A bad address; the listener is told once its owner has the channel.
      queueMicrotask(() => this.#end(`no WebSocket to ${endpoint}: ${String(error)}`));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (!this.#isOver) this.#listener.onOpen();
    });
    socket.addEventListener("message", (event: { readonly data: unknown }) => this.#message(event.data));
    socket.addEventListener("error", () => this.#end("the WebSocket failed"));
    socket.addEventListener("close", (event: { readonly code?: number; readonly reason?: string }) =>
      this.#end(`the WebSocket was closed: ${event.code ?? 1006} ${event.reason ?? ""}`.trimEnd()),
    );
  }

  send(bytes: Uint8Array): void {
    this.#send(bytes);
  }

  #send(data: Uint8Array | string): void {
    if (this.#isOver) return;
    try {
      this.#socket?.send(data);
    } catch (error) {
      // It was closed under us; its event may still be on the way.
      queueMicrotask(() => this.#end(`the WebSocket takes nothing: ${String(error)}`));
    }
  }

  say(word: ClientWord): void {
    this.#send(word);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket?.close();
  }

  #message(data: unknown): void {
    if (this.#isOver) return;
    if (data instanceof ArrayBuffer) return this.#listener.onBytes(new Uint8Array(data));
    if (data instanceof Uint8Array) return this.#listener.onBytes(data);
    if (WORDS.has(data)) return this.#listener.onWord?.(data as ReplicaWord);
    this.#end("the WebSocket brought something else than bytes: is that the address of an ensemble?");
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onEnd(reason);
    try {
      this.#socket?.close();
    } catch {
      // It never opened: there is nothing to close.
    }
  }
}

/** The endpoint, asked by one that knows what dozing is; an older gateway passes over it. */
function parking(endpoint: string): string {
  if (!URL.canParse(endpoint)) return endpoint;
  const url = new URL(endpoint);
  url.searchParams.set("parks", "1");
  return url.href;
}

function base64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
