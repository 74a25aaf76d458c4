/**
 * Plays a stream to one target and writes down, step by step, the frames that came back. One connection is asked at a
 * time; behind each step stands a question of our own on the same connection, whose answer says that all before it has
 * been answered. So nothing waits for time to pass, and what never comes is seen.
 */
import type { SessionId } from "../../src/base/ids.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteReader, JuteWriter } from "../../src/jute/archive.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage } from "../../src/jute/responses.ts";
import { respond } from "../keeper/sasl-client.ts";
import { encodeFrame, type Frame, type Hello, resolvePath, ROOT, type Step, type Stream } from "./stream.ts";
import { type Door, WireSocket } from "./wire-socket.ts";

/** What one step brought. */
export interface StepRecord {
  /** False where the slot had no connection to ask. */
  readonly wasConnected: boolean;
  /** Bodies, in order; those of our own questions are the last of their kind. */
  readonly frames: readonly Uint8Array[];
  readonly isClosed: boolean;
  /** Of a connect step: the answer to the handshake, or undefined where there was none. */
  readonly welcome?: Uint8Array | undefined;
  /** Frames on the other connections, fetched at once as their order among themselves is not told. */
  readonly others: readonly { readonly slot: number; readonly frames: readonly Uint8Array[] }[];
}

/** What a whole stream brought. */
export interface Transcript {
  readonly root: string;
  readonly records: readonly StepRecord[];
  /** What each slot's connection still had at the end. */
  readonly last: readonly StepRecord[];
  /** The sessions that were given out, in order, as (slot, id). */
  readonly sessions: readonly { readonly slot: number; readonly id: SessionId }[];
}

/** The xids of our own questions; the streams' own stay below. */
export const FENCE_XID = 0x7000_0000;

/** The names of streams' roots begin so. */
export const ROOT_PREFIX = "/d-";

/** A path that nobody makes. */
const FENCE_PATH = "@fence";

const SYNC_XID: number = FENCE_XID + 1;

interface Slot {
  socket: WireSocket | undefined;
  session: SessionId;
  password: Uint8Array;
  seen: Zxid;
  /** The last SASL challenge, and what a right server says to the answer that was sent. */
  challenge: string;
  proof: string;
  /** Whether another session may have changed something since this one's last sync. */
  isBehind: boolean;
}

/** Plays the stream under a root znode that must not be there yet. */
export async function play(stream: Stream, doors: readonly Door[], root: string): Promise<Transcript> {
  const player = new Player(stream, doors, root);
  try {
    await player.makeRoot();
    const records: StepRecord[] = [];
    for (const step of stream.steps) records.push(await player.step(step));
    const last = await player.finish();
    return { root, records, last, sessions: player.sessions };
  } finally {
    player.hangUp();
  }
}

class Player {
  readonly sessions: { readonly slot: number; readonly id: SessionId }[] = [];
  readonly #stream: Stream;
  readonly #doors: readonly Door[];
  readonly #root: string;
  readonly #slots: Slot[];
  readonly #sockets: WireSocket[] = [];

