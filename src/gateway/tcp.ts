/**
 * The TCP door: each port leads to one replica of the ensemble `main`. The Worker only forwards the stream; hosted
 * Workers take no inbound TCP yet, so this is the door of `npm start`.
 *
 * To forward a connection costs most of what a handshake costs, so a client waits here until it is its turn; and it is
 * here that one that hung up meanwhile is noticed, by reading ahead of what it sent first.
 */
import type { Sid } from "../base/ids.ts";
import { readMembers, sidsOf } from "../base/settings.ts";
import { replicaStub } from "../durable/entry.ts";
import { servesTcp } from "./access.ts";
import { Admission, type Place } from "./admission.ts";
import type { GatewayEnv } from "./documents.ts";
import { forwardTrunk } from "./trunk-door.ts";

/** The variable that pairs ports with replicas. */
export interface TcpEnv extends GatewayEnv {
  /** One port per voter, then per observer, in their order. */
  readonly TCP_PORTS?: string;
  /** "1" where what comes in are trunks of whoever listens on those ports, and nothing else can come. */
  readonly TRUNKS?: string;
}

/** Handshakes under way at a replica: enough for its batches, and done long before anybody's patience is. */
const HANDSHAKES_UNDER_WAY_MAX = 32;

/** Clients that wait for a replica: as many as a replica serves. */
const HANDSHAKES_WAITING_MAX = 10_000;

/** A handshake makes room after this long, done or not: its replica may have no leader, and others wait. */
const HANDSHAKE_PLACE_MS = 1000;

/** A client that says nothing for this long is forwarded without a place: replicas know what to do with it. */
const SILENCE_MS = 1000;

/** A four-letter word, whose sender may have closed its side already and still reads. */
const WORD_BYTES = 4;

type Chunk = ReadableStreamReadResult<Uint8Array>;

/** The door of one Worker. */
export class TcpDoor {
  readonly #admissions = new Map<Sid, Admission>();

  /** Forwards a client's stream to the replica of the port it came in on, until either side ends. */
  async forward(socket: Socket, env: TcpEnv): Promise<void> {
    const { localAddress, remoteAddress } = await socket.opened;
    const isTrunk = env.TRUNKS === "1";
    const sid = isTrunk ? undefined : sidOfPort(portOf(localAddress), env);
    if (!servesTcp(env) || (sid === undefined && !isTrunk)) {
      await socket.close();
      return;
    }
    if (sid === undefined) return await forwardTrunk(socket, env);
    const client = new ClientStream(socket);
    const place = await this.#place(sid, client);
    // To return is to hang up, and costs less than to say so: at a busy door most connections end here.
    if (place === undefined) return;
    const replica = replicaStub(env, { ensemble: "main", sid });
    // What is connected to is a name only: it tells the replica who its client is.
    const upstream = replica.connect(remoteAddress ?? "unknown:0");
    const timer = setTimeout(() => place.leave(), HANDSHAKE_PLACE_MS);
    const fromClient = client.pipeTo(upstream.writable as WritableStream<Uint8Array>);
    try {
      // The replica decides when a connection is over: all that it sent goes out before the client is hung up on.
      const toClient = pipeAnswers(upstream, socket, () => place.leave());
      await Promise.race([toClient, failureOf(fromClient)]);
    } catch {
      // One side vanished: the other is closed below.
    } finally {
      clearTimeout(timer);
      place.leave();
    }
    await Promise.allSettled([upstream.close(), socket.close(), fromClient]);
  }

  /** The client's place among the handshakes under way, once it is its turn; undefined where it is gone by then. */
  async #place(sid: Sid, client: ClientStream): Promise<Place | undefined> {
    const begun = await client.begin();
    if (begun === "gone") return undefined;
    if (begun === "silent") return { leave: () => undefined };
    let admission = this.#admissions.get(sid);
    if (admission === undefined) {
      const bounds = { underWayMax: HANDSHAKES_UNDER_WAY_MAX, waitingMax: HANDSHAKES_WAITING_MAX };
      admission = new Admission(bounds);
      this.#admissions.set(sid, admission);
    }
    const { promise, resolve } = Promise.withResolvers<"admitted" | "refused">();
    const place = admission.enter(resolve);
    const verdict = await Promise.race([promise, client.gone]);
    if (verdict === "admitted") return place;
    place.leave();
    return undefined;
  }
}

/** What a client sends: its first bytes are here before a replica is called, and one read more is under way. */
class ClientStream {
  readonly #readable: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #first: Promise<Chunk>;
  readonly #second: Promise<Chunk>;
  /** Settles once the client has hung up without waiting for an answer; not where it sent more. */
  readonly gone: Promise<"gone">;

  constructor(socket: Socket) {
    this.#readable = socket.readable as ReadableStream<Uint8Array>;
    this.#reader = this.#readable.getReader();
    this.#first = this.#reader.read();
    this.#second = this.#first.then((first) => (first.done ? first : this.#reader.read()));
    this.gone = this.#hangUp();
  }

  /** Waits for the first bytes, not for ever. */
  async begin(): Promise<"begun" | "silent" | "gone"> {
    const { promise, resolve } = Promise.withResolvers<"silent">();
    const timer = setTimeout(() => resolve("silent"), SILENCE_MS);
    try {
      const first = await Promise.race([this.#first, promise]);
      if (first === "silent") return first;
      return first.done ? "gone" : "begun";
    } catch {
      // It vanished before it said anything.
      return "gone";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends on all that the client sends, what is here already first. */
  async pipeTo(writable: WritableStream<Uint8Array>): Promise<void> {
    const writer = writable.getWriter();
    for (const read of [this.#first, this.#second]) {
      const chunk = await read;
      if (chunk.done) return writer.close();
      await writer.write(chunk.value);
    }
    writer.releaseLock();
    this.#reader.releaseLock();
    await this.#readable.pipeTo(writable);
  }

  async #hangUp(): Promise<"gone"> {
    const isOver = await this.#first
      .then(async (first) => {
        if (first.done) return true;
        const isWord = first.value.length === WORD_BYTES;
        const second = await this.#second;
        return second.done && !isWord;
      })
      // A stream that fails is over as well.
      .catch(() => true);
    return isOver ? "gone" : new Promise(() => undefined);
  }
}

/** Sends on all that the replica sends; says when its first bytes, or its end, are there. */
async function pipeAnswers(upstream: Socket, socket: Socket, onAnswer: () => void): Promise<void> {
  const readable = upstream.readable as ReadableStream<Uint8Array>;
  const reader = readable.getReader();
  const first = await reader.read();
  onAnswer();
  if (first.done) return;
  const writer = (socket.writable as WritableStream<Uint8Array>).getWriter();
  await writer.write(first.value);
  writer.releaseLock();
  reader.releaseLock();
  await readable.pipeTo(socket.writable as WritableStream<Uint8Array>);
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
