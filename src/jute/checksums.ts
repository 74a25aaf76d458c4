/** The checksum that ZooKeeper's files carry. Source: RFC 1950 (Adler-32). */

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
