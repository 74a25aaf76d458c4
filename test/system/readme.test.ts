/** The README's transcripts, run as they stand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePorts } from "../harness/ensemble.ts";
import { movedConfig } from "../harness/moved-config.ts";
import { type RunningShell, runShell, startShell } from "../harness/shell.ts";
import { type Block, blocksBelow, linePatterns } from "../harness/transcript.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A hang is what this is for. */
const DEADLINE_MS = 90_000;

let folder: string;
let server: RunningShell | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-readme-"));
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** What a test can't do as it stands: ports that others may have, the install that brought it, a folder beside. */
async function adapt(): Promise<(block: Block | undefined) => string> {
  const [http, ...tcp] = await freePorts(4);
  const config = await movedConfig(folder);
  const start = `npm start -- --port ${String(http)} --ports ${tcp.join(",")} --data ${folder}/data`;
  return (block) =>
    (block?.text ?? "")
      .replaceAll("8787", String(http))
      .replaceAll("npm install && npm start", start)
      .replaceAll("../hello", `${folder}/hello`)
      .replaceAll("-c wrangler.toml", `-c ${config}`);
}

const ENVIRONMENT = { CI: "1", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" };

function expectLines(printed: string, expected: Block | undefined): void {
  const lines = printed.trimEnd().split("\n");
  const patterns = linePatterns(expected?.text ?? "");
  const wrong = lines.filter((line, index) => patterns[index]?.test(line) !== true);
  expect({ wrong, count: lines.length }).toEqual({ wrong: [], count: patterns.length });
}

test("a lock is taken and given back with curl", async () => {
  const [start, commands, printed] = blocksBelow("README.md", "A lock in five minutes");
  const adapted = await adapt();
  server = startShell(adapted(start), { cwd: ROOT, environment: ENVIRONMENT });
  await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);

  const output = await runShell(adapted(commands), { cwd: folder, deadlineMs: DEADLINE_MS });

  expectLines(output, printed);
});

test("a lock is taken from another Worker by a binding, with neither secret nor development flag", async () => {
  const [start, commands, printed] = blocksBelow("README.md", "From another Worker, by a binding");
  const adapted = await adapt();
  const environment = { ...ENVIRONMENT, WRANGLER_REGISTRY_PATH: `${folder}/registry` };
  server = startShell(adapted(start), { cwd: ROOT, environment });
  await server.until(/Ready on /, DEADLINE_MS);

  const output = await runShell(adapted(commands), { cwd: folder, deadlineMs: DEADLINE_MS });

  expectLines(output, printed);
});
