import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { generateStream } from "./generate.ts";
import { stepText } from "./report.ts";
import { encodeFrame, type Frame, type Stream } from "./stream.ts";

const SEEDS = Array.from({ length: 60 }, (_, seed) => generateStream(seed, 400));

function frames(stream: Stream): readonly Frame[] {
  return stream.steps.flatMap((step) => (step.kind === "send" ? step.frames : []));
}

describe("a generated stream", () => {
  it("is the same for the same seed, and another for another", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 20, max: 100 }),
        (seed, count) => {
          expect(generateStream(seed, count)).toEqual(generateStream(seed, count));
          expect(generateStream(seed + 1, count).steps).not.toEqual(generateStream(seed, count).steps);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("has at least as many requests as asked for, over several sessions", () => {
    for (const stream of SEEDS) {
      expect(
        frames(stream).length + stream.steps.filter(({ kind }) => kind === "connect").length,
      ).toBeGreaterThan(399);
      expect(new Set(stream.steps.map(({ slot }) => slot)).size).toBe(stream.slots);
    }
  });

  it("asks for every operation that is served, in some seed", () => {
    const asked = new Set(
      SEEDS.flatMap(frames).flatMap((frame) => (frame.kind === "request" ? [frame.request.op] : [])),
    );
    const notAsked = new Set(["notification", "error", "createSession", "deleteContainer", "reconfig"]);
    // A check stands in a multi; alone it comes as a bare opcode.
    const wanted = Object.keys(OPCODES).filter((name) => !notAsked.has(name) && name !== "check");

    expect(wanted.filter((name) => !asked.has(name as never))).toEqual([]);
  });

  it("hangs up, reconnects in every way and sends every kind of bad frame, in some seed", () => {
    const claims = SEEDS.flatMap(({ steps }) =>
      steps.map((step) => (step.kind === "connect" ? step.hello.claim : step.kind)),
    );
    const kinds = [
      "new",
      "own",
      "wrongPassword",
      "shortPassword",
      "unknownSession",
      "ahead",
      "drop",
      "partial",
      "send",
    ];
    expect(new Set(claims)).toEqual(new Set(kinds));
    expect(new Set(SEEDS.flatMap(frames).map(({ kind }) => kind))).toEqual(
      new Set(["request", "cut", "flip", "login", "opcode", "bytes"]),
    );
    expect(SEEDS.some(({ isSpread }) => isSpread)).toBe(true);
    expect(SEEDS.every(({ isSpread }) => isSpread)).toBe(false);
  });

  it("has frames that stay the same under another root of the same length, the root aside", () => {
    for (const stream of SEEDS.slice(0, 5)) {
      for (const frame of frames(stream)) {
        if (frame.kind === "flip" || frame.kind === "login") continue;
        const text = Buffer.from(encodeFrame(frame, "/d-000001")).toString("latin1");
        const other = Buffer.from(encodeFrame(frame, "/d-000002")).toString("latin1");
        expect(other.replaceAll("/d-000002", "/d-000001")).toBe(text);
      }
    }
  });

  it("can be shown step by step, each on one line", () => {
    for (const stream of SEEDS.slice(0, 5)) {
      for (const step of stream.steps) expect(stepText(step)).not.toContain("\n");
    }
  });
});
