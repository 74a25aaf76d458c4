/**
 * CachedAtomicLong: numbers that nobody else is given, a block of them fetched at a time.
 *
 * What can go wrong, and what happens then:
 * - The process dies: what is left of its block is given to nobody. Numbers are unique, and there may be gaps.
 * - Others are quicker each time: `next` throws the fault `timeout`, and another call tries again.
 * - The answer to the fetch of a block is lost and the znode does not tell: `unknownOutcome`; that block may be lost.
 *
 * Znodes: those of its DistributedAtomicLong. Source: Curator CachedAtomicLong, CachedAtomicInteger.
 */
import type { DistributedAtomicLong } from "./distributed-atomic-long.ts";
import { RecipeError } from "./recipe-error.ts";

/** See the file's comment. */
export class CachedAtomicLong {
  readonly #number: DistributedAtomicLong;
  readonly #blockSize: bigint;
  #next = 0n;
  #end = 0n;
  #fetching: Promise<void> | undefined;

  /** So many numbers are fetched at a time. */
  constructor(number: DistributedAtomicLong, blockSize: number) {
    if (!Number.isSafeInteger(blockSize) || blockSize < 1)
      throw new RecipeError("misuse", `a block of ${blockSize}: give a whole number from 1 up`);
    this.#number = number;
    this.#blockSize = BigInt(blockSize);
  }

  /** A number that is given to nobody else. */
  async next(): Promise<bigint> {
    while (this.#next === this.#end) {
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
      await this.#fetching;
    }
    return this.#next++;
  }

  async #fetch(): Promise<void> {
    const { succeeded, postValue } = await this.#number.add(this.#blockSize);
    if (!succeeded || postValue === undefined)
      throw new RecipeError("timeout", "others were quicker each time: call again, or allow more tries");
    this.#end = postValue;
    this.#next = postValue - this.#blockSize;
  }
}
