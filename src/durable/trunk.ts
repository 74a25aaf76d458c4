/**
 * A trunk's end at a replica (src/trunk/frames.ts): one stream, and the clients that come over it. What they sent at
 * one moment is one turn, and what a turn sends them is one write: to enter and to leave the object costs more than
 * most of what clients ask.
 */
import type { ConnectionId, ReceivedBytes } from "../keeper/connection.ts";
import { TRUNK_REPORT_BYTES, TrunkReader, TrunkWriter } from "../trunk/frames.ts";
import { CLIENT_REPORT_BYTES, TRUNK_CHUNK_BYTES_MAX, TRUNK_CHUNK_BYTES_MIN } from "./limits.ts";

/** What happens to clients of a trunk. */
export interface TrunkPorts {
  /** A client has come: it is to be given its id. */
  opened(client: TrunkClient, remoteAddress: string): void;
  received(received: readonly ReceivedBytes[]): void;
  gone(id: ConnectionId): void;
  /** It has taken much of what it was sent. */
  sentMuch(id: ConnectionId): void;
}

/** The trunk of one door. */
export class Trunk {
  readonly #socket: Socket;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ports: TrunkPorts;
  readonly #out = new TrunkWriter();
  /** By their numbers on the trunk. */
  readonly #clients = new Map<number, TrunkClient>();
  /** What came and was not told yet. */
  #received: ReceivedBytes[] = [];
  #isWriting = false;
  #isLost = false;

  constructor(socket: Socket, ports: TrunkPorts) {
    this.#socket = socket;
    this.#reader = (socket.readable as ReadableStream<Uint8Array>).getReader({ mode: "byob" });
    this.#writer = socket.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
    this.#ports = ports;
    // The same failure comes out of every read and write; this promise must not be left unhandled.
    socket.closed.catch(() => this.#lose());
  }

  /** Serves until the door ends it, or it breaks: all of its clients are gone then. */
  async serve(): Promise<void> {
    const reader = new TrunkReader({
      opened: (number, address) => this.#opened(number, address),
      received: (number, bytes) => this.#take(number, bytes),
      ended: (number) => this.#ended(number),
      dropped: (number) => this.#ended(number),
      taken: (number, count) => this.#clients.get(number)?.taken(count),
    });
    try {
      for (let size = TRUNK_CHUNK_BYTES_MIN; !this.#isLost;) {
        const { value, done } = await this.#reader.read(new Uint8Array(size));
        if (done) break;
        reader.push(value);
        this.#tell();
        // As large as what comes: an array of much more than that is made for nothing.
        if (value.length === size) size = Math.min(size * 2, TRUNK_CHUNK_BYTES_MAX);
        else if (value.length * 4 < size) size = Math.max(size / 2, TRUNK_CHUNK_BYTES_MIN);
      }
    } catch {
      // The door vanished, or is none; what it sent before has been fed, and its clients' sessions live on.
    }
    this.#lose();
  }

  /** Writes to a client's stream, with all else that is written now. */
  bytes(number: number, bytes: Uint8Array): void {
    this.#out.bytes(number, bytes);
    this.#writeSoon();
  }

  /** Hangs up on a client, at once or once all that was written to it is out. */
  hangUp(number: number, how: "end" | "drop"): void {
    if (!this.#clients.delete(number)) return;
    this.#out[how](number);
    this.#writeSoon();
  }

  /** So much of a client's stream was taken. */
  tookBytes(number: number, count: number): void {
    this.#out.taken(number, count);
    this.#writeSoon();
  }

  #opened(number: number, address: string): void {
    const client = new TrunkClient(this, number, (id) => this.#ports.sentMuch(id));
    this.#clients.set(number, client);
    this.#ports.opened(client, address);
  }

  #take(number: number, bytes: Uint8Array): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    client.took(bytes.length);
    this.#received.push({ connection: client.id, bytes });
  }

  /** Told together: to take them one by one would be a turn for each. */
  #tell(): void {
    if (this.#received.length === 0) return;
    const received = this.#received;
    this.#received = [];
    this.#ports.received(received);
  }

  #ended(number: number): void {
    this.#tell();
    const client = this.#clients.get(number);
    if (client === undefined) return;
    this.hangUp(number, "end");
    this.#ports.gone(client.id);
  }

  /** Behind all that this event still does: the object's output gate holds it until that is durable. */
  #writeSoon(): void {
    if (this.#isWriting || this.#isLost) return;
    this.#isWriting = true;
    queueMicrotask(() => {
      this.#isWriting = false;
      if (this.#isLost) return;
      // Broken: its clients are told of by that.
      this.#writer.write(this.#out.take()).catch(() => this.#lose());
    });
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    // Both fail where the stream is gone already, which is what is wanted.
    void this.#writer.abort().catch(() => undefined);
    void this.#socket.close().catch(() => undefined);
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    for (const { id } of clients) this.#ports.gone(id);
  }
}

/** One client of a trunk. */
export class TrunkClient {
  id: ConnectionId = 0;
  readonly #trunk: Trunk;
  readonly #number: number;
  readonly #sentMuch: (id: ConnectionId) => void;
  unsentBytes = 0;
  #sentBytes = 0;
  #isReading = true;
  /** Taken, and not told to the door. */
  #tookBytes = 0;

  constructor(trunk: Trunk, number: number, sentMuch: (id: ConnectionId) => void) {
    this.#trunk = trunk;
    this.#number = number;
    this.#sentMuch = sentMuch;
  }

  /** So much of what it sent was taken. */
  took(bytes: number): void {
    this.#tookBytes += bytes;
    this.#tell();
  }

  /** It has taken so much of what it was sent. */
  taken(count: number): void {
    this.unsentBytes -= count;
    this.#sentBytes += count;
    if (this.#sentBytes >= CLIENT_REPORT_BYTES) this.#sentMuch(this.id);
  }

  send(bytes: Uint8Array): void {
    this.unsentBytes += bytes.length;
    this.#trunk.bytes(this.#number, bytes);
  }

  takeSent(): number {
    const taken = this.#sentBytes;
    this.#sentBytes = 0;
    return taken;
  }

  close(): void {
    this.#trunk.hangUp(this.#number, "end");
  }

  drop(): void {
    this.#trunk.hangUp(this.#number, "drop");
  }

  /** While nothing is to be read the door is told of nothing that was taken, and so stops at its window. */
  setReading(reading: boolean): void {
    this.#isReading = reading;
    this.#tell();
  }

  #tell(): void {
    if (!this.#isReading || this.#tookBytes < TRUNK_REPORT_BYTES) return;
    this.#trunk.tookBytes(this.#number, this.#tookBytes);
    this.#tookBytes = 0;
  }
}
