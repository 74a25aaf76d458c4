/** How much of the package a program carries that uses a part of it: minified, and compressed as servers send it. */
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { DIST } from "./build.ts";

/** What a program uses, and how many bytes that may be, minified and compressed. */
interface Budget {
  readonly name: string;
  readonly program: string;
  readonly gzipBytesMax: number;
}

/** A tenth above what it was when the figure was set: who needs more says so here. */
const BUDGETS: readonly Budget[] = [
  { name: "a lock over HTTP", program: `export { http } from "edgekeeper";`, gzipBytesMax: 9900 },
  { name: "a session", program: `export { connect } from "edgekeeper";`, gzipBytesMax: 19_700 },
  { name: "all of edgekeeper", program: `export * from "edgekeeper";`, gzipBytesMax: 27_500 },
  {
    name: "a mutex",
    program: `export { connectRecipes, InterProcessMutex } from "edgekeeper/recipes";`,
    gzipBytesMax: 24_500,
  },
  { name: "all of clusters", program: `export * from "edgekeeper/clusters";`, gzipBytesMax: 9000 },
  { name: "all recipes", program: `export * from "edgekeeper/recipes";`, gzipBytesMax: 41_500 },
];

/** What a program came to. */
export interface Size extends Budget {
  readonly minifiedBytes: number;
  readonly gzipBytes: number;
}

/** Measures each program. */
export async function sizes(): Promise<readonly Size[]> {
  return await Promise.all(
    BUDGETS.map(async (budget) => {
      const { outputFiles } = await build({
        stdin: { contents: budget.program, resolveDir: DIST },
        alias: { edgekeeper: DIST },
        bundle: true,
        minify: true,
        format: "esm",
        target: "es2022",
        write: false,
      });
      const code = outputFiles[0]?.contents ?? new Uint8Array();
      return { ...budget, minifiedBytes: code.length, gzipBytes: gzipSync(code).length };
    }),
  );
}
