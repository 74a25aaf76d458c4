/**
 * One client of the bridge: its TCP connection, and the WebSocket to a replica that was opened for it. Neither side is
 * read faster than the other takes what it sends. When one side ends, so does the other: a client whose replica is lost
 * must know, as it comes back with its session, here or at another port, and sets its watches again.
 */
import type { Socket } from "node:net";

import type { WebSocket } from "ws";

import { EdgekeeperError } from "../client/errors.ts";
import { Conversation } from "./conversation.ts";
import type { Door } from "./door.ts";

/** How a link came to its end, where that is worth a line. */
export type LinkEnd =
  /** The door refuses what it is shown, or the address is wrong: each client will hear the same. */
  | "refused"
  /** Nobody answers at the door. */
  | "unreachable"
  /** The replica, or the way to it, was lost. */
  | "lost"
  /** The replica was silent though it owed an answer. */
  | "silent"
  /** One side took nothing for too long. */
  | "stalled"
  /** What was sent is no ZooKeeper protocol. */
  | "garbled";

/** What a link is made with. */
export interface LinkParts {
  readonly socket: Socket;
  readonly door: Door;
  /** Undefined for the nearest. */
  readonly sid: number | undefined;
  readonly answersPings: boolean;
  readonly onEnd: (end: LinkEnd | undefined, detail: string) => void;
}

/** Dialling goes on for so long where the door does not answer: a client goes elsewhere by itself. In ms. */
const DIAL_MS = 2000;
const DIAL_PAUSE_MS = 50;

/** Above so many unsent bytes the client is not read, and below the other it is again. */
const UNSENT_BYTES_HIGH = 1024 * 1024;
const UNSENT_BYTES_LOW = 256 * 1024;

/** Who takes nothing for so long is hung up on, in ms: as long as a replica waits. */
const STALL_MS = 30_000;

/** Normal, and no code at all (RFC 6455, section 7.4.1). */
const REGULAR_CLOSE_CODES: ReadonlySet<number> = new Set([1000, 1005]);

/** What was sent to a client before its end has so long to get there, in ms. */
const LINGER_MS = 2000;

