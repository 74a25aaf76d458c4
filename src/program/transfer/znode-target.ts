/** Znodes put into a running ensemble: many in one transaction where they are new, one by one where they are not. */
import type { Client } from "../../client/client.ts";
import { EdgekeeperError, NodeExistsError } from "../../client/errors.ts";
import { type CopiedZnode, isOpen, sameAcl, sameData } from "./copied-znode.ts";

/** What is done with a znode that is there already: it ends the import, stays as it is, or becomes the same. */
export type Existing = "fail" | "skip" | "replace";

/** A transaction holds so many znodes, and so many bytes of data and lists, at most. */
const BATCH_ZNODES_MAX = 200;
const BATCH_BYTES_MAX = 300_000;

/** What became of the znodes. */
export interface PutCounts {
  created: number;
  replaced: number;
  skipped: number;
}

/** See the file's comment. Parents come before their children. */
export class ZnodeTarget {
  readonly counts: PutCounts = { created: 0, replaced: 0, skipped: 0 };
  readonly #client: Client;
  readonly #existing: Existing;
  #batch: CopiedZnode[] = [];
  #bytes = 0;

  constructor(client: Client, existing: Existing) {
    this.#client = client;
    this.#existing = existing;
  }

  /** Takes a znode; it is there once `flush` has resolved. Throws the ensemble's errors. */
  async put(znode: CopiedZnode): Promise<void> {
    if (znode.path === "/") return await this.#putOne(znode);
    this.#batch.push(znode);
    this.#bytes += (znode.data?.length ?? 0) + 200 + 60 * znode.acl.length;
    if (this.#batch.length >= BATCH_ZNODES_MAX || this.#bytes >= BATCH_BYTES_MAX) await this.flush();
  }

  /** Resolves when all that was taken is there. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    const transaction = this.#client.transaction();
    for (const { path, data, acl, mode, ttlMs } of batch) {
      transaction.create(path, data, { mode, acl, ...(ttlMs === undefined ? {} : { ttlMs }) });
    }
    try {
      await transaction.commit();
      this.counts.created += batch.length;
    } catch (error) {
      // One of them is there, or its list logs in where others may not: each for itself says which.
      if (!(error instanceof EdgekeeperError) || error.isRetryable) throw error;
      for (const znode of batch) await this.#putOne(znode);
    }
  }

  async #putOne({ path, data, acl, mode, ttlMs }: CopiedZnode): Promise<void> {
    if (path !== "/") {
      try {
        await this.#client.create(path, data, { mode, acl, ttlMs });
        this.counts.created++;
        return;
      } catch (error) {
        // What is there is skipped or set, as was asked for.
        if (!(error instanceof NodeExistsError) || this.#existing === "fail") throw error;
      }
    } else if (this.#existing === "fail" && (data?.length ?? 0) === 0 && isOpen(acl)) return;
    if (this.#existing === "skip") {
      this.counts.skipped++;
      return;
    }
    await this.#replace({ path, data, acl });
  }

  async #replace({ path, data, acl }: Pick<CopiedZnode, "path" | "data" | "acl">): Promise<void> {
    const [there, list] = await Promise.all([this.#client.get(path), this.#client.getAcl(path)]);
    if (!sameData(there.data, data)) await this.#client.set(path, data);
    if (!sameAcl(list.acl, acl)) await this.#client.setAcl(path, acl);
    this.counts.replaced++;
  }
}
