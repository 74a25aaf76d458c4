import { describe, expect, it } from "vitest";

import { planFor } from "./swarm.ts";

const PLANS = Array.from({ length: 300 }, (_, seed) => planFor(seed));

describe("a seed becomes a plan", () => {
  it("always the same, and one that is plain data", () => {
    const plan = planFor(4711);
    expect(planFor(4711)).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(planFor(4712)).not.toEqual(plan);
  });

  it("which has what is asked of all", () => {
    const { world, clients } = planFor(7, { voters: 5, operations: 1000 });
    expect([world.voters, clients.operations]).toEqual([5, 1000]);
  });

  it("of a character of its own: most kinds of faults are left out, each kind is somewhere, some runs are calm", () => {
    const kindsOf = PLANS.map(({ faults }) => new Set(faults.map(({ fault }) => fault.kind)));
    const all = new Set(kindsOf.flatMap((kinds) => [...kinds]));
    expect(all.size).toBe(23);
    expect(kindsOf.filter(({ size }) => size > 16)).toEqual([]);
    expect(kindsOf.filter(({ size }) => size === 0).length).toBeGreaterThan(15);
    expect(new Set(PLANS.map(({ world }) => world.voters))).toEqual(new Set([1, 3, 5]));
    expect(new Set(PLANS.map(({ world }) => world.observers))).toEqual(new Set([0, 1, 2, 3]));
  });

  it("whose faults begin within the time that they have, in order", () => {
    for (const { faults, faultsUntilMs } of PLANS) {
      const times = faults.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(Math.max(0, ...times)).toBeLessThan(faultsUntilMs);
    }
  });
});
