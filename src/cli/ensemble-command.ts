/** What `npm start` and `edgekeeper dev` are: a whole ensemble on this machine, until Ctrl-C. */
import { type Command, InvalidArgumentError, Option } from "commander";

import { type BesideOptions, type EnsembleProcess, startEnsembleProcess } from "./ensemble-process.ts";
import { StartError } from "./start-error.ts";
import { variableLines } from "./variables.ts";

/** Who offers it. */
export interface EnsembleHost {
  /** What a user types before options. */
  readonly command: string;
  /** The Worker's wrangler.toml where none is named. */
  readonly configFile: () => string;
}

/** As commander reads them. */
interface EnsembleFlags {
  readonly config?: string | undefined;
  readonly data: string;
  readonly direct?: boolean | undefined;
  readonly port: number;
  readonly ports?: readonly number[] | undefined;
  readonly processes?: number | undefined;
  readonly runtime?: string | undefined;
  readonly tied?: boolean | undefined;
  readonly timeout: number;
  readonly verbose?: boolean | undefined;
  readonly var?: readonly (readonly [string, string])[] | undefined;
  readonly worker?: readonly Beside[] | undefined;
}

/** Another Worker; its port may be left to us. */
interface Beside {
  readonly configFile: string;
  readonly httpPort: number | undefined;
}

/** Each takes some 60 MB before it holds anything. */
const PROCESSES_MAX = 32;

const PORT_MAX = 65_535;
const TIMEOUT_MAX_MS = 3_600_000;

const ABOUT =
  "Run an Edgekeeper ensemble on this machine, for ZooKeeper's clients and for HTTP. Doors listen on 127.0.0.1 only " +
  "and ask for no secret. Ctrl-C stops; the data stay.";

/** Gives a command the options and the act. Whatever keeps the ensemble from starting is thrown as StartError. */
export function asEnsembleCommand(command: Command, host: EnsembleHost): Command {
  return command
    .description(ABOUT)
    .option("--data <dir>", "where the replicas store their data", directoryName, ".edgekeeper")
    .option("--port <n>", "the HTTP and WebSocket door", portNumber, 8787)
    .option(
      "--ports <n,n,n>",
      "the TCP doors for ZooKeeper's clients, one a voter, then one an observer (default: those of the " +
        "configuration, 2181,2182,2183)",
      portNumbers,
    )
    .option(
      "--processes <n>",
      "over how many processes the replicas are spread (default: one each, 3 at most)",
      wholeNumber(1, PROCESSES_MAX),
    )
    .option(
      "--direct",
      "clients' TCP streams go straight into the runtime: the least delay for a few clients that wait for each " +
        "answer; many at once take several times as long",
    )
    .option("--config <file>", "the wrangler.toml of another Worker that has the ensemble in it")
    .option(
      "--var <name=value>",
      "a variable of the Worker, over the configuration's; may be repeated",
      collect(readVar),
    )
    .option(
      "--timeout <ms>",
      "how long the ensemble may take until it serves",
      wholeNumber(1, TIMEOUT_MAX_MS),
      30_000,
    )
    .option(
      "--worker <file[@n]>",
      "another Worker, by its wrangler.toml, run beside and bound to the ensemble; its HTTP door is on port n " +
        "(default: the next behind --port); may be repeated",
      collect(besideWorker),
    )
    .option("--runtime <file>", "another workerd executable")
    .option(
      "--verbose",
      "print what the runtimes say of links that the loss of a replica broke, too (else: in a file beside the data)",
    )
    .addOption(
      new Option("--tied", "stop when standard input ends: never outlive the process that started this one"),
    )
    .addHelpText(
      "after",
      () => `\nVariables (--var, or [vars] in wrangler.toml) and their defaults:\n${variableLines()}`,
    )
    .action(async (flags: EnsembleFlags) => await run(flags, host));
}

