/** The program as users run it: a process of its own, bundled as it is published. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { ROOT } from "../../packaging/build.ts";

/** The program, bundled. */
export const MAIN: string = bundled();

function bundled(): string {
  const directory = mkdtempSync(join(tmpdir(), "edgekeeper-program-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  buildSync({
    entryPoints: { edgekeeper: join(ROOT, "src/program/main.ts") },
    bundle: true,
    // As it is published: what younger runtimes alone can load stands in a file of its own.
    splitting: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    mainFields: ["module", "main"],
    // ws is not of this kind of modules, and asks for Node's own by the older way.
    banner: {
      js: "import { createRequire as requireBy } from 'node:module'; const require = requireBy(import.meta.url);",
    },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
  });
  return join(directory, "edgekeeper.mjs");
}

/** How long anything may take, in ms. */
const DEADLINE_MS = 60_000;

/** How a program ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface ProgramSetup {
  /** Gives it a terminal, by util-linux's script. */
  readonly isInTerminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Sent to its standard input, which is then closed. */
  readonly input?: string;
  /** How long `until` waits. */
  readonly deadlineMs?: number;
}

/** A program that runs. */
export class RunningProgram {
  readonly process: ChildProcess;
  readonly ended: Promise<Ran>;
  stdout = "";
  stderr = "";
  readonly #deadlineMs: number;
  #wake: () => void = () => undefined;
  #hasEnded = false;

  constructor(
    words: readonly string[],
    { env, input, isInTerminal = false, deadlineMs = DEADLINE_MS }: ProgramSetup = {},
  ) {
    this.#deadlineMs = deadlineMs;
    const line = [process.execPath, MAIN, ...words];
    const [program = "", ...args] = isInTerminal ? ["script", "-qec", line.join(" "), "/dev/null"] : line;
    this.process = spawn(program, args, { env: { ...process.env, ...env } });
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#take({ stdout: text }));
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#take({ stderr: text }));
    this.process.stdin?.on("error", () => undefined);
    if (input !== undefined) this.process.stdin?.end(input);
    this.ended = once(this.process, "close").then(([code]: unknown[]) => {
      this.#hasEnded = true;
      this.#wake();
      return { code: typeof code === "number" ? code : null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Waits until its output, both streams, has this. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + this.#deadlineMs;
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found !== null) return found;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || this.#hasEnded) {
        throw new Error(`it has not said ${String(pattern)}, but\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  write(text: string): void {
    this.process.stdin?.write(text);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<Ran> {
    if (!this.#hasEnded) this.process.kill("SIGINT");
    return await this.ended;
  }

  #take({ stdout = "", stderr = "" }: { readonly stdout?: string; readonly stderr?: string }): void {
    this.stdout += stdout;
    this.stderr += stderr;
    this.#wake();
  }
}

/** Runs it to its end. */
export async function runProgram(words: readonly string[], setup: ProgramSetup = {}): Promise<Ran> {
  return await new RunningProgram(words, { input: "", ...setup }).ended;
}
