/**
 * Which voters must have a proposal, by the membership in force at its place in the order: read from the histories
 * themselves, and by rules of its own. A membership is proven once a quorum of those before it and one of its own have
 * it durable at the same moment: from then on its own voters alone decide.
 */
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import { isQuorum, type Listed, listedIn } from "../../../src/world/roster.ts";
import type { DiskModel } from "./disks.ts";
import type { Entry, Histories } from "./histories.ts";

/** A membership at its place in a history. */
interface Placed {
  readonly entry: Entry;
  readonly listed: Listed;
  /** Undefined for the initial one alone. */
  readonly before: Placed | undefined;
}

/** See the file's comment. */
export class Memberships {
  readonly #histories: Histories;
  readonly #disks: ReadonlyMap<Sid, DiskModel>;
  readonly #placed = new WeakMap<Entry, Placed>();
  readonly #proven = new Map<string, Placed>();
  readonly #settled = new Set<string>();
  readonly #initial: Placed;
  #latest: Placed;

  constructor(parts: {
    readonly histories: Histories;
    readonly disks: ReadonlyMap<Sid, DiskModel>;
    readonly voters: readonly Sid[];
  }) {
    this.#histories = parts.histories;
    this.#disks = parts.disks;
    const listed = { version: ZXID_ZERO, voters: parts.voters, observers: [] };
    this.#initial = { entry: parts.histories.root, listed, before: undefined };
    this.#latest = this.#initial;
    this.#placed.set(this.#initial.entry, this.#initial);
    this.#proven.set(zxidText(ZXID_ZERO), this.#initial);
    this.#settled.add(zxidText(ZXID_ZERO));
  }

  /** Those of the latest membership that is proven; of the initial one the voters. */
  get latest(): Listed {
    return this.#latest.listed;
  }

  /** Those who vote where nobody has a history. */
  get initialVoters(): readonly Sid[] {
    return this.#initial.listed.voters;
  }

  /** Whether those who must have the entry have it, by what is durable now. */
  isDurable(entry: Entry): boolean {
    const placed = this.#at(entry);
    if (!this.#prove(placed)) return false;
    const isBefore = this.#histories.holds(this.#latest.entry, entry);
    return isQuorum(this.#having(entry), (isBefore ? this.#latest : placed).listed);
  }

  /** Of all replicas those that have the entry. */
  having(entry: Entry): string {
    const sids = [...this.#having(entry)];
    const { listed, before } = this.#at(entry);
    const voters = [listed, ...(before === undefined ? [] : [before.listed])].map((one) =>
      one.voters.join(","),
    );
    return `${sids.length === 0 ? "nobody" : sids.join(", ")} alone; voters are ${voters.join(", and before ")}`;
  }

  /** Whether these may elect who has this history. */
  isQuorum(history: Entry, sids: ReadonlySet<Sid>): boolean {
    return this.#isQuorumOf(this.#at(history), sids);
  }

  /** Delivered for the first time. */
  delivered(entry: Entry): void {
    const txn = entry.known?.decoded.txn;
    if (txn?.kind === "config") this.#prove(this.#at(entry));
    else if (txn?.kind === "settled") this.#settled.add(zxidText(this.#at(entry).listed.version));
  }

  /** Why a replica may not be let go by this version; undefined where it may. */
  reasonToStay(sid: Sid, version: Zxid): string | undefined {
    const placed = this.#proven.get(zxidText(version));
    if (placed === undefined) return "was never committed";
    const { voters, observers } = placed.listed;
    if (voters.includes(sid) || observers.includes(sid)) return "names it";
    return this.#settled.has(zxidText(version)) ? undefined : "is not settled";
  }

  #isQuorumOf(placed: Placed, sids: ReadonlySet<Sid>): boolean {
    if (!isQuorum(sids, placed.listed)) return false;
    if (this.#prove(placed)) return true;
    return this.#isQuorumOf(must(placed.before, "the initial membership is proven"), sids);
  }

  #prove(placed: Placed): boolean {
    const { entry, listed, before } = placed;
    const version = zxidText(listed.version);
    if (this.#proven.get(version) === placed) return true;
    if (before === undefined || !this.#prove(before)) return false;
    const having = this.#having(entry);
    const isCommitted = [listed, before.listed].every((one) => isQuorum(having, one));
    if (!isCommitted) return false;
    this.#proven.set(version, placed);
    if (entry.depth > this.#latest.entry.depth) this.#latest = placed;
    return true;
  }

  #having(entry: Entry): ReadonlySet<Sid> {
    const having = new Set<Sid>();
    for (const [sid, disk] of this.#disks) if (disk.has(entry)) having.add(sid);
    return having;
  }

  /** The last membership in the history up to the entry. */
  #at(entry: Entry): Placed {
    const path: Entry[] = [];
    let at = entry;
    for (; !this.#placed.has(at); at = must(at.parent, "the root is placed")) path.push(at);
    let placed = must(this.#placed.get(at), "a placed entry");
    for (const one of path.toReversed()) {
      const txn = one.known?.decoded.txn;
      const listed = txn?.kind === "config" ? listedIn(txn.data, one.zxid) : undefined;
      if (listed !== undefined) placed = { entry: one, listed, before: placed };
      this.#placed.set(one, placed);
    }
    return placed;
  }
}
