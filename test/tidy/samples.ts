/**
 * A smallest text that breaks each rule, and texts that look as if they did: a rule that cannot fail is none.
 */

/** A text for the rules; without a path it stands in src/zab/sample.ts. */
export interface Sample {
  readonly what: string;
  readonly path?: string;
  readonly text: string;
}

/** A text that breaks one rule once, on the first line unless it says another. */
export interface BadSample extends Sample {
  readonly rule: string;
  readonly line?: number;
}

function lines(count: number, line: string): string {
  return `${line}\n`.repeat(count);
}

function longFunction(count: number): string {
  return `function f(): void {\n${lines(count - 2, "  g();")}}\n`;
}

/** What each rule must refuse. */
export const BAD_SAMPLES: readonly BadSample[] = [
  { rule: "layers", what: "zab importing tree", text: 'import { a } from "../tree/a.ts";' },
  { rule: "layers", what: "a re-export from above", text: 'export { a } from "../durable/a.ts";' },
  { rule: "layers", what: "a type from above", text: 'type A = import("../keeper/a.ts").A;' },
  { rule: "layers", what: "an import() from above", text: 'const a = import("../keeper/a.ts");' },
  { rule: "layers", what: "a package in the core", text: 'import { Hono } from "hono";' },
  { rule: "layers", what: "node in the core", text: 'import { join } from "node:path";' },
  { rule: "layers", what: "src importing test", text: 'import { a } from "../../test/a.ts";' },
  {
    rule: "layers",
    what: "more than types of zab in durable",
    path: "src/durable/a.ts",
    text: 'import type { A } from "../zab/a.ts";\nimport { Peer } from "../zab/peer.ts";',
    line: 2,
  },
  { rule: "layers", what: "an unknown layer", path: "src/util/a.ts", text: "" },
  { rule: "import-extension", what: "no extension", path: "test/a.ts", text: 'import { a } from "./a";' },
  { rule: "import-extension", what: "a .js extension", path: "test/a.ts", text: 'import "./a.js";' },
  { rule: "purity", what: "the clock", text: "const now = () => Date.now();" },
  { rule: "purity", what: "dice", text: "const dice = () => Math.random();" },
  { rule: "purity", what: "an async function", text: "\nasync function f() {}", line: 2 },
  { rule: "purity", what: "await", text: "await f();" },
  { rule: "purity", what: "a promise's type", text: "type A = Promise<void>;" },
  { rule: "purity", what: "a timer", text: "setTimeout(f, 1);" },
  { rule: "purity", what: "a microtask", text: "queueMicrotask(f);" },
  { rule: "purity", what: "the network", text: 'fetch("x");' },
  { rule: "purity", what: "crypto", text: "crypto.randomUUID();" },
  { rule: "purity", what: "the console", text: 'console.log("x");' },
  { rule: "purity", what: "globalThis", text: 'globalThis["x"];' },
  { rule: "purity", what: "the process", text: "process.exit(1);" },
  { rule: "purity", what: "import.meta", text: "import.meta.url;" },
  { rule: "purity", what: "a locale's order", text: 'const c = "a".localeCompare("b");' },
  { rule: "quiet-catch", what: "an empty catch", text: "try {\n  f();\n} catch {}", line: 3 },
  {
    rule: "quiet-catch",
    what: "a rethrow of some",
    text: "try { f(); } catch (e) { if (!isFit(e)) throw e; }",
  },
  { rule: "quiet-catch", what: "a look at it", text: "try { f(); } catch (e) { if (isFit(e)) g(); }" },
  { rule: "quiet-catch", what: "a deaf handler", text: "f().catch(() => undefined);" },
  { rule: "module-state", what: "let", text: "let a = 1;" },
  { rule: "module-state", what: "var", text: "var a = 1;" },
  { rule: "module-state", what: "a map", text: "const a = new Map<string, string>();" },
  { rule: "module-state", what: "a set of a type that changes", text: "const a: Set<string> = new Set();" },
  { rule: "module-state", what: "an array", text: "const a = [1];" },
  { rule: "module-state", what: "an array by its cast", text: "const a = [] as string[];" },
  { rule: "module-state", what: "an object", text: "const a = {};" },
  { rule: "module-state", what: "a record", text: "const a: Record<string, string> = {};" },
  { rule: "module-state", what: "a scratch buffer", text: "const a = new Uint8Array(10);" },
  { rule: "module-state", what: "an object of a class", text: "const a = new Registry();" },
  { rule: "module-state", what: "a static field", text: "class A {\n  static a = 0;\n}", line: 2 },
  { rule: "module-state", what: "a static map", text: "class A { static readonly a = new Map(); }" },
  { rule: "file-size", what: "500 lines", path: "test/a.ts", text: lines(500, "f();"), line: 500 },
  { rule: "line-length", what: "121 columns", path: "test/a.ts", text: `f("${"x".repeat(116)}")` },
  { rule: "function-size", what: "70 lines", path: "test/a.ts", text: longFunction(70) },
  { rule: "function-size", what: "5 parameters", path: "test/a.ts", text: "const f = (a, b, c, d, e) => 1;" },
  { rule: "file-name", what: "camelCase", path: "src/zab/fooBar.ts", text: "" },
  { rule: "file-name", what: "snake_case", path: "test/foo_bar/a.ts", text: "" },
  { rule: "default-export", what: "a default export", path: "test/a.ts", text: "export default 1;" },
  { rule: "default-export", what: "a default class", text: "/** A. */\nexport default class A {}", line: 2 },
  { rule: "export-comment", what: "a bare function", text: "export function f(): void {}" },
  { rule: "export-comment", what: "a bare type", text: "// no doc\nexport type A = 1;", line: 2 },
  { rule: "export-comment", what: "an empty comment", text: "/** */\nexport const a = 1;", line: 2 },
  { rule: "abbreviation", what: "msg", text: "function f(lastMsg: string): void {}" },
  { rule: "vocabulary", what: "term for epoch", text: "interface A {\n  currentTerm: number;\n}", line: 2 },
  { rule: "vocabulary", what: "log entry for proposal", text: "type LogEntry = 1;" },
  { rule: "vocabulary", what: "log entry in prose", text: "// Appends a log entry.\nf();" },
  {
    rule: "unfinished",
    what: "an unfinished place",
    path: "test/a.ts",
    text: `// ${"TO"}${"DO"}: later\nf();`,
  },
];

