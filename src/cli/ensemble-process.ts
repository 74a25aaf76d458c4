/**
 * An ensemble on this machine: the Worker of a wrangler.toml, bundled once and run by one workerd process,
 * with its doors on loopback and its data in a directory. Nothing watches files, nothing is sent anywhere.
 *
 * The runtime and the bundler are the ones that the installed wrangler brings, so that `npm start` runs
 * what `wrangler dev` would.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

import { assert } from "../base/assert.ts";
import { checkUnclaimed, claim } from "./data-claim.ts";
import { makeDirectory } from "./data-directory.ts";
import { askHealth, askStatus, type HealthDoor, HealthPatience } from "./health.ts";
import { type BesideWorker, renderRuntimeConfig, RUNTIME_CONFIG_NAME } from "./runtime-config.ts";
import { RuntimeOutput, withoutStacks } from "./runtime-output.ts";
import { errorsOf, type Standstill, standstill } from "./standstill.ts";
import { StartError } from "./start-error.ts";
import { checkedWorker } from "./variables.ts";
import { readWorkerConfig } from "./worker-config.ts";

/** How an ensemble is started. */
export interface EnsembleOptions {
  /** The Worker's wrangler.toml. */
  readonly configFile: string;
  /** Where replicas store what they know; created where missing. */
  readonly dataDirectory: string;
  readonly httpPort: number;
  /** One TCP door for each voter, then each observer; undefined takes the first ports of the wrangler.toml. */
  readonly tcpPorts: readonly number[] | undefined;
  /** Vars of the Worker, over those of the wrangler.toml. */
  readonly vars: ReadonlyMap<string, string>;
  /** Other Workers to run beside, bound to it. */
  readonly beside: readonly BesideOptions[];
  /** Another workerd executable than the one wrangler brings; undefined takes that one. */
  readonly runtimeFile: string | undefined;
  /** Takes what a user should know and what keeps nothing from starting. */
  readonly warn: (line: string) => void;
}

/** Another Worker. */
export interface BesideOptions {
  /** Its wrangler.toml. */
  readonly configFile: string;
  readonly httpPort: number;
}

/** A running ensemble. */
export interface EnsembleProcess {
  readonly httpPort: number;
  /** The doors of the voters. */
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  /** The doors of the Workers beside. */
  readonly beside: readonly { readonly name: string; readonly httpPort: number }[];
  /** Names of the ensembles served; none where the Worker has no replicas. */
  readonly ensembles: readonly string[];
  /** Resolves with how the runtime ended, once it did; never rejects. */
  readonly ended: Promise<string>;
  /**
   * Waits until `/healthz` answers 200; from then on the runtime's output goes through. Throws StartError, with the
   * output so far, when it did not within the deadline, refuses to, or the runtime ended.
   */
  waitUntilServing(deadlineMs: number): Promise<void>;
  /** Stops the runtime; what was acknowledged is on disk already. */
  stop(): Promise<void>;
}

/**
 * How long the runtime may take to end by itself before it is killed: open client connections would hold it
 * forever.
 */
const STOP_GRACE_MS = 500;

/**
 * Starts the runtime. Throws StartError where a port is taken, the Worker does not build, or the data are
 * unreachable.
 */
export async function startEnsembleProcess(options: EnsembleOptions): Promise<EnsembleProcess> {
  const checked = checkedWorker(readWorkerConfig(options.configFile), options);
  const { worker, warnings, ensembles, observers } = checked;
  for (const warning of warnings) options.warn(warning);
  const runtime = options.runtimeFile ?? runtimeOfWrangler();
  checkRunnable(runtime);
  const dataDirectory = resolve(options.dataDirectory);
  const storageDirectory = join(dataDirectory, "storage");
  const runtimeDirectory = join(dataDirectory, "runtime");
  makeDirectory(storageDirectory);
  makeDirectory(runtimeDirectory);
  const configFile = join(runtimeDirectory, "workerd.capnp");
  checkUnclaimed(runtimeDirectory, configFile);
  await checkPortFree(options.httpPort, "--port 18787");
  const others = worker.tcpPorts.map((_, index) => 12_181 + index);
  for (const port of worker.tcpPorts) await checkPortFree(port, `--ports ${others.join(",")}`);

  await bundle(worker.main, join(runtimeDirectory, "worker.js"));
  const places = {
    httpPort: options.httpPort,
    tcpPorts: worker.tcpPorts,
    storageDirectory,
    bundleFile: "worker.js",
  };
  const beside = await bundleBeside(worker.name, options.beside, runtimeDirectory);
  writeFileSync(configFile, renderRuntimeConfig(worker, places, beside));

  // `--experimental` permits storage on the local disk, as `wrangler dev` does.
  const child = spawn(runtime, ["serve", "--experimental", configFile, RUNTIME_CONFIG_NAME], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.pid !== undefined) claim(runtimeDirectory, child.pid);
  const secret = worker.vars.get("EDGEKEEPER_SECRET");
  const voters = worker.tcpPorts.length - observers;
  return new RunningEnsemble(child, {
    httpPort: options.httpPort,
    voterPorts: worker.tcpPorts.slice(0, voters),
    observerPorts: worker.tcpPorts.slice(voters),
    dataDirectory,
    beside: beside.map(({ worker: { name }, httpPort }) => ({ name, httpPort })),
    ensembles,
    runtime,
    isRuntimeChosen: options.runtimeFile !== undefined,
    secret: secret === "" ? undefined : secret,
  });
}

