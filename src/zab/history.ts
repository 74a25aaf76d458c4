/**
 * A peer's history: every proposal it accepted, in order. Recent ones are held in memory, the rest is read from the
 * durable log. Invariants:
 *  1. Memory holds exactly the proposals after #recentAfter, so it is authoritative there.
 *  2. Whatever the log does not show yet is in memory: several steps may share one transaction of the shell.
 *  3. Within an epoch counters run from 1 without a gap; epochs only grow. So two histories that share a zxid are
 *     equal up to it: one leader made each epoch, and sent its history in order.
 */
import { assert, must } from "../base/assert.ts";
import { BATCH_PROPOSALS_MAX } from "../base/limits.ts";
import { compareZxid, equalZxid, minZxid, type Zxid, zxidText } from "../base/zxid.ts";
import type { LogReader, ReadRange } from "./config.ts";
import { EPOCH_ENDS_MAX, type HistorySummary, type Proposal } from "./message.ts";

/** Whether `next` may stand directly behind `previous` in a history. */
export function follows(previous: Zxid, next: Zxid): boolean {
  if (next.epoch === previous.epoch) return next.counter === previous.counter + 1;
  return next.epoch > previous.epoch && next.counter === 1;
}

/** What a proposal costs in memory and on a link: its payload and a small envelope. */
export function proposalBytes(proposal: Proposal): number {
  return proposal.payload.byteLength + 32;
}

/** Bounds the list of epochs in memory; elections are rarer than that within any retained history. */
const EPOCH_ENDS_KEPT = 1024;

/** The accepted proposals; see the invariants above. */
export class History {
  readonly #log: LogReader;
  readonly #recentBytesMax: number;
  /** Proposals after #recentAfter begin at index #head. */
  #recent: Proposal[] = [];
  #head = 0;
  #recentBytes = 0;
  #recentAfter: Zxid;
  #last: Zxid;
  #epochEnds: Zxid[];

  constructor(log: LogReader, recentBytesMax: number) {
    this.#log = log;
    this.#recentBytesMax = recentBytesMax;
    this.#last = log.last;
    this.#recentAfter = log.last;
    const later = log.epochEnds().filter((end) => compareZxid(end, log.base) > 0);
    const isBaseLast = later[0]?.epoch !== log.base.epoch;
    this.#epochEnds = isBaseLast ? [log.base, ...later] : later;
    assert(compareZxid(log.base, log.last) <= 0, "the log's base is not after its last");
    const end = must(this.#epochEnds.at(-1), "an epoch end");
    assert(equalZxid(end, log.last), `the log ends at ${zxidText(log.last)} as its last epoch`);
  }

  /** The history is complete after this zxid, which is part of it. */
  get base(): Zxid {
    return this.#log.base;
  }

  /** The last accepted zxid, those of the present step included. */
  get last(): Zxid {
    return this.#last;
  }

  /** Forgets what memory need not hold, if the log shows every write; a tail that ends alike is the same. */
  beginStep(): void {
    if (this.#recentBytes <= this.#recentBytesMax) return;
    if (!equalZxid(this.#log.last, this.#last)) return;
    while (this.#recentBytes > this.#recentBytesMax) {
      const oldest = must(this.#recent[this.#head], "a recent proposal");
      this.#recentBytes -= proposalBytes(oldest);
      this.#recentAfter = oldest.zxid;
      this.#head++;
    }
    if (this.#head > 64 && this.#head * 2 > this.#recent.length) {
      this.#recent = this.#recent.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Adds proposals directly behind the last one. */
  append(proposals: readonly Proposal[]): void {
    for (const proposal of proposals) {
      const { zxid } = proposal;
      assert(follows(this.#last, zxid), `${zxidText(zxid)} follows ${zxidText(this.#last)}`);
      if (this.#epochEnds.at(-1)?.epoch === zxid.epoch) this.#epochEnds.pop();
      this.#epochEnds.push(zxid);
      if (this.#epochEnds.length > EPOCH_ENDS_KEPT) this.#epochEnds.shift();
      this.#recent.push(proposal);
      this.#recentBytes += proposalBytes(proposal);
      this.#last = zxid;
    }
  }

  /** Removes everything after a zxid that the history contains. */
  truncate(after: Zxid): void {
    assert(this.contains(after), `the history holds ${zxidText(after)}, where it is cut`);
    while (this.#recent.length > this.#head) {
      const latest = must(this.#recent.at(-1), "a recent proposal");
      if (compareZxid(latest.zxid, after) <= 0) break;
      this.#recent.pop();
      this.#recentBytes -= proposalBytes(latest);
    }
    this.#recentAfter = minZxid(this.#recentAfter, after);
    this.#epochEnds = this.#epochEnds.filter((end) => end.epoch < after.epoch);
    this.#epochEnds.push(after);
    this.#last = after;
  }

  /** Whether this very zxid is part of the history and not before its base. */
  contains(zxid: Zxid): boolean {
    if (equalZxid(zxid, this.base) || equalZxid(zxid, this.#last)) return true;
    if (compareZxid(zxid, this.base) < 0 || compareZxid(zxid, this.#last) > 0) return false;
    if (compareZxid(zxid, this.#recentAfter) <= 0) {
      return equalZxid(this.#log.floor(zxid), zxid);
    }
    const found = this.#recent[this.#indexAfter(zxid) - 1];
    return found !== undefined && equalZxid(found.zxid, zxid);
  }

  /** A stretch of history, at most BATCH_PROPOSALS_MAX of it; `after` is contained in the history. */
  read(range: ReadRange): readonly Proposal[] {
    const { after, bytesMax } = range;
    assert(compareZxid(after, this.base) >= 0, "reads begin at the base or later");
    const upTo = minZxid(range.upTo, this.#last);
    if (compareZxid(after, upTo) >= 0) return [];
    if (compareZxid(after, this.#recentAfter) < 0) {
      const older = { after, upTo: minZxid(upTo, this.#recentAfter), bytesMax };
      const proposals = this.#log.read(older);
      const first = must(proposals[0], `the log holds what follows ${zxidText(after)}`);
      assert(follows(after, first.zxid), `no hole behind ${zxidText(after)}`);
      return proposals.slice(0, BATCH_PROPOSALS_MAX);
    }
    return this.#readRecent({ after, upTo, bytesMax });
  }

  /** The history in a few numbers; see HistorySummary. */
  summary(): HistorySummary {
    return { last: this.#last, epochEnds: this.#epochEnds.slice(-EPOCH_ENDS_MAX) };
  }

  #readRecent({ after, upTo, bytesMax }: ReadRange): readonly Proposal[] {
    const start = this.#indexAfter(after);
    let end = start;
    let bytes = 0;
    for (; end < this.#recent.length && end - start < BATCH_PROPOSALS_MAX; end++) {
      const proposal = must(this.#recent[end], "a recent proposal");
      if (compareZxid(proposal.zxid, upTo) > 0) break;
      bytes += proposalBytes(proposal);
      if (bytes > bytesMax && end > start) break;
    }
    return this.#recent.slice(start, end);
  }

  /** The index of the first recent proposal after the zxid. */
  #indexAfter(zxid: Zxid): number {
    let low = this.#head;
    let high = this.#recent.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareZxid(must(this.#recent[middle], "a recent proposal").zxid, zxid) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
