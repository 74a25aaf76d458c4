import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { hex } from "./bytes.ts";
import { largestAllocation } from "./allocations.ts";

const FRAME_BYTES_MAX = 100_000;

function streamOf(bodies: readonly Uint8Array[]): Uint8Array {
  const writer = new JuteWriter();
  for (const body of bodies) {
    const frame = writer.beginFrame();
    writer.raw(body);
    writer.endFrame(frame);
  }
  return writer.take();
}

/** Cuts a stream at the given places, in whatever order they come. */
function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length];
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, index) => stream.slice(places[index], end));
}

function drain(decoder: FrameDecoder): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let body = decoder.next(); body !== undefined; body = decoder.next()) bodies.push(body);
  return bodies;
}

const bodies = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ size: "max", maxLength: 50_000 })),
  { maxLength: 8 },
);
const cuts = fc.array(fc.nat(), { maxLength: 30 });

describe("frames", () => {
  it("come out the same however the stream is split and however often it is drained", () => {
    fc.assert(
      fc.property(bodies, cuts, fc.array(fc.boolean()), (sent, places, drains) => {
        const decoder = new FrameDecoder(FRAME_BYTES_MAX);
        const received: Uint8Array[] = [];
        split(streamOf(sent), places).forEach((chunk, index) => {
          decoder.push(chunk);
          if (drains[index] ?? true) received.push(...drain(decoder));
        });
        received.push(...drain(decoder));
        expect(received).toEqual(sent);
        expect(decoder.bufferedBytes).toBe(0);
      }),
    );
  });

  it("come out byte by byte", () => {
    const sent = [hex("01"), hex(""), hex("0203040506")];
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    const received: Uint8Array[] = [];
    for (const octet of streamOf(sent)) {
      decoder.push(Uint8Array.of(octet));
      received.push(...drain(decoder));
    }
    expect(received).toEqual(sent);
  });

  it("that lie whole in one chunk are views into it, others are not", () => {
    const chunk = streamOf([hex("0102"), hex("0304")]);
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(chunk);
    expect(drain(decoder).map((body) => body.buffer === chunk.buffer)).toEqual([true, true]);
    decoder.push(chunk.subarray(0, 5));
    expect(drain(decoder)).toEqual([]);
    decoder.push(chunk.subarray(5));
    expect(drain(decoder).map((body) => body.buffer === chunk.buffer)).toEqual([false, true]);
  });

  it("count what is held until it is given out", () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(hex("00000003 01"));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.bufferedBytes).toBe(5);
    decoder.push(hex("0203 00"));
    expect(decoder.next()).toEqual(hex("010203"));
    expect(decoder.bufferedBytes).toBe(1);
  });

  it("of exactly the limit pass", () => {
    const sent = new Uint8Array(FRAME_BYTES_MAX).fill(7);
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    const stream = streamOf([sent]);
    decoder.push(stream.subarray(0, 1000));
    expect(decoder.next()).toBeUndefined();
    decoder.push(stream.subarray(1000));
    expect(decoder.next()).toEqual(sent);
  });

  it.each([
    ["one byte above the limit", "000186a1"],
    ["negative", "ffffffff"],
    ["the largest there is", "7fffffff"],
    ["a four-letter word", "72756f6b"],
  ])("with a length that is %s are refused before any body byte, and ever after", (_, lengthHex) => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(hex("00000001 aa", lengthHex));
    expect(decoder.next()).toEqual(hex("aa"));
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => decoder.next()).toThrow(JuteError);
      expect(() => decoder.next()).toThrow("frame-too-large");
      decoder.push(hex("00000001 aa"));
    }
  });

  it("that are announced and never sent cost little memory", () => {
    const decoder = new FrameDecoder(1 << 30);
    const chunk = hex("3fffffff 0102");
    const bytes = largestAllocation(() => {
      decoder.push(chunk);
      expect(decoder.next()).toBeUndefined();
    });
    expect(bytes).toBeLessThanOrEqual(16 * 1024);
  });

  it("are never given more room than their length", () => {
    const sent = new Uint8Array(90_000);
    const stream = streamOf([sent]);
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    const chunks = split(stream, [10, 20_000, 50_000]);
    const bytes = largestAllocation(() => {
      for (const chunk of chunks) {
        decoder.push(chunk);
        decoder.next();
      }
    });
    expect(bytes).toBe(sent.length);
  });
});

describe("the first word of a connection", () => {
  it("is there once four bytes have come, however they were split", () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(hex(""));
    decoder.push(hex("72"));
    expect(decoder.peekFirstWord()).toBeUndefined();
    decoder.push(hex("756f"));
    expect(decoder.peekFirstWord()).toBeUndefined();
    decoder.push(hex("6b0a"));
    expect(decoder.peekFirstWord()).toBe("ruok");
    expect(decoder.peekFirstWord()).toBe("ruok");
  });

  it("does not get lost when a frame was asked for too early", () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(hex("7275"));
    expect(decoder.next()).toBeUndefined();
    decoder.push(hex("6f6b"));
    expect(decoder.peekFirstWord()).toBe("ruok");
  });

  it("is the length of a connect request for other clients, and is gone after it", () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX);
    decoder.push(streamOf([new Uint8Array(45), hex("72756f6b")]));
    expect(decoder.peekFirstWord()).toBe("\0\0\0\x2d");
    expect(decoder.next()?.length).toBe(45);
    expect(decoder.peekFirstWord()).toBeUndefined();
    expect(decoder.next()).toEqual(hex("72756f6b"));
  });
});
