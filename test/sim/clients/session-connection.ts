/**
 * A client's end of one connection: requests out, answers matched to them in their order. Whatever no server may ever
 * send is thrown as a Violation.
 */
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { Rng } from "../../../src/base/rng.ts";
import { compareZxid, equalZxid, maxZxid, type Zxid, zxidText } from "../../../src/base/zxid.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../../src/jute/handshake.ts";
import { JuteError } from "../../../src/jute/jute-error.ts";
import { XIDS } from "../../../src/jute/opcodes.ts";
import { ZXID_UNKNOWN } from "../../../src/jute/records.ts";
import { type ClientRequest, encodeRequest } from "../../../src/jute/requests.ts";
import { decodeDoze, decodeServerMessage, type ServerMessage } from "../../../src/jute/responses.ts";
import { Violation } from "../verdict.ts";
import type { ReplicaWord } from "../../../src/client/transport.ts";
import type { ClientEnd, ClientPort, ClientSocket } from "../../../src/world/client-port.ts";
import type { OpenOperation } from "./recorder.ts";
import { WatchSet } from "./watch-set.ts";

/** The largest frame that a client reads. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** A reply's xid, zxid and error. */
const REPLY_HEADER_BYTES = 16;

/** One write of so many is cut in two. */
const SPLIT_EVERY = 16;

/** A request whose answer is still to come. Pings have no record, and what comes late is recorded no more. */
export interface Asked {
  readonly xid: number;
  readonly request: ClientRequest;
  readonly operation?: OpenOperation | undefined;
  /** By the recorder's clock, and by the client's own. */
  readonly sentMoment: number;
  readonly sentOwnMs: number;
  readonly done?: ((operation: OpenOperation) => void) | undefined;
}

/** Who is told what came. */
export interface ConnectionOwner {
  readonly name: string;
  /** While it stands still, what comes waits. */
  readonly isFrozen: boolean;
  welcomed(connection: SessionConnection, welcome: ConnectResponse): void;
  told(connection: SessionConnection, message: ServerMessage, asked: Asked | undefined): void;
  /** A word beside the bytes. */
  worded(connection: SessionConnection, word: ReplicaWord): void;
  lost(connection: SessionConnection, reason: string): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly owner: ConnectionOwner;
  readonly port: ClientPort;
  readonly rng: Rng;
  /** Unique in the run. */
  readonly id: number;
  readonly sid: Sid;
  readonly hello: ConnectRequest;
  /** Whose socket it takes over, as its replica has asked for it; a new one where none is given. */
  readonly before?: SessionConnection | undefined;
  /** By the recorder's clock, and by the client's own. */
  readonly helloMoment: number;
  readonly helloOwnMs: number;
}

/** What a connection watches, and the zxid up to which it was told what happened to that. */
export interface Watched {
  readonly set: WatchSet;
  readonly asOf: Zxid;
}

/** See the file's comment. */
export class SessionConnection implements ClientEnd {
  readonly id: number;
  readonly sid: Sid;
  readonly hello: ConnectRequest;
  readonly helloMoment: number;
  readonly helloOwnMs: number;
  state: "greeting" | "open" | "over" = "greeting";
  /** When it last sent and was told something, by its client's own clock. */
  lastSentOwnMs: number;
  lastToldOwnMs: number;
  /** The session has gone on to another connection. */
  isLate = false;
  /** It need not ping by the protocol. */
  isDozing = false;
  /** While it dozes, it hears from its replica itself so often, and waits for that until then, by its own clock. */
  #wordWithinMs = 0;
  #wordUntilOwnMs: number | undefined;
  readonly #owner: ConnectionOwner;
  readonly #rng: Rng;
  readonly #socket: ClientSocket;
  readonly #decoder = new FrameDecoder(FRAME_BYTES_MAX);
  readonly #writer = new JuteWriter();
  #asked: Asked[] = [];
  #head = 0;
  #xid = 0;
  #unansweredOperations = 0;
  #isHeld = false;
  /** What came while its client stood still; `closed` is the last. */
  #unread: (Uint8Array | ReplicaWord | "closed")[] = [];
  #lastZxid: Zxid;
  #watches = new WatchSet();
  #watchesAsOf: Zxid;
  /** The watches of the connection before are not yet taken over. */
  #isRestoring = false;

