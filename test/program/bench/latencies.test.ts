import { expect, test } from "vitest";
import { Latencies } from "../../../src/program/bench/latencies.ts";

test("a percentile is right to 3 %, from microseconds to a minute", () => {
  const latencies = new Latencies();
  const all = Array.from({ length: 10_000 }, (_, index) => 0.002 * 1.0018 ** index);
  for (const ms of all) latencies.add(ms);
  expect(latencies.count).toBe(10_000);
  for (const part of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = all[Math.ceil(part * all.length) - 1] ?? 0;
    const found = latencies.percentile(part) / exact;
    expect(found).toBeGreaterThan(0.97);
    expect(found).toBeLessThan(1.03);
  }
});

test("nothing has no percentile, and what takes no time takes no more than a microsecond", () => {
  const latencies = new Latencies();
  expect(latencies.percentile(0.5)).toBe(0);
  latencies.add(0);
  latencies.add(0.0001);
  expect(latencies.percentile(1)).toBeLessThan(0.002);
});
