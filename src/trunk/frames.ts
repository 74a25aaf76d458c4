/**
 * A trunk: one stream that carries many clients' connections between a door and a replica. Opening a stream, and each
 * piece that passes over it, costs a runtime far more than the few bytes of a request do, so a door that has a stream
 * of its own with a replica sends all that came at one moment in one piece, and the replica answers likewise.
 *
 * Both ways the same frames: kind (1 byte), the connection's number (4), the length of what follows (4), all
 * big-endian. A door numbers its connections itself and uses no number twice on a trunk.
 *
 * | kind | from | what follows |
 * | --- | --- | --- |
 * | open | door | the client's address |
 * | bytes | both | a piece of the connection's stream, cut anywhere |
 * | end | door: the client says no more, or has gone | nothing |
 * | end | replica: hang up once all was sent; it answers the door's | nothing |
 * | drop | replica: hang up at once | nothing |
 * | taken | both | how many of the connection's bytes were taken since it was last told (4) |
 */

/** What a trunk's stream begins with; the sid of the replica that it leads to follows, as text, and a line feed. */
export const TRUNK_GREETING = "edgekeeper-trunk ";

/** A door reads no more from a client while so much of it is not told to be taken. */
export const TRUNK_WINDOW_BYTES: number = 128 * 1024;

/** Whoever takes a connection's bytes tells it at the latest when it is so much. */
export const TRUNK_REPORT_BYTES: number = 64 * 1024;

/** A frame's head. */
const HEAD_BYTES = 9;

/** An address is short; what is longer is no trunk. */
const ADDRESS_BYTES_MAX = 256;

const COUNT_BYTES = 4;

const KINDS = { open: 1, bytes: 2, end: 3, drop: 4, taken: 5 } as const;

/** What comes over a trunk. */
export interface TrunkListener {
  opened(connection: number, address: string): void;
  /** A view of what was pushed. */
  received(connection: number, bytes: Uint8Array): void;
  ended(connection: number): void;
  dropped(connection: number): void;
  taken(connection: number, count: number): void;
}

/** Gathers frames until they are sent together. */
export class TrunkWriter {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  open(connection: number, address: string): void {
    this.bytes(connection, new TextEncoder().encode(address), KINDS.open);
  }

  /** Copies them. */
  bytes(connection: number, bytes: Uint8Array, kind: number = KINDS.bytes): void {
    this.#head(kind, connection, bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  end(connection: number): void {
    this.#head(KINDS.end, connection, 0);
  }

  drop(connection: number): void {
    this.#head(KINDS.drop, connection, 0);
  }

  taken(connection: number, count: number): void {
    this.#head(KINDS.taken, connection, COUNT_BYTES);
    this.#view.setUint32(this.#length, count);
    this.#length += COUNT_BYTES;
  }

  /** All that was gathered, which is the caller's from here on. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    // Whoever sends it may hold it for a while.
    this.#replace(Math.max(FIRST_BYTES, this.#length));
    this.#length = 0;
    return taken;
  }

  /** Writes a head, where there is room for what follows. */
  #head(kind: number, connection: number, bytes: number): void {
    const needed = this.#length + HEAD_BYTES + bytes;
    if (needed > this.#buffer.length) {
      const before = this.#buffer.subarray(0, this.#length);
      this.#replace(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.set(before);
    }
    this.#view.setUint8(this.#length, kind);
    this.#view.setUint32(this.#length + 1, connection);
    this.#view.setUint32(this.#length + 5, bytes);
    this.#length += HEAD_BYTES;
  }

  #replace(bytes: number): void {
    this.#buffer = new Uint8Array(bytes);
    this.#view = new DataView(this.#buffer.buffer);
  }
}

/** What a writer begins with. */
const FIRST_BYTES = 4096;

/** Takes a trunk's stream apart, cut anywhere. */
export class TrunkReader {
  readonly #listener: TrunkListener;
  /** A head, or a short frame, that is not here whole. */
  #held = NOTHING;
  /** Of a connection's bytes so many are to come. */
  #connection = 0;
  #left = 0;

  constructor(listener: TrunkListener) {
    this.#listener = listener;
  }

  /** Tells the listener what it says. Throws RangeError where that is no trunk's stream. */
  push(chunk: Uint8Array): void {
    const bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    this.#held = NOTHING;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = this.#piece(bytes, 0);
    while (bytes.length - at >= HEAD_BYTES) {
      const kind = view.getUint8(at);
      const length = view.getUint32(at + 5);
      if (kind === KINDS.bytes) {
        this.#connection = view.getUint32(at + 1);
        this.#left = length;
        at = this.#piece(bytes, at + HEAD_BYTES);
        continue;
      }
      if (length > ADDRESS_BYTES_MAX) throw new RangeError(`a frame of kind ${kind} with ${length} bytes`);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      this.#short(kind, view.getUint32(at + 1), bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    if (at < bytes.length) this.#held = bytes.slice(at);
  }

  /** Tells of what is here of the bytes that are to come; where the rest begins. */
  #piece(bytes: Uint8Array, at: number): number {
    if (this.#left === 0) return at;
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (end > at) this.#listener.received(this.#connection, bytes.subarray(at, end));
    return end;
  }

  #short(kind: number, connection: number, rest: Uint8Array): void {
    switch (kind) {
      case KINDS.open:
        return this.#listener.opened(connection, new TextDecoder().decode(rest));
      case KINDS.end:
        return this.#listener.ended(connection);
      case KINDS.drop:
        return this.#listener.dropped(connection);
      case KINDS.taken:
        if (rest.length !== COUNT_BYTES) throw new RangeError(`a count of ${rest.length} bytes`);
        return this.#listener.taken(connection, new DataView(rest.buffer, rest.byteOffset).getUint32(0));
      default:
        throw new RangeError(`a frame of kind ${kind}`);
    }
  }
}

const NOTHING = new Uint8Array(0);

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}
