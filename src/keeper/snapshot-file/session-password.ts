/**
 * The password that ZooKeeper gives a session, which it makes from the session's id alone: what its snapshots hold of
 * sessions is enough for their clients to come back. Source: ZooKeeperServer.generatePasswd, java.util.Random.
 */
import type { SessionId } from "../../base/ids.ts";

const SUPER_SECRET = 0xb3415c00n;
const PASSWORD_BYTES = 16;
const MULTIPLIER = 0x5deece66dn;
const INCREMENT = 0xbn;
const STATE_BITS = 48;

/** ZooKeeper's password for a session. Whoever knows the id can make it. */
export function zookeeperPassword(id: SessionId): Uint8Array {
  let state = BigInt.asUintN(STATE_BITS, id ^ SUPER_SECRET ^ MULTIPLIER);
  const password = new Uint8Array(PASSWORD_BYTES);
  for (let at = 0; at < PASSWORD_BYTES; at += 4) {
    state = BigInt.asUintN(STATE_BITS, state * MULTIPLIER + INCREMENT);
    let word = Number(state >> 16n);
    for (let octet = 0; octet < 4; octet++, word >>>= 8) password[at + octet] = word;
  }
  return password;
}
