/**
 * Copies of short byte strings, several of them in one piece of memory. An array of its own for each costs some four
 * times as much where arrays of more than 64 bytes lie outside of the heap (V8), and each has to be collected.
 *
 * What is kept keeps its whole block: blocks are small, so that the last value of a block that is left holds little.
 */

const BLOCK_BYTES = 1024;

/** Longer ones get memory of their own. */
const SHARED_BYTES_MAX = 256;

/** Up to here a loop costs less than a view of what is copied. */
const LOOP_BYTES_MAX = 128;

const NOTHING = new Uint8Array(0);

/** See the file's comment. */
export class Slab {
  #block: Uint8Array = NOTHING;
  #used = 0;
  /** How much may still be asked for: the last block is no larger. */
  #bytesLeft: number;

  /** `bytesMax` is a bound on all copies together, where the caller knows one: for a frame, its length. */
  constructor(bytesMax: number = Infinity) {
    this.#bytesLeft = bytesMax;
  }

  /** A copy of `length` bytes from `at`, which lie within `bytes`. Whoever gets it writes nothing to it. */
  copy(bytes: Uint8Array, at: number, length: number): Uint8Array {
    this.#bytesLeft -= length;
    if (length > SHARED_BYTES_MAX) {
      // Not slice: a Node Buffer's slice is a view.
      const own = new Uint8Array(length);
      own.set(bytes.subarray(at, at + length));
      return own;
    }
    if (this.#block.length - this.#used < length) {
      this.#block = new Uint8Array(Math.max(length, Math.min(BLOCK_BYTES, this.#bytesLeft + length)));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used = from + length;
    const block = this.#block;
    if (length > LOOP_BYTES_MAX) block.set(bytes.subarray(at, at + length), from);
    else for (let index = 0; index < length; index++) block[from + index] = bytes[at + index] ?? 0;
    return block.subarray(from, from + length);
  }
}
