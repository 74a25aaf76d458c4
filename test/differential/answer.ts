/**
 * A server's frames as plain values, read by the words of zookeeper.jute alone and not by the codecs under test: a
 * null stays apart from nothing, and bytes left over are told.
 */
import { JuteReader } from "../../src/jute/archive.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";

/** A value of a frame. Zxids, times and session ids are marked, as they differ between servers by right. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly zxid: bigint }
  | { readonly time: number }
  | { readonly session: bigint }
  | { readonly [key: string]: Value };

/** What a frame holds. */
export interface Answer {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
  readonly isEvent: boolean;
  readonly body: Value;
}

/** What a request's reply is read as. */
export type ReplyShape = ClientRequest["op"] | "unknown";

/** Reads a frame that answers a request of that kind, or a watch event. */
export function decodeAnswer(frame: Uint8Array, shape: ReplyShape): Answer {
  const reader = new JuteReader(frame);
  if (frame.length < 16) {
    return { xid: 0, zxid: 0n, error: 0, isEvent: false, body: { tooShort: hex(frame) } };
  }
  const xid = reader.int();
  const zxid = reader.long();
  const error = reader.int();
  const isEvent = xid === -1;
  const rest = frame.subarray(16);
  let body: Value;
  try {
    body = isEvent
      ? readEvent(reader)
      : readBody(reader, error === 0 || shape === "sasl" ? shape : "closeSession");
    if (reader.remaining > 0) body = { body, bytesLeft: hex(rest.subarray(rest.length - reader.remaining)) };
  } catch (problem) {
    if (!(problem instanceof JuteError)) throw problem;
    body = { unreadable: hex(rest) };
  }
  return { xid, zxid, error, isEvent, body };
}

/** Reads the answer to a handshake. */
export function decodeWelcome(frame: Uint8Array): Value {
  const reader = new JuteReader(frame);
  try {
    const protocolVersion = reader.int();
    const timeoutMs = reader.int();
    const session: Value = { session: reader.unsignedLong() };
    const password = reader.buffer();
    return {
      protocolVersion,
      timeoutMs,
      session,
      passwordBytes: password === null ? null : password.length,
      isPasswordZero: password?.every((octet) => octet === 0) ?? true,
      rest: hex(frame.subarray(frame.length - reader.remaining)),
    };
  } catch (problem) {
    if (!(problem instanceof JuteError)) throw problem;
    return { unreadable: hex(frame) };
  }
}

/** How many bytes of data are shown in full. */
const SHOWN_BYTES = 64;

/** The bytes in hex; long ones by their length and a sum. */
export function hex(bytes: Uint8Array): string {
  if (bytes.length <= SHOWN_BYTES) return Buffer.from(bytes).toString("hex");
  let sum = 0;
  for (const octet of bytes) sum = (Math.imul(sum, 31) + octet) >>> 0;
  return `${bytes.length} bytes, sum ${sum}`;
}

/** Of a challenge all but its nonce, which differs by right. */
function readToken(reader: JuteReader): Value {
  const bytes = reader.buffer();
  return bytes === null
    ? null
    : Buffer.from(bytes)
        .toString("latin1")
        .replace(/nonce="[^"]{40,}"/, "nonce");
}

function readEvent(reader: JuteReader): Value {
  return { event: reader.int(), state: reader.int(), path: reader.nullableString() };
}

function readBody(reader: JuteReader, shape: ReplyShape): Value {
  switch (shape) {
    case "create":
    case "sync":
      return { path: reader.nullableString() };
    case "create2":
    case "createContainer":
    case "createTTL":
      return { path: reader.nullableString(), stat: readStat(reader) };
    case "exists":
    case "setData":
    case "setACL":
      return { stat: readStat(reader) };
    case "getData":
    case "reconfig":
      return { data: readData(reader), stat: readStat(reader) };
    case "getACL":
      return { acl: expandedSorted(readVector(reader, readAcl)), stat: readStat(reader) };
    case "getChildren":
      return { children: sorted(readNames(reader)) };
    case "getChildren2":
      return { children: sorted(readNames(reader)), stat: readStat(reader) };
    case "multi":
    case "multiRead":
      return { results: readResults(reader) };
    case "addWatch":
      return { code: reader.int() };
    case "sasl":
      return { token: readToken(reader) };
    case "getEphemerals":
      return { paths: sorted(readNames(reader)) };
    case "getAllChildrenNumber":
      return { count: reader.int() };
    case "whoAmI":
      return { identities: sorted(readVector(reader, readIdentity)) };
    case "check":
    case "delete":
    case "checkWatches":
    case "removeWatches":
    case "setWatches":
    case "setWatches2":
    case "auth":
    case "ping":
    case "closeSession":
    case "unknown":
      return {};
    default:
      return shape satisfies never;
  }
}

function readStat(reader: JuteReader): Value {
  return {
    czxid: { zxid: reader.long() },
    mzxid: { zxid: reader.long() },
    ctime: { time: reader.longNumber() },
    mtime: { time: reader.longNumber() },
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: { session: reader.unsignedLong() },
    dataLength: reader.int(),
    numChildren: reader.int(),
    pzxid: { zxid: reader.long() },
  };
}

function readData(reader: JuteReader): Value {
  const data = reader.buffer();
  return data === null ? null : hex(data);
}

function readAcl(reader: JuteReader): Value {
  return { perms: reader.int(), scheme: reader.nullableString(), id: reader.nullableString() };
}

function readIdentity(reader: JuteReader): Value {
  return { scheme: reader.nullableString(), user: reader.nullableString() };
}

function readNames(reader: JuteReader): Value {
  return readVector(reader, (each) => each.nullableString());
}

function readVector(reader: JuteReader, readOne: (reader: JuteReader) => Value): Value {
  const count = reader.int();
  if (count === -1) return null;
  if (count < 0 || count > reader.remaining) throw new JuteError("bad-length", `${count} elements`);
  return Array.from({ length: count }, () => readOne(reader));
}

/** As a set: servers list children in the order of a hash table. */
function sorted(values: Value): Value {
  if (!Array.isArray(values)) return values;
  const list: readonly Value[] = values;
  return list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/**
 * Lines for one scheme with the same permissions that stand together, as a set: they may be what "auth" came to, which
 * ZooKeeper lists in the order of a hash table.
 */
function expandedSorted(lines: Value): Value {
  if (!Array.isArray(lines)) return lines;
  const runs: Value[][] = [];
  let last = "";
  for (const line of lines as readonly Value[]) {
    const { perms, scheme } = line as { readonly perms: number; readonly scheme: string };
    const kind = `${perms} ${scheme}`;
    if (kind === last) runs.at(-1)?.push(line);
    else runs.push([line]);
    last = kind;
  }
  return runs.flatMap((run) => sorted(run));
}

function readResults(reader: JuteReader): Value {
  const results: Value[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.bool();
    const error = reader.int();
    if (done) return [...results, { type, done, error }];
    results.push({ type, error, result: readResult(reader, type) });
  }
}

function readResult(reader: JuteReader, type: number): Value {
  switch (type) {
    case -1:
      return { code: reader.int() };
    case 1:
      return { path: reader.nullableString() };
    case 15:
      return { path: reader.nullableString(), stat: readStat(reader) };
    case 4:
      return { data: readData(reader), stat: readStat(reader) };
    case 5:
      return { stat: readStat(reader) };
    case 8:
      return { children: sorted(readNames(reader)) };
    case 2:
    case 13:
      return {};
    default:
      throw new JuteError("bad-type", `result ${type}`);
  }
}
