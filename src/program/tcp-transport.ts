/** The SDK over TCP, to a ZooKeeper. */
import { connect as connectSocket } from "node:net";

import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import type { ConnectOptions } from "../client/options.ts";
import type { Transport } from "../client/transport.ts";
import { usageError } from "./exit-code.ts";
import { logIn } from "./reach.ts";

/** How long the first connection may take, in ms. */
const CONNECT_MS = 10_000;

/**
 * A session at a running ZooKeeper: `host:port,host:port`, as its other clients have it, logged in as
 * EDGEKEEPER_ZOOKEEPER_AUTH says.
 */
export async function zooKeeperSession(
  hosts: string,
  options: Pick<ConnectOptions, "timeoutMs"> = {},
): Promise<Client> {
  const list = hosts.split(",");
  if (!list.every((host) => /^(?:[\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}$/.test(host))) {
    throw usageError(`"${hosts}" is no host:port,host:port of a ZooKeeper`);
  }
  const client = await connect(list, { ...options, transport: tcpTransport, connectTimeoutMs: CONNECT_MS });
  await logIn(client, "EDGEKEEPER_ZOOKEEPER_AUTH");
  return client;
}

const tcpTransport: Transport = (endpoint, listener) => {
  const at = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const socket = connectSocket({ host, port: Number(endpoint.slice(at + 1)), noDelay: true });
  let isOver = false;
  const end = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    listener.onEnd(reason);
  };
  socket.on("connect", () => {
    if (!isOver) listener.onOpen();
  });
  socket.on("data", (bytes) => {
    if (!isOver) listener.onBytes(new Uint8Array(bytes));
  });
  socket.on("error", (error) => end(error.message));
  socket.on("close", () => end("closed"));
  return {
    send: (bytes) => void socket.write(bytes),
    close: () => {
      isOver = true;
      socket.destroy();
    },
  };
};
