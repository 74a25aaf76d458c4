/**
 * The child processes of a run. Each is started in a process group of its own and ended by that id, so that a
 * shell's or npm's children go with it and nothing that the run did not start is ever touched.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** How much of a child's output is kept for the message of a failure, in characters. */
const OUTPUT_KEPT = 4000;

/** How long a child may take to end after SIGTERM before SIGKILL, in ms. */
const GRACE_MS = 5000;

/** What to start, and where. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A started child: its lines as they come, and the tail of all it printed. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  #tail = "";
  #hasEnded = false;
  readonly #onLine: (line: string) => void;

  constructor(command: Command, onLine: (line: string) => void) {
    this.#onLine = onLine;
    this.process = spawn(command.command, command.args, {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      env: { ...process.env, ...command.env },
    });
    this.#read(this.process.stdout, true);
    this.#read(this.process.stderr, false);
    // A child that ends while we write to it is reported by its end, not by the pipe.
    this.process.stdin?.on("error", (error) => this.#keep(`stdin: ${error.message}\n`));
    this.ended = new Promise((resolve) => {
      this.process.on("error", (error) => {
        this.#keep(`cannot start: ${error.message}\n`);
        this.#hasEnded = true;
        resolve();
      });
      this.process.on("close", (code, signal) => {
        this.#keep(`[ended: code ${String(code)}, signal ${String(signal)}]\n`);
        this.#hasEnded = true;
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The last of what it printed, both streams. */
  get tail(): string {
    return this.#tail;
  }

  writeLine(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /** Sends a signal to the whole group; a group that is gone already is what was wanted. */
  signal(signal: NodeJS.Signals): void {
    const id = this.process.pid;
    if (id === undefined) return;
    try {
      process.kill(-id, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  /**
   * Ends the group: SIGTERM first, SIGKILL after the grace. A frozen member (SIGSTOP) is continued, else it
   * would not hear SIGTERM.
   */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    this.signal("SIGCONT");
    const timer = setTimeout(() => this.signal("SIGKILL"), GRACE_MS);
    await this.ended;
    clearTimeout(timer);
    // The leader of the group has ended; members that ignored SIGTERM go now.
    this.signal("SIGKILL");
  }

  #keep(text: string): void {
    this.#tail = (this.#tail + text).slice(-OUTPUT_KEPT);
  }

  #read(stream: NodeJS.ReadableStream | null, isOutput: boolean): void {
    if (stream === null) return;
    let partial = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      this.#keep(chunk);
      if (!isOutput) return;
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) this.#onLine(line);
    });
  }
}

/** All children of the run, so that none outlives it. */
export class ProcessSet {
  readonly #children = new Set<Child>();

  start(command: Command, onLine: (line: string) => void = () => {}): Child {
    const child = new Child(command, onLine);
    this.#children.add(child);
    return child;
  }

  async stop(child: Child): Promise<void> {
    await child.stop();
    this.#children.delete(child);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.stop(child)));
  }

  /** For the end of the process itself, where nothing can be awaited any more. */
  killAll(): void {
    for (const child of this.#children) child.signal("SIGKILL");
  }

  /** Runs a command to its end; throws with its output if it fails or exceeds `timeoutMs`. */
  async run(command: Command, timeoutMs: number): Promise<string> {
    const lines: string[] = [];
    const child = this.start(command, (line) => lines.push(line));
    child.process.stdin?.end();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.signal("SIGKILL");
    }, timeoutMs);
    await child.ended;
    clearTimeout(timer);
    this.#children.delete(child);
    const shown = [command.command, ...command.args].join(" ");
    if (isLate) throw new Error(`${shown} did not end within ${timeoutMs} ms\n${child.tail}`);
    if (child.process.exitCode !== 0) throw new Error(`${shown} failed\n${child.tail}`);
    return lines.join("\n");
  }
}
