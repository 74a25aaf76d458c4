/** Bytes that are secrets. */

/** Whether both hold the same bytes. Takes the same time wherever they differ: nothing is guessed byte by byte. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

/** The digits of each octet. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

/** Hex digits, two an octet. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += HEX[octet] ?? "";
  return text;
}
