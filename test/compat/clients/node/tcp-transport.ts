/** The SDK over TCP, as ZooKeeper's own servers speak: for tests, which run the recipes against those, too. */
import { connect as connectSocket } from "node:net";
import type { Channel, ChannelListener, Transport } from "../../../../src/client/transport.ts";

/** Opens `host:port`. */
export const tcpTransport: Transport = (endpoint: string, listener: ChannelListener): Channel => {
  const at = endpoint.lastIndexOf(":");
  const socket = connectSocket({ host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) });
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
