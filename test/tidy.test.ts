import { describe, expect, test } from "vitest";

import { BAD_SAMPLES, GOOD_SAMPLES } from "./tidy/samples.ts";
import { parseSource } from "./tidy/source.ts";
import {
  RULES,
  filesBelow,
  isIgnored,
  violationText,
  violationsIn,
  violationsInCode,
  workplaceNames,
} from "./tidy/tree.ts";
import { workplaceNamesIn } from "./tidy/words.ts";

describe("the tree", () => {
  test("keeps every rule about layers, purity, state, size, names and comments", () => {
    expect(violationsInCode().map(violationText).join("\n")).toBe("");
  });

  test("names no place or program that it was written with", () => {
    expect(workplaceNames().map(violationText).join("\n")).toBe("");
  });

  test("is really read: the rules see this file and the shared nouns", () => {
    expect(filesBelow("test")).toContain("test/tidy.test.ts");
    expect(filesBelow("src")).toContain("src/base/zxid.ts");
    expect(filesBelow(".").filter((path) => path.startsWith("node_modules"))).toEqual([]);
  });
});

test("what git ignores is not read, and nothing else is left out", () => {
  const names = [".git", "node_modules", ".edgekeeper", "a.log", "log", ".gitignore", ".ci", "src"];
  expect(names.filter((name) => !isIgnored(name))).toEqual(["log", ".gitignore", ".ci", "src"]);
});

describe("each rule", () => {
  test.each(BAD_SAMPLES)("$rule refuses $what", ({ path, text, rule, line }) => {
    const found = violationsIn(path ?? "src/zab/sample.ts", text).filter((one) => one.rule === rule);
    expect(found.map((one) => one.line)).toEqual([line ?? 1]);
    expect(found[0]?.advice).toMatch(/\w/);
  });

  test.each(GOOD_SAMPLES)("no rule refuses $what", ({ path, text }) => {
    expect(violationsIn(path ?? "src/zab/sample.ts", text).map(violationText)).toEqual([]);
  });

  test("has a sample that breaks it", () => {
    const sampled = new Set(BAD_SAMPLES.map(({ rule }) => rule));
    expect(RULES.map(({ name }) => name).filter((name) => !sampled.has(name))).toEqual([]);
  });
});

describe("the workplace rule", () => {
  test("refuses an absolute path of the machine, in any text file", () => {
    const path = ["", "work", "main", "x"].join("/");
    expect(workplaceNamesIn("README.md", `fine\nsee ${path}`)).toMatchObject([{ line: 2 }]);
    expect(workplaceNamesIn("README.md", "see https://example.org/work/main or ./work/x")).toEqual([]);
  });

  test("refuses the name of a tool, whatever its case", () => {
    const word = ["Co", "Pilot"].join("");
    expect(workplaceNamesIn("docs/a.md", `made with ${word}`)).toMatchObject([{ line: 1 }]);
    expect(workplaceNamesIn("docs/a.md", "made with care")).toEqual([]);
  });
});

test("a comment within a string, a pattern or a template is none", () => {
  const text = [
    "// one",
    'export const a = "// no";',
    "export const b = /\\/\\/ no/;",
    "export const c = `/* no */ ${1 /* two */} // no`;",
    "/** three */",
    "export const d = 1; // four",
  ].join("\n");
  const comments = parseSource("test/a.ts", text).comments;
  expect(comments.map((one) => one.text)).toEqual(["// one", "/* two */", "/** three */", "// four"]);
});
