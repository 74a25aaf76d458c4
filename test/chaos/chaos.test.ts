import { expect, test } from "vitest";

import type { Members } from "../../src/base/settings.ts";
import { roundFor } from "./plan.ts";
import { playRound, ROUND_DEADLINE_MS } from "./round.ts";

const THREE: Members = { voters: [1, 2, 3], observers: [] };

test(
  "nothing acknowledged is lost, doubled or reordered, whatever one replica suffers",
  async () => {
    const report = await playRound(THREE, roundFor(THREE));

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
