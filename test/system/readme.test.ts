/** The README's transcripts, run as they stand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePorts } from "../harness/ports.ts";
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
      .replaceAll(".edgekeeper/", `${folder}/data/`)
      .replaceAll("-c wrangler.toml", `-c ${config}`);
}

const ENVIRONMENT = { CI: "1", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" };

function expectLines(printed: string, expected: Block | undefined): void {
  const lines = printed.trimEnd().split("\n");
  const patterns = linePatterns(expected?.text ?? "");
  const wrong = lines.filter((line, index) => patterns[index]?.test(line) !== true);
  expect({ wrong, count: lines.length }).toEqual({ wrong: [], count: patterns.length });
}

test("npm start prints what is said of it, and a lock is taken and given back with curl", async () => {
  const [start, commands, printed, asking, told] = blocksBelow("README.md", "A lock in five minutes");
  const [sameStart, doors] = blocksBelow("README.md", "First steps");
  const adapted = await adapt();
  expect(sameStart).toEqual(start);
  server = startShell(adapted(start), { cwd: ROOT, environment: ENVIRONMENT });
  await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
  expect(server.output()).toMatch(/Z edgekeeper: replica \d leads main, epoch \d+$/m);
  expect(doorsOf(server.output())).toEqual(doorsOf(doors?.text ?? ""));

  const typed = `${adapted(commands)}\n${adapted(asking)}`;
  const output = await runShell(typed, { cwd: folder, deadlineMs: DEADLINE_MS });

  expectLines(output, { language: "", text: `${printed?.text ?? ""}${told?.text ?? ""}` });
});

/** What npm start says of its doors, whatever the ports, the path and the time are. */
function doorsOf(printed: string): readonly string[] {
  return printed
    .split("\n")
    .filter((line) => /^(?:ZooKeeper|HTTP|Dashboard|WebSocket|data|ready) /.test(line))
    .map((line) => line.replaceAll(/\d+/g, "N").replace(/^data .*/, "data PATH"));
}

test("a value is watched, and the leader's process is killed", async () => {
  const adapted = await adapt();
  const [start, locking] = blocksBelow("README.md", "A lock in five minutes");
  const [watching, watched, killing, written, lookingBack, before] = blocksBelow(
    "README.md",
    "A watched value, and a dead leader",
  );
  server = startShell(adapted(start), { cwd: ROOT, environment: ENVIRONMENT });
  await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
  // "Still in that other terminal": with the address that the lock was taken at.
  const [address = ""] = adapted(locking).split("\n");
  const type = async (block: Block | undefined): Promise<string> =>
    await runShell(`${address}\n${adapted(block)}`, { cwd: folder, deadlineMs: DEADLINE_MS });

  expectLines(ended(await type(watching)), watched);
  await makeFirstLead(address.replace(/^URL=(.*)\/v1$/, "$1"));
  const killed = ended(await type(killing));
  // Whoever they are, they are two.
  const text = (written?.text ?? "").replaceAll(/replica \d/g, "replica ...");
  expectLines(killed, { language: "", text });
  const leaders = [...killed.matchAll(/^replica (\d) leads/gm)].map(([, sid]) => sid);
  expect(new Set(leaders).size).toBe(2);
  expectLines(ended(await type(lookingBack)), before);
  await server.until(/ended \(signal SIGKILL\): it starts again/, DEADLINE_MS);
  expect(server.output()).not.toContain("jsgInternalError");
});

/** The first process has the HTTP door, too: of all deaths its death is the one that callers see most of. */
async function makeFirstLead(url: string): Promise<void> {
  const leader = async (): Promise<unknown> => {
    await fetch(`${url}/main/commands/move_leader?to=1`, { method: "POST" });
    const status = await fetch(`${url}/v1/status`);
    return ((await status.json()) as { readonly leader: unknown }).leader;
  };
  await expect.poll(leader, { timeout: DEADLINE_MS }).toBe(1);
}

/** Answers end without a line's end, which a terminal shows as they come: a line each here. */
function ended(printed: string): string {
  return printed.replaceAll("}{", "}\n{").replaceAll(/}(?=[^\n,}\]])/g, "}\n");
}

test("an ensemble of one starts as it is said, and so does one of seven replicas", async () => {
  const [others] = blocksBelow("README.md", "Other ensembles, and the tests");
  const commands = (others?.text ?? "").trim().split("\n");
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const count = /VOTERS=1 *$/.test(command) ? 1 : 7;
    const [http, ...tcp] = await freePorts(count + 1);
    const moved = command
      .replace(".edgekeeper/", `${folder}/`)
      .replace(/ --ports \S+|$/, ` --ports ${tcp.join(",")} --port ${String(http)}`);
    server = startShell(moved, { cwd: ROOT, environment: ENVIRONMENT });
    await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
    const status = await fetch(`http://127.0.0.1:${String(http)}/v1/status`);
    expect(((await status.json()) as { readonly replicas: unknown }).replicas).toHaveLength(count);
    await server.stop();
  }
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
