/**
 * `npm start`: a whole ensemble on this machine, for real ZooKeeper clients and for HTTP, until Ctrl-C.
 */

import { parseArgs } from "node:util";

import {
  type BesideOptions,
  type EnsembleOptions,
  type EnsembleProcess,
  startEnsembleProcess,
} from "./ensemble-process.ts";
import { StartError } from "./start-error.ts";
import { variableLines } from "./variables.ts";

const USAGE = `Runs an Edgekeeper ensemble on this machine.

  npm start -- [options]

  --data DIR          where the replicas store their data (default .edgekeeper)
  --port N            the HTTP and WebSocket door (default 8787)
  --ports N,N,N       the TCP doors for ZooKeeper clients, one a voter, then one an observer
                      (default 2181,2182,2183)
  --processes N       over how many processes the replicas are spread (default: one each, 3 at most)
  --config FILE       another wrangler.toml (default wrangler.toml)
  --var NAME=VALUE    a variable of the Worker, over the configuration's; may be repeated
  --timeout MS        how long the ensemble may take until it serves (default 30000)
  --worker FILE[@N]   another Worker, by its wrangler.toml, run beside and bound to the ensemble; its HTTP door
                      is on port N (default: the next behind --port); may be repeated
  --runtime FILE      another workerd executable
  --tied              stop when standard input ends: never outlive the process that started this one
  --help, -h          this text

Variables (--var, or [vars] in wrangler.toml) and their defaults:

${variableLines()}

Doors listen on 127.0.0.1 only and ask for no secret. Ctrl-C stops; the data stay.
`;

/** Each takes some 60 MB before it holds anything. */
const PROCESSES_MAX = 32;

/** What the command line asked for. */
interface StartOptions extends EnsembleOptions {
  readonly timeoutMs: number;
  readonly isTied: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    return await run(options);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`edgekeeper: ${error.message}`);
    return 1;
  }
}

async function run(options: StartOptions): Promise<number> {
  let isStopping = false;
  const stopAsked = new Promise<void>((resolve) => {
    const stop = (): void => {
      isStopping = true;
      resolve();
    };
    // SIGHUP is a terminal that closes; an error of an output is a reader that has gone.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
    for (const output of [process.stdout, process.stderr]) output.on("error", stop);
    if (options.isTied) process.stdin.on("end", stop).on("error", stop).resume();
  });

  let ensemble: EnsembleProcess | undefined;
  try {
    ensemble = await startEnsembleProcess(options);
    const serving = ensemble.waitUntilServing(options.timeoutMs);
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
    if (options.isTied) process.stdin.destroy();
  }

  const end = await ensemble?.ended;
  if (isStopping || end === "signal SIGINT" || end === "signal SIGTERM") {
    console.log("edgekeeper: stopped");
    return 0;
  }
  throw new StartError(
    `the runtime ended by itself (${String(end)}). What was acknowledged is on disk; start again.`,
  );
}

function announce(ensemble: EnsembleProcess): void {
  const host = `127.0.0.1:${ensemble.httpPort}`;
  const addresses = (ports: readonly number[]): string => ports.map((port) => `127.0.0.1:${port}`).join(",");
  if (ensemble.voterPorts.length > 0) console.log(`ZooKeeper  ${addresses(ensemble.voterPorts)}`);
  if (ensemble.observerPorts.length > 0) console.log(`observers  ${addresses(ensemble.observerPorts)}`);
  console.log(`HTTP       http://${host}/`);
  for (const { name, httpPort } of ensemble.beside)
    console.log(`Worker     http://127.0.0.1:${httpPort}/  ${name}`);
  for (const name of ensemble.ensembles) console.log(`WebSocket  ws://${host}/${name}/zk`);
  console.log(`data       ${ensemble.dataDirectory}`);
  console.log(`ready in ${Math.round(performance.now())} ms`);
}

function readOptions(args: readonly string[]): StartOptions | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  const httpPort = wholeNumber(values.port ?? "8787", { name: "--port", min: 1, max: 65_535 });
  return {
    configFile: values.config ?? "wrangler.toml",
    dataDirectory: directoryName(values.data ?? ".edgekeeper"),
    httpPort,
    beside: (values.worker ?? []).map((text, index) => besideWorker(text, httpPort + 1 + index)),
    tcpPorts: values.ports
      ?.split(",")
      .map((port) => wholeNumber(port, { name: "--ports", min: 1, max: 65_535 })),
    processes:
      values.processes === undefined
        ? undefined
        : wholeNumber(values.processes, { name: "--processes", min: 1, max: PROCESSES_MAX }),
    vars: new Map([["EDGEKEEPER_DEV", "1"], ...(values.var ?? []).map(readVar)]),
    runtimeFile: values.runtime,
    timeoutMs: wholeNumber(values.timeout ?? "30000", { name: "--timeout", min: 1, max: 3_600_000 }),
    isTied: values.tied ?? false,
    warn: (line) => console.error(`edgekeeper: ${line}`),
  };
}

function parse(args: readonly string[]): Readonly<Flags> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        data: { type: "string" },
        help: { type: "boolean", short: "h" },
        port: { type: "string" },
        ports: { type: "string" },
        processes: { type: "string" },
        runtime: { type: "string" },
        tied: { type: "boolean" },
        timeout: { type: "string" },
        var: { type: "string", multiple: true },
        worker: { type: "string", multiple: true },
      },
    });
    return values;
  } catch (error) {
    throw new StartError(`${slip(error)}; see npm start -- --help`, { cause: error });
  }
}

/** What is wrong with the command line, in our words. */
function slip(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const [, subject = ""] = /'([^']*)'/.exec(reason) ?? [];
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return `unknown option ${subject}`;
    case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
      return `no option takes "${subject}"; options stand behind two dashes: npm start -- --port 8787`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return /argument missing/.test(reason) ? `${subject.replace(" <value>", "")} lacks its value` : reason;
    default:
      return reason.replace(/\.$/, "");
  }
}

interface Flags {
  config?: string | undefined;
  data?: string | undefined;
  help?: boolean | undefined;
  port?: string | undefined;
  ports?: string | undefined;
  processes?: string | undefined;
  runtime?: string | undefined;
  tied?: boolean | undefined;
  timeout?: string | undefined;
  var?: string[] | undefined;
  worker?: string[] | undefined;
}

function besideWorker(text: string, defaultPort: number): BesideOptions {
  // A directory's name may have such a sign too.
  const [, configFile, port] = /^(.*)@([^/\\]*)$/.exec(text) ?? [];
  if (configFile === undefined || port === undefined) return { configFile: text, httpPort: defaultPort };
  if (configFile === "") throw new StartError(`--worker takes FILE@N, and "${text}" names no file.`);
  return { configFile, httpPort: wholeNumber(port, { name: "--worker FILE@", min: 1, max: 65_535 }) };
}

function readVar(text: string): [string, string] {
  const separator = text.indexOf("=");
  if (separator < 1) throw new StartError(`--var takes NAME=VALUE, not ${text}.`);
  return [text.slice(0, separator), text.slice(separator + 1)];
}

function directoryName(text: string): string {
  if (text === "") throw new StartError("--data takes the name of a directory, and not an empty one.");
  return text;
}

function wholeNumber(
  text: string,
  bounds: { readonly name: string; readonly min: number; readonly max: number },
): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    throw new StartError(
      `${bounds.name} takes a whole number from ${bounds.min} to ${bounds.max}, not "${text}".`,
    );
  }
  return value;
}
