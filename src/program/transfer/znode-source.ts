/** Znodes of a running ensemble, Edgekeeper's or ZooKeeper's, one by one: parents before their children. */
import { childOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NoNodeError } from "../../client/errors.ts";
import { type Stat, zxidText } from "../../client/znode.ts";
import { type CopiedStat, type CopiedZnode, isEphemeral, isOwn } from "./copied-znode.ts";

/** Znodes that are read at a time. */
const READS_MAX = 64;

/** A znode and the names of its children; undefined where it is gone, or goes with a session. */
export async function readCopied(
  client: Client,
  path: string,
): Promise<{ readonly znode: CopiedZnode; readonly children: readonly string[] } | undefined> {
  try {
    const [{ data, stat }, { acl }, children] = await Promise.all([
      client.get(path),
      client.getAcl(path),
      client.children(path),
    ]);
    if (isEphemeral(stat)) return undefined;
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
  let level: string[] = [root];
  while (level.length > 0) {
    const next: string[] = [];
    for (let from = 0; from < level.length; from += READS_MAX) {
      const paths = level.slice(from, from + READS_MAX);
      for (const read of await Promise.all(paths.map((path) => readCopied(client, path)))) {
        if (read === undefined) continue;
        yield read.znode;
        for (const name of read.children) {
          const path = childOf(read.znode.path, name);
          if (!isOwn(path)) next.push(path);
        }
      }
    }
    level = next;
  }
}

function copiedStat({ czxid, mzxid, pzxid, ctime, mtime, version, aversion }: Stat): CopiedStat {
  const zxids = { czxid: zxidText(czxid), mzxid: zxidText(mzxid), pzxid: zxidText(pzxid) };
  return { ...zxids, ctime, mtime, version, aversion };
}
