/**
 * The bundler and the runtime that the installed wrangler brings: what runs here is what `wrangler dev` would run.
 * In a clone wrangler is beside us; where the published package runs it may be in the user's project. Without it the
 * package runs its own Worker, which is built already, on a runtime that it fetches once.
 */
import { accessSync, constants, copyFileSync, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { assert } from "../base/assert.ts";
import { fetchRuntime } from "./runtime-fetch.ts";
import { StartError } from "./start-error.ts";

/**
 * The part of esbuild that is used here; wrangler brings the package, and its types are not ours to import.
 */
interface Bundler {
  build(options: BundleOptions): Promise<unknown>;
}

/** What is told to it. */
export interface BundleOptions {
  readonly entryPoints: string[];
  readonly outfile: string;
  readonly bundle: true;
  readonly format: "esm";
  readonly target: string;
  readonly conditions: string[];
  readonly external: string[];
  readonly loader: Record<string, "text">;
  readonly keepNames: boolean;
  readonly logLevel: "silent";
}

/** What there is to find. */
type Tool = "esbuild" | "workerd";

/** Where this code is: in a clone src/cli, in the published package its folder. */
const HERE = dirname(fileURLToPath(import.meta.url));

/** What the published package has beside this code is built already. */
function isBuilt(file: string): boolean {
  return file.endsWith(".js") && dirname(file) === HERE;
}

/** The source of a module that runs beside the Worker, or what was built of it. */
export function localModule(name: "namespace" | "switchboard"): string {
  const built = join(HERE, `local-${name}.js`);
  return existsSync(built) ? built : join(HERE, "..", "local", `${name}.ts`);
}

/**
 * Bundles a Worker, or a module of one, into a file; `keepsNames` as `keep_names` of wrangler.toml. Throws StartError
 * where it does not build.
 */
export async function bundle(main: string, outputFile: string, keepsNames = true): Promise<void> {
  if (isBuilt(main)) {
    copyFileSync(main, outputFile);
    return;
  }
  const bundler = find("esbuild");
  if (bundler === undefined) {
    throw new StartError(
      `to build ${main} takes the bundler of wrangler, which is not installed here: npm install -D wrangler`,
    );
  }
  assert(isBundler(bundler), "wrangler's esbuild has a build function");
  try {
    await bundler.build(bundleOptions(main, outputFile, keepsNames));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the Worker ${main} does not build: ${reason}`, { cause: error });
  }
}

/** What esbuild is told: as wrangler tells it. */
export function bundleOptions(main: string, outputFile: string, keepNames: boolean): BundleOptions {
  return {
    entryPoints: [main],
    outfile: outputFile,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    // The modules that wrangler takes as text without being told.
    loader: { ".html": "text", ".txt": "text", ".sql": "text" },
    keepNames,
    logLevel: "silent",
  };
}

function isBundler(module: unknown): module is Bundler {
  return (
    typeof module === "object" && module !== null && "build" in module && typeof module.build === "function"
  );
}

/**
 * The path of a workerd executable for this machine that knows the compatibility date: the installed one, or else one
 * that is fetched. Throws StartError where there is none to be had; `warn` is told what takes long.
 */
export async function runtimeFor(compatibilityDate: string, warn: (line: string) => void): Promise<string> {
  const module = find("workerd", (version) => isYounger(version, compatibilityDate));
  if (module !== undefined) {
    const path = runtimePath(module);
    assert(path !== undefined, "wrangler's workerd exports the path of its executable");
    return path;
  }
  const fetched = await fetchRuntime(warn);
  const path = runtimePath(createRequire(join(fetched, "index.js"))("workerd"));
  assert(path !== undefined, "the fetched workerd exports the path of its executable");
  return path;
}

function runtimePath(module: unknown): string | undefined {
  const path =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
  return typeof path === "string" ? path : undefined;
}

/** The version of a workerd has its date in it, and it knows no later compatibility date. */
function isYounger(version: string, compatibilityDate: string): boolean {
  const [, date = ""] = /^\d+\.(\d{8})\./.exec(version) ?? [];
  return date >= compatibilityDate.replaceAll("-", "");
}

/** Loads a package that wrangler brings, or that is there itself, beside us or in the user's project. */
function find(name: Tool, isGood: (version: string) => boolean = () => true): unknown {
  for (const place of [HERE, resolve(".")]) {
    for (const via of ["wrangler/package.json", undefined]) {
      const found = load(name, place, via);
      if (found !== undefined && isGood(found.version)) return found.module;
    }
  }
  return undefined;
}

function load(
  name: Tool,
  place: string,
  via: string | undefined,
): { readonly module: unknown; readonly version: string } | undefined {
  try {
    const there = createRequire(join(place, "index.js"));
    const requireThere = via === undefined ? there : createRequire(there.resolve(via));
    const { version } = requireThere(`${name}/package.json`) as { readonly version: string };
    return { module: requireThere(name) as unknown, version };
  } catch (error) {
    // It is not installed at that place, or not for this machine: another may have it.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Throws StartError where the file is no program that may be run. */
export function checkRunnable(runtime: string): void {
  try {
    if (!statSync(runtime).isFile()) throw new Error("it is no file");
    accessSync(runtime, constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `cannot run ${runtime} (${reason}): --runtime takes a workerd executable; without it the one runs that ` +
        `wrangler, or the package workerd, brings.`,
      { cause: error },
    );
  }
}
