/** The writing operations that stand both alone and inside multi. Source: zookeeper.jute, module proto. */
import type { CheckRequest, CreateRequest, DeleteRequest, SetDataRequest } from "../base/request.ts";
import { JuteError } from "./jute-error.ts";
import { readAcls, writeAcls } from "./records.ts";
import type { JuteReader, JuteWriter } from "./archive.ts";

/** The path of a znode to work on: without one there is nothing to decode, as ZooKeeper has it (seen on 3.9.5). */
export function readPath(reader: JuteReader): string {
  const path = reader.nullableString();
  if (path === null) throw new JuteError("bad-value", "null for a path");
  return path;
}

/** Classes CreateRequest and CreateTTLRequest; only the latter carries a time to live. */
export function writeCreate(writer: JuteWriter, request: CreateRequest): void {
  writer.string(request.path);
  writer.buffer(request.data);
  writeAcls(writer, request.acl);
  writer.int(request.flags);
  if (request.op === "createTTL") writer.longNumber(request.ttlMs);
}

/** Reads what writeCreate wrote. */
export function readCreate(reader: JuteReader, op: CreateRequest["op"]): CreateRequest {
  return {
    op,
    path: readPath(reader),
    data: reader.buffer(),
    acl: readAcls(reader),
    flags: reader.int(),
    ttlMs: op === "createTTL" ? reader.longNumber() : 0,
  };
}

/** Class SetDataRequest. */
export function writeSetData(writer: JuteWriter, request: SetDataRequest): void {
  writer.string(request.path);
  writer.buffer(request.data);
  writer.int(request.version);
}

/** Reads what writeSetData wrote. */
export function readSetData(reader: JuteReader): SetDataRequest {
  return { op: "setData", path: readPath(reader), data: reader.buffer(), version: reader.int() };
}

/** Classes DeleteRequest and CheckVersionRequest. */
export function writePathAndVersion(writer: JuteWriter, request: DeleteRequest | CheckRequest): void {
  writer.string(request.path);
  writer.int(request.version);
}

/** Reads what writePathAndVersion wrote. */
export function readPathAndVersion(reader: JuteReader, op: "delete" | "check"): DeleteRequest | CheckRequest {
  return { op, path: readPath(reader), version: reader.int() };
}
