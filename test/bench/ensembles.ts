/**
 * `npm run bench:ensembles`: several ensembles in one deployment under the same load in all, by HTTP, as many callers
 * at a time whatever their number; what they take while nobody asks, awake; and what they take asleep.
 */
import { Agent, request } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import type { EnsembleFigures, EnsembleRow } from "./ensemble-figures.ts";
import { provenance } from "./provenance.ts";
import { cpuSeconds } from "./usage.ts";
import { Latencies } from "../../src/program/bench/latencies.ts";

const USAGE = `npm run bench:ensembles -- [options]
  --ensembles 1,10,100   how many there are, in turn
  --callers 64           requests outstanding at any time, spread over all ensembles
  --seconds 10           writes for so long, after two seconds to warm up
  --idle 10              and looks at what they take while nobody asks, for so long
  --out FILE             writes all figures as JSON
  --help`;

const WARM_UP_MS = 2000;
/** All sleep within so long after the last request. */
const ASLEEP_LIMIT_MS = 120_000;
const DORMANT_AFTER_MS = 15_000;
const READY_LIMIT_MS = 300_000;
/** In an environment variable of the Worker there is room for some hundreds of names. */
const ENSEMBLES_MAX = 500;

interface Order {
  readonly counts: readonly number[];
  readonly callers: number;
  readonly seconds: number;
  readonly idleSeconds: number;
  readonly out: string | undefined;
}

async function main(): Promise<number> {
  const order = readOrder(process.argv.slice(2));
  if (order === undefined) return 0;
  console.log(`${new Date().toISOString()}, ${cpus().length} processors, ${order.callers} callers`);
  const rows: EnsembleRow[] = [];
  for (const count of order.counts) {
    const row = await measure(count, order);
    rows.push(row);
    console.log(lineOf(row));
  }
  const figures: EnsembleFigures = { ...(await provenance()), callers: order.callers, rows };
  if (order.out !== undefined) await writeFile(order.out, `${JSON.stringify(figures, null, 2)}\n`);
  return 0;
}

