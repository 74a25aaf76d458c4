/**
 * Runtimes of one start at a time per data directory. Those of two would be two instances of the same replica: each
 * would vote, and each would write over what the other one acknowledged. Nothing in the runtime prevents that on a
 * local disk.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { StartError } from "./start-error.ts";

const CLAIM_FILE_NAME = "runtime.pid";

/**
 * Throws StartError where a runtime still runs on this directory, which is on its command line: that tells it from
 * another process that got its id later.
 */
export function checkUnclaimed(directory: string): void {
  const running = claimants(join(directory, CLAIM_FILE_NAME)).filter((one) =>
    commandLine(one).includes(directory),
  );
  const [id] = running;
  if (id === undefined) return;
  // Whoever started a runtime starts it again where it is killed alone.
  const starter = starterOf(id);
  throw new StartError(
    `process ${starter ?? id} already runs on the data in ${dirname(directory)}. ` +
      `Stop it (kill ${starter ?? running.join(" ")}), or choose another --data.`,
  );
}

/** The process that started a runtime, and minds it; undefined where that is gone. */
function starterOf(id: number): number | undefined {
  try {
    const parent = Number(execFileSync("ps", ["-o", "ppid=", "-p", String(id)], { encoding: "utf8" }));
    return /\bnode\b|\bedgekeeper\b/.test(commandLine(parent)) ? parent : undefined;
  } catch {
    // It has ended since, or there is no such program here.
    return undefined;
  }
}

/**
 * Notes the runtimes that run on this directory from now on. It needs no undoing: an ended process claims
 * nothing.
 */
export function claim(directory: string, runtimeIds: readonly number[]): void {
  writeFileSync(join(directory, CLAIM_FILE_NAME), runtimeIds.map((id) => `${id}\n`).join(""));
}

function claimants(file: string): readonly number[] {
  try {
    const ids = readFileSync(file, "utf8").split("\n").map(Number);
    return ids.filter((id) => Number.isInteger(id) && id > 0);
  } catch {
    // No file: nobody ran here yet.
    return [];
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
