import { Buffer } from "node:buffer";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { InvariantError } from "../../src/base/assert.ts";
import { JuteReader, JuteWriter } from "../../src/jute/archive.ts";
import { largestAllocation } from "./allocations.ts";
import * as arbitrary from "./arbitraries.ts";
import { hex } from "./bytes.ts";

function written(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter(1);
  write(writer);
  return writer.take();
}

describe("numbers", () => {
  it("longs take any 64 bits, signed or not", () => {
    fc.assert(
      fc.property(arbitrary.session, (value) => {
        const bytes = written((writer) => writer.long(value));
        const view = new DataView(bytes.buffer);
        expect(view.getBigUint64(0)).toBe(value);
        expect(new JuteReader(bytes).unsignedLong()).toBe(value);
        expect(new JuteReader(bytes).long()).toBe(BigInt.asIntN(64, value));
        const signed = BigInt.asIntN(64, value);
        expect(written((writer) => writer.long(signed))).toEqual(bytes);
      }),
    );
  });

  it("a long is exact as a number within 2^53 of zero", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = written((writer) => writer.longNumber(value));
        expect(new DataView(bytes.buffer).getBigInt64(0)).toBe(BigInt(value));
        expect(new JuteReader(bytes).longNumber()).toBe(value);
      }),
    );
  });

  it("ints are signed 32 bits, and anything but zero is true", () => {
    const reader = new JuteReader(hex("80000000 7fffffff ffffffff 00 01 80"));
    expect([reader.int(), reader.int(), reader.int()]).toEqual([-0x80000000, 0x7fffffff, -1]);
    expect([reader.bool(), reader.bool(), reader.bool()]).toEqual([false, true, true]);
  });

  it("a zxid is a long, epoch first", () => {
    const bytes = written((writer) => writer.zxid({ epoch: 0x7fffffff, counter: 0xfffffffe }));
    expect(bytes).toEqual(hex("7fffffff fffffffe"));
    expect(new JuteReader(bytes).long()).toBe(0x7fffffff_fffffffen);
  });

  it("varints take one byte for seven bits and hold every safe integer", () => {
    expect(written((writer) => writer.varint(127)).length).toBe(1);
    expect(written((writer) => writer.varint(128)).length).toBe(2);
    expect(written((writer) => writer.varint(2 ** 53 - 1)).length).toBe(8);
    fc.assert(
      fc.property(arbitrary.natural, (value) => {
        expect(new JuteReader(written((writer) => writer.varint(value))).varint()).toBe(value);
      }),
    );
    const half = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
    fc.assert(
      fc.property(half, (value) => {
        const bytes = written((writer) => writer.signedVarint(value));
        expect(new JuteReader(bytes).signedVarint()).toBe(value);
      }),
    );
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])("a varint of %d is our own mistake", (value) => {
    expect(() => written((writer) => writer.varint(value))).toThrow(InvariantError);
  });
});

describe("texts", () => {
  it("are what TextEncoder and TextDecoder make of them, short and long", () => {
    fc.assert(
      fc.property(arbitrary.text, (value) => {
        const expected = new TextEncoder().encode(value);
        const bytes = written((writer) => writer.string(value));
        expect(new DataView(bytes.buffer).getInt32(0)).toBe(expected.length);
        expect(bytes.subarray(4)).toEqual(expected);
        expect(new JuteReader(bytes).string()).toBe(value);
      }),
    );
  });

  it("keep a byte order mark", () => {
    const bytes = written((writer) => writer.string("\ufeff/a"));
    expect(new JuteReader(bytes).string()).toBe("\ufeff/a");
  });

  it("null is neither empty nor missing", () => {
    const bytes = written((writer) => {
      writer.string(null);
      writer.string("");
    });
    expect(bytes).toEqual(hex("ffffffff 00000000"));
    const reader = new JuteReader(bytes);
    expect(reader.nullableString()).toBeNull();
    expect(reader.nullableString()).toBe("");
  });

  it("malformed UTF-8 becomes U+FFFD, as in Java", () => {
    expect(new JuteReader(hex("00000003 61ff62")).string()).toBe("a\ufffdb");
    expect(new JuteReader(hex("00000002 c0af")).string()).toBe("\ufffd\ufffd");
  });
});

describe("ownership", () => {
  it("what a reader gives does not share memory with its input, Node Buffers included", () => {
    const input = Buffer.from([0, 0, 0, 2, 1, 2]);
    const taken = new JuteReader(input).buffer();
    input.fill(9);
    expect(taken).toEqual(hex("0102"));
    expect(taken?.buffer.byteLength).toBe(2);
  });

  it("what a writer gives does not change with the next record", () => {
    const writer = new JuteWriter();
    writer.int(1);
    const first = writer.take();
    expect(writer.length).toBe(0);
    writer.int(2);
    expect(first).toEqual(hex("00000001"));
    expect(writer.view()).toEqual(hex("00000002"));
    writer.clear();
    expect(writer.view()).toEqual(hex(""));
  });
});

describe("memory", () => {
  it("that a large record took is given back, that of small ones is kept", () => {
    const writer = new JuteWriter();
    const small = new Uint8Array(1000);
    const large = new Uint8Array(1_000_000);
    const grown = largestAllocation(() => {
      writer.raw(large);
      writer.clear();
    });
    expect(grown).toBeGreaterThanOrEqual(large.length);
    writer.raw(small);
    expect(writer.view().buffer.byteLength).toBeLessThanOrEqual(2 * small.length);
    writer.clear();
    expect(largestAllocation(() => writer.raw(small))).toBe(0);
  });
});

describe("patches", () => {
  it("fill in what was left open, after the writer has grown", () => {
    const writer = new JuteWriter(1);
    const at = writer.reserveInt();
    writer.raw(new Uint8Array(1000));
    writer.patchInt(at, 0xcafe);
    expect(writer.view().subarray(0, 5)).toEqual(hex("0000cafe 00"));
  });

  it("frames follow each other, each with its own length", () => {
    const writer = new JuteWriter();
    const first = writer.beginFrame();
    writer.byte(1);
    writer.endFrame(first);
    const second = writer.beginFrame();
    writer.endFrame(second);
    expect(writer.take()).toEqual(hex("00000001 01 00000000"));
  });

  it.each([-1, 1, 5])("at %d, outside of what was written, are our own mistake", (at) => {
    const writer = new JuteWriter();
    writer.int(0);
    expect(() => writer.patchInt(at, 1)).toThrow(InvariantError);
  });
});
