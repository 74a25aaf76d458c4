/** The bundler and the runtime that the installed wrangler brings: what runs here is what `wrangler dev` would run. */
import { accessSync, constants, statSync } from "node:fs";
import { createRequire } from "node:module";

import { assert } from "../base/assert.ts";
import { StartError } from "./start-error.ts";

/**
 * The part of esbuild that is used here; wrangler brings the package, and its types are not ours to import.
 */
interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/**
 * Bundles a Worker, or a module of one, into a file; `keepsNames` as `keep_names` of wrangler.toml. Throws StartError
 * where it does not build.
 */
export async function bundle(main: string, outputFile: string, keepsNames = true): Promise<void> {
  const bundler = requireOfWrangler("esbuild");
  assert(isBundler(bundler), "wrangler's esbuild has a build function");
  try {
    await bundler.build({
      entryPoints: [main],
      outfile: outputFile,
      bundle: true,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["node:*", "cloudflare:*"],
      // The modules that wrangler takes as text without being told.
      loader: { ".html": "text", ".txt": "text", ".sql": "text" },
      keepNames: keepsNames,
      logLevel: "silent",
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the Worker ${main} does not build: ${reason}`, { cause: error });
  }
}

function isBundler(module: unknown): module is Bundler {
  return (
    typeof module === "object" && module !== null && "build" in module && typeof module.build === "function"
  );
}

/** The path of the workerd executable for this machine. */
export function runtimeOfWrangler(): string {
  const module = requireOfWrangler("workerd");
  const path =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
  assert(typeof path === "string", "wrangler's workerd exports the path of its executable");
  return path;
}

function requireOfWrangler(name: string): unknown {
  const requireHere = createRequire(import.meta.url);
  try {
    const module: unknown = createRequire(requireHere.resolve("wrangler/package.json"))(name);
    return module;
  } catch (error) {
    throw new StartError(`the package ${name}, which wrangler brings, does not load: run \`npm ci\` first.`, {
      cause: error,
    });
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
      `cannot run ${runtime} (${reason}): --runtime takes a workerd executable; without it the one that ` +
        `wrangler brings runs (npm ci installs it).`,
      { cause: error },
    );
  }
}
