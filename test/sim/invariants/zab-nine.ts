/**
 * ZooKeeper's nine invariants of Zab, judged as a run goes on: each event costs as much as it changes. Once one is
 * found broken, and at the end of a run, the whole record is judged by test/zab/properties.ts too, which knows nothing
 * of how this file goes about it. Source: zookeeper-specifications/protocol-spec/Zab.tla; Zab (Junqueira, Reed,
 * Serafini 2011), section III.
 *
 * Several may be broken at once. The one that is named says most: how a delivery stands to the primaries that
 * broadcast (Integrity, GlobalPrimaryOrder, LocalPrimaryOrder), then to other deliveries (TotalOrder, Agreement).
 * PrefixConsistency, which follows from the last two where everybody delivers, is judged by itself where a replica
 * starts: what its disk holds as delivered was delivered by somebody else in memory, if at all.
 */
import { brokenProperties, type PropertyName, type RunRecord } from "../../zab/properties.ts";
import { type Entry, type Histories, type Known, proposalsOf } from "./histories.ts";
import { broken } from "./view.ts";

/** What one primary broadcast, in order. */
interface Broadcast {
  readonly primary: string;
  readonly epoch: number;
  readonly made: Known[];
  /** Up to where the primary had delivered before the first. */
  readonly delivered: Entry;
  /** Whether anything left it: of a primary whose disk never finished a write the world knows nothing. */
  hasLeft: boolean;
}

/** A primary's proposal in the order of all that it broadcast. */
interface Place {
  readonly broadcast: Broadcast;
  readonly index: number;
}

/** One start of a replica, as the properties of Zab speak of processes: what it has delivered is a history. */
export interface Process {
  readonly name: string;
  delivered: Entry;
  /** How many of each primary's proposals it has delivered, where that was counted. */
  readonly counts: Map<Broadcast, number>;
}

interface Tenure {
  readonly primary: string;
  readonly epoch: number;
  readonly fromEvent: number;
  untilEvent: number;
}

/** If the whole record breaks several, the first of these is named. */
const MOST_TELLING: readonly PropertyName[] = [
  "Leadership1",
  "Leadership2",
  "Integrity",
  "GlobalPrimaryOrder",
  "LocalPrimaryOrder",
  "PrimaryIntegrity",
  "TotalOrder",
  "Agreement",
  "PrefixConsistency",
];

/** See the file's comment. */
export class ZabNine {
  readonly #histories: Histories;
  readonly #past = new Set<Known>();
  readonly #tenures: Tenure[] = [];
  readonly #tenureOf = new Map<number, Tenure>();
  readonly #broadcasts: Broadcast[] = [];
  readonly #places = new Map<Known, Place>();
  readonly #before = new Map<Known, Known | undefined>();
  readonly #processes: Process[] = [];
  /** The latest epoch in which something was broadcast that left its primary. */
  #epochBroadcast = 0;
  #events = 0;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  /** A disk held this before the run. */
  past(history: Entry): void {
    for (const known of proposalsOf(history)) this.#past.add(known);
  }

