/**
 * What clients are answered, in both directions. Encoders write whole frames, length included; decoders take
 * a frame's body. Source: zookeeper.jute, module proto; ZooKeeper FinalRequestProcessor, MultiResponse.
 */
import { assertNever } from "../base/assert.ts";
import type { MultiResult, Response } from "../base/request.ts";
import type { Zxid } from "../base/zxid.ts";
import { JuteError } from "./jute-error.ts";
import type { OpcodeName } from "./opcodes.ts";
import { OPCODES, opcodeAmong, XIDS } from "./opcodes.ts";
import type { ReplyHeader, WatcherEvent } from "./records.ts";
import {
  MULTI_END,
  readAcls,
  readIdentities,
  readMultiHeader,
  readReplyHeader,
  readStat,
  writeAcls,
  writeIdentities,
  writeMultiHeader,
  writeReplyHeader,
  writeStat,
} from "./records.ts";
import type { JuteWriter } from "./archive.ts";
import { JuteReader } from "./archive.ts";

/** Operations that are asked by a request, whoever asks. */
export type RequestOpcodeName = Exclude<OpcodeName, "notification" | "error">;

const RESULTS: ReadonlySet<MultiResult["op"]> = new Set([
  "create",
  "create2",
  "setData",
  "getData",
  "getChildren",
  "error",
  "delete",
  "check",
] as const);

/** What a client receives after the handshake. */
export type ServerMessage =
  | { readonly kind: "event"; readonly zxid: Zxid; readonly event: WatcherEvent }
  /** Where header.error is not 0 the response is "empty", as no body follows. */
  | { readonly kind: "reply"; readonly header: ReplyHeader; readonly response: Response };

/**
 * Writes a reply's whole frame. Where `header.error` is not 0, only the header is sent, as ZooKeeper does; but behind a
 * login that failed its null token.
 */
export function encodeReply(writer: JuteWriter, header: ReplyHeader, response: Response): void {
  const frame = writer.beginFrame();
  writeReplyHeader(writer, header);
  if (header.error === 0 || response.op === "sasl") writeResponse(writer, response);
  writer.endFrame(frame);
}

/**
 * Writes a watch event's whole frame. `zxid` is the change's own, as since ZooKeeper 3.9 (ZOOKEEPER-4655).
 */
export function encodeWatchEvent(writer: JuteWriter, zxid: Zxid, event: WatcherEvent): void {
  const frame = writer.beginFrame();
  writeReplyHeader(writer, { xid: XIDS.notification, zxid, error: 0 });
  writer.int(event.type);
  writer.int(event.state);
  writer.string(event.path);
  writer.endFrame(frame);
}

/** The client need not ping by the protocol: within so long it hears from its replica again. */
export interface Doze {
  /** Its replica's tree was there. */
  readonly zxid: Zxid;
  readonly wordWithinMs: number;
}

/** Reads the word that the client may doze; undefined where the server says something else. Throws JuteError. */
export function decodeDoze(body: Uint8Array): Doze | undefined {
  const reader = new JuteReader(body);
  const { xid, zxid } = readReplyHeader(reader);
  return xid === XIDS.doze ? { zxid, wordWithinMs: reader.int() } : undefined;
}

/** Writes what decodeDoze reads: a whole frame. */
export function encodeDoze(writer: JuteWriter, zxid: Zxid, wordWithinMs: number): void {
  const frame = writer.beginFrame();
  writeReplyHeader(writer, { xid: XIDS.doze, zxid, error: 0 });
  writer.int(wordWithinMs);
  writer.endFrame(frame);
}

/**
 * Reads what a server sent. A reply does not say what it answers: `opOf` gives the operation that the client
 * sent under an xid. Throws JuteError, also for an xid that `opOf` does not know.
 */
export function decodeServerMessage(
  body: Uint8Array,
  opOf: (xid: number) => RequestOpcodeName | undefined,
): ServerMessage {
  const reader = new JuteReader(body);
  const header = readReplyHeader(reader);
  if (header.xid === XIDS.notification) {
    const event = { type: reader.int(), state: reader.int(), path: reader.string() };
    return { kind: "event", zxid: header.zxid, event };
  }
  const op = opOf(header.xid);
  if (op === undefined) throw new JuteError("bad-value", `a reply to unknown xid ${header.xid}`);
  if (header.error !== 0) return { kind: "reply", header, response: { op: "empty" } };
  return { kind: "reply", header, response: readResponse(reader, op) };
}

