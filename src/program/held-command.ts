/** A command that runs while something is held, with the fencing token in its environment, and no longer. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

import type { Hold } from "../recipes/hold.ts";
import { EXIT, ProgramError } from "./exit-code.ts";

/** How a command is run. */
export interface HeldCommandOptions {
  /** The lock or the election, as `If-Held` names it. */
  readonly path: string;
  /** Between SIGTERM and SIGKILL where what is held is lost, in ms. */
  readonly graceMs: number;
  /** Told where it is lost. */
  readonly onLost: (reason: unknown) => void;
}

/** As shells have them. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNAL_BASE = 128;

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs it to its end, and gives the code to end with: its own, 128 and its signal, or that of what was lost. Signals go
 * on to it; it is a process group of its own, so that what it has started goes with it, unless it has a terminal.
 */
export async function runHeld(
  words: readonly string[],
  hold: Pick<Hold, "token" | "signal">,
  { path, graceMs, onLost }: HeldCommandOptions,
): Promise<number> {
  const [command = "", ...args] = words;
  const isGroup = !process.stdin.isTTY;
  const child = spawn(command, args, {
    stdio: "inherit",
    detached: isGroup,
    env: {
      ...process.env,
      EDGEKEEPER_LOCK: path,
      EDGEKEEPER_FENCING_TOKEN: hold.token,
      EDGEKEEPER_IF_HELD: `${path}@${hold.token}`,
    },
  });
  const tell = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (isGroup) process.kill(-child.pid, signal);
    else child.kill(signal);
  };
  let isLost = false;
  let killing: NodeJS.Timeout | undefined;
  const lose = (): void => {
    isLost = true;
    onLost(hold.signal.reason);
    tell("SIGTERM");
    killing = setTimeout(() => tell("SIGKILL"), graceMs);
  };
  // A terminal's Ctrl-C reaches the command by itself.
  const forward = (signal: NodeJS.Signals): void => {
    if (isGroup || signal !== "SIGINT") tell(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const end = new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(cannotRun(command, error)));
      child.once("exit", (code, signal) => {
        resolve(code ?? SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal]));
      });
    });
    if (hold.signal.aborted) lose();
    else hold.signal.addEventListener("abort", lose, { once: true });
    const code = await end;
    return isLost ? EXIT.lost : code;
  } finally {
    clearTimeout(killing);
    hold.signal.removeEventListener("abort", lose);
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

/** Why the command did not start. */
export class CannotRun extends ProgramError {
  /** 127 where there is none of its name, 126 where it is no program. */
  readonly shellCode: number;

  constructor(command: string, shellCode: number, cause: unknown) {
    super(`cannot run ${command}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.shellCode = shellCode;
  }
}

function cannotRun(command: string, error: NodeJS.ErrnoException): CannotRun {
  return new CannotRun(command, error.code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE, error);
}
