/**
 * A transaction log of ZooKeeper's, `log.ZXID`: what was done, one transaction after the other. The file is made longer
 * ahead of what is written, so it may end in zeros; a server that died may have left a record in part, which was never
 * acknowledged. Source: ZooKeeper FileTxnLog, SerializeUtils.deserializeTxn, zookeeper.jute.
 */
import type { Acl } from "../../base/acl.ts";
import { zxidToBigInt } from "../../base/zxid.ts";
import { JuteReader } from "../../jute/archive.ts";
import { Adler32 } from "../../jute/checksums.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { OPCODES } from "../../jute/opcodes.ts";
import { readAcls } from "../../jute/records.ts";
import type { Life } from "./copied-znode.ts";

/** ZKLG. */
const MAGIC = 0x5a_4b_4c_47;

/** The only version since ZooKeeper 3. */
const VERSION = 2;

/** Behind each record stands a B. */
const END_OF_RECORD = 0x42;

/** What one transaction does to a znode. */
export type LoggedChange =
  /** `life` is undefined for an ephemeral. */
  | {
      readonly kind: "create";
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly acl: readonly Acl[];
      readonly life: Life | undefined;
    }
  | { readonly kind: "delete"; readonly path: string }
  | { readonly kind: "set"; readonly path: string; readonly data: Uint8Array | null }
  | { readonly kind: "setAcl"; readonly path: string; readonly acl: readonly Acl[] };

/** One transaction. */
export interface LoggedTxn {
  readonly zxid: bigint;
  readonly changes: readonly LoggedChange[];
}

/** Reads a log up to its last whole record. Throws JuteError where it is none, or damaged before its end. */
export function* readLog(bytes: Uint8Array): Generator<LoggedTxn, void> {
  const reader = new JuteReader(bytes);
  // A server that died right behind the making of a file leaves an empty one.
  if (reader.remaining === 0) return;
  if (reader.int() !== MAGIC) throw new JuteError("bad-value", "it does not begin with ZKLG");
  const version = reader.int();
  if (version !== VERSION) throw new JuteError("bad-version", `log version ${version}`);
  reader.long();
  for (let record = nextRecord(reader); record !== undefined; record = nextRecord(reader)) {
    yield txnOf(new JuteReader(record));
  }
}

/** The bytes of the next record; undefined where there is no whole one. */
function nextRecord(reader: JuteReader): Uint8Array | undefined {
  let told: number;
  let record: Uint8Array;
  try {
    told = reader.longNumber();
    record = reader.buffer() ?? new Uint8Array(0);
    if (record.length === 0 || reader.byte() !== END_OF_RECORD) return undefined;
  } catch (error) {
    // A record in part is the end, as for ZooKeeper.
    if (error instanceof JuteError && error.problem === "truncated") return undefined;
    throw error;
  }
  const checksum = new Adler32();
  checksum.add(record);
  if (checksum.value === told) return record;
  throw new JuteError("bad-value", `a record's checksum is ${checksum.value}, and it says ${told}`);
}

function txnOf(reader: JuteReader): LoggedTxn {
  // Who asked: a session and its own number of the request.
  reader.skip(12);
  const zxid = zxidToBigInt(reader.zxid());
  reader.longNumber();
  const type = reader.int();
  return { zxid, changes: type === OPCODES.multi ? changesOfMulti(reader) : changesOf(type, reader) };
}

/** One that failed holds nothing but errors. */
function changesOfMulti(reader: JuteReader): readonly LoggedChange[] {
  const changes: LoggedChange[] = [];
  for (let left = reader.int(); left > 0; left--) {
    const type = reader.int();
    const record = reader.buffer() ?? new Uint8Array(0);
    if (type === OPCODES.error) return [];
    changes.push(...changesOf(type, new JuteReader(record)));
  }
  return changes;
}

/** Sessions, checks, errors and configurations change no znode that is copied; ephemerals are left out anyway. */
function changesOf(type: number, reader: JuteReader): readonly LoggedChange[] {
  switch (type) {
    case OPCODES.create:
    case OPCODES.create2: {
      const made = readMade(reader);
      const isEphemeral = reader.bool();
      return [{ ...made, life: isEphemeral ? undefined : { mode: "persistent", ttlMs: undefined } }];
    }
    case OPCODES.createContainer:
      return [{ ...readMade(reader), life: { mode: "container", ttlMs: undefined } }];
    case OPCODES.createTTL: {
      const made = readMade(reader);
      // How many children its parent has had.
      reader.int();
      return [{ ...made, life: { mode: "ttl", ttlMs: reader.longNumber() } }];
    }
    case OPCODES.delete:
    case OPCODES.deleteContainer:
      return [{ kind: "delete", path: reader.string() }];
    case OPCODES.setData:
      return [{ kind: "set", path: reader.string(), data: reader.buffer() }];
    case OPCODES.setACL:
      return [{ kind: "setAcl", path: reader.string(), acl: readAcls(reader) }];
    default:
      return [];
  }
}

function readMade(reader: JuteReader): Omit<LoggedChange & { readonly kind: "create" }, "life"> {
  return { kind: "create", path: reader.string(), data: reader.buffer(), acl: readAcls(reader) };
}
