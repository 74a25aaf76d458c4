/** One runtime that runs the Worker, or a part of its objects; one of several is started again when it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Transform } from "node:stream";

import { RuntimeOutput } from "./runtime-output.ts";

/** How a runtime is started. */
export interface RuntimeStart {
  readonly executable: string;
  readonly configFile: string;
  /** The name of the constant in that file. */
  readonly configName: string;
  /** Where it runs: paths of sockets are relative to this. */
  readonly directory: string;
  /** Called with each process that is started. */
  readonly started: (id: number) => void;
  /** Says that it is started again, and why; undefined where it is not. */
  readonly restarting: ((how: string) => void) | undefined;
  /** What its standard error goes through once the ensemble serves; undefined lets all of it pass. */
  readonly filter: (() => Transform) | undefined;
  /** Takes each line that it prints from when the ensemble serves. */
  readonly heard: (line: string) => void;
}

/**
 * How long the runtime may take to end by itself before it is killed: open client connections would hold it
 * forever.
 */
const STOP_GRACE_MS = 500;

/** It is started again at once, and then ever later, unless it has run for longer than the last of these. */
const RESTART_AFTER_MS = [0, 500, 1000, 2000, 4000] as const;

/** The signals of whoever stops it. */
const STOP_SIGNALS: ReadonlySet<string> = new Set(["SIGINT", "SIGTERM"]);

/** See the file's comment. */
export class RuntimeProcess {
  /** Resolves with how it ended for good; never rejects. */
  readonly ended: Promise<string>;
  readonly #start: RuntimeStart;
  readonly #resolveEnd: (how: string) => void;
  #child: ChildProcess;
  #output: RuntimeOutput;
  #end: string | undefined;
  #isServing = false;
  #isStopping = false;
  #startedMs = 0;
  #restarts = 0;

  constructor(start: RuntimeStart) {
    this.#start = start;
    let resolveEnd: (how: string) => void = () => undefined;
    this.ended = new Promise((resolve) => (resolveEnd = resolve));
    this.#resolveEnd = resolveEnd;
    this.#child = this.#spawn();
    this.#output = new RuntimeOutput(this.#child, start.filter?.(), start.heard);
  }

  /** How it ended; undefined while it has not. */
  get end(): string | undefined {
    return this.#end;
  }

  /** The ensemble serves: what is printed goes through, and the runtime lives on where it can. */
  release(): void {
    this.#isServing = true;
    this.#output.release();
  }

  /** What was printed so far, where it was not released. */
  async held(): Promise<string> {
    return await this.#output.held();
  }

  /** Stops it; what was acknowledged is on disk already. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#end !== undefined) return;
    this.#child.kill("SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_GRACE_MS);
    await this.ended;
    clearTimeout(killer);
  }

  #spawn(): ChildProcess {
    const { executable, configFile, configName, directory, started } = this.#start;
    // `--experimental` permits storage on the local disk, as `wrangler dev` does.
    const child = spawn(executable, ["serve", "--experimental", configFile, configName], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#startedMs = performance.now();
    if (child.pid !== undefined) started(child.pid);
    child.once("error", (error) => this.#ended(error.message));
    child.once("exit", (code, signal) =>
      this.#ended(signal === null ? `code ${String(code)}` : `signal ${signal}`, signal ?? undefined),
    );
    return child;
  }

  #ended(how: string, signal?: string): void {
    if (this.#end !== undefined) return;
    const { restarting } = this.#start;
    const isStopped = this.#isStopping || (signal !== undefined && STOP_SIGNALS.has(signal));
    if (performance.now() - this.#startedMs > (RESTART_AFTER_MS.at(-1) ?? 0)) this.#restarts = 0;
    const afterMs = RESTART_AFTER_MS[this.#restarts++];
    if (isStopped || !this.#isServing || restarting === undefined || afterMs === undefined) {
      this.#end = how;
      this.#resolveEnd(how);
      return;
    }
    restarting(how);
    setTimeout(() => this.#again(how), afterMs);
  }

  #again(how: string): void {
    if (this.#isStopping) {
      this.#end ??= how;
      this.#resolveEnd(how);
      return;
    }
    this.#child = this.#spawn();
    this.#output = new RuntimeOutput(this.#child, this.#start.filter?.(), this.#start.heard);
    this.#output.release();
  }
}
