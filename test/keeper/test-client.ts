/** A ZooKeeper client as the tests need it: bytes through the wire format, everything that came back in order. */
import type { Sid } from "../../src/base/ids.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest, Response } from "../../src/base/request.ts";
import { must } from "../../src/base/assert.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import {
  type ConnectResponse,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../src/jute/handshake.ts";
import { XIDS } from "../../src/jute/opcodes.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage, type RequestOpcodeName, type ServerMessage } from "../../src/jute/responses.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import type { World } from "./world.ts";
import type { ClientEnd } from "./world-replica.ts";

export type ServerReply = ServerMessage & { readonly kind: "reply" };

export interface Hello {
  readonly session?: bigint;
  readonly password?: Uint8Array | null;
  readonly timeoutMs?: number;
  readonly lastZxidSeen?: Zxid;
  readonly readOnly?: boolean | undefined;
}

const encoder = new TextEncoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function create(path: string, more: Partial<CreateRequest> = {}): CreateRequest {
  return { op: "create", path, data: bytes(""), acl: OPEN_ACL, flags: 0, ttlMs: 0, ...more };
}

/** One connection. */
export class TestClient implements ClientEnd {
  readonly world: World;
  readonly sid: Sid;
  readonly connection: ConnectionId | undefined;
  /** What came after the handshake, in order. */
  readonly messages: ServerMessage[] = [];
  readonly frameLengths: number[] = [];
  readonly flow: boolean[] = [];
  raw = "";
  welcome: ConnectResponse | undefined;
  isClosed = false;
  /** Called for each reply and event as it comes. */
  onMessage: (message: ServerMessage) => void = () => undefined;
  onWelcome: (welcome: ConnectResponse) => void = () => undefined;
  readonly #decoder = new FrameDecoder(64 * 1024 * 1024);
  readonly #ops: Map<number, RequestOpcodeName> = new Map();
  readonly #isRaw: boolean;
  #xid = 0;
  #isReading = true;
  readonly #unread: Uint8Array[] = [];
  #readBytes = 0;

  /** Opens the connection without a word; a raw one takes what comes as text. */
  constructor(world: World, sid: Sid, isRaw = false) {
    this.world = world;
    this.sid = sid;
    this.#isRaw = isRaw;
    this.connection = world.connect(sid, this);
    if (this.connection === undefined) this.isClosed = true;
  }

  /** Sends bytes as they are. */
  sendBytes(chunk: Uint8Array): void {
    if (this.connection === undefined || this.isClosed) return;
    this.world.clientSends(this.sid, this.connection, chunk);
  }

