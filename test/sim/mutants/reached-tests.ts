/** Which tests can see a change: those that import the changed file, by whatever way. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const IMPORT = /\bfrom "(\.{1,2}\/[^"]+\.ts)"/g;

/** Of the tests under these files and folders, those that reach one of the changed files. */
export function reachedTests(
  root: string,
  tests: readonly string[],
  changed: readonly string[],
): readonly string[] {
  const files = tests.flatMap((test) =>
    test.endsWith("/") ? globSync(`${test}**/*.test.ts`, { cwd: root }) : test,
  );
  const goals = new Set(changed);
  return files.filter((file) => [...closureOf(root, file)].some((reached) => goals.has(reached))).sort();
}

/** The file and all that it imports. */
function closureOf(root: string, file: string): ReadonlySet<string> {
  const reached = new Set([file]);
  for (const path of reached) {
    for (const [, target = ""] of readFileSync(join(root, path), "utf8").matchAll(IMPORT)) {
      reached.add(normalize(join(dirname(path), target)));
    }
  }
  return reached;
}
