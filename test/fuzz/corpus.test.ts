/** Episodes that found something once pass for ever; those that reach a place go on to reach it. */
import { must } from "../../src/base/assert.ts";
import { describe, expect, it } from "vitest";
import { keptFor } from "./corpus.ts";
import { Tally } from "./episode.ts";
import { targetOf, TARGETS } from "./targets.ts";

describe.each(TARGETS)("what is kept for $target.name", ({ target }) => {
  it.each(keptFor(target.name))("$name", async ({ file, name, steps }) => {
    expect(steps.length).toBeGreaterThan(0);
    const tally = new Tally();
    // Throws whatever it finds.
    await target.play(steps, tally);
    if (file.endsWith("reaches.txt")) expect(tally.of(name), `"${name}" comes about`).toBeGreaterThan(0);
  });
});

describe("what is found and not mended yet", () => {
  it.fails.each(keptFor("open"))("$name", async ({ file, steps }) => {
    const name = /open\/([a-z]+)-/.exec(file)?.[1] ?? "";
    await must(targetOf(name), "a target").play(steps);
  });
});
