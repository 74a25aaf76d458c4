import { describe, expect, it } from "vitest";
import { generateStream } from "./generate.ts";
import { shrink, type ShrinkBounds, sizeOf } from "./shrink.ts";
import type { Frame, Stream } from "./stream.ts";

function requests(stream: Stream): readonly Frame[] {
  return stream.steps.flatMap((step) => (step.kind === "send" ? step.frames : []));
}

/** Differs where some session connects and later asks for this operation, perhaps inside a multi. */
function differsBy(op: string, within = "none"): (stream: Stream) => Promise<boolean> {
  return (stream) => {
    const open = new Set<number>();
    for (const step of stream.steps) {
      if (step.kind === "connect") open.add(step.slot);
      if (step.kind !== "send" || !open.has(step.slot)) continue;
      for (const frame of step.frames) {
        if (frame.kind !== "request") continue;
        const { request } = frame;
        if (request.op === op) return Promise.resolve(true);
        if (request.op === "multi" && within === "multi" && request.operations.some((one) => one.op === op)) {
          return Promise.resolve(true);
        }
      }
    }
    return Promise.resolve(false);
  };
}

function tries(attemptsMax: number): ShrinkBounds {
  return { attemptsMax, isLate: () => false };
}

describe("a stream that differs", () => {
  it.each(["getACL", "whoAmI", "addWatch"])(
    "shrinks to the connection and the one %s that differ",
    async (op) => {
      const stream = generateStream(5, 300);
      const small = await shrink(stream, differsBy(op), tries(2000));

      expect(small.steps.length).toBe(2);
      expect(
        requests(small).map((frame) => (frame.kind === "request" ? frame.request.op : frame.kind)),
      ).toEqual([op]);
    },
  );

  it("shrinks to the one operation of a multi", async () => {
    const small = await shrink(generateStream(6, 300), differsBy("check", "multi"), tries(2000));

    const [frame] = requests(small);
    const operations =
      frame?.kind === "request" && frame.request.op === "multi" ? frame.request.operations : [];
    expect(operations.map(({ op }) => op)).toEqual(["check"]);
  });

  it("is tried no more often than allowed, and never grows", async () => {
    const stream = generateStream(7, 300);
    let tried = 0;
    const small = await shrink(
      stream,
      (candidate) => {
        tried++;
        return differsBy("getACL")(candidate);
      },
      tries(10),
    );

    expect(tried).toBe(10);
    expect(sizeOf(small)).toBeLessThan(sizeOf(stream));
  });

  it("is tried until it is late, and what was found by then is given", async () => {
    const stream = generateStream(7, 300);
    let asked = 0;
    const bounds: ShrinkBounds = { attemptsMax: 2000, isLate: () => ++asked > 5 };
    const small = await shrink(stream, differsBy("getACL"), bounds);
    const more = await shrink(stream, differsBy("getACL"), tries(2000));

    expect(asked).toBeGreaterThan(5);
    expect(sizeOf(small)).toBeLessThan(sizeOf(stream));
    expect(sizeOf(small)).toBeGreaterThan(sizeOf(more));
  });

  it("stays as it is where nothing smaller differs", async () => {
    const stream = generateStream(8, 20);
    expect(await shrink(stream, (candidate) => Promise.resolve(candidate === stream), tries(500))).toBe(
      stream,
    );
  });
});
