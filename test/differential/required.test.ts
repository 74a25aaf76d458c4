import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { Coverage } from "./coverage.ts";
import { normalise } from "./normalise.ts";
import { ELSEWHERE, missingIn, REQUIRED } from "./required.ts";
import { scriptOf, SERVERS, STREAM, transcriptOf } from "./script.ts";

const OPERATIONS = Object.keys(REQUIRED["operations"] ?? {});

function covered(): Coverage {
  const coverage = new Coverage();
  const [server] = SERVERS;
  coverage.add(STREAM, normalise(STREAM, transcriptOf(server, scriptOf(server))));
  return coverage;
}

test("every operation is asked for by random streams, or compared elsewhere", () => {
  const elsewhere = Object.entries(ELSEWHERE);
  expect([...OPERATIONS, ...elsewhere.map(([name]) => name)].toSorted()).toEqual(
    Object.keys(OPCODES).toSorted(),
  );
  for (const [, path] of elsewhere) expect(existsSync(path)).toBe(true);
});

test("every operation must succeed in some stream, but for those that are only refused", () => {
  const never = OPERATIONS.filter((name) => !REQUIRED["operations"]?.[name]?.split(", ").includes("ok"));
  expect(never).toEqual([]);
});

test("the table counts answers, events, znodes and watches", () => {
  const coverage = covered();

  expect(coverage.requests).toBe(9);
  expect(coverage.count("operations", "create2", "ok")).toBe(1);
  expect(coverage.count("operations", "delete", "-101")).toBe(1);
  expect(coverage.count("znodes", "ephemeral sequential", "made")).toBe(1);
  expect(coverage.count("watches", "child", "set")).toBe(1);
  expect(coverage.count("watches", "told", "children changed")).toBe(2);
  expect(coverage.count("ACL schemes", "world", "taken")).toBe(1);
  expect(coverage.lines()).toContain("  getACL                   ok 1");
});

test("what streams did not bring about is missed by name", () => {
  const missing = missingIn(covered());

  expect(missing).toContain("operations, create: -125");
  expect(missing).toContain("watches, persistent: set");
  expect(missing).not.toContain("operations, create2: ok");
  expect(missing).not.toContain("watches, told: children changed");
});