/** What no rule may refuse. */
export const GOOD_SAMPLES: readonly Sample[] = [
  { what: "what zab may import", text: 'import { a } from "../base/a.ts";\nimport { b } from "./b.ts";' },
  {
    what: "types of tree and zab in durable",
    path: "src/durable/a.ts",
    text: 'import type { NodeStore } from "../tree/a.ts";\nimport { b } from "cloudflare:workers";',
  },
  { what: "an error that is told", text: "try { f(); } catch (e) { if (!isFit(e)) throw e; g(e); }" },
  { what: "a dropped error with a sentence", text: "try {\n  f();\n} catch {\n  // It is gone.\n}" },
  { what: "a deaf handler with a sentence", text: "// Nobody hears it.\nf().catch(() => undefined);" },
  { what: "a test importing anything", path: "test/a.ts", text: 'import { a } from "../src/zab/a.ts";' },
  {
    what: "banned names in comments and strings",
    text: '// Date.now() and Promise\nconst a = "setTimeout";',
  },
  {
    what: "a member that is called as a global",
    text: "const a = (b) => b.fetch + b.Date + { process: 1 };",
  },
  { what: "a clock above the core", path: "src/durable/a.ts", text: "const now = () => Date.now();" },
  {
    what: "constants",
    text: [
      "const a: ReadonlyMap<string, string> = new Map();",
      "const b: readonly string[] = [];",
      'const c = ["x"] as const;',
      "const d: Zxid = { epoch: 0, counter: 0 };",
      "const e = new Uint8Array(0);",
      "const f: Readonly<Record<string, string>> = {};",
      "const g = { a: 1 } as const satisfies A;",
      "class B { static readonly max = 1; }",
    ].join("\n"),
  },
  { what: "state of a function", text: "function f() {\n  let a = 1;\n  const b = new Map();\n}" },
  { what: "499 lines", path: "test/a.ts", text: lines(499, "f();") },
  { what: "120 columns", path: "test/a.ts", text: `f("${"x".repeat(115)}")` },
  { what: "a long address", path: "test/a.ts", text: `// https://example.org/${"x".repeat(120)}` },
  { what: "a long name of a test", path: "test/a.ts", text: `test("${"x".repeat(120)}", () => {});` },
  { what: "69 lines", path: "test/a.ts", text: longFunction(69) },
  {
    what: "a long group of tests",
    path: "test/a.ts",
    text: `describe("a", () => {\n${lines(80, "f();")}});`,
  },
  { what: "a row of a table", path: "test/a.ts", text: 'test.each(t)("%s", (a, b, c, d, e) => {});' },
  { what: "another's signature", path: "test/a.ts", text: "interface A { f(a, b, c, d, e): void; }" },
  { what: "kebab-case", path: "src/zab/read-only-2.ts", text: "" },
  {
    what: "the entry's default export",
    path: "src/worker.ts",
    text: "/** The entry. */\nexport default {};",
  },
  { what: "overloads", text: "/** F. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;" },
  { what: "re-exports without a comment", text: 'export { a } from "./a.ts";' },
  { what: "terminal, determine and msgpack", text: "const terminal = 1, determined = 2, pmsg = 3;" },
  { what: "the wire's own names in jute", path: "src/jute/a.ts", text: "const err = 1;" },
];
