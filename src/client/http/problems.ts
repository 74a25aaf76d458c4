/** Problem documents (RFC 9457) as typed errors. */
import {
  BadArgumentsError,
  BadVersionError,
  ConnectionLossError,
  type EdgekeeperError,
  type ErrorDetails,
  InvalidAclError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  QuotaExceededError,
  RequestTooLargeError,
  SessionExpiredError,
  SessionMovedError,
  UnimplementedError,
} from "../errors.ts";
import {
  ForbiddenError,
  HistoryGoneError,
  HttpProblemError,
  KeyReusedError,
  LeaseOverError,
  LockHeldError,
  LockTimeoutError,
  NotHeldError,
  PermitsDifferError,
  SupersededError,
  UnauthorizedError,
  UnavailableError,
} from "./http-errors.ts";

/** What is read of a problem document. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string | undefined;
  readonly operation: number | undefined;
  /** The moment of the past that was asked about. */
  readonly asOf: string | undefined;
}

type ErrorClass = new (details?: ErrorDetails) => EdgekeeperError;

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  "no-node": NoNodeError,
  "node-exists": NodeExistsError,
  "bad-version": BadVersionError,
  "not-empty": NotEmptyError,
  "ephemeral-parent": NoChildrenForEphemeralsError,
  "no-auth": NoAuthError,
  "bad-acl": InvalidAclError,
  "bad-path": BadArgumentsError,
  "bad-request": BadArgumentsError,
  "too-large": RequestTooLargeError,
  "not-enabled": UnimplementedError,
  "session-expired": SessionExpiredError,
  "session-moved": SessionMovedError,
  "quota-exceeded": QuotaExceededError,
  "not-held": NotHeldError,
  "lock-held": LockHeldError,
  "lock-timeout": LockTimeoutError,
  "lease-over": LeaseOverError,
  superseded: SupersededError,
  "key-reused": KeyReusedError,
  unauthorized: UnauthorizedError,
  forbidden: ForbiddenError,
  "no-quorum": UnavailableError,
  lagging: UnavailableError,
  busy: UnavailableError,
  "too-many-keys": UnavailableError,
  "too-many-requests": UnavailableError,
  "issuer-unreachable": UnavailableError,
  "permits-differ": PermitsDifferError,
  "history-gone": HistoryGoneError,
};

/** Of these the document tells what the class cannot. */
const TELLING: ReadonlySet<string> = new Set([
  "no-auth",
  "bad-path",
  "bad-request",
  "too-large",
  "forbidden",
  "unauthorized",
  "no-quorum",
  "lagging",
  "busy",
  "too-many-keys",
  "too-many-requests",
  "issuer-unreachable",
  "history-gone",
]);

/** Nobody knows whether it was done. */
export const OUTCOME_UNKNOWN = "outcome-unknown";

/** Reads a problem document; what is none, is a problem of its status. */
export function readProblem(status: number, text: string): Problem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // A proxy on the way answered, in words of its own.
    value = undefined;
  }
  const members = typeof value === "object" && value !== null ? value : {};
  const code: unknown = "code" in members ? members.code : undefined;
  const detail: unknown = "detail" in members ? members.detail : undefined;
  const operation: unknown = "operation" in members ? members.operation : undefined;
  const asOf: unknown = "asOf" in members ? members.asOf : undefined;
  return {
    status,
    code: typeof code === "string" ? code : `http-${status}`,
    detail: typeof detail === "string" ? detail : undefined,
    operation: typeof operation === "number" ? operation : undefined,
    asOf: typeof asOf === "string" ? asOf : undefined,
  };
}

/** The error that a problem is, of a request that may have been to create a znode, or not. */
export function errorOfProblem(
  problem: Problem,
  { path, isCreate }: Pick<ErrorDetails, "path" | "isCreate"> = {},
): EdgekeeperError {
  const { code, operation, asOf } = problem;
  const isTelling = CLASSES[code] === undefined || TELLING.has(code);
  const details = { path, isCreate, operation, asOf, detail: isTelling ? problem.detail : undefined };
  if (code === OUTCOME_UNKNOWN) return new ConnectionLossError({ ...details, mayBeDone: true });
  const known = CLASSES[code];
  return known === undefined ? new HttpProblemError(problem, details) : new known(details);
}
