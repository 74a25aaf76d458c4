import { describe, expect, it } from "vitest";

import { NO_COUNTS } from "./counts.ts";
import type { Failure, RunResult, SimPlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { planFor } from "./swarm.ts";

const FAILURE: Failure = { kind: "violation", check: "Agreement", what: "", atMs: 1 };

/** Enough faults to leave most of them out. */
const PLAN: SimPlan = {
  ...planFor(1, { voters: 3 }),
  faults: Array.from({ length: 23 }, (_, atMs) => ({ atMs, fault: { kind: "evict", sid: 1 } as const })),
};

/** A world in which a run fails by what its plan is. */
function failingWhere(
  isFailing: (plan: SimPlan) => boolean,
  check = "Agreement",
): (plan: SimPlan) => RunResult {
  return (plan) => {
    const failure = isFailing(plan) ? { ...FAILURE, check } : undefined;
    return { seed: plan.seed, failure, counts: NO_COUNTS };
  };
}

function times({ faults }: SimPlan): readonly number[] {
  return faults.map(({ atMs }) => atMs);
}

describe("a failing run is made small", () => {
  it("down to the faults that it needs, wherever they stand", () => {
    const needed = [2, 3, 17];
    const run = failingWhere((plan) => needed.every((atMs) => times(plan).includes(atMs)));
    const { plan, runs } = shrink(PLAN, FAILURE, run, 1000);
    expect(times(plan)).toEqual(needed);
    expect(runs).toBeLessThan(200);
  });

  it("with no work, client or observer that it does not need", () => {
    const run = failingWhere(({ clients }) => clients.operations >= 30 && clients.lockClients >= 1);
    const whole = { ...PLAN, clients: { ...PLAN.clients, lockClients: 3, operations: 900 } };
    const { plan } = shrink({ ...whole, world: { ...PLAN.world, observers: 2 } }, FAILURE, run, 1000);
    expect(plan.faults).toEqual([]);
    expect(plan.world.observers).toBe(0);
    expect(plan.clients).toMatchObject({ lockClients: 1, workers: 1 });
    expect(plan.clients.operations).toBeLessThan(60);
  });

  it("only as long as the same check fails", () => {
    const run = failingWhere(() => true, "TotalOrder");
    const { plan, failure } = shrink(PLAN, FAILURE, run, 1000);
    expect(plan).toEqual(PLAN);
    expect(failure).toEqual(FAILURE);
  });

  it("within so many runs", () => {
    const { runs } = shrink(
      PLAN,
      FAILURE,
      failingWhere(() => true),
      5,
    );
    expect(runs).toBe(5);
  });
});
