/**
 * Seeded randomness (sfc32): the only dice the pure layers may throw, handed to them. The same seed gives the
 * same run on every machine. Integers only: no floating point drifts into a replay.
 */
export interface Rng {
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** An integer from 0 to bound - 1; bound is 1 to 2^32. */
  below(bound: number): number;
}

/** A generator from four 32-bit seeds; the first twenty numbers are thrown away to mix them. */
export function seededRng(seed: readonly [number, number, number, number]): Rng {
  let [a, b, c, d] = seed;
  function uint32(): number {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  for (let round = 0; round < 20; round++) uint32();
  return { uint32, below: (bound) => Math.floor((uint32() / 0x100000000) * bound) };
}