  constructor(stream: Stream, doors: readonly Door[], root: string) {
    this.#stream = stream;
    this.#doors = doors;
    this.#root = root;
    this.#slots = Array.from({ length: stream.slots }, () => ({
      socket: undefined,
      session: 0n,
      password: new Uint8Array(16),
      seen: ZXID_ZERO,
      challenge: "",
      proof: "",
      isBehind: true,
    }));
  }

  /** Makes the root znode in a session of its own. */
  async makeRoot(): Promise<void> {
    const socket = await this.#open(0);
    socket.write(
      helloBytes({ session: 0n, password: new Uint8Array(16), lastZxidSeen: ZXID_ZERO }, PLAIN_HELLO),
    );
    const [welcome] = await socket.take(() => true);
    if (welcome === undefined) throw new Error("no handshake for the session that makes the root");
    const create: ClientRequest = {
      op: "create",
      path: ROOT,
      data: new Uint8Array(0),
      acl: OPEN_ACL,
      flags: 0,
      ttlMs: 0,
    };
    socket.write(this.#encode({ kind: "request", xid: 1, request: create }));
    const [reply] = await socket.take(() => true);
    if (reply === undefined || new DataView(reply.buffer, reply.byteOffset).getInt32(12) !== 0) {
      throw new Error(`the root ${this.#root} could not be made`);
    }
    socket.write(this.#encode({ kind: "request", xid: 2, request: { op: "closeSession" } }));
    await socket.closed();
  }

  async step(step: Step): Promise<StepRecord> {
    const slot = this.#slot(step.slot);
    switch (step.kind) {
      case "connect":
        return await this.#connect(step, slot);
      case "drop":
      case "partial": {
        const wasConnected = slot.socket !== undefined;
        if (step.kind === "partial") slot.socket?.write(step.bytes);
        slot.socket?.end();
        slot.socket = undefined;
        return { wasConnected, frames: [], isClosed: wasConnected, others: [] };
      }
      case "send":
        return await this.#send(step, slot);
      default:
        return step satisfies never;
    }
  }

  /** Asks every connection for what it still has, and ends the sessions. */
  async finish(): Promise<readonly StepRecord[]> {
    const records: StepRecord[] = [];
    for (const slot of this.#slots) {
      const wasConnected = slot.socket !== undefined;
      const frames = await this.#fence(slot);
      records.push({ wasConnected, frames, isClosed: wasConnected && slot.socket === undefined, others: [] });
    }
    for (const slot of this.#slots) {
      slot.socket?.write(this.#encode({ kind: "request", xid: 1, request: { op: "closeSession" } }));
      await slot.socket?.closed();
    }
    return records;
  }

  /** Ends what is still open. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async #connect(step: Step & { readonly kind: "connect" }, slot: Slot): Promise<StepRecord> {
    const older = slot.socket;
    if (!step.isTakeover) older?.end();
    // A handshake that shows what other sessions did must not come before it is there.
    const socket = await this.#open(step.slot);
    const own = step.hello.claim === "new" ? NOBODY : slot;
    const lastZxidSeen = step.hello.claim === "new" ? ZXID_ZERO : slot.seen;
    const { password } = own;
    const session = step.hello.claim === "unknownSession" ? neverGiven(this.#root) : own.session;
    socket.write(helloBytes({ session, password, lastZxidSeen }, step.hello));
    const [welcome] = await socket.take(() => true);
    slot.isBehind = true;
    const accepted = welcome === undefined ? undefined : decodeConnectResponse(welcome);
    if (accepted !== undefined && accepted.timeoutMs > 0) {
      if (step.isTakeover) await older?.closed();
      slot.socket = socket;
      // A slot that never had a session asks for a new one by its session of nought.
      const { sessionId: id } = accepted;
      if (!this.sessions.some((session) => session.id === id)) this.sessions.push({ slot: step.slot, id });
      slot.session = accepted.sessionId;
      slot.password = Uint8Array.from(accepted.password ?? []);
      const frames = await this.#fence(slot);
      return { wasConnected: true, frames, isClosed: slot.socket === undefined, welcome, others: [] };
    }
    await socket.closed();
    if (!step.isTakeover) slot.socket = undefined;
    return { wasConnected: true, frames: [], isClosed: true, welcome, others: [] };
  }

  async #send(step: Step & { readonly kind: "send" }, slot: Slot): Promise<StepRecord> {
    if (slot.socket === undefined) return { wasConnected: false, frames: [], isClosed: false, others: [] };
    const early = await this.#catchUp(slot);
    for (const other of this.#slots) other.isBehind ||= other !== slot;
    const bytes = step.frames.map((frame) => this.#encode(answered(withSeen(frame, slot.seen), slot)));
    slot.socket?.write(Buffer.concat(bytes));
    const { awaited } = step;
    const frames = [...early];
    if (awaited !== undefined) {
      const path = resolvePath(awaited, this.#root);
      frames.push(...((await slot.socket?.take((frame) => isDeletion(frame, path))) ?? []));
    }
    frames.push(...(await this.#fence(slot)));
    // What hangs up late shows on the second question.
    if (step.frames.some(mayClose)) frames.push(...(await this.#fence(slot)));
    const isClosed = slot.socket === undefined;
    const others = step.frames.some(endsSession) ? await this.#fenceOthers(step.slot) : [];
    return { wasConnected: true, frames, isClosed, others };
  }

  /** Everything that came before the answer to a question of our own, and the answer. */
  async #fence(slot: Slot): Promise<readonly Uint8Array[]> {
    const { socket } = slot;
    if (socket === undefined) return [];
    const early = await this.#catchUp(slot);
    socket.write(
      this.#encode({
        kind: "request",
        xid: FENCE_XID,
        request: { op: "exists", path: FENCE_PATH, watch: false },
      }),
    );
    const frames = await socket.take((frame) => xidOf(frame) === FENCE_XID);
    for (const frame of frames) {
      slot.seen = later(slot.seen, zxidOf(frame));
      hearLogin(frame, slot);
    }
    if (socket.isClosed) slot.socket = undefined;
    return [...early, ...frames];
  }

  async #fenceOthers(besides: number): Promise<StepRecord["others"]> {
    const others: { slot: number; frames: readonly Uint8Array[] }[] = [];
    for (const [index, slot] of this.#slots.entries()) {
      if (index === besides || slot.socket === undefined) continue;
      others.push({ slot: index, frames: await this.#fence(slot) });
    }
    return others;
  }

  /** In a spread stream, waits until this session's replica has all that the other sessions did. */
  async #catchUp(slot: Slot): Promise<readonly Uint8Array[]> {
    if (!this.#stream.isSpread || !slot.isBehind || slot.socket === undefined) return [];
    slot.isBehind = false;
    slot.socket.write(this.#encode({ kind: "request", xid: SYNC_XID, request: { op: "sync", path: ROOT } }));
    const frames = await slot.socket.take((frame) => xidOf(frame) === SYNC_XID);
    return frames.filter((frame) => xidOf(frame) !== SYNC_XID);
  }

  async #open(slot: number): Promise<WireSocket> {
    const { isSpread, replica } = this.#stream;
    const door = this.#doors[(replica + (isSpread ? slot : 0)) % this.#doors.length];
    if (door === undefined) throw new Error("a target has a door");
    const socket = await WireSocket.open(door);
    this.#sockets.push(socket);
    return socket;
  }

  #encode(frame: Frame): Uint8Array {
    return encodeFrame(frame, this.#root);
  }

  #slot(index: number): Slot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new Error(`a stream of ${this.#slots.length} slots has no slot ${index}`);
    return slot;
  }
}

