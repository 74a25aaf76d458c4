/** A znode as bytes, for rows and for snapshots: everything but its data and, of an ephemeral, its session. */
import type { SessionId } from "../base/ids.ts";
import type { NodeData } from "../base/request.ts";
import type { NodeOwner } from "../base/txn.ts";
import type { JuteReader, JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import { readAcls, writeAcls } from "../jute/records.ts";
import type { Znode } from "../tree/node-store.ts";

const HEAD_FORMAT = 1;

const PERSISTENT = 0;
const CONTAINER = 1;
const EPHEMERAL = 2;
const TTL = 3;

/** What stands beside the head. */
export interface BesideHead {
  /** Null and empty may be the same here: the head tells them apart. */
  readonly data: NodeData;
  /** The owner of an ephemeral. */
  readonly session: SessionId | undefined;
}

/** Writes the head. */
export function writeZnodeHead(writer: JuteWriter, node: Znode): void {
  writer.byte(HEAD_FORMAT);
  // SQLite's bindings turn an empty blob into NULL, and null data is not empty data.
  writer.bool(node.data !== null);
  writer.zxid(node.czxid);
  writer.zxid(node.mzxid);
  writer.zxid(node.pzxid);
  writer.longNumber(node.ctime);
  writer.longNumber(node.mtime);
  writer.int(node.version);
  writer.int(node.aversion);
  writer.int(node.childCreates);
  writer.int(node.childCount);
  writeOwner(writer, node.owner);
  writeAcls(writer, node.acl);
}

/** Reads a znode from its head and what stands beside it. Throws JuteError where it is damaged or of a later format. */
export function readZnode(reader: JuteReader, { data, session }: BesideHead): Znode {
  const format = reader.byte();
  if (format !== HEAD_FORMAT) throw new JuteError("bad-value", `znode format ${format}`);
  const hasData = reader.bool();
  return {
    data: hasData ? (data ?? new Uint8Array(0)) : null,
    czxid: reader.zxid(),
    mzxid: reader.zxid(),
    pzxid: reader.zxid(),
    ctime: reader.longNumber(),
    mtime: reader.longNumber(),
    version: reader.int(),
    aversion: reader.int(),
    childCreates: reader.int(),
    childCount: reader.int(),
    owner: readOwner(reader, session),
    acl: readAcls(reader),
  };
}

/** The owner of an ephemeral; undefined for all others. */
export function ownerSession(node: Znode): SessionId | undefined {
  return node.owner.mode === "ephemeral" ? node.owner.session : undefined;
}

function writeOwner(writer: JuteWriter, owner: NodeOwner): void {
  switch (owner.mode) {
    case "persistent":
      return writer.byte(PERSISTENT);
    case "container":
      return writer.byte(CONTAINER);
    case "ephemeral":
      return writer.byte(EPHEMERAL);
    case "ttl":
      writer.byte(TTL);
      return writer.varint(owner.ttlMs);
  }
}

function readOwner(reader: JuteReader, session: SessionId | undefined): NodeOwner {
  const tag = reader.byte();
  switch (tag) {
    case PERSISTENT:
      return { mode: "persistent" };
    case CONTAINER:
      return { mode: "container" };
    case TTL:
      return { mode: "ttl", ttlMs: reader.varint() };
    default:
      if (tag !== EPHEMERAL || session === undefined) {
        throw new JuteError("bad-value", `owner ${tag} of a znode`);
      }
      return { mode: "ephemeral", session };
  }
}
