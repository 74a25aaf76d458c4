/** How long the disk takes, one sync at a time. */
import { expect, test } from "vitest";
import { SyncTimes } from "../../src/durable/sync-times.ts";

test("a sync that takes longer than is set is counted and told, and one at the limit is not", async () => {
  let nowMs = 0;
  let takesMs = 0;
  const slow: number[] = [];
  const times = new SyncTimes({
    now: () => nowMs,
    sync: async () => {
      nowMs += takesMs;
      await Promise.resolve();
    },
    warningMs: 100,
    slow: (tookMs) => slow.push(tookMs),
  });
  for (takesMs of [5, 100, 101, 7, 3000]) {
    nowMs += 100;
    await times.wrote();
  }
  expect(slow).toEqual([101, 3000]);
  expect(times.slowCount).toBe(2);
  expect(times.summaries()[0]?.summary).toMatchObject({ count: 5, max: 3000 });
});

test("a sample is enough: what is written a moment after one that was measured is not waited for", async () => {
  let nowMs = 1000;
  let syncs = 0;
  const times = new SyncTimes({
    now: () => nowMs,
    sync: async () => {
      syncs++;
      await Promise.resolve();
    },
    warningMs: 100,
    slow: () => undefined,
  });
  await times.wrote();
  nowMs += 99;
  expect(times.wrote()).toBeUndefined();
  nowMs += 1;
  await times.wrote();
  // The clock is set back.
  nowMs -= 5000;
  await times.wrote();
  expect(syncs).toBe(3);
});
