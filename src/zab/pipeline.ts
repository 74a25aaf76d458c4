/**
 * Gathers proposals into batches. Each batch costs one disk sync on every voter, so while batches are in flight new
 * proposals gather, and go out when those commit, or after a small gap behind them, or when a batch is full. Invariant:
 * what is in flight directly precedes what is pending, in zxid order, without a gap.
 */
import { assert } from "../base/assert.ts";
import { BATCH_BYTES_MAX, BATCH_PROPOSALS_MAX } from "../base/limits.ts";
import { compareZxid, equalZxid, type Zxid, zxidText } from "../base/zxid.ts";
import type { PeerTiming } from "./config.ts";
import { proposalBytes } from "./history.ts";
import type { Proposal } from "./message.ts";

interface Batch {
  readonly last: Zxid;
  readonly count: number;
  readonly bytes: number;
}

/** The proposals of one leader on their way to a quorum. */
export class Pipeline {
  readonly #timing: PeerTiming;
  #last: Zxid;
  /** Proposals from index #head on wait for their batch. */
  #pending: Proposal[] = [];
  #head = 0;
  #pendingBytes = 0;
  readonly #inFlight: Batch[] = [];
  #sentAtMs = 0;
  #proposals = 0;
  #bytes = 0;

  /** The first proposal will carry the zxid behind `last`: its epoch is the leader's. */
  constructor(timing: PeerTiming, last: Zxid) {
    this.#timing = timing;
    this.#last = last;
  }

  /** The zxid that the next proposal must carry. */
  get nextZxid(): Zxid {
    return { epoch: this.#last.epoch, counter: this.#last.counter + 1 };
  }

  /** Proposals gathered or in flight, not committed yet. */
  get proposals(): number {
    return this.#proposals;
  }

  /** Their bytes, envelopes included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the next batch is due if nothing commits before, on the clock of `next`; undefined if none waits. */
  get dueAtMs(): number | undefined {
    if (this.#head === this.#pending.length) return undefined;
    if (this.#inFlight.length >= this.#timing.pipelineDepth) return undefined;
    return this.#sentAtMs + this.#timing.pipelineGapMs;
  }

  /** Takes proposals in; their zxids continue ours. */
  gather(proposals: readonly Proposal[]): void {
    for (const proposal of proposals) {
      const isNext = equalZxid(proposal.zxid, this.nextZxid);
      assert(isNext, `${zxidText(proposal.zxid)} is the next zxid`);
      this.#last = proposal.zxid;
      this.#pending.push(proposal);
      const bytes = proposalBytes(proposal);
      this.#pendingBytes += bytes;
      this.#bytes += bytes;
      this.#proposals++;
    }
  }

  /** Cuts the next batch if one is due now. */
  next(nowMs: number): readonly Proposal[] | undefined {
    if (this.#head === this.#pending.length || !this.#isDue(nowMs)) return undefined;
    const start = this.#head;
    let bytes = 0;
    let end = start;
    for (; end < this.#pending.length && end - start < BATCH_PROPOSALS_MAX; end++) {
      const proposal = this.#pending[end];
      if (proposal === undefined) break;
      const more = proposalBytes(proposal);
      if (bytes + more > BATCH_BYTES_MAX && end > start) break;
      bytes += more;
    }
    const batch = this.#pending.slice(start, end);
    const last = batch.at(-1);
    assert(last !== undefined, "a batch is not empty");
    this.#inFlight.push({ last: last.zxid, count: batch.length, bytes });
    this.#advanceHead(end, bytes);
    this.#sentAtMs = nowMs;
    return batch;
  }

  /** Batches up to here are committed. */
  onCommitted(upTo: Zxid): void {
    for (let batch = this.#inFlight[0]; batch !== undefined; batch = this.#inFlight[0]) {
      if (compareZxid(batch.last, upTo) > 0) return;
      this.#inFlight.shift();
      this.#proposals -= batch.count;
      this.#bytes -= batch.bytes;
    }
  }

  #isDue(nowMs: number): boolean {
    const { pipelineDepth, pipelineGapMs } = this.#timing;
    if (this.#inFlight.length === 0) return true;
    if (this.#inFlight.length >= pipelineDepth) return false;
    const isFull =
      this.#pendingBytes >= BATCH_BYTES_MAX || this.#pending.length - this.#head >= BATCH_PROPOSALS_MAX;
    return isFull || nowMs - this.#sentAtMs >= pipelineGapMs;
  }

  #advanceHead(head: number, bytes: number): void {
    this.#pendingBytes -= bytes;
    this.#head = head;
    if (this.#head * 2 < this.#pending.length) return;
    this.#pending = this.#pending.slice(this.#head);
    this.#head = 0;
  }
}
