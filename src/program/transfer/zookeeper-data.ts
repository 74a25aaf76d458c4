/**
 * What a ZooKeeper server has on its disk: its newest whole snapshot, and the log behind it. A snapshot that was
 * written under load is of no moment; every transaction since it was begun, done again on it, makes it that of the
 * log's end, as at the server's own start. That works because what a transaction leaves of a znode does not depend on
 * what was there: so it does no harm where the snapshot shows it already, or what came after it.
 * Source: ZooKeeper FileTxnSnapLog.restore, fastForwardFromEdits.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { parentOf } from "../../base/path.ts";
import { zxidFromBigInt, zxidText } from "../../base/zxid.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { type CopiedZnode, isOwn } from "./copied-znode.ts";
import { znodesOfFile } from "./snapshot-file.ts";
import { type LoggedChange, readLog } from "./zookeeper-log.ts";

/** What a directory came to. */
export interface ZooKeeperData {
  /** Parents before their children; ephemerals and /zookeeper left out. */
  readonly znodes: readonly CopiedZnode[];
  /** The snapshot that was read, and those that were passed over as they are damaged, and why. */
  readonly snapshot: string;
  readonly passedOver: readonly string[];
  /** Transactions that were done again. */
  readonly txns: number;
}

/** A file and the zxid in its name. */
interface NamedFile {
  readonly file: string;
  readonly zxid: bigint;
}

/** Reads `version-2` of a server's dataDir, and of its dataLogDir where that is another one. Throws ProgramError. */
export async function readZooKeeperData(
  directory: string,
  logDirectory: string = directory,
): Promise<ZooKeeperData> {
  const snapshots = await filesNamed(directory, /^snapshot\.([\da-f]{1,16})(?:\.gz)?$/);
  const logs = await filesNamed(logDirectory, /^log\.([\da-f]{1,16})$/);
  if (snapshots.length === 0) {
    throw usageError(`${directory} has no snapshot.ZXID: give version-2, below ZooKeeper's dataDir`);
  }
  const passedOver: string[] = [];
  for (const { file, zxid } of snapshots.toReversed()) {
    const znodes = new Map<string, CopiedZnode>();
    try {
      for await (const znode of znodesOfFile(file)) znodes.set(znode.path, znode);
    } catch (error) {
      if (!(error instanceof ProgramError) || error.code !== "damaged-file") throw error;
      passedOver.push(error.message);
      continue;
    }
    const txns = await doAgain(znodes, { logs, after: zxid });
    return { znodes: parentsFirst([...znodes.values()]), snapshot: file, passedOver, txns };
  }
  throw new ProgramError(passedOver.join("\n"), { code: "damaged-file" });
}

/** In the order of their zxids. */
async function filesNamed(directory: string, pattern: RegExp): Promise<readonly NamedFile[]> {
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    throw usageError(
      `cannot read ${directory}: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  const files = names.flatMap((name) => {
    const digits = pattern.exec(name)?.[1];
    return digits === undefined ? [] : [{ file: join(directory, name), zxid: BigInt(`0x${digits}`) }];
  });
  return files.toSorted((a, b) => (a.zxid < b.zxid ? -1 : 1));
}

/** Does what came behind a zxid; gives how many transactions that was. A file begins at the zxid in its name. */
async function doAgain(
  znodes: Map<string, CopiedZnode>,
  { logs, after }: { readonly logs: readonly NamedFile[]; readonly after: bigint },
): Promise<number> {
  const first = logs.findLastIndex(({ zxid }) => zxid <= after + 1n);
  let last = after;
  let count = 0;
  for (const { file } of logs.slice(Math.max(first, 0))) {
    const bytes = new Uint8Array(await readFile(file));
    try {
      for (const { zxid, changes } of readLog(bytes)) {
        if (zxid <= last) continue;
        checkNext(file, { last, next: zxid });
        for (const change of changes) doChange(znodes, change);
        last = zxid;
        count++;
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      throw new ProgramError(`${file} is no log of ZooKeeper's, or is damaged: ${error.message}`, {
        code: "damaged-file",
        cause: error,
      });
    }
  }
  return count;
}

/** Within an epoch every number is given, failures included: where one is missing, a file is. */
function checkNext(file: string, { last, next }: { readonly last: bigint; readonly next: bigint }): void {
  const isNewEpoch = next >> 32n > last >> 32n;
  const counter = next & 0xffff_ffffn;
  // What an epoch begins with is its leader's own matter, which is not in the log.
  if (next === last + 1n || (isNewEpoch && counter <= 1n)) return;
  const [from, to] = [last, next].map((zxid) => zxidText(zxidFromBigInt(zxid)));
  throw new ProgramError(
    `${file} goes on at ${to}, and what came before it ends at ${from}: a file of the log is missing. Give all of ` +
      "them, with --log where they are not beside the snapshots",
    { code: "damaged-file" },
  );
}

function doChange(znodes: Map<string, CopiedZnode>, change: LoggedChange): void {
  const { path } = change;
  if (isOwn(path)) return;
  if (change.kind === "create" && change.life !== undefined) {
    const { data, acl, life } = change;
    znodes.set(path, { path, data, acl, ...life });
    return;
  }
  if (change.kind === "create" || change.kind === "delete") {
    znodes.delete(path);
    return;
  }
  const znode = znodes.get(path);
  // An ephemeral, or what the snapshot shows to be gone by now.
  if (znode === undefined) return;
  const { stat: _, ...rest } = znode;
  znodes.set(path, change.kind === "set" ? { ...rest, data: change.data } : { ...rest, acl: change.acl });
}

/** What has no parent is what a snapshot without its log shows of a deletion under way. */
export function parentsFirst(znodes: readonly CopiedZnode[]): readonly CopiedZnode[] {
  const there = new Set(znodes.map(({ path }) => path));
  const depth = (path: string): number => (path === "/" ? 0 : path.split("/").length - 1);
  const ordered = znodes.toSorted((a, b) => depth(a.path) - depth(b.path));
  for (const { path } of ordered) if (path !== "/" && !there.has(parentOf(path))) there.delete(path);
  return ordered.filter(({ path }) => there.has(path));
}
