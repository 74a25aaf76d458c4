/** The checksums that ZooKeeper's files carry. Sources: RFC 1950 (Adler-32), RFC 1952 (CRC-32). */

const ADLER_MODULUS = 65_521;

/** So many bytes can be summed before the sums must be reduced to stay below 2^32 (zlib's NMAX). */
const ADLER_BYTES_UNREDUCED = 5552;

/** Adler-32 over bytes that come in pieces. */
export class Adler32 {
  #low = 1;
  #high = 0;

  add(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(at + ADLER_BYTES_UNREDUCED, bytes.length);
      for (; at < end; at++) {
        low += bytes[at] ?? 0;
        high += low;
      }
      low %= ADLER_MODULUS;
      high %= ADLER_MODULUS;
    }
    this.#low = low;
    this.#high = high;
  }

  /** Of all that was added: unsigned. */
  get value(): number {
    return this.#high * 0x10000 + this.#low;
  }
}

const CRC_POLYNOMIAL = 0xedb88320;

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, octet) => {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC_POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32 of the pieces one after the other: unsigned. */
export function crc32(...pieces: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at++) {
      crc = (CRC_TABLE[(crc ^ (piece[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
