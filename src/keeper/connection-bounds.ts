/**
 * How many clients may be connected to a replica, and how much each may ask at once. Source: ZooKeeper's maxCnxns,
 * maxClientCnxns and jute.maxbuffer.
 */
import type { ThrottleSettings } from "../base/throttle-settings.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { Connection } from "./connection.ts";

/** Nought stands for no bound, as in ZooKeeper. */
export interface ConnectionBounds {
  /** Connections of one replica, by whomever. */
  readonly maxConnections: number;
  /** Connections of one replica from one address; those of this machine itself are not counted. */
  readonly maxConnectionsPerAddress: number;
  /** Event streams of one replica that one caller may have; STREAMS_PER_CALLER_MAX unless set. */
  readonly maxStreamsPerCaller?: number | undefined;
  /** A request without its length: CLIENT_FRAME_BYTES_MAX unless set. Above it the connection is closed. */
  readonly requestBytesMax?: number;
  /** Calls under one token a second: as many as come unless set. */
  readonly callsPerToken?: number;
  /** THROTTLE_SETTINGS unless set. */
  readonly throttle?: ThrottleSettings;
}

/** Why one more connection is refused; undefined where it is not. */
export function refusalOf(
  { host }: Connection,
  table: ConnectionTable,
  bounds: ConnectionBounds,
): string | undefined {
  const { maxConnections, maxConnectionsPerAddress } = bounds;
  if (maxConnections > 0 && table.count >= maxConnections) return `there are ${table.count} connections`;
  if (maxConnectionsPerAddress === 0 || isLoopback(host)) return undefined;
  const count = table.countFrom(host);
  return count < maxConnectionsPerAddress ? undefined : `there are ${count} connections from its address`;
}

/** Whoever runs an ensemble on one machine has all its clients behind one address: the bound is against strangers. */
function isLoopback(host: string): boolean {
  return host === "::1" || /^(::ffff:)?127\./.test(host);
}
