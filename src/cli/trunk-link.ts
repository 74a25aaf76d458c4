/**
 * One trunk, from the door's side, and the clients that go over it. All that is read from them in one round of the
 * event loop goes to the replica in one piece.
 */
import { connect, type Socket } from "node:net";

import {
  TRUNK_GREETING,
  TRUNK_REPORT_BYTES,
  TRUNK_WINDOW_BYTES,
  TrunkReader,
  TrunkWriter,
} from "../trunk/frames.ts";

/** Where it leads. */
export interface TrunkLinkPlace {
  readonly sid: number;
  readonly socketFile: string;
  /** It is over, and so are its clients' connections. */
  readonly onEnd: () => void;
}

/** With nobody left it stays open for so long, in ms: a client that comes back finds it. */
const IDLE_MS = 1000;

/** What clients have taken is told this often, in ms, and sooner where it is much. */
const TELL_MS = 50;

/** A client that was hung up on has so long to read what was sent before, in ms: as long as a replica gives it. */
const LINGER_MS = 5000;

/** Above so many bytes that the replica does not take, no client is read. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

/** Connections have numbers of 32 bits. */
const NUMBER_MAX = 0xffffffff;

/** A client. */
interface Client {
  readonly socket: Socket;
  readonly number: number;
  /** Sent to the replica, which has not told that it took them. */
  untakenBytes: number;
  /** Written to the client since its bytes were last told. */
  untoldBytes: number;
  isPaused: boolean;
}

/** See the file's comment. */
export class TrunkLink {
  readonly #place: TrunkLinkPlace;
  readonly #socket: Socket;
  readonly #out = new TrunkWriter();
  readonly #clients = new Map<number, Client>();
  /** Clients to which something was written that the replica does not know to be taken. */
  readonly #untold = new Set<Client>();
  /** Those that were hung up on, and read what was sent before. */
  readonly #lingering = new Set<Socket>();
  #nextNumber = 1;
  #isSending = false;
  #isTelling = false;
  #isCongested = false;
  #isOver = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(place: TrunkLinkPlace) {
    this.#place = place;
    this.#socket = connect({ path: place.socketFile });
    this.#socket.write(`${TRUNK_GREETING}${place.sid}\n`);
    const reader = new TrunkReader({
      opened: () => undefined,
      received: (number, bytes) => this.#toClient(number, bytes),
      ended: (number) => this.#hangUp(number, "end"),
      dropped: (number) => this.#hangUp(number, "drop"),
      taken: (number, count) => this.#took(number, count),
    });
    this.#socket.on("data", (bytes) => this.#push(reader, bytes));
    this.#socket.on("drain", () => this.#drained());
    // Each is followed by "close": a process that is away, or one that ended.
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.close());
  }

  /** Whether it takes clients. */
  get isOpen(): boolean {
    return !this.#isOver && this.#nextNumber <= NUMBER_MAX;
  }

  /** Takes a client's connection over. */
  serve(socket: Socket): void {
    clearTimeout(this.#idle);
    const number = this.#nextNumber++;
    const client = { socket, number, untakenBytes: 0, untoldBytes: 0, isPaused: false };
    this.#clients.set(number, client);
    this.#out.open(number, `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`);
    this.#sendSoon();
    socket.on("data", (bytes) => this.#toReplica(client, bytes));
    socket.on("end", () => this.#ended(client));
    socket.on("drain", () => this.#tellOf(client));
    // Followed by "close" as well.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#ended(client));
    if (this.#isCongested) socket.pause();
  }

  /** Hangs up on all. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idle);
    this.#socket.destroy();
    for (const { socket } of this.#clients.values()) socket.destroy();
    for (const socket of this.#lingering) socket.destroy();
    this.#clients.clear();
    this.#untold.clear();
    this.#place.onEnd();
  }

  #push(reader: TrunkReader, bytes: Uint8Array): void {
    try {
      reader.push(bytes);
    } catch (error) {
      // What answers there is no replica of this version; its clients find another.
      if (!(error instanceof RangeError)) throw error;
      this.close();
    }
  }

  #toReplica(client: Client, bytes: Uint8Array): void {
    if (!this.#clients.has(client.number)) return;
    this.#out.bytes(client.number, bytes);
    client.untakenBytes += bytes.length;
    if (client.untakenBytes > TRUNK_WINDOW_BYTES) {
      client.isPaused = true;
      client.socket.pause();
    }
    this.#sendSoon();
  }

  #toClient(number: number, bytes: Uint8Array): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    client.socket.write(bytes);
    client.untoldBytes += bytes.length;
    if (client.untoldBytes >= TRUNK_REPORT_BYTES) this.#tellOf(client);
    else this.#tellLater(client);
  }

  /** The replica took some of what the client sent. */
  #took(number: number, count: number): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    client.untakenBytes -= count;
    if (!client.isPaused || client.untakenBytes > TRUNK_WINDOW_BYTES) return;
    client.isPaused = false;
    if (!this.#isCongested) client.socket.resume();
  }

  /** The client says no more, or has gone: the replica answers with all that it still says, and an end. */
  #ended(client: Client): void {
    if (!this.#clients.has(client.number)) return;
    this.#out.end(client.number);
    this.#sendSoon();
    if (client.socket.destroyed) this.#forget(client);
  }

  #hangUp(number: number, how: "end" | "drop"): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    this.#forget(client);
    const { socket } = client;
    if (how === "drop") {
      socket.destroy();
      return;
    }
    socket.end();
    // What it still sends is read by nobody, and to leave it would keep the connection from closing.
    socket.resume();
    this.#lingering.add(socket);
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => {
      clearTimeout(linger);
      this.#lingering.delete(socket);
    });
  }

  #forget(client: Client): void {
    this.#clients.delete(client.number);
    this.#untold.delete(client);
    if (this.#clients.size > 0) return;
    this.#idle = setTimeout(() => this.#endIdle(), IDLE_MS);
    // An ensemble that stops waits for nobody.
    this.#idle.unref();
  }

  /** Those that linger have their time first. */
  #endIdle(): void {
    if (this.#lingering.size === 0) return this.close();
    this.#idle = setTimeout(() => this.#endIdle(), IDLE_MS);
    this.#idle.unref();
  }

  /** Tells the replica how much of what was written to the client has left. */
  #tellOf(client: Client): void {
    if (!this.#clients.has(client.number)) return;
    const { writableLength } = client.socket;
    const taken = client.untoldBytes - writableLength;
    if (taken > 0) {
      client.untoldBytes = writableLength;
      this.#out.taken(client.number, taken);
      this.#sendSoon();
    }
    if (client.untoldBytes === 0) this.#untold.delete(client);
    else this.#tellLater(client);
  }

  #tellLater(client: Client): void {
    this.#untold.add(client);
    if (this.#isTelling) return;
    this.#isTelling = true;
    setTimeout(() => {
      this.#isTelling = false;
      for (const one of this.#untold) this.#tellOf(one);
    }, TELL_MS);
  }

  /** Behind all that this round of the event loop still reads. */
  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    setImmediate(() => {
      this.#isSending = false;
      if (this.#isOver || this.#out.isEmpty) return;
      this.#socket.write(this.#out.take());
      if (this.#isCongested || this.#socket.writableLength <= UNSENT_BYTES_MAX) return;
      this.#isCongested = true;
      for (const { socket } of this.#clients.values()) socket.pause();
    });
  }

  #drained(): void {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    for (const { socket, isPaused } of this.#clients.values()) if (!isPaused) socket.resume();
  }
}
