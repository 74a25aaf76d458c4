/**
 * An ensemble on this machine: the Worker of a wrangler.toml, bundled once and run by one workerd process,
 * with its doors on loopback and its data in a directory. Nothing watches files, nothing is sent anywhere.
 *
 * The runtime and the bundler are the ones that the installed wrangler brings, so that `npm start` runs
 * what `wrangler dev` would.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type IncomingMessage, get } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

import { assert } from "../base/assert.ts";
import { checkUnclaimed, claim } from "./data-claim.ts";
import { renderRuntimeConfig, RUNTIME_CONFIG_NAME } from "./runtime-config.ts";
import { StartError } from "./start-error.ts";
import { type WorkerConfig, readWorkerConfig } from "./worker-config.ts";

/** How an ensemble is started. */
export interface EnsembleOptions {
  /** The Worker's wrangler.toml. */
  readonly configFile: string;
  /** Where replicas store what they know; created where missing. */
  readonly dataDirectory: string;
  readonly httpPort: number;
  /** One TCP door each, in the order of the replicas; undefined takes the ports of the wrangler.toml. */
  readonly tcpPorts: readonly number[] | undefined;
  /** Vars of the Worker, over those of the wrangler.toml. */
  readonly vars: ReadonlyMap<string, string>;
  /** Another workerd executable than the one wrangler brings; undefined takes that one. */
  readonly runtimeFile: string | undefined;
}

/** A running ensemble. */
export interface EnsembleProcess {
  readonly httpPort: number;
  readonly tcpPorts: readonly number[];
  readonly dataDirectory: string;
  /** Resolves with how the runtime ended, once it did; never rejects. */
  readonly ended: Promise<string>;
  /**
   * Waits until `/healthz` answers 200. Throws StartError when it did not within the deadline, or the
   * runtime ended.
   */
  waitUntilServing(deadlineMs: number): Promise<void>;
  /** Stops the runtime; what was acknowledged is on disk already. */
  stop(): Promise<void>;
}

/** How often the door is asked while the ensemble elects its leader. */
const HEALTH_POLL_MS = 10;

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
  const worker = withOverrides(readWorkerConfig(options.configFile), options);
  const dataDirectory = resolve(options.dataDirectory);
  const storageDirectory = join(dataDirectory, "storage");
  const runtimeDirectory = join(dataDirectory, "runtime");
  makeDirectory(storageDirectory);
  makeDirectory(runtimeDirectory);
  const configFile = join(runtimeDirectory, "workerd.capnp");
  checkUnclaimed(runtimeDirectory, configFile);
  await checkPortFree(options.httpPort, "--port 18787");
  for (const port of worker.tcpPorts) await checkPortFree(port, "--ports 12181,12182,12183");

  await bundle(worker.main, join(runtimeDirectory, "worker.js"));
  const places = {
    httpPort: options.httpPort,
    tcpPorts: worker.tcpPorts,
    storageDirectory,
    bundleFile: "worker.js",
  };
  writeFileSync(configFile, renderRuntimeConfig(worker, places));

  const runtime = options.runtimeFile ?? runtimeOfWrangler();
  // `--experimental` permits storage on the local disk, as `wrangler dev` does.
  const child = spawn(runtime, ["serve", "--experimental", configFile, RUNTIME_CONFIG_NAME], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (child.pid !== undefined) claim(runtimeDirectory, child.pid);
  return new RunningEnsemble(child, { httpPort: options.httpPort, tcpPorts: worker.tcpPorts, dataDirectory });
}

class RunningEnsemble implements EnsembleProcess {
  readonly httpPort: number;
  readonly tcpPorts: readonly number[];
  readonly dataDirectory: string;
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #end: string | undefined;

  constructor(
    child: ChildProcess,
    places: { httpPort: number; tcpPorts: readonly number[]; dataDirectory: string },
  ) {
    this.httpPort = places.httpPort;
    this.tcpPorts = places.tcpPorts;
    this.dataDirectory = places.dataDirectory;
    this.#child = child;
    this.ended = new Promise((resolveEnd) => {
      const end = (how: string): void => {
        this.#end ??= how;
        resolveEnd(how);
      };
      child.once("error", (error) => end(`the runtime did not start: ${error.message}`));
      child.once("exit", (code, signal) =>
        end(signal === null ? `code ${String(code)}` : `signal ${signal}`),
      );
    });
  }

  async waitUntilServing(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    let last = "no answer yet";
    while (performance.now() < deadline) {
      if (this.#end !== undefined) throw new StartError(`the runtime ended before it served: ${this.#end}.`);
      last = await health(this.httpPort, deadlineMs);
      if (last === "200") return;
      await new Promise((wake) => setTimeout(wake, HEALTH_POLL_MS));
    }
    throw new StartError(
      `the ensemble did not serve within ${deadlineMs} ms; /healthz says: ${last}. ` +
        `Where the data in ${this.dataDirectory} are from another version, start with another --data.`,
    );
  }

  async stop(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#child.kill("SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_GRACE_MS);
    await this.ended;
    clearTimeout(killer);
  }
}

/** Asks over node:http, as fetch refuses some ports that a user may choose. */
async function health(port: number, timeoutMs: number): Promise<string> {
  const request = get({ host: "127.0.0.1", port, path: "/healthz", agent: false, timeout: timeoutMs });
  request.once("timeout", () => request.destroy(new Error("no answer in time")));
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const body = await response.setEncoding("utf8").reduce((all, chunk) => all + String(chunk), "");
    return response.statusCode === 200 ? "200" : `${response.statusCode} ${body.trim()}`;
  } catch (error) {
    // Until the runtime listens the connection is refused: that is one of the answers to wait through.
    return error instanceof Error ? error.message : String(error);
  }
}

function withOverrides(worker: WorkerConfig, options: EnsembleOptions): WorkerConfig {
  const tcpPorts = options.tcpPorts ?? worker.tcpPorts;
  const vars = new Map(worker.vars);
  if (options.tcpPorts !== undefined && vars.has("CLIENT_ADDRESSES")) {
    // The Worker tells its clients, and itself, which port is which replica's.
    vars.set("CLIENT_ADDRESSES", tcpPorts.map((port) => `127.0.0.1:${port}`).join(","));
  }
  if (vars.has("TCP_PORTS")) vars.set("TCP_PORTS", tcpPorts.join(","));
  for (const [name, value] of options.vars) vars.set(name, value);
  return { ...worker, tcpPorts, vars };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new StartError(`cannot write to ${path}: choose another directory with --data.`, { cause: error });
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
