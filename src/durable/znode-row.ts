/** A znode as a row: what queries need stands in columns, the rest in one record with a format version. */
import { sessionFromKey, sessionKey } from "../base/ids.ts";
import { JuteReader, type JuteWriter } from "../jute/archive.ts";
import type { Slab } from "../jute/slab.ts";
import { ownerSession, readZnode, writeZnodeHead } from "../keeper/znode-codec.ts";
import { markOf } from "../tree/idle.ts";
import type { Znode } from "../tree/node-store.ts";

/** The columns of a znode besides its key (parent, name). */
export interface ZnodeRow {
  /** sessionKey of the owner of an ephemeral; null for all others, which keeps them out of the partial index. */
  readonly owner: string | null;
  readonly head: Uint8Array;
  readonly data: Uint8Array | null;
}

/** The same with what no reading of it takes. */
interface IndexedRow extends ZnodeRow {
  /** markOf the znode; null for those that stay, which keeps them out of the partial index. */
  readonly idle: number | null;
}

/** The row of a znode, its head put into the slab. `writer` is lent for the work and empty afterwards. */
export function toRow(node: Znode, writer: JuteWriter, slab: Slab): IndexedRow {
  writeZnodeHead(writer, node);
  const head = slab.copy(writer.view(), 0, writer.length);
  writer.clear();
  const session = ownerSession(node);
  const owner = session === undefined ? null : sessionKey(session);
  return { owner, head, data: node.data, idle: markOf(node) ?? null };
}

/** The znode of a row. Throws JuteError where the row is damaged or of a later format. */
export function fromRow({ owner, head, data }: ZnodeRow): Znode {
  const session = owner === null ? undefined : sessionFromKey(owner);
  return readZnode(new JuteReader(head), { data, session });
}
