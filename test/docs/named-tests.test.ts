/** The judgement of what ran, on made-up tables and runs. */
import { describe, expect, test } from "vitest";
import { featuresIn } from "./feature-table.ts";
import { problemsOf, type RanTest, type Run } from "./named-tests.ts";

const HEAD = "| name | here | how, or why not | test |\n| --- | --- | --- | --- |\n";
const TABLE = `text

## Operations

${HEAD}| create | yes |  | \`test/a.test.ts\` "one (seen on 3.8.0)" |
| old | no | because |  |
| sums | yes | 1 | \`test/a.test.ts\` "%s and $name: \${both}" |

## Four-letter words

${HEAD}| ruok | yes |  | \`test/b.test.ts\` "%s says of a \${role}" |
`;

const FEATURES = featuresIn(TABLE);

function ran(path: string, name: string, more: Partial<RanTest> = {}): RanTest {
  return { path, name, state: "passed", mustAssert: true, ...more };
}

const TESTS: readonly RanTest[] = [
  ran("test/a.test.ts", "one (seen on 3.8.0)"),
  ran("test/a.test.ts", "x and y: z"),
  ran("test/b.test.ts", "ruok says of a leader"),
  ran("test/b.test.ts", "ruok says of a follower"),
];

function wholeRun(tests: readonly RanTest[]): Run {
  return { tests, paths: new Set(tests.map(({ path }) => path)), isWhole: true };
}

function problems(change: (test: RanTest) => readonly RanTest[]): readonly string[] {
  return problemsOf(FEATURES, wholeRun(TESTS.flatMap(change)));
}

describe("the tests that the table names", () => {
  test("are read with their sections, with and without a test", () => {
    expect(FEATURES.map(({ section, name, here }) => [section, name, here])).toEqual([
      ["Operations", "create", "yes"],
      ["Operations", "old", "no"],
      ["Operations", "sums", "yes"],
      ["Four-letter words", "ruok", "yes"],
    ]);
    expect(FEATURES.map(({ shownBy }) => shownBy?.path)).toEqual([
      "test/a.test.ts",
      undefined,
      "test/a.test.ts",
      "test/b.test.ts",
    ]);
  });

  test("are fine where all of them passed", () => {
    expect(problemsOf(FEATURES, wholeRun(TESTS))).toEqual([]);
  });

  test("must have run under that name, of each row's own where there is a test a row", () => {
    expect(problems((one) => (one.name.startsWith("one") ? [] : [one]))).toEqual([
      'Operations, create: test/a.test.ts "one (seen on 3.8.0)" did not run: no test of that file has this name',
    ]);
    expect(problems((one) => [{ ...one, name: one.name.replace("ruok", "stat") }])).toHaveLength(1);
    expect(problems((one) => [{ ...one, name: one.name.replace("3.8", "328") }])).toHaveLength(1);
  });

  test("must all have passed: neither skipped, nor failed, nor left undone", () => {
    const becomes = (state: RanTest["state"]): readonly string[] =>
      problems((one) => [one.name.endsWith("follower") ? { ...one, state } : one]);
    const told = 'Four-letter words, ruok: test/b.test.ts "%s says of a ${role}"';
    expect(becomes("skipped")).toEqual([`${told} was skipped`]);
    expect(becomes("failed")).toEqual([`${told} failed`]);
    expect(becomes("pending")).toEqual([`${told} was not done`]);
  });

  test("must be of a project where a test without an assertion fails", () => {
    expect(problems((one) => [{ ...one, mustAssert: one.path !== "test/b.test.ts" }])).toEqual([
      expect.stringContaining("may have asserted nothing: set expect.requireAssertions"),
    ]);
  });

  test("are missed in a whole run, and not in a run of other files", () => {
    const some = wholeRun(TESTS.filter(({ path }) => path === "test/a.test.ts"));
    expect(problemsOf(FEATURES, { ...some, isWhole: false })).toEqual([]);
    expect(problemsOf(FEATURES, some)).toEqual([
      'Four-letter words, ruok: test/b.test.ts "%s says of a ${role}" did not run',
    ]);
  });

  test("must be named where a feature is said to be here", () => {
    const [row = ""] = /\| create .*\n/.exec(TABLE) ?? [];
    const unnamed = featuresIn(TABLE.replace(row, "| create | yes |  |  |\n"));
    expect(problemsOf(unnamed, wholeRun(TESTS))).toEqual(["Operations, create: no test is named"]);
  });
});
