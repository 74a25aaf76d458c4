/** Episodes that found something once, and those that reach the places worth reaching, pass for ever. */
import { describe, expect, it } from "vitest";
import { keptFor } from "./corpus.ts";
import { failureOf } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

describe.each(TARGETS)("what is kept for $target.name", ({ target }) => {
  it.each(keptFor(target.name))("$file: $name", async ({ steps }) => {
    expect(steps.length).toBeGreaterThan(0);
    expect(await failureOf(target, steps)).toBeUndefined();
  });
});
