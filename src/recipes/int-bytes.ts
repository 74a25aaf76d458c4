/** Numbers as Java writes them: the highest byte first. */
import { RecipeError } from "./recipe-error.ts";

const INT_BYTES = 4;
const LONG_BYTES = 8;

/** An int32. Throws the fault `misuse` for what is none. */
export function int32Bytes(value: number): Uint8Array {
  if ((value | 0) !== value) throw new RecipeError("misuse", `${value} is no int32`);
  const bytes = new Uint8Array(INT_BYTES);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

/** Reads one; no bytes are nought. Throws the fault `badData`. */
export function int32Of(bytes: Uint8Array | null, path: string): number {
  if (bytes === null || bytes.length === 0) return 0;
  if (bytes.length < INT_BYTES) throw badData(bytes, path, INT_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
}

/** An int64, the lowest 64 bits of what is given. */
export function int64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(LONG_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** Reads one; no bytes are nought. Throws the fault `badData`. */
export function int64Of(bytes: Uint8Array | null, path: string): bigint {
  if (bytes === null || bytes.length === 0) return 0n;
  if (bytes.length < LONG_BYTES) throw badData(bytes, path, LONG_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0);
}

function badData(bytes: Uint8Array, path: string, count: number): RecipeError {
  return new RecipeError("badData", `${path} holds ${bytes.length} bytes, not a number of ${count}`);
}
