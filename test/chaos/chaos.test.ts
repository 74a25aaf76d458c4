import { afterAll, beforeAll, expect, test } from "vitest";

import { runChaos, violationLines } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { ROUND } from "./plan.ts";
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
      progress: (line) => console.log(line),
    });

    const told = report.violations.flatMap((broken) => violationLines(broken, report.history));
    expect(told.slice(0, 50).join("\n")).toBe("");
    expect(report.faults).toHaveLength(ROUND.length);
    // The load was there all the time, and faults were felt.
    expect(Math.min(...report.faults.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(0);
    expect(report.totals["reconnects"]).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);
