/**
 * The TCP ports of an ensemble on this machine. Each leads to one replica, over one trunk for all of its clients
 * (src/trunk/frames.ts): a stream to a Durable Object costs the runtime some fifty microseconds of processor time for
 * each piece that passes, which here all clients share that speak at the same moment.
 *
 * A trunk is opened for the first client, and closed some time after the last: a replica sleeps only where nothing is
 * connected. Where it breaks, or its process is away, clients are hung up on, who then go to another replica.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

import { TrunkLink } from "./trunk-link.ts";

/** A port, and where it leads. */
export interface TrunkDoorPlace {
  readonly port: number;
  readonly sid: number;
  /** The path of the socket on which the process of the replica takes trunks. */
  readonly socketFile: string;
}

/** See the file's comment. */
export class TrunkDoor {
  readonly #place: TrunkDoorPlace;
  readonly #server: Server;
  readonly #links = new Set<TrunkLink>();

  constructor(place: TrunkDoorPlace) {
    this.#place = place;
    // Who has said all may still wait for the answer to a four-letter word.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#serve(client));
  }

  /** Opens the port, on loopback. Rejects where it is taken. */
  async open(): Promise<void> {
    this.#server.listen({ port: this.#place.port, host: "127.0.0.1", backlog: BACKLOG });
    await once(this.#server, "listening");
  }

  /** Closes the port and hangs up on all. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const link of this.#links) link.close();
    await closed;
  }

  #serve(client: Socket): void {
    const link = [...this.#links].find((one) => one.isOpen) ?? this.#link();
    link.serve(client);
  }

  #link(): TrunkLink {
    const { sid, socketFile } = this.#place;
    const link = new TrunkLink({ sid, socketFile, onEnd: () => this.#links.delete(link) });
    this.#links.add(link);
    return link;
  }
}

/** Clients that come at once, and are not accepted yet. */
const BACKLOG = 4096;
