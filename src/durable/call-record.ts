/** How calls and their answers travel between the gateway and a replica: as JSON, with what JSON has no word for. */

/** A text that decodeRecord makes the value of again; it holds plain data, bytes and bigints. */
export function encodeRecord(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Uint8Array) return { $bytes: toBase64(part) };
    if (typeof part === "bigint") return { $integer: part.toString() };
    return part;
  });
}

/** What encodeRecord was given: both ends are of this program, so its shape is taken as told. */
export function decodeRecord(text: string): unknown {
  return JSON.parse(text, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null) return part;
    if ("$bytes" in part && typeof part.$bytes === "string") return fromBase64(part.$bytes);
    if ("$integer" in part && typeof part.$integer === "string") return BigInt(part.$integer);
    return part;
  });
}

/** So many bytes become arguments of one call: engines bound those. */
const CHUNK_BYTES = 8192;

/** Base64 of the bytes. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}

/** The bytes of base64. Throws where it is none. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
