/** docs/zookeeper.md is true: what it lists is complete, and the tests that it names exist and expect something. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FOUR_LETTER_WORDS } from "../../src/base/four-letter-words.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { ADMIN_COMMANDS } from "../../src/keeper/operations/admin-commands.ts";

/** One feature. */
interface Row {
  readonly section: string;
  readonly name: string;
  readonly here: string;
  readonly why: string;
  readonly test: string;
}

const ROWS: readonly Row[] = readFileSync("docs/zookeeper.md", "utf8")
  .split(/^## /m)
  .filter((section) => section.includes("| name | here |"))
  .flatMap((text) => {
    const [section = "", ...lines] = text.split("\n");
    const rows = lines.filter((line) => line.startsWith("| ") && !/^\| (name|---) /.test(line));
    return rows.map((row) => {
      const [, name = "", here = "", why = "", shown = ""] = row
        .split(" | ")
        .join("|")
        .split("|")
        .map((cell) => cell.trim());
      return { section, name, here, why, test: shown };
    });
  });

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

describe("docs/zookeeper.md", () => {
  test("lists every operation, four-letter word and command", () => {
    const named = (section: string): readonly string[] =>
      ROWS.filter((row) => row.section === section).map(({ name }) => name);
    expect(named("Operations").toSorted()).toEqual(Object.keys(OPCODES).toSorted());
    expect(named("Four-letter words").toSorted()).toEqual([...FOUR_LETTER_WORDS].toSorted());
    expect(named("Commands of the AdminServer")).toEqual(expect.arrayContaining(Object.keys(ADMIN_COMMANDS)));
  });

  test.each(ROWS.map((row) => [`${row.section}: ${row.name}`, row] as const))("%s", (_, row) => {
    expect(["yes", "no"]).toContain(row.here);
    if (row.here === "no") {
      expect(row.why).not.toBe("");
      return;
    }
    const [, path = "", title = ""] = /^`([^`]+)` "(.+)"$/.exec(row.test) ?? [];
    expect(existsSync(path)).toBe(true);
    const body = bodyOf(readFileSync(path, "utf8"), title);
    expect(body).toBeDefined();
    expect(body).toMatch(/\bexpect\b/);
    expect(body).not.toMatch(/^(?:test|it)\.(?:skip|todo)|\.(?:skip|todo)\.?(?:each)?\(/);
  });

  test("would notice a test that is not there, and one that expects nothing", () => {
    const source = 'test("one", () => {\n  run();\n});\ntest("two", () => {\n  expect(1).toBe(1);\n});\n';
    expect(bodyOf(source, "three")).toBeUndefined();
    expect(bodyOf(source, "one")).not.toMatch(/\bexpect\b/);
    expect(bodyOf(source, "two")).toMatch(/\bexpect\b/);
  });
});
