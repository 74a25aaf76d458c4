/**
 * What /zookeeper/config shows: ZooKeeper's dynamic configuration, one line per server. Curator's EnsembleTracker
 * replaces a client's connect string by the addresses after the semicolon, so they are ones that a client can reach,
 * or are left out. Source: ZooKeeper QuorumMaj.toString, QuorumServer.toString.
 */
import type { Sid } from "../base/ids.ts";

/** The ports that a server line must name: replicas talk over links, so nothing listens there. */
const QUORUM_PORTS = "2888:3888";

/** The bytes of the dynamic configuration. */
export function configText(config: {
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  readonly clientAddresses: readonly string[];
}): Uint8Array {
  const lines = [...config.voters, ...config.observers].map((sid, index) => {
    const role = config.voters.includes(sid) ? "participant" : "observer";
    const address = config.clientAddresses[index];
    const host = address === undefined ? "127.0.0.1" : address.slice(0, address.lastIndexOf(":"));
    const client = address === undefined ? "" : `;${address}`;
    return `server.${sid}=${host}:${QUORUM_PORTS}:${role}${client}`;
  });
  return new TextEncoder().encode(`${lines.join("\n")}\nversion=0`);
}

/** Whether both hold the same bytes; null is no bytes at all. */
export function sameBytes(a: Uint8Array, b: Uint8Array | null): boolean {
  if (b === null || a.length !== b.length) return false;
  return a.every((octet, index) => octet === b[index]);
}