/** Writes what follows the reply header. */
function writeResponse(writer: JuteWriter, response: Response): void {
  switch (response.op) {
    case "empty":
      return undefined;
    case "path":
      return writer.string(response.path);
    case "create2":
      writer.string(response.path);
      return writeStat(writer, response.stat);
    case "stat":
      return writeStat(writer, response.stat);
    case "getData":
      writer.buffer(response.data);
      return writeStat(writer, response.stat);
    case "getACL":
      writeAcls(writer, response.acl);
      return writeStat(writer, response.stat);
    case "children":
      return writer.strings(response.children);
    case "children2":
      writer.strings(response.children);
      return writeStat(writer, response.stat);
    case "multi":
      return writeMultiResults(writer, response.results);
    case "error":
      return writer.int(response.code);
    case "sasl":
      return writer.buffer(response.token);
    case "ephemerals":
      return writer.strings(response.paths);
    case "count":
      return writer.int(response.count);
    case "identities":
      return writeIdentities(writer, response.identities);
    default:
      return assertNever(response);
  }
}

/** Reads what follows the reply header of a request that succeeded. Throws JuteError. */
function readResponse(reader: JuteReader, op: RequestOpcodeName): Response {
  switch (op) {
    case "create":
    case "sync":
      return { op: "path", path: reader.string() };
    case "create2":
    case "createContainer":
    case "createTTL":
      return { op: "create2", path: reader.string(), stat: readStat(reader) };
    case "exists":
    case "setData":
    case "setACL":
      return { op: "stat", stat: readStat(reader) };
    case "getData":
    case "reconfig":
      return { op: "getData", data: reader.buffer(), stat: readStat(reader) };
    case "getACL":
      return { op: "getACL", acl: readAcls(reader), stat: readStat(reader) };
    case "getChildren":
      return { op: "children", children: reader.strings() };
    case "getChildren2":
      return { op: "children2", children: reader.strings(), stat: readStat(reader) };
    case "multi":
    case "multiRead":
      return { op: "multi", results: readMultiResults(reader) };
    case "addWatch":
      return { op: "error", code: reader.int() };
    case "sasl":
      return { op: "sasl", token: reader.buffer() };
    case "getEphemerals":
      return { op: "ephemerals", paths: reader.strings() };
    case "getAllChildrenNumber":
      return { op: "count", count: reader.int() };
    case "whoAmI":
      return { op: "identities", identities: readIdentities(reader) };
    case "delete":
    case "check":
    case "checkWatches":
    case "removeWatches":
    case "setWatches":
    case "setWatches2":
    case "auth":
    case "ping":
    case "closeSession":
    case "createSession":
    case "deleteContainer":
      return { op: "empty" };
    default:
      return assertNever(op);
  }
}

/** An error inside a multi has the type -1, and tells its code in the header and again behind it. */
function writeMultiResults(writer: JuteWriter, results: readonly MultiResult[]): void {
  for (const result of results) {
    const error = result.op === "error" ? result.code : 0;
    writeMultiHeader(writer, { type: OPCODES[result.op], done: false, error });
    writeMultiResult(writer, result);
  }
  writeMultiHeader(writer, MULTI_END);
}

function writeMultiResult(writer: JuteWriter, result: MultiResult): void {
  switch (result.op) {
    case "create":
      return writer.string(result.path);
    case "create2":
      writer.string(result.path);
      return writeStat(writer, result.stat);
    case "setData":
      return writeStat(writer, result.stat);
    case "getData":
      writer.buffer(result.data);
      return writeStat(writer, result.stat);
    case "getChildren":
      return writer.strings(result.children);
    case "error":
      return writer.int(result.code);
    case "delete":
    case "check":
      return undefined;
    default:
      return assertNever(result);
  }
}

/** The loop is bounded by the bytes: each turn reads a header. */
function readMultiResults(reader: JuteReader): MultiResult[] {
  const results: MultiResult[] = [];
  for (let header = readMultiHeader(reader); !header.done; header = readMultiHeader(reader)) {
    results.push(readMultiResult(reader, header.type));
  }
  return results;
}

function readMultiResult(reader: JuteReader, type: number): MultiResult {
  const op = opcodeAmong(RESULTS, type);
  if (op === undefined) throw new JuteError("bad-type", `result ${type} inside a multi`);
  switch (op) {
    case "create":
      return { op, path: reader.string() };
    case "create2":
      return { op, path: reader.string(), stat: readStat(reader) };
    case "setData":
      return { op, stat: readStat(reader) };
    case "getData":
      return { op, data: reader.buffer(), stat: readStat(reader) };
    case "getChildren":
      return { op, children: reader.strings() };
    case "error":
      return { op, code: reader.int() };
    case "delete":
    case "check":
      return { op };
    default:
      return assertNever(op);
  }
}
