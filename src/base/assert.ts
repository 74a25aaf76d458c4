/**
 * Assertions of our own invariants. They stay on in production: a replica that broke an invariant must stop
 * rather than answer. Never assert on what came from a wire or a disk written by somebody else: that is an
 * error of theirs, answered or dropped and counted.
 */

/** An invariant of ours does not hold: the replica that throws this must stop and restart from its disk. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Throws InvariantError unless the condition holds. One condition per call, so that the message tells which.
 */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(what);
}

/** Returns the value, or throws InvariantError where it is undefined. */
export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new InvariantError(what);
  return value;
}

/**
 * Ends a switch over a union: a member without a case fails to compile, and stops the replica if it gets
 * here.
 */
export function assertNever(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}
