/**
 * Reads a snapshot file of ZooKeeper's that comes in pieces, split anywhere, and holds no more of it than a record.
 * Everything that the file claims is checked, its seals too; what it means is for others.
 * Source: ZooKeeper FileSnap.deserialize, DataTree.deserialize, SnapStream.checkSealIntegrity.
 */
import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import { assertNever } from "../../base/assert.ts";
import type { SessionId } from "../../base/ids.ts";
import type { Zxid } from "../../base/zxid.ts";
import { JuteReader, JuteWriter } from "../../jute/archive.ts";
import { Adler32 } from "../../jute/checksums.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { readAcls } from "../../jute/records.ts";
import type { Znode } from "../../tree/node-store.ts";
import {
  END_PATH,
  OPEN_ACL_NUMBER,
  SNAPSHOT_MAGIC,
  SNAPSHOT_VERSION,
  ZOOKEEPER_DIGEST_VERSION,
} from "./writer.ts";
import { readZnodeRecord, zookeeperDigest } from "./znode-record.ts";
import { addDigest, type Digest, DIGEST_ZERO, equalDigest } from "../../tree/digest.ts";

/** A record that has not ended after so many bytes is none that can be kept here. */
const RECORD_BYTES_MAX = 4 * 1024 * 1024;

/** Lists of a file are in memory until it has been read. */
const LISTS_BYTES_MAX = 8 * 1024 * 1024;

const SEAL_BYTES = 13;
const DIGEST_BYTES = 20;
const LAST_ZXID_BYTES = 8;
const TAIL_BYTES_MAX = DIGEST_BYTES + LAST_ZXID_BYTES + 2 * SEAL_BYTES;

/** Something in the file. */
export type FileEntry =
  | { readonly kind: "session"; readonly id: SessionId; readonly timeoutMs: number }
  /** Its children are not counted. */
  | { readonly kind: "znode"; readonly path: string; readonly node: Znode };

/** What stands at its end. */
export interface FileEnd {
  /** The last zxid that it says it shows; undefined where it says none. */
  readonly last: Zxid | undefined;
  /** Whether the digest in it is that of its znodes; undefined where there is none, or of another version. */
  readonly isDigestRight: boolean | undefined;
}

/** What is read next. */
type Stage = "header" | "sessions" | "lists" | "znodes" | "seal" | "tail";

/** One file. Throws JuteError for whatever is wrong with it. */
export class SnapshotFileReader {
  readonly #checksum = new Adler32();
  readonly #lists = new Map<bigint, readonly Acl[]>([[BigInt(OPEN_ACL_NUMBER), OPEN_ACL]]);
  readonly #scratch = new JuteWriter();
  #stage: Stage = "header";
  /** Of what the stage has a number of. */
  #left = 0;
  #listBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #digest: Digest = DIGEST_ZERO;