  constructor(parts: ConnectionParts) {
    this.id = parts.id;
    this.sid = parts.sid;
    this.hello = parts.hello;
    this.helloMoment = parts.helloMoment;
    this.helloOwnMs = parts.helloOwnMs;
    this.lastSentOwnMs = parts.helloOwnMs;
    this.lastToldOwnMs = parts.helloOwnMs;
    this.#lastZxid = parts.hello.lastZxidSeen;
    this.#watchesAsOf = parts.hello.lastZxidSeen;
    this.#owner = parts.owner;
    this.#rng = parts.rng;
    this.#socket = parts.before?.handOver(this) ?? parts.port.connect(parts.sid, this);
    encodeConnectRequest(this.#writer, parts.hello);
    this.#flush();
  }

  /** Operations, not pings, that wait for their answers. */
  get unanswered(): number {
    return this.#unansweredOperations;
  }

  /** The highest zxid that it was told, or its hello told. */
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  get watched(): Watched {
    return { set: this.#watches, asOf: this.#watchesAsOf };
  }

  /** Takes the watches of the connection before over; what to ask for that, before all else, if there are any. */
  takeOver(before: Watched): ClientRequest | undefined {
    this.#watches = new WatchSet(before.set);
    this.#watchesAsOf = before.asOf;
    const request = this.#watches.restore(before.asOf);
    this.#isRestoring = request !== undefined;
    return request;
  }

  /** Another takes its socket over, and says so. */
  handOver(to: ClientEnd): ClientSocket {
    this.#over();
    this.#socket.handOver?.(to);
    this.#socket.say?.("again");
    return this.#socket;
  }

  /** Pings beside the protocol, if it dozes. */
  pingsAside(ownMs: number): boolean {
    if (!this.isDozing) return false;
    this.lastSentOwnMs = ownMs;
    this.#socket.say?.("ping");
    return true;
  }

  /** A word has come: that pings are answered says nothing of the replica itself. */
  hears(word: ReplicaWord, ownMs: number): void {
    this.lastToldOwnMs = ownMs;
    if (word === "word") this.#wordUntilOwnMs = ownMs + this.#wordWithinMs;
  }

  /** Whether nothing came for so long, or no word of the replica itself in its time. */
  isSilent(ownMs: number, afterMs: number): boolean {
    if (!this.isDozing) return ownMs - this.lastToldOwnMs >= afterMs;
    this.#wordUntilOwnMs ??= ownMs + this.#wordWithinMs;
    return ownMs - this.lastToldOwnMs >= afterMs || ownMs >= this.#wordUntilOwnMs;
  }

  /** Sends what is asked within in one piece. */
  together(ask: () => void): void {
    this.#isHeld = true;
    try {
      ask();
    } finally {
      this.#isHeld = false;
      this.#flush();
    }
  }

  /** Sends a request; the number under which it will be answered is its own. */
  send(asked: Omit<Asked, "xid">): void {
    const { request } = asked;
    const xid = this.#xidOf(request);
    this.#asked.push({ xid, ...asked });
    if (asked.operation !== undefined) this.#unansweredOperations++;
    this.lastSentOwnMs = asked.sentOwnMs;
    if (this.isDozing) this.lastToldOwnMs = asked.sentOwnMs;
    this.isDozing = false;
    encodeRequest(this.#writer, xid, request);
    this.#flush();
  }

  /** Hangs up, or is gone without a word; what is unanswered stays so. Its owner knows. */
  end(isUnnoticed: boolean): void {
    if (this.state === "over") return;
    if (isUnnoticed) this.#socket.vanish();
    else this.#socket.close();
    this.#over();
  }

  /** Gives all that waits for an answer, oldest first; their answers, should they come, are still checked. */
  release(): readonly Asked[] {
    const rest = this.#asked.slice(this.#head);
    this.#asked = rest.map(({ xid, request, sentMoment, sentOwnMs }) => ({
      xid,
      request,
      sentMoment,
      sentOwnMs,
    }));
    this.#head = 0;
    this.#unansweredOperations = 0;
    return rest;
  }

  onBytes(bytes: Uint8Array): void {
    if (this.state === "over") return;
    if (this.#owner.isFrozen) this.#unread.push(bytes);
    else this.#read(bytes);
  }

  onWord(word: ReplicaWord): void {
    if (this.state === "over") return;
    if (this.#owner.isFrozen) this.#unread.push(word);
    else this.#owner.worded(this, word);
  }

  onClosed(): void {
    if (this.state === "over") return;
    if (this.#owner.isFrozen) this.#unread.push("closed");
    else this.#closed();
  }

  /** Its client goes on: reads what came meanwhile. */
  thaw(): void {
    const unread = this.#unread;
    this.#unread = [];
    for (const piece of unread) {
      if (this.state === "over") return;
      if (piece === "closed") this.#closed();
      else if (typeof piece === "string") this.#owner.worded(this, piece);
      else this.#read(piece);
    }
  }

  /** For people: `c3 on its connection 17 to 2`. */
  describe(): string {
    return `${this.#owner.name} on its connection ${this.id} to ${this.sid}`;
  }

  #over(): void {
    this.state = "over";
    this.#unread = [];
  }

  #closed(): void {
    this.#over();
    this.#owner.lost(this, "closed by the replica");
  }

  #xidOf(request: ClientRequest): number {
    if (request.op === "ping") return XIDS.ping;
    if (request.op === "auth") return XIDS.auth;
    if (request.op === "setWatches2") return XIDS.setWatches;
    return ++this.#xid;
  }

