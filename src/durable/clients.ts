/** The transports of a replica's clients: TCP streams, alone or many on a trunk, and WebSockets. */
import type { Zxid } from "../base/zxid.ts";
import { equalZxid } from "../base/zxid.ts";
import type { ConnectionId, ConnectionOpening, ReceivedBytes } from "../keeper/connection.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { ParkedConnection, ParkedOpening } from "../keeper/parking.ts";
import type { ParkedWord } from "../keeper/turn.ts";
import { SERVING_PARAMETER, TRUNK_NAME } from "./entry.ts";
import { type HandedOver, readCaller } from "./handed-over.ts";
import { CLIENT_LINGER_MS, CLIENT_REPORT_BYTES, CLIENT_WRITE_BYTES_MAX } from "./limits.ts";
import { Trunk } from "./trunk.ts";

/** One client's transport, as the shell writes to it. */
interface ClientSocket {
  send(bytes: Uint8Array): void;
  /** Bytes it has taken since the last call; those that are still on their way to it are not among them. */
  takeSent(): number;
  /** Bytes on their way to it. */
  readonly unsentBytes: number;
  /** Closes once all that was sent is out. */
  close(): void;
  /** Closes at once. */
  drop(): void;
  setReading(reading: boolean): void;
}

/** What the platform does for sockets that outlive their object's time in memory. */
export type KeptSockets = Pick<
  DurableObjectState,
  "acceptWebSocket" | "getWebSockets" | "getWebSocketAutoResponseTimestamp" | "setWebSocketAutoResponse"
>;

/** What is kept with such a socket. */
interface Kept extends HandedOver {
  readonly id: ConnectionId;
  /** Its replica fell asleep over it, at that zxid. */
  readonly parked?: Omit<ParkedConnection, "connection"> & { readonly at: Zxid };
}

/** The platform keeps 2 KB with a socket, by its documentation: whoever has more to be told of it is not parked. */
const KEPT_CHARACTERS_MAX = 1200;

/** What a client says beside the protocol: it connects again on the same socket. */
const AGAIN = "again";

/**
 * Opens, feeds and closes client sockets; what happens on them goes to `accept`. How much of what was sent they have
 * taken is told at each tick, and sooner where it is much, as the keeper answers a client no faster than it reads.
 */
export class Clients {
  readonly #accept: (input: KeeperInput) => void;
  readonly #sockets = new Map<ConnectionId, ClientSocket>();
  /** Sockets to which something was sent that the keeper does not know to be taken. */
  readonly #sending = new Set<ConnectionId>();
  readonly #kept: KeptSockets;
  readonly #rests: () => boolean;
  #nextId = 1;

