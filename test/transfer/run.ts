/**
 * `npm run transfer`: a tree of any size from a real ZooKeeper into ensembles, into files and back, and mirrored while
 * both sides are in trouble; compared znode by znode each time, with what it took.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ProcessSet } from "../compat/processes.ts";
import { runTransfers } from "./transfers.ts";

const USAGE = `node test/transfer/run.ts [options]
  --znodes N     how many there are (default 5000)
  --only NAME    only steps whose name contains NAME
  --help`;

const COUNT_DEFAULT = "5000";
const COUNT_MIN = 500;

async function main(processes: ProcessSet, temporary: string): Promise<number> {
  const { values } = parseArgs({
    options: {
      znodes: { type: "string", default: COUNT_DEFAULT },
      only: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const count = Number(values.znodes);
  if (!Number.isInteger(count) || count < COUNT_MIN) throw new Error(`--znodes takes ${COUNT_MIN} or more`);
  const results = await runTransfers({ processes, temporary, count, only: values.only });
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 && results.length > 0 ? 0 : 1;
}

const processes = new ProcessSet();
const temporary = mkdtempSync(join(tmpdir(), "edgekeeper-transfers-"));
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
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 1;
} finally {
  await processes.stopAll();
}
