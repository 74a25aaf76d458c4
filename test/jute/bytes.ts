/** Bytes from hex with blanks, so that a test shows a frame field by field. */
export function hex(...parts: readonly string[]): Uint8Array {
  const digits = parts.join("").replaceAll(" ", "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
