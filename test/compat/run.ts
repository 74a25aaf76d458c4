/**
 * `npm run compat`: unmodified ZooKeeper clients do the same against a real ZooKeeper ensemble and against
 * Edgekeeper. A check that fails against the real one is wrong itself; so either column's failure fails the
 * run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CLIENT_CHECKS, CURATOR_CHECKS, START_CHECK } from "./checks.ts";
import type { ClientReport, Outcome } from "./checks.ts";
import { ProcessSet } from "./processes.ts";
import { runProgram } from "./program.ts";
import { formatAddress, startEdgekeeper, startZooKeeper, useEdgekeeper } from "./servers.ts";
import type { Address, Ensemble } from "./servers.ts";
import { count, renderTable } from "./table.ts";
import type { ServerReport } from "./table.ts";
import { prepareClients } from "./tools.ts";
import type { ClientProgram } from "./tools.ts";
import { runWords } from "./words.ts";

const USAGE = `node test/compat/run.ts [options]
  --only zookeeper|edgekeeper   one column only
  --edgekeeper h:p,h:p,h:p      use a running Edgekeeper instead of starting one
  --client NAME                 only clients whose name contains NAME ("plain socket" for the four-letter words)
  --check ID                    only this check; may be repeated
  --help`;

interface Options {
  readonly servers: readonly string[];
  readonly edgekeeper: readonly Address[] | undefined;
  readonly client: string;
  /** Empty for all. */
  readonly checks: readonly string[];
}

async function main(processes: ProcessSet, temporary: string): Promise<number> {
  const options = parseOptions();
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const all = await prepareClients(processes);
  const isAsked = (name: string): boolean => name.toLowerCase().includes(options.client);
  const clients = all.filter((client) => isAsked(client.name));
  if (clients.length === 0 && !isAsked(PLAIN_SOCKET)) {
    throw new Error(
      `--client ${options.client}? One of: ${[PLAIN_SOCKET, ...all.map(({ name }) => name)].join(", ")}`,
    );
  }
  const reports: ServerReport[] = [];
  for (const server of options.servers) {
    reports.push(await runServer({ processes, temporary, options, clients, server }));
  }
  console.log(`\n${renderTable(reports)}`);
  const { passed, failed } = count(reports);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** The client of the four-letter words. */
const PLAIN_SOCKET = "plain socket";

interface ServerRun {
  readonly processes: ProcessSet;
  /** Where servers keep their data; it goes when the process ends. */
  readonly temporary: string;
  readonly options: Options;
  readonly clients: readonly ClientProgram[];
  readonly server: string;
}

async function runServer(run: ServerRun): Promise<ServerReport> {
  const startedAt = performance.now();
  let ensemble: Ensemble;
  try {
    ensemble = await openEnsemble(run);
  } catch (error) {
    // The other column is still worth seeing.
    const detail = error instanceof Error ? error.message : String(error);
    const outcome: Outcome = {
      check: START_CHECK.id,
      verdict: "fail",
      detail,
      elapsedMs: performance.now() - startedAt,
    };
    return { server: run.server, reports: [{ client: "start", outcomes: [outcome] }] };
  }
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${run.server}: serves at ${ensemble.addresses.map(formatAddress).join(", ")} after ${seconds()} s`,
  );
  try {
    const reports = await runClients(run, ensemble);
    console.log(`${run.server}: done after ${seconds()} s`);
    return { server: run.server, reports };
  } finally {
    await ensemble.stop();
  }
}

async function openEnsemble(run: ServerRun): Promise<Ensemble> {
  if (run.server === "zookeeper") return await startZooKeeper(run.processes, run.temporary);
  if (run.options.edgekeeper !== undefined) return await useEdgekeeper(run.options.edgekeeper);
  return await startEdgekeeper(run.processes, run.temporary);
}

/** The words first, alone, as they compare counts of one moment; then all clients side by side. */
async function runClients(run: ServerRun, ensemble: Ensemble): Promise<readonly ClientReport[]> {
  const reports: ClientReport[] = [];
  const isAsked = PLAIN_SOCKET.includes(run.options.client) && run.options.checks.length === 0;
  if (isAsked) reports.push(await runWords(ensemble));
  // The names of a run's znodes differ from every other run's: a server that was not started by us may keep
  // them.
  const runId = Math.random().toString(36).slice(2, 8);
  const programs = run.clients.map(async (program) => {
    const prefix = `/compat-${runId}-${program.name.replaceAll(/[^A-Za-z]+/g, "-")}`;
    const { processes } = run;
    const checks = program.checks.map((check) => check.id).filter((id) => isChosen(run.options, id));
    return await runProgram({ processes, program, ensemble, prefix, checks });
  });
  reports.push(...(await Promise.all(programs)));
  return reports;
}

function isChosen(options: Options, check: string): boolean {
  return options.checks.length === 0 || options.checks.includes(check);
}

function parseOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      edgekeeper: { type: "string" },
      client: { type: "string", default: "" },
      check: { type: "string", multiple: true },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const known = ["zookeeper", "edgekeeper"];
  if (values.only !== undefined && !known.includes(values.only))
    throw new Error(`--only ${values.only}?\n${USAGE}`);
  const ids = [...CLIENT_CHECKS, ...CURATOR_CHECKS].map((check) => check.id);
  const unknown = values.check?.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw new Error(`--check ${unknown}? One of: ${ids.join(" ")}`);
  return {
    servers: values.only === undefined ? known : [values.only],
    edgekeeper: values.edgekeeper?.split(",").map(parseAddress),
    client: values.client.toLowerCase(),
    checks: values.check ?? [],
  };
}

function parseAddress(text: string): Address {
  const parts = /^(.+):(\d+)$/.exec(text);
  const [, host, port] = parts ?? [];
  if (host === undefined || port === undefined) throw new Error(`not host:port: "${text}"`);
  return { host, port: Number(port) };
}

const processes = new ProcessSet();
const temporary = mkdtempSync(join(tmpdir(), "compat-"));
process.on("exit", () => {
  processes.killAll();
  rmSync(temporary, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => {
    // Waiting would need the event loop to itself; SIGKILL in the exit handler is certain and leaves nothing:
    // all data is temporary.
    process.exit(code);
  });
}
try {
  process.exitCode = await main(processes, temporary);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await processes.stopAll();
}
