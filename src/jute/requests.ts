/**
 * What clients ask, in both directions. Bytes after a request's last field are ignored, as ZooKeeper does:
 * newer clients may append fields. Source: zookeeper.jute, module proto; ZooKeeper MultiOperationRecord.
 */
import { assertNever } from "../base/assert.ts";
import type {
  CreateSessionRequest,
  DeleteContainerRequest,
  Request,
  SetWatchesRequest,
  TransactRequest,
} from "../base/request.ts";
import { JuteError } from "./jute-error.ts";
import type { ClientOpcodeName } from "./opcodes.ts";
import { clientOpcodeName, OPCODES } from "./opcodes.ts";
import { readMulti, readMultiRead, writeMulti, writeMultiRead } from "./multi.ts";
import {
  readCreate,
  readPath,
  readPathAndVersion,
  readSetData,
  writeCreate,
  writePathAndVersion,
  writeSetData,
} from "./operations.ts";
import { readAcls, writeAcls } from "./records.ts";
import type { JuteWriter } from "./archive.ts";
import { JuteReader } from "./archive.ts";
import type { Slab } from "./slab.ts";

/** Every request that may come in a client's frame. */
export type ClientRequest = Exclude<Request, CreateSessionRequest | DeleteContainerRequest | TransactRequest>;

/** What a frame after the handshake turned out to be. */
export type DecodedRequest =
  | { readonly kind: "request"; readonly xid: number; readonly request: ClientRequest }
  /** Answered with -6 (unimplemented), then closed. Internal operations are unknown to clients. */
  | { readonly kind: "unknownOpcode"; readonly xid: number; readonly type: number }
  /** Answered with -5 (marshalling error); the connection stays open, as frames still have their bounds. */
  | {
      readonly kind: "undecodable";
      readonly xid: number;
      readonly type: number;
      readonly problem: JuteError;
    }
  /** Too short to hold even xid and type: there is nothing to answer to, close. */
  | { readonly kind: "headerless"; readonly problem: JuteError };

/**
 * Reads a frame's body; copies are put into the slab, if one is given. Never throws, whatever the bytes: each
 * misfortune is a kind of its own.
 */
export function decodeRequest(body: Uint8Array, slab?: Slab): DecodedRequest {
  const reader = new JuteReader(body, slab);
  let xid: number;
  let type: number;
  try {
    xid = reader.int();
    type = reader.int();
  } catch (error) {
    if (error instanceof JuteError) return { kind: "headerless", problem: error };
    throw error;
  }
  const op = clientOpcodeName(type);
  if (op === undefined) return { kind: "unknownOpcode", xid, type };
  try {
    return { kind: "request", xid, request: readRequest(reader, op) };
  } catch (error) {
    if (error instanceof JuteError) return { kind: "undecodable", xid, type, problem: error };
    throw error;
  }
}

/** Writes a request's whole frame, length included. */
export function encodeRequest(writer: JuteWriter, xid: number, request: ClientRequest): void {
  const frame = writer.beginFrame();
  writer.int(xid);
  writer.int(OPCODES[request.op]);
  writeRequest(writer, request);
  writer.endFrame(frame);
}

/** Reads the fields that follow the request header. Throws JuteError. */
export function readRequest(reader: JuteReader, op: ClientOpcodeName): ClientRequest {
  switch (op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return readCreate(reader, op);
    case "setData":
      return readSetData(reader);
    case "delete":
    case "check":
      return readPathAndVersion(reader, op);
    case "exists":
    case "getData":
    case "getChildren":
    case "getChildren2":
      return { op, path: readPath(reader), watch: reader.bool() };
    case "getACL":
    case "getAllChildrenNumber":
      return { op, path: readPath(reader) };
    case "getEphemerals":
    case "sync":
      return { op, path: reader.string() };
    case "setACL":
      return { op, path: readPath(reader), acl: readAcls(reader), version: reader.int() };
    case "multi":
      return { op, operations: readMulti(reader) };
    case "multiRead":
      return { op, operations: readMultiRead(reader) };
    case "checkWatches":
    case "removeWatches":
      return { op, path: reader.string(), type: reader.int() };
    case "addWatch":
      return { op, path: reader.string(), mode: reader.int() };
    case "setWatches":
    case "setWatches2":
      return readSetWatches(reader, op);
    case "reconfig":
    case "auth":
    case "sasl":
      return readRare(reader, op);
    case "ping":
    case "whoAmI":
    case "closeSession":
      return { op };
    default:
      return assertNever(op);
  }
}

