/**
 * Cuts a byte stream into frames: four bytes of length, then the body. The stream may be split anywhere. The
 * first four bytes of a connection may be a four-letter word ("ruok") instead of a length; the owner asks for
 * it first.
 */
import { JuteError } from "./jute-error.ts";

const LENGTH_BYTES = 4;

/** A body that is split over chunks starts with this much room, and doubles as its bytes really arrive. */
const ASSEMBLY_BYTES_INITIAL = 16 * 1024;

/**
 * Turns chunks into frame bodies. Push a chunk, then call next until it gives undefined; by then all bytes
 * have been taken over and no chunk is held. On a fresh connection look at peekFirstWord before the first
 * next.
 */
export class FrameDecoder {
  readonly #frameBytesMax: number;
  /** Chunks not taken over yet; the first is read from #offset on. */
  readonly #chunks: Uint8Array[] = [];
  #offset = 0;
  #buffered = 0;
  /** The length field so far, and how many of its bytes have come. */
  #lengthField = 0;
  #lengthBytes = 0;
  /** The body being assembled from several chunks: #filled of the frame's bytes are in. */
  #body: Uint8Array | undefined;
  #filled = 0;
  /** Latin-1 of the connection's first bytes, at most four; undefined once a frame was read. */
  #firstWord: string | undefined = "";

  /** `frameBytesMax` bounds a body, without its length field. */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Bytes that were pushed and not given out yet: what a peer makes us hold. */
  get bufferedBytes(): number {
    return this.#buffered;
  }

  /** Hands over a chunk, which must not change afterwards: frames may be views into it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#firstWord !== undefined && this.#firstWord.length < LENGTH_BYTES) {
      const missing = LENGTH_BYTES - this.#firstWord.length;
      this.#firstWord += String.fromCharCode(...chunk.subarray(0, missing));
    }
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /**
   * The first four bytes of the connection as Latin-1 text, or undefined while fewer have come and after a
   * frame was read. Whether the text is a four-letter word is for the owner to say; letters are too large for
   * any length.
   */
  peekFirstWord(): string | undefined {
    return this.#firstWord?.length === LENGTH_BYTES ? this.#firstWord : undefined;
  }

  /** The first bytes that were pushed and not taken yet, copied; undefined while there are not so many. */
  peek(count: number): Uint8Array | undefined {
    if (this.#buffered < count) return undefined;
    const bytes = new Uint8Array(count);
    let filled = 0;
    for (const [index, chunk] of this.#chunks.entries()) {
      const from = index === 0 ? this.#offset : 0;
      const part = chunk.subarray(from, from + count - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (filled === count) return bytes;
    }
    return undefined;
  }

  /**
   * The next whole body, or undefined if it has not all come. Throws JuteError "frame-too-large" on a length
   * that is negative or above the limit, on this and every later call.
   */
  next(): Uint8Array | undefined {
    if (!this.#takeLength()) return undefined;
    const length = this.#lengthField;
    if (length < 0 || length > this.#frameBytesMax) {
      throw new JuteError("frame-too-large", `${length} bytes, at most ${this.#frameBytesMax}`);
    }
    const body = this.#takeBody(length);
    if (body === undefined) return undefined;
    this.#buffered -= LENGTH_BYTES + length;
    this.#lengthField = 0;
    this.#lengthBytes = 0;
    this.#firstWord = undefined;
    return body;
  }

  #takeLength(): boolean {
    while (this.#lengthBytes < LENGTH_BYTES) {
      const octet = this.#chunks[0]?.[this.#offset];
      if (octet === undefined) return false;
      this.#lengthField = (this.#lengthField << 8) | octet;
      this.#lengthBytes++;
      this.#skip(1);
    }
    return true;
  }

  #takeBody(length: number): Uint8Array | undefined {
    const first = this.#chunks[0];
    if (this.#body === undefined) {
      if (length === 0) return new Uint8Array(0);
      if (first === undefined) return undefined;
      if (first.length - this.#offset >= length) {
        const whole = first.subarray(this.#offset, this.#offset + length);
        this.#skip(length);
        return whole;
      }
    }
    return this.#assemble(length);
  }

  #assemble(length: number): Uint8Array | undefined {
    while (this.#filled < length) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      const count = Math.min(chunk.length - this.#offset, length - this.#filled);
      const room = this.#roomFor(this.#filled + count, length);
      room.set(chunk.subarray(this.#offset, this.#offset + count), this.#filled);
      this.#filled += count;
      this.#skip(count);
    }
    const body = this.#body;
    this.#body = undefined;
    this.#filled = 0;
    return body;
  }

  /**
   * A length alone must not make us allocate: the room follows the bytes that have come, at most twice as
   * much.
   */
  #roomFor(needed: number, length: number): Uint8Array {
    const room = this.#body;
    if (room !== undefined && room.length >= needed) return room;
    const grown = new Uint8Array(Math.min(length, Math.max(needed * 2, ASSEMBLY_BYTES_INITIAL)));
    if (room !== undefined) grown.set(room.subarray(0, this.#filled));
    this.#body = grown;
    return grown;
  }

  #skip(count: number): void {
    this.#offset += count;
    if (this.#offset === this.#chunks[0]?.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
  }
}
