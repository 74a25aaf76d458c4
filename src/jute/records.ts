/**
 * The records that requests and replies are made of, field by field in the order of zookeeper.jute. Each has
 * a writer and a reader; readers throw JuteError and nothing else.
 */
import type { Acl, Identity } from "../base/acl.ts";
import type { Stat } from "../base/stat.ts";
import type { Zxid } from "../base/zxid.ts";
import { JuteError } from "./jute-error.ts";
import type { JuteReader, JuteWriter } from "./archive.ts";

/** An Acl takes its perms and two lengths at least. */
const ACL_BYTES_MIN = 12;

/** The schemes whose ids are looked at. */
const ID_SCHEMES: ReadonlySet<string> = new Set(["world", "digest", "ip"]);

/** An Identity takes two lengths at least. */
const IDENTITY_BYTES_MIN = 8;

/** Source: zookeeper.jute, class Stat. */
export function writeStat(writer: JuteWriter, stat: Stat): void {
  writer.zxid(stat.czxid);
  writer.zxid(stat.mzxid);
  writer.longNumber(stat.ctime);
  writer.longNumber(stat.mtime);
  writer.int(stat.version);
  writer.int(stat.cversion);
  writer.int(stat.aversion);
  writer.long(stat.ephemeralOwner);
  writer.int(stat.dataLength);
  writer.int(stat.numChildren);
  writer.zxid(stat.pzxid);
}

/** Reads what writeStat wrote. */
export function readStat(reader: JuteReader): Stat {
  return {
    czxid: reader.zxid(),
    mzxid: reader.zxid(),
    ctime: reader.longNumber(),
    mtime: reader.longNumber(),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: reader.unsignedLong(),
    dataLength: reader.int(),
    numChildren: reader.int(),
    pzxid: reader.zxid(),
  };
}

/** A vector of ACL. Source: zookeeper.jute, classes ACL and Id. */
export function writeAcls(writer: JuteWriter, acls: readonly Acl[]): void {
  writer.int(acls.length);
  for (const acl of acls) {
    writer.int(acl.perms);
    writer.string(acl.scheme);
    writer.string(acl.id);
  }
}

/** Reads what writeAcls wrote; a null vector is empty, which no znode may have. */
export function readAcls(reader: JuteReader): Acl[] {
  const count = reader.count(ACL_BYTES_MIN);
  const acls: Acl[] = [];
  for (let index = 0; index < count; index++) {
    const line = { perms: reader.int(), scheme: reader.string(), id: reader.nullableString() };
    acls.push({ ...line, id: line.id ?? absentId(line.scheme) });
  }
  return acls;
}

/** Null for an id: where it would be looked at, ZooKeeper cannot go on (seen on 3.9.5). */
function absentId(scheme: string): string {
  if (ID_SCHEMES.has(scheme)) throw new JuteError("bad-value", `null for an id of ${scheme}`);
  return "";
}

/** A vector of ClientInfo. Source: zookeeper.jute, classes ClientInfo and WhoAmIResponse. */
export function writeIdentities(writer: JuteWriter, identities: readonly Identity[]): void {
  writer.int(identities.length);
  for (const identity of identities) {
    writer.string(identity.scheme);
    writer.string(identity.id);
  }
}

/** Reads what writeIdentities wrote. */
export function readIdentities(reader: JuteReader): Identity[] {
  const count = reader.count(IDENTITY_BYTES_MIN);
  const identities: Identity[] = [];
  for (let index = 0; index < count; index++) {
    identities.push({ scheme: reader.string(), id: reader.string() });
  }
  return identities;
}

/**
 * Stands before each operation of a multi and each of its results. Source: zookeeper.jute, class MultiHeader.
 */
export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly error: number;
}

/** The end of a multi's operations and of its results. */
export const MULTI_END: MultiHeader = { type: -1, done: true, error: -1 };

/** Source: zookeeper.jute, class MultiHeader. */
export function writeMultiHeader(writer: JuteWriter, header: MultiHeader): void {
  writer.int(header.type);
  writer.bool(header.done);
  writer.int(header.error);
}

/** Reads what writeMultiHeader wrote. */
export function readMultiHeader(reader: JuteReader): MultiHeader {
  return { type: reader.int(), done: reader.bool(), error: reader.int() };
}

/** Begins every answer after the handshake. */
export interface ReplyHeader {
  readonly xid: number;
  /** The last that the answering replica had delivered; all bits set where it does not say. */
  readonly zxid: Zxid;
  /** An ERROR_CODES number; where it is not 0, no body follows. */
  readonly error: number;
}

/** The zxid of a reply that does not tell one: -1 on the wire. */
export const ZXID_UNKNOWN: Zxid = { epoch: 0xffffffff, counter: 0xffffffff };

/** Source: zookeeper.jute, class ReplyHeader. */
export function writeReplyHeader(writer: JuteWriter, header: ReplyHeader): void {
  writer.int(header.xid);
  writer.zxid(header.zxid);
  writer.int(header.error);
}

/** Reads what writeReplyHeader wrote. */
export function readReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.int(), zxid: reader.zxid(), error: reader.int() };
}

/** A watch that fired, or the removal of one. Source: zookeeper.jute, class WatcherEvent. */
export interface WatcherEvent {
  /**
   * 1 created, 2 deleted, 3 data changed, 4 children changed, 5 to 7 watch removed (Watcher.Event.EventType).
   */
  readonly type: number;
  /** 3 connected, 5 connected read-only (Watcher.Event.KeeperState). */
  readonly state: number;
  readonly path: string;
}
