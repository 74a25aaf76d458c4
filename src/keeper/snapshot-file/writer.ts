/**
 * Writes a snapshot as ZooKeeper 3.9 does with serializeLastProcessedZxid.enabled, so that its servers restore it.
 * A header, sessions, the access control lists by number, znodes, each parent before its children, and behind all that,
 * each behind a seal: the digest, the last zxid. A seal is the Adler-32 of all before it.
 *
 * The lists, and for its headers the size, must be known before the first byte: so the tree is read twice.
 * Source: ZooKeeper FileSnap.serialize, SerializeUtils.serializeSnapshot, ReferenceCountedACLCache, SnapStream.
 */
import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import { must } from "../../base/assert.ts";
import type { Zxid } from "../../base/zxid.ts";
import { JuteWriter } from "../../jute/archive.ts";
import { Adler32 } from "../../jute/checksums.ts";
import { writeAcls } from "../../jute/records.ts";
import { addDigest, DIGEST_ZERO } from "../../tree/digest.ts";
import type { Placed } from "../../tree/frozen-tree.ts";
import type { SessionRecord } from "../../tree/session-table.ts";
import { filePathOf, RECORD_BYTES, writeZnodeRecord, zookeeperDigest } from "./znode-record.ts";

/** "ZKSN". */
export const SNAPSHOT_MAGIC = 0x5a4b534e;

/** Of all files since ZooKeeper 3. */
export const SNAPSHOT_VERSION = 2;

/** Stands for the list of one line that lets everybody do everything, in no table. */
export const OPEN_ACL_NUMBER = -1;

/** The version of the digest that zookeeperDigest makes. */
export const ZOOKEEPER_DIGEST_VERSION = 2;

const HEADER_BYTES = 16;
const SESSION_BYTES = 12;
const SEAL_BYTES = 13;
const DIGEST_BYTES = 20;
const LAST_ZXID_BYTES = 8;

/** Stands where a path would: ends the znodes, and each seal. */
export const END_PATH = "/";
const END_BYTES = 5;

const encoder = new TextEncoder();
const OPEN_KEY = keyOf(OPEN_ACL);

/** One file. First `measure` is given all znodes, then `begin`, `znodes` with the same again, and `end` are called. */
export class SnapshotFileWriter {
  readonly #acls = new Map<string, { readonly number: number; readonly acl: readonly Acl[] }>();
  readonly #writer = new JuteWriter();
  readonly #scratch = new JuteWriter();
  readonly #checksum = new Adler32();
  #znodeBytes = 0;
  #digest = DIGEST_ZERO;

  /** Takes note of what these znodes need in what stands before them. */
  measure(znodes: readonly Placed[]): void {
    for (const [path, node] of znodes) {
      this.#znodeBytes += RECORD_BYTES + encoder.encode(filePathOf(path)).length + (node.data?.length ?? 0);
      const key = keyOf(node.acl);
      if (key === OPEN_KEY || this.#acls.has(key)) continue;
      this.#acls.set(key, { number: this.#acls.size + 1, acl: node.acl });
    }
  }

  /** How many bytes the whole file takes. */
  sizeWith(sessions: readonly SessionRecord[]): number {
    this.#writeAcls();
    const aclBytes = this.#writer.length;
    this.#writer.clear();
    const before = HEADER_BYTES + 4 + sessions.length * SESSION_BYTES + aclBytes;
    const behind = END_BYTES + 3 * SEAL_BYTES + DIGEST_BYTES + LAST_ZXID_BYTES;
    return before + this.#znodeBytes + behind;
  }

  /** What stands before the znodes. */
  begin(sessions: readonly SessionRecord[]): Uint8Array {
    const writer = this.#writer;
    writer.int(SNAPSHOT_MAGIC);
    writer.int(SNAPSHOT_VERSION);
    // The database's number, which ZooKeeper has always written so.
    writer.long(-1n);
    writer.int(sessions.length);
    for (const { id, timeoutMs } of sessions) {
      writer.long(id);
      writer.int(timeoutMs);
    }
    this.#writeAcls();
    return this.#take();
  }

  /** Some znodes. */
  znodes(part: readonly Placed[]): Uint8Array {
    for (const [path, node] of part) {
      const key = keyOf(node.acl);
      const number = key === OPEN_KEY ? OPEN_ACL_NUMBER : must(this.#acls.get(key), "a measured list").number;
      writeZnodeRecord(this.#writer, path, node, number);
      const lo = zookeeperDigest(path, node, this.#scratch);
      this.#digest = addDigest(this.#digest, { hi: 0, lo });
    }
    return this.#take();
  }

  /** What stands behind the znodes; `last` is the zxid that they are of. */
  end(last: Zxid): Uint8Array {
    const writer = this.#writer;
    writer.string(END_PATH);
    const pieces = [this.#take(), this.#seal()];
    writer.zxid(last);
    writer.int(ZOOKEEPER_DIGEST_VERSION);
    writer.int(this.#digest.hi);
    writer.int(this.#digest.lo);
    pieces.push(this.#take(), this.#seal());
    writer.zxid(last);
    pieces.push(this.#take(), this.#seal());
    for (const piece of pieces) writer.raw(piece);
    return writer.take();
  }

  #writeAcls(): void {
    this.#writer.int(this.#acls.size);
    for (const { number, acl } of this.#acls.values()) {
      this.#writer.longNumber(number);
      writeAcls(this.#writer, acl);
    }
  }

  #seal(): Uint8Array {
    this.#writer.longNumber(this.#checksum.value);
    this.#writer.string(END_PATH);
    return this.#take();
  }

  #take(): Uint8Array {
    const bytes = this.#writer.take();
    this.#checksum.add(bytes);
    return bytes;
  }
}

/** Lists of the same key are the same. */
function keyOf(acl: readonly Acl[]): string {
  const [line, second] = acl;
  if (line !== undefined && second === undefined) return `${line.perms}:${line.scheme}:${line.id}`;
  return JSON.stringify(acl);
}
