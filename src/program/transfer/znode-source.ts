/** Znodes of a running ensemble, Edgekeeper's or ZooKeeper's, one by one: parents before their children. */
import { childOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NoNodeError } from "../../client/errors.ts";
import { type Stat, zxidText } from "../../client/znode.ts";
import { type CopiedStat, type CopiedZnode, isEphemeral, isOwn } from "./copied-znode.ts";
import { heldBack } from "./pipelined.ts";

/**
 * Znodes that are read at a time: enough for a round trip to cost little by the znode, and, as each may have 1 MB, some
 * hundred megabytes at the very worst.
 */
export const READS_MAX = 256;

/** What was read of a znode. */
interface Read {
  readonly znode: CopiedZnode;
  /** Names. */
  readonly children: readonly string[];
}

/**
 * A znode and the names of its children; undefined where it is gone, or goes with a session. `isHurried` where few are
 * read beside it: then a round trip counts for more than a request.
 */
export async function readCopied(
  client: Client,
  path: string,
  isHurried: boolean,
): Promise<Read | undefined> {
  try {
    const listed = isHurried ? client.children(path) : undefined;
    const [{ data, stat }, { acl }] = await Promise.all([client.get(path), client.getAcl(path), listed]);
    if (isEphemeral(stat)) return undefined;
    // Most have none, and need not be asked for them.
    const children = (await listed) ?? (stat.numChildren === 0 ? [] : await client.children(path));
    const life = { mode: "persistent", ttlMs: undefined } as const;
    return { znode: { path, data, acl, ...life, stat: copiedStat(stat) }, children };
  } catch (error) {
    // It went between the list and the look.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/**
 * A znode and all below it but ephemerals, and what an ensemble has for itself. Not of one moment: each is as it was
 * when it was read. Throws NoNodeError where the first is missing.
 */
export async function* walk(client: Client, root: string): AsyncGenerator<CopiedZnode, void> {
  if ((await client.exists(root)) === undefined) throw new NoNodeError({ path: root });
  let paths: string[] = [root];
  let next = 0;
  const underWay: Promise<Read | undefined>[] = [];
  for (;;) {
    if (underWay.length <= READS_MAX / 2) {
      const isHurried = paths.length - next < READS_MAX;
      // At once, as in pipelined: so their requests leave together.
      const end = Math.min(paths.length, next + READS_MAX - underWay.length);
      for (const path of paths.slice(next, end)) underWay.push(heldBack(readCopied(client, path, isHurried)));
      next = end;
    }
    const first = underWay.shift();
    if (first === undefined) return;
    const read = await first;
    if (next * 2 >= paths.length) [paths, next] = [paths.slice(next), 0];
    if (read === undefined) continue;
    yield read.znode;
    for (const name of read.children) {
      const path = childOf(read.znode.path, name);
      if (!isOwn(path)) paths.push(path);
    }
  }
}

function copiedStat({ czxid, mzxid, pzxid, ctime, mtime, version, aversion }: Stat): CopiedStat {
  const zxids = { czxid: zxidText(czxid), mzxid: zxidText(mzxid), pzxid: zxidText(pzxid) };
  return { ...zxids, ctime, mtime, version, aversion };
}
