/**
 * A counter's data, as Curator's DistributedAtomicLong has them: eight bytes, the highest first, of a signed 64-bit
 * integer; none stand for 0. Source: Curator DistributedAtomicLong.
 */
import { KeeperError } from "../base/error-code.ts";
import type { NodeData } from "../base/request.ts";

const BYTES = 8;

/** The data of a counter that stands at this, which fits into 64 bits. */
export function encodeCounter(value: bigint): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** What a counter stands at; undefined of other data. */
export function decodeCounter(data: NodeData): bigint | undefined {
  if (data === null || data.length === 0) return 0n;
  if (data.length !== BYTES) return undefined;
  return new DataView(data.buffer, data.byteOffset, BYTES).getBigInt64(0);
}

/** The data with so much added. Throws KeeperError notCounter, or counterOverflow where it does not fit. */
export function addedTo(data: NodeData, delta: bigint): Uint8Array {
  const value = decodeCounter(data);
  if (value === undefined) throw new KeeperError("notCounter");
  const sum = value + delta;
  if (BigInt.asIntN(64, sum) !== sum) throw new KeeperError("counterOverflow", String(sum));
  return encodeCounter(sum);
}
