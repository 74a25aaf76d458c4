/** Parts of a snapshot and what it sums up to, as bytes. */
import { JuteReader, JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import type { SnapshotEntry, StateSummary } from "../tree/tree-snapshot.ts";
import { ownerSession, readZnode, writeZnodeHead } from "./znode-codec.ts";

const PART_FORMAT = 1;
const SUMMARY_FORMAT = 1;

const NO_ZNODE = 0;
const ZNODE = 1;
const NO_SESSION = 2;
const SESSION = 3;

/** A tag and an empty path. */
const ENTRY_BYTES_MIN = 5;

/** The entries of one part. */
export function encodeSnapshotPart(entries: readonly SnapshotEntry[]): Uint8Array {
  const writer = new JuteWriter();
  writer.byte(PART_FORMAT);
  writer.int(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
  return writer.take();
}

function writeEntry(writer: JuteWriter, entry: SnapshotEntry): void {
  if (entry.kind === "session") {
    const { id, session } = entry;
    writer.byte(session === undefined ? NO_SESSION : SESSION);
    writer.long(id);
    if (session === undefined) return;
    writer.int(session.timeoutMs);
    writer.buffer(session.password);
    return;
  }
  const { path, node } = entry;
  writer.byte(node === undefined ? NO_ZNODE : ZNODE);
  writer.string(path);
  if (node === undefined) return;
  const session = ownerSession(node);
  writer.bool(session !== undefined);
  if (session !== undefined) writer.long(session);
  writer.buffer(node.data);
  writeZnodeHead(writer, node);
}

/** Reads what encodeSnapshotPart wrote. Throws JuteError. */
export function decodeSnapshotPart(bytes: Uint8Array): readonly SnapshotEntry[] {
  const reader = new JuteReader(bytes);
  const format = reader.byte();
  if (format !== PART_FORMAT) throw new JuteError("bad-value", `snapshot part of format ${format}`);
  const entries: SnapshotEntry[] = [];
  for (let left = reader.count(ENTRY_BYTES_MIN); left > 0; left--) entries.push(readEntry(reader));
  reader.end();
  return entries;
}

function readEntry(reader: JuteReader): SnapshotEntry {
  const tag = reader.byte();
  switch (tag) {
    case NO_ZNODE:
      return { kind: "znode", path: reader.string(), node: undefined };
    case ZNODE: {
      const path = reader.string();
      const session = reader.bool() ? reader.unsignedLong() : undefined;
      // Copied: a znode that is kept must not keep the whole part.
      const data = reader.buffer()?.slice() ?? null;
      return { kind: "znode", path, node: readZnode(reader, { data, session }) };
    }
    case NO_SESSION:
      return { kind: "session", id: reader.unsignedLong(), session: undefined };
    case SESSION: {
      const id = reader.unsignedLong();
      const timeoutMs = reader.int();
      const password = reader.buffer()?.slice();
      if (password === undefined) throw new JuteError("bad-value", "a session without a password");
      return { kind: "session", id, session: { id, timeoutMs, password } };
    }
    default:
      throw new JuteError("bad-value", `snapshot entry ${tag}`);
  }
}

/** What a snapshot sums up to. */
export function encodeSummary(summary: StateSummary): Uint8Array {
  const writer = new JuteWriter();
  writer.byte(SUMMARY_FORMAT);
  writer.int(summary.digest.hi);
  writer.int(summary.digest.lo);
  writer.longNumber(summary.totals.dataBytes);
  writer.longNumber(summary.totals.ephemerals);
  writer.longNumber(summary.znodes);
  writer.longNumber(summary.sessions);
  return writer.take();
}

/** Reads what encodeSummary wrote. Throws JuteError. */
export function decodeSummary(bytes: Uint8Array): StateSummary {
  const reader = new JuteReader(bytes);
  const format = reader.byte();
  if (format !== SUMMARY_FORMAT) throw new JuteError("bad-value", `snapshot summary of format ${format}`);
  const digest = { hi: reader.int() >>> 0, lo: reader.int() >>> 0 };
  const totals = { dataBytes: reader.longNumber(), ephemerals: reader.longNumber() };
  const summary = { digest, totals, znodes: reader.longNumber(), sessions: reader.longNumber() };
  reader.end();
  return summary;
}