function readOrder(args: readonly string[]): Order | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ensembles: { type: "string", default: "1,10,100" },
      callers: { type: "string", default: "64" },
      seconds: { type: "string", default: "10" },
      idle: { type: "string", default: "10" },
      out: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return undefined;
  }
  return {
    counts: values.ensembles.split(",").map((text) => wholeNumber("--ensembles", text, ENSEMBLES_MAX)),
    callers: wholeNumber("--callers", values.callers, 10_000),
    seconds: wholeNumber("--seconds", values.seconds, 3600),
    idleSeconds: wholeNumber("--idle", values.idle, 3600),
    out: values.out,
  };
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${option} has "${text}": it must be a whole number from 1 to ${max}`);
}

async function measure(count: number, order: Order): Promise<EnsembleRow> {
  const names = Array.from({ length: count }, (_, index) => `e${index + 1}`);
  const vars = { ENSEMBLES: names.join(","), DORMANT_AFTER_MS: String(DORMANT_AFTER_MS), LOG_LEVEL: "error" };
  const ensemble = await startEnsemble({ vars, readyDeadlineMs: READY_LIMIT_MS });
  try {
    const load = new Load(ensemble.httpPort, names);
    const running = load.run(order.callers);
    await passed(WARM_UP_MS);
    const cpuBefore = await cpuOf(ensemble);
    const doneBefore = load.latencies.count;
    await passed(order.seconds * 1000);
    const cpu = (await cpuOf(ensemble)) - cpuBefore;
    const writes = load.latencies.count - doneBefore;
    load.stop();
    await running;
    const rssMb = await rssOf(ensemble);
    const idleAwake = await busyOf(ensemble, Math.min(order.idleSeconds * 1000, DORMANT_AFTER_MS - 2000));
    await untilAsleep(ensemble, names);
    const idleAsleep = await busyOf(ensemble, order.idleSeconds * 1000);
    return {
      ensembles: count,
      readyMs: ensemble.readyMs,
      writesPerS: writes / order.seconds,
      refused: load.refused,
      p50Ms: load.latencies.percentile(0.5),
      p99Ms: load.latencies.percentile(0.99),
      cpuMsPerWrite: (cpu * 1000) / writes,
      rssMb,
      idleAwake,
      idleAsleep,
    };
  } finally {
    await ensemble.stop();
  }
}

/** Callers that write one znode after the other, each time to the next ensemble. */
class Load {
  readonly latencies = new Latencies();
  /** Writes that met no leader in time. */
  refused = 0;
  readonly #port: number;
  readonly #names: readonly string[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  #next = 0;
  #isStopped = false;

  constructor(port: number, names: readonly string[]) {
    this.#port = port;
    this.#names = names;
  }

  async run(callers: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, async (_, caller) => await this.#call(caller)));
    this.#agent.destroy();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #call(caller: number): Promise<void> {
    while (!this.#isStopped) {
      const name = this.#names[this.#next++ % this.#names.length] ?? "";
      const fromMs = performance.now();
      const code = await this.#put(`/${name}/v1/nodes/bench-${caller}`);
      if (code === 200 || code === 201) this.latencies.add(performance.now() - fromMs);
      else if (code === 503 || code === 504) this.refused++;
      else throw new Error(`PUT to ${name}: ${code}`);
    }
  }

  /** Gives the status code. */
  async #put(path: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const options = { host: "127.0.0.1", port: this.#port, path, method: "PUT", agent: this.#agent };
    const asked = request(options, (response) => {
      response.resume().once("end", () => resolve(response.statusCode ?? 0));
    });
    asked.once("error", reject);
    asked.end("a hundred bytes ".repeat(6));
    return await promise;
  }
}

async function untilAsleep(ensemble: TestEnsemble, names: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + ASLEEP_LIMIT_MS;
  while (performance.now() < deadlineMs) {
    // To look at one wakes nobody.
    const all = await Promise.all(
      names.map(async (name) => {
        const response = await fetch(`${ensemble.httpUrl}/${name}/v1/status`);
        const { replicas } = (await response.json()) as {
          replicas: readonly { status: { asleep: boolean } | null }[];
        };
        return replicas.every(({ status }) => status?.asleep === true);
      }),
    );
    if (all.every(Boolean)) return;
    await passed(1000);
  }
  throw new Error("not all ensembles sleep");
}

async function busyOf(ensemble: TestEnsemble, ms: number): Promise<number> {
  const before = await cpuOf(ensemble);
  await passed(ms);
  return ((await cpuOf(ensemble)) - before) / (ms / 1000);
}

async function cpuOf({ process: { pid = 0 } }: TestEnsemble): Promise<number> {
  return await cpuSeconds([pid]);
}

/** Of the runtime's processes, which the starter has started. */
async function rssOf({ process: { pid = 0 } }: TestEnsemble): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const sizes = await Promise.all(
    children
      .trim()
      .split(" ")
      .map(async (child) => /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${child}/status`, "utf8"))?.[1]),
  );
  return sizes.reduce((sum, size) => sum + Number(size ?? 0), 0) / 1024;
}

async function passed(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function lineOf(row: EnsembleRow): string {
  return [
    `${row.ensembles} ensembles: ready in ${Math.round(row.readyMs)} ms`,
    `${Math.round(row.writesPerS)} writes/s, p50 ${row.p50Ms.toFixed(1)} ms, p99 ${row.p99Ms.toFixed(1)} ms`,
    ...(row.refused === 0 ? [] : [`${row.refused} refused for want of a leader`]),
    `${row.cpuMsPerWrite.toFixed(2)} ms of processor a write, ${Math.round(row.rssMb)} MB`,
    `idle: ${(row.idleAwake * 100).toFixed(1)}% of a processor awake, ${(row.idleAsleep * 100).toFixed(1)}% asleep`,
  ].join("; ");
}

process.exitCode = await main();
