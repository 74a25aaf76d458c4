/**
 * docs/zookeeper.md, docs/security.md and docs/failure-modes.md are true: what they list is complete, and the tests
 * that they name exist. That they ran and asserted something is seen when all are over: named-tests-ran.ts.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FOUR_LETTER_WORDS } from "../../src/base/four-letter-words.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { ADMIN_COMMANDS } from "../../src/keeper/operations/admin-commands.ts";
import { readFeatures } from "./feature-table.ts";

const FEATURES = readFeatures();

/** The text of a test from its title to the next test, undefined where no test has that title. */
function bodyOf(source: string, title: string): string | undefined {
  const starts = Array.from(source.matchAll(/\b(?:test|it)(?:\.\w+)*\(/g), ({ index }) => index);
  const titles = [`"${title}"`, `\`${title}\``, `'${title}'`];
  const at = titles.map((text) => source.indexOf(text)).find((index) => index >= 0);
  if (at === undefined) return undefined;
  const start = starts.findLast((index) => index < at);
  // What stands between the two is a table of test.each, at most: a title is the first text that follows.
  if (start === undefined) return undefined;
  return source.slice(start, starts.find((index) => index > at) ?? source.length);
}

describe("docs/zookeeper.md, docs/security.md and docs/failure-modes.md", () => {
  test("lists every operation, four-letter word and command", () => {
    const named = (section: string): readonly string[] =>
      FEATURES.filter((feature) => feature.section === section).map(({ name }) => name);
    expect(named("Operations").toSorted()).toEqual(Object.keys(OPCODES).toSorted());
    expect(named("Four-letter words").toSorted()).toEqual([...FOUR_LETTER_WORDS].toSorted());
    expect(named("Commands of the AdminServer")).toEqual(expect.arrayContaining(Object.keys(ADMIN_COMMANDS)));
  });

  test("tell of the attacks that the checklist has to have", () => {
    const attacks = FEATURES.filter(({ section }) => section === "The attacker's checklist");
    expect(attacks.length).toBeGreaterThanOrEqual(30);
    expect(attacks.map(({ here }) => here)).toEqual(attacks.map(() => "yes"));
    const named = attacks.map(({ name }) => name).join("; ");
    for (const topic of [
      "guess",
      "path",
      "header",
      "peer",
      "ensemble",
      "body",
      "slow",
      "rebind",
      "session",
    ]) {
      expect(named).toContain(topic);
    }
  });

  test("tell what happens when each of these dies", () => {
    const sections = ["Replicas", "Disks and data", "Clients", "The bridge, and webhooks"];
    const failures = FEATURES.filter(
      ({ section }) => sections.includes(section) || section.startsWith("Regions"),
    );
    expect(failures.length).toBeGreaterThanOrEqual(35);
    const named = failures.map(({ name }) => name).join("; ");
    for (const topic of ["follower", "leader", "majority", "disk", "gateway", "region", "client", "bridge"]) {
      expect(named).toContain(topic);
    }
    for (const topic of ["webhook", "deployment", "answer", "holder", "clocks"])
      expect(named).toContain(topic);
  });

  test.each(FEATURES.map((feature) => [`${feature.section}: ${feature.name}`, feature] as const))(
    "%s",
    (_, feature) => {
      expect(["yes", "no"]).toContain(feature.here);
      if (feature.here === "no") {
        expect(feature.why).not.toBe("");
        return;
      }
      const { path = "", title = "" } = feature.shownBy ?? {};
      expect(existsSync(path)).toBe(true);
      const body = bodyOf(readFileSync(path, "utf8"), title);
      expect(body).toBeDefined();
      expect(body).toMatch(/\bexpect\b/);
      expect(body).not.toMatch(/^(?:test|it)\.(?:skip|todo)|\.(?:skip|todo)\.?(?:each)?\(/);
    },
  );

  test("would notice a test that is not there, and one that expects nothing", () => {
    const source = 'test("one", () => {\n  run();\n});\ntest("two", () => {\n  expect(1).toBe(1);\n});\n';
    expect(bodyOf(source, "three")).toBeUndefined();
    expect(bodyOf(source, "one")).not.toMatch(/\bexpect\b/);
    expect(bodyOf(source, "two")).toMatch(/\bexpect\b/);
  });
});
