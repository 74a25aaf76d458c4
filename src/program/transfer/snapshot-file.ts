/**
 * A snapshot file of ZooKeeper's, `snapshot.ZXID` in its dataDir or what an AdminServer gives out, ours or its: its
 * znodes, read in pieces, its checksums checked.
 *
 * ZooKeeper's own is fuzzy where it was written under load, and right only with its log behind it: zookeeper-data.ts.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import { zxidDigits } from "../../base/zxid.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { type FileEntry, SnapshotFileReader } from "../../keeper/snapshot-file/reader.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { type CopiedZnode, isOwn, type Life } from "./copied-znode.ts";

/** The first byte of a compressed file. */
const GZIP = 0x1f;

/** Parents before their children where the tree was of one moment; ephemerals and /zookeeper left out. */
export async function* znodesOfFile(file: string): AsyncGenerator<CopiedZnode, void> {
  try {
    const source = createReadStream(file);
    const input: Readable = (await firstByte(file)) === GZIP ? source.pipe(createGunzip()) : source;
    source.on("error", (error) => input.destroy(error));
    yield* znodesOfSnapshot(input, file);
  } catch (error) {
    if (error instanceof ProgramError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw code.startsWith("Z_") ? damaged(file, reason) : usageError(`cannot read ${file}: ${reason}`, error);
  }
}

async function firstByte(file: string): Promise<number | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(1), 0, 1);
    return bytesRead === 0 ? undefined : buffer[0];
  } finally {
    await handle.close();
  }
}

/**
 * The same of what comes in pieces; `name` is what it is called in errors. Throws ProgramError where it is none, and
 * with `isExact` where it is not of one moment, as its digest says.
 */
export async function* znodesOfSnapshot(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
  { isExact = false }: { readonly isExact?: boolean } = {},
): AsyncGenerator<CopiedZnode, void> {
  const reader = new SnapshotFileReader();
  try {
    for await (const piece of pieces) {
      for (const entry of reader.push(piece)) {
        const znode = copiedOf(entry);
        if (znode !== undefined) yield znode;
      }
    }
    const { isDigestRight } = reader.end();
    if (isExact && isDigestRight !== true) throw damaged(name, "its digest is not that of its znodes");
  } catch (error) {
    if (error instanceof JuteError) throw damaged(name, error.message, error);
    throw error;
  }
}

function copiedOf(entry: FileEntry): CopiedZnode | undefined {
  if (entry.kind !== "znode" || isOwn(entry.path)) return undefined;
  const { path, node } = entry;
  const { data, acl, owner, czxid, mzxid, pzxid, ctime, mtime, version, aversion } = node;
  if (owner.mode === "ephemeral") return undefined;
  const life: Life =
    owner.mode === "ttl" ? { mode: "ttl", ttlMs: owner.ttlMs } : { mode: owner.mode, ttlMs: undefined };
  const zxids = { czxid: zxidDigits(czxid), mzxid: zxidDigits(mzxid), pzxid: zxidDigits(pzxid) };
  return { path, data, acl, ...life, stat: { ...zxids, ctime, mtime, version, aversion } };
}

function damaged(name: string, reason: string, cause?: unknown): ProgramError {
  const message = `${name} is no snapshot of ZooKeeper's, or is cut: ${reason}`;
  return new ProgramError(message, { code: "damaged-file", cause });
}
