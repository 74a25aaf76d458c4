/**
 * What can go wrong, one class for each code of ZooKeeper's, under the names that KeeperException.Code has, and some of
 * our own. Both modes of the SDK, the session and HTTP, throw these.
 */
import { ERROR_CODES } from "../base/error-code.ts";

/** What an error is about. */
export interface ErrorDetails {
  /** The znode's, as the caller named it. */
  readonly path?: string | undefined;
  /** The moment of the past that was asked about, as people read it. */
  readonly asOf?: string | undefined;
  /** What else is known. */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
  /** Which operation of a transaction failed, from 0. */
  readonly operation?: number | undefined;
  /** Whether a znode was, or may have been, to be created. */
  readonly isCreate?: boolean | undefined;
}

/** The root of all errors that the SDK throws on its own behalf. */
export abstract class EdgekeeperError extends Error {
  /** ZooKeeper's name of it (KeeperException.Code), or one of our own; it never changes. */
  abstract readonly code: string;
  /** The znode that it is about, as the caller named it. */
  readonly path: string | undefined;
  /** Which operation of a transaction failed, from 0; nothing of it was done. */
  readonly operation: number | undefined;
  /** Whether the same request may succeed later, with nothing changed but time. */
  readonly isRetryable: boolean = false;

  constructor(what: string, { path, detail, cause, operation }: ErrorDetails = {}) {
    const place = path === undefined ? "" : `${path}: `;
    const which =
      operation === undefined ? "" : ` (operation ${operation} of the transaction; nothing was done)`;
    const more = (detail === undefined ? "" : ` (${detail})`) + which;
    super(`${place}${what}${more}`, cause === undefined ? undefined : { cause });
    this.path = path;
    this.operation = operation;
  }
}

/** There is no such znode, or was none at the moment that was asked about; a create finds no parent. */
export class NoNodeError extends EdgekeeperError {
  override readonly name = "NoNodeError";
  readonly code = "NONODE";
  constructor(details?: ErrorDetails) {
    const { asOf, isCreate = false } = details ?? {};
    const hint = isCreate ? " (to create one, its parent must be there, or the option parents set)" : "";
    super(asOf === undefined ? `there is no such znode${hint}` : `it did not exist at ${asOf}`, details);
  }
}

/** The znode is there already. */
export class NodeExistsError extends EdgekeeperError {
  override readonly name = "NodeExistsError";
  readonly code = "NODEEXISTS";
  constructor(details?: ErrorDetails) {
    super("the znode is there already: set its data, or delete it first", details);
  }
}

/** The znode has another version than the one that was asked for. */
export class BadVersionError extends EdgekeeperError {
  override readonly name = "BadVersionError";
  readonly code = "BADVERSION";
  constructor(details?: ErrorDetails) {
    super("somebody changed it meanwhile: read it again, and use the version that its Stat shows", details);
  }
}

/** The znode has children. */
export class NotEmptyError extends EdgekeeperError {
  override readonly name = "NotEmptyError";
  readonly code = "NOTEMPTY";
  constructor(details?: ErrorDetails) {
    super("the znode has children: delete them first, or use the option recursive", details);
  }
}

/** An ephemeral has no children. */
export class NoChildrenForEphemeralsError extends EdgekeeperError {
  override readonly name = "NoChildrenForEphemeralsError";
  readonly code = "NOCHILDRENFOREPHEMERALS";
  constructor(details?: ErrorDetails) {
    super("an ephemeral has no children: make its parent persistent", details);
  }
}

/** The access control list of the znode does not allow it. */
export class NoAuthError extends EdgekeeperError {
  override readonly name = "NoAuthError";
  readonly code = "NOAUTH";
  constructor(details?: ErrorDetails) {
    super("its access control list does not allow that: log in with addAuth, or ask its owner", details);
  }
}

/** The credential is not accepted. */
export class AuthFailedError extends EdgekeeperError {
  override readonly name = "AuthFailedError";
  readonly code = "AUTHFAILED";
  constructor(details?: ErrorDetails) {
    super("the credential is not accepted", details);
  }
}