  /** A replica leads an epoch, in synchronization or broadcast, and the world may know. */
  leads(primary: string, epoch: number): void {
    const before = this.#tenureOf.get(epoch);
    if (before?.primary === primary) return;
    const tenure = { primary, epoch, fromEvent: this.#events++, untilEvent: Number.POSITIVE_INFINITY };
    this.#tenures.push(tenure);
    this.#tenureOf.set(epoch, tenure);
    if (before === undefined) return;
    const isStill = before.untilEvent === Number.POSITIVE_INFINITY;
    const name = isStill ? "Leadership1" : "Leadership2";
    this.#broken(name, `epoch ${epoch} is led by ${before.primary} and ${isStill ? "" : "later "}${primary}`);
  }

  /** It leads that epoch no more. */
  leadsNoMore(primary: string, epoch: number): void {
    const tenure = this.#tenureOf.get(epoch);
    if (tenure?.primary === primary) tenure.untilEvent = this.#events++;
  }

  /**
   * A primary broadcasts what stands at the end of its history, having delivered so far; what comes back is to be
   * called once that may leave it.
   */
  broadcasts(primary: string, entry: Entry, delivered: Entry): () => void {
    const { known } = entry;
    if (known === undefined) return () => undefined;
    const { epoch } = known.zxid;
    const latest = this.#broadcasts.at(-1);
    let broadcast =
      latest?.epoch === epoch && latest.primary === primary
        ? latest
        : this.#broadcasts.find((one) => one.epoch === epoch && one.primary === primary);
    if (broadcast === undefined) {
      broadcast = { primary, epoch, made: [], delivered, hasLeft: false };
      this.#broadcasts.push(broadcast);
    }
    const made = broadcast;
    // A start that was replaced before anything left it may have made the very same of the same zxid.
    if (this.#places.get(known)?.broadcast.hasLeft !== true)
      this.#places.set(known, { broadcast: made, index: made.made.length });
    made.made.push(known);
    return () => {
      if (made.hasLeft) return;
      made.hasLeft = true;
      this.#epochBroadcast = Math.max(this.#epochBroadcast, epoch);
      const missed = this.#histories.order[made.delivered.depth];
      if (missed !== undefined && missed.zxid.epoch < epoch) this.#breaksPrimaryIntegrity(made, missed);
    };
  }

  /**
   * A replica starts, and its disk holds this as delivered. What of it nobody has delivered before, as far as the world
   * knows, is left for the caller to deliver: it was written, and then the power failed.
   */
  begins(name: string, delivered: Entry): Process {
    const { order, root } = this.#histories;
    const shared = order[Math.min(order.length, delivered.depth) - 1] ?? root;
    const isShared = this.#histories.holds(delivered, shared);
    const process: Process = { name, delivered: isShared ? shared : delivered, counts: new Map() };
    this.#processes.push(process);
    if (!isShared) {
      const what = `${name} starts with ${text(delivered)} delivered, and its history`;
      this.#broken("PrefixConsistency", `${what} is without ${text(shared)}, which others delivered`);
    }
    return process;
  }

  /** A replica has delivered this, directly behind what it delivered before, and the world may know. */
  delivers(process: Process, entry: Entry): void {
    const { known } = entry;
    const before = process.delivered.known;
    if (known === undefined) return;
    process.delivered = entry;
    const what = `${process.name} delivered ${known.text}`;
    const place = this.#places.get(known);
    if (place === undefined && !this.#past.has(known))
      this.#broken("Integrity", `${what}, which nobody has broadcast`);
    if (before !== undefined && before.zxid.epoch > known.zxid.epoch)
      this.#broken("GlobalPrimaryOrder", `${what} behind ${before.text}`);
    if (place !== undefined) this.#judgeLocalOrder(process, place, what);
    this.#judgeOrder(entry, known, before, what);
  }

  #judgeLocalOrder(process: Process, { broadcast, index }: Place, what: string): void {
    const next = process.counts.get(broadcast) ?? this.#countBefore(process, broadcast);
    process.counts.set(broadcast, next + 1);
    if (index === next) return;
    const missed = broadcast.made[next]?.text ?? "nothing more";
    this.#broken("LocalPrimaryOrder", `${what}, where ${broadcast.primary} broadcast ${missed} next`);
  }

  /** How many of the primary's proposals the process had delivered before it was first asked: they are its last. */
  #countBefore(process: Process, broadcast: Broadcast): number {
    let count = 0;
    let at = process.delivered.parent;
    for (; at?.known !== undefined; at = at.parent) {
      if (at.zxid.epoch < broadcast.epoch) break;
      if (this.#places.get(at.known)?.broadcast === broadcast) count++;
    }
    return count;
  }

  #judgeOrder(entry: Entry, known: Known, before: Known | undefined, what: string): void {
    const { order } = this.#histories;
    if (!this.#before.has(known)) this.#before.set(known, before);
    else if (this.#before.get(known) !== before) {
      const other = this.#before.get(known)?.text ?? "nothing";
      this.#broken("TotalOrder", `${what} behind ${before?.text ?? "nothing"}, others behind ${other}`);
    }
    const other = order[entry.depth - 1];
    if (other === undefined) {
      this.#histories.deliver(entry);
      this.#judgePrimaries(entry);
    } else if (other !== entry) {
      this.#broken("Agreement", `${what}, where others delivered ${text(other)} and never this`);
    }
  }

  /** Something is delivered for the first time: a primary of a later epoch should have had it. */
  #judgePrimaries(entry: Entry): void {
    const { epoch } = entry.zxid;
    if (epoch >= this.#epochBroadcast) return;
    for (const broadcast of this.#broadcasts) {
      const isLater = broadcast.hasLeft && broadcast.epoch > epoch;
      if (isLater && broadcast.delivered.depth < entry.depth) this.#breaksPrimaryIntegrity(broadcast, entry);
    }
  }

  #breaksPrimaryIntegrity({ primary, epoch, delivered }: Broadcast, missed: Entry): never {
    const had = `when it had delivered up to ${text(delivered)}`;
    return this.#broken(
      "PrimaryIntegrity",
      `${primary} broadcast in epoch ${epoch} ${had}, and ${text(missed)} is delivered`,
    );
  }

  /** Judges the whole record once more, by other means. */
  judgeAll(): void {
    const all = brokenProperties(this.#record());
    const first = MOST_TELLING.find((name) => all.has(name));
    if (first !== undefined) this.#broken(first, all.get(first) ?? "");
  }

  #broken(name: PropertyName, what: string): never {
    const others = [...brokenProperties(this.#record()).keys()].filter((other) => other !== name);
    broken(name, others.length === 0 ? what : `${what} (also broken: ${others.join(", ")})`);
  }

  #record(): RunRecord {
    const deliveries = this.#processes.map(
      ({ name, delivered }): [string, { text: string; epoch: number }[]] => [
        name,
        proposalsOf(delivered).map((known) => ({ text: known.text, epoch: known.zxid.epoch })),
      ],
    );
    return {
      past: new Set(Array.from(this.#past, ({ text }) => text)),
      tenures: this.#tenures,
      broadcasts: this.#broadcasts.map(({ primary, epoch, made, delivered, hasLeft }) => ({
        primary,
        epoch,
        texts: made.map(({ text }) => text),
        delivered: new Set(proposalsOf(delivered).map(({ text }) => text)),
        hasLeft,
      })),
      deliveries: new Map(deliveries),
    };
  }
}

function text(entry: Entry): string {
  return entry.known?.text ?? "nothing";
}
