/** The commands and programs of the documentation, run as they stand on the page; what they print is what is said. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import { installKazoo } from "../compat/clients.ts";
import { ProcessSet } from "../compat/processes.ts";
import { type SingleZooKeeper, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { Toolbox } from "../compat/tools.ts";
import { must } from "../../src/base/assert.ts";
import { connect } from "../../src/client/connect.ts";
import { tcpTransport } from "../../src/program/tcp-transport.ts";
import { claimsOf, RUN } from "../docs/block-claims.ts";
import { blocksOf, type PageBlock } from "../docs/blocks.ts";
import { commandsIn, TypedShell } from "../docs/typed-shell.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";
import { expectedOf, outputOf } from "../harness/sdk-program.ts";
import { MAIN as PROGRAM } from "../program/run-program.ts";
import { linePatterns } from "../harness/transcript.ts";

const RUNNER = "test/system/docs-blocks.test.ts";

/** A page may have seventy commands. */
const HANG_MS = 300_000;

const SOURCE = join(ROOT, "src/program/main.ts");

/** How long a change is waited for, where the page waits for longer than anybody wants a test to. */
const WAIT_MS = 300;

/** The last of what the ensemble said, where a command of a page fails. */
const LOG_LINES = 40;

const processes = new ProcessSet();
let ensemble: TestEnsemble;
let zookeeper: SingleZooKeeper;
let zookeeperSnapshot: string;
let folder: string;
let python: string;
/** Of programs that open doors themselves. */
let ownPorts: readonly number[];

beforeAll(async () => {
  const tools = await Toolbox.open(processes);
  await tools.needDebian([["/usr/share/zookeeper/bin/zkCli.sh", "zookeeper"]]);
  ({ command: python } = await installKazoo(tools));
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-docs-"));
  ownPorts = await freePorts(8);
  [ensemble, zookeeper] = await Promise.all([
    startEnsemble({ vars: VARIABLES }),
    startSingleZooKeeper(processes, folder, {
      superDigest: SUPER_DIGEST,
      saslPasswords: {},
      sweepIntervalMs: 60_000,
    }),
    writeReadersFiles(),
  ]);
  zookeeperSnapshot = await plantZooKeeper();
}, 300_000);

