/**
 * Transactions as bytes: the payload of a proposal, which Zab carries and stores without looking inside.
 *
 * version (1 byte), header, kind (1 byte), the kind's fields. Integers are varints, texts and data carry
 * varint lengths; only session ids take a fixed eight bytes. The version stands first for good: a replica
 * that meets a newer one must stop instead of guessing.
 */
import { assertNever } from "../base/assert.ts";
import type { Acl } from "../base/acl.ts";
import type {
  CreateTxn,
  DormantTxn,
  NodeOwner,
  OperationTxn,
  SessionLeft,
  Txn,
  TxnHeader,
} from "../base/txn.ts";
import type { JuteWriter } from "./archive.ts";
import { JuteReader } from "./archive.ts";
import { JuteError } from "./jute-error.ts";
import type { Slab } from "./slab.ts";

/** The only version so far. */
const TXN_FORMAT_VERSION = 1;

/** Stored for good: numbers are added, never changed or used again. */
const KINDS: Readonly<Record<Txn["kind"], number>> = {
  create: 1,
  delete: 2,
  setData: 3,
  check: 4,
  error: 5,
  setAcl: 6,
  multi: 7,
  createSession: 8,
  closeSession: 9,
  config: 10,
  barrier: 11,
  settled: 12,
  restore: 13,
  sessionMulti: 14,
  dormant: 15,
};

const KIND_NAMES: ReadonlyMap<number, Txn["kind"]> = new Map(
  Object.entries(KINDS).map(([name, number]) => [number, name as Txn["kind"]]),
);

/** What clients' changes mostly are. */
const PLAIN_KINDS: ReadonlySet<number> = new Set([KINDS.create, KINDS.delete, KINDS.setData, KINDS.multi]);

const OPERATION_KINDS: ReadonlySet<Txn["kind"]> = new Set<OperationTxn["kind"]>([
  "create",
  "delete",
  "setData",
  "check",
  "error",
]);

/** Stored for good, as KINDS. */
const OWNER_MODES: Readonly<Record<NodeOwner["mode"], number>> = {
  persistent: 0,
  ephemeral: 1,
  container: 2,
  ttl: 3,
};

const OWNER_MODE_NAMES: ReadonlyMap<number, NodeOwner["mode"]> = new Map(
  Object.entries(OWNER_MODES).map(([name, number]) => [number, name as NodeOwner["mode"]]),
);

/** What a header is: a session's id, and then xid, time and the origin's three numbers. */
const SESSION_BYTES = 8;
const HEADER_VARINTS = 5;

/** Perms and two lengths. */
const ACL_BYTES_MIN = 3;

/** A kind and one more field. */
const OPERATION_BYTES_MIN = 2;

/** A session and a varint. */
const SESSION_LEFT_BYTES_MIN = 9;

