/** Files that options name. */
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

import { usageError } from "./exit-code.ts";

/** Reads a file as text. Throws a usage error where it cannot be read. */
export async function readText(file: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(file));
}

/** Reads a file, or the standard input where it is called `-`. Throws a usage error where it cannot be read. */
export async function readBytes(file: string): Promise<Uint8Array> {
  if (file === "-") return await buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
