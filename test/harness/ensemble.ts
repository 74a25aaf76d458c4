/**
 * A running ensemble for tests: `npm start`'s own program as a child process, on free ports and a data
 * directory of its own, so that what tests drive is what users run.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { readMembers, sidsOf } from "../../src/base/settings.ts";
import { freePorts } from "./ports.ts";

/** How a test wants its ensemble. */
export interface EnsembleSetup {
  /** A wrangler.toml, relative to the project's root; the product's own by default. */
  readonly config?: string;
  /** Data to start on, to be kept by the caller; a new directory, removed at stop, by default. */
  readonly dataDirectory?: string;
  readonly httpPort?: number;
  /** The TCP doors' ports; as many free ones as there are replicas by default. */
  readonly tcpPorts?: readonly number[];
  readonly vars?: Readonly<Record<string, string>>;
  /** Over how many processes the replicas are spread; as `npm start` does it by default. */
  readonly processes?: number;
  /** Clients' streams go straight into the runtime: `--direct`. */
  readonly isDirect?: boolean;
  /** Environment variables for the runtime. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Another workerd executable. */
  readonly runtimeFile?: string;
  /** The wrangler.toml of another Worker, relative to the project's root, to run beside. */
  readonly worker?: string;
  /** How long it may take until it serves. Default 60,000 ms. */
  readonly readyDeadlineMs?: number;
}

/** An ensemble that served when it was handed out. */
export interface TestEnsemble {
  /** Without a slash at the end. */
  readonly httpUrl: string;
  readonly webSocketUrl: string;
  readonly httpPort: number;
  /** The address of the Worker beside. */
  readonly workerUrl: string;
  readonly tcpPorts: readonly number[];
  readonly dataDirectory: string;
  readonly process: ChildProcess;
  /** What the starter said: milliseconds from its start until the ensemble served. */
  readonly readyMs: number;
  /** All that the starter and the runtime printed so far. */
  output(): string;
  /** Stops as Ctrl-C does, and removes the data directory where the harness made it. */
  stop(): Promise<void>;
  /**
   * Kills starter and runtime at once, as a power cut would, and keeps the data: start again on
   * `dataDirectory`.
   */
  kill9(): Promise<void>;
}

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Starts an ensemble and waits until it serves. Throws, with all that it printed, where it does not in
 * time.
 */
export async function startEnsemble(setup: EnsembleSetup = {}): Promise<TestEnsemble> {
  const isOwnData = setup.dataDirectory === undefined;
  const dataDirectory = setup.dataDirectory ?? (await mkdtemp(join(tmpdir(), "edgekeeper-test-")));
  const { VOTERS = "1,2,3", OBSERVERS } = setup.vars ?? {};
  const count = setup.tcpPorts?.length ?? sidsOf(readMembers({ VOTERS, OBSERVERS })).length;
  const free = await freePorts(count + 2);
  const httpPort = setup.httpPort ?? Number(free[count]);
  const workerPort = Number(free[count + 1]);
  const tcpPorts = setup.tcpPorts ?? free.slice(0, count);
  const deadlineMs = setup.readyDeadlineMs ?? 60_000;

  const args = [join(projectRoot, "src/cli/start.ts"), "--tied", "--data", dataDirectory];
  args.push("--port", String(httpPort), "--ports", tcpPorts.join(","), "--timeout", String(deadlineMs));
  args.push("--config", join(projectRoot, setup.config ?? "wrangler.toml"));
  if (setup.worker !== undefined) args.push("--worker", `${join(projectRoot, setup.worker)}@${workerPort}`);
  if (setup.runtimeFile !== undefined) args.push("--runtime", setup.runtimeFile);
  if (setup.processes !== undefined) args.push("--processes", String(setup.processes));
  if (setup.isDirect === true) args.push("--direct");
  for (const [name, value] of Object.entries(setup.vars ?? {})) args.push("--var", `${name}=${value}`);

  // Detached: a process group of its own, so that kill9 reaches the runtime and nobody else. Tied to our
  // end of the standard input, so that it ends with the test run even where that is killed.
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    detached: true,
    env: { ...process.env, ...setup.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const log = new OutputLog(child);
  const exited = once(child, "exit");
  const readyMs = await log.waitForReady(deadlineMs + 5_000).catch(async (error: unknown) => {
    await killGroup(child, exited);
    if (isOwnData) await rm(dataDirectory, { recursive: true, force: true });
    throw error;
  });

  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    webSocketUrl: `ws://127.0.0.1:${httpPort}`,
    httpPort,
    workerUrl: `http://127.0.0.1:${workerPort}`,
    tcpPorts,
    dataDirectory,
    process: child,
    readyMs,
    output: () => log.text,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await exited;
      if (isOwnData) await rm(dataDirectory, { recursive: true, force: true });
    },
    async kill9() {
      await killGroup(child, exited);
    },
  };
}

async function killGroup(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  try {
    // A negative id names the process group: the starter and its runtime.
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
  await exited;
}

class OutputLog {
  text = "";
  readonly #ready: Promise<number>;

  constructor(child: ChildProcess) {
    this.#ready = new Promise((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        this.text += chunk.toString("utf8");
        const found = /^ready in (\d+) ms$/m.exec(this.text);
        if (found !== null) resolve(Number(found[1]));
      };
      child.stdout?.on("data", take);
      child.stderr?.on("data", take);
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        reject(new Error(`the ensemble ended (${String(code ?? signal)}) and printed:\n${this.text}`));
      });
    });
  }

  async waitForReady(deadlineMs: number): Promise<number> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`the ensemble was not ready within ${deadlineMs} ms and printed:\n${this.text}`));
    }, deadlineMs);
    try {
      return await Promise.race([this.#ready, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
