/** How calls and their answers travel between the gateway and a replica: as JSON, with what JSON has no word for. */

/** A text that decodeRecord makes the value of again; it holds plain data, bytes and bigints. */
export function encodeRecord(value: unknown): string {
  return JSON.stringify(plainOf(value));
}

/** What encodeRecord was given: both ends are of this program, so its shape is taken as told. */
export function decodeRecord(text: string): unknown {
  return valueOf(JSON.parse(text));
}

/**
 * What is plain is given back as it is. A function that JSON.stringify calls for each part would cost several times as
 * much.
 */
function plainOf(value: unknown): unknown {
  if (typeof value === "bigint") return { $integer: value.toString() };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  if (Array.isArray(value)) {
    const plain = value.map(plainOf);
    return plain.some((part, index) => part !== value[index]) ? plain : value;
  }
  let plain: Record<string, unknown> | undefined;
  const parts = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(parts)) {
    const part = plainOf(parts[key]);
    // The spread makes own properties of all names.
    if (part !== parts[key]) (plain ??= { ...parts })[key] = part;
  }
  return plain ?? parts;
}

/** Of what JSON.parse made, which nobody else has: it is changed in place. */
function valueOf(plain: unknown): unknown {
  if (typeof plain !== "object" || plain === null) return plain;
  if ("$bytes" in plain && typeof plain.$bytes === "string") return fromBase64(plain.$bytes);
  if ("$integer" in plain && typeof plain.$integer === "string") return BigInt(plain.$integer);
  const parts = plain as Record<string, unknown>;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (typeof part === "object" && part !== null) parts[key] = valueOf(part);
  }
  return parts;
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
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
