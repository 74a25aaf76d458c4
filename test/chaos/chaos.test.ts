import { expect, test } from "vitest";

import { type Members, sidsOf } from "../../src/base/settings.ts";
import { CHANGE_MEMBERS, shortChangeRound } from "./change.ts";
import { type ChaosReport, runChaos } from "./chaos.ts";
import { startEdgekeeper } from "./edgekeeper-target.ts";
import { type PlannedFault, roundFor, shortRoundFor } from "./plan.ts";
import { reportLines } from "./report.ts";

/** A whole round takes about one minute on two idle cores, a short one half of that. */
const ROUND_DEADLINE_MS = 300_000;
const SEED = 1;

const THREE: Members = { voters: [1, 2, 3], observers: [] };
const SEVEN: Members = { voters: [1, 2, 3, 4, 5], observers: [6, 7] };

test(
  "nothing acknowledged is lost, doubled or reordered, whatever one replica suffers",
  async () => {
    const report = await run(THREE, roundFor(THREE));

    for (const kind of ["abort", "freeze", "cut"] as const) {
      expect([...(report.struck.get(kind) ?? [])].toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    }
    expect(report.faults.filter(({ fault }) => / leader \d$/.test(fault)).length).toBeGreaterThanOrEqual(3);
    // In a short round a caller may never come to its turn in the queue that all contend for.
    expect(report.totals["HTTP locks acquired"]).toBeGreaterThan(0);
    // The load was there all the time.
    expect(Math.min(...report.faults.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);

test(
  "nor what two of five voters and two observers suffer at once, and without a quorum all writes wait",
  async () => {
    const report = await run(SEVEN, shortRoundFor(SEVEN));

    const struck = new Set([...report.struck.values()].flatMap((sids) => [...sids]));
    expect([...struck].toSorted((a, b) => a - b)).toEqual(sidsOf(SEVEN));
    const stalls = report.faults.filter(({ withoutQuorumMs }) => withoutQuorumMs > 0);
    expect(stalls).toHaveLength(1);
    expect(stalls[0]?.askedWithoutQuorum).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);

test(
  "nor when the members change, and whoever leads that is killed or stands still in the middle of it",
  async () => {
    const report = await run(CHANGE_MEMBERS, shortChangeRound());

    expect([...report.struck.keys()]).toEqual(["change"]);
    expect(Math.min(...report.faults.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);

async function run(members: Members, faults: readonly PlannedFault[]): Promise<ChaosReport> {
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
