/**
 * Builds the published package into dist/: its code and types by tsdown (Rolldown, the bundler that Vite has, and types
 * by the compiler's own isolated declarations), and a package.json of its own, which has no dependencies.
 */
import { copyFile, glob, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { build } from "tsdown";

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

/** The packages that the bin holds. */
const HELD = ["commander", "ws"];

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
    logLevel: "warn",
  });
  await writeFile(join(directory, "THIRD-PARTY-LICENSES.md"), await licences());
  await writeFile(join(directory, "package.json"), `${JSON.stringify(await manifest(), null, 2)}\n`);
  await copyFile(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
  await copyFile(join(ROOT, "docs/sdk.md"), join(directory, "README.md"));
}

/** The licences of what the bin holds, which want to go with it. */
async function licences(): Promise<string> {
  const parts = await Promise.all(
    HELD.map(async (name) => {
      const folder = join(ROOT, "node_modules", name);
      for await (const file of glob("LICENSE*", { cwd: folder })) {
        return `## ${name}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
      }
      throw new Error(`${name} has no licence to go with it`);
    }),
  );
  return `The program edgekeeper (edgekeeper.js) holds these packages.\n\n${parts.join("\n")}`;
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
    files: ["*.js", "*.d.ts", "THIRD-PARTY-LICENSES.md"],
    engines: { node: ">=20" },
  };
}

function exportsOf(): Readonly<Record<string, unknown>> {
  const paths: Record<string, unknown> = {};
  for (const { name, file } of entries()) {
    paths[name] = { types: `./${file}.d.ts`, default: `./${file}.js` };
  }
  return { ...paths, "./package.json": "./package.json" };
}
