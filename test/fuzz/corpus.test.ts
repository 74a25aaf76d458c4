/** Episodes that found something once pass for ever; those that reach a place go on to reach it. */
import { describe, expect, it } from "vitest";
import { keptFor } from "./corpus.ts";
import { Tally } from "./episode.ts";
import { TARGETS } from "./targets.ts";

describe.each(TARGETS)("what is kept for $target.name", ({ target }) => {
  it.each(keptFor(target.name))("$name", async ({ file, name, steps }) => {
    expect(steps.length).toBeGreaterThan(0);
    const tally = new Tally();
    // Throws whatever it finds.
    await target.play(steps, tally);
    if (file.endsWith("reaches.txt")) expect(tally.of(name), `"${name}" comes about`).toBeGreaterThan(0);
  });
});
