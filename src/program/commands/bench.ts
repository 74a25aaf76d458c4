/** `edgekeeper bench`: how fast the ensemble is for a program here, measured below a znode of its own. */
import { type Command, Option } from "commander";

import { pathProblem } from "../../base/path.ts";
import { type BenchDoor, httpDoor, tcpDoor, webSocketDoor } from "../bench/bench-client.ts";
import { type BenchOrder, runBench } from "../bench/bench-run.ts";
import { type BenchFigures, type WorkName, WORKS } from "../bench/bench-work.ts";
import { usageError } from "../exit-code.ts";
import { interruption } from "../interruption.ts";
import { durationMs, wholeNumber } from "../option-values.ts";
import { columns, Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { hostsIn } from "../zookeeper-session.ts";

const ABOUT =
  "Measure how fast the ensemble is for a program that runs here: how long sets, gets, creates and locks take that " +
  "are taken and given back, and how many there are in a second, by so many sessions with so many requests " +
  "outstanding. " +
  "All is written below a znode that must not be there before, and is deleted at the end.";

interface BenchOptions extends ReachOptions {
  readonly over: "websocket" | "http";
  readonly connect?: string | undefined;
  readonly work: string;
  readonly sessions: number;
  readonly outstanding: number;
  readonly for: number;
  readonly bytes: number;
  readonly znodes: number;
  readonly path: string;
}

const SESSIONS_MAX = 1000;
const OUTSTANDING_MAX = 1000;
const BYTES_MAX = 1_000_000;
const ZNODES_MAX = 10_000;
const FOR_DEFAULT_MS = 5000;

/** How the program ends where it was interrupted. */
const INTERRUPTED = 130;

/** Adds the command to the program. */
export function addBenchCommand(program: Command): void {
  const command = program
    .command("bench")
    .summary("measure how fast the ensemble is")
    .description(ABOUT)
    .addOption(
      new Option("--over <door>", "sessions over WebSockets, or requests over HTTP")
        .choices(["websocket", "http"])
        .default("websocket"),
    )
    .option(
      "--connect <hosts>",
      "sessions over TCP instead: host:port,host:port of an ensemble's ports, or of a ZooKeeper",
    )
    .option("--work <list>", `what is measured: some of ${WORKS.join(", ")}`, WORKS.join(","))
    .option("--sessions <n>", "so many at once; over HTTP callers", wholeNumber(1, SESSIONS_MAX), 4)
    .option(
      "--outstanding <n>",
      "requests of each that wait for an answer",
      wholeNumber(1, OUTSTANDING_MAX),
      16,
    )
    .addOption(
      new Option("--for <time>", "how long each is measured")
        .argParser(durationMs)
        .default(FOR_DEFAULT_MS, `${FOR_DEFAULT_MS / 1000}s`),
    )
    .option("--bytes <n>", "data of a znode", wholeNumber(0, BYTES_MAX), 100)
    .option("--znodes <n>", "that are set and read", wholeNumber(1, ZNODES_MAX), 100)
    .option("--path <path>", "the znode that all is below of", "/edgekeeper-bench");
  withReach(command).action(bench);
}

async function bench(options: BenchOptions): Promise<void> {
  const order = await orderOf(options);
  const output = new Output(options);
  const stopping = new AbortController();
  const interrupted = interruption().then(() => stopping.abort(new Error("interrupted")));
  const onLeft = (path: string, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    output.note(`edgekeeper: ${path} is still there (${why}): edgekeeper deleteall ${path}`);
  };
  try {
    const figures = await runBench(order, { signal: stopping.signal, onLeft });
    output.print(documentOf(order, figures), linesOf(order, figures));
  } catch (error) {
    // It was asked to end.
    if (!stopping.signal.aborted) throw error;
    await interrupted;
    process.exitCode = INTERRUPTED;
  }
}

async function orderOf(options: BenchOptions): Promise<BenchOrder> {
  const { sessions, outstanding, for: durationMs, bytes, znodes, path } = options;
  const problem = path === "/" ? "all that is below it is deleted at the end" : pathProblem(path);
  if (problem !== undefined) throw usageError(`--path "${path}": ${problem}`);
  const works = worksIn(options.work);
  return { door: await doorOf(options), works, sessions, outstanding, durationMs, bytes, znodes, path };
}

async function doorOf(options: BenchOptions): Promise<BenchDoor> {
  if (options.connect !== undefined) return tcpDoor(hostsIn(options.connect));
  const reach = await Reach.of(options);
  return options.over === "http" ? httpDoor(reach) : webSocketDoor(reach);
}

/** In the order of WORKS: those that are set are there before they are read. */
function worksIn(list: string): readonly WorkName[] {
  const named = list.split(",").map((name) => name.trim());
  const wrong = named.find((name) => !WORKS.some((work) => work === name));
  if (wrong !== undefined) throw usageError(`--work has "${wrong}": it takes some of ${WORKS.join(", ")}`);
  return WORKS.filter((work) => named.includes(work));
}

function documentOf(order: BenchOrder, figures: readonly BenchFigures[]): object {
  const { door, sessions, outstanding, durationMs, bytes, znodes } = order;
  const setting = { sessions, outstanding, seconds: durationMs / 1000, bytes, znodes };
  return { address: door.address, over: door.kind, ...setting, works: figures };
}

const OVER: Readonly<Record<BenchDoor["kind"], string>> = {
  websocket: "sessions over WebSockets",
  http: "callers over HTTP",
  tcp: "sessions over TCP",
};

function linesOf(order: BenchOrder, figures: readonly BenchFigures[]): readonly string[] {
  const { door, sessions, outstanding } = order;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    `${door.address}: ${sessions} ${OVER[door.kind]}, ${outstanding} requests outstanding of each`,
    ...columns([
      ["work", "per second", "p50", "p95", "p99"],
      ...figures.map(({ work, perSecond, p50Ms, p95Ms, p99Ms }) => {
        return [work, perSecond.toFixed(0), ms(p50Ms), ms(p95Ms), ms(p99Ms)];
      }),
    ]),
  ];
}
