import { afterAll, beforeAll, expect, test } from "vitest";

import { runChaos } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { ROUND } from "./plan.ts";
import { reportLines } from "./report.ts";
import type { Target } from "./target.ts";

/** A whole round takes about one minute on two idle cores. */
const ROUND_DEADLINE_MS = 300_000;
const SEED = 1;

let target: Target;

beforeAll(async () => {
  target = await startEdgekeeper();
});

afterAll(async () => {
  await target.stop();
});

test(
  "nothing acknowledged is lost, doubled or reordered, whatever one replica suffers",
  async () => {
    const report = await runChaos({
      target,
      faults: ROUND,
      seed: SEED,
      progress: () => {},
    });

    console.log(reportLines(report).join("\n"));
    expect(report.violations).toEqual([]);
    expect(report.faults).toHaveLength(ROUND.length);
    for (const kind of ["abort", "freeze", "cut"] as const) {
      expect([...(report.struck.get(kind) ?? [])].toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    }
    expect(report.faults.filter(({ fault }) => / leader \d$/.test(fault)).length).toBeGreaterThanOrEqual(3);
    // The load was there all the time, and faults were felt.
    expect(Math.min(...report.faults.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(0);
    expect(report.totals["reconnects"]).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);
