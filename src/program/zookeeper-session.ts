/** Sessions at `host:port,host:port`, as ZooKeeper's clients have it: of a ZooKeeper, or of an ensemble's TCP doors. */
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import type { ConnectOptions } from "../client/options.ts";
import { usageError } from "./exit-code.ts";
import { logIn } from "./reach.ts";
import { tcpTransport } from "./tcp-transport.ts";

/** How long the first connection may take, in ms. */
const CONNECT_MS = 10_000;

/** Reads the list. Throws a usage error. */
export function hostsIn(text: string): readonly string[] {
  const list = text.split(",");
  if (list.every((host) => /^(?:[\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}$/.test(host))) return list;
  throw usageError(`"${text}" is no host:port,host:port, as ZooKeeper's clients have it`);
}

/** A session at a running ZooKeeper, logged in as EDGEKEEPER_ZOOKEEPER_AUTH says. Throws the SDK's errors. */
export async function zooKeeperSession(
  hosts: string,
  options: Pick<ConnectOptions, "timeoutMs"> = {},
): Promise<Client> {
  const how = { ...options, transport: tcpTransport, connectTimeoutMs: CONNECT_MS };
  const client = await connect(hostsIn(hosts), how);
  await logIn(client, "EDGEKEEPER_ZOOKEEPER_AUTH");
  return client;
}
