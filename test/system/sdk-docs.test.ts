/** The programs of docs/sdk.md and docs/cli.md, run as they stand there; what they print is what is said beside it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const run = promisify(execFile);

let ensemble: TestEnsemble;
let directory: string;

beforeAll(async () => {
  ensemble = await startEnsemble();
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-docs-"));
});

afterAll(async () => {
  await ensemble.stop();
  await rm(directory, { recursive: true, force: true });
});

/** The programs of a page, in their order: later ones may rely on what earlier ones left behind. */
function programsOf(page: string): readonly string[] {
  return Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, program]) => program ?? "");
}

/** What a program prints, by what is said behind `// =>`. */
function expectedOf(program: string): readonly string[] {
  return program.split("\n").flatMap((line) =>
    line
      .split("// => ")
      .slice(1)
      .map((text) => text.trim()),
  );
}

async function outputOf(program: string): Promise<readonly string[]> {
  const source = join(directory, "program.ts");
  const outfile = join(directory, "program.mjs");
  await writeFile(source, program);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    alias: {
      "edgekeeper/clusters": join(ROOT, "src/clusters/index.ts"),
      "edgekeeper/recipes": join(ROOT, "src/recipes/index.ts"),
      edgekeeper: join(ROOT, "src/client/index.ts"),
    },
    define: { ADDRESS: JSON.stringify(ensemble.httpUrl) },
  });
  const { stdout } = await run(process.execPath, [outfile]);
  return stdout.trim().split("\n");
}

describe.each([
  ["docs/sdk.md", 4],
  ["docs/cli.md", 1],
])("%s", (page, count) => {
  test("has programs that print what it says", async () => {
    const programs = programsOf(await readFile(join(ROOT, page), "utf8"));
    expect(programs.length).toBeGreaterThanOrEqual(count);
    for (const program of programs) expect(await outputOf(program)).toEqual(expectedOf(program));
  });
});