/** The access control list makes no sense. */
export class InvalidAclError extends EdgekeeperError {
  override readonly name = "InvalidAclError";
  readonly code = "INVALIDACL";
  constructor(details?: ErrorDetails) {
    super("the access control list is empty, or has an id that its scheme does not take", details);
  }
}

/** The request makes no sense. */
export class BadArgumentsError extends EdgekeeperError {
  override readonly name = "BadArgumentsError";
  readonly code = "BADARGUMENTS";
  constructor(details?: ErrorDetails) {
    super("the request is not valid", details);
  }
}

/** A hard quota, or the storage itself, has no more room. */
export class QuotaExceededError extends EdgekeeperError {
  override readonly name = "QuotaExceededError";
  readonly code = "QUOTAEXCEEDED";
  constructor(details?: ErrorDetails) {
    super("there is no more room: a quota above it is used up, or the storage is", details);
  }
}

/** The ensemble has more to do than it takes, and has not done this. */
export class ThrottledOpError extends EdgekeeperError {
  override readonly name = "ThrottledOpError";
  readonly code = "THROTTLEDOP";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("the ensemble is overloaded, and has not done it: ask again later", details);
  }
}

/** The request took too long. */
export class OperationTimeoutError extends EdgekeeperError {
  override readonly name = "OperationTimeoutError";
  readonly code = "OPERATIONTIMEOUT";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("it took too long", details);
  }
}

/** What is behind an error that only says that there is something behind it, as fetch's do. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  const behind = reasonOf(cause.cause);
  return behind === "" && cause.message !== "" ? `: ${cause.message}` : behind;
}

/** The connection was lost before the answer came. */
export class ConnectionLossError extends EdgekeeperError {
  override readonly name = "ConnectionLossError";
  readonly code = "CONNECTIONLOSS";
  override readonly isRetryable = true;
  /** Whether it may have been done all the same; false where it was not, or changes nothing. */
  readonly mayBeDone: boolean;
  /** `at`: the address that did not answer, where one request had one. */
  constructor(details: ErrorDetails & { readonly mayBeDone: boolean; readonly at?: string }) {
    const told = details.mayBeDone
      ? "the connection was lost before the answer: it may have been done, or may yet be; look before you ask again"
      : "the connection was lost, and nothing was done: ask again";
    super(details.at === undefined ? told : `${told} (${details.at}${reasonOf(details.cause)})`, details);
    this.mayBeDone = details.mayBeDone;
  }
}

/** The session has expired, and its ephemerals are gone: this client is over. */
export class SessionExpiredError extends EdgekeeperError {
  override readonly name = "SessionExpiredError";
  readonly code = "SESSIONEXPIRED";
  constructor(details?: ErrorDetails) {
    super("the session has expired, and with it its ephemerals and locks: connect again", details);
  }
}

/** The session is served by another connection. */
export class SessionMovedError extends EdgekeeperError {
  override readonly name = "SessionMovedError";
  readonly code = "SESSIONMOVED";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("the session has moved to another connection: does another process use it?", details);
  }
}

/** This client was closed by its own program. */
export class ClosedError extends EdgekeeperError {
  override readonly name = "ClosedError";
  readonly code = "CLOSED";
  constructor(details?: ErrorDetails) {
    super("this client is closed: connect again", details);
  }
}

/** No such watch is set. */
export class NoWatcherError extends EdgekeeperError {
  override readonly name = "NoWatcherError";
  readonly code = "NOWATCHER";
  constructor(details?: ErrorDetails) {
    super("no such watch is set there", details);
  }
}

/** The replica only reads for now. */
export class NotReadOnlyError extends EdgekeeperError {
  override readonly name = "NotReadOnlyError";
  readonly code = "NOTREADONLY";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("the replica has no leader, and writes nothing for now", details);
  }
}

/** The ensemble does not let its members be changed. */
export class ReconfigDisabledError extends EdgekeeperError {
  override readonly name = "ReconfigDisabledError";
  readonly code = "RECONFIGDISABLED";
  constructor(details?: ErrorDetails) {
    super("changes of the members are switched off: RECONFIG_ENABLED=1 allows them", details);
  }
}

/** Another change of the members is under way. */
export class ReconfigInProgressError extends EdgekeeperError {
  override readonly name = "ReconfigInProgressError";
  readonly code = "RECONFIGINPROGRESS";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("another change of the members is under way: ask again when it is done", details);
  }
}

