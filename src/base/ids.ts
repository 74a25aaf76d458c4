/** Identifiers that every layer shares. */

/** A replica's number within its ensemble, 1 to 254 (the high byte of the session ids it makes). */
export type Sid = number;

/**
 * A session's identifier: 64 bits, held unsigned. bigint, as JavaScript numbers lose bits above 2^53 and a
 * client may present any 64 bits; equal values are one Map key.
 */
export type SessionId = bigint;

/** The owner of nothing: what Stat.ephemeralOwner shows for znodes that are not ephemeral. */
export const NO_SESSION: SessionId = 0n;

/** `0x1000000a2`, as ZooKeeper prints session ids. */
export function sessionText(id: SessionId): string {
  return `0x${id.toString(16)}`;
}

/** Sixteen lower-case hex digits: the form in which session ids are stored, as SQLite takes no bigint. */
export function sessionKey(id: SessionId): string {
  return id.toString(16).padStart(16, "0");
}

/** Reads what sessionKey wrote. */
export function sessionFromKey(key: string): SessionId {
  return BigInt(`0x${key}`);
}

/**
 * Where a write came from: the replica, the start of it, and its running number there. It travels with the
 * proposal, so that the replica that holds the client's connection knows its own write when it is delivered,
 * exactly once, whatever the client's xids are.
 */
export interface Origin {
  readonly sid: Sid;
  readonly instance: number;
  readonly serial: number;
}
