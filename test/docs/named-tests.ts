/** Whether the tests that docs/zookeeper.md names ran, passed and asserted something: a judgement of one run. */
import { type Feature, namesOf } from "./feature-table.ts";

/** A test of the run. */
export interface RanTest {
  /** Relative to the project's root. */
  readonly path: string;
  /** Without the names of the suites around it. */
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped" | "pending";
  /** Whether its project has every test fail that asserts nothing. */
  readonly mustAssert: boolean;
}

/** What ran. */
export interface Run {
  readonly tests: readonly RanTest[];
  /** Files that ran, relative to the project's root. */
  readonly paths: ReadonlySet<string>;
  /** Whether all files ran: otherwise only those that ran are judged. */
  readonly isWhole: boolean;
}

/** A line for each feature whose test did not show it, with what was wrong. */
export function problemsOf(features: readonly Feature[], { tests, paths, isWhole }: Run): readonly string[] {
  const byPath = Map.groupBy(tests, ({ path }) => path);
  return features.flatMap((feature) => {
    const { section, name, here, shownBy } = feature;
    if (here !== "yes") return [];
    const names = namesOf(feature);
    const told = (what: string): readonly string[] => [`${section}, ${name}: ${what}`];
    if (shownBy === undefined || names === undefined) return told("no test is named");
    const test = `${shownBy.path} "${shownBy.title}"`;
    if (!paths.has(shownBy.path)) return isWhole ? told(`${test} did not run`) : [];
    const found = (byPath.get(shownBy.path) ?? []).filter((one) => names.test(one.name));
    if (found.length === 0) return told(`${test} did not run: no test of that file has this name`);
    const bad = found.find(({ state }) => state !== "passed");
    if (bad !== undefined) return told(`${test} ${wordFor(bad.state)}`);
    const lax = found.some(({ mustAssert }) => !mustAssert);
    return lax ? told(`${test} may have asserted nothing: set expect.requireAssertions for its project`) : [];
  });
}

function wordFor(state: RanTest["state"]): string {
  return state === "failed" ? "failed" : `was ${state === "skipped" ? "skipped" : "not done"}`;
}