  /** `rests` says whether the replica takes no turns by itself: nobody would ever answer who connects. */
  constructor(accept: (input: KeeperInput) => void, kept: KeptSockets, rests: () => boolean) {
    this.#accept = accept;
    this.#kept = kept;
    this.#rests = rests;
    kept.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Serves a TCP stream until it ends: a door's trunk, or a client's, the Worker naming its address as this end's. */
  async serveSocket(socket: Socket): Promise<void> {
    const { localAddress = "unknown:0" } = await socket.opened;
    await (localAddress === TRUNK_NAME ? this.#serveTrunk(socket) : this.#serveTcp(socket, localAddress));
  }

  async #serveTcp(socket: Socket, remoteAddress: string): Promise<void> {
    const id = this.#nextId++;
    const client = new TcpClient(socket, {
      onLost: () => this.#gone(id),
      onSentMuch: () => this.#reportSent([id]),
    });
    this.#open(client, { id, remoteAddress, transport: "tcp", entropy: entropy() });
    await client.readAll((bytes) => this.#received([{ connection: id, bytes }]));
    this.#gone(id);
  }

  async #serveTrunk(socket: Socket): Promise<void> {
    const trunk = new Trunk(socket, {
      opened: (client, remoteAddress) => {
        client.id = this.#nextId++;
        this.#open(client, { id: client.id, remoteAddress, transport: "tcp", entropy: entropy() });
      },
      received: (received) => this.#received(received),
      gone: (id) => this.#gone(id),
      sentMuch: (id) => this.#reportSent([id]),
    });
    await trunk.serve();
  }

  /**
   * Takes a WebSocket whose binary messages are pieces of the same byte stream. Who is no member, or no more, leaves
   * clients to the others; and who does not serve, where the gateway has others to ask.
   */
  takeWebSocket({ url, headers }: Request, isServing: boolean): Response {
    const isFussy = new URL(url).searchParams.has(SERVING_PARAMETER);
    if (this.#rests() || (isFussy && !isServing)) return new Response("ask another", { status: 503 });
    const pair = new WebSocketPair();
    this.#serveWebSocket(pair[1], readCaller(headers));
    return new Response(null, { status: 101, webSocket: pair[0] });
  }

  #serveWebSocket(socket: WebSocket, handedOver: HandedOver): void {
    const id = this.#nextId++;
    const client = new WebSocketClient(socket);
    const isKept = handedOver.parks === true && JSON.stringify(handedOver).length <= KEPT_CHARACTERS_MAX;
    const caller = { ...handedOver, parks: isKept };
    socket.binaryType = "arraybuffer";
    if (isKept) {
      this.#kept.acceptWebSocket(socket);
      socket.serializeAttachment({ ...caller, id } satisfies Kept);
    } else socket.accept();
    this.#open(client, { id, ...caller, transport: "websocket", entropy: entropy() });
    if (!isKept) this.#listen(id, client, socket);
  }

  /** A message of a socket that outlives memory. */
  heard(socket: WebSocket, data: string | ArrayBuffer): void {
    const { id } = keptWith(socket);
    const client = this.#sockets.get(id);
    if (client === undefined) return;
    if (typeof data !== "string") this.#received([{ connection: id, bytes: new Uint8Array(data) }]);
    else if (data === AGAIN) this.#accept({ kind: "clientAgain", connection: id });
    else this.#end(id, client);
  }

  /** Such a socket is closed, or broken. */
  ended(socket: WebSocket): void {
    new WebSocketClient(socket).close();
    this.#gone(keptWith(socket).id);
  }

  /** Says a word beside the protocol. */
  say(id: ConnectionId, word: ParkedWord): void {
    const client = this.#sockets.get(id);
    if (client instanceof WebSocketClient) client.say(word);
  }

  /** When the platform answered a ping of the client last. */
  pongedMs(id: ConnectionId): number | undefined {
    const client = this.#sockets.get(id);
    if (!(client instanceof WebSocketClient)) return undefined;
    return this.#kept.getWebSocketAutoResponseTimestamp(client.socket)?.getTime();
  }

  /**
   * Hangs up, without a word to the keeper, which is about to be replaced, on all but these, over which the replica has
   * fallen asleep at that zxid.
   */
  park(parked: readonly ParkedConnection[], at: Zxid | undefined): void {
    const staying = new Set<ConnectionId>();
    for (const { connection, ...owned } of parked) {
      const client = this.#sockets.get(connection);
      if (at === undefined || !(client instanceof WebSocketClient)) continue;
      const { parked: _, ...kept } = keptWith(client.socket);
      client.socket.serializeAttachment({ ...kept, parked: { ...owned, at } } satisfies Kept);
      staying.add(connection);
    }
    for (const id of this.#sockets.keys()) if (!staying.has(id)) this.close(id);
  }

  /**
   * Connections over which the replica fell asleep at that zxid. Other sockets that outlived the object's memory are
   * hung up on, as what was under way on them is lost.
   */
  adopt(at: Zxid | undefined): readonly ParkedOpening[] {
    return this.#kept.getWebSockets().flatMap((socket) => {
      const { parked, id, ...caller } = keptWith(socket);
      const client = this.#sockets.get(id) ?? new WebSocketClient(socket);
      this.#nextId = Math.max(this.#nextId, id + 1);
      const isOf = parked !== undefined && at !== undefined && equalZxid(parked.at, at);
      if (!isOf || socket.readyState !== WebSocket.OPEN) {
        this.#forget(id);
        client.close();
        return [];
      }
      this.#sockets.set(id, client);
      const opening = { ...caller, id, transport: "websocket" as const, entropy: entropy() };
      const { session, generation, timeoutMs, sinceMs } = parked;
      return [{ opening, session, generation, timeoutMs, sinceMs }];
    });
  }

  #listen(id: ConnectionId, client: WebSocketClient, socket: WebSocket): void {
    socket.addEventListener("message", ({ data }) => {
      // Text has no meaning here: a client that sends it speaks another protocol.
      if (typeof data === "string") this.#end(id, client);
      else if (data instanceof ArrayBuffer) this.#received([{ connection: id, bytes: new Uint8Array(data) }]);
    });
    socket.addEventListener("close", () => this.#gone(id));
    socket.addEventListener("error", () => this.#gone(id));
  }

  /** Sends bytes to a client. */
  send(id: ConnectionId, bytes: Uint8Array): void {
    const client = this.#sockets.get(id);
    if (client === undefined) return;
    this.#sending.add(id);
    client.send(bytes);
  }

  /** Tells what sockets have taken since the last tick. */
  tick(): void {
    this.#reportSent([...this.#sending]);
  }

  /** Hangs up on a client, once what was sent is out. */
  close(id: ConnectionId): void {
    this.#forget(id)?.close();
  }

  /** Hangs up on a client at once. */
  drop(id: ConnectionId): void {
    this.#forget(id)?.drop();
  }

  /** Stops or resumes reading from a client. */
  setReading(id: ConnectionId, reading: boolean): void {
    this.#sockets.get(id)?.setReading(reading);
  }

  #received(received: readonly ReceivedBytes[]): void {
    this.#accept({ kind: "clientBytes", received });
  }

