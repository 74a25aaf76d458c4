/**
 * One client's connection as the keeper sees it: bytes in, requests in their order, bytes out at the end of a turn.
 */
import type { Identity } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import { CLIENT_FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Request, WriteRequest } from "../base/request.ts";
import { THROTTLE_SETTINGS } from "../base/throttle-settings.ts";
import { ZXID_ZERO } from "../base/zxid.ts";
import { FrameDecoder } from "../jute/framing.ts";
import type { ConnectRequest } from "../jute/handshake.ts";
import { JuteWriter } from "../jute/archive.ts";
import {
  CONNECTION_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  FORWARD_ATTEMPTS_MAX,
  OUTPUT_WINDOW_BYTES,
  PENDING_OVERHEAD_BYTES,
  PENDING_REQUESTS_MAX,
  PENDING_REQUESTS_RESUME,
  SHARE_BYTES,
} from "./limits.ts";
import { type Scope, UNBOUNDED } from "../tree/scope.ts";
import type { ConnectionBounds } from "./connection-bounds.ts";
import type { Allowance } from "./client-memory.ts";
import { ConnectionStats } from "./connection-stats.ts";
import type { Generation } from "./link-message.ts";
import type { SaslExchange } from "./sasl.ts";
import { hexText } from "./sasl-text.ts";
import type { ConnectionStatus } from "./status.ts";

/** The shell's number for a connection. */
export type ConnectionId = number;

/** A piece of what a client sends, cut anywhere. */
export interface ReceivedBytes {
  readonly connection: ConnectionId;
  readonly bytes: Uint8Array;
}

/** What a connection's transport has taken of what was sent. */
export interface SentOut {
  readonly connection: ConnectionId;
  readonly bytes: number;
}

/** What is answered in its place in the order, without the leader; logins have no place. */
export type LocalRequest = Exclude<Request, WriteRequest | { readonly op: "auth" | "sasl" }>;

/** A request whose reply is still to come, in the order of arrival. */
export type Pending =
  /** On its way through the log; `sent` once it left for the leader of the present reign. */
  | {
      readonly kind: "write";
      readonly xid: number;
      readonly serial: number;
      readonly request: WriteRequest;
      readonly bytes: number;
      readonly arrivedMs: number;
      sent: boolean;
      /** To how many leaders it was sent. */
      attempts: number;
    }
  /** Answered here, once every write before it is. */
  | {
      readonly kind: "local";
      readonly xid: number;
      readonly request: LocalRequest;
      readonly bytes: number;
      /** What its reply will take, by a guess. */
      readonly replyBytes: number;
      readonly arrivedMs: number;
    }
  /** Refused, in its place in the order: what it asked for is unknown, unreadable, no read, or has waited too long. */
  | {
      readonly kind: "refused";
      readonly xid: number;
      readonly reason: "unimplemented" | "marshallingError" | "notReadOnly" | "throttledOp";
      readonly bytes: number;
      readonly arrivedMs: number;
    }
  /** The end of a session of this replica alone. */
  | { readonly kind: "farewell"; readonly xid: number; readonly bytes: number; readonly arrivedMs: number };

/** A write that waits for the log. */
export type PendingWrite = Pending & { readonly kind: "write" };

/**
 * `fresh`: nothing read yet. `waiting`: has asked to connect, and this replica does not serve or lags behind what the
 * client saw. `creating`, `attaching`: the leader is asked. `open`: requests are taken.
 * `parked`: the replica fell asleep over it, and knows its session and no more. `called`: its client was told to
 * connect again.
 */
export type ConnectionState = "fresh" | "waiting" | "creating" | "attaching" | "open" | "parked" | "called";

/** What the shell knows of a connection when it opens. */
export interface ConnectionOpening {
  readonly id: ConnectionId;
  /** `ip:port`, or `[ip]:port`. */
  readonly remoteAddress: string;
  readonly transport: "tcp" | "websocket";
  /** Whether its client knows what dozing is, and its socket outlives the object's time in memory. */
  readonly parks?: boolean;
  /** What the platform has proven the client to be, besides its address. */
  readonly identities?: readonly Identity[];
  /** 48 random bytes: 24 for a session's id and password, should one be created, and 20 for a login's nonce. */
  readonly entropy: Uint8Array;
}

/** What a connection makes this replica hold: bytes of requests, of output, of large requests, and requests. */
export interface Counted {
  readonly requests: number;
  readonly output: number;
  readonly large: number;
  readonly pending: number;
}

/** Of a connection that is new, or gone. */
export const NOTHING_COUNTED: Counted = { requests: 0, output: 0, large: 0, pending: 0 };

