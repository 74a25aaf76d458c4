/** Plays a recording to an ensemble: the same frames in the same order, and what the clients are told now. */
import { JuteReader, JuteWriter } from "../../../src/jute/archive.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import {
  type ConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../../src/jute/handshake.ts";
import { XIDS } from "../../../src/jute/opcodes.ts";
import { type ClientRequest, encodeRequest } from "../../../src/jute/requests.ts";
import { type Door, WireSocket } from "../../differential/wire-socket.ts";
import { framed } from "./framed.ts";
import { normalise, shapeOf, WRITES } from "./normalise.ts";
import type { KeptLine, Line, Recording } from "./recording.ts";

/** How often connections that wait say that they are there, in ms: recorded clients' own pings are not played. */
const PING_MS = 500;

/** Where zxid, session and password stand in a handshake. */
const HELLO = { zxid: 4, session: 16, password: 28 } as const;

/** Where a setWatches tells the last zxid that its client has seen. */
const SET_WATCHES_ZXID = 8;

interface Session {
  readonly id: bigint;
  readonly password: Uint8Array;
  seen: bigint;
}

/** Plays it with connections on all doors in turn; gives the same lines with what was told this time. */
export async function replay(recording: Recording, doors: readonly Door[]): Promise<readonly KeptLine[]> {
  const player = new Player(doors);
  try {
    const lines: Line[] = [];
    for (const line of recording.lines) lines.push(await player.play(line));
    return normalise(lines);
  } finally {
    player.hangUp();
  }
}

class Player {
  readonly #doors: readonly Door[];
  readonly #connections = new Map<number, WireSocket>();
  /** Of each connection. */
  readonly #sessions = new Map<number, Session>();
  /** In the order in which they began: a recorded handshake has the number, from 1, of the session it returns to. */
  readonly #numbered: Session[] = [];
  readonly #fences = new Map<number, WireSocket>();
  /** Doors whose replica may not have what was done at another one. */
  readonly #behind = new Set<number>();
  readonly #pings: NodeJS.Timeout;

  constructor(doors: readonly Door[]) {
    this.#doors = doors;
    this.#pings = setInterval(() => this.#pingAll(), PING_MS);
  }

  async play(line: KeptLine): Promise<Line> {
    const { c } = line;
    if ("hello" in line) {
      await this.#open(c, line.hello);
      return line;
    }
    const socket = this.#connections.get(c);
    if (socket === undefined) throw new Error(`a recording has no connection ${c} here`);
    if ("ask" in line) {
      await this.#level(c);
      socket.write(framed(this.#current(c, line.ask)));
      if (changes(line.ask)) this.#othersAreBehind(c);
      return line;
    }
    if ("told" in line) {
      const frame = await nextFrame(socket);
      // A server that hung up instead is shown by what is missing.
      if (frame === undefined) return { c, closed: true };
      this.#hear(c, frame);
      return { c, told: frame };
    }
    if ("gone" in line) socket.end();
    else await socket.closed();
    this.#connections.delete(c);
    return line;
  }

  hangUp(): void {
    clearInterval(this.#pings);
    for (const socket of [...this.#connections.values(), ...this.#fences.values()]) socket.end();
  }

  async #open(c: number, hello: Uint8Array): Promise<void> {
    await this.#level(c);
    const socket = await WireSocket.open(this.#door(c));
    this.#connections.set(c, socket);
    const frame = Buffer.from(hello);
    const session = this.#numbered[Number(frame.readBigUInt64BE(HELLO.session)) - 1];
    frame.writeBigInt64BE(session?.seen ?? 0n, HELLO.zxid);
    if (session !== undefined) {
      frame.writeBigUInt64BE(session.id, HELLO.session);
      frame.set(session.password, HELLO.password);
    }
    socket.write(framed(frame));
  }

  #hear(c: number, frame: Uint8Array): void {
    const session = this.#sessions.get(c);
    if (session !== undefined) {
      const zxid = zxidOf(frame);
      if (zxid > session.seen) session.seen = zxid;
      return;
    }
    const { timeoutMs, sessionId, password } = decodeConnectResponse(frame);
    if (timeoutMs === 0) return;
    const known = this.#numbered.find(({ id }) => id === sessionId);
    const greeted = known ?? { id: sessionId, password: Uint8Array.from(password ?? []), seen: 0n };
    if (known === undefined) this.#numbered.push(greeted);
    this.#sessions.set(c, greeted);
  }

  /** The request as its client would send it to this ensemble. */
  #current(c: number, ask: Uint8Array): Uint8Array {
    const shape = shapeOf(ask);
    if (shape !== "setWatches" && shape !== "setWatches2") return ask;
    const frame = Buffer.from(ask);
    frame.writeBigInt64BE(this.#sessions.get(c)?.seen ?? 0n, SET_WATCHES_ZXID);
    return frame;
  }

  /** Waits until the replica behind this connection's door has all that was done at another one. */
  async #level(c: number): Promise<void> {
    const index = this.#doorOf(c);
    if (!this.#behind.delete(index)) return;
    const fence = this.#fences.get(index) ?? (await this.#openFence(c));
    this.#fences.set(index, fence);
    fence.write(requestBytes(FENCE_XID, { op: "sync", path: "/" }));
    const frames = await fence.take((frame) => xidOf(frame) === FENCE_XID);
    if (fence.isClosed) throw new Error(`a replica hung up after ${frames.length} frames`);
  }

  #othersAreBehind(c: number): void {
    for (const index of this.#doors.keys()) if (index !== this.#doorOf(c)) this.#behind.add(index);
  }

  async #openFence(c: number): Promise<WireSocket> {
    const fence = await WireSocket.open(this.#door(c));
    const writer = new JuteWriter();
    encodeConnectRequest(writer, FENCE_HELLO);
    fence.write(writer.take());
    await fence.take(() => true);
    return fence;
  }

  #pingAll(): void {
    const greeted = [...this.#connections].filter(([c]) => this.#sessions.has(c));
    const ping = requestBytes(XIDS.ping, { op: "ping" });
    for (const socket of [...greeted.map(([, one]) => one), ...this.#fences.values()]) socket.write(ping);
  }

  #doorOf(c: number): number {
    return c % this.#doors.length;
  }

  #door(c: number): Door {
    const door = this.#doors[this.#doorOf(c)];
    if (door === undefined) throw new Error("an ensemble has a door");
    return door;
  }
}

const FENCE_XID = 1;

const FENCE_HELLO: ConnectRequest = {
  protocolVersion: 0,
  lastZxidSeen: ZXID_ZERO,
  timeoutMs: 30_000,
  sessionId: 0n,
  password: new Uint8Array(16),
  readOnly: false,
};

function changes(ask: Uint8Array): boolean {
  const shape = shapeOf(ask);
  return WRITES.has(shape) || shape === "closeSession";
}

/** The next that is no answer to a ping of ours; undefined where the server has hung up. */
async function nextFrame(socket: WireSocket): Promise<Uint8Array | undefined> {
  for (;;) {
    const [frame] = await socket.take(() => true);
    if (frame === undefined || xidOf(frame) !== XIDS.ping) return frame;
  }
}

function requestBytes(xid: number, request: ClientRequest): Uint8Array {
  const writer = new JuteWriter();
  encodeRequest(writer, xid, request);
  return writer.take();
}

function xidOf(frame: Uint8Array): number {
  return new JuteReader(frame).int();
}

function zxidOf(frame: Uint8Array): bigint {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.length).readBigInt64BE(4);
}
