/** The programs of docs/binding.md need a Worker around them: the compiler is asked, with the types they import. */
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import { blocksOf } from "./blocks.ts";

const OPTIONS: ts.CompilerOptions = {
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

/** What the compiler says of each of these programs, which stand in files that are not there. */
function complaintsOf(programs: readonly string[]): readonly (readonly string[])[] {
  const files = new Map(programs.map((text, index) => [join(ROOT, `docs/program-${index}.ts`), text]));
  const host = ts.createCompilerHost(OPTIONS);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path);
    return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, rest[0]);
  };
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  return [...files.keys()].map((path) => {
    const source = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  });
}

test("a program of docs/binding.md is one that the compiler takes", () => {
  const [types = "", ...bodies] = blocksOf("docs/binding.md")
    .filter(({ language }) => language === "ts")
    .map(({ text }) => text);
  expect(bodies.length).toBeGreaterThan(0);
  const around = (body: string): string =>
    `${types}\nexport async function run(env: Env): Promise<void> {\n${body}\n}\n`;

  const [wrong, ...right] = complaintsOf([around("env.EDGEKEEPER.lok('a');"), ...bodies.map(around)]);

  expect(right.flat()).toEqual([]);
  expect(wrong).toHaveLength(1);
});