/** Mutable by the door alone. */
export class Connection {
  readonly opening: ConnectionOpening;
  readonly decoder: FrameDecoder;
  readonly out: JuteWriter = new JuteWriter();
  readonly openedMs: number;
  /** The client's address, without its port. */
  readonly host: string;
  state: ConnectionState = "fresh";
  hello: ConnectRequest | undefined;
  waitingSinceMs: number;
  attachSerial = 0;
  session: SessionId | undefined;
  password: Uint8Array = new Uint8Array(0);
  generation: Generation = ZXID_ZERO;
  timeoutMs = 0;
  identities: readonly Identity[];
  /** What its client may touch at most. */
  scope: Scope = UNBOUNDED;
  sasl: SaslExchange | undefined;
  /** Its session is of this replica alone, which serves reads without a leader. */
  isReadOnly = false;
  readonly stats: ConnectionStats = new ConnectionStats();
  heardMs: number;
  reading = true;
  /** Its client was told that it need not ping, and has asked for nothing since. */
  isDozing = false;
  /** It was parked, and has asked for nothing since it is back. */
  isBack = false;
  /** When it asked for something last, and was told last that it may doze. */
  askedMs: number;
  dozeToldMs = 0;
  /** When the runtime answered a ping of its client last, as of the last look. */
  pongedMs: number | undefined;
  /** Of one that is parked: see ParkedConnection. */
  parkedSinceMs: number | undefined;
  /** Frames are being taken from the decoder: what that leads to must not begin to take them again. */
  isDraining = false;
  /** A write waits here until the reads before it are answered; so do all writes behind it. */
  holdsWrites = false;
  /** What was last counted of what it holds, in bytes. */
  counted: Counted = NOTHING_COUNTED;
  #pending: Pending[] = [];
  #head = 0;
  #pendingBytes = 0;
  #replyBytes = 0;
  readonly #largeThreshold: number;
  #largeBytes = 0;
  #undecided = 0;
  #unsentBytes = 0;
  #isClogged = false;
  #lastSentMs = 0;

  constructor(
    opening: ConnectionOpening,
    nowMs: number,
    bounds: Pick<ConnectionBounds, "requestBytesMax" | "throttle"> = {},
  ) {
    this.opening = opening;
    const { requestBytesMax = CLIENT_FRAME_BYTES_MAX, throttle = THROTTLE_SETTINGS } = bounds;
    this.#largeThreshold = throttle.largeBytes === 0 ? Infinity : throttle.largeBytes;
    this.decoder = new FrameDecoder(requestBytesMax);
    this.openedMs = nowMs;
    this.heardMs = nowMs;
    this.askedMs = nowMs;
    this.waitingSinceMs = nowMs;
    this.host = hostOf(opening.remoteAddress);
    this.identities = [{ scheme: "ip", id: this.host }, ...(opening.identities ?? [])];
  }

  /** A text of random characters that no other connection has, and that may be told. */
  get nonce(): string {
    return hexText(this.opening.entropy.subarray(28));
  }

  /** Requests not answered yet. */
  get pendingCount(): number {
    return this.#pending.length - this.#head;
  }

  /** The oldest unanswered request. */
  first(): Pending | undefined {
    return this.#pending[this.#head];
  }

  /** Queues a request behind those before it. */
  enqueue(pending: Pending): void {
    this.#pending.push(pending);
    this.#pendingBytes += pending.bytes;
    if (this.isLarge(pending.bytes)) this.#largeBytes += pending.bytes;
    if (pending.kind === "local") this.#replyBytes += pending.replyBytes;
  }

  /** Whether a request of so many bytes is a large one. */
  isLarge(bytes: number): boolean {
    return bytes > this.#largeThreshold;
  }

  /**
   * Refuses, each in its place, writes that came before a time and have left for no leader. Sessions begin and end
   * whatever else has to wait, as in ZooKeeper (Request.isThrottlable).
   */
  refuseUnsent(cameBeforeMs: number): readonly PendingWrite[] {
    const refused: PendingWrite[] = [];
    for (let index = this.#head; index < this.#pending.length; index++) {
      const pending = this.#pending[index];
      if (pending?.kind !== "write" || pending.attempts > 0 || pending.arrivedMs >= cameBeforeMs) continue;
      if (pending.request.op === "createSession" || pending.request.op === "closeSession") continue;
      const { xid, bytes, arrivedMs } = pending;
      this.#pending[index] = { kind: "refused", reason: "throttledOp", xid, bytes, arrivedMs };
      refused.push(pending);
    }
    return refused;
  }

  /** A write leaves for a leader. */
  forwarded(pending: PendingWrite): void {
    pending.sent = true;
    if (pending.attempts === 0) this.#undecided++;
    pending.attempts++;
  }

  /** Whether a write may be on its way through the log: what stands before it cannot wait longer than it does. */
  get hasUndecidedWrites(): boolean {
    return this.#undecided > 0;
  }

