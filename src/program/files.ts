/** Files that options name. */
import { readFile } from "node:fs/promises";

import { usageError } from "./exit-code.ts";

/** Reads a file. Throws a usage error where it cannot be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw usageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