afterAll(async () => {
  await Promise.all([ensemble?.stop(), zookeeper?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Of super:secret, as a page has it. */
const SUPER_DIGEST = "super:lK75jTNcA+U9vtVEw5vB51mj/w4=";

/** What pages say that the ensemble has. */
const VARIABLES = {
  WEBHOOKS_ENABLED: "1",
  RECONFIG_ENABLED: "1",
  SUPER_DIGEST,
  // A page makes more than one snapshot in five minutes.
  ADMIN_RATE_LIMITER_INTERVAL_MS: "0",
};

/** What a reader has, and a page names: data, and commands of their own. */
async function writeReadersFiles(): Promise<void> {
  await writeFile(join(folder, "logo.png"), Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 255]));
  const bin = join(folder, "bin");
  await mkdir(bin);
  const scripts = {
    [join(folder, "backup.sh")]: 'echo "backed up under $EDGEKEEPER_FENCING_TOKEN"',
    [join(folder, "work.sh")]: 'echo "at work under $EDGEKEEPER_FENCING_TOKEN"',
    // What the package brings to run ensembles, a bundle alone does not have.
    [join(bin, "edgekeeper")]: `case $1 in dev | init) program="${SOURCE}" ;; *) program="${PROGRAM}" ;; esac
exec "${process.execPath}" "$program" "$@"`,
  };
  for (const [file, line] of Object.entries(scripts)) {
    await writeFile(file, `#!/bin/sh\n${line}\n`);
    await chmod(file, 0o755);
  }
}

/** A tree in the ZooKeeper that a page moves from; gives the file of its snapshot. */
async function plantZooKeeper(): Promise<string> {
  await using client = await connect(hostsOf(zookeeper), { transport: tcpTransport });
  for (const path of ["/orders/open", "/orders/sent", "/customers"]) {
    await client.create(path, `of ${path}`, { parents: "persistent" });
  }
  const names = await readdir(zookeeper.versionDirectory);
  const [snapshot] = names.filter((name) => name.startsWith("snapshot.")).toSorted();
  return join(zookeeper.versionDirectory, must(snapshot, "a snapshot"));
}

function hostsOf({ addresses }: SingleZooKeeper): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join(",");
}

/** Programs that open doors of their own: at ports that nobody has. */
function withOwnPorts(text: string): string {
  const [http, ...tcp] = ownPorts;
  const list = (count: number): string => tcp.slice(0, count).join(",");
  return text
    .replace(/edgekeeper dev$/m, `edgekeeper dev --data own --port ${http} --ports ${list(3)}`)
    .replace(/edgekeeper bridge(?= )/, `edgekeeper bridge --ports ${list(3)}`);
}

/** Commands that go on, and what they have said once they do what they are for: then Ctrl-C ends them. */
const LASTING: readonly (readonly [command: RegExp, says: RegExp])[] = [
  [/edgekeeper dev\b/, /^ready in/m],
  [/edgekeeper bridge\b/, /^connect string/m],
  [/edgekeeper watch\b/, /^watching/m],
  [/edgekeeper cluster watch\b/, /^---/m],
  [/edgekeeper mirror\b/, /is the same/],
  [/edgekeeper elect(?!.* -- )/, /^leads/m],
];

/** What a page's addresses are here. */
function adapted(given: string): string {
  const text = withOwnPorts(given)
    .replaceAll("10.0.0.1:2181,10.0.0.2:2181", hostsOf(zookeeper))
    .replaceAll("10.0.0.1:2181", hostsOf(zookeeper))
    .replaceAll("/var/lib/zookeeper/version-2", zookeeper.versionDirectory)
    .replaceAll("/backup/snapshot.100000a3f", zookeeperSnapshot)
    .replaceAll("super:PASSWORD", "super:secret");
  const ports = ensemble.tcpPorts.reduce(
    (all, port, index) => all.replaceAll(String(2181 + index), String(port)),
    text,
  );
  return (
    ports
      .replaceAll("8787", String(ensemble.httpPort))
      .replaceAll(/https:\/\/keeper\.(?:example|NAME\.workers\.dev)/g, ensemble.httpUrl)
      .replaceAll(/EDGEKEEPER_TOKEN=(?:the-secret|SECRET|\$SECRET)/g, "EDGEKEEPER_TOKEN=")
      // Nobody listens there, and nothing leaves this machine.
      .replaceAll("https://example.com/hook", "http://127.0.0.1:9/hook")
      .replaceAll(/\bwait=\d+/g, `wait=${WAIT_MS}`)
      .replaceAll(/(?<=bench .*--for )1s/g, `${WAIT_MS}ms`)
  );
}

/** Programs as a reader has them, who is in a clone of the repository, or has the package. */
function preamble(): string {
  return `
    curl() { command curl -s --fail-with-body --max-time 30 "$@"; }
    npm() { command npm --silent --prefix ${ROOT} "$@"; }
    npx() { [ "$1" = edgekeeper ] || { echo "npx $1"; return 1; }; "$@"; }
    export PATH="${folder}/bin:$PATH" XDG_STATE_HOME="${folder}/state"
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
    const typed = adapted(command);
    const says = LASTING.find(([lasting]) => lasting.test(typed))?.[1];
    const { output, status } = await (says === undefined ? shell.type(typed) : shell.typeUntil(typed, says));
    const isRefusalShown = status === 22 && /"status":4\d\d/.test(expected);
    if (status !== 0 && !isRefusalShown) {
      const log = ensemble.output().split("\n").slice(-LOG_LINES).join("\n");
      const said = `${block.page}:${block.line}: status ${status} of\n${command}\n${output}`;
      throw new Error(
        `${said}\nthe ensemble: ${await (await fetch(`${ensemble.httpUrl}/main/v1/status`)).text()}\n${log}`,
      );
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

test.each(RUN)(
  "%s: every block runs, and prints what it says",
  async (page) => {
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
  },
  HANG_MS,
);
