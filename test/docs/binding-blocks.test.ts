/** The programs of docs/binding.md need a Worker around them: the compiler is asked, with the types that they import. */
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import { blocksOf } from "./blocks.ts";

const FILE = join(ROOT, "docs/binding-blocks.ts");

/** What the compiler says of a program that stands in for the page's. */
function complaints(text: string): readonly string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    lib: ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: ["@cloudflare/workers-types"],
    paths: { "edgekeeper/binding": [join(ROOT, "src/binding/main.ts")] },
    allowImportingTsExtensions: true,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.fileExists = (path) => path === FILE || ts.sys.fileExists(path);
  host.getSourceFile = (path, ...rest) =>
    path === FILE ? ts.createSourceFile(path, text, ts.ScriptTarget.ES2024) : getSourceFile(path, ...rest);
  const program = ts.createProgram([FILE], options, host);
  const source = program.getSourceFile(FILE);
  const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

test("a program of docs/binding.md is one that the compiler takes", () => {
  const [types, ...bodies] = blocksOf("docs/binding.md")
    .filter(({ language }) => language === "ts")
    .map(({ text }) => text);
  expect(bodies.length).toBeGreaterThan(0);
  const around = (body: string): string =>
    `${types}\nexport async function run(env: Env): Promise<void> {\n${body}\n}\n`;

  expect(bodies.flatMap((body) => complaints(around(body)))).toEqual([]);
  expect(complaints(around("env.EDGEKEEPER.lok('a');"))).toHaveLength(1);
});