/** Too few of the new voters are up to date. */
export class NewConfigNoQuorumError extends EdgekeeperError {
  override readonly name = "NewConfigNoQuorumError";
  readonly code = "NEWCONFIGNOQUORUM";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("a quorum of the new voters is not there yet: they were invited, ask again", details);
  }
}

/** The ensemble does not know the operation, or has it switched off. */
export class UnimplementedError extends EdgekeeperError {
  override readonly name = "UnimplementedError";
  readonly code = "UNIMPLEMENTED";
  constructor(details?: ErrorDetails) {
    super("the ensemble does not know that operation, or has it switched off", details);
  }
}

/** The request could not be read, or is more than a transaction may be. */
export class MarshallingError extends EdgekeeperError {
  override readonly name = "MarshallingError";
  readonly code = "MARSHALLINGERROR";
  constructor(details?: ErrorDetails) {
    super("the ensemble could not read the request, or it is more than one transaction takes", details);
  }
}

/** The request is larger than a replica takes; it was not sent. */
export class RequestTooLargeError extends EdgekeeperError {
  override readonly name = "RequestTooLargeError";
  readonly code = "REQUESTTOOLARGE";
  constructor(details?: ErrorDetails) {
    super("the request is too large: keep large values elsewhere, and their address in the znode", details);
  }
}

/** More waits to be sent than the client holds; it was not taken. */
export class QueueFullError extends EdgekeeperError {
  override readonly name = "QueueFullError";
  readonly code = "QUEUEFULL";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("too many requests wait to be sent: await some before you ask for more", details);
  }
}

/** One of the codes that no client should see. */
export class UnexpectedError extends EdgekeeperError {
  override readonly name = "UnexpectedError";
  readonly code: string;
  constructor(code: string, details?: ErrorDetails) {
    super("the ensemble answered with an error that no client should see", details);
    this.code = code;
  }
}

type ErrorClass = new (details?: ErrorDetails) => EdgekeeperError;

/** A table that is made when it is asked for: a bundle that asks for none carries no class of it. */
function classes(): ReadonlyMap<number, ErrorClass> {
  return new Map<number, ErrorClass>([
    [ERROR_CODES.noNode, NoNodeError],
    [ERROR_CODES.nodeExists, NodeExistsError],
    [ERROR_CODES.badVersion, BadVersionError],
    [ERROR_CODES.notEmpty, NotEmptyError],
    [ERROR_CODES.noChildrenForEphemerals, NoChildrenForEphemeralsError],
    [ERROR_CODES.noAuth, NoAuthError],
    [ERROR_CODES.authFailed, AuthFailedError],
    [ERROR_CODES.invalidAcl, InvalidAclError],
    [ERROR_CODES.badArguments, BadArgumentsError],
    [ERROR_CODES.quotaExceeded, QuotaExceededError],
    [ERROR_CODES.throttledOp, ThrottledOpError],
    [ERROR_CODES.operationTimeout, OperationTimeoutError],
    [ERROR_CODES.requestTimeout, OperationTimeoutError],
    [ERROR_CODES.sessionExpired, SessionExpiredError],
    [ERROR_CODES.sessionMoved, SessionMovedError],
    [ERROR_CODES.noWatcher, NoWatcherError],
    [ERROR_CODES.notReadOnly, NotReadOnlyError],
    [ERROR_CODES.reconfigDisabled, ReconfigDisabledError],
    [ERROR_CODES.reconfigInProgress, ReconfigInProgressError],
    [ERROR_CODES.newConfigNoQuorum, NewConfigNoQuorumError],
    [ERROR_CODES.unimplemented, UnimplementedError],
    [ERROR_CODES.marshallingError, MarshallingError],
  ]);
}

/** The error that a number on the wire stands for. */
export function errorOfCode(code: number, details: ErrorDetails): EdgekeeperError {
  const known = classes().get(code);
  if (known !== undefined) return new known(details);
  const name = Object.entries(ERROR_CODES).find(([, number]) => number === code)?.[0];
  return new UnexpectedError(name?.toUpperCase() ?? String(code), { ...details, detail: `code ${code}` });
}
