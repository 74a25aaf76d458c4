/**
 * Looks at the beginning of each frame of a stream while the stream passes through: a frame may be taken out, and
 * something may be put in between two frames. A frame's body is passed on as it comes, so a large one is never held.
 */

/** Bytes before a frame's body: its length. */
const LENGTH_BYTES = 4;

/** Bytes of a body that are looked at: in requests xid and opcode, in replies xid, zxid and error. */
const LOOK_BYTES = 16;

/** The beginning of a frame: its length and as much of its body as is looked at. */
export interface FrameHead {
  /** Of the whole body, in bytes. */
  readonly bodyBytes: number;
  /** The first bytes of it, sixteen at most. */
  readonly body: DataView;
}

/** What passes of a chunk. */
export interface Scanned {
  readonly bytes: Uint8Array;
  /** Where in them something may be put in: behind the last frame that is whole; undefined within a frame. */
  readonly boundary: number | undefined;
}

/** See the file's comment. Pure. */
export class FrameScanner {
  readonly #passes: (head: FrameHead) => boolean;
  /** The beginning of a frame that is too short to be looked at. */
  #held: Uint8Array = new Uint8Array(0);
  /** Bytes of the present frame that are still to come, once it was looked at. */
  #leftBytes = 0;
  #isPassing = true;

  /** `passes` is asked once a frame. */
  constructor(passes: (head: FrameHead) => boolean) {
    this.#passes = passes;
  }

  /** Whether all that has passed ends with a frame. */
  get isBetween(): boolean {
    return this.#leftBytes === 0 || !this.#isPassing;
  }

  /** Takes bytes, cut anywhere. Throws RangeError where a length is negative: that is no such stream. */
  scan(chunk: Uint8Array): Scanned {
    const bytes = concatenated([this.#held, chunk]);
    const passed: Uint8Array[] = [];
    let passedBytes = 0;
    let boundary = this.isBetween ? 0 : undefined;
    /** What stands before has been passed on, or taken out. */
    let from = 0;
    let at = 0;
    const pass = (): void => {
      if (at > from) passed.push(bytes.subarray(from, at));
      passedBytes += at - from;
      from = at;
    };
    while (at < bytes.length) {
      if (this.#leftBytes === 0) {
        const head = headAt(bytes, at);
        if (head === undefined) break;
        this.#isPassing = this.#passes(head);
        if (!this.#isPassing) pass();
        this.#leftBytes = LENGTH_BYTES + head.bodyBytes;
      }
      const takenBytes = Math.min(this.#leftBytes, bytes.length - at);
      at += takenBytes;
      this.#leftBytes -= takenBytes;
      if (!this.#isPassing) from = at;
      if (this.#leftBytes === 0) boundary = passedBytes + at - from;
    }
    pass();
    this.#held = bytes.subarray(at);
    return { bytes: concatenated(passed), boundary };
  }
}

/** The beginning of the frame at a place; undefined where too little of it is there. */
function headAt(bytes: Uint8Array, at: number): FrameHead | undefined {
  if (bytes.length - at < LENGTH_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  const bodyBytes = view.getInt32(0);
  if (bodyBytes < 0) throw new RangeError(`a frame of ${bodyBytes} bytes`);
  const lookBytes = Math.min(bodyBytes, LOOK_BYTES);
  if (bytes.length - at < LENGTH_BYTES + lookBytes) return undefined;
  return { bodyBytes, body: new DataView(bytes.buffer, bytes.byteOffset + at + LENGTH_BYTES, lookBytes) };
}

/** The parts as one; of a single one that is not empty, that very one. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter(({ length }) => length > 0);
  const [only] = filled;
  if (only === undefined) return new Uint8Array(0);
  if (filled.length === 1) return only;
  const whole = new Uint8Array(filled.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of filled) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
