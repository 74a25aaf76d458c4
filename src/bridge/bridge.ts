/**
 * TCP ports for ZooKeeper's clients in front of a deployment, which takes no TCP: each leads to one of its replicas, by
 * the WebSocket door. What came over a port has the rights of the token that the bridge shows.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";

import { ForbiddenError, HttpProblemError } from "../client/http/http-errors.ts";
import { NoAuthError } from "../client/errors.ts";
import { ClientLink, type LinkEnd } from "./client-link.ts";
import { Door, type DoorAddress, type DoorReplica } from "./door.ts";

/** What is bridged, and how. */
export interface BridgeOptions extends DoorAddress {
  /** The address that the ports are opened on. */
  readonly host: string;
  /** Undefined for 2181 and those behind it, one a replica. */
  readonly ports: readonly number[] | undefined;
  /** Whether pings are answered here while the replica lives, or passed to it. */
  readonly answersPings: boolean;
  /** Where clients are to speak TLS: certificate and key, as PEM. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly onEvent: (event: BridgeEvent) => void;
}

/** What happens on a bridge, as far as its operator should know. */
export interface BridgeEvent {
  readonly event: LinkEnd;
  readonly port: number;
  readonly detail: string;
}

/** An open port. */
export interface BridgePort {
  readonly port: number;
  /** Undefined where the door does not say who is behind it: then each client gets the nearest. */
  readonly replica: DoorReplica | undefined;
}

/** A bridge that is open. */
export interface Bridge {
  readonly ports: readonly BridgePort[];
  /** Clients that are connected now. */
  readonly clients: number;
  /** Hangs up on all, and closes the ports. */
  close(): Promise<void>;
}

const PORT_FIRST = 2181;

/** Ports that are opened where nobody says how many replicas there are. */
const PORTS_UNKNOWN = 3;

/** How often links are looked at, in ms. */
const LOOK_MS = 200;

/** Opens it. Throws where a port is taken, and the SDK's errors where the door does not answer or refuses. */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const door = new Door(options);
  const replicas = await knownReplicas(door);
  const count = replicas.length === 0 ? PORTS_UNKNOWN : replicas.length;
  const numbers = options.ports ?? Array.from({ length: count }, (_, index) => PORT_FIRST + index);
  const ports = numbers.map((port, index) => {
    return { port, replica: replicas.length === 0 ? undefined : replicas[index % replicas.length] };
  });
  const links = new Set<ClientLink>();
  const servers: Server[] = [];
  const opened: BridgePort[] = [];
  try {
    for (const place of ports) {
      const server = serverOf(options, (socket) => serve({ socket, door, options, place, links }));
      servers.push(server);
      server.listen({ host: options.host, port: place.port });
      await once(server, "listening");
      opened.push({ ...place, port: portOf(server) });
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  const look = setInterval(() => {
    const nowMs = performance.now();
    for (const link of links) link.look(nowMs);
  }, LOOK_MS);
  return {
    ports: opened,
    get clients() {
      return links.size;
    },
    async close() {
      clearInterval(look);
      const closed = servers.map(async (server) => {
        const end = once(server, "close");
        server.close();
        await end;
      });
      for (const link of links) link.close();
      await Promise.all(closed);
    },
  };
}

/** Voters first, as their ports stand under npm start; none where the token may not know. */
async function knownReplicas(door: Door): Promise<readonly DoorReplica[]> {
  try {
    const replicas = await door.replicas();
    const rank = ({ role, sid }: DoorReplica): number => (role === "observer" ? 1000 : 0) + sid;
    return [...replicas].sort((a, b) => rank(a) - rank(b));
  } catch (error) {
    // A token that may not know who the replicas are may be served by them all the same.
    const isForbidden = error instanceof ForbiddenError || error instanceof NoAuthError;
    if (isForbidden || (error instanceof HttpProblemError && error.status === 403)) return [];
    throw error;
  }
}

function serverOf({ tls }: BridgeOptions, onSocket: (socket: Socket) => void): Server {
  // Who has said all may still wait for an answer; nothing is read before there is somebody to read it to.
  const options = { allowHalfOpen: true, pauseOnConnect: true };
  if (tls === undefined) return createServer(options, onSocket);
  return createSecureServer({ ...options, pauseOnConnect: false, ...tls }, onSocket).on(
    "tlsClientError",
    () => undefined,
  );
}

function serve(parts: {
  readonly socket: Socket;
  readonly door: Door;
  readonly options: BridgeOptions;
  readonly place: BridgePort;
  readonly links: Set<ClientLink>;
}): void {
  const { socket, door, options, place, links } = parts;
  const link = new ClientLink({
    socket,
    door,
    sid: place.replica?.sid,
    answersPings: options.answersPings,
    onEnd: (end, detail) => {
      links.delete(link);
      if (end !== undefined) options.onEvent({ event: end, port: place.port, detail });
    },
  });
  links.add(link);
  link.serve().catch((error: unknown) => {
    link.close();
    throw error;
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}