  /** Asks for a session. */
  hello(hello: Hello = {}): this {
    const writer = new JuteWriter();
    encodeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: hello.lastZxidSeen ?? ZXID_ZERO,
      timeoutMs: hello.timeoutMs ?? 4000,
      sessionId: hello.session ?? 0n,
      password: hello.password === undefined ? new Uint8Array(16) : hello.password,
      readOnly: "readOnly" in hello ? hello.readOnly : false,
    });
    this.sendBytes(writer.take());
    return this;
  }

  /** Sends requests in one piece; gives their xids. */
  send(...requests: readonly ClientRequest[]): readonly number[] {
    const writer = new JuteWriter();
    const xids = requests.map((request) => {
      const xid = this.#xidFor(request);
      encodeRequest(writer, xid, request);
      return xid;
    });
    this.sendBytes(writer.take());
    return xids;
  }

  /** Sends a frame with any opcode and any body. */
  sendFrame(type: number, body: Uint8Array, op: RequestOpcodeName = "ping"): number {
    const xid = ++this.#xid;
    this.#ops.set(xid, op);
    const writer = new JuteWriter();
    const frame = writer.beginFrame();
    writer.int(xid);
    writer.int(type);
    writer.raw(body);
    writer.endFrame(frame);
    this.sendBytes(writer.take());
    return xid;
  }

  /** A reply under the xid, to bytes of the test's own, is to be read as one to this operation. */
  expect(xid: number, op: RequestOpcodeName): void {
    this.#ops.set(xid, op);
  }

  /** Waits for the handshake to end one way or the other. */
  untilWelcome(limitMs = 10_000): this {
    const isDone = (): boolean => this.welcome !== undefined || this.isClosed;
    this.world.until(`a client of ${this.sid} is answered`, isDone, limitMs);
    return this;
  }

  /** Sends one request and waits for its reply. */
  ask(request: ClientRequest, limitMs = 10_000): ServerReply {
    const [xid] = this.send(request);
    return this.untilReply(must(xid, "an xid"), limitMs);
  }

  /** Sends one request that must succeed; gives what it was answered. */
  get(request: ClientRequest): Response {
    const { header, response } = this.ask(request);
    if (header.error !== 0) throw new Error(`${request.op} is answered ${header.error}`);
    return response;
  }

  untilReply(xid: number, limitMs = 10_000): ServerReply {
    this.world.until(`the reply to ${xid}`, () => this.replyTo(xid) !== undefined || this.isClosed, limitMs);
    return must(this.replyTo(xid), `a reply to ${xid} before the end of the connection`);
  }

  /** The latest reply under the xid. */
  replyTo(xid: number): ServerReply | undefined {
    return this.replies.findLast(({ header }) => header.xid === xid);
  }

  get replies(): readonly ServerReply[] {
    return this.messages.filter((message) => message.kind === "reply");
  }

  get session(): bigint {
    return must(this.welcome, "a session").sessionId;
  }

  /** What another connection needs to take the session over. */
  get handover(): { readonly session: bigint; readonly password: Uint8Array | null } {
    const { sessionId, password } = must(this.welcome, "a session");
    return { session: sessionId, password };
  }

  /** Hangs up without a word; `isUnnoticed` where the replica never learns of it. */
  hangUp(isUnnoticed = false): void {
    if (this.connection === undefined || this.isClosed) return;
    this.isClosed = true;
    this.world.clientCloses(this.sid, this.connection, isUnnoticed);
  }

  /** Pings each so often, for as long as it is connected. */
  pingEvery(intervalMs: number): this {
    this.world.later(intervalMs, () => {
      if (this.isClosed) return;
      if (this.welcome !== undefined) this.send({ op: "ping" });
      this.pingEvery(intervalMs);
    });
    return this;
  }

  /** Stops reading: what comes stays in its socket. */
  stopReading(): void {
    this.#isReading = false;
  }

  /** Reads so many of the pieces that wait, and, by default, all and whatever comes. */
  read(count?: number): void {
    this.#isReading = count === undefined;
    for (const chunk of this.#unread.splice(0, count ?? this.#unread.length)) this.#take(chunk);
  }

  takeRead(): number {
    const taken = this.#readBytes;
    this.#readBytes = 0;
    return taken;
  }

  onBytes(chunk: Uint8Array): void {
    if (this.isClosed) return;
    if (this.#isReading) this.#take(chunk);
    else this.#unread.push(chunk);
  }

  #take(chunk: Uint8Array): void {
    this.#readBytes += chunk.length;
    if (this.#isRaw) {
      this.raw += new TextDecoder().decode(chunk);
      return;
    }
    this.#decoder.push(chunk);
    for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
      this.frameLengths.push(body.length);
      if (this.welcome === undefined) {
        this.welcome = decodeConnectResponse(body);
        this.onWelcome(this.welcome);
        continue;
      }
      const message = decodeServerMessage(body, (xid) => this.#ops.get(xid));
      this.messages.push(message);
      this.onMessage(message);
    }
  }

  onFlow(reading: boolean): void {
    this.flow.push(reading);
  }

  onClosed(): void {
    this.isClosed = true;
  }

  #xidFor(request: ClientRequest): number {
    const fixed = {
      ping: XIDS.ping,
      auth: XIDS.auth,
      setWatches: XIDS.setWatches,
      setWatches2: XIDS.setWatches,
    };
    const { op } = request;
    const xid = op in fixed ? fixed[op as keyof typeof fixed] : ++this.#xid;
    this.#ops.set(xid, op);
    return xid;
  }
}

/** A serving ensemble. */
export function connected(world: World, sid: Sid, hello: Hello = {}): TestClient {
  return new TestClient(world, sid).hello(hello).untilWelcome();
}

/** What happened on the connection, for tests that read the order: `event 3 /a`, `reply 2`. */
export function story(client: TestClient): readonly string[] {
  return client.messages.map((message) =>
    message.kind === "event"
      ? `event ${message.event.type} ${message.event.path}`
      : `reply ${message.header.xid}${message.header.error === 0 ? "" : ` error ${message.header.error}`}`,
  );
}
