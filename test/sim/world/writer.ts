/**
 * The least client that keeps a world busy, for tests of the world itself: it writes one znode after the other, two at
 * a time, keeps its session over lost connections, and goes to another replica where one hangs up or says nothing.
 */
import { must } from "../../../src/base/assert.ts";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../../src/jute/requests.ts";
import { decodeServerMessage } from "../../../src/jute/responses.ts";
import type { ClientPort, ClientSocket } from "../../../src/world/client-port.ts";

const SILENCE_MS = 2000;
const PAUSE_MS = 20;

/** See the file's comment. */
export class Writer {
  readonly name: string;
  /** Paths whose creation was answered. */
  readonly acknowledged: string[] = [];
  connections = 0;
  readonly #port: ClientPort;
  #sid: Sid;
  #socket: ClientSocket | undefined;
  #session: { readonly sessionId: bigint; readonly password: Uint8Array } | undefined;
  #asked: string[] = [];
  #xid = 0;
  #serial = 0;
  #heardMs = 0;
  #isStopped = false;
  #isOpen = false;

  constructor(port: ClientPort, name: string) {
    this.#port = port;
    this.name = name;
    this.#sid = must(port.sids[0], "a replica");
    this.#connect();
  }

  /** Writes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
  }

  #connect(): void {
    const { sids } = this.#port;
    this.#sid = must(sids[(sids.indexOf(this.#sid) + 1) % sids.length], "a replica");
    this.#asked = [];
    this.#heardMs = this.#port.nowMs;
    const decoder = new FrameDecoder(1024 * 1024);
    const connection = ++this.connections;
    const isCurrent = (): boolean => connection === this.connections && !this.#isStopped;
    const socket = this.#port.connect(this.#sid, {
      onBytes: (bytes) => {
        decoder.push(bytes);
        for (let frame = decoder.next(); frame !== undefined && isCurrent(); frame = decoder.next()) {
          this.#heardMs = this.#port.nowMs;
          this.#on(frame);
        }
      },
      onClosed: () => this.#port.later(PAUSE_MS, () => isCurrent() && this.#connect()),
    });
    this.#socket = socket;
    this.#isOpen = false;
    const { sessionId, password } = this.#session ?? { sessionId: 0n, password: new Uint8Array(16) };
    socket.send(
      framed((writer) =>
        encodeConnectRequest(writer, {
          protocolVersion: 0,
          lastZxidSeen: ZXID_ZERO,
          timeoutMs: 10_000,
          sessionId,
          password,
          readOnly: false,
        }),
      ),
    );
    const watch = (): void => {
      if (!isCurrent()) return;
      if (this.#port.nowMs - this.#heardMs < SILENCE_MS) return this.#port.later(SILENCE_MS / 2, watch);
      socket.vanish();
      return this.#connect();
    };
    watch();
  }

  #on(frame: Uint8Array): void {
    if (!this.#isOpen) {
      const { sessionId, timeoutMs, password } = decodeConnectResponse(frame);
      this.#isOpen = true;
      this.#session =
        timeoutMs === 0 ? undefined : { sessionId, password: must(password ?? undefined, "a password") };
      // An expired session: the replica hangs up, and the next connection asks for a new one.
      if (timeoutMs === 0) return;
      this.#write();
      this.#write();
      return;
    }
    const message = decodeServerMessage(frame, () => "create");
    if (message.kind !== "reply") return;
    const path = must(this.#asked.shift(), "a reply to what was asked");
    if (message.header.error === 0) this.acknowledged.push(path);
    this.#port.later(PAUSE_MS, () => this.#write());
  }

  #write(): void {
    if (!this.#isOpen || this.#asked.length >= 2 || this.#isStopped) return;
    const path = `/${this.name}-${++this.#serial}`;
    const request: ClientRequest = {
      op: "create",
      path,
      data: new Uint8Array([1]),
      acl: OPEN_ACL,
      flags: 0,
      ttlMs: 0,
    };
    this.#asked.push(path);
    this.#socket?.send(framed((writer) => encodeRequest(writer, ++this.#xid, request)));
  }
}

function framed(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}
