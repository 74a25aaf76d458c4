import { describe, expect, it } from "vitest";
import { OTHER_KINDS, RECIPE_KINDS } from "./recipe-member.ts";
import { simulateRecipes } from "./recipe-run.ts";

/** Other seeds each time: a run that fails here fails alone by its seed, too. */
const FIRST = Number(process.env["RECIPE_SEED"] ?? Math.floor(Date.now() / 1000) * 1000);
const RUNS = Number(process.env["RECIPE_RUNS"] ?? 1);

/** A run takes about five seconds where nobody else uses the machine. */
const RUN_LIMIT_MS = 240_000;

/** A seed of a small ensemble. */
const SMALL = 20;

describe("recipes under fresh seeds", { timeout: RUN_LIMIT_MS }, () => {
  it.each(Array.from({ length: RUNS }, (_, index) => FIRST + index))(
    "RECIPE_SEED=%i RECIPE_RUNS=1",
    async (seed) => {
      const { failure, progress, isLost } = await simulateRecipes(seed);
      expect(failure).toBeUndefined();
      if (!isLost) for (const kind of RECIPE_KINDS) expect(progress.get(kind), `${kind}`).toBeGreaterThan(0);
    },
  );

  it("the same seed gives the same run", async () => {
    expect(await simulateRecipes(SMALL)).toEqual(await simulateRecipes(SMALL));
  });

  it("each of the recipes comes to its end in a run", async () => {
    const { failure, progress, isLost } = await simulateRecipes(SMALL, { hasAll: true });
    expect([failure, isLost]).toEqual([undefined, false]);
    for (const kind of [...RECIPE_KINDS, ...OTHER_KINDS])
      expect(progress.get(kind), `${kind}`).toBeGreaterThan(0);
  });
});
