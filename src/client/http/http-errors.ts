/** What can go wrong over HTTP alone; what ZooKeeper has a name for is thrown as in a session. */
import { EdgekeeperError, type ErrorDetails } from "../errors.ts";

/** The lock is not held under the token that the write asked for: nothing was written. */
export class NotHeldError extends EdgekeeperError {
  override readonly name = "NotHeldError";
  readonly code = "not-held";
  constructor(details?: ErrorDetails) {
    super("the lock is not held under that token, or no more: nothing was written", details);
  }
}

/** Somebody holds the lock, or waits for it, and this caller would not wait. */
export class LockHeldError extends EdgekeeperError {
  override readonly name = "LockHeldError";
  readonly code = "lock-held";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("somebody holds it, or waits for it: ask again, or wait with waitMs", details);
  }
}

/** It was not free in time; the place in the queue is given up. */
export class LockTimeoutError extends EdgekeeperError {
  override readonly name = "LockTimeoutError";
  readonly code = "lock-timeout";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("it was not free within waitMs, and the place in its queue is given up", details);
  }
}

/** The lease is over: what is done under it from now on does not count. */
export class LeaseOverError extends EdgekeeperError {
  override readonly name = "LeaseOverError";
  readonly code = "lease-over";
  constructor(details?: ErrorDetails) {
    super("the lease is over, so somebody else may hold the lock: stop, and take it again", details);
  }
}

/** The semaphore has another number of permits. */
export class PermitsDifferError extends EdgekeeperError {
  override readonly name = "PermitsDifferError";
  readonly code = "permits-differ";
  constructor(details?: ErrorDetails) {
    super("the semaphore has another number of permits than was said: all must say the same", details);
  }
}

/** What happened since then is not kept any more. */
export class HistoryGoneError extends EdgekeeperError {
  override readonly name = "HistoryGoneError";
  readonly code = "history-gone";
  constructor(details?: ErrorDetails) {
    super(
      "the history that is kept does not lead back so far: read what is there now, and go on from that",
      details,
    );
  }
}

/** A later request under the same key has the place in the queue. */
export class SupersededError extends EdgekeeperError {
  override readonly name = "SupersededError";
  readonly code = "superseded";
  constructor(details?: ErrorDetails) {
    super("a later request with the same key has this place: its answer counts", details);
  }
}

/** The key came with another request before. */
export class KeyReusedError extends EdgekeeperError {
  override readonly name = "KeyReusedError";
  readonly code = "key-reused";
  constructor(details?: ErrorDetails) {
    super("this idempotency key came with another request before: take a new one", details);
  }
}

/** Nobody could do it, and nothing was done. */
export class UnavailableError extends EdgekeeperError {
  override readonly name = "UnavailableError";
  readonly code = "unavailable";
  override readonly isRetryable = true;
  constructor(details?: ErrorDetails) {
    super("no replica could do it, and nothing was done: ask again", details);
  }
}

/** The deployment does not know the caller. */
export class UnauthorizedError extends EdgekeeperError {
  override readonly name = "UnauthorizedError";
  readonly code = "unauthorized";
  constructor(details?: ErrorDetails) {
    super(
      "the deployment does not know this caller: pass its secret, or a token of it, as the option token",
      details,
    );
  }
}

/** The deployment does not let this caller do that. */
export class ForbiddenError extends EdgekeeperError {
  override readonly name = "ForbiddenError";
  readonly code = "forbidden";
  constructor(details?: ErrorDetails) {
    super("the deployment does not let this caller do that", details);
  }
}

/** Another problem, under the code that its document has. */
export class HttpProblemError extends EdgekeeperError {
  override readonly name = "HttpProblemError";
  readonly code: string;
  readonly status: number;
  override readonly isRetryable: boolean;
  constructor({ code, status }: { readonly code: string; readonly status: number }, details?: ErrorDetails) {
    super(`the ensemble answered ${status} ${code}`, details);
    this.code = code;
    this.status = status;
    this.isRetryable = status === 429 || status === 503;
  }
}
