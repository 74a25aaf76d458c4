/** A replica that takes a client's bytes and answers each request with the least that is right. */
import { assertNever } from "../../../src/base/assert.ts";
import type { Response } from "../../../src/base/request.ts";
import type { Stat } from "../../../src/base/stat.ts";
import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import {
  type ConnectRequest,
  decodeConnectRequest,
  encodeConnectResponse,
} from "../../../src/jute/handshake.ts";
import { type ClientRequest, decodeRequest } from "../../../src/jute/requests.ts";
import { encodeDoze, encodeReply, encodeWatchEvent } from "../../../src/jute/responses.ts";

const STAT: Stat = {
  czxid: ZXID_ZERO,
  mzxid: ZXID_ZERO,
  pzxid: ZXID_ZERO,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
};

const SESSION = 0x0100_0000_0000_0007n;

/** One connection; `successor` is the next one, and remembers the handshakes of all before it. */
export class ScriptedReplica {
  readonly hellos: ConnectRequest[];
  /** What came on this connection, pings aside. */
  readonly requests: ClientRequest[] = [];
  pings = 0;
  /** Answers the next handshake with the end of the session. */
  expires = false;
  authError = 0;
  readonly #decoder = new FrameDecoder(1 << 20);
  readonly #writer = new JuteWriter();
  #isGreeted = false;
  #zxid: number;

  constructor(hellos: ConnectRequest[] = [], zxid = 0) {
    this.hellos = hellos;
    this.#zxid = zxid;
  }

  successor(): ScriptedReplica {
    const next = new ScriptedReplica(this.hellos, this.#zxid);
    next.expires = this.expires;
    next.authError = this.authError;
    return next;
  }

  receive(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
      if (this.#isGreeted) this.#request(body);
      else this.#greet(body);
      this.#isGreeted = true;
    }
  }

  /** All that it has said since the last time. */
  take(): Uint8Array {
    return this.#writer.take();
  }

  /** A watch fires. */
  tell(type: number, path: string): void {
    if (this.#isGreeted) encodeWatchEvent(this.#writer, this.#next(), { type, state: 3, path });
  }

  /** The client may doze. */
  letDoze(wordWithinMs: number): void {
    encodeDoze(this.#writer, { epoch: 1, counter: this.#zxid }, wordWithinMs);
  }

  #next(): Zxid {
    return { epoch: 1, counter: ++this.#zxid };
  }

  #greet(body: Uint8Array): void {
    const hello = decodeConnectRequest(body);
    this.hellos.push(hello);
    encodeConnectResponse(this.#writer, {
      protocolVersion: 0,
      timeoutMs: this.expires ? 0 : hello.timeoutMs,
      sessionId: this.expires ? 0n : SESSION,
      password: new Uint8Array(16).fill(9),
      readOnly: false,
    });
  }

  #request(body: Uint8Array): void {
    const decoded = decodeRequest(body);
    if (decoded.kind !== "request") throw new Error(`the machine sent what is ${decoded.kind}`);
    const { xid, request } = decoded;
    if (request.op === "ping") this.pings++;
    else this.requests.push(request);
    const zxid = request.op === "ping" ? { epoch: 1, counter: this.#zxid } : this.#next();
    const error = request.op === "auth" ? this.authError : 0;
    encodeReply(this.#writer, { xid, zxid, error }, responseTo(request));
  }
}

function responseTo(request: ClientRequest): Response {
  switch (request.op) {
    case "getData":
      return { op: "getData", data: null, stat: STAT };
    case "create2":
      return { op: "create2", path: request.path, stat: STAT };
    case "ping":
    case "auth":
    case "setWatches2":
    case "removeWatches":
    case "closeSession":
      return { op: "empty" };
    case "create":
    case "createContainer":
    case "createTTL":
    case "delete":
    case "exists":
    case "setData":
    case "getACL":
    case "setACL":
    case "getChildren":
    case "getChildren2":
    case "getAllChildrenNumber":
    case "getEphemerals":
    case "sync":
    case "check":
    case "multi":
    case "multiRead":
    case "checkWatches":
    case "addWatch":
    case "setWatches":
    case "reconfig":
    case "sasl":
    case "whoAmI":
      throw new Error(`no test asks for ${request.op}`);
    default:
      return assertNever(request);
  }
}
