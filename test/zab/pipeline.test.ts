import { describe, expect, it } from "vitest";
import { BATCH_BYTES_MAX, BATCH_PROPOSALS_MAX } from "../../src/base/limits.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import { Pipeline } from "../../src/zab/pipeline.ts";
import { proposal, proposals, zxid } from "./bench.ts";

const TIMING = { ...DEFAULT_TIMING, pipelineGapMs: 2, pipelineDepth: 3 };

function begin(): Pipeline {
  return new Pipeline(TIMING, zxid(1, 0));
}

describe("batches", () => {
  it("go out at once when none is in flight", () => {
    const pipeline = begin();
    pipeline.gather(proposals(1, 1, 2));

    expect(pipeline.next(100)).toEqual(proposals(1, 1, 2));
    expect(pipeline.next(100)).toBeUndefined();
  });

  it("gather behind one in flight, and go out when it commits", () => {
    const pipeline = begin();
    pipeline.gather(proposals(1, 1, 1));
    pipeline.next(100);
    pipeline.gather(proposals(1, 2, 2));
    pipeline.gather(proposals(1, 3, 4));
    expect(pipeline.next(101)).toBeUndefined();

    pipeline.onCommitted(zxid(1, 1));

    expect(pipeline.next(101)).toEqual(proposals(1, 2, 4));
  });

  it("go out behind one in flight after the gap", () => {
    const pipeline = begin();
    pipeline.gather(proposals(1, 1, 1));
    pipeline.next(100);
    pipeline.gather(proposals(1, 2, 2));

    expect(pipeline.dueAtMs).toBe(102);
    expect(pipeline.next(102)).toEqual(proposals(1, 2, 2));
    expect(pipeline.dueAtMs).toBeUndefined();
  });

  it("never exceed the depth", () => {
    const pipeline = begin();
    for (let counter = 1; counter <= 4; counter++) {
      pipeline.gather(proposals(1, counter, counter));
      const batch = pipeline.next(100 + counter * 10);
      expect(batch === undefined).toBe(counter === 4);
    }
    expect(pipeline.dueAtMs).toBeUndefined();

    pipeline.onCommitted(zxid(1, 2));
    expect(pipeline.next(200)).toEqual(proposals(1, 4, 4));
  });

  it("are cut by number, and a full one does not wait for the gap", () => {
    const pipeline = begin();
    pipeline.gather(proposals(1, 1, BATCH_PROPOSALS_MAX * 2 + 1));

    expect(pipeline.next(100)).toHaveLength(BATCH_PROPOSALS_MAX);
    expect(pipeline.next(100)).toHaveLength(BATCH_PROPOSALS_MAX);
    expect(pipeline.next(100)).toBeUndefined();
  });

  it("are cut by bytes, and one larger proposal travels alone", () => {
    const pipeline = begin();
    pipeline.gather([
      proposal(1, 1, BATCH_BYTES_MAX + 1),
      proposal(1, 2, BATCH_BYTES_MAX / 2),
      proposal(1, 3, BATCH_BYTES_MAX / 2),
    ]);

    expect(pipeline.next(100)?.map((one) => one.zxid.counter)).toEqual([1]);
    expect(pipeline.next(100)?.map((one) => one.zxid.counter)).toEqual([2]);
    expect(pipeline.next(110)?.map((one) => one.zxid.counter)).toEqual([3]);
  });

  it("are counted until they commit", () => {
    const pipeline = begin();
    pipeline.gather([proposal(1, 1, 100), proposal(1, 2, 50)]);
    pipeline.next(100);
    pipeline.gather([proposal(1, 3, 7)]);
    expect(pipeline).toMatchObject({ proposals: 3, bytes: 157 + 3 * 32 });

    pipeline.onCommitted(zxid(1, 1));
    expect(pipeline.proposals).toBe(3);

    pipeline.onCommitted(zxid(1, 2));
    expect(pipeline).toMatchObject({ proposals: 1, bytes: 7 + 32 });
    expect(pipeline.nextZxid).toEqual(zxid(1, 4));
  });
});
