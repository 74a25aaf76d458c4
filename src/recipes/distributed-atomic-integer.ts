/**
 * DistributedAtomicInteger: an int32 that all count with.
 *
 * What can go wrong: what can with a DistributedAtomicValue, and the same happens. Nothing is counted twice.
 *
 * Znodes: PATH (persistent, its data four bytes, the highest first). Source: Curator DistributedAtomicInteger.
 */
import { AtomicNumber } from "./atomic-number.ts";
import type { AtomicSettings } from "./distributed-atomic-value.ts";
import { int32Bytes, int32Of } from "./int-bytes.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class DistributedAtomicInteger extends AtomicNumber<number> {
  constructor(client: RecipeClient, path: string, settings: AtomicSettings = {}) {
    const format = {
      zero: 0,
      one: 1,
      bytes: int32Bytes,
      read: int32Of,
      sum: (a: number, b: number) => (a + b) | 0,
      negative: (value: number) => -value | 0,
    };
    super(client, path, format, settings);
  }
}
