/** LOG_LEVEL holds back what is not worth a line to whoever set it. */
import { expect, test } from "vitest";
import type { LogLevel } from "../../src/base/log-level.ts";
import { World } from "./world.ts";

function lines(logLevel: LogLevel): readonly string[] {
  const world = new World({ voters: 3, logLevel }).startAll();
  world.untilServing();
  return world.sids.flatMap((sid) => world.replica(sid).log);
}

test("a replica tells of its phases at the level info, and not above it", () => {
  expect(lines("info").some((line) => line.includes(" phase "))).toBe(true);
  expect(lines("warn")).toEqual([]);
});
