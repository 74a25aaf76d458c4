/**
 * A znode in ZooKeeper's snapshots: path, data, the number of its access control list, StatPersisted; and what it adds
 * to ZooKeeper's digest of a tree. Source: ZooKeeper DataNode, StatPersisted (zookeeper.jute), EphemeralType,
 * DigestCalculator (version 2).
 */
import { crc32 } from "../../base/crc32.ts";
import { NO_SESSION } from "../../base/ids.ts";
import type { NodeOwner } from "../../base/txn.ts";
import type { JuteReader, JuteWriter } from "../../jute/archive.ts";
import { JuteError } from "../../jute/jute-error.ts";
import type { Znode } from "../../tree/node-store.ts";
import { TTL_MS_MAX } from "../../tree/idle.ts";

/** What a record takes besides path and data: three lengths or numbers, and StatPersisted. */
export const RECORD_BYTES: number = 4 + 4 + 8 + 60;

/** Owners that stand for no session (EphemeralType.CONTAINER and TTL). */
const CONTAINER_OWNER = 1n << 63n;
const TTL_OWNER = 0xffn << 56n;
const TTL_BITS = 40n;

/** ZooKeeper counts nothing below this one. */
const UNCOUNTED = "/zookeeper/";

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** The root is the empty path in these files. */
export function filePathOf(path: string): string {
  return path === "/" ? "" : path;
}

/** Writes the record. */
export function writeZnodeRecord(writer: JuteWriter, path: string, node: Znode, acl: number): void {
  writer.string(filePathOf(path));
  writer.buffer(node.data);
  writer.longNumber(acl);
  writer.zxid(node.czxid);
  writer.zxid(node.mzxid);
  writer.longNumber(node.ctime);
  writer.longNumber(node.mtime);
  writer.int(node.version);
  writer.int(node.childCreates);
  writer.int(node.aversion);
  writer.long(ownerBits(node.owner));
  writer.zxid(node.pzxid);
}

/** Reads what stands behind the path; children are not known yet, and `acl` is told apart. */
export function readZnodeRecord(reader: JuteReader): { readonly acl: bigint; readonly node: Znode } {
  const data = reader.buffer();
  const acl = reader.long();
  const [czxid, mzxid] = [reader.zxid(), reader.zxid()];
  const [ctime, mtime] = [reader.longNumber(), reader.longNumber()];
  const [version, childCreates, aversion] = [reader.int(), reader.int(), reader.int()];
  const owner = ownerOf(reader.unsignedLong());
  const pzxid = reader.zxid();
  const stat = { czxid, mzxid, pzxid, ctime, mtime, version, aversion, childCreates };
  return { acl, node: { ...stat, data, owner, acl: [], childCount: 0 } };
}

function ownerBits(owner: NodeOwner): bigint {
  switch (owner.mode) {
    case "persistent":
      return NO_SESSION;
    case "container":
      return CONTAINER_OWNER;
    case "ephemeral":
      return owner.session;
    case "ttl":
      return TTL_OWNER | BigInt(owner.ttlMs);
  }
}

function ownerOf(bits: bigint): NodeOwner {
  if (bits === NO_SESSION) return { mode: "persistent" };
  if (bits === CONTAINER_OWNER) return { mode: "container" };
  if (bits >> 56n !== 0xffn) return { mode: "ephemeral", session: bits };
  // Between the two stands a number of the feature, of which ZooKeeper knows 0 alone.
  const ttlMs = Number(bits & BigInt(TTL_MS_MAX));
  if (((bits >> TTL_BITS) & 0xffffn) !== 0n || ttlMs === 0) {
    throw new JuteError("bad-value", `owner 0x${bits.toString(16)} of a znode`);
  }
  return { mode: "ttl", ttlMs };
}

/** What a znode adds to ZooKeeper's digest, which is a sum; `writer` is lent for the work, and empty afterwards. */
export function zookeeperDigest(path: string, node: Znode, writer: JuteWriter): number {
  if (path.startsWith(UNCOUNTED)) return 0;
  writer.zxid(node.czxid);
  writer.zxid(node.mzxid);
  writer.zxid(node.pzxid);
  writer.longNumber(node.ctime);
  writer.longNumber(node.mtime);
  writer.int(node.version);
  writer.int(node.childCreates);
  writer.int(node.aversion);
  writer.long(ownerBits(node.owner));
  const digest = crc32(encoder.encode(filePathOf(path)), node.data ?? NOTHING, writer.view());
  writer.clear();
  return digest;
}
