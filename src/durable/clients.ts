/** The sockets of a replica's clients: TCP streams and WebSockets, which carry the same bytes. */
import type { ConnectionId, ConnectionOpening } from "../keeper/connection.ts";
import type { KeeperInput } from "../keeper/keeper.ts";
import { CLIENT_BACKLOG_BYTES_MAX, CLIENT_LINGER_MS } from "./limits.ts";

/** One client's transport, as the shell writes to it. */
interface ClientSocket {
  send(bytes: Uint8Array): void;
  /** Closes once all that was sent is out. */
  close(): void;
  setReading(reading: boolean): void;
}

/** Opens, feeds and closes client sockets; what happens on them goes to `accept`. */
export class Clients {
  readonly #accept: (input: KeeperInput) => void;
  readonly #sockets = new Map<ConnectionId, ClientSocket>();
  #nextId = 1;

  constructor(accept: (input: KeeperInput) => void) {
    this.#accept = accept;
  }

  /** Serves a TCP stream until it ends. `remoteAddress` is the client's, as the Worker saw it. */
  async serveTcp(socket: Socket, remoteAddress: string): Promise<void> {
    const id = this.#nextId++;
    const client = new TcpClient(socket, () => this.#gone(id));
    this.#open(client, { id, remoteAddress, transport: "tcp", entropy: entropy() });
    await client.readAll((bytes) => this.#accept({ kind: "clientBytes", connection: id, bytes }));
    this.#gone(id);
  }

  /** Serves a WebSocket whose binary messages are pieces of the same byte stream. */
  serveWebSocket(socket: WebSocket, remoteAddress: string): void {
    const id = this.#nextId++;
    const client = new WebSocketClient(socket, () => this.#gone(id));
    socket.binaryType = "arraybuffer";
    socket.accept();
    this.#open(client, { id, remoteAddress, transport: "websocket", entropy: entropy() });
    socket.addEventListener("message", ({ data }) => {
      // Text has no meaning here: a client that sends it speaks another protocol.
      if (typeof data === "string") this.#end(id, client);
      else if (data instanceof ArrayBuffer) {
        this.#accept({ kind: "clientBytes", connection: id, bytes: new Uint8Array(data) });
      }
    });
    socket.addEventListener("close", () => this.#gone(id));
    socket.addEventListener("error", () => this.#gone(id));
  }

  /** Sends bytes to a client; one that lets too much pile up is cut off. */
  send(id: ConnectionId, bytes: Uint8Array): void {
    this.#sockets.get(id)?.send(bytes);
  }

  /** Hangs up on a client, once what was sent is out. */
  close(id: ConnectionId): void {
    const client = this.#sockets.get(id);
    this.#sockets.delete(id);
    client?.close();
  }

  /** Stops or resumes reading from a client. */
  setReading(id: ConnectionId, reading: boolean): void {
    this.#sockets.get(id)?.setReading(reading);
  }

  #open(client: ClientSocket, opening: ConnectionOpening): void {
    this.#sockets.set(opening.id, client);
    this.#accept({ kind: "clientOpened", opening });
  }

  #end(id: ConnectionId, client: ClientSocket): void {
    client.close();
    this.#gone(id);
  }

  #gone(id: ConnectionId): void {
    if (!this.#sockets.delete(id)) return;
    this.#accept({ kind: "clientClosed", connection: id });
  }
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(24));
}

/** A TCP stream. */
class TcpClient implements ClientSocket {
  readonly #socket: Socket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #onLost: () => void;
  #backlogBytes = 0;
  #isClosed = false;
  #resume: (() => void) | undefined;
  #isReading = true;

  constructor(socket: Socket, onLost: () => void) {
    this.#socket = socket;
    this.#reader = socket.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.#writer = socket.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
    this.#onLost = onLost;
    // The same failure comes out of every read and write; this promise must not be left unhandled.
    socket.closed.catch(() => this.#lose());
  }

  /** Feeds each chunk until the client's end, ours, or a failure. */
  async readAll(feed: (bytes: Uint8Array) => void): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        if (value.length > 0 && !this.#isClosed) feed(value);
        // Once closed nobody resumes it; reading on finds the end.
        if (!this.#isReading && !this.#isClosed) await this.#whenResumed();
      }
    } catch {
      // The client vanished: what it sent before has been fed, its session lives on by itself.
    }
    this.#lose();
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#backlogBytes += bytes.length;
    if (this.#backlogBytes > CLIENT_BACKLOG_BYTES_MAX) {
      this.#lose();
      return;
    }
    this.#writer.write(bytes).then(
      () => {
        this.#backlogBytes -= bytes.length;
      },
      () => this.#lose(),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    // The Worker at the other end hangs up once it has read the end; closing the socket here would drop what is
    // still on its way.
    const linger = setTimeout(() => this.#drop(), CLIENT_LINGER_MS);
    this.#writer
      .close()
      .catch(() => undefined)
      .finally(() => clearTimeout(linger));
  }

  setReading(reading: boolean): void {
    this.#isReading = reading;
    if (reading) this.#wake();
  }

  #lose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    this.#drop();
    this.#onLost();
  }

  #drop(): void {
    // Both fail where the stream is gone already, which is what is wanted.
    void this.#writer.abort().catch(() => undefined);
    void this.#socket.close().catch(() => undefined);
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  #whenResumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }
}

/** A WebSocket. The platform gives no back pressure for what is sent; bufferedAmount tells what waits. */
class WebSocketClient implements ClientSocket {
  readonly #socket: WebSocket;
  readonly #onLost: () => void;

  constructor(socket: WebSocket, onLost: () => void) {
    this.#socket = socket;
    this.#onLost = onLost;
  }

  send(bytes: Uint8Array): void {
    try {
      this.#socket.send(bytes);
    } catch {
      // Closed meanwhile: its close event is on the way.
      return;
    }
    if (this.#socket.bufferedAmount <= CLIENT_BACKLOG_BYTES_MAX) return;
    this.close();
    this.#onLost();
  }

  close(): void {
    try {
      this.#socket.close(1000, "closed by the replica");
    } catch {
      // Closed already.
    }
  }

  setReading(): void {
    // Messages of a WebSocket cannot be held back: the keeper's own bounds cut off a client that floods.
  }
}
