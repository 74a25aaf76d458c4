/** Directories for the data, made where missing. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { StartError } from "./start-error.ts";

/**
 * Makes a directory and those above it; `path` is absolute. Throws StartError where it cannot be.
 *
 * One level at a time: the recursive mkdirSync of Node 22 never returns where a file system refuses a new entry
 * with ENOENT, as /proc does.
 */
export function makeDirectory(path: string): void {
  try {
    for (const level of missingLevels(path)) mkdirSync(level);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot make the directory ${path} (${reason}): choose another with --data.`, {
      cause: error,
    });
  }
}

/** What is missing of a path, the highest level first. */
function missingLevels(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [...missingLevels(dirname(path)), path];
  if (!found.isDirectory()) throw new Error(`${path} is a file`);
  return [];
}
