/** How the program ends: docs/cli.md lists these, and scripts may rely on them. */
import { CommanderError } from "commander";

import { ConnectionLossError, EdgekeeperError, OperationTimeoutError } from "../client/errors.ts";
import { StartError } from "../cli/start-error.ts";

/** What a shell sees in `$?`. */
export const EXIT = {
  /** It is done. */
  done: 0,
  /** It was refused, or failed: the line on the standard error says why. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The credential is missing, wrong, or not enough for that. */
  notAllowed: 3,
  /** Nobody answered, or the connection was lost before the answer. */
  unreachable: 4,
  /** The lock, or the lead, was not to be had in time. */
  notHad: 5,
  /** The lock, or the lead, was lost while it was held, and what ran under it was stopped. */
  lost: 6,
} as const;

/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Why a command ends without having done what was asked; the message is for the user. */
export class ProgramError extends Error {
  readonly exitCode: ExitCode;
  /** For programs: in words that do not change. */
  readonly code: string;

  constructor(
    message: string,
    {
      exitCode = EXIT.failed,
      code = "failed",
      cause,
    }: { readonly exitCode?: ExitCode; readonly code?: string; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** The command line makes no sense. */
export function usageError(message: string, cause?: unknown): ProgramError {
  return new ProgramError(message, { exitCode: EXIT.usage, code: "usage", cause });
}

/** How an error ends the program. */
export interface Ending {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
}

const NOT_ALLOWED: ReadonlySet<string> = new Set(["unauthorized", "forbidden", "NOAUTH", "AUTHFAILED"]);
const NOT_HAD: ReadonlySet<string> = new Set(["lock-held", "lock-timeout"]);
const UNREACHABLE: ReadonlySet<string> = new Set(["unavailable", "SESSIONEXPIRED", "CLOSED"]);

/** How an error ends the program; undefined for a defect of ours, which is thrown on. */
export function endingOf(error: unknown): Ending | undefined {
  if (error instanceof ProgramError) {
    return { exitCode: error.exitCode, code: error.code, message: error.message };
  }
  if (error instanceof CommanderError) {
    // Help and version are printed, and no error.
    if (error.exitCode === 0) return { exitCode: EXIT.done, code: "help", message: "" };
    const what = error.code === "commander.help" ? "say which command" : plainly(error.message);
    return {
      exitCode: EXIT.usage,
      code: "usage",
      message: `${what}${what.endsWith("?") ? " --help" : "; --help"} tells more`,
    };
  }
  if (error instanceof StartError) return { exitCode: EXIT.failed, code: "start", message: error.message };
  if (error instanceof EdgekeeperError) {
    return { exitCode: exitCodeOf(error), code: error.code, message: error.message };
  }
  return undefined;
}

/** On one line: commander puts what was perhaps meant on a second one. */
function plainly(message: string): string {
  return message.replace(/^error: /, "").replace(/\s*\n\(Did you mean (.*)\?\)$/, ": did you mean $1?");
}

function exitCodeOf(error: EdgekeeperError): ExitCode {
  if (NOT_ALLOWED.has(error.code)) return EXIT.notAllowed;
  if (NOT_HAD.has(error.code)) return EXIT.notHad;
  const isAway = error instanceof ConnectionLossError || error instanceof OperationTimeoutError;
  return isAway || UNREACHABLE.has(error.code) ? EXIT.unreachable : EXIT.failed;
}
