/**
 * Reads the history backwards, from what was applied last, for those who ask about the past: a slice a turn, as what is
 * kept may be 256 MB, and the replica goes on meanwhile. Walks take turns.
 */
import { must } from "../base/assert.ts";
import type { Txn, TxnHeader } from "../base/txn.ts";
import { compareZxid, equalZxid, maxZxid, type Zxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import type { EventNote } from "../tree/told-events.ts";
import type { LogReader } from "../zab/config.ts";
import type { EventNotes } from "./event-notes.ts";
import { WALK_SLICE_BYTES, WALK_STEP_FIRST, WALK_STEP_MAX, WALKS_MAX } from "./limits.ts";

/** A transaction that was met. */
export interface Met {
  readonly zxid: Zxid;
  readonly header: TxnHeader;
  readonly txn: Txn;
  /** What is kept of its events beside it: see tree/told-events.ts. */
  readonly note: EventNote | undefined;
}

/** The oldest state that the history leads back to. */
export interface HistoryEnd {
  readonly zxid: Zxid;
  /** When that was, by its leader's clock; undefined where that is not known. */
  readonly timeMs: number | undefined;
}

/** Who has history read. */
export interface Walker {
  /** The transaction before the last one that was taken; says whether more is wanted. */
  take(met: Met): boolean;
  /** All that was wanted was taken, or all there is: then `end` says how far back that leads. */
  done(end: HistoryEnd | undefined): void;
}

interface Walk {
  readonly walker: Walker;
  /** What is behind it was taken. */
  at: Zxid;
  /** How many to read at a time. */
  step: number;
}

/** Of one replica. */
export class HistoryWalks {
  readonly #log: LogReader;
  readonly #notes: EventNotes;
  readonly #walks = new Map<Walker, Walk>();

  constructor(log: LogReader, notes: EventNotes) {
    this.#log = log;
    this.#notes = notes;
  }

  /** Whether there is no room for one more. */
  get isFull(): boolean {
    return this.#walks.size >= WALKS_MAX;
  }

  /** Begins at a transaction that was applied, with that. */
  begin(from: Zxid, walker: Walker): void {
    this.#walks.set(walker, { walker, at: from, step: WALK_STEP_FIRST });
  }

  /** Nobody wants it any more. */
  drop(walker: Walker): void {
    this.#walks.delete(walker);
  }

  /** The state that the history leads back to, and when the first write behind it was: undefined for none. */
  get oldest(): { readonly zxid: Zxid; readonly firstMs: number | undefined } {
    const zxid = this.#base;
    const [first] = this.#log.read({ after: zxid, upTo: this.#log.last, bytesMax: 1 });
    return { zxid, firstMs: first && decodeTxn(first.payload).header.timeMs };
  }

  /** The transaction of that zxid; undefined where it is not kept, or there never was one. */
  at(zxid: Zxid): Met | undefined {
    if (compareZxid(zxid, this.#base) <= 0 || compareZxid(zxid, this.#log.last) > 0) return undefined;
    const [found] = this.#read({ epoch: zxid.epoch, counter: zxid.counter - 1 }, zxid);
    return found;
  }

  /** Reads the next slice of one walk; says whether there is more to read. */
  advance(): boolean {
    const [walk] = this.#walks.values();
    if (walk === undefined) return false;
    this.#walks.delete(walk.walker);
    // What a turn applies is in the history when its write is done.
    if (compareZxid(walk.at, this.#log.last) > 0 || this.#isWanted(walk)) {
      this.#walks.set(walk.walker, walk);
    }
    return this.#walks.size > 0;
  }

  /** Behind it everything is kept. */
  get #base(): Zxid {
    return maxZxid(this.#log.base, this.#notes.base);
  }

  #isWanted(walk: Walk): boolean {
    const { walker } = walk;
    const base = this.#base;
    const upTo = this.#log.floor(walk.at);
    if (compareZxid(upTo, base) <= 0) {
      walker.done({ zxid: base, timeMs: equalZxid(base, ZXID_ZERO) ? Number.NEGATIVE_INFINITY : undefined });
      return false;
    }
    const after = maxZxid(base, { epoch: upTo.epoch, counter: Math.max(-1, upTo.counter - walk.step) });
    const slice = this.#read(after, upTo);
    const last = must(slice.at(-1), "what the history has");
    if (!equalZxid(last.zxid, upTo)) {
      // They are more than a slice: fewer at a time.
      walk.step = Math.max(1, walk.step >> 2);
      return true;
    }
    walk.step = Math.min(walk.step * 2, WALK_STEP_MAX);
    for (const met of slice.toReversed()) {
      if (met.txn.kind === "restore") {
        walker.done({ zxid: met.zxid, timeMs: met.header.timeMs });
        return false;
      }
      if (!walker.take(met)) {
        walker.done(undefined);
        return false;
      }
      walk.at = { epoch: met.zxid.epoch, counter: met.zxid.counter - 1 };
    }
    return true;
  }

  #read(after: Zxid, upTo: Zxid): readonly Met[] {
    const proposals = this.#log.read({ after, upTo, bytesMax: WALK_SLICE_BYTES });
    const notes = this.#notes.read({ after, upTo });
    return proposals.map(({ zxid, payload }) => {
      const { header, txn } = decodeTxn(payload);
      return { zxid, header, txn, note: notes.get(zxidText(zxid)) };
    });
  }
}
