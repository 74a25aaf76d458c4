/** Frames that pass, are taken out, and are put in between, however the stream is cut. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { concatenated, FrameScanner } from "../../src/bridge/frame-scanner.ts";

/** A frame whose body begins with a mark: those of an odd mark are to be taken out. */
function frame(mark: number, bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(4 + bodyBytes).fill(mark & 0xff, 4);
  new DataView(bytes.buffer).setInt32(0, bodyBytes);
  return bytes;
}

/** Cuts bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const frames = fc.array(fc.tuple(fc.nat(9), fc.oneof(fc.nat(40), fc.nat(5000))), { maxLength: 12 });

describe("a stream of frames", () => {
  test("passes whole but for the frames that are taken out, however it is cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat()), (list, places) => {
        const scanner = new FrameScanner(
          ({ bodyBytes, body }) => bodyBytes === 0 || body.getUint8(0) % 2 === 0,
        );
        const stream = concatenated(list.map(([mark, bytes]) => frame(mark, bytes)));
        const kept = list.filter(([mark, bytes]) => bytes === 0 || mark % 2 === 0);

        const passed = cut(stream, places).map((chunk) => scanner.scan(chunk).bytes);

        expect(concatenated(passed)).toEqual(concatenated(kept.map(([mark, bytes]) => frame(mark, bytes))));
      }),
    );
  });

  test("takes something in at each boundary that is told, and is a stream of frames still", () => {
    const extra = frame(8, 16);
    fc.assert(
      fc.property(frames, fc.array(fc.nat()), (list, places) => {
        const scanner = new FrameScanner(() => true);
        const stream = concatenated(list.map(([mark, bytes]) => frame(mark, bytes)));
        let inserted = 0;
        const passed = cut(stream, places).map((chunk) => {
          const { bytes, boundary } = scanner.scan(chunk);
          if (boundary === undefined) return bytes;
          inserted++;
          return concatenated([bytes.subarray(0, boundary), extra, bytes.subarray(boundary)]);
        });

        let seen = 0;
        const reader = new FrameScanner(() => {
          seen++;
          return true;
        });
        const { boundary } = reader.scan(concatenated(passed));
        expect(seen).toBe(list.length + inserted);
        expect(boundary).toBe(concatenated(passed).length);
      }),
    );
  });

  test("shows the beginning of each frame, sixteen bytes of its body at most", () => {
    const shown: (readonly [number, number])[] = [];
    const scanner = new FrameScanner(({ bodyBytes, body }) => {
      shown.push([bodyBytes, body.byteLength]);
      return true;
    });

    scanner.scan(concatenated([frame(1, 3), frame(2, 16), frame(3, 1000)]));

    expect(shown).toEqual([
      [3, 3],
      [16, 16],
      [1000, 16],
    ]);
  });

  test("is none where a length is negative", () => {
    const scanner = new FrameScanner(() => true);

    expect(() => scanner.scan(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0))).toThrow(RangeError);
  });
});
