/**
 * What passes between one client and its replica, both ways: ZooKeeper's frames, of which the bridge changes the two of
 * the handshake (timeouts.ts) and answers pings (ping-desk.ts). Pure: bytes and times come in, bytes go out.
 *
 * What does not begin as a session does, a four-letter word, passes as it is.
 */
import { concatenated, type FrameHead, FrameScanner } from "./frame-scanner.ts";
import { PingDesk, type PingWork } from "./ping-desk.ts";
import { askedTimeoutMs, toldTimeoutMs } from "./timeouts.ts";

/** Bytes to pass on. */
export interface Passing {
  readonly toReplica: Uint8Array;
  readonly toClient: Uint8Array;
}

/** Source: ZooKeeper ClientCnxn.PING_XID and ZooDefs.OpCode.ping. */
const PING_XID = -2;
const PING_OPCODE = 11;
const PING_BYTES = 8;

/** A ping, whole: its length, xid and opcode. */
const PING_FRAME = Uint8Array.of(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11);

/** The head of a reply: xid, zxid, error. */
const REPLY_HEAD_BYTES = 16;

/** Where the timeout stands in the client's first frame: behind length, protocol version and zxid. */
const REQUEST_TIMEOUT_AT = 16;

/** And in the answer: behind length and protocol version. */
const RESPONSE_TIMEOUT_AT = 8;

/** First frames are some 45 bytes; a password may make one longer. What is longer is no handshake. */
const HANDSHAKE_BYTES_MAX = 4096;

/** A replica that owes an answer is given up when it is silent for so large a part of what the client was told. */
const SILENCE_PART = 2;

const NOTHING = new Uint8Array(0);

/** See the file's comment. */
export class Conversation {
  readonly #clients = new FirstFrame(REQUEST_TIMEOUT_AT, askedTimeoutMs);
  readonly #replicas = new FirstFrame(RESPONSE_TIMEOUT_AT, toldTimeoutMs);
  readonly #requests = new FrameScanner((head) => this.#passesRequest(head));
  readonly #replies = new FrameScanner((head) => this.#passesReply(head));
  /** Undefined until a session is open. */
  #desk: PingDesk | undefined;
  #silenceMs = Number.POSITIVE_INFINITY;
  /** When the replica was heard from, or could not have been. */
  #heardMs = 0;
  /** The largest that the replica has shown. */
  #zxid = 0n;
  /** Answers to pings that wait for the end of the frame that the client is being sent. */
  #answersOwed = 0;
  #pingsOwed = 0;
  #nowMs = 0;

  /** Whether the client did not begin as a session does. */
  get isRaw(): boolean {
    return this.#clients.isRaw;
  }

