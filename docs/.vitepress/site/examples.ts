/** The page that lists the examples. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./root.ts";
import { exampleNames } from "./pages.ts";

/** Its text: a line for each example, which is the first heading of its own page. */
export function examplesPage(): string {
  const lines = exampleNames().map((name) => {
    const text = readFileSync(join(ROOT, "examples", name, "README.md"), "utf8");
    const title = /^# (.+)$/m.exec(text)?.[1];
    if (title === undefined) throw new Error(`examples/${name}/README.md has no first heading`);
    return `- [${title}](examples/${name}.md)`;
  });
  const head =
    "# Examples\n\nWorkers to begin with, below `examples/`. All of them run in the tests, in the real runtime.";
  return `${head}\n\n${lines.join("\n")}\n`;
}
