/** What recipes' files say at their heads, as a document. */
import { readFileSync, readdirSync } from "node:fs";

const FOLDER = "src/recipes";

/** The head comment of a file, as lines of text. */
function headOf(source: string): readonly string[] {
  const [comment = ""] = /^\/\*\*[^]*?\*\//.exec(source) ?? [];
  const lines = comment.split("\n").slice(1, -1);
  return lines.map((line) => line.replace(/^ \* ?/, ""));
}

/** The recipes whose heads tell what can go wrong, by their files. */
export function storiedFiles(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) =>
      headOf(readFileSync(`${FOLDER}/${file}`, "utf8")).some((line) => line.startsWith("What can go wrong")),
    )
    .toSorted();
}

/** docs/recipes-failures.md. */
export function failureStories(): string {
  const stories = storiedFiles().map((file) => {
    const [first = "", ...rest] = headOf(readFileSync(`${FOLDER}/${file}`, "utf8"));
    const [name = "", opening = ""] = first.split(/:(.*)/);
    return [`## ${name}`, "", opening.trim(), ...rest].join("\n");
  });
  const head = [
    "# What can go wrong with each recipe, and what happens then",
    "",
    "The heads of the files in `src/recipes`, in the order of their names; a test keeps them the same",
    "(`npx vitest run test/docs/recipes.test.ts -u` writes them anew). What holds for all of them stands in",
    "[recipes.md](recipes.md).",
  ].join("\n");
  return [head, ...stories].join("\n\n").concat("\n");
}
