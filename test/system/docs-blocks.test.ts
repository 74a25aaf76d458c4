/** The commands and programs of the documentation, run as they stand on the page; what they print is what is said. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import { installKazoo } from "../compat/clients.ts";
import { ProcessSet } from "../compat/processes.ts";
import { Toolbox } from "../compat/tools.ts";
import { claimsOf, RUN } from "../docs/block-claims.ts";
import { blocksOf, type PageBlock } from "../docs/blocks.ts";
import { commandsIn, TypedShell } from "../docs/typed-shell.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { expectedOf, outputOf } from "../harness/sdk-program.ts";
import { MAIN as PROGRAM } from "../program/run-program.ts";
import { linePatterns } from "../harness/transcript.ts";

const RUNNER = "test/system/docs-blocks.test.ts";

/** How long a change is waited for, where the page waits for longer than anybody wants a test to. */
const WAIT_MS = 300;

let ensemble: TestEnsemble;
let folder: string;
let python: string;

beforeAll(async () => {
  const processes = new ProcessSet();
  const tools = await Toolbox.open(processes);
  await tools.needDebian([["/usr/share/zookeeper/bin/zkCli.sh", "zookeeper"]]);
  ({ command: python } = await installKazoo(tools));
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-docs-"));
  ensemble = await startEnsemble({ vars: { WEBHOOKS_ENABLED: "1", SUPER_DIGEST } });
}, 300_000);

afterAll(async () => {
  await ensemble?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Of super:secret, as a page has it. */
const SUPER_DIGEST = "super:UdxDQl4f9v5oITwcAsO9bmWgHSI=";

/** What a page's addresses are here. */
function adapted(text: string): string {
  const ports = ensemble.tcpPorts.reduce(
    (all, port, index) => all.replaceAll(String(2181 + index), String(port)),
    text,
  );
  return (
    ports
      .replaceAll("8787", String(ensemble.httpPort))
      .replaceAll("https://keeper.example", ensemble.httpUrl)
      .replaceAll("EDGEKEEPER_TOKEN=the-secret", "EDGEKEEPER_TOKEN=")
      // Nobody listens there, and nothing leaves this machine.
      .replaceAll("https://example.com/hook", "http://127.0.0.1:9/hook")
      .replaceAll(/\bwait=\d+/g, `wait=${WAIT_MS}`)
  );
}

/** Programs as a reader has them, who is in a clone of the repository, or has the package. */
function preamble(): string {
  return `
    curl() { command curl -s --fail-with-body --max-time 30 "$@"; }
    npm() { command npm --silent --prefix ${ROOT} "$@"; }
    npx() { [ "$1" = edgekeeper ] || { echo "npx $1"; return 1; }; shift; node ${PROGRAM} "$@"; }
    export EDGEKEEPER_URL=${ensemble.httpUrl} EDGEKEEPER_TOKEN=
  `;
}

/** What a run of a block printed. Throws where a command of it fails that the page does not show as refused. */
async function runBlock(shell: TypedShell, block: PageBlock, expected: string): Promise<string> {
  if (block.language === "ts") {
    const program = { text: adapted(block.text), directory: folder, address: ensemble.httpUrl };
    expect(await outputOf(program)).toEqual(expectedOf(block.text));
    return "";
  }
  let printed = "";
  const commands = block.language === "sh" ? commandsIn(block.text) : [inPython(block.text)];
  for (const command of commands) {
    const { output, status } = await shell.type(adapted(command));
    const isRefusalShown = status === 22 && /"status":4\d\d/.test(expected);
    if (status !== 0 && !isRefusalShown) {
      throw new Error(`${block.page}:${block.line}: status ${status} of\n${command}\n${output}`);
    }
    // An answer that ends without a line's end is shown with one.
    printed += `${output}\n`;
  }
  return printed;
}

function nonEmpty(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

function inPython(program: string): string {
  return `${python} -B - <<'END-OF-PROGRAM'\n${program}END-OF-PROGRAM`;
}

test.each(RUN)("%s: every block runs, and prints what it says", async (page) => {
  const blocks = blocksOf(page).filter((block) => claimsOf(block).includes(RUNNER));
  expect(blocks.length).toBeGreaterThan(0);
  const shell = new TypedShell(folder, preamble());
  try {
    for (const [index, block] of blocks.entries()) {
      if (block.language === "") continue;
      const next = blocks[index + 1];
      const expected = next?.language === "" ? next.text : undefined;
      const printed = await runBlock(shell, block, expected ?? "");
      if (expected === undefined) continue;
      const lines = nonEmpty(printed);
      const patterns = linePatterns(nonEmpty(adapted(expected)).join("\n"));
      const wrong = lines.filter((line, at) => patterns[at]?.test(line) !== true);
      expect({ at: `${page}:${block.line}`, wrong, count: lines.length }).toEqual({
        at: `${page}:${block.line}`,
        wrong: [],
        count: patterns.length,
      });
    }
  } finally {
    await shell.stop();
  }
});
