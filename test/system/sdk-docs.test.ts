/** The programs of docs/sdk.md and docs/cli.md, run as they stand there; what they print is what is said beside it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { expectedOf, outputOf } from "../harness/sdk-program.ts";

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

describe.each([
  ["docs/sdk.md", 4],
  ["docs/cli.md", 1],
])("%s", (page, count) => {
  test("has programs that print what it says", async () => {
    const programs = programsOf(await readFile(join(ROOT, page), "utf8"));
    expect(programs.length).toBeGreaterThanOrEqual(count);
    for (const text of programs) {
      const program = { text, directory, address: ensemble.httpUrl };
      expect(await outputOf(program)).toEqual(expectedOf(text));
    }
  });
});
