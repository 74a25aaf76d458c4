/**
 * `npm run interop`: programs that were written for ZooKeeper, as they are published, against the ensemble that `npm
 * start` runs, whose leader dies in the middle.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ProcessSet } from "../compat/processes.ts";
import { Toolbox } from "../compat/tools.ts";
import { count, renderReports, type Report } from "./scenario.ts";
import { SYSTEMS, type SystemName } from "./systems.ts";

const NAMES = Object.keys(SYSTEMS) as readonly SystemName[];

const USAGE = `npm run interop -- [options] SYSTEM...
  SYSTEM        ${NAMES.join(", ")}, or all
  --only TEXT   only scenarios whose name has TEXT in it, such as chroot or YARN
  --bridge      let them reach it through "edgekeeper bridge", as they reach a deployment
  --record      record the system's first minutes at a real ZooKeeper instead, for the test that plays them again
  --help`;

async function main(processes: ProcessSet, temporary: string): Promise<number> {
  const options = parseOptions();
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const tools = await Toolbox.open(processes);
  const startedAt = performance.now();
  const progress = (line: string): void => {
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
  const reports: Report[] = [];
  for (const name of options.names) {
    const system = SYSTEMS[name];
    progress(`${name}: fetching what is not in ${tools.cache}`);
    const { only, isBridged } = options;
    const stage = { processes, tools, temporary, only, isBridged, progress };
    reports.push(...(await (options.isRecording ? system.record(stage) : system.play(stage))));
  }
  console.log(`\n${renderReports(reports)}`);
  const { passed, failed } = count(reports);
  return failed === 0 && passed > 0 ? 0 : 1;
}

interface Options {
  readonly names: readonly SystemName[];
  readonly isRecording: boolean;
  readonly isBridged: boolean;
  /** In small letters. */
  readonly only: string;
}

function parseOptions(): Options | undefined {
  const { values, positionals } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      bridge: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  if (positionals.length === 0) throw new Error(`Which system?\n${USAGE}`);
  const names = positionals.map((word) => {
    const name = NAMES.find((one) => one === word);
    if (name === undefined && word !== "all") throw new Error(`"${word}"? One of: ${NAMES.join(", ")}, all`);
    return name;
  });
  const asked = names.filter((name) => name !== undefined);
  const { record: isRecording, bridge: isBridged } = values;
  if (isRecording && isBridged) throw new Error("--record is of a real ZooKeeper: leave out --bridge");
  return {
    names: asked.length === names.length ? asked : NAMES,
    isRecording,
    isBridged,
    only: values.only.toLowerCase(),
  };
}

const processes = new ProcessSet();
const temporary = mkdtempSync(join(tmpdir(), "interop-"));
process.on("exit", () => {
  processes.killAll();
  rmSync(temporary, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  // SIGKILL in the exit handler is certain and leaves nothing: all data is temporary.
  process.once(signal, () => process.exit(code));
}
try {
  process.exitCode = await main(processes, temporary);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await processes.stopAll();
}
