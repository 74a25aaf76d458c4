/**
 * DistributedAtomicLong: an int64 that all count with.
 *
 * What can go wrong: what can with a DistributedAtomicValue, and the same happens. Nothing is counted twice.
 *
 * Znodes: PATH (persistent, its data eight bytes, the highest first). Source: Curator DistributedAtomicLong.
 */
import { AtomicNumber } from "./atomic-number.ts";
import type { AtomicSettings } from "./distributed-atomic-value.ts";
import { int64Bytes, int64Of } from "./int-bytes.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class DistributedAtomicLong extends AtomicNumber<bigint> {
  constructor(client: RecipeClient, path: string, settings: AtomicSettings = {}) {
    const format = {
      zero: 0n,
      one: 1n,
      bytes: int64Bytes,
      read: int64Of,
      sum: (a: bigint, b: bigint) => BigInt.asIntN(64, a + b),
      negative: (value: bigint) => -value,
    };
    super(client, path, format, settings);
  }
}
