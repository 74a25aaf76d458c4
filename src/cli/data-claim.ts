/**
 * One runtime per data directory. Two would be two instances of the same replica: each would vote, and each
 * would write over what the other one acknowledged. Nothing in the runtime prevents that on a local disk.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { StartError } from "./start-error.ts";

const CLAIM_FILE_NAME = "runtime.pid";

/**
 * Throws StartError where a runtime still runs on this directory. `configFile` is on that runtime's command
 * line, which tells it from another process that got its id later.
 */
export function checkUnclaimed(directory: string, configFile: string): void {
  const id = claimant(join(directory, CLAIM_FILE_NAME));
  if (id === undefined || !commandLine(id).includes(configFile)) return;
  throw new StartError(
    `process ${id} already runs on the data in ${dirname(directory)}. ` +
      `Stop it (kill ${id}), or choose another --data.`,
  );
}

/**
 * Notes the runtime that runs on this directory from now on. It needs no undoing: an ended process claims
 * nothing.
 */
export function claim(directory: string, runtimeId: number): void {
  writeFileSync(join(directory, CLAIM_FILE_NAME), `${runtimeId}\n`);
}

function claimant(file: string): number | undefined {
  try {
    const id = Number(readFileSync(file, "utf8"));
    return Number.isInteger(id) && id > 0 ? id : undefined;
  } catch {
    // No file: nobody ran here yet.
    return undefined;
  }
}

/** The command line of a process, empty where there is no such process. */
function commandLine(id: number): string {
  try {
    if (process.platform === "linux") return readFileSync(`/proc/${id}/cmdline`, "utf8");
    return execFileSync("ps", ["-ww", "-o", "args=", "-p", String(id)], { encoding: "utf8" });
  } catch {
    // Both ways fail where the process is gone.
    return "";
  }
}
