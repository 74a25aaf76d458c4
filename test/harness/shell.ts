/** Commands as a reader types them: in a shell of their own, in a process group that ends with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";

/** Where and how a shell runs. */
export interface ShellSetup {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A command that goes on, as a server does. */
export interface RunningShell {
  /** All that it printed so far. */
  output(): string;
  /** Resolves when it has printed that; throws, with all it printed, where it ends before, or is late. */
  until(pattern: RegExp, deadlineMs: number): Promise<void>;
  /** Ends it as Ctrl-C does, and resolves when it is gone. */
  stop(): Promise<void>;
}

/** Runs commands to their end, at most for the deadline; gives what they printed. Throws where they fail. */
export async function runShell(
  commands: string,
  setup: ShellSetup & { readonly deadlineMs: number },
): Promise<string> {
  const child = start(commands, setup);
  const printed = new Printed(child);
  const timer = setTimeout(() => endGroup(child, "SIGKILL"), setup.deadlineMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`exit ${String(code)} of\n${commands}\n${printed.text}`);
  return printed.text;
}

/** Starts commands of which the last goes on. */
export function startShell(commands: string, setup: ShellSetup): RunningShell {
  const child = start(commands, setup);
  const printed = new Printed(child);
  const closed = once(child, "close");
  return {
    output: () => printed.text,
    until: async (pattern, deadlineMs) => await printed.until(pattern, deadlineMs),
    async stop() {
      endGroup(child, "SIGINT");
      const timer = setTimeout(() => endGroup(child, "SIGKILL"), STOP_GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** A server has its children to end first. */
const STOP_GRACE_MS = 10_000;

function start(commands: string, { cwd, environment }: ShellSetup): ChildProcess {
  // The Node that runs this test comes first, as it does in npm's scripts.
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  return spawn("bash", ["-e", "-c", commands], {
    cwd,
    detached: true,
    env: { ...process.env, PATH: path, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The shell and all that it started. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

class Printed {
  text = "";
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.text += chunk.toString("utf8");
        this.#wake();
      });
    }
    child.once("close", () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  async until(pattern: RegExp, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (!pattern.test(this.text)) {
      const leftMs = deadline - performance.now();
      if (this.#hasEnded || leftMs <= 0) {
        throw new Error(`${this.#hasEnded ? "it ended" : "late"}, before ${String(pattern)}:\n${this.text}`);
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
}
