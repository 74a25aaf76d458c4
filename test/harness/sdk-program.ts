/** Programs of the documentation that use the SDK: bundled with the package's sources, and run. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";

import { ROOT } from "../../packaging/build.ts";

const run = promisify(execFile);

/** A program, and where it runs. */
export interface SdkProgram {
  readonly text: string;
  /** A folder for what is made of it. */
  readonly directory: string;
  /** What ADDRESS stands for in it. */
  readonly address: string;
}

/** What a program prints, by what is said behind `// =>`. */
export function expectedOf(program: string): readonly string[] {
  return program.split("\n").flatMap((line) =>
    line
      .split("// => ")
      .slice(1)
      .map((text) => text.trim()),
  );
}

/** The lines that it prints when it is run. Throws where it fails. */
export async function outputOf({ text, directory, address }: SdkProgram): Promise<readonly string[]> {
  const source = join(directory, "program.ts");
  const outfile = join(directory, "program.mjs");
  await writeFile(source, text);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    alias: {
      "edgekeeper/clusters": join(ROOT, "src/clusters/index.ts"),
      "edgekeeper/recipes": join(ROOT, "src/recipes/index.ts"),
      edgekeeper: join(ROOT, "src/client/index.ts"),
    },
    define: { ADDRESS: JSON.stringify(address) },
  });
  const { stdout } = await run(process.execPath, ["--disable-warning=ExperimentalWarning", outfile]);
  return stdout.trim().split("\n");
}
