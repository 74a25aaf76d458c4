/** A transact on a link between replicas: it has no place in ZooKeeper's wire format. */
import { assertNever } from "../base/assert.ts";
import type { Guard, TransactOperation, TransactRequest } from "../base/request.ts";
import type { JuteReader, JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import { clientOpcodeName, OPCODES } from "../jute/opcodes.ts";
import { readAcls, writeAcls } from "../jute/records.ts";
import { readRequest, writeRequest } from "../jute/requests.ts";

/** Its number among requests on a link: none of ZooKeeper's. */
export const TRANSACT_NUMBER = 1000;

/** Of the operations that are ours alone. */
const OWN_NUMBERS = { put: 1001, ensure: 1002, add: 1003 } as const;

const GUARD_NUMBERS: Readonly<Record<Guard["kind"], number>> = {
  held: 1,
  free: 2,
  same: 3,
  room: 4,
  absent: 5,
};

/** A kind and a path. */
const GUARD_BYTES_MIN = 5;

/** A number and a path. */
const OPERATION_BYTES_MIN = 8;

/** Appends it. */
export function writeTransact(writer: JuteWriter, request: TransactRequest): void {
  const { newSession, ensured, key } = request;
  writer.bool(newSession !== undefined);
  if (newSession !== undefined) {
    writer.int(newSession.timeoutMs);
    writer.buffer(newSession.password);
  }
  writer.string(ensured ?? null);
  writer.int(request.guards.length);
  for (const guard of request.guards) writeGuard(writer, guard);
  writer.bool(request.archived !== undefined);
  if (request.archived !== undefined) {
    writer.string(request.archived.path);
    writer.int(request.archived.max);
  }
  writer.int(request.operations.length);
  for (const operation of request.operations) writeOperation(writer, operation);
  writer.bool(key !== undefined);
  if (key === undefined) return;
  writer.string(key.name);
  writer.string(key.fingerprint);
}

/** Reads what writeTransact wrote. Throws JuteError. */
export function readTransact(reader: JuteReader): TransactRequest {
  const newSession = reader.bool()
    ? { timeoutMs: reader.int(), password: reader.buffer() ?? new Uint8Array(0) }
    : undefined;
  const ensured = reader.nullableString() ?? undefined;
  const guards: Guard[] = [];
  for (let left = reader.count(GUARD_BYTES_MIN); left > 0; left--) guards.push(readGuard(reader));
  const archived = reader.bool() ? { path: reader.string(), max: reader.int() } : undefined;
  const operations: TransactOperation[] = [];
  for (let left = reader.count(OPERATION_BYTES_MIN); left > 0; left--) operations.push(readOperation(reader));
  const key = reader.bool() ? { name: reader.string(), fingerprint: reader.string() } : undefined;
  return { op: "transact", newSession, ensured, guards, archived, operations, key };
}

function writeGuard(writer: JuteWriter, guard: Guard): void {
  writer.byte(GUARD_NUMBERS[guard.kind]);
  writer.string(guard.path);
  switch (guard.kind) {
    case "held":
      return writer.zxid(guard.token);
    case "same":
      return writer.zxid(guard.czxid);
    case "free":
      return writer.bool(guard.isShared);
    case "room":
      return writer.int(guard.permits);
    case "absent":
      return undefined;
    default:
      return assertNever(guard);
  }
}

function readGuard(reader: JuteReader): Guard {
  const number = reader.byte();
  const path = reader.string();
  switch (number) {
    case GUARD_NUMBERS.held:
      return { kind: "held", path, token: reader.zxid() };
    case GUARD_NUMBERS.free:
      return { kind: "free", path, isShared: reader.bool() };
    case GUARD_NUMBERS.same:
      return { kind: "same", path, czxid: reader.zxid() };
    case GUARD_NUMBERS.absent:
      return { kind: "absent", path };
    case GUARD_NUMBERS.room:
      return { kind: "room", path, permits: reader.int() };
    default:
      throw new JuteError("bad-value", `no guard has the number ${number}`);
  }
}

function writeOperation(writer: JuteWriter, operation: TransactOperation): void {
  if (operation.op === "put" || operation.op === "ensure") {
    writer.int(OWN_NUMBERS[operation.op]);
    writer.string(operation.path);
    writer.buffer(operation.data);
    writeAcls(writer, operation.acl);
    return;
  }
  if (operation.op === "add") {
    writer.int(OWN_NUMBERS.add);
    writer.string(operation.path);
    writer.long(operation.delta);
    writeAcls(writer, operation.acl);
    return;
  }
  writer.int(OPCODES[operation.op]);
  writeRequest(writer, operation);
}

function readOperation(reader: JuteReader): TransactOperation {
  const number = reader.int();
  if (number === OWN_NUMBERS.put || number === OWN_NUMBERS.ensure) {
    const op = number === OWN_NUMBERS.put ? "put" : "ensure";
    return { op, path: reader.string(), data: reader.buffer(), acl: readAcls(reader) };
  }
  if (number === OWN_NUMBERS.add) {
    return { op: "add", path: reader.string(), delta: reader.long(), acl: readAcls(reader) };
  }
  const op = clientOpcodeName(number);
  const request = op === undefined ? undefined : readRequest(reader, op);
  if (request !== undefined && isOperation(request)) return request;
  throw new JuteError("bad-value", `operation ${number} in a transact`);
}

const OPERATIONS: ReadonlySet<string> = new Set<TransactOperation["op"]>([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "delete",
  "setData",
  "check",
]);

function isOperation(request: { readonly op: string }): request is TransactOperation {
  return OPERATIONS.has(request.op);
}
