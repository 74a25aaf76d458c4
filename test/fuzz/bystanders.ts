/**
 * Two honest sessions beside whatever the fuzzer does: one owns znodes that an access control list protects, the other
 * watches them; both hold an ephemeral there. Whatever happens on other connections, they are answered, and what is
 * theirs is as they left it.
 */
import { must } from "../../src/base/assert.ts";
import type { Acl } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import { XIDS } from "../../src/jute/opcodes.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage, type RequestOpcodeName, type ServerMessage } from "../../src/jute/responses.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import { expectThat } from "./episode.ts";

const OWNED: readonly Acl[] = [{ perms: 31, scheme: "auth", id: "" }];
const DATA_CHANGED = 3;

/** How a bystander's bytes reach its replica; what comes back is fed to `onBytes`. */
export interface BystanderPort {
  send(connection: ConnectionId, bytes: Uint8Array): void;
  /** Runs whatever is under way, until the condition holds or nothing moves any more. */
  settle(until: () => boolean): void;
}

/** One honest client. */
class Bystander {
  readonly id: ConnectionId;
  session = 0n;
  isClosed = false;
  readonly #port: BystanderPort;
  readonly #decoder = new FrameDecoder(64 * 1024 * 1024);
  readonly #ops = new Map<number, RequestOpcodeName>();
  readonly #writer = new JuteWriter();
  #messages: ServerMessage[] = [];
  #xid = 0;

  constructor(id: ConnectionId, port: BystanderPort) {
    this.id = id;
    this.#port = port;
  }

  connect(): void {
    encodeConnectRequest(this.#writer, {
      protocolVersion: 0,
      lastZxidSeen: ZXID_ZERO,
      timeoutMs: 4000,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: false,
    });
    this.#port.send(this.id, this.#writer.take());
    this.#port.settle(() => this.session !== 0n);
    expectThat(this.session !== 0n, () => `bystander ${this.id} gets no session`);
  }

  onBytes(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    for (let body = this.#decoder.next(); body !== undefined; body = this.#decoder.next()) {
      if (this.session === 0n) this.session = decodeConnectResponse(body).sessionId;
      else this.#messages.push(decodeServerMessage(body, (xid) => this.#ops.get(xid)));
    }
  }

  /** Sends a request; gives the reply and the events before it. */
  ask(request: ClientRequest): {
    readonly code: number;
    readonly reply: ServerMessage;
    readonly events: string[];
  } {
    const { op } = request;
    const xid = op === "ping" ? XIDS.ping : op === "auth" ? XIDS.auth : ++this.#xid;
    this.#ops.set(xid, op);
    encodeRequest(this.#writer, xid, request);
    this.#port.send(this.id, this.#writer.take());
    const isReply = (one: ServerMessage): boolean => one.kind === "reply" && one.header.xid === xid;
    this.#port.settle(() => this.isClosed || this.#messages.some(isReply));
    expectThat(!this.isClosed, () => `the connection of bystander ${this.id} was closed`);
    const reply = this.#messages.find(isReply);
    expectThat(reply !== undefined, () => `bystander ${this.id} gets no answer to ${op}`);
    const found = must(reply, "a reply");
    return { code: found.kind === "reply" ? found.header.error : 0, reply: found, events: this.takeEvents() };
  }

  takeEvents(): string[] {
    const taken = this.#messages;
    this.#messages = [];
    return taken.flatMap((one) => (one.kind === "event" ? [`${one.event.type} ${one.event.path}`] : []));
  }
}

/** See the file's comment. */
export class Bystanders {
  readonly #owner: Bystander;
  readonly #watcher: Bystander;
  #version = 0;

  constructor(port: BystanderPort, ids: readonly [ConnectionId, ConnectionId] = [1, 2]) {
    this.#owner = new Bystander(ids[0], port);
    this.#watcher = new Bystander(ids[1], port);
  }

