import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { keptNames } from "./arguments.ts";
import type { SimPlan } from "./plan.ts";
import { keptPath } from "./report.ts";
import { simulate } from "./simulate.ts";

interface Kept {
  readonly reason: string;
  readonly plan: SimPlan;
}

describe("runs that found something once pass for ever", () => {
  it.each(keptNames())("%s", (name) => {
    const { reason, plan } = JSON.parse(readFileSync(keptPath(name), "utf8")) as Kept;
    expect(reason, "why it is kept").toMatch(/\w+ \w+/);
    expect(simulate(plan).failure).toBeUndefined();
  });
});
