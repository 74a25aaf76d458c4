/**
 * The TCP door: each port leads to one replica of the ensemble `main`. The Worker only forwards the stream; hosted
 * Workers take no inbound TCP yet, so this is the door of `npm start`.
 */
import { replicaStub } from "../durable/entry.ts";
import { readMembers, sidsOf } from "../base/settings.ts";
import { servesTcp } from "./access.ts";
import type { GatewayEnv } from "./app.ts";

/** The variable that pairs ports with replicas. */
export interface TcpEnv extends GatewayEnv {
  /** One port per voter, then per observer, in their order. */
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
  const fromClient = socket.readable.pipeTo(upstream.writable);
  try {
    // The replica decides when a connection is over: all that it sent goes out before the client is hung up on.
    await Promise.race([upstream.readable.pipeTo(socket.writable), failureOf(fromClient)]);
  } catch {
    // One side vanished: the other is closed below.
  }
  await Promise.allSettled([upstream.close(), socket.close(), fromClient]);
}

/** Settles only if the work fails. */
async function failureOf(work: Promise<void>): Promise<never> {
  await work;
  return new Promise(() => undefined);
}

function portOf(address: string | undefined): number {
  return Number(address?.slice(address.lastIndexOf(":") + 1));
}

function sidOfPort(port: number, env: TcpEnv): number | undefined {
  const ports = (env.TCP_PORTS ?? "").split(",").map(Number);
  const index = ports.indexOf(port);
  return index === -1 ? undefined : sidsOf(readMembers(env))[index];
}
