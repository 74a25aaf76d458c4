import { describe, expect, it } from "vitest";

import { seededRng } from "../../src/base/rng.ts";
import { SCENES, staged } from "./scenes.ts";
import { planFor } from "./swarm.ts";

const SEEDS = Array.from({ length: 800 }, (_, seed) => seed);

/** What tells a scene: its time for faults and the kinds of them. */
function traits({ faults, faultsUntilMs }: ReturnType<typeof planFor>): string {
  const kinds = [...new Set(faults.map(({ fault }) => fault.kind))].toSorted();
  return `${faultsUntilMs} ${kinds.join(" ")}`;
}

describe("scenes", () => {
  it("are one run of eight, and nights one of twelve besides, each of them is played, and each has nothing but its own faults", () => {
    const counts = new Map<string, number>();
    for (const seed of SEEDS) counts.set(traits(planFor(seed)), (counts.get(traits(planFor(seed))) ?? 0) + 1);
    const played = [
      "15000 supersede",
      "22000 block breakLinks crash",
      "15000 crash dropClients partition",
      "15000 breakLinks stuckDisk",
      "15000 partition slowDisk slowNetwork",
      "60000 badAlarm crash crashWithin evict partition supersede",
      "70000 badAlarm crash crashWithin evict partition supersede",
    ];
    for (const one of played) expect([one, (counts.get(one) ?? 0) >= 4]).toEqual([one, true]);
    expect(played).toHaveLength(Object.keys(SCENES).length);
    const share = played.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0);
    expect(share).toBeGreaterThan(SEEDS.length / 14);
    expect(share).toBeLessThan(SEEDS.length / 4);
  });

  it.each(Object.entries(SCENES))(
    "%s: faults in order, within their time, at replicas that there are",
    (_, scene) => {
      for (const seed of SEEDS.slice(0, 40)) {
        const { faults, faultsUntilMs, world } = staged(planFor(seed), scene, seededRng([seed, 1, 2, 3]));
        const times = faults.map(({ atMs }) => atMs);
        const sids = faults.flatMap(({ fault }) => ("sid" in fault ? [fault.sid] : []));
        expect(times.length).toBeGreaterThan(0);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(Math.max(...times)).toBeLessThan(faultsUntilMs);
        expect(Math.max(1, ...sids)).toBeLessThanOrEqual(world.voters + (world.observers ?? 0));
      }
    },
  );

  it("have as many voters as are asked for, or are not played", () => {
    for (const voters of [1, 3, 5]) {
      for (const seed of SEEDS) expect(planFor(seed, { voters }).world.voters).toBe(voters);
    }
  });

  it("are not played where members change", () => {
    for (const seed of SEEDS) {
      const { clients, faults } = planFor(seed, { reconfigures: true });
      expect(clients.memberships).toBeDefined();
      expect(new Set(faults.map(({ fault }) => fault.kind))).not.toEqual(new Set(["supersede"]));
    }
  });
});