async function run(flags: EnsembleFlags, host: EnsembleHost): Promise<void> {
  const isTied = flags.tied ?? false;
  let isStopping = false;
  const stopAsked = new Promise<void>((resolve) => {
    const stop = (): void => {
      isStopping = true;
      resolve();
    };
    // SIGHUP is a terminal that closes; an error of an output is a reader that has gone.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
    for (const output of [process.stdout, process.stderr]) output.on("error", stop);
    if (isTied) process.stdin.on("end", stop).on("error", stop).resume();
  });

  let ensemble: EnsembleProcess | undefined;
  try {
    ensemble = await start(flags, host);
    const serving = ensemble.waitUntilServing(flags.timeout);
    await Promise.race([serving, stopAsked]);
    if (!isStopping) {
      announce(ensemble);
      await Promise.race([ensemble.ended, stopAsked]);
    }
  } catch (error) {
    // A Ctrl-C in a terminal reaches the runtime as well; that it ended before it served is then no news.
    if (!isStopping) throw error;
  } finally {
    await ensemble?.stop();
    // An open standard input would keep this process alive.
    if (isTied) process.stdin.destroy();
  }

  const end = await ensemble?.ended;
  if (isStopping || end === "signal SIGINT" || end === "signal SIGTERM") {
    console.log("edgekeeper: stopped");
    return;
  }
  throw new StartError(
    `the runtime ended by itself (${String(end)}). What was acknowledged is on disk; start again.`,
  );
}

async function start(flags: EnsembleFlags, host: EnsembleHost): Promise<EnsembleProcess> {
  return await startEnsembleProcess({
    configFile: flags.config ?? host.configFile(),
    dataDirectory: flags.data,
    httpPort: flags.port,
    beside: (flags.worker ?? []).map(({ configFile, httpPort }, index): BesideOptions => ({
      configFile,
      httpPort: httpPort ?? flags.port + 1 + index,
    })),
    tcpPorts: flags.ports,
    processes: flags.processes,
    isDirect: flags.direct ?? false,
    vars: new Map([["EDGEKEEPER_DEV", "1"], ...(flags.var ?? [])]),
    runtimeFile: flags.runtime,
    isVerbose: flags.verbose ?? false,
    command: host.command,
    warn: (line) => console.error(`edgekeeper: ${line}`),
    // As the lines of replicas, among which it stands.
    tell: (line) => console.error(`${new Date().toISOString()} edgekeeper: ${line}`),
  });
}

function announce(ensemble: EnsembleProcess): void {
  const host = `127.0.0.1:${ensemble.httpPort}`;
  const addresses = (ports: readonly number[]): string => ports.map((port) => `127.0.0.1:${port}`).join(",");
  if (ensemble.voterPorts.length > 0) console.log(`ZooKeeper  ${addresses(ensemble.voterPorts)}`);
  if (ensemble.observerPorts.length > 0) console.log(`observers  ${addresses(ensemble.observerPorts)}`);
  console.log(`HTTP       http://${host}/`);
  for (const name of ensemble.ensembles) console.log(`Dashboard  http://${host}/${name}/`);
  for (const { name, httpPort } of ensemble.beside)
    console.log(`Worker     http://127.0.0.1:${httpPort}/  ${name}`);
  for (const name of ensemble.ensembles) console.log(`WebSocket  ws://${host}/${name}/zk`);
  console.log(`data       ${ensemble.dataDirectory}`);
  console.log(`ready in ${Math.round(performance.now())} ms`);
}

function besideWorker(text: string): Beside {
  // A directory's name may have such a sign too.
  const [, configFile, port] = /^(.*)@([^/\\]*)$/.exec(text) ?? [];
  if (configFile === undefined || port === undefined) return { configFile: text, httpPort: undefined };
  if (configFile === "") throw new InvalidArgumentError("it takes FILE@N, and this names no file.");
  return { configFile, httpPort: portNumber(port) };
}

function readVar(text: string): readonly [string, string] {
  const separator = text.indexOf("=");
  if (separator < 1) throw new InvalidArgumentError("it takes NAME=VALUE.");
  return [text.slice(0, separator), text.slice(separator + 1)];
}

function directoryName(text: string): string {
  if (text === "") throw new InvalidArgumentError("it takes the name of a directory, and not an empty one.");
  return text;
}

function portNumber(text: string): number {
  return wholeNumber(1, PORT_MAX)(text);
}

function portNumbers(text: string): readonly number[] {
  return text.split(",").map(portNumber);
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`it takes a whole number from ${min} to ${max}.`);
  };
}

/** What an option collects that may be repeated. */
function collect<T>(
  read: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, read(text)];
}
