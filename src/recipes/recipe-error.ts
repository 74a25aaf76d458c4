/** What a recipe tells when it cannot do what it was asked. What the servers say comes through as it is. */
import { ERROR_CODES, type ErrorName } from "../base/error-code.ts";

/** Why a recipe gave up. */
export type RecipeFault =
  /** Not within `timeoutMs`. Nothing of the attempt is left behind. */
  | "timeout"
  /** The session is over, and with it what was held. */
  | "sessionLost"
  /** The recipe was closed, or its client. */
  | "closed"
  /** What is to be given back, entered again or written under is not held, or no more. */
  | "notHeld"
  /** The znodes say something else than this recipe writes. */
  | "badData"
  /** The recipe cannot be used so: the message tells what to do. */
  | "misuse"
  /** The connection was lost before the answer, and it cannot be told whether the change was made. */
  | "unknownOutcome";

/** A recipe's own error; `cause` is what lies below it, where there is something. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
  readonly fault: RecipeFault;

  constructor(fault: RecipeFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** Whether the error is the servers' one of that name: its `code` is the wire's number, or the name in capitals. */
export function isKeeperError(error: unknown, ...names: readonly ErrorName[]): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return names.some((name) => ERROR_CODES[name] === error.code || name.toUpperCase() === error.code);
}

/** Whether the operation may be tried again on another connection: it was not done, or nobody knows. */
export function isTransient(error: unknown): boolean {
  return isKeeperError(
    error,
    "connectionLoss",
    "operationTimeout",
    "requestTimeout",
    "sessionMoved",
    "throttledOp",
  );
}

/** Whether the client was closed: what goes on in the background ends then, and that is no failure. */
export function isClosed(error: unknown): boolean {
  if (error instanceof RecipeError) return error.fault === "closed";
  return error instanceof Error && "code" in error && error.code === "CLOSED";
}
