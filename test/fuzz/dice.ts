/** Choices by the project's own generator: the same seed makes the same choices on every machine. */
import { must } from "../../src/base/assert.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";

/** Numbers at the edges of what fields hold. */
const INTS = [-1, 0, 1, 2, 3, 7, 100, 0x7fffffff, -0x80000000, 0xffff, 0xfffff, 0x100000, -2];

/** See the file's comment. */
export class Dice {
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** The dice of one episode. */
  static of(seed: number, episode: number): Dice {
    return new Dice(seededRng([seed >>> 0, Math.floor(seed / 0x100000000), episode, 0x2545f491]));
  }

  below(bound: number): number {
    return this.#rng.below(bound);
  }

  /** From `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.#rng.below(max - min + 1);
  }

  /** Once in so many times. */
  once(inTimes: number): boolean {
    return this.#rng.below(inTimes) === 0;
  }

  pick<T>(values: readonly T[]): T {
    return must(values[this.#rng.below(values.length)], "a value to pick");
  }

  /** A number of 32 bits, most often one at an edge. */
  int(): number {
    return this.once(4) ? this.#rng.uint32() | 0 : this.pick(INTS);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#rng.below(256);
    return bytes;
  }
}
