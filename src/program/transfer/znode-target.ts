/** Znodes put into a running ensemble: many in one transaction where they are new, one by one where they are not. */
import { parentOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { ConnectionLossError, EdgekeeperError, NodeExistsError, NoNodeError } from "../../client/errors.ts";
import { type CopiedZnode, isOpen, sameAcl, sameData } from "./copied-znode.ts";
import { createTogether, ZnodeBatch } from "./znode-batch.ts";

/** What is done with a znode that is there already: it ends the import, stays as it is, or becomes the same. */
export type Existing = "fail" | "skip" | "replace";

/** So many are under way at a time: a transaction waits for the disks of a majority, and the next need not. */
const BATCHES_MAX = 8;

/** How often a transaction is tried that lost its connection: one that the ensemble hangs up on is lost each time. */
const ATTEMPTS_MAX = 5;

/** What became of the znodes. */
export interface PutCounts {
  created: number;
  replaced: number;
  skipped: number;
}

/** What became of a batch: where its connection was lost, that is not known, unless it was not sent yet. */
type PutOutcome = "done" | "refused" | "lost" | "unsent";

/** See the file's comment. Parents come before their children. */
export class ZnodeTarget {
  readonly counts: PutCounts = { created: 0, replaced: 0, skipped: 0 };
  readonly #client: Client;
  readonly #existing: Existing;
  /** Those that were put and go by themselves while nothing is below them: what is to be there may come too late. */
  readonly #ttls = new Map<string, CopiedZnode>();
  readonly #batch = new ZnodeBatch();
  /** Batches that were sent, oldest first. */
  readonly #underWay: Promise<void>[] = [];

  constructor(client: Client, existing: Existing) {
    this.#client = client;
    this.#existing = existing;
  }

  /** Takes a znode; it is there once `flush` has resolved. Throws the ensemble's errors, of any znode before, too. */
  async put(znode: CopiedZnode): Promise<void> {
    if (znode.path === "/") return await this.#putOne(znode);
    if (znode.mode === "ttl") this.#ttls.set(znode.path, znode);
    await this.#send(this.#batch.add(znode));
  }

  /** Resolves when all that was taken is there. */
  async flush(): Promise<void> {
    await this.#send(this.#batch.take());
    await Promise.all(this.#underWay);
    this.#underWay.length = 0;
  }

  /** Waits only where enough are under way. */
  async #send(batch: readonly CopiedZnode[]): Promise<void> {
    if (batch.length === 0) return;
    // At once: requests of one session are done in their order, so parents are there before it.
    const outcome = this.#putAll(batch);
    const settled = this.#settleBehind(this.#underWay.at(-1), batch, outcome);
    // Their failures are told when they are waited for.
    for (const promise of [outcome, settled]) promise.catch(() => undefined);
    this.#underWay.push(settled);
    if (this.#underWay.length >= BATCHES_MAX) await this.#underWay.shift();
  }

  /** What has to be asked for by itself may be below what an earlier batch has yet to bring. */
  async #settleBehind(
    earlier: Promise<void> | undefined,
    batch: readonly CopiedZnode[],
    outcome: Promise<PutOutcome>,
  ): Promise<void> {
    await earlier;
    let missing = batch;
    let became = await outcome;
    for (let attempt = 1; became !== "done" && attempt < ATTEMPTS_MAX; attempt++) {
      const isRefused = became === "refused";
      const mayStand = became === "lost" || (isRefused && this.#existing !== "fail");
      if (mayStand) missing = await this.#passOver(missing);
      if (missing.length === 0) return;
      // Refused once more, as it came ahead of what an earlier batch has brought by now?
      became = await this.#putAll(missing);
      if (isRefused) break;
    }
    if (became === "done") this.counts.created += missing.length;
    else for (const znode of missing) await this.#putOne(znode, became === "lost");
  }

  /** Those of them that are not there; the others are skipped, or made the same, or it is seen that they are ours. */
  async #passOver(batch: readonly CopiedZnode[]): Promise<readonly CopiedZnode[]> {
    const stats = await Promise.all(batch.map(async ({ path }) => await this.#client.exists(path)));
    const there = batch.filter((_, index) => stats[index] !== undefined);
    if (this.#existing === "skip") this.counts.skipped += there.length;
    else if (this.#existing === "replace") {
      await Promise.all(there.map(async (znode) => await this.#replace(znode)));
    } else {
      const other = (path: string): NodeExistsError => new NodeExistsError({ path });
      await Promise.all(there.map(async (znode) => await this.#expectSame(znode, other(znode.path))));
    }
    return batch.filter((_, index) => stats[index] === undefined);
  }

  /** In one transaction. Where one znode is there, or is refused, each has to be asked for by itself, to say which. */
  async #putAll(batch: readonly CopiedZnode[]): Promise<PutOutcome> {
    try {
      await createTogether(this.#client, batch);
      return "done";
    } catch (error) {
      if (!(error instanceof EdgekeeperError) || this.#client.ended.aborted) throw error;
      if (!(error instanceof ConnectionLossError)) return "refused";
      return error.mayBeDone ? "lost" : "unsent";
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
