/** Frames on a link between replicas: a format version, a tag, and the message. */
import { assertNever } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import { JuteReader, JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import { clientOpcodeName, OPCODES } from "../jute/opcodes.ts";
import { readIdentities, writeIdentities } from "../jute/records.ts";
import { type ClientRequest, readRequest, writeRequest } from "../jute/requests.ts";
import type {
  ForwardedRequest,
  FromLeader,
  LinkMessage,
  OwnedSession,
  SleptThrough,
  ToLeader,
} from "./link-message.ts";
import type { Send } from "../zab/effects.ts";
import type { ZabMessage } from "../zab/message.ts";
import type { TracedWrite } from "./tracer.ts";
import { readTransact, TRANSACT_NUMBER, writeTransact } from "./transact-codec.ts";
import type { LinkSend } from "./turn.ts";
import { readZabMessage, writeZabMessage } from "./zab-codec.ts";

/**
 * The first byte of every frame, and told when a link is opened: a replica of another version is told apart, not
 * misread. It is raised by whatever replicas of two versions must not do together: a frame of another shape, a
 * transaction that one of them does not know or applies in another way.
 */
export const LINK_FORMAT = 5;

const TAGS: Readonly<Record<"zab" | "trace" | ToLeader["kind"] | FromLeader["kind"], number>> = {
  zab: 1,
  hello: 2,
  forward: 3,
  attach: 4,
  touched: 5,
  welcome: 6,
  attached: 7,
  refused: 8,
  moved: 9,
  poll: 10,
  digest: 11,
  diverged: 12,
  unsound: 13,
  // Later than the others of this format: who does not know it closes the link, so all must before anybody traces.
  trace: 14,
};

const TAG_NAMES: ReadonlyMap<number, keyof typeof TAGS> = new Map(
  Object.entries(TAGS).map(([name, tag]) => [tag, name as keyof typeof TAGS]),
);

const OWNED_BYTES = 20;
const SESSION_BYTES = 8;
const FORWARDED_BYTES_MIN = 32;

/** One frame, which the caller owns. `writer` is lent for the work and empty afterwards. */
export function encodeLinkMessage(message: LinkMessage, writer: JuteWriter = new JuteWriter()): Uint8Array {
  writer.byte(LINK_FORMAT);
  switch (message.kind) {
    case "zab":
      writer.byte(TAGS.zab);
      writeZabMessage(writer, message.message);
      break;
    case "toLeader":
      writeToLeader(writer, message.message);
      break;
    case "fromLeader":
      writeFromLeader(writer, message.message);
      break;
    case "trace":
      writer.byte(TAGS.trace);
      writeTrace(writer, message.message);
      break;
    default:
      assertNever(message);
  }
  return writer.take();
}

/** Encodes what a replica sends: within a turn a proposal goes to every follower, and is encoded once. */
export class LinkFrames {
  /** One for all frames: to make one costs more than to fill it. */
  readonly #writer = new JuteWriter();
  readonly #encoded = new Map<ZabMessage, Uint8Array>();

  /** The frame of one of the turn's messages on its link. */
  of({ link, message }: Send): LinkSend {
    const bytes = this.#encoded.get(message) ?? this.encode({ kind: "zab", message });
    this.#encoded.set(message, bytes);
    return { kind: "linkSend", link, bytes };
  }

  /** One frame, which the caller owns. */
  encode(message: LinkMessage): Uint8Array {
    return encodeLinkMessage(message, this.#writer);
  }

  /** Forgets the messages of this turn: none comes again. */
  endTurn(): void {
    this.#encoded.clear();
  }
}

/** Reads what encodeLinkMessage wrote, or tells what is wrong with it: such a link is closed. */
export function readLinkMessage(bytes: Uint8Array): LinkMessage | string {
  try {
    return decodeLinkMessage(bytes);
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    return error.message;
  }
}

/** Reads what encodeLinkMessage wrote. Throws JuteError. */
function decodeLinkMessage(bytes: Uint8Array): LinkMessage {
  const reader = new JuteReader(bytes);
  const format = reader.byte();
  if (format !== LINK_FORMAT) throw new JuteError("bad-value", `link format ${format}`);
  const tag = reader.byte();
  const name = TAG_NAMES.get(tag);
  if (name === undefined) throw new JuteError("bad-value", `no link message has tag ${tag}`);
  switch (name) {
    case "zab":
      return { kind: "zab", message: readZabMessage(reader) };
    case "trace":
      return { kind: "trace", message: readTrace(reader) };
    case "hello":
    case "forward":
    case "attach":
    case "touched":
    case "digest":
    case "unsound":
      return { kind: "toLeader", message: readToLeader(reader, name) };
    case "welcome":
    case "attached":
    case "refused":
    case "moved":
    case "poll":
    case "diverged":
      return { kind: "fromLeader", message: readFromLeader(reader, name) };
    default:
      return assertNever(name);
  }
}

function writeToLeader(writer: JuteWriter, message: ToLeader): void {
  writer.byte(TAGS[message.kind]);
  switch (message.kind) {
    case "hello":
      writer.int(message.owned.length);
      for (const owned of message.owned) writeOwned(writer, owned);
      return writeSlept(writer, message.slept);
    case "forward":
      writer.int(message.requests.length);
      for (const request of message.requests) writeForwarded(writer, request);
      return;
    case "attach":
      writer.varint(message.serial);
      writer.long(message.session);
      writer.buffer(message.password);
      return writer.int(message.timeoutMs);
    case "touched":
      writer.varint(message.polledAtMs);
      writer.int(message.sessions.length);
      for (const session of message.sessions) writer.long(session);
      writer.varint(message.databaseBytes);
      writer.varint(message.quietMs);
      return writeDozing(writer, message.dozing);
    case "digest":
      writer.zxid(message.zxid);
      writer.int(message.digest.hi);
      return writer.int(message.digest.lo);
    case "unsound":
      return writer.string(message.reason);
    default:
      assertNever(message);
  }
}

function readToLeader(reader: JuteReader, kind: ToLeader["kind"]): ToLeader {
  switch (kind) {
    case "hello": {
      const owned: OwnedSession[] = [];
      for (let left = reader.count(OWNED_BYTES); left > 0; left--) owned.push(readOwned(reader));
      return { kind, owned, slept: readSlept(reader) };
    }
    case "forward": {
      const requests: ForwardedRequest[] = [];
      for (let left = reader.count(FORWARDED_BYTES_MIN); left > 0; left--)
        requests.push(readForwarded(reader));
      return { kind, requests };
    }
    case "attach":
      return {
        kind,
        serial: reader.varint(),
        session: reader.unsignedLong(),
        password: reader.buffer() ?? new Uint8Array(0),
        timeoutMs: reader.int(),
      };
    case "touched": {
      const polledAtMs = reader.varint();
      const sessions: SessionId[] = [];
      for (let left = reader.count(SESSION_BYTES); left > 0; left--) sessions.push(reader.unsignedLong());
      const rest = { databaseBytes: reader.varint(), quietMs: reader.varint(), dozing: readDozing(reader) };
      return { kind, polledAtMs, sessions, ...rest };
    }
    case "digest":
      return { kind, zxid: reader.zxid(), digest: { hi: reader.int() >>> 0, lo: reader.int() >>> 0 } };
    case "unsound":
      return { kind, reason: reader.string() };
    default:
      return assertNever(kind);
  }
}

/** Last in its frame and only where there are some: who does not know of it reads no further. */
function writeDozing(writer: JuteWriter, dozing: readonly SessionId[] = []): void {
  if (dozing.length === 0) return;
  writer.int(dozing.length);
  for (const session of dozing) writer.long(session);
}

function readDozing(reader: JuteReader): readonly SessionId[] {
  const dozing: SessionId[] = [];
  if (reader.remaining === 0) return dozing;
  for (let left = reader.count(SESSION_BYTES); left > 0; left--) dozing.push(reader.unsignedLong());
  return dozing;
}

function writeFromLeader(writer: JuteWriter, message: FromLeader): void {
  writer.byte(TAGS[message.kind]);
  switch (message.kind) {
    case "welcome":
      return writer.zxid(message.upTo);
    case "attached":
      writer.varint(message.serial);
      writer.zxid(message.generation);
      return writer.int(message.timeoutMs);
    case "refused":
      return writer.varint(message.serial);
    case "moved":
      writer.long(message.session);
      return writer.zxid(message.generation);
    case "poll":
      return writer.varint(message.clockMs);
    case "diverged":
      return writer.zxid(message.at);
    default:
      assertNever(message);
  }
}

function readFromLeader(reader: JuteReader, kind: FromLeader["kind"]): FromLeader {
  switch (kind) {
    case "welcome":
      return { kind, upTo: reader.zxid() };
    case "attached":
      return { kind, serial: reader.varint(), generation: reader.zxid(), timeoutMs: reader.int() };
    case "refused":
      return { kind, serial: reader.varint() };
    case "moved":
      return { kind, session: reader.unsignedLong(), generation: reader.zxid() };
    case "poll":
      return { kind, clockMs: reader.varint() };
    case "diverged":
      return { kind, at: reader.zxid() };
    default:
      return assertNever(kind);
  }
}

function writeTrace(writer: JuteWriter, { origin, place }: TracedWrite): void {
  writer.int(origin.sid);
  writer.varint(origin.instance);
  writer.varint(origin.serial);
  writer.string(place.traceId);
  writer.string(place.spanId);
}

function readTrace(reader: JuteReader): TracedWrite {
  const origin = { sid: reader.int(), instance: reader.varint(), serial: reader.varint() };
  return { kind: "trace", origin, place: { traceId: reader.string(), spanId: reader.string() } };
}

function writeOwned(writer: JuteWriter, owned: OwnedSession): void {
  writer.long(owned.session);
  writer.zxid(owned.generation);
  writer.int(owned.timeoutMs);
}

function writeSlept(writer: JuteWriter, slept: SleptThrough | undefined): void {
  writer.bool(slept !== undefined);
  if (slept === undefined) return;
  writer.zxid(slept.zxid);
  writer.varint(slept.elapsedMs);
}

function readSlept(reader: JuteReader): SleptThrough | undefined {
  return reader.bool() ? { zxid: reader.zxid(), elapsedMs: reader.varint() } : undefined;
}

function readOwned(reader: JuteReader): OwnedSession {
  return { session: reader.unsignedLong(), generation: reader.zxid(), timeoutMs: reader.int() };
}

function writeForwarded(writer: JuteWriter, forwarded: ForwardedRequest): void {
  const { origin, request } = forwarded;
  writer.int(origin.sid);
  writer.varint(origin.instance);
  writer.varint(origin.serial);
  writer.long(forwarded.session);
  writer.zxid(forwarded.generation);
  writer.int(forwarded.xid);
  writeIdentities(writer, forwarded.identities);
  writer.int(request.op === "transact" ? TRANSACT_NUMBER : OPCODES[request.op]);
  writeWrite(writer, request);
}

function readForwarded(reader: JuteReader): ForwardedRequest {
  const origin = { sid: reader.int(), instance: reader.varint(), serial: reader.varint() };
  const session = reader.unsignedLong();
  const generation = reader.zxid();
  const xid = reader.int();
  const identities = readIdentities(reader);
  return { origin, session, generation, xid, identities, request: readWrite(reader, reader.int()) };
}

function writeWrite(writer: JuteWriter, request: WriteRequest): void {
  if (request.op === "createSession") {
    writer.int(request.timeoutMs);
    writer.buffer(request.password);
  } else if (request.op === "deleteContainer") {
    writer.string(request.path);
  } else if (request.op === "transact") {
    writeTransact(writer, request);
  } else {
    writeRequest(writer, request);
  }
}

function readWrite(reader: JuteReader, type: number): WriteRequest {
  if (type === OPCODES.createSession) {
    return {
      op: "createSession",
      timeoutMs: reader.int(),
      password: reader.buffer() ?? new Uint8Array(0),
    };
  }
  if (type === TRANSACT_NUMBER) return readTransact(reader);
  if (type === OPCODES.deleteContainer) return { op: "deleteContainer", path: reader.string() };
  const op = clientOpcodeName(type);
  if (op === undefined) throw new JuteError("bad-value", `no write has opcode ${type}`);
  const request: ClientRequest = readRequest(reader, op);
  if (!isWriteRequest(request)) throw new JuteError("bad-value", `${op} is not a write`);
  return request;
}

/** The operations that go through the leader. */
const WRITES: ReadonlySet<string> = new Set<WriteRequest["op"]>([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "delete",
  "deleteContainer",
  "setData",
  "setACL",
  "check",
  "multi",
  "transact",
  "reconfig",
  "sync",
  "createSession",
  "closeSession",
]);

/** Whether the request goes through the leader and takes a zxid. */
export function isWriteRequest(request: { readonly op: string }): request is WriteRequest {
  return WRITES.has(request.op);
}
