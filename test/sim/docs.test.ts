import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { HISTORY_CHECKS } from "./history/judge.ts";
import { INVARIANTS } from "./invariants/names.ts";

describe("docs/testing.md", () => {
  const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));

  it.each(Object.entries(INVARIANTS))("tells of the invariant %s", (name, says) => {
    expect(rows).toContain(`| \`${name}\` | ${says} |`);
  });

  it.each(HISTORY_CHECKS)("tells of the check $name", ({ name, asks, needsLog }) => {
    expect(rows).toContain(`| \`${name}\`${needsLog ? "*" : ""} | ${asks} |`);
  });
});
