/** A round of a chaos test: Edgekeeper under load and faults, and what every such round must have shown. */
import { expect } from "vitest";

import type { Members } from "../../src/base/settings.ts";
import { type ChaosReport, runChaos } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import type { PlannedFault } from "./plan.ts";
import { reportLines } from "./report.ts";

/** A whole round takes about one minute on two idle cores, a short one half of that; others may keep them busy. */
export const ROUND_DEADLINE_MS = 600_000;
const SEED = 1;

/** Plays the faults to an ensemble of its own; fails where anything was violated, or where the load was not there. */
export async function playRound(members: Members, faults: readonly PlannedFault[]): Promise<ChaosReport> {
  const target = await startEdgekeeper(members);
  try {
    const report = await runChaos({ target, faults, seed: SEED, progress: () => {} });
    console.log(reportLines(report).join("\n"));
    expect(report.violations).toEqual([]);
    expect(report.faults).toHaveLength(faults.length);
    // Faults were felt.
    expect(report.totals["reconnects"]).toBeGreaterThan(0);
    expect(report.totals["locks acquired"]).toBeGreaterThan(0);
    // Callers without a connection were there, too.
    expect(report.totals["HTTP documents set"]).toBeGreaterThan(0);
    expect(report.totals["HTTP counter additions"]).toBeGreaterThan(0);
    expect(report.totals["HTTP creates under a key"]).toBeGreaterThan(0);
    return report;
  } finally {
    await target.stop();
  }
}
