import { describe, expect, it } from "vitest";
import { Ensemble } from "./harness.ts";

describe("an ensemble", () => {
  for (const voters of [1, 3, 5]) {
    it(`of ${voters} elects, synchronizes and delivers everywhere`, () => {
      const ensemble = new Ensemble({ voters }).startAll();

      const leader = ensemble.converge();
      expect(ensemble.propose(leader, 10)).toBe(10);
      ensemble.converge();

      expect(ensemble.checker.order).toHaveLength(10);
      for (const { delivered } of ensemble.replicas.values()) {
        expect(delivered).toEqual(ensemble.checker.order);
      }
    });
  }
});
