/** The SDK over TCP, as ZooKeeper's own servers and the TCP doors of an ensemble speak. */
import { connect as connectSocket } from "node:net";

import type { Transport } from "../client/transport.ts";

/** Opens `host:port`; an IPv6 address stands in brackets. */
export const tcpTransport: Transport = (endpoint, listener) => {
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