  #open(client: ClientSocket, opening: ConnectionOpening): void {
    if (this.#rests()) return client.close();
    this.#sockets.set(opening.id, client);
    this.#accept({ kind: "clientOpened", opening });
  }

  #end(id: ConnectionId, client: ClientSocket): void {
    client.close();
    this.#gone(id);
  }

  #reportSent(ids: readonly ConnectionId[]): void {
    const sent = ids.flatMap((connection) => {
      const client = this.#sockets.get(connection);
      const bytes = client?.takeSent() ?? 0;
      if (client === undefined || client.unsentBytes === 0) this.#sending.delete(connection);
      return bytes === 0 ? [] : [{ connection, bytes }];
    });
    if (sent.length > 0) this.#accept({ kind: "clientsSent", sent });
  }

  #forget(id: ConnectionId): ClientSocket | undefined {
    const client = this.#sockets.get(id);
    this.#sockets.delete(id);
    this.#sending.delete(id);
    return client;
  }

  #gone(id: ConnectionId): void {
    const pongedMs = this.pongedMs(id);
    if (this.#forget(id) !== undefined) this.#accept({ kind: "clientClosed", connection: id, pongedMs });
  }
}

/** Each of them has something with it from its first moment. */
function keptWith(socket: WebSocket): Kept {
  return socket.deserializeAttachment() as Kept;
}

function entropy(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(48));
}

/** What a TCP stream tells. */
interface TcpEvents {
  onLost(): void;
  /** It has taken CLIENT_REPORT_BYTES or more since takeSent was called. */
  onSentMuch(): void;
}

/** A TCP stream. */
class TcpClient implements ClientSocket {
  readonly #socket: Socket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #events: TcpEvents;
  unsentBytes = 0;
  #sentBytes = 0;
  #isClosed = false;
  #resume: (() => void) | undefined;
  #isReading = true;

  constructor(socket: Socket, events: TcpEvents) {
    this.#socket = socket;
    this.#reader = socket.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.#writer = socket.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
    this.#events = events;
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
    this.unsentBytes += bytes.length;
    // In pieces: of a write it is known only that all of it was taken, and a slow reader shall be seen to read.
    for (let at = 0; at < bytes.length; at += CLIENT_WRITE_BYTES_MAX) {
      const piece = bytes.subarray(at, at + CLIENT_WRITE_BYTES_MAX);
      this.#writer.write(piece).then(
        () => this.#sent(piece.length),
        () => this.#lose(),
      );
    }
  }

  takeSent(): number {
    const taken = this.#sentBytes;
    this.#sentBytes = 0;
    return taken;
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
      // It fails where the stream is gone already, which is what is wanted.
      .catch(() => undefined)
      .finally(() => clearTimeout(linger));
  }

  drop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake();
    this.#drop();
  }

  setReading(reading: boolean): void {
    this.#isReading = reading;
    if (reading) this.#wake();
  }

  #sent(bytes: number): void {
    this.unsentBytes -= bytes;
    this.#sentBytes += bytes;
    if (this.#sentBytes >= CLIENT_REPORT_BYTES && !this.#isClosed) this.#events.onSentMuch();
  }

  #lose(): void {
    if (this.#isClosed) return;
    this.drop();
    this.#events.onLost();
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

/** A WebSocket. The platform tells how much of what was sent still waits, and not when that changes. */
class WebSocketClient implements ClientSocket {
  readonly socket: WebSocket;
  #sentBytes = 0;
  #takenBytes = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
  }

  get unsentBytes(): number {
    return this.#sentBytes - this.#takenBytes;
  }

  send(bytes: Uint8Array): void {
    try {
      this.socket.send(bytes);
      this.#sentBytes += bytes.length;
    } catch {
      // Closed meanwhile: its close event is on the way.
    }
  }

  say(text: string): void {
    try {
      this.socket.send(text);
    } catch {
      // As above.
    }
  }

  takeSent(): number {
    const before = this.#takenBytes;
    this.#takenBytes = Math.max(before, this.#sentBytes - this.socket.bufferedAmount);
    return this.#takenBytes - before;
  }

  close(): void {
    try {
      this.socket.close(1000, "closed by the replica");
    } catch {
      // Closed already.
    }
  }

  drop(): void {
    // The runtime has no way to drop what it holds for a client: it ends with the client's connection.
    this.close();
  }

  setReading(): void {
    // Messages of a WebSocket cannot be held back: the keeper's own bounds cut off a client that floods.
  }
}
