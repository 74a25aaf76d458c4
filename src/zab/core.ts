/**
 * What survives a change of phase: epochs, history, what is committed and delivered, the clock, and the step's effects.
 * Election, learner and leader all work on the one core of their peer.
 */
import { assert } from "../base/assert.ts";
import { BATCH_BYTES_MAX, EPOCH_LEAP_MAX, PROMISE_LEAP_MAX } from "../base/limits.ts";
import { compareZxid, EPOCH_MAX, equalZxid, maxZxid, type Zxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import {
  DEFAULT_TIMING,
  type LogReader,
  type PeerConfig,
  type PeerStart,
  type PeerTiming,
  type SyncCounts,
} from "./config.ts";
import { Outbox, type PeerEffects } from "./effects.ts";
import { Founding } from "./founding.ts";
import { HistoryMessages } from "./history-messages.ts";
import { History } from "./history.ts";
import type { LinkId, Proposal, Voice, ZabMessage } from "./message.ts";
import { Members } from "./members.ts";
import type { QuorumVerifier } from "./quorum.ts";

/** How many different kinds of dropped input are told apart: what peers send must not fill memory. */
const DROPPED_KINDS_MAX = 64;

/** The state that every phase of one peer shares. */
export class PeerCore {
  readonly config: PeerConfig;
  readonly timing: PeerTiming;
  readonly members: Members;
  readonly founding: Founding;
  readonly history: History;
  readonly messages: HistoryMessages;
  readonly outbox: Outbox = new Outbox();
  #epochFloor: number;
  #acceptedEpoch: number;
  #currentEpoch: number;
  #isDiverged: boolean;
  #lastCommitted: Zxid;
  #lastDelivered: Zxid;
  #lastBeforeStep: Zxid;
  #clockMs = 0;
  #realMs = 0;
  #wroteRealMs = 0;
  #stalledAtMs = -1;
  #moment = 0;
  #nowMs: number | undefined;
  readonly #dropped: Map<string, number> = new Map();
  readonly #syncs = { diff: 0, truncate: 0, snapshot: 0 };

  constructor(config: PeerConfig, start: PeerStart, log: LogReader) {
    this.config = config;
    this.timing = { ...DEFAULT_TIMING, ...config.timing };
    this.history = new History(log, this.timing.recentBytesMax);
    this.messages = new HistoryMessages(this.history);
    this.#epochFloor = start.epochFloor;
    // Observers once promised nothing, and such a disk may be here still: no earlier epoch than it holds is accepted.
    this.#acceptedEpoch = Math.max(start.acceptedEpoch, log.last.epoch);
    this.#currentEpoch = start.currentEpoch;
    this.#isDiverged = start.isDiverged;
    this.#lastCommitted = start.lastDelivered;
    this.#lastDelivered = start.lastDelivered;
    this.#lastBeforeStep = log.last;
    assert(start.currentEpoch <= start.acceptedEpoch, "currentEpoch is at most acceptedEpoch");
    assert(compareZxid(start.lastDelivered, log.last) <= 0, "what was delivered is in the log");
    assert(compareZxid(start.lastDelivered, log.base) >= 0, "only the delivered is trimmed");
    this.members = new Members(config);
    this.founding = new Founding(this.timing.notificationRetryMaxMs);
    this.#readMembers();
  }

  /** Memberships that are accepted and were not delivered when this peer started count from its first step on. */
  #readMembers(): void {
    const bytesMax = BATCH_BYTES_MAX;
    for (let after = this.#lastDelivered; ;) {
      const proposals = this.history.read({ after, upTo: this.history.last, bytesMax });
      const last = proposals.at(-1);
      if (last === undefined) return;
      this.members.onAccepted(proposals);
      after = last.zxid;
    }
  }

  /** What decides now: see Members. */
  get quorum(): QuorumVerifier {
    return this.members.quorum;
  }

  /** Whether nothing was ever proposed, for all that this peer has: see Founding. */
  get isBlank(): boolean {
    const { last } = this.history;
    return equalZxid(last, ZXID_ZERO) && equalZxid(this.members.latest.version, ZXID_ZERO);
  }

  /**
   * For a leader that a quorum has followed into its epoch: whether the register knows that the ensemble serves from
   * now on. It is told before anything is proposed, and waited for where no history would prove as much.
   */
  isFounded(): boolean {
    const { founding, isBlank } = this;
    const { voters } = this.members.current;
    if (founding.isBy(voters)) return true;
    if (!isBlank || founding.maybeAsk(this.#clockMs)) {
      this.outbox.after({ kind: "register", founders: voters });
    }
    return !isBlank;
  }

  /** Whether this peer's word counts, by its own history. */
  get isVoter(): boolean {
    return this.quorum.isVoter(this.config.sid);
  }

  /** New epochs are above this one: what the start gave, or a later promise that some learner told of. */
  get epochFloor(): number {
    return this.#epochFloor;
  }

  /** Takes note of a learner's promise, so that one new epoch is enough to take that learner in. */
  raiseEpochFloor(promisedEpoch: number): void {
    this.#epochFloor = Math.max(this.#epochFloor, promisedEpoch);
  }

  /** Whether some leader can have come so far as this epoch, by all that this peer knows. */
  isPlausibleEpoch(epoch: number, leapMax: number = EPOCH_LEAP_MAX): boolean {
    const known = Math.max(this.#acceptedEpoch, this.#epochFloor);
    return epoch >= 0 && epoch < EPOCH_MAX && epoch <= known + leapMax;
  }

  /** Whether a learner can have promised this: the epoch behind it must be plausible to all others, who know less. */
  isPlausiblePromise(epoch: number): boolean {
    return this.isPlausibleEpoch(epoch, PROMISE_LEAP_MAX);
  }

  /** The epoch promised last. */
  get acceptedEpoch(): number {
    return this.#acceptedEpoch;
  }

  /** The epoch in force: the last whose NEWLEADER this peer accepted. */
  get currentEpoch(): number {
    return this.#currentEpoch;
  }

  /** Whether this peer counts where a quorum decides; see Voice. */
  get voice(): Voice {
    if (this.#isDiverged) return "none";
    return this.#currentEpoch === 0 ? "fresh" : "full";
  }

  /** Takes note, durably, that the tree is not to be trusted. */
  markDiverged(): void {
    this.#isDiverged = true;
    this.outbox.write({ kind: "diverged" });
  }

  get lastCommitted(): Zxid {
    return this.#lastCommitted;
  }

  get lastDelivered(): Zxid {
    return this.#lastDelivered;
  }

  /**
   * Milliseconds that this peer lived through. A late step adds at most stallLimitMs: replicas of one process share a
   * thread, and what kept this one from running kept the messages of the others from arriving.
   */
  get clockMs(): number {
    return this.#clockMs;
  }

  /** Milliseconds that have passed by the shell's clock, all of them: nobody who waits for this peer stalls with it. */
  get realMs(): number {
    return this.#realMs;
  }

  /** When this peer last wrote, of all time. */
  get wroteRealMs(): number {
    return this.#wroteRealMs;
  }

  /** What realMs would be in a step at this time of the shell's clock. */
  realAt(nowMs: number): number {
    return this.#realMs + Math.max(nowMs - (this.#nowMs ?? nowMs), 0);
  }

  /** When this peer last went on after it had stood still for longer than others wait for it; -1 for never. */
  get stalledAtMs(): number {
    return this.#stalledAtMs;
  }

  /** How often leaders brought this peer's history in line with theirs, by what they sent first. */
  get syncs(): SyncCounts {
    return { ...this.#syncs };
  }

  /** A leader begins to bring this peer's history in line. */
  countSync(kind: keyof SyncCounts): void {
    this.#syncs[kind]++;
  }

  /** How many moments there were: what was sent or heard at an earlier one came before. */
  get moment(): number {
    return this.#moment;
  }

  /** The next moment, which is now. */
  nextMoment(): number {
    return ++this.#moment;
  }

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** Begins a step at this time of the shell's clock, which may stand still or jump. */
  beginStep(nowMs: number): void {
    const passedMs = nowMs - (this.#nowMs ?? nowMs);
    this.#realMs = this.realAt(nowMs);
    this.#clockMs += Math.min(Math.max(passedMs, 0), this.timing.stallLimitMs);
    if (passedMs > this.timing.heartbeatLimitMs) this.#stalledAtMs = this.#clockMs;
    this.#nowMs = nowMs;
    this.#lastBeforeStep = this.history.last;
    this.history.beginStep();
    this.messages.beginStep();
  }

  /** Accepts proposals directly behind the last one. */
  append(proposals: readonly Proposal[]): void {
    this.history.append(proposals);
    this.members.onAccepted(proposals);
    this.outbox.write({ kind: "append", proposals });
  }

  /** Forgets what comes after `after`, none of which was delivered. */
  truncate(after: Zxid): void {
    assert(compareZxid(after, this.#lastCommitted) >= 0, "the committed is never truncated");
    this.history.truncate(after);
    this.outbox.write({ kind: "truncate", after });
    this.members.onTruncated(after);
  }

  /** Makes both epochs durable with this step's writes; neither ever regresses. */
  writeEpochs(epochs: { readonly acceptedEpoch: number; readonly currentEpoch: number }): void {
    assert(epochs.acceptedEpoch >= this.#acceptedEpoch, "acceptedEpoch never regresses");
    assert(epochs.currentEpoch >= this.#currentEpoch, "currentEpoch never regresses");
    this.#acceptedEpoch = epochs.acceptedEpoch;
    this.#currentEpoch = epochs.currentEpoch;
    this.outbox.write({ kind: "epochs", ...epochs });
  }

  /**
   * Writes what is on disk already, where this peer alone is a quorum and has written nothing for too long: for less
   * than the time for which its successor lets sessions live on, as a reply and the clock's ticks take some, too.
   */
  prove(): void {
    const { acceptedEpoch, currentEpoch, config, quorum } = this;
    const isDue = this.#realMs - this.#wroteRealMs >= (this.timing.heartbeatLimitMs * 2) / 3;
    if (isDue && quorum.contains(new Set([config.sid]))) this.writeEpochs({ acceptedEpoch, currentEpoch });
  }

  /** A step's effects, which are performed now. */
  takeEffects(): PeerEffects {
    const effects = this.outbox.take();
    if (effects.writes.length > 0) this.#wroteRealMs = this.#realMs;
    return effects;
  }

  /** Takes note that everything up to here is committed; what was known before changes nothing. */
  commit(upTo: Zxid): void {
    assert(compareZxid(upTo, this.history.last) <= 0, `${zxidText(upTo)} is accepted before committed`);
    if (compareZxid(upTo, this.#lastCommitted) <= 0) return;
    this.#lastCommitted = upTo;
    this.members.onCommitted(upTo);
    this.outbox.after({ kind: "committed", upTo });
  }

  /** Hands out what is committed and not yet delivered. */
  takeCommitted(bytesMax: number): readonly Proposal[] {
    const range = { after: this.#lastDelivered, upTo: this.#lastCommitted, bytesMax };
    const proposals = this.history.read(range);
    const last = proposals.at(-1);
    if (last !== undefined) this.#lastDelivered = maxZxid(this.#lastDelivered, last.zxid);
    return proposals;
  }

  /** Sends a message that reveals nothing after this zxid: free where an earlier step wrote that. */
  sendUpTo(link: LinkId, upTo: Zxid, message: ZabMessage): void {
    if (compareZxid(upTo, this.#lastBeforeStep) <= 0) this.outbox.sendFree(link, message);
    else this.outbox.sendAfter(link, message);
  }

  /** Counts something from a peer that was ignored. */
  drop(what: string): void {
    const isNew = !this.#dropped.has(what);
    const key = isNew && this.#dropped.size >= DROPPED_KINDS_MAX ? "other" : what;
    this.#dropped.set(key, (this.#dropped.get(key) ?? 0) + 1);
  }
}
