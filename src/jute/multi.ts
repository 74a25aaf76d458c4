/**
 * The operations of multi and multiRead: each behind a header with its type, a last header closing the list.
 * As in ZooKeeper MultiOperationRecord, one list holds writes or reads, never both, and a type that stands in
 * no list makes the whole undecodable, as the length of what follows is unknown. A list of the wrong kind for
 * its request can be decoded: its members become "unsupported", for the keeper to refuse one by one.
 */
import { assertNever } from "../base/assert.ts";
import type { MultiOperation, MultiReadOperation } from "../base/request.ts";
import { JuteError } from "./jute-error.ts";
import { OPCODES, opcodeAmong } from "./opcodes.ts";
import {
  readCreate,
  readPathAndVersion,
  readSetData,
  writeCreate,
  writePathAndVersion,
  writeSetData,
} from "./operations.ts";
import { MULTI_END, readMultiHeader, writeMultiHeader } from "./records.ts";
import type { JuteReader, JuteWriter } from "./archive.ts";

type ListedOperation = Exclude<MultiOperation | MultiReadOperation, { op: "unsupported" }>;
type ListedWrite = Exclude<MultiOperation, { op: "unsupported" }>;
type ListedRead = Exclude<MultiReadOperation, { op: "unsupported" }>;

const LISTED: ReadonlySet<ListedOperation["op"]> = new Set([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "setData",
  "delete",
  "check",
  "getData",
  "getChildren",
] as const);

/**
 * Reads the operations of a multi; a list of reads comes back as "unsupported" throughout. Throws JuteError.
 */
export function readMulti(reader: JuteReader): MultiOperation[] {
  return readList(reader).map((operation) =>
    isRead(operation) ? { op: "unsupported", type: OPCODES[operation.op] } : operation,
  );
}

/**
 * Reads the operations of a multiRead; a list of writes comes back as "unsupported" throughout. Throws
 * JuteError.
 */
export function readMultiRead(reader: JuteReader): MultiReadOperation[] {
  return readList(reader).map((operation) =>
    isRead(operation) ? operation : { op: "unsupported", type: OPCODES[operation.op] },
  );
}

/**
 * Writes the operations of a multi. An unsupported one is written as a read of an empty path, so that a read
 * decodes as the same unsupported type again; any other type cannot be decoded by anybody.
 */
export function writeMulti(writer: JuteWriter, operations: readonly MultiOperation[]): void {
  for (const operation of operations) {
    writeHeader(writer, operation);
    if (operation.op === "unsupported") writeRead(writer, "", false);
    else writeWrite(writer, operation);
  }
  writeMultiHeader(writer, MULTI_END);
}

/**
 * Writes the operations of a multiRead; an unsupported one as its header alone, which nobody can decode.
 */
export function writeMultiRead(writer: JuteWriter, operations: readonly MultiReadOperation[]): void {
  for (const operation of operations) {
    writeHeader(writer, operation);
    if (operation.op !== "unsupported") writeRead(writer, operation.path, operation.watch);
  }
  writeMultiHeader(writer, MULTI_END);
}

function writeHeader(writer: JuteWriter, operation: MultiOperation | MultiReadOperation): void {
  const type = operation.op === "unsupported" ? operation.type : OPCODES[operation.op];
  writeMultiHeader(writer, { type, done: false, error: -1 });
}

function writeRead(writer: JuteWriter, path: string, watch: boolean): void {
  writer.string(path);
  writer.bool(watch);
}

function writeWrite(writer: JuteWriter, operation: ListedWrite): void {
  switch (operation.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return writeCreate(writer, operation);
    case "setData":
      return writeSetData(writer, operation);
    case "delete":
    case "check":
      return writePathAndVersion(writer, operation);
    default:
      return assertNever(operation);
  }
}

/** The loop is bounded by the bytes: each turn reads a header. */
function readList(reader: JuteReader): ListedOperation[] {
  const operations: ListedOperation[] = [];
  for (let header = readMultiHeader(reader); !header.done; header = readMultiHeader(reader)) {
    const operation = readOperation(reader, header.type);
    const first = operations[0];
    if (first !== undefined && isRead(first) !== isRead(operation)) {
      throw new JuteError("bad-type", "reads and writes in one multi");
    }
    operations.push(operation);
  }
  return operations;
}

function readOperation(reader: JuteReader, type: number): ListedOperation {
  const op = opcodeAmong(LISTED, type);
  if (op === undefined) throw new JuteError("bad-type", `operation ${type} inside a multi`);
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
    case "getData":
    case "getChildren":
      return { op, path: reader.string(), watch: reader.bool() };
    default:
      return assertNever(op);
  }
}

function isRead(operation: ListedOperation): operation is ListedRead {
  return operation.op === "getData" || operation.op === "getChildren";
}