  /** Bytes of the client, cut anywhere. Throws RangeError where they are no stream of frames. */
  fromClient(chunk: Uint8Array, nowMs: number): Passing {
    this.#nowMs = nowMs;
    const { first, rest } = this.#clients.take(chunk);
    const toReplica = [first];
    if (this.#clients.isRaw) toReplica.push(rest);
    else if (rest.length > 0) toReplica.push(this.#requests.scan(rest).bytes);
    toReplica.push(this.#takePings());
    return {
      toReplica: concatenated(toReplica),
      toClient: this.#replies.isBetween ? this.#takeAnswers() : NOTHING,
    };
  }

  /** Bytes of the replica, cut anywhere. Throws RangeError where they are no stream of frames. */
  fromReplica(chunk: Uint8Array, nowMs: number): Passing {
    this.#nowMs = nowMs;
    this.#heardMs = nowMs;
    // What was asked in no frames is answered in none.
    if (this.#clients.isRaw) return { toReplica: NOTHING, toClient: chunk };
    const { first, rest } = this.#replicas.take(chunk);
    if (this.#replicas.isRaw) return { toReplica: NOTHING, toClient: concatenated([first, rest]) };
    this.#open();
    const { bytes, boundary } = this.#replies.scan(rest);
    const answers = boundary === undefined ? NOTHING : this.#takeAnswers();
    const at = boundary ?? bytes.length;
    const toClient = concatenated([first, bytes.subarray(0, at), answers, bytes.subarray(at)]);
    return { toReplica: this.#takePings(), toClient };
  }

  /** The replica could not be heard until now, as its client reads nothing. */
  wasDeaf(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Whether the replica has been silent for so long, though it owes an answer, that the client should go elsewhere. */
  isSilent(nowMs: number): boolean {
    const askedMs = this.#desk?.askedMs;
    return askedMs !== undefined && nowMs - Math.max(askedMs, this.#heardMs) > this.#silenceMs;
  }

  /** A session begins when the replica has granted a timeout. */
  #open(): void {
    const { before, after } = this.#replicas;
    if (this.#desk !== undefined || before === undefined || after === undefined || after <= 0) return;
    this.#desk = new PingDesk(before - after);
    this.#silenceMs = after / SILENCE_PART;
  }

  #passesRequest({ bodyBytes, body }: FrameHead): boolean {
    const isPing =
      bodyBytes === PING_BYTES && body.getInt32(0) === PING_XID && body.getInt32(4) === PING_OPCODE;
    if (!isPing || this.#desk === undefined) return true;
    this.#owe(this.#desk.onPing(this.#nowMs));
    return false;
  }

  #passesReply({ bodyBytes, body }: FrameHead): boolean {
    if (bodyBytes < REPLY_HEAD_BYTES) return true;
    const zxid = body.getBigInt64(4);
    if (zxid > this.#zxid) this.#zxid = zxid;
    const isAnswer = bodyBytes === REPLY_HEAD_BYTES && body.getInt32(0) === PING_XID;
    if (!isAnswer || this.#desk?.askedMs === undefined) return true;
    this.#owe(this.#desk.onAnswer(this.#nowMs));
    return false;
  }

  #owe({ answers, sends }: PingWork): void {
    this.#answersOwed += answers;
    if (sends) this.#pingsOwed += 1;
  }

  #takePings(): Uint8Array {
    const pings = Array.from({ length: this.#pingsOwed }, () => PING_FRAME);
    this.#pingsOwed = 0;
    return concatenated(pings);
  }

  /** What shows the client nothing newer than its replica has shown on this connection. */
  #takeAnswers(): Uint8Array {
    const frame = new Uint8Array(4 + REPLY_HEAD_BYTES);
    const view = new DataView(frame.buffer);
    view.setInt32(0, REPLY_HEAD_BYTES);
    view.setInt32(4, PING_XID);
    view.setBigInt64(8, this.#zxid);
    const answers = Array.from({ length: this.#answersOwed }, () => frame);
    this.#answersOwed = 0;
    return concatenated(answers);
  }
}

/** Waits for the first frame of a direction, and puts another timeout into it. */
class FirstFrame {
  /** The timeout as it came. */
  before: number | undefined;
  /** As it was passed on. */
  after: number | undefined;
  /** It was no frame of a handshake. */
  isRaw = false;
  readonly #timeoutAt: number;
  readonly #change: (timeoutMs: number) => number;
  #held: Uint8Array = NOTHING;

  constructor(timeoutAt: number, change: (timeoutMs: number) => number) {
    this.#timeoutAt = timeoutAt;
    this.#change = change;
  }

  /** The first frame once it is whole, and what comes behind it. */
  take(chunk: Uint8Array): { readonly first: Uint8Array; readonly rest: Uint8Array } {
    if (this.isRaw || this.before !== undefined) return { first: NOTHING, rest: chunk };
    const bytes = concatenated([this.#held, chunk]);
    const held = { first: NOTHING, rest: NOTHING };
    this.#held = bytes;
    if (bytes.length < 4) return held;
    const frameBytes = 4 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
    if (frameBytes < this.#timeoutAt + 4 || frameBytes > HANDSHAKE_BYTES_MAX) {
      this.isRaw = true;
      this.#held = NOTHING;
      return { first: NOTHING, rest: bytes };
    }
    if (bytes.length < frameBytes) return held;
    this.#held = NOTHING;
    // A copy: what came may be a view of memory that others use, and a Buffer's slice would be one as well.
    const first = Uint8Array.from(bytes.subarray(0, frameBytes));
    const view = new DataView(first.buffer);
    this.before = view.getInt32(this.#timeoutAt);
    this.after = this.#change(this.before);
    view.setInt32(this.#timeoutAt, this.after);
    return { first, rest: bytes.subarray(frameBytes) };
  }
}
