/**
 * The runtime for those who have installed none: the npm package workerd, once, into a cache. It is no dependency of
 * the published package, as it has 100 MB and whoever only talks to an ensemble needs none of it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { StartError } from "./start-error.ts";

/** The version that the wrangler of the clone brings, under which everything was tested. */
export const RUNTIME_VERSION = "1.20261117.1";

/** Gives the folder in which `require("workerd")` finds it. Throws StartError where it cannot be fetched. */
export async function fetchRuntime(warn: (line: string) => void): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "edgekeeper");
  const folder = join(cache, `workerd-${RUNTIME_VERSION}`);
  if (existsSync(folder)) return folder;
  warn(`fetching the runtime, workerd ${RUNTIME_VERSION} (100 MB), by npm into ${folder}; this happens once`);
  await mkdir(cache, { recursive: true });
  // Made apart and moved: one that is there is whole, whoever else fetches it at the same time.
  const fresh = await mkdtemp(join(cache, "fetching-"));
  try {
    await writeFile(join(fresh, "package.json"), `{ "name": "runtime", "private": true }\n`);
    await npmInstall(fresh);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Somebody else was quicker: theirs is as good.
    if (existsSync(folder)) return folder;
    throw error;
  }
  return folder;
}

/** The scripts of packages are not run: the executable comes with one of them, ready. */
async function npmInstall(folder: string): Promise<void> {
  const words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const child = spawn("npm", [...words, `workerd@${RUNTIME_VERSION}`], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // What npm tells those whom it has started is of another folder.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_config_local_prefix$|^INIT_CWD$/.test(name)),
    ),
  });
  let told = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (told += text));
  const [code] = (await once(child, "close").catch((error: unknown) => [String(error)])) as unknown[];
  if (code === 0) return;
  throw new StartError(
    `the runtime could not be fetched: npm ended with ${String(code)}\n${told.trim()}\n` +
      `Install it where you start this (npm install -D wrangler, or workerd), or name an executable by --runtime.`,
  );
}
