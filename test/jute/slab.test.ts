import fc from "fast-check";
import { expect, test } from "vitest";
import { Slab } from "../../src/jute/slab.ts";

const SOURCE = new Uint8Array(4096).map((_, index) => index * 7);

test("each copy holds its bytes, whatever is copied behind it and however the source changes", () => {
  const lengths = fc.array(fc.oneof(fc.nat(300), fc.nat(2000)), { maxLength: 40 });
  fc.assert(
    fc.property(lengths, fc.nat(2000), fc.option(fc.nat(5000)), (wanted, at, bytesMax) => {
      const source = SOURCE.slice();
      const slab = bytesMax === null ? new Slab() : new Slab(bytesMax);

      const copies = wanted.map((length) => slab.copy(source, at, length));

      source.fill(0);
      for (const [index, copy] of copies.entries()) {
        expect(copy).toEqual(SOURCE.subarray(at, at + (wanted[index] ?? 0)));
      }
    }),
  );
});

test("short copies share memory in small blocks, no more of it than is said to come", () => {
  const endless = new Slab();
  const [first, second] = [endless.copy(SOURCE, 0, 100), endless.copy(SOURCE, 0, 100)];
  expect(first.buffer).toBe(second.buffer);
  expect(first.buffer.byteLength).toBe(1024);

  const bounded = new Slab(150);
  expect(bounded.copy(SOURCE, 0, 100).buffer.byteLength).toBe(150);
  expect(bounded.copy(SOURCE, 0, 50).buffer.byteLength).toBe(150);
  expect(endless.copy(SOURCE, 0, 257).buffer.byteLength).toBe(257);
});

test("a copy of part of a Node Buffer is no view of it", () => {
  const buffer = Buffer.from(SOURCE);

  const [short, long] = [new Slab().copy(buffer, 5, 10), new Slab().copy(buffer, 5, 1000)];

  buffer.fill(0);
  expect([short[0], long[999]]).toEqual([35, (1004 * 7) & 0xff]);
});
