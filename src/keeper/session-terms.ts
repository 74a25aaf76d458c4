/** What a client gets when it connects: a session's id and password, and its timeout. */
import { assert } from "../base/assert.ts";
import type { SessionId, Sid } from "../base/ids.ts";

/** The timeout for the one asked for, both in milliseconds. */
export function negotiateTimeout(
  askedMs: number,
  bounds: { readonly sessionTimeoutMinMs: number; readonly sessionTimeoutMaxMs: number },
): number {
  return Math.min(Math.max(askedMs, bounds.sessionTimeoutMinMs), bounds.sessionTimeoutMaxMs);
}

/** The sid in the high byte, as ZooKeeper's; the rest, and the password, are of the 24 random bytes. */
export function makeSession(
  sid: Sid,
  entropy: Uint8Array,
): { readonly session: SessionId; readonly password: Uint8Array } {
  assert(entropy.length >= 24, "a session is made of 24 random bytes");
  let session = BigInt(sid);
  for (const octet of entropy.subarray(0, 7)) session = (session << 8n) | BigInt(octet);
  return { session, password: entropy.slice(8, 24) };
}