  /** Whether a write may leave now: the replies to the reads before it find room before it is delivered. */
  get mayForward(): boolean {
    return !this.holdsWrites && this.fitsWindow(this.#replyBytes);
  }

  /** Whether replies of so many bytes find room. */
  fitsWindow(replyBytes: number): boolean {
    return replyBytes === 0 || this.outputBytes + replyBytes <= OUTPUT_WINDOW_BYTES;
  }

  /** Drops the oldest request: it is being answered. */
  shift(): void {
    const first = this.#pending[this.#head];
    if (first === undefined) return;
    this.#head++;
    this.#pendingBytes -= first.bytes;
    if (this.isLarge(first.bytes)) this.#largeBytes -= first.bytes;
    if (first.kind === "local") this.#replyBytes -= first.replyBytes;
    else if (first.kind === "write" && first.attempts > 0) this.#undecided--;
    // Emptied or half empty: give the array back, so that a long-lived connection does not grow for ever.
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#pending.length) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The unanswered requests, oldest first. */
  *pending(): Generator<Pending> {
    for (let index = this.#head; index < this.#pending.length; index++) {
      const pending = this.#pending[index];
      if (pending !== undefined) yield pending;
    }
  }

  /** The unanswered writes, oldest first. */
  *pendingWrites(): Generator<PendingWrite> {
    for (const pending of this.pending()) if (pending.kind === "write") yield pending;
  }

  /** Whether a write went to as many leaders as a write may. */
  hasTriedTooOften(): boolean {
    for (const { attempts } of this.pendingWrites()) if (attempts >= FORWARD_ATTEMPTS_MAX) return true;
    return false;
  }

  /** Whether nothing of it is under way, in neither direction. */
  get isIdle(): boolean {
    return this.pendingCount === 0 && this.outputBytes === 0 && this.decoder.bufferedBytes === 0;
  }

  /** Whether frames are taken, and the socket read, in its present state. */
  takesFrames(allowance: Allowance): boolean {
    if (this.state === "fresh") return true;
    if (this.state !== "open" || !this.#hasRoom(allowance.pendingBytes)) return false;
    // Where nothing is answered at all, those that are owed little are still heard: their pings and writes count.
    return this.outputBytes <= Math.max(allowance.windowBytes, SHARE_BYTES);
  }

  /** Whether it may ask for more: with hysteresis, so that its socket is not switched for each request. */
  #hasRoom(pendingBytesMax: number): boolean {
    if (this.#pendingBytes > pendingBytesMax) return false;
    const limit = this.reading ? PENDING_REQUESTS_MAX : PENDING_REQUESTS_RESUME;
    return this.pendingCount < limit;
  }

  /** Whether it makes us hold more than any connection may. */
  get isFlooding(): boolean {
    return this.requestBytes > CONNECTION_BYTES_MAX;
  }

  /** Output that the client's transport has not taken yet. */
  get outputBytes(): number {
    return this.#unsentBytes + this.out.length;
  }

  /** Its requests, and the bytes behind them. */
  get requestBytes(): number {
    return this.#pendingBytes + this.pendingCount * PENDING_OVERHEAD_BYTES + this.decoder.bufferedBytes;
  }

  /** All that it makes this replica hold now. */
  get holds(): Counted {
    const { requestBytes: requests, outputBytes: output, pendingCount: pending } = this;
    return { requests, output, pending, large: this.#largeBytes };
  }

  /** What was written in this turn goes to the transport. */
  takeOutput(nowMs: number): Uint8Array {
    const bytes = this.out.take();
    if (this.#unsentBytes === 0) this.#lastSentMs = nowMs;
    this.#unsentBytes += bytes.length;
    return bytes;
  }

  /** The transport has taken so many bytes. */
  sentOut(bytes: number, nowMs: number): void {
    this.#unsentBytes = Math.max(0, this.#unsentBytes - bytes);
    this.#lastSentMs = nowMs;
  }

  /** Whether so much is unread that nothing more is answered: with hysteresis, half of the window is free again. */
  isClogged({ windowBytes }: Allowance): boolean {
    this.#isClogged = this.outputBytes > (this.#isClogged ? windowBytes / 2 : windowBytes);
    return this.#isClogged;
  }

  /** Whether more is unread than any connection may leave so. */
  get isGreedy(): boolean {
    return this.outputBytes > CONNECTION_OUTPUT_BYTES_MAX;
  }

  /** Whether its client has stopped reading. */
  isStalled({ stallMs }: Allowance, nowMs: number): boolean {
    return this.#unsentBytes > 0 && nowMs - this.#lastSentMs >= stallMs;
  }

  /** For people. */
  status(): ConnectionStatus {
    return {
      remoteAddress: this.opening.remoteAddress,
      transport: this.opening.transport,
      session: this.session,
      timeoutMs: this.timeoutMs,
      queued: this.pendingCount,
      openedMs: this.openedMs,
      heardMs: this.heardMs,
      isRead: this.reading,
      isOwed: this.outputBytes > 0,
      stats: this.stats,
    };
  }
}

/** The address without its port and brackets. */
export function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  const host = colon === -1 ? address : address.slice(0, colon);
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
