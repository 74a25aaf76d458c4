import { describe, expect, it } from "vitest";

import { simulate } from "./simulate.ts";
import { planFor } from "./swarm.ts";

/** Other seeds each time: a run that fails here fails alone by its seed, too. */
const FIRST = Math.floor(Date.now() / 1000) * 1000;

const RUNS = 40;

describe("fresh seeds", () => {
  it.each(Array.from({ length: RUNS }, (_, index) => FIRST + index))("npm run sim -- --seed %i", (seed) => {
    expect(simulate(planFor(seed)).failure).toBeUndefined();
  });

  it("the same seed gives the same run", () => {
    const plan = planFor(FIRST);
    expect(simulate(plan)).toEqual(simulate(plan));
  });
});
