/** Znodes that are created together: in one transaction, which all of them fit into. */
import type { Client } from "../../client/client.ts";
import type { CopiedZnode } from "./copied-znode.ts";

/** A transaction holds so many znodes, and so many bytes of them, at most; one that is larger goes by itself. */
const ZNODES_MAX = 200;
const BYTES_MAX = 300_000;

/** What a znode and an entry of a list take besides their texts and data. */
const ZNODE_BYTES = 100;
const ENTRY_BYTES = 16;

/** Gathers what fits into one transaction. */
export class ZnodeBatch {
  #znodes: CopiedZnode[] = [];
  #bytes = 0;

  /** Takes a znode; gives those before it where it does not go with them. */
  add(znode: CopiedZnode): readonly CopiedZnode[] {
    const bytes = bytesOf(znode);
    const isFull = this.#znodes.length >= ZNODES_MAX || this.#bytes + bytes > BYTES_MAX;
    const before = isFull ? this.take() : [];
    this.#znodes.push(znode);
    this.#bytes += bytes;
    return before;
  }

  /** Gives all of them, in their order. */
  take(): readonly CopiedZnode[] {
    const znodes = this.#znodes;
    this.#znodes = [];
    this.#bytes = 0;
    return znodes;
  }
}

/** Creates all of them, or none. Throws the ensemble's errors. */
export async function createTogether(client: Client, znodes: readonly CopiedZnode[]): Promise<void> {
  const [first] = znodes;
  // One may be as large as a request, and fits into no transaction then.
  if (znodes.length === 1 && first !== undefined) {
    const { path, data, acl, mode, ttlMs } = first;
    return void (await client.create(path, data, { mode, acl, ttlMs }));
  }
  const transaction = client.transaction();
  for (const { path, data, acl, mode, ttlMs } of znodes) {
    transaction.create(path, data, { mode, acl, ...(ttlMs === undefined ? {} : { ttlMs }) });
  }
  await transaction.commit();
}

/** Roughly what its create takes on the wire, and never less. */
function bytesOf({ path, data, acl }: CopiedZnode): number {
  let bytes = ZNODE_BYTES + Buffer.byteLength(path) + (data?.length ?? 0);
  for (const { scheme, id } of acl) bytes += ENTRY_BYTES + Buffer.byteLength(scheme) + Buffer.byteLength(id);
  return bytes;
}