const NOBODY: { readonly session: SessionId; readonly password: Uint8Array } = {
  session: 0n,
  password: new Uint8Array(16),
};

const PLAIN_HELLO: Hello = { claim: "new", timeoutMs: 30_000, readOnly: false, protocolVersion: 0 };

function helloBytes(
  own: { readonly session: SessionId; readonly password: Uint8Array; readonly lastZxidSeen: Zxid },
  hello: Hello,
): Uint8Array {
  const writer = new JuteWriter();
  encodeConnectRequest(writer, {
    protocolVersion: hello.protocolVersion,
    lastZxidSeen: hello.claim === "ahead" ? { epoch: 0x7fff_fff0, counter: 0 } : own.lastZxidSeen,
    timeoutMs: hello.timeoutMs,
    sessionId: own.session,
    password: passwordFor(hello, own.password),
    readOnly: hello.readOnly,
  });
  return writer.take();
}

/**
 * A session that no server gave out. Each root has its own: ZooKeeper hangs up on a connection whose session another
 * one asks for, known or not, and streams are played at the same time.
 */
function neverGiven(root: string): SessionId {
  return 0x55_0000_0000n + BigInt(root.slice(ROOT_PREFIX.length));
}

function passwordFor(hello: Hello, password: Uint8Array): Uint8Array {
  if (hello.claim === "wrongPassword") return password.map((octet) => octet ^ 0xff);
  return hello.claim === "shortPassword" ? password.slice(0, 7) : password;
}

/** A setWatches compares with what its session has really seen, which differs between servers. */
function withSeen(frame: Frame, seen: Zxid): Frame {
  if (frame.kind !== "request" || frame.since !== "seen") return frame;
  const { request } = frame;
  if (request.op !== "setWatches" && request.op !== "setWatches2") return frame;
  return { ...frame, request: { ...request, relativeZxid: seen } };
}

/** A login becomes the answer to the connection's challenge. */
function answered(frame: Frame, slot: Slot): Frame {
  if (frame.kind !== "login") return frame;
  const { response, rspauth } = respond(slot.challenge, frame.saying);
  slot.proof = rspauth;
  const { length = response.length, at, to = "", tail = "" } = frame.twist;
  const cut = response.slice(0, length) + tail;
  const text = at === undefined ? cut : cut.slice(0, at % cut.length) + to + cut.slice((at % cut.length) + 1);
  return { kind: "request", xid: frame.xid, request: { op: "sasl", token: Buffer.from(text, "latin1") } };
}

/** Notes a challenge; and writes over a proof, which differs between servers, whether it is the right one. */
function hearLogin(frame: Uint8Array, slot: Slot): void {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  const text = bytes.subarray(20).toString("latin1");
  if (text.startsWith(`realm="`)) slot.challenge = text;
  if (text.startsWith("rspauth=")) bytes.write((text === slot.proof ? "right" : "wrong").padEnd(40, "."), 20);
}

function mayClose(frame: Frame): boolean {
  if (frame.kind !== "request") return true;
  return frame.request.op === "auth" || frame.request.op === "closeSession" || frame.request.op === "sasl";
}

function endsSession(frame: Frame): boolean {
  if (frame.kind === "opcode") return frame.type === -11;
  return frame.kind !== "bytes" && frame.kind !== "login" && frame.request.op === "closeSession";
}

function xidOf(frame: Uint8Array): number | undefined {
  return frame.length < 16 ? undefined : new JuteReader(frame).int();
}

/** Whether the frame is the event that the path is deleted. */
function isDeletion(frame: Uint8Array, path: string): boolean {
  if (xidOf(frame) !== -1) return false;
  const event = decodeServerMessage(frame, () => undefined);
  return event.kind === "event" && event.event.type === 2 && event.event.path === path;
}

function zxidOf(frame: Uint8Array): Zxid {
  if (frame.length < 16) return ZXID_ZERO;
  const reader = new JuteReader(frame);
  reader.int();
  const zxid = reader.zxid();
  return zxid.epoch > 0x7fff_ffff ? ZXID_ZERO : zxid;
}

function later(a: Zxid, b: Zxid): Zxid {
  return compareZxid(a, b) >= 0 ? a : b;
}
