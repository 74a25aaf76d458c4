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
  /** Takes what keeps clients out. */
  readonly warn: (line: string) => void;
}

/** See the file's comment. */
export class TrunkDoor {
  readonly #place: TrunkDoorPlace;
  readonly #server: Server;
  readonly #links = new Set<TrunkLink>();
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(place: TrunkDoorPlace) {
    this.#place = place;
    // Who has said all may still wait for the answer to a four-letter word.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#serve(client));
  }

  /** Opens the port, on loopback. Rejects where it is taken. */
  async open(): Promise<void> {
    this.#server.listen({ port: this.#place.port, host: "127.0.0.1", backlog: BACKLOG });
    await once(this.#server, "listening");
    this.#server.on("error", (error) => this.#refused(error));
  }

  /** Closes the port and hangs up on all. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const link of this.#links) link.close();
    await closed;
  }

  /** A client could not be let in: there are as many open files as there may be, say. Others are served. */
  #refused(error: Error): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedMs < WARN_AGAIN_MS) return;
    this.#warnedMs = nowMs;
    this.#place.warn(`port ${this.#place.port} cannot take a client: ${error.message}`);
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

/** What goes on is told this often, in ms. */
const WARN_AGAIN_MS = 10_000;

/** Clients that come at once, and are not accepted yet. */
const BACKLOG = 4096;
