/**
 * The last step of every run of vitest: fails it where a test that docs/zookeeper.md, docs/security.md or
 * docs/failure-modes.md names did not run, or asserted nothing, or one that a code block of the documentation rests on.
 * A run of some files or some tests is judged for these alone.
 */
import { relative } from "node:path";
import type { TestProject } from "vitest/node";
import { blockFeatures } from "./block-claims.ts";
import { readFeatures } from "./feature-table.ts";
import { problemsOf, type RanTest, type Run } from "./named-tests.ts";

let project: TestProject;

/** Called by vitest before the first test. */
export function setup(root: TestProject): void {
  project = root;
}

/** Called by vitest when all tests are over. What it throws is shown, and fails the run. */
export async function teardown(): Promise<void> {
  const problems = problemsOf([...readFeatures(), ...blockFeatures()], await runOf(project));
  if (problems.length === 0) return;
  const lines = problems.map((problem) => `  ${problem}`);
  throw new Error(`the documents name tests that show nothing in this run:\n${lines.join("\n")}`);
}

async function runOf({ vitest }: TestProject): Promise<Run> {
  const { config } = vitest;
  // A name pattern skips what it does not match, and nobody can tell that from a skip in the source.
  if (config.testNamePattern !== undefined) return { tests: [], paths: new Set(), isWhole: false };
  const modules = vitest.state.getTestModules();
  const specifications = await vitest.globTestSpecifications();
  const pathOf = (moduleId: string): string => relative(config.root, moduleId);
  const tests = modules.flatMap((module) =>
    Array.from(module.children.allTests(), (test): RanTest => ({
      path: pathOf(module.moduleId),
      name: test.name,
      state: test.result().state,
      mustAssert: test.project.config.expect.requireAssertions === true,
    })),
  );
  return {
    tests,
    paths: new Set(modules.map(({ moduleId }) => pathOf(moduleId))),
    isWhole: config.project.length === 0 && modules.length === specifications.length,
  };
}