  /** Connects both, logs them in and makes what is theirs. */
  begin(): void {
    const auth = new TextEncoder().encode("owner:secret");
    for (const one of [this.#owner, this.#watcher]) {
      one.connect();
      this.#expectOk(one, { op: "auth", type: 0, scheme: "digest", auth });
    }
    const create = (path: string, flags: number): ClientRequest => ({
      op: "create",
      path,
      data: Uint8Array.of(1),
      acl: OWNED,
      flags,
      ttlMs: 0,
    });
    for (const request of [create("/safe", 0), create("/safe/a", 0), create("/safe/e", 1)])
      this.#expectOk(this.#owner, request);
    this.#expectOk(this.#watcher, create("/safe/f", 1));
    this.#expectOk(this.#watcher, { op: "addWatch", path: "/safe", mode: 1 });
  }

  /** Whether one of them was hung up on. */
  get isHungUp(): boolean {
    return this.#owner.isClosed || this.#watcher.isClosed;
  }

  has(connection: ConnectionId): boolean {
    return this.#with(connection, () => undefined);
  }

  onBytes(connection: ConnectionId, bytes: Uint8Array): boolean {
    return this.#with(connection, (one) => one.onBytes(bytes));
  }

  onClosed(connection: ConnectionId): boolean {
    return this.#with(connection, (one) => {
      one.isClosed = true;
    });
  }

  /** Whether they are answered at all: where a super user does as it pleases there is no more to ask. */
  checkAnswered(): void {
    for (const one of [this.#owner, this.#watcher]) this.#expectOk(one, { op: "ping" });
    this.#watcher.takeEvents();
  }

  /** Whether all that is theirs is as they left it. */
  check(): void {
    const [owner, watcher] = [this.#owner, this.#watcher];
    const strange = [...owner.takeEvents(), ...watcher.takeEvents()];
    expectThat(strange.length === 0, () => `a watch fired without a change: ${strange.join(", ")}`);
    const data = Uint8Array.of(this.#version & 0xff);
    this.#expectOk(owner, { op: "setData", path: "/safe/a", data, version: this.#version });
    this.#version++;
    const { reply, events } = watcher.ask({ op: "getData", path: "/safe/a", watch: false });
    expectThat(events.join() === `${DATA_CHANGED} /safe/a`, () => `the watcher is told "${events.join()}"`);
    const isRight =
      reply.kind === "reply" &&
      reply.response.op === "getData" &&
      reply.response.stat.version === this.#version &&
      reply.response.data?.[0] === data[0];
    expectThat(isRight, () => `/safe/a is not as its owner left it: ${textOf(reply)}`);
    this.#checkOwner("/safe/e", owner);
    this.#checkOwner("/safe/f", watcher);
    const children = owner.ask({ op: "getChildren2", path: "/safe", watch: false }).reply;
    const isAlone =
      children.kind === "reply" &&
      children.response.op === "children2" &&
      children.response.children.toSorted().join() === "a,e,f" &&
      children.response.stat.aversion === 0;
    expectThat(isAlone, () => `/safe is not as its owner left it: ${textOf(children)}`);
  }

  #checkOwner(path: string, who: Bystander): void {
    const { reply } = who.ask({ op: "exists", path, watch: false });
    const isHeld =
      reply.kind === "reply" &&
      reply.response.op === "stat" &&
      reply.response.stat.ephemeralOwner === who.session &&
      reply.response.stat.version === 0;
    expectThat(isHeld, () => `${path} is not its session's any more: ${textOf(reply)}`);
  }

  #expectOk(who: Bystander, request: ClientRequest): void {
    const { code } = who.ask(request);
    expectThat(code === 0, () => `bystander ${who.id} is answered ${code} to ${request.op}`);
  }

  #with(connection: ConnectionId, act: (one: Bystander) => void): boolean {
    const one = [this.#owner, this.#watcher].find(({ id }) => id === connection);
    if (one === undefined) return false;
    act(one);
    return true;
  }
}

function textOf(message: ServerMessage): string {
  return JSON.stringify(message, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
