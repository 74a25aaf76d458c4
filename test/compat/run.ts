/**
 * `npm run compat`: unmodified ZooKeeper clients do the same against a real ZooKeeper ensemble and against
 * Edgekeeper. A check that fails against the real one is wrong itself; so either column's failure fails the
 * run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ALL_CHECKS, SETUP_CHECK, START_CHECK } from "./checks.ts";
import type { ClientReport } from "./checks.ts";
import { ZOOKEEPER_PACKAGES, allClients } from "./clients.ts";
import type { Client, ClientProgram } from "./clients.ts";
import { runContended } from "./contended.ts";
import { ProcessSet } from "./processes.ts";
import { runProgram } from "./program.ts";
import { formatAddress, startEdgekeeper, startZooKeeper, useEdgekeeper } from "./servers.ts";
import type { Address, Ensemble } from "./servers.ts";
import { count, renderTable } from "./table.ts";
import type { ServerReport } from "./table.ts";
import { Toolbox } from "./tools.ts";
import { runWords } from "./words.ts";

const USAGE = `node test/compat/run.ts [options]
  --only zookeeper|edgekeeper   one column only
  --only contended              only the lock that all doors contend for
  --edgekeeper h:p,h:p,h:p      use a running Edgekeeper instead of starting one
  --client NAME                 only clients whose name contains NAME ("plain socket" for the four-letter words)
  --check ID                    only this check; may be repeated
  --help`;

interface Options {
  readonly servers: readonly string[];
  /** Whether all doors contend for one lock. */
  readonly isContended: boolean;
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
  const tools = await Toolbox.open(processes);
  const counts: Count[] = [];
  if (options.servers.length > 0) counts.push(await compare({ processes, temporary, options, tools }));
  if (options.isContended) counts.push(await contend(processes, tools));
  const passed = counts.reduce((sum, one) => sum + one.passed, 0);
  const failed = counts.reduce((sum, one) => sum + one.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** What passed and failed of one part of the run. */
type Count = ReturnType<typeof count>;

/** The clients' checks against both servers. */
async function compare(
  run: Omit<ServerRun, "prepared" | "server"> & { readonly tools: Toolbox },
): Promise<Count> {
  const { processes, temporary, options, tools } = run;
  const all = allClients().filter((client) => client.checks.some(({ id }) => isChosen(options, id)));
  const isAsked = (name: string): boolean => name.toLowerCase().includes(options.client);
  const clients = all.filter((client) => isAsked(client.name));
  if (clients.length === 0 && !isAsked(PLAIN_SOCKET)) {
    throw new Error(
      `--client ${options.client}? One of: ${[PLAIN_SOCKET, ...all.map(({ name }) => name)].join(", ")}`,
    );
  }
  if (options.servers.includes("zookeeper")) await tools.needDebian(ZOOKEEPER_PACKAGES);
  const preparedAt = performance.now();
  // All at once: downloads and compilers wait for different things.
  const prepared = await Promise.all(clients.map(async (client) => await prepare(client, tools)));
  console.log(`clients: ready after ${((performance.now() - preparedAt) / 1000).toFixed(1)} s`);
  const reports: ServerReport[] = [];
  for (const server of options.servers) {
    reports.push(await runServer({ processes, temporary, options, prepared, server }));
  }
  console.log(`\n${renderTable(reports)}`);
  return count(reports);
}

/** All doors contend for one lock of Edgekeeper's. */
async function contend(processes: ProcessSet, tools: Toolbox): Promise<Count> {
  const results = await runContended(processes, tools);
  for (const { name, failure, elapsedMs } of results) {
    const verdict = failure === undefined ? "ok" : `FAILED: ${failure}`;
    console.log(`contended lock: ${name}: ${verdict} (${(elapsedMs / 1000).toFixed(1)} s)`);
  }
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  return { passed: results.length - failed, failed };
}

/** A client that is ready; or the report of one that is not, which is a failure and never passed over. */
type Prepared = { readonly program: ClientProgram } | { readonly failure: ClientReport };

async function prepare(client: Client, tools: Toolbox): Promise<Prepared> {
  const startedAt = performance.now();
  try {
    const { command, version } = await client.prepare(tools);
    const name = version === undefined ? client.name : `${client.name} ${version}`;
    return { program: { name, command, checks: client.checks } };
  } catch (error) {
    return { failure: failedReport(client.name, SETUP_CHECK.id, { error, startedAt }) };
  }
}

function failedReport(
  client: string,
  check: string,
  failure: { readonly error: unknown; readonly startedAt: number },
): ClientReport {
  const { error, startedAt } = failure;
  const detail = error instanceof Error ? error.message : String(error);
  const elapsedMs = performance.now() - startedAt;
  return { client, outcomes: [{ check, verdict: "fail", detail, elapsedMs }] };
}

/** The client of the four-letter words. */
const PLAIN_SOCKET = "plain socket";

interface ServerRun {
  readonly processes: ProcessSet;
  /** Where servers keep their data; it goes when the process ends. */
  readonly temporary: string;
  readonly options: Options;
  readonly prepared: readonly Prepared[];
  readonly server: string;
}

async function runServer(run: ServerRun): Promise<ServerReport> {
  const startedAt = performance.now();
  let ensemble: Ensemble;
  try {
    ensemble = await openEnsemble(run);
  } catch (error) {
    // The other column is still worth seeing.
    return { server: run.server, reports: [failedReport("start", START_CHECK.id, { error, startedAt })] };
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
  const clients = run.prepared.map(async (client) => {
    if ("failure" in client) return client.failure;
    const { program } = client;
    const prefix = `/compat-${runId}-${program.name.replaceAll(/[^A-Za-z]+/g, "-")}`;
    const { processes } = run;
    const checks = program.checks.map((check) => check.id).filter((id) => isChosen(run.options, id));
    const report = await runProgram({ processes, program, ensemble, prefix, checks });
    if (run.server !== "zookeeper") return report;
    return await askedAgain(report, async (failed) => {
      return await runProgram({ processes, program, ensemble, prefix: `${prefix}-again`, checks: failed });
    });
  });
  reports.push(...(await Promise.all(clients)));
  return reports;
}

/**
 * What the reference fails it is asked once more: a real ZooKeeper lets a write pass behind a setACL now and then, and
 * that says nothing of Edgekeeper, whose column is never asked twice.
 */
async function askedAgain(
  report: ClientReport,
  ask: (checks: readonly string[]) => Promise<ClientReport>,
): Promise<ClientReport> {
  const failed = report.outcomes.filter(({ verdict }) => verdict === "fail").map(({ check }) => check);
  if (failed.length === 0) return report;
  console.log(`zookeeper: ${report.client} is asked once more: ${failed.join(", ")}`);
  const again = await ask(failed);
  const outcomes = report.outcomes.map((first) => {
    return again.outcomes.find(({ check }) => check === first.check) ?? first;
  });
  return { ...report, outcomes };
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
  if (values.only !== undefined && ![...known, "contended"].includes(values.only))
    throw new Error(`--only ${values.only}?\n${USAGE}`);
  const isPart = values.client !== "" || values.check !== undefined || values.edgekeeper !== undefined;
  const ids = ALL_CHECKS.map((check) => check.id);
  const unknown = values.check?.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw new Error(`--check ${unknown}? One of: ${ids.join(" ")}`);
  return {
    servers: known.filter((name) => (values.only ?? name) === name),
    isContended: values.only === "contended" || (values.only === undefined && !isPart),
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
