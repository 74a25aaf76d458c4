/** A znode as a row: what queries need stands in columns, the rest in one record with a format version. */
import { sessionFromKey, sessionKey } from "../base/ids.ts";
import type { NodeOwner } from "../base/txn.ts";
import { JuteReader, type JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import { readAcls, writeAcls } from "../jute/records.ts";
import type { Znode } from "../tree/node-store.ts";

const HEAD_FORMAT = 1;

const PERSISTENT = 0;
const CONTAINER = 1;
const EPHEMERAL = 2;
const TTL = 3;

/** The columns of a znode besides its key (parent, name). */
export interface ZnodeRow {
  /** sessionKey of the owner of an ephemeral; null for all others, which keeps them out of the partial index. */
  readonly owner: string | null;
  readonly head: Uint8Array;
  readonly data: Uint8Array | null;
}

/** The row of a znode. `writer` is lent for the work and empty afterwards. */
export function toRow(node: Znode, writer: JuteWriter): ZnodeRow {
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
  const owner = node.owner.mode === "ephemeral" ? sessionKey(node.owner.session) : null;
  return { owner, head: writer.take(), data: node.data };
}

/** The znode of a row. Throws JuteError where the row is damaged or of a later format. */
export function fromRow(row: ZnodeRow): Znode {
  const reader = new JuteReader(row.head);
  const format = reader.byte();
  if (format !== HEAD_FORMAT) throw new JuteError("bad-value", `znode format ${format}`);
  const hasData = reader.bool();
  return {
    data: hasData ? (row.data ?? new Uint8Array(0)) : null,
    czxid: reader.zxid(),
    mzxid: reader.zxid(),
    pzxid: reader.zxid(),
    ctime: reader.longNumber(),
    mtime: reader.longNumber(),
    version: reader.int(),
    aversion: reader.int(),
    childCreates: reader.int(),
    childCount: reader.int(),
    owner: readOwner(reader, row.owner),
    acl: readAcls(reader),
  };
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

function readOwner(reader: JuteReader, key: string | null): NodeOwner {
  const tag = reader.byte();
  switch (tag) {
    case PERSISTENT:
      return { mode: "persistent" };
    case CONTAINER:
      return { mode: "container" };
    case TTL:
      return { mode: "ttl", ttlMs: reader.varint() };
    default:
      if (tag !== EPHEMERAL || key === null) throw new JuteError("bad-value", `owner ${tag} of a znode`);
      return { mode: "ephemeral", session: sessionFromKey(key) };
  }
}