/** Writes the fields that follow the request header. */
export function writeRequest(writer: JuteWriter, request: ClientRequest): void {
  switch (request.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return writeCreate(writer, request);
    case "setData":
      return writeSetData(writer, request);
    case "delete":
    case "check":
      return writePathAndVersion(writer, request);
    case "exists":
    case "getData":
    case "getChildren":
    case "getChildren2":
      writer.string(request.path);
      return writer.bool(request.watch);
    case "getACL":
    case "getAllChildrenNumber":
    case "getEphemerals":
    case "sync":
      return writer.string(request.path);
    case "setACL":
      writer.string(request.path);
      writeAcls(writer, request.acl);
      return writer.int(request.version);
    case "multi":
      return writeMulti(writer, request.operations);
    case "multiRead":
      return writeMultiRead(writer, request.operations);
    case "checkWatches":
    case "removeWatches":
      writer.string(request.path);
      return writer.int(request.type);
    case "addWatch":
      writer.string(request.path);
      return writer.int(request.mode);
    case "setWatches":
    case "setWatches2":
      return writeSetWatches(writer, request);
    case "reconfig":
    case "auth":
    case "sasl":
      return writeRare(writer, request);
    case "ping":
    case "whoAmI":
    case "closeSession":
      return undefined;
    default:
      return assertNever(request);
  }
}

type RareRequest = Extract<ClientRequest, { op: "reconfig" | "auth" | "sasl" }>;

function readRare(reader: JuteReader, op: RareRequest["op"]): RareRequest {
  switch (op) {
    case "reconfig":
      return {
        op,
        joiningServers: reader.nullableString(),
        leavingServers: reader.nullableString(),
        newMembers: reader.nullableString(),
        currentConfigId: reader.long(),
      };
    case "auth":
      return {
        op,
        type: reader.int(),
        scheme: reader.nullableString(),
        auth: reader.buffer(),
      };
    case "sasl":
      return { op, token: reader.buffer() };
    default:
      return assertNever(op);
  }
}

function writeRare(writer: JuteWriter, request: RareRequest): void {
  switch (request.op) {
    case "reconfig":
      writer.string(request.joiningServers);
      writer.string(request.leavingServers);
      writer.string(request.newMembers);
      return writer.long(request.currentConfigId);
    case "auth":
      writer.int(request.type);
      writer.string(request.scheme);
      return writer.buffer(request.auth);
    case "sasl":
      return writer.buffer(request.token);
    default:
      return assertNever(request);
  }
}

function readSetWatches(reader: JuteReader, op: SetWatchesRequest["op"]): SetWatchesRequest {
  return {
    op,
    relativeZxid: reader.zxid(),
    dataWatches: reader.strings(),
    existWatches: reader.strings(),
    childWatches: reader.strings(),
    persistentWatches: op === "setWatches2" ? reader.strings() : [],
    persistentRecursiveWatches: op === "setWatches2" ? reader.strings() : [],
  };
}

function writeSetWatches(writer: JuteWriter, request: SetWatchesRequest): void {
  writer.zxid(request.relativeZxid);
  writer.strings(request.dataWatches);
  writer.strings(request.existWatches);
  writer.strings(request.childWatches);
  if (request.op === "setWatches") return;
  writer.strings(request.persistentWatches);
  writer.strings(request.persistentRecursiveWatches);
}
