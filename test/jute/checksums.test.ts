/** Checksums against zlib's and known values. */
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "../../src/base/crc32.ts";
import { Adler32 } from "../../src/jute/checksums.ts";

const text = new TextEncoder();

test("Adler-32 of RFC 1950's kind: known values, in pieces as in one", () => {
  const whole = new Adler32();
  whole.add(text.encode("Wikipedia"));
  expect(whole.value).toBe(0x11e60398);
  expect(new Adler32().value).toBe(1);
  const long = new Uint8Array(100_000).fill(255);
  const [once, pieces] = [new Adler32(), new Adler32()];
  once.add(long);
  for (let at = 0; at < long.length; at += 777) pieces.add(long.subarray(at, at + 777));
  expect(pieces.value).toBe(once.value);
  // The sums by their definition.
  let [low, high] = [1n, 0n];
  for (const octet of long) high += low += BigInt(octet);
  expect(BigInt(once.value)).toBe(((high % 65_521n) << 16n) | (low % 65_521n));
});

test("CRC-32 is zlib's, in pieces as in one", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (pieces) => {
      expect(crc32(...pieces)).toBe(zlibCrc32(Buffer.concat(pieces)));
    }),
  );
});
