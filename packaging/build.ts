/**
 * Builds the published package into dist/: its code and types by tsdown (Rolldown, the bundler that Vite has, and types
 * by the compiler's own isolated declarations), and a package.json of its own, which has no dependencies.
 */
import { copyFile, glob, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { build as bundle } from "esbuild";
import { build } from "tsdown";

import { bundleOptions } from "../src/cli/wrangler-tools.ts";

/** The root of the repository. */
export const ROOT: string = join(import.meta.dirname, "..");

/** Where the package is built. */
export const DIST: string = join(ROOT, "dist");

/** What Node 20, and the browsers of its time, can read. */
const TARGET = "es2022";

/** The entries of the package by the name under which they are imported, each with its module. */
export const ENTRIES: Readonly<Record<string, string>> = {
  ".": "src/client/index.ts",
  "./recipes": "src/recipes/index.ts",
  "./binding": "src/binding/main.ts",
  "./clusters": "src/clusters/index.ts",
};

/** The bin, with what it uses of other packages in it, so that whoever installs the client installs nothing more. */
const PROGRAM = { edgekeeper: "src/program/main.ts" };

/** The packages that the bin holds; those that the Worker holds are told by its bundler. */
const HELD = ["commander", "jsonc-parser", "smol-toml", "ws"];

/** `edgekeeper/worker`, and what runs beside it on a machine: built as `wrangler` does, with all that they use. */
const WORKERS = {
  worker: "src/package-worker.ts",
  "local-namespace": "src/local/namespace.ts",
  "local-switchboard": "src/local/switchboard.ts",
};

/** The entries whose modules are there. */
function entries(): readonly {
  readonly name: string;
  readonly file: string;
  readonly source: string;
}[] {
  return Object.entries(ENTRIES)
    .filter(([, source]) => existsSync(join(ROOT, source)))
    .map(([name, source]) => ({ name, source, file: name === "." ? "index" : name.slice("./".length) }));
}

/** Builds it anew, into dist/ or elsewhere. */
export async function buildPackage(directory: string = DIST): Promise<void> {
  await build({
    cwd: ROOT,
    config: false,
    entry: Object.fromEntries(entries().map(({ file, source }) => [file, source])),
    outDir: directory,
    format: "esm",
    platform: "neutral",
    target: TARGET,
    tsconfig: "tsconfig.json",
    dts: true,
    clean: true,
    fixedExtension: false,
    logLevel: "warn",
  });
  await build({
    cwd: ROOT,
    config: false,
    entry: PROGRAM,
    outDir: directory,
    format: "esm",
    platform: "node",
    target: TARGET,
    tsconfig: "tsconfig.node.json",
    dts: false,
    clean: false,
    fixedExtension: false,
    deps: { alwaysBundle: [/./] },
    // A package that has both has its CommonJS in a form that no bundler reads.
    inputOptions: { resolve: { mainFields: ["module", "main"] } },
    logLevel: "warn",
  });
  const held = await buildWorkers(directory);
  await writeFile(join(directory, "THIRD-PARTY-LICENSES.md"), await licences(held));
  const config = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const builtConfig = config.replace('main = "src/worker.ts"', 'main = "worker.js"');
  if (builtConfig === config) throw new Error("wrangler.toml has another main than was expected");
  await writeFile(join(directory, "wrangler.toml"), builtConfig);
  await writeFile(join(directory, "package.json"), `${JSON.stringify(await manifest(), null, 2)}\n`);
  await copyFile(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
  await copyFile(join(ROOT, "docs/sdk.md"), join(directory, "README.md"));
}

/** Builds the Workers, and the types of the one that is imported; gives the packages that they hold. */
async function buildWorkers(directory: string): Promise<readonly string[]> {
  await build({
    cwd: ROOT,
    config: false,
    entry: { worker: WORKERS.worker },
    outDir: directory,
    format: "esm",
    platform: "neutral",
    target: TARGET,
    tsconfig: "tsconfig.json",
    dts: { emitDtsOnly: true },
    clean: false,
    fixedExtension: false,
    logLevel: "warn",
  });
  const held = await Promise.all(
    Object.entries(WORKERS).map(async ([name, source]) => {
      const options = bundleOptions(join(ROOT, source), join(directory, `${name}.js`), false);
      const { metafile } = await bundle({ ...options, absWorkingDir: ROOT, metafile: true as const });
      return Object.keys(metafile.inputs).flatMap(
        (file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
      );
    }),
  );
  return held.flat();
}

/** The licences of what the bin and the Worker hold, which want to go with it. */
async function licences(more: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    [...new Set([...HELD, ...more])].sort().map(async (name) => {
      const folder = join(ROOT, "node_modules", name);
      for await (const file of glob("LICEN[SC]E*", { cwd: folder })) {
        return `## ${name}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
      }
      // Some say it in their package.json alone.
      const told = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
      const { license, author, repository } = told;
      if (license === undefined) throw new Error(`${name} has no licence to go with it`);
      const by = [author, repository].map((one) => (typeof one === "object" ? (one.name ?? one.url) : one));
      return `## ${name}\n\n${[license, ...by].filter((one) => one !== undefined).join(", ")}\n`;
    }),
  );
  return `The program (edgekeeper.js) and the Worker (worker.js) hold these packages.\n\n${parts.join("\n")}`;
}

/** What a package says of itself. */
interface Manifest {
  readonly license?: string;
  readonly author?: string | { readonly name?: string; readonly url?: string };
  readonly repository?: string | { readonly name?: string; readonly url?: string };
}

async function manifest(): Promise<object> {
  const root: unknown = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  if (typeof root !== "object" || root === null || !("version" in root)) {
    throw new Error("the root's package.json has no version");
  }
  return {
    name: "edgekeeper",
    version: root.version,
    description:
      "Client of Edgekeeper, ZooKeeper for the edge: locks, configuration and watches, from anywhere.",
    keywords: [
      "zookeeper",
      "lock",
      "lease",
      "leader-election",
      "coordination",
      "cloudflare",
      "durable-objects",
    ],
    license: "Apache-2.0",
    type: "module",
    sideEffects: false,
    exports: exportsOf(),
    bin: { edgekeeper: "./edgekeeper.js" },
    files: ["*.js", "*.d.ts", "wrangler.toml", "THIRD-PARTY-LICENSES.md"],
    engines: { node: ">=20" },
  };
}

function exportsOf(): Readonly<Record<string, unknown>> {
  const paths: Record<string, unknown> = {};
  for (const { name, file } of [...entries(), { name: "./worker", file: "worker" }]) {
    paths[name] = { types: `./${file}.d.ts`, default: `./${file}.js` };
  }
  return { ...paths, "./package.json": "./package.json" };
}