/** What a runtime was started with. */
interface RunningPlaces {
  readonly httpPort: number;
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  readonly beside: EnsembleProcess["beside"];
  readonly ensembles: readonly string[];
  readonly runtime: string;
  readonly isRuntimeChosen: boolean;
  readonly secret: string | undefined;
}

class RunningEnsemble implements EnsembleProcess {
  readonly httpPort: number;
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  readonly beside: EnsembleProcess["beside"];
  readonly ensembles: readonly string[];
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #places: RunningPlaces;
  readonly #output: RuntimeOutput;
  #end: string | undefined;

  constructor(child: ChildProcess, places: RunningPlaces) {
    this.httpPort = places.httpPort;
    this.voterPorts = places.voterPorts;
    this.observerPorts = places.observerPorts;
    this.dataDirectory = places.dataDirectory;
    this.beside = places.beside;
    this.ensembles = places.ensembles;
    this.#places = places;
    this.#child = child;
    this.#output = new RuntimeOutput(child);
    this.ended = new Promise((resolveEnd) => {
      const end = (how: string): void => {
        this.#end ??= how;
        resolveEnd(how);
      };
      child.once("error", (error) => end(error.message));
      child.once("exit", (code, signal) =>
        end(signal === null ? `code ${String(code)}` : `signal ${signal}`),
      );
    });
  }

  async waitUntilServing(deadlineMs: number): Promise<void> {
    const door: HealthDoor = { port: this.httpPort, secret: this.#places.secret, timeoutMs: deadlineMs };
    const deadline = performance.now() + deadlineMs;
    const patience = new HealthPatience();
    let last = "no answer yet";
    let askStatusAt = performance.now() + STATUS_INTERVAL_MS;
    let whyBefore: string | undefined;
    while (performance.now() < deadline) {
      if (this.#end !== undefined) throw await this.#endedEarly(this.#end);
      const health = await askHealth(door);
      if (health.code === 200) {
        this.#output.release();
        return;
      }
      last = `${health.code ?? ""} ${health.detail}`.trim();
      const pauseMs = patience.nextAskMs(health);
      if (pauseMs === undefined) throw await this.#refused(last);
      if (health.code === 503 && performance.now() >= askStatusAt) {
        const still = await this.#standstill(door);
        if (still !== undefined && (still.isSure || still.why === whyBefore)) throw await this.#stands(still);
        whyBefore = still?.why;
        askStatusAt = performance.now() + STATUS_INTERVAL_MS;
      }
      await Promise.race([this.ended, new Promise((wake) => setTimeout(wake, pauseMs))]);
    }
    throw await this.#late(door, last);
  }

  async #endedEarly(how: string): Promise<StartError> {
    const { runtime, isRuntimeChosen } = this.#places;
    const remedy = isRuntimeChosen
      ? "Is it a workerd? Leave --runtime out to run the one that wrangler brings."
      : "Run npm ci, which installs the runtime for this machine, and start again.";
    return new StartError(`${await this.#told()}${runtime} ended before it served (${how}). ${remedy}`);
  }

  /** The Worker fails the same way at each question: it is told once, and where in the code is left out. */
  async #refused(last: string): Promise<StartError> {
    await this.stop();
    const detail = withoutStacks(await this.#output.held());
    return new StartError(
      `${block(detail)}the Worker runs and does not serve; /healthz says: ${last}. ` +
        `Its variables and its code decide; waiting does not help.`,
    );
  }

  /** Why an ensemble will never serve; undefined where all may. */
  async #standstill(door: HealthDoor): Promise<Standstill | undefined> {
    for (const name of this.ensembles) {
      const status = await askStatus({ ...door, timeoutMs: STATUS_TIMEOUT_MS }, name);
      const still = status === undefined ? undefined : standstill(status, this.dataDirectory);
      if (still === undefined) continue;
      const why = `the ensemble ${name} does not serve, and waiting does not help: ${still.why}`;
      return { ...still, why };
    }
    return undefined;
  }

