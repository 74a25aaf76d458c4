/**
 * TwoPhaseCommit: several sites agree whether something is done: all of them, or none.
 *
 * A coordinator makes a znode for the decision, and below it one for each site, in one transaction. Each site
 * votes. The coordinator, or whoever takes its part, decides: `commit` where all have voted for it, `abort` where
 * one has voted against it, or has not voted in time. The decision is written once and is never changed.
 *
 * What can go wrong, and what happens then:
 * - A site dies before it has voted: who decides waits for its vote, and aborts when its patience ends.
 * - The coordinator dies before it has decided: any site may call `decide` in its place; the first to write is right.
 * - A site dies after it has voted: it reads the decision when it is back, as the znodes belong to no session.
 * - The answer to a vote or a decision is lost: what stands in the znode counts; a vote or decision is made once.
 *
 * Znodes: PATH (persistent, its data empty, `commit` or `abort`) / SITE (persistent, its data the vote).
 * Source: ZooKeeper recipes (two-phased commit).
 */
import { childOf } from "../base/path.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { deleteSurely, NO_DATA, persevere, withParents } from "./perseverance.ts";
import type { RecipeClient, WatchListener } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";
import { untilRead } from "./until-read.ts";

/** What a site may vote, and what comes of it. */
export type Decision = "commit" | "abort";

/** See the file's comment. */
export class TwoPhaseCommit {
  readonly #client: RecipeClient;
  readonly #path: string;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /**
   * Begins, with these sites. Where it has begun already, by an attempt whose answer was lost or by another one,
   * nothing is done.
   */
  async begin(sites: readonly string[]): Promise<void> {
    if (sites.length === 0) throw new RecipeError("misuse", "no sites: give at least one");
    const paths = [this.#path, ...sites.map((site) => childOf(this.#path, site))];
    const parts = paths.map((path) => ({ op: "create", path, mode: "persistent", data: NO_DATA }) as const);
    const create = async (): Promise<unknown> =>
      await persevere(this.#client, async () => await this.#client.transaction(parts));
    try {
      await withParents(this.#client, this.#path, create);
    } catch (error) {
      // Another coordinator, or an attempt before, has begun it.
      if (!isKeeperError(error, "nodeExists")) throw error;
    }
  }

  /** Votes for a site; what it has voted before stays. What counts for it. */
  async vote(site: string, vote: Decision): Promise<Decision> {
    return await this.#writeOnce(childOf(this.#path, site), vote);
  }

  /**
   * Waits for all votes and decides; `abort` where its patience ends before that. What was decided, by this one or
   * another.
   */
  async decide(options: WaitOptions = {}): Promise<Decision> {
    return await this.#writeOnce(this.#path, await this.#votes(options));
  }

  /** Waits for the decision. Throws the fault `timeout`, or the signal's reason. */
  async decision(options: WaitOptions = {}): Promise<Decision> {
    using patience = new Patience(this.#client.clock, options, `nothing is decided at ${this.#path}`);
    return await untilRead(this.#client, patience, async (watch) => await this.#read(this.#path, watch));
  }

  /** Takes all of it away: once every site has done what was decided. */
  async forget(sites: readonly string[]): Promise<void> {
    for (const site of sites) await deleteSurely(this.#client, childOf(this.#path, site));
    await deleteSurely(this.#client, this.#path);
  }

  async #votes(options: WaitOptions): Promise<Decision> {
    using patience = new Patience(this.#client.clock, options, "not all have voted");
    try {
      return await untilRead(this.#client, patience, async (watch) => await this.#count(watch));
    } catch (error) {
      // Who has not voted in time is taken to be against it.
      if (error instanceof RecipeError && error.fault === "timeout") return "abort";
      throw error;
    }
  }

  /** Undefined while votes are missing that matter. */
  async #count(watch: WatchListener): Promise<Decision | undefined> {
    const decided = await this.#read(this.#path, watch);
    if (decided !== undefined) return decided;
    const { names } = await this.#client.children(this.#path);
    const votes = await Promise.all(
      names.map(async (name) => await this.#read(childOf(this.#path, name), watch)),
    );
    if (votes.includes("abort")) return "abort";
    return votes.includes(undefined) ? undefined : "commit";
  }

  async #read(path: string, watch: WatchListener): Promise<Decision | undefined> {
    const { data } = await this.#client.get(path, watch);
    return decisionOf(data, path);
  }

  /** Only a znode that was never set is set: its version is 0. */
  async #writeOnce(path: string, decision: Decision): Promise<Decision> {
    const data = new TextEncoder().encode(decision);
    for (;;) {
      try {
        await this.#client.set(path, data, 0);
        return decision;
      } catch (error) {
        // Somebody else has decided, or nobody knows: what stands there counts.
        if (!isTransient(error) && !isKeeperError(error, "badVersion")) throw error;
      }
      await persevere(this.#client, async () => await this.#client.sync(path));
      const znode = await persevere(this.#client, async () => await this.#client.get(path));
      const written = decisionOf(znode.data, path);
      if (written !== undefined) return written;
    }
  }
}

function decisionOf(data: Uint8Array | null, path: string): Decision | undefined {
  const text = data === null ? "" : new TextDecoder().decode(data);
  if (text === "") return undefined;
  if (text === "commit" || text === "abort") return text;
  throw new RecipeError("badData", `${path} holds "${text}", not a vote`);
}