/** See the file's comment. */
export class ClientLink {
  readonly #parts: LinkParts;
  readonly #conversation: Conversation | undefined;
  #upstream: WebSocket | undefined;
  #isOver = false;
  /** Since when the replica is not read, as the client takes nothing; undefined while it is. */
  #deafSinceMs: number | undefined;
  /** Since when the client is not read, as the replica takes nothing. */
  #mutedSinceMs: number | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#conversation = parts.answersPings ? new Conversation() : undefined;
    const { socket } = parts;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, STALL_MS);
    socket.on("error", () => this.#over(undefined, ""));
    socket.on("close", () => this.#over(undefined, ""));
    socket.on("drain", () => this.#onDrain());
  }

  /** Opens the way to the replica, and serves until one side ends. */
  async serve(): Promise<void> {
    const { socket } = this.#parts;
    const upstream = await this.#dial();
    if (upstream === undefined) return;
    this.#upstream = upstream;
    upstream.on("message", (data: Buffer) => this.#onReplicaBytes(data));
    upstream.on("close", (code, reason) => {
      // The replica has said all, as behind the end of a session.
      if (REGULAR_CLOSE_CODES.has(code)) return this.#over(undefined, "");
      const told = reason.length > 0 ? ` ${reason.toString()}` : "";
      return this.#over("lost", `the WebSocket was closed: ${code}${told}`);
    });
    socket.on("data", (bytes: Buffer) => this.#onClientBytes(bytes));
    socket.on("end", () => this.#onClientEnd());
    socket.resume();
  }

  /** Looks whether somebody is silent, or takes nothing. To be called a few times a second. */
  look(nowMs: number): void {
    if (this.#deafSinceMs !== undefined) this.#conversation?.wasDeaf(nowMs);
    if (this.#conversation?.isSilent(nowMs) === true) {
      this.#over("silent", "the replica owes an answer and sends nothing");
      return;
    }
    const sinceMs = Math.min(this.#deafSinceMs ?? nowMs, this.#mutedSinceMs ?? nowMs);
    if (nowMs - sinceMs > STALL_MS) this.#over("stalled", `one side took nothing for ${STALL_MS} ms`);
  }

  /** Ends it: what is on its way to the client still gets there. */
  close(): void {
    this.#over(undefined, "");
  }

  async #dial(): Promise<WebSocket | undefined> {
    let { sid } = this.#parts;
    const deadlineMs = performance.now() + DIAL_MS;
    for (let pauseMs = DIAL_PAUSE_MS; !this.#isOver; pauseMs *= 2) {
      const dialled = await this.#dialOnce(sid);
      if (!(dialled instanceof Error)) {
        if (!this.#isOver) return dialled;
        dialled.terminate();
        return undefined;
      }
      const isFinal = dialled instanceof EdgekeeperError && !dialled.isRetryable;
      if (isFinal && dialled.code === "bad-sid" && sid !== undefined) {
        // It is no member any more: any other one will do.
        sid = undefined;
      } else if (isFinal) {
        this.#over("refused", dialled.message);
      } else if (performance.now() + pauseMs > deadlineMs) {
        this.#over("unreachable", dialled.message);
      } else {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
    return undefined;
  }

  async #dialOnce(sid: number | undefined): Promise<WebSocket | Error> {
    return await new Promise((resolve) => {
      const upstream = this.#parts.door.dial(sid, resolve);
      upstream.on("open", () => resolve(upstream));
      // Its end follows, if it was open; the first of them that is told counts.
      upstream.on("error", resolve);
    });
  }

  #onClientBytes(bytes: Uint8Array): void {
    if (this.#conversation === undefined) return this.#toReplica(bytes);
    this.#pass(() => this.#conversation?.fromClient(bytes, performance.now()));
  }

  #onReplicaBytes(bytes: Uint8Array): void {
    if (this.#conversation === undefined) return this.#toClient(bytes);
    this.#pass(() => this.#conversation?.fromReplica(bytes, performance.now()));
  }

  #pass(take: () => ReturnType<Conversation["fromClient"]> | undefined): void {
    if (this.#isOver) return;
    try {
      const passing = take();
      if (passing === undefined) return;
      this.#toReplica(passing.toReplica);
      this.#toClient(passing.toClient);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#over("garbled", error.message);
    }
  }

  #toReplica(bytes: Uint8Array): void {
    const { socket } = this.#parts;
    const upstream = this.#upstream;
    if (bytes.length === 0 || upstream === undefined || this.#isOver) return;
    upstream.send(bytes, { binary: true }, () => {
      if (this.#mutedSinceMs === undefined || upstream.bufferedAmount > UNSENT_BYTES_LOW) return;
      this.#mutedSinceMs = undefined;
      socket.resume();
    });
    if (upstream.bufferedAmount <= UNSENT_BYTES_HIGH || this.#mutedSinceMs !== undefined) return;
    this.#mutedSinceMs = performance.now();
    socket.pause();
  }

  #toClient(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#isOver) return;
    if (this.#parts.socket.write(bytes) || this.#deafSinceMs !== undefined) return;
    this.#deafSinceMs = performance.now();
    this.#upstream?.pause();
  }

  #onDrain(): void {
    if (this.#deafSinceMs === undefined) return;
    this.#deafSinceMs = undefined;
    this.#conversation?.wasDeaf(performance.now());
    if (!this.#isOver) this.#upstream?.resume();
  }

  /** A four-letter word is sent by those that say no more and wait for the answer. */
  #onClientEnd(): void {
    if (this.#conversation?.isRaw !== true) return this.#over(undefined, "");
    setTimeout(() => this.#over(undefined, ""), LINGER_MS).unref();
  }

  #over(end: LinkEnd | undefined, detail: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { socket, onEnd } = this.#parts;
    const upstream = this.#upstream;
    if (upstream !== undefined) {
      upstream.resume();
      upstream.close();
      setTimeout(() => upstream.terminate(), LINGER_MS).unref();
    }
    socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    onEnd(end, detail);
  }
}
