/** One TCP connection: bytes out, frames in, in the order they came, and whether the server has hung up. */
import { connect, type Socket } from "node:net";

import { FrameDecoder } from "../../src/jute/framing.ts";

/** A reply's frame, at most. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

/** How long an answer may take on a busy machine before the server counts as hanging, in ms. */
const ANSWER_DEADLINE_MS = 20_000;

/** Where a server listens. */
export interface Door {
  readonly host: string;
  readonly port: number;
}

/** Thrown where a server neither answers nor hangs up. */
class HangError extends Error {
  override readonly name = "HangError";
}

/** A connection. Frames wait in it until they are taken. */
export class WireSocket {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(REPLY_BYTES_MAX);
  readonly #frames: Uint8Array[] = [];
  #isClosed = false;
  #isBroken = false;
  #wake: (() => void) | undefined;

  private constructor(door: Door) {
    this.#socket = connect({ host: door.host, port: door.port, noDelay: true });
    this.#socket.on("data", (chunk) => this.#received(chunk));
    // What went wrong is told by the close that follows.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** Connects; throws where nobody listens. */
  static async open(door: Door): Promise<WireSocket> {
    const socket = new WireSocket(door);
    await new Promise<void>((resolve, reject) => {
      socket.#socket.once("connect", resolve);
      socket.#socket.once("error", reject);
    });
    return socket;
  }

  /** Whether the server has hung up, or sent what is no frame. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends; what cannot be sent any more is not. */
  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#socket.write(bytes);
  }

  /** Waits until a frame satisfies `isLast` or the connection is closed; takes all frames up to there. */
  async take(isLast: (frame: Uint8Array) => boolean): Promise<readonly Uint8Array[]> {
    const deadline = performance.now() + ANSWER_DEADLINE_MS;
    let seen = 0;
    for (;;) {
      for (; seen < this.#frames.length; seen++) {
        const frame = this.#frames[seen];
        if (frame !== undefined && isLast(frame)) return this.#frames.splice(0, seen + 1);
      }
      if (this.#isClosed) return this.#frames.splice(0);
      await this.#change(deadline);
    }
  }

  /** Waits until the server has hung up. */
  async closed(): Promise<void> {
    const deadline = performance.now() + ANSWER_DEADLINE_MS;
    while (!this.#isClosed) await this.#change(deadline);
  }

  /** Hangs up, behind what was written. */
  end(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  async #change(deadline: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw new HangError(`neither an answer nor a close within ${ANSWER_DEADLINE_MS} ms`);
    const timer = setTimeout(resolve, leftMs);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #received(chunk: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      this.#decoder.push(chunk);
      for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
        // A body may be a view into the chunk, which is ours to keep.
        this.#frames.push(body);
      }
    } catch {
      // No server of ZooKeeper's kind sends such a length: the comparison will show what is missing.
      this.#isBroken = true;
      this.#socket.destroy();
    }
    this.#wake?.();
  }
}
