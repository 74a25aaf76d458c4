/** The table of deliberate defects fits the source as it is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { must } from "../../../src/base/assert.ts";
import { applyEdit } from "./mutant.ts";
import { MUTANTS, UNIT_CAUGHT } from "./table.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const ALL = [...MUTANTS, ...UNIT_CAUGHT];

describe("mutants", () => {
  it("are forty at least, each with an id of its own", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(ALL.map(({ id }) => id)).size).toBe(ALL.length);
  });

  it.each(ALL.map((mutant) => [mutant.id, mutant] as const))(
    "%s changes text that stands in the source exactly once",
    (_, mutant) => {
      const changed = new Map<string, string>();
      for (const edit of mutant.edits) {
        const before = changed.get(edit.file) ?? readFileSync(join(ROOT, edit.file), "utf8");
        changed.set(edit.file, applyEdit(before, edit));
      }
      expect(must([...changed][0], "an edit")[0]).toMatch(/^src\//);
    },
  );
});
