/**
 * A snapshot file of ZooKeeper's, `snapshot.ZXID` in its dataDir or what its AdminServer gives out: its znodes.
 * Source: ZooKeeper FileSnap, SerializeUtils and DataTree; as it comes (`snapshot.compression.method` unset or gz).
 *
 * ZooKeeper's own is fuzzy where it was written under load: what its log has beside is not looked at.
 */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import { parentOf } from "../../base/path.ts";
import { zxidToBigInt } from "../../base/zxid.ts";
import { JuteReader } from "../../jute/archive.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { type CopiedZnode, isOwn, modeOfOwner } from "./copied-znode.ts";

/** ZKSN. */
const MAGIC = 0x5a_4b_53_4e;

/** The reference of a list that lets everybody do everything. Source: ReferenceCountedACLCache. */
const OPEN_REFERENCE = -1n;

const GZIP = 0x1f;

/** What a file holds. */
export interface SnapshotZnodes {
  /** Parents before their children; ephemerals and /zookeeper left out. */
  readonly znodes: readonly CopiedZnode[];
  /** The largest that any of them has, as the fencing tokens of whoever held something then. */
  readonly zxid: bigint;
}

/** Reads one. Throws ProgramError where it is none. */
export async function readSnapshot(file: string): Promise<SnapshotZnodes> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  try {
    return znodesIn(bytes[0] === GZIP ? gunzipSync(bytes) : bytes);
  } catch (error) {
    if (!(error instanceof JuteError) && !(error instanceof RangeError)) throw error;
    const message = `${file} is no snapshot of ZooKeeper's, or is cut: ${error.message}`;
    throw new ProgramError(message, { code: "damaged-file", cause: error });
  }
}

function znodesIn(bytes: Uint8Array): SnapshotZnodes {
  const reader = new JuteReader(bytes);
  if (reader.int() !== MAGIC)
    throw new RangeError("it does not begin with ZKSN; is it compressed by snappy?");
  reader.int();
  reader.unsignedLong();
  for (let left = reader.int(); left > 0; left--) {
    reader.unsignedLong();
    reader.int();
  }
  const lists = readLists(reader);
  const znodes: CopiedZnode[] = [];
  let newest = 0n;
  for (let path = reader.string(); path !== "/"; path = reader.string()) {
    const data = reader.buffer();
    const list = BigInt.asIntN(64, reader.unsignedLong());
    const [czxid, mzxid] = [reader.zxid(), reader.zxid()].map(zxidToBigInt);
    reader.unsignedLong();
    reader.unsignedLong();
    for (let skipped = 0; skipped < 3; skipped++) reader.int();
    const life = modeOfOwner(reader.unsignedLong());
    const pzxid = zxidToBigInt(reader.zxid());
    for (const zxid of [czxid ?? 0n, mzxid ?? 0n, pzxid]) if (zxid > newest) newest = zxid;
    // The root has an empty name in such a file.
    const named = path === "" ? "/" : path;
    if (life === undefined || isOwn(named)) continue;
    const acl = list === OPEN_REFERENCE ? OPEN_ACL : lists.get(list);
    if (acl === undefined) throw new RangeError(`the list ${list} of ${named} is not there`);
    znodes.push({ path: named, data, acl, ...life });
  }
  return { znodes: parentsFirst(znodes), zxid: newest };
}

function readLists(reader: JuteReader): ReadonlyMap<bigint, readonly Acl[]> {
  const lists = new Map<bigint, readonly Acl[]>();
  for (let left = reader.int(); left > 0; left--) {
    const reference = BigInt.asIntN(64, reader.unsignedLong());
    const list: Acl[] = [];
    for (let entries = reader.int(); entries > 0; entries--) {
      const perms = reader.int();
      list.push({ perms, scheme: reader.string(), id: reader.string() });
    }
    lists.set(reference, list);
  }
  return lists;
}

/** Below an ephemeral nothing stands; what a fuzzy file has without its parent is left out with it. */
function parentsFirst(znodes: readonly CopiedZnode[]): readonly CopiedZnode[] {
  const there = new Set(znodes.map(({ path }) => path));
  const depth = (path: string): number => (path === "/" ? 0 : path.split("/").length - 1);
  return znodes
    .filter(({ path }) => path === "/" || there.has(parentOf(path)))
    .toSorted((a, b) => depth(a.path) - depth(b.path));
}