/** A transaction with its header. */
export interface DecodedTxn {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

/** Appends a transaction; the writer's view or take is the proposal's payload. */
export function encodeTxn(writer: JuteWriter, header: TxnHeader, txn: Txn): void {
  writer.byte(TXN_FORMAT_VERSION);
  writeHeader(writer, header);
  writeTxn(writer, txn);
}

/**
 * Reads a whole payload; copies are put into the slab, if one is given. Throws JuteError if it is anything else than
 * one transaction of a known version.
 */
export function decodeTxn(bytes: Uint8Array, slab?: Slab): DecodedTxn {
  const reader = new JuteReader(bytes, slab);
  const version = reader.byte();
  if (version !== TXN_FORMAT_VERSION) {
    throw new JuteError("bad-version", `transaction format ${version}`);
  }
  const header = readHeader(reader);
  const txn = readTxn(reader);
  reader.end();
  return { header, txn };
}

/**
 * Reads a payload only as far as it takes to say what it does to the configuration; undefined where that is nothing.
 * Throws JuteError as decodeTxn does.
 */
export function configTxnOf(bytes: Uint8Array): (Txn & { readonly kind: "config" | "settled" }) | undefined {
  if (isOtherThanConfig(bytes)) return undefined;
  const reader = new JuteReader(bytes);
  const version = reader.byte();
  if (version !== TXN_FORMAT_VERSION) throw new JuteError("bad-version", `transaction format ${version}`);
  skipHeader(reader);
  const kind = readKind(reader);
  if (kind === "settled") return { kind };
  return kind === "config" ? { kind, data: readBytes(reader) } : undefined;
}

/** Whether that is plain from where the kind stands, which it is of all but a few: each proposal is asked. */
function isOtherThanConfig(bytes: Uint8Array): boolean {
  if (bytes[0] !== TXN_FORMAT_VERSION) return false;
  let at = 1 + SESSION_BYTES;
  for (let left = HEADER_VARINTS; left > 0; left--) {
    while ((bytes[at] ?? 0) >= 0x80) at++;
    at++;
  }
  return PLAIN_KINDS.has(bytes[at] ?? 0);
}

function writeHeader(writer: JuteWriter, header: TxnHeader): void {
  writer.long(header.session);
  writer.signedVarint(header.xid);
  writer.varint(header.timeMs);
  writer.varint(header.origin.sid);
  writer.varint(header.origin.instance);
  writer.varint(header.origin.serial);
}

function readHeader(reader: JuteReader): TxnHeader {
  return {
    session: reader.unsignedLong(),
    xid: reader.signedVarint(),
    timeMs: reader.varint(),
    origin: { sid: reader.varint(), instance: reader.varint(), serial: reader.varint() },
  };
}

function skipHeader(reader: JuteReader): void {
  reader.skip(SESSION_BYTES);
  for (let left = HEADER_VARINTS; left > 0; left--) reader.skipVarint();
}

function writeTxn(writer: JuteWriter, txn: Txn): void {
  switch (txn.kind) {
    case "create":
    case "delete":
    case "setData":
    case "check":
    case "error":
      return writeOperation(writer, txn);
    case "setAcl":
      writer.byte(KINDS.setAcl);
      writer.text(txn.path);
      writeAcls(writer, txn.acl);
      return writer.signedVarint(txn.aversion);
    case "multi":
      writer.byte(KINDS.multi);
      writer.varint(txn.operations.length);
      for (const operation of txn.operations) writeOperation(writer, operation);
      return undefined;
    case "sessionMulti":
      writer.byte(KINDS.sessionMulti);
      writer.signedVarint(txn.timeoutMs);
      writer.data(txn.password);
      writer.varint(txn.operations.length);
      for (const operation of txn.operations) writeOperation(writer, operation);
      return undefined;
    case "createSession":
      writer.byte(KINDS.createSession);
      writer.signedVarint(txn.timeoutMs);
      return writer.data(txn.password);
    case "closeSession":
      return writer.byte(KINDS.closeSession);
    case "config":
      writer.byte(KINDS.config);
      return writer.data(txn.data);
    case "barrier":
      writer.byte(KINDS.barrier);
      return writer.text(txn.path);
    case "settled":
      return writer.byte(KINDS.settled);
    case "dormant":
      writer.byte(KINDS.dormant);
      return writeDormant(writer, txn);
    case "restore": {
      const { permit, digest } = txn.staged;
      writer.byte(KINDS.restore);
      writer.varint(permit.epoch);
      writer.varint(permit.counter);
      return writer.text(digest);
    }
    default:
      return assertNever(txn);
  }
}

function readTxn(reader: JuteReader): Txn {
  const kind = readKind(reader);
  switch (kind) {
    case "create":
    case "delete":
    case "setData":
    case "check":
    case "error":
      return readOperation(reader, kind);
    case "setAcl":
      return {
        kind,
        path: reader.text(),
        acl: readAcls(reader),
        aversion: reader.signedVarint(),
      };
    case "multi":
      return { kind, operations: readOperations(reader) };
    case "sessionMulti": {
      const timeoutMs = reader.signedVarint();
      return { kind, timeoutMs, password: readBytes(reader), operations: readOperations(reader) };
    }
    case "createSession":
      return { kind, timeoutMs: reader.signedVarint(), password: readBytes(reader) };
    case "closeSession":
    case "settled":
      return { kind };
    case "config":
      return { kind, data: readBytes(reader) };
    case "restore": {
      const permit = { epoch: reader.varint(), counter: reader.varint() };
      return { kind, staged: { permit, digest: reader.text() } };
    }
    case "barrier":
      return { kind, path: reader.text() };
    case "dormant":
      return readDormant(reader);
    default:
      return assertNever(kind);
  }
}

function writeDormant(writer: JuteWriter, { horizonMs, wakeInMs, sessions }: DormantTxn): void {
  writer.varint(horizonMs);
  writer.bool(wakeInMs !== undefined);
  writer.varint(wakeInMs ?? 0);
  writer.varint(sessions.length);
  for (const { session, leftMs } of sessions) {
    writer.long(session);
    writer.varint(leftMs);
  }
}

function readDormant(reader: JuteReader): DormantTxn {
  const horizonMs = reader.varint();
  const [wakes, wakeMs] = [reader.bool(), reader.varint()];
  const sessions: SessionLeft[] = [];
  for (let left = reader.varintCount(SESSION_LEFT_BYTES_MIN); left > 0; left--) {
    sessions.push({ session: reader.unsignedLong(), leftMs: reader.varint() });
  }
  return { kind: "dormant", horizonMs, wakeInMs: wakes ? wakeMs : undefined, sessions };
}

function writeOperation(writer: JuteWriter, txn: OperationTxn): void {
  writer.byte(KINDS[txn.kind]);
  switch (txn.kind) {
    case "create":
      return writeCreate(writer, txn);
    case "delete":
      return writer.text(txn.path);
    case "setData":
      writer.text(txn.path);
      writer.data(txn.data);
      return writer.signedVarint(txn.version);
    case "check":
      writer.text(txn.path);
      return writer.signedVarint(txn.version);
    case "error":
      return writer.signedVarint(txn.code);
    default:
      return assertNever(txn);
  }
}

function readOperation(reader: JuteReader, kind: OperationTxn["kind"]): OperationTxn {
  switch (kind) {
    case "create":
      return readCreate(reader);
    case "delete":
      return { kind, path: reader.text() };
    case "setData":
      return { kind, path: reader.text(), data: reader.data(), version: reader.signedVarint() };
    case "check":
      return { kind, path: reader.text(), version: reader.signedVarint() };
    case "error":
      return { kind, code: reader.signedVarint() };
    default:
      return assertNever(kind);
  }
}

function readOperations(reader: JuteReader): OperationTxn[] {
  const count = reader.varintCount(OPERATION_BYTES_MIN);
  const operations: OperationTxn[] = [];
  for (let index = 0; index < count; index++) {
    const kind = readKind(reader);
    if (!isOperation(kind)) throw new JuteError("bad-type", `${kind} inside a multi`);
    operations.push(readOperation(reader, kind));
  }
  return operations;
}

function isOperation(kind: Txn["kind"]): kind is OperationTxn["kind"] {
  return OPERATION_KINDS.has(kind);
}

function readKind(reader: JuteReader): Txn["kind"] {
  const number = reader.byte();
  const kind = KIND_NAMES.get(number);
  if (kind === undefined) throw new JuteError("bad-type", `transaction kind ${number}`);
  return kind;
}

function writeCreate(writer: JuteWriter, txn: CreateTxn): void {
  writer.text(txn.path);
  writer.data(txn.data);
  writeAcls(writer, txn.acl);
  writeOwner(writer, txn.owner);
  writer.signedVarint(txn.parentCreates);
  writer.bool(txn.withStat);
}

function readCreate(reader: JuteReader): CreateTxn {
  return {
    kind: "create",
    path: reader.text(),
    data: reader.data(),
    acl: readAcls(reader),
    owner: readOwner(reader),
    parentCreates: reader.signedVarint(),
    withStat: reader.bool(),
  };
}

function writeOwner(writer: JuteWriter, owner: NodeOwner): void {
  writer.byte(OWNER_MODES[owner.mode]);
  switch (owner.mode) {
    case "persistent":
    case "container":
      return undefined;
    case "ephemeral":
      return writer.long(owner.session);
    case "ttl":
      return writer.varint(owner.ttlMs);
    default:
      return assertNever(owner);
  }
}

function readOwner(reader: JuteReader): NodeOwner {
  const number = reader.byte();
  const mode = OWNER_MODE_NAMES.get(number);
  if (mode === undefined) throw new JuteError("bad-type", `owner mode ${number}`);
  switch (mode) {
    case "persistent":
    case "container":
      return { mode };
    case "ephemeral":
      return { mode, session: reader.unsignedLong() };
    case "ttl":
      return { mode, ttlMs: reader.varint() };
    default:
      return assertNever(mode);
  }
}

function writeAcls(writer: JuteWriter, acls: readonly Acl[]): void {
  writer.varint(acls.length);
  for (const acl of acls) {
    writer.signedVarint(acl.perms);
    writer.text(acl.scheme);
    writer.text(acl.id);
  }
}

function readAcls(reader: JuteReader): Acl[] {
  const count = reader.varintCount(ACL_BYTES_MIN);
  const acls: Acl[] = [];
  for (let index = 0; index < count; index++) {
    acls.push({ perms: reader.signedVarint(), scheme: reader.text(), id: reader.text() });
  }
  return acls;
}

function readBytes(reader: JuteReader): Uint8Array {
  const bytes = reader.data();
  if (bytes === null) throw new JuteError("bad-value", "null where bytes must be");
  return bytes;
}
