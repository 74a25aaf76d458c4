/** Which lines are logged at which level. */
import { expect, test } from "vitest";
import { isLogged, LOG_LEVELS } from "../../src/base/log-level.ts";

test("each level has all lines of those above it", () => {
  const kinds = ["DIVERGED", "audit", "client", "storage", "phase", "anything else"];
  const logged = LOG_LEVELS.map((level) => kinds.filter((kind) => isLogged(kind, level)));
  expect(logged).toEqual([
    ["DIVERGED", "audit"],
    ["DIVERGED", "audit", "client", "storage"],
    ["DIVERGED", "audit", "client", "storage", "phase", "anything else"],
  ]);
});
