/** Runs a program, and hands on what it writes, line by line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What to run, and where. */
export interface Execution {
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** Killed when it writes nothing for so long. */
  readonly silenceMs: number;
  readonly onLine?: (line: string) => void;
}

/** How it ended. */
export interface Ended {
  /** Undefined where it was killed for its silence. */
  readonly code: number | undefined;
  /** The last lines of both its outputs. */
  readonly tail: readonly string[];
}

const TAIL_LINES_MAX = 200;

/** Runs it to its end. */
export async function execute(execution: Execution): Promise<Ended> {
  const { command, args, directory, silenceMs, onLine } = execution;
  const child = spawn(command, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: what it has started itself ends with it.
    detached: true,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  const tail: string[] = [];
  let isSilent = false;
  let watchdog: ReturnType<typeof setTimeout>;
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const kill = (): void => {
    isSilent = true;
    end();
  };
  process.once("exit", end);
  const rearm = (): void => {
    clearTimeout(watchdog);
    watchdog = setTimeout(kill, silenceMs);
  };
  watchdog = setTimeout(kill, silenceMs);
  const take = (line: string, isOutput: boolean): void => {
    rearm();
    tail.push(line);
    if (tail.length > TAIL_LINES_MAX) tail.shift();
    if (isOutput) onLine?.(line);
  };
  createInterface({ input: child.stdout }).on("line", (line) => take(line, true));
  createInterface({ input: child.stderr }).on("line", (line) => take(line, false));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
  clearTimeout(watchdog);
  process.off("exit", end);
  return { code: isSilent ? undefined : code, tail };
}
