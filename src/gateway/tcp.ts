/**
 * The TCP door: each port leads to one replica of the ensemble `main`. The Worker only forwards the stream; hosted
 * Workers take no inbound TCP yet, so this is the door of `npm start`.
 */
import { replicaStub } from "../durable/links.ts";
import { readVoters } from "../durable/settings.ts";
import { servesTcp } from "./access.ts";
import type { GatewayEnv } from "./app.ts";

/** The variable that pairs ports with voters. */
export interface TcpEnv extends GatewayEnv {
  /** One port per voter, in their order. */
  readonly TCP_PORTS?: string;
}

/** Forwards a client's stream to the replica of the port it came in on, until either side ends. */
export async function forwardTcp(socket: Socket, env: TcpEnv): Promise<void> {
  const { localAddress, remoteAddress } = await socket.opened;
  const sid = sidOfPort(portOf(localAddress), env);
  if (sid === undefined || !servesTcp(env)) {
    await socket.close();
    return;
  }
  const replica = replicaStub(env.REPLICA, { ensemble: "main", sid });
  // What is connected to is a name only: it tells the replica who its client is.
  const upstream = replica.connect(remoteAddress ?? "unknown:0");
  await Promise.all([
    forward(socket.readable, upstream.writable, upstream),
    forward(upstream.readable, socket.writable, socket),
  ]);
}

/** Copies until the end; a failure on one side must end the other, or a dead client would hold its replica. */
async function forward(from: ReadableStream, to: WritableStream, other: Socket): Promise<void> {
  try {
    await from.pipeTo(to);
  } catch {
    await other.close().catch(() => undefined);
  }
}

function portOf(address: string | undefined): number {
  return Number(address?.slice(address.lastIndexOf(":") + 1));
}

function sidOfPort(port: number, env: TcpEnv): number | undefined {
  const ports = (env.TCP_PORTS ?? "").split(",").map(Number);
  const index = ports.indexOf(port);
  return index === -1 ? undefined : readVoters(env.VOTERS)[index];
}