  #flush(): void {
    if (this.#isHeld || this.#writer.length === 0) return;
    const bytes = this.#writer.take();
    if (this.#rng.below(SPLIT_EVERY) > 0) return this.#socket.send(bytes);
    const at = 1 + this.#rng.below(bytes.length - 1);
    this.#socket.send(bytes.subarray(0, at));
    this.#socket.send(bytes.subarray(at));
  }

  #read(bytes: Uint8Array): void {
    try {
      this.#decoder.push(bytes);
      for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
        this.#take(body);
        if (this.state === "over") return;
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      throw new Violation("well-formed bytes", `${this.describe()} reads ${error.message}`);
    }
  }

  #take(body: Uint8Array): void {
    if (this.state === "greeting") {
      this.state = "open";
      this.#owner.welcomed(this, decodeConnectResponse(body));
      return;
    }
    if (body.length < REPLY_HEADER_BYTES) throw new JuteError("truncated", "a reply without its header");
    const xid = new DataView(body.buffer, body.byteOffset).getInt32(0);
    if (xid === XIDS.notification) this.#takeEvent(body);
    else if (xid === XIDS.doze) this.#takeDoze(body);
    else this.#takeReply(xid, body);
  }

  #takeEvent(body: Uint8Array): void {
    const message = decodeServerMessage(body, () => undefined);
    if (message.kind !== "event") return;
    const { zxid, event } = message;
    // Of what was missed no zxid is told.
    if (!equalZxid(zxid, ZXID_UNKNOWN)) this.#sees(zxid, `an event of ${event.path}`);
    if (!this.#watches.take(event)) {
      throw new Violation(
        "no event without a watch",
        `${this.describe()} is told ${event.type} of ${event.path}`,
      );
    }
    this.#owner.told(this, message, undefined);
  }

  #takeDoze(body: Uint8Array): void {
    const { zxid, wordWithinMs } = must(decodeDoze(body), "the word that it may doze");
    this.#sees(zxid, "the word that it may doze");
    this.#wordWithinMs = wordWithinMs;
    this.#wordUntilOwnMs = undefined;
    this.isDozing = this.#head === this.#asked.length;
  }

  #takeReply(xid: number, body: Uint8Array): void {
    const first = this.#asked[this.#head];
    if (first === undefined) {
      throw new Violation("no reply to nothing", `${this.describe()} gets one under ${xid}`);
    }
    if (first.xid !== xid) {
      throw new Violation(
        "replies in order",
        `${this.describe()} gets reply ${xid}, ${first.xid} is the next`,
      );
    }
    const message = decodeServerMessage(body, () => first.request.op);
    if (message.kind !== "reply") return;
    this.#shift();
    // A login has no place in the order.
    if (first.request.op !== "auth") this.#sees(message.header.zxid, `the reply to its ${first.request.op}`);
    this.#watches.answered(first.request, message.header.error);
    if (first.request.op === "setWatches2" && message.header.error === ERROR_CODES.ok) {
      this.#isRestoring = false;
      this.#watchesAsOf = maxZxid(this.#watchesAsOf, message.header.zxid);
    }
    this.#owner.told(this, message, first);
  }

  #sees(zxid: Zxid, by: string): void {
    if (compareZxid(zxid, this.#lastZxid) < 0) {
      throw new Violation(
        "zxid of a session never goes back",
        `${this.describe()} has seen ${zxidText(this.#lastZxid)}, and ${by} tells ${zxidText(zxid)}`,
      );
    }
    this.#lastZxid = zxid;
    if (!this.#isRestoring) this.#watchesAsOf = maxZxid(this.#watchesAsOf, zxid);
  }

  #shift(): void {
    const first = must(this.#asked[this.#head], "a request that is answered");
    this.#head++;
    if (first.operation !== undefined) this.#unansweredOperations--;
    if (this.#head < 64 || this.#head * 2 < this.#asked.length) return;
    this.#asked = this.#asked.slice(this.#head);
    this.#head = 0;
  }
}