  /** Takes the next piece in, and gives what is whole with it. */
  push(piece: Uint8Array): readonly FileEntry[] {
    this.#bytes = joined(this.#bytes, piece);
    const entries: FileEntry[] = [];
    while (this.#stage !== "tail" && this.#step(entries));
    const isEndless = this.#bytes.length > (this.#stage === "tail" ? TAIL_BYTES_MAX : RECORD_BYTES_MAX);
    if (isEndless) throw new JuteError("bad-length", `${this.#stage}: it goes on where it should have ended`);
    return entries;
  }

  /** There are no more pieces. */
  end(): FileEnd {
    if (this.#stage !== "tail") throw new JuteError("truncated", `it ends within its ${this.#stage}`);
    const behind = this.#bytes.length;
    const hasDigest = behind >= DIGEST_BYTES + SEAL_BYTES;
    const rest = behind - (hasDigest ? DIGEST_BYTES + SEAL_BYTES : 0);
    if (rest !== 0 && rest !== LAST_ZXID_BYTES + SEAL_BYTES) {
      throw new JuteError("truncated", `${behind} bytes behind its znodes`);
    }
    const told = hasDigest ? this.#readSealed(DIGEST_BYTES, readDigest) : undefined;
    const last = rest === 0 ? undefined : this.#readSealed(LAST_ZXID_BYTES, (reader) => reader.zxid());
    const isKnown = told?.version === ZOOKEEPER_DIGEST_VERSION;
    return { last, isDigestRight: isKnown ? equalDigest(told.digest, this.#digest) : undefined };
  }

  /** Reads one record; whether it was there whole. */
  #step(entries: FileEntry[]): boolean {
    const reader = new JuteReader(this.#bytes);
    try {
      const entry = this.#read(reader);
      this.#take(this.#bytes.length - reader.remaining);
      if (entry !== undefined) entries.push(entry);
      return true;
    } catch (error) {
      // More is to come.
      if (error instanceof JuteError && error.problem === "truncated") return false;
      throw error;
    }
  }

  /** Changes nothing of this before the whole record is read. */
  #read(reader: JuteReader): FileEntry | undefined {
    switch (this.#stage) {
      case "header":
        return this.#begin("sessions", readHeader(reader));
      case "sessions":
        if (this.#left === 0) return this.#begin("lists", countOf(reader));
        return this.#readSession(reader);
      case "lists":
        return this.#left === 0 ? this.#begin("znodes", 0) : this.#readList(reader);
      case "znodes":
        return this.#readZnode(reader);
      case "seal":
        checkSeal(reader, this.#checksum.value);
        return this.#begin("tail", 0);
      case "tail":
        return undefined;
      default:
        return assertNever(this.#stage);
    }
  }

  #begin(stage: Stage, count: number): undefined {
    this.#stage = stage;
    this.#left = count;
  }

  #readSession(reader: JuteReader): FileEntry {
    const entry = { kind: "session", id: reader.unsignedLong(), timeoutMs: reader.int() } as const;
    this.#left--;
    return entry;
  }

  #readList(reader: JuteReader): undefined {
    const before = reader.remaining;
    const number = reader.long();
    const acl = readAcls(reader);
    this.#listBytes += before - reader.remaining;
    if (this.#listBytes > LISTS_BYTES_MAX) {
      throw new JuteError("bad-length", `its access control lists take more than ${LISTS_BYTES_MAX} bytes`);
    }
    this.#lists.set(number, acl);
    this.#left--;
  }

  #readZnode(reader: JuteReader): FileEntry | undefined {
    const told = reader.string();
    if (told === END_PATH) return this.#begin("seal", 0);
    const path = told === "" ? "/" : told;
    const { acl: number, node } = readZnodeRecord(reader);
    const acl = this.#lists.get(number);
    if (acl === undefined) {
      throw new JuteError(
        "bad-value",
        `${path} has the access control list ${number}, which it does not hold`,
      );
    }
    const lo = zookeeperDigest(path, node, this.#scratch);
    this.#digest = addDigest(this.#digest, { hi: 0, lo });
    return { kind: "znode", path, node: { ...node, acl } };
  }

  /** Of the bytes at the end: so many, and a seal. */
  #readSealed<T>(bytes: number, read: (reader: JuteReader) => T): T {
    const found = read(new JuteReader(this.#bytes.subarray(0, bytes)));
    this.#take(bytes);
    checkSeal(new JuteReader(this.#bytes), this.#checksum.value);
    this.#take(SEAL_BYTES);
    return found;
  }

  #take(count: number): void {
    this.#checksum.add(this.#bytes.subarray(0, count));
    this.#bytes = this.#bytes.subarray(count);
  }
}

/** The number of sessions that follow. */
function readHeader(reader: JuteReader): number {
  const magic = reader.int();
  if (magic !== SNAPSHOT_MAGIC) {
    throw new JuteError("bad-value", "it does not begin with ZKSN: no snapshot, or a compressed one");
  }
  const version = reader.int();
  if (version !== SNAPSHOT_VERSION) throw new JuteError("bad-version", `snapshot version ${version}`);
  reader.long();
  return countOf(reader);
}

function countOf(reader: JuteReader): number {
  const count = reader.int();
  if (count < 0) throw new JuteError("bad-length", `a count of ${count}`);
  return count;
}

/** Throws unless the seal is of these bytes. */
function checkSeal(reader: JuteReader, checksum: number): void {
  const told = reader.longNumber();
  if (reader.string() !== END_PATH || told !== checksum) {
    throw new JuteError("bad-value", `its checksum is ${checksum}, and it says ${told}: it is damaged`);
  }
}

function readDigest(reader: JuteReader): { readonly version: number; readonly digest: Digest } {
  reader.zxid();
  const version = reader.int();
  return { version, digest: { hi: reader.int() >>> 0, lo: reader.int() >>> 0 } };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
