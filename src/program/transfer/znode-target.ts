/** Znodes put into a running ensemble: many in one transaction where they are new, one by one where they are not. */
import { parentOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { ConnectionLossError, EdgekeeperError, NodeExistsError, NoNodeError } from "../../client/errors.ts";
import { type CopiedZnode, isOpen, sameAcl, sameData } from "./copied-znode.ts";

/** What is done with a znode that is there already: it ends the import, stays as it is, or becomes the same. */
export type Existing = "fail" | "skip" | "replace";

/** A transaction holds so many znodes, and so many bytes of them, at most; one that is larger goes by itself. */
const BATCH_ZNODES_MAX = 200;
const BATCH_BYTES_MAX = 300_000;

/** What a znode and an entry of a list take besides their texts and data. */
const ZNODE_BYTES = 100;
const ENTRY_BYTES = 16;

/** How often a transaction is tried that lost its connection: one that the ensemble hangs up on is lost each time. */
const ATTEMPTS_MAX = 5;

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
  /** Those that were put and go by themselves while nothing is below them: what is to be there may come too late. */
  readonly #ttls = new Map<string, CopiedZnode>();
  #batch: CopiedZnode[] = [];
  #bytes = 0;

  constructor(client: Client, existing: Existing) {
    this.#client = client;
    this.#existing = existing;
  }

  /** Takes a znode; it is there once `flush` has resolved. Throws the ensemble's errors. */
  async put(znode: CopiedZnode): Promise<void> {
    if (znode.path === "/") return await this.#putOne(znode);
    if (znode.mode === "ttl") this.#ttls.set(znode.path, znode);
    const bytes = bytesOf(znode);
    if (this.#batch.length >= BATCH_ZNODES_MAX || this.#bytes + bytes > BATCH_BYTES_MAX) await this.flush();
    this.#batch.push(znode);
    this.#bytes += bytes;
  }

  /** Resolves when all that was taken is there. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    const outcome = batch.length > 1 ? await this.#putAll(batch) : "refused";
    if (outcome === "done") {
      this.counts.created += batch.length;
      return;
    }
    for (const znode of batch) await this.#putOne(znode, outcome === "lost");
  }

  /** In one transaction. Where one znode is there, or is refused, each has to be asked for by itself, to say which. */
  async #putAll(batch: readonly CopiedZnode[]): Promise<"done" | "refused" | "lost"> {
    const transaction = this.#client.transaction();
    for (const { path, data, acl, mode, ttlMs } of batch) {
      transaction.create(path, data, { mode, acl, ...(ttlMs === undefined ? {} : { ttlMs }) });
    }
    try {
      await transaction.commit();
      return "done";
    } catch (error) {
      if (!(error instanceof EdgekeeperError) || this.#client.ended.aborted) throw error;
      return error instanceof ConnectionLossError && error.mayBeDone ? "lost" : "refused";
    }
  }

  async #putOne(znode: CopiedZnode, mayBeOurs = false): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#tryOne(znode, mayBeOurs || attempt > 1);
      } catch (error) {
        // The next attempt waits for a connection.
        const isAgain = error instanceof ConnectionLossError && attempt < ATTEMPTS_MAX;
        if (!isAgain || this.#client.ended.aborted) throw error;
      }
    }
  }

  async #tryOne(znode: CopiedZnode, mayBeOurs: boolean): Promise<void> {
    const { path, data, acl } = znode;
    if (path !== "/") {
      try {
        await this.#create(znode);
        this.counts.created++;
        return;
      } catch (error) {
        // What is there is skipped or set, as was asked for.
        if (!(error instanceof NodeExistsError)) throw error;
        if (this.#existing === "fail" && !mayBeOurs) throw error;
        if (this.#existing === "fail") return await this.#expectSame(znode, error);
      }
    } else if (this.#existing === "fail" && (data?.length ?? 0) === 0 && isOpen(acl)) return;
    if (this.#existing === "skip") {
      this.counts.skipped++;
      return;
    }
    await this.#replace({ path, data, acl });
  }

  /** Where the TTL znodes above it have gone meanwhile they are made once more, in one transaction with it. */
  async #create({ path, data, acl, mode, ttlMs }: CopiedZnode): Promise<void> {
    try {
      await this.#client.create(path, data, { mode, acl, ttlMs });
    } catch (error) {
      // It is mended where it is only that; anything else is told.
      const gone: CopiedZnode[] = [];
      if (error instanceof NoNodeError) {
        for (let above = this.#ttls.get(parentOf(path)); above !== undefined;) {
          if ((await this.#client.exists(above.path)) !== undefined) break;
          gone.unshift(above);
          above = this.#ttls.get(parentOf(above.path));
        }
      }
      if (gone.length === 0) throw error;
      const transaction = this.#client.transaction();
      for (const one of gone) {
        transaction.create(one.path, one.data, { mode: "ttl", acl: one.acl, ttlMs: one.ttlMs });
      }
      transaction.create(path, data, { mode, acl, ttlMs });
      await transaction.commit();
    }
  }

  /** What was created before its answer was lost counts as created; anything else was there before. */
  async #expectSame({ path, data, acl }: CopiedZnode, otherwise: NodeExistsError): Promise<void> {
    const [there, list] = await Promise.all([this.#client.get(path), this.#client.getAcl(path)]);
    if (!sameData(there.data, data) || !sameAcl(list.acl, acl)) throw otherwise;
    this.counts.created++;
  }

  async #replace({ path, data, acl }: Pick<CopiedZnode, "path" | "data" | "acl">): Promise<void> {
    const [there, list] = await Promise.all([this.#client.get(path), this.#client.getAcl(path)]);
    if (!sameData(there.data, data)) await this.#client.set(path, data);
    if (!sameAcl(list.acl, acl)) await this.#client.setAcl(path, acl);
    this.counts.replaced++;
  }
}

/** Roughly what its create takes on the wire, and never less. */
function bytesOf({ path, data, acl }: CopiedZnode): number {
  let bytes = ZNODE_BYTES + Buffer.byteLength(path) + (data?.length ?? 0);
  for (const { scheme, id } of acl) bytes += ENTRY_BYTES + Buffer.byteLength(scheme) + Buffer.byteLength(id);
  return bytes;
}