  /** It says all that there is to say: what the runtime printed would only hide it. */
  async #stands({ why }: Standstill): Promise<StartError> {
    await this.stop();
    return new StartError(why);
  }

  async #late(door: HealthDoor, last: string): Promise<StartError> {
    const still = await this.#standstill(door);
    if (still !== undefined) return await this.#stands(still);
    const statusDoor = { ...door, timeoutMs: STATUS_TIMEOUT_MS };
    const reports = await Promise.all(this.ensembles.map(async (name) => askStatus(statusDoor, name)));
    const errors = [...new Set(reports.flatMap((report) => (report === undefined ? [] : errorsOf(report))))];
    await this.stop();
    const reasons = errors.length === 0 ? "" : `; its replicas say: ${errors.join("; ")}`;
    return new StartError(
      `${await this.#told()}the ensemble did not serve within ${door.timeoutMs} ms; ` +
        `/healthz says: ${last}${reasons}. On a slow machine give it longer with --timeout.`,
    );
  }

  async #told(): Promise<string> {
    return block(await this.#output.held());
  }

  async stop(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#child.kill("SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_GRACE_MS);
    await this.ended;
    clearTimeout(killer);
  }
}

/** The gateway gives each replica 2 s to tell its status. */
const STATUS_TIMEOUT_MS = 3000;

/** An ensemble on its way serves in a moment: one that does not is asked for the reason this often. */
const STATUS_INTERVAL_MS = 300;

/** The runtime's words before ours, which shall be the last on the screen. */
function block(output: string): string {
  return output.trim() === "" ? "" : `the runtime printed:\n\n${output.trimEnd()}\n\nedgekeeper: `;
}

async function bundleBeside(
  ours: string,
  options: readonly BesideOptions[],
  directory: string,
): Promise<readonly BesideWorker[]> {
  return await Promise.all(
    options.map(async ({ configFile, httpPort }, index) => {
      const worker = readWorkerConfig(configFile, [ours]);
      if (worker.tcpPorts.length > 0) {
        throw new StartError(`${configFile}: a Worker beside the ensemble has no TCP door here.`);
      }
      await checkPortFree(httpPort, `--worker ${configFile}@${httpPort + 1000}`);
      const bundleFile = `beside-${index}.js`;
      await bundle(worker.main, join(directory, bundleFile));
      return { worker, httpPort, bundleFile };
    }),
  );
}

function checkRunnable(runtime: string): void {
  try {
    if (!statSync(runtime).isFile()) throw new Error("it is no file");
    accessSync(runtime, constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `cannot run ${runtime} (${reason}): --runtime takes a workerd executable; without it the one that ` +
        `wrangler brings runs (npm ci installs it).`,
      { cause: error },
    );
  }
}

async function checkPortFree(port: number, remedy: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw new StartError(
      `port ${port} on 127.0.0.1 cannot be opened (${errorCode(error)}). ` +
        `Stop what listens there, or choose another: npm start -- ${remedy}`,
      { cause: error },
    );
  }
  const closed = once(server, "close");
  server.close();
  await closed;
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return code === "EADDRINUSE" ? "another program listens there" : code;
}

/**
 * The part of esbuild that is used here; wrangler brings the package, and its types are not ours to import.
 */
interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

async function bundle(main: string, outputFile: string): Promise<void> {
  const bundler = requireOfWrangler("esbuild");
  assert(isBundler(bundler), "wrangler's esbuild has a build function");
  try {
    await bundler.build({
      entryPoints: [main],
      outfile: outputFile,
      bundle: true,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["node:*", "cloudflare:*"],
      // The modules that wrangler takes as text without being told.
      loader: { ".html": "text", ".txt": "text", ".sql": "text" },
      keepNames: true,
      logLevel: "silent",
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the Worker ${main} does not build: ${reason}`, { cause: error });
  }
}

function isBundler(module: unknown): module is Bundler {
  return (
    typeof module === "object" && module !== null && "build" in module && typeof module.build === "function"
  );
}

/** The path of the workerd executable for this machine. */
function runtimeOfWrangler(): string {
  const module = requireOfWrangler("workerd");
  const path =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
  assert(typeof path === "string", "wrangler's workerd exports the path of its executable");
  return path;
}

function requireOfWrangler(name: string): unknown {
  const requireHere = createRequire(import.meta.url);
  try {
    const module: unknown = createRequire(requireHere.resolve("wrangler/package.json"))(name);
    return module;
  } catch (error) {
    throw new StartError(`the package ${name}, which wrangler brings, does not load: run \`npm ci\` first.`, {
      cause: error,
    });
  }
}
