/**
 * `npm run pack`: builds the package into dist/, lets publint and @arethetypeswrong look at it, tells how large it is,
 * and fails where any of that is not as it should be.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { buildPackage, DIST, ROOT } from "./build.ts";
import { sizes } from "./sizes.ts";

/** Runs a program of node_modules; true where it ended well. */
function run(program: string, ...programArguments: readonly string[]): boolean {
  console.log(`\n$ ${program} ${programArguments.join(" ")}`);
  const path = join(ROOT, "node_modules/.bin", program);
  return spawnSync(path, programArguments, { cwd: ROOT, stdio: "inherit" }).status === 0;
}

await buildPackage();
// Only ESM: Node 20.19 and later can require() it as well.
const isClean = [run("publint", "--strict", DIST), run("attw", "--pack", DIST, "--profile", "esm-only")];
console.log("\nsize, in bytes      minified   gzip     budget");
const isWithin = (await sizes()).map(({ name, minifiedBytes, gzipBytes, gzipBytesMax }) => {
  const figures = [minifiedBytes, gzipBytes, gzipBytesMax].map((bytes) => String(bytes).padStart(8));
  const isOver = gzipBytes > gzipBytesMax;
  console.log(
    `${name.padEnd(20)}${figures.join(" ")}${isOver ? "  over its budget (packaging/sizes.ts)" : ""}`,
  );
  return !isOver;
});
if (![...isClean, ...isWithin].every(Boolean)) process.exitCode = 1;
