/** The published package: packed, installed into an empty project, and used there against an ensemble. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { installPackage, type InstalledPackage } from "../package/installed.ts";

/** The same program as a Worker. */
const WORKER = `import { use } from "./use.ts";
export default { fetch: async (request, env) => Response.json(await use(env.ENSEMBLE)) };
`;

const run = promisify(execFile);

/** How a program ended. */
interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let ensemble: TestEnsemble;
let installed: InstalledPackage | undefined;
/** Holds nothing but the package. */
let project: string;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { VOTERS: "1" } });
  installed = await installPackage();
  ({ project } = installed);
  await mkdir(join(project, "src"));
  await copyFile(join(ROOT, "test/package/use.ts"), join(project, "src/use.ts"));
  await writeFile(join(project, "src/worker.ts"), WORKER);
});

afterAll(async () => {
  await ensemble.stop();
  await installed?.remove();
});

/** What the program of test/package says when all of it went well. */
const EXPECTED = {
  text: "hello",
  events: ["dataChanged", "deleted"],
  order: true,
  code: "NODEEXISTS",
  state: "closed",
};

async function bundle(name: string, platform: "node" | "browser"): Promise<string> {
  const outfile = join(project, `${name}.mjs`);
  await build({
    absWorkingDir: project,
    entryPoints: [`src/${name}.ts`],
    bundle: platform === "browser",
    format: "esm",
    // `await using` is younger than the oldest Node that the package supports.
    target: "es2022",
    outfile,
  });
  return outfile;
}

describe("the package", () => {
  test("has no dependencies, and brings its licence, its page and nothing else beside code and types", async () => {
    const installed = join(project, "node_modules/edgekeeper");
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(manifest).not.toHaveProperty("dependencies");
    const { stdout } = await run("npm", ["ls", "--all", "--json"], { cwd: project });
    expect(Object.keys((JSON.parse(stdout) as { dependencies: object }).dependencies)).toEqual([
      "edgekeeper",
    ]);
    const { stdout: files } = await run("find", [".", "-type", "f"], { cwd: installed });
    for (const file of files.trim().split("\n")) {
      expect(file).toMatch(/^\.\/(?:[\w-]+\.(?:js|d\.ts)|package\.json|wrangler\.toml|[A-Z-]+\.md|LICENSE)$/);
    }
  });

  test("is typed for a program that knows no other types than the language's and the DOM's", async () => {
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "es2022",
      lib: ["es2022", "dom", "esnext.disposable"],
      module: "nodenext",
      types: [],
    };
    await writeFile(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["src/use.ts"] }),
    );
    await expect(run(process.execPath, [tsc, "-p", project])).resolves.toMatchObject({ stdout: "" });
  });

  test("has a program that npx runs: it says what is wrong in a line, and ends with the code for it", async () => {
    const npx = async (...words: readonly string[]): Promise<Ran> => {
      const env = { ...process.env, EDGEKEEPER_URL: ensemble.httpUrl };
      const ran = run("npx", ["--offline", "edgekeeper", ...words], { cwd: project, env });
      return await ran.then((output) => ({ code: 0, ...output })).catch((error: unknown) => error as Ran);
    };
    expect(await npx("--version")).toMatchObject({ code: 0, stdout: "0.1.0\n", stderr: "" });
    expect(await npx("token", "list", "--json")).toMatchObject({ code: 0, stdout: '{"tokens":[]}\n' });
    const plan = ["edgekeeper.js", "plan", "--placement", "weur", "--clients", "weur"];
    const planned = await run(process.execPath, plan, { cwd: join(project, "node_modules/edgekeeper") });
    expect(planned).toMatchObject({ stdout: expect.stringMatching(/^weur leads: /) as string, stderr: "" });
    expect(await npx("token", "lift")).toMatchObject({ code: 2, stdout: "" });
    const lost = await npx("token", "list", "--url", "http://127.0.0.1:1", "--json");
    expect(lost).toMatchObject({ code: 4, stdout: "" });
    expect(JSON.parse(lost.stderr)).toMatchObject({ error: { exitCode: 4, code: "nobody-listens" } });
    const unknown = await npx("token", "list", "--ensemble", "none");
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.stderr).toMatch(/^edgekeeper: .*none/);
  });

  test("works in Node", async () => {
    const program = await bundle("use", "node");
    const main = `import { use } from ${JSON.stringify(program)};
      console.log(JSON.stringify(await use(process.argv[1])));`;
    const { stdout } = await run(
      process.execPath,
      ["--input-type=module", "--eval", main, ensemble.httpUrl],
      { cwd: project },
    );
    expect(JSON.parse(stdout)).toEqual(EXPECTED);
  });

  test("works in a Worker", async () => {
    const worker = new Miniflare({
      modules: true,
      script: await readFile(await bundle("worker", "browser"), "utf8"),
      compatibilityDate: "2026-06-01",
      bindings: { ENSEMBLE: ensemble.httpUrl },
    });
    try {
      const response = await worker.dispatchFetch("http://worker/");
      expect(await response.json()).toEqual(EXPECTED);
    } finally {
      await worker.dispose();
    }
  });
});
