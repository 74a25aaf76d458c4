/**
 * Addresses as access control lists write them. Source: ZooKeeper IPAuthenticationProvider (3.9.5: both
 * families).
 */

/** The 4 or 16 bytes of an address, or undefined where the text is none. */
export function addressBytes(text: string): Uint8Array | undefined {
  return text.includes(":") ? v6Bytes(text) : v4Bytes(text);
}

/** An address with the number of leading bits that count, as `10.0.0.0/8`; all bits where none are given. */
export interface AddressRange {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Reads `address` or `address/bits`; undefined where it is neither. */
export function addressRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const bytes = addressBytes(slash === -1 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bits = slash === -1 ? bytes.length * 8 : integerOf(text.slice(slash + 1));
  if (bits === undefined || bits < 0 || bits > bytes.length * 8) return undefined;
  return { bytes, bits };
}

/** Whether the address is in the range; never across families. */
export function isInRange(address: string, range: AddressRange): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined || bytes.length !== range.bytes.length) return false;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, range.bits - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((range.bytes[index] ?? 0) & mask);
  });
}

function v4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split(".").map(integerOf);
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (part === undefined || part < 0 || part > 255) return undefined;
    bytes[index] = part;
  }
  return bytes;
}

function v6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = segmentsOf(halves[0] ?? "");
  const tail = halves.length === 2 ? segmentsOf(halves[1] ?? "") : [];
  const count = head.length + tail.length;
  if (halves.length === 2 ? count >= 8 : count !== 8) return undefined;
  const bytes = new Uint8Array(16);
  const segments = [...head, ...Array<string>(8 - count).fill("0"), ...tail];
  for (const [index, segment] of segments.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(segment)) return undefined;
    const value = Number.parseInt(segment, 16);
    bytes[index * 2] = value >> 8;
    bytes[index * 2 + 1] = value & 0xff;
  }
  return bytes;
}

function segmentsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}

/**
 * What Java's Integer.parseInt takes of ASCII: an optional sign and digits (seen on 3.8.0: `+1.2.3.04/+8` is
 * valid).
 */
function integerOf(text: string): number | undefined {
  return /^[+-]?[0-9]+$/.test(text) ? Number(text) : undefined;
}
