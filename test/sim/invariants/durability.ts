/**
 * What a quorum must have before anybody may learn of it, and what no later leader may lack. Judged at the moment when
 * something leaves a replica: a reply, an event, a commit on a link.
 */
import { equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import type { Entry, Histories } from "./histories.ts";
import type { Memberships } from "./memberships.ts";
import type { Run } from "./runs.ts";
import { broken, demand } from "./view.ts";

/** A leader in broadcast, with the history that it began with. */
interface Established {
  readonly name: string;
  readonly epoch: number;
  readonly history: Entry;
}

/** See the file's comment. */
export class Durability {
  readonly #histories: Histories;
  readonly #memberships: Memberships;
  readonly #settle: () => void;
  readonly #established: Established[] = [];
  #latestEpoch = 0;
  #judgedDepth = 0;

  constructor(parts: {
    readonly histories: Histories;
    readonly memberships: Memberships;
    /** Brings all disks up to what the world says of them now. */
    readonly settle: () => void;
  }) {
    this.#histories = parts.histories;
    this.#memberships = parts.memberships;
    this.#settle = parts.settle;
  }

  /** Something left a replica that shows the zxid as committed. */
  revealed(run: Run, zxid: Zxid, how: string): void {
    if (equalZxid(zxid, ZXID_ZERO)) return;
    const entry = this.#histories.deliveredAt(zxid) ?? this.#histories.find(run.history, zxid);
    if (entry === undefined)
      broken("RevealedIsDurable", `${run.name} ${how} ${zxidText(zxid)}, which it lacks`);
    this.#demandQuorum("RevealedIsDurable", entry, () => `${run.name} ${how} ${zxidText(zxid)}`);
  }

  /** A reply to a client's own write left a replica. */
  acknowledged(run: Run, entry: Entry): void {
    this.#demandQuorum("AcknowledgedIsDurable", entry, () => {
      return `${run.name} acknowledges ${zxidText(entry.zxid)} to its client`;
    });
  }

  #demandQuorum(name: "RevealedIsDurable" | "AcknowledgedIsDurable", entry: Entry, what: () => string): void {
    const memberships = this.#memberships;
    if (memberships.isDurable(entry)) return;
    // An object that is replaced lets go of what is durable before the start that follows tells of its disk.
    this.#settle();
    demand(memberships.isDurable(entry), name, () => {
      return `${what()}, which is durable at ${memberships.having(entry)}`;
    });
  }

  /**
   * A replica leads in broadcast with this history, and the world may know: all that was delivered of earlier epochs is
   * in it. One whose disk never finished that is no leader, and its epoch may be begun again by its next start.
   */
  established(name: string, epoch: number, now: Entry): void {
    let history = now;
    while (history.parent !== undefined && history.zxid.epoch >= epoch) history = history.parent;
    this.#established.push({ name, epoch, history });
    this.#latestEpoch = Math.max(this.#latestEpoch, epoch);
    let end = this.#histories.end;
    while (end.parent !== undefined && end.zxid.epoch >= epoch) end = end.parent;
    if (!this.#histories.holds(history, end)) this.#lost({ name, epoch, history }, end);
  }

  /** More was delivered for the first time: leaders of later epochs have it, too. */
  ordered(): void {
    const { order } = this.#histories;
    for (; this.#judgedDepth < order.length; this.#judgedDepth++) {
      const entry = order[this.#judgedDepth];
      if (entry === undefined || entry.zxid.epoch >= this.#latestEpoch) continue;
      for (const leader of this.#established) {
        if (leader.epoch > entry.zxid.epoch && !this.#histories.holds(leader.history, entry))
          this.#lost(leader, entry);
      }
    }
  }

  #lost({ name, epoch, history }: Established, entry: Entry): never {
    const what = `${name} leads epoch ${epoch} with a history up to ${zxidText(history.zxid)}`;
    return broken("CommittedIsNeverLost", `${what}, and it lacks ${zxidText(entry.zxid)}`);
  }

  /** At the end of a run, all replicas having caught up: what was delivered is in all of them. */
  finish(runs: Iterable<Run>): void {
    const { end } = this.#histories;
    for (const { name, history, delivered } of runs) {
      const isThere = this.#histories.holds(history, end) && this.#histories.holds(delivered, end);
      demand(isThere, "CommittedIsNeverLost", () => {
        return `at the end ${name} has delivered up to ${zxidText(delivered.zxid)}, not ${zxidText(end.zxid)}`;
      });
    }
  }
}
