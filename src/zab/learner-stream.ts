/**
 * The leader's side of one learner: a single stream of history, from the last common zxid on, that never changes lanes.
 * Where history does not reach back that far, the stream is a snapshot instead, and the learner comes again with it.
 * When it has caught up with what is proposed NEWLEADER follows, and live proposals come behind it on the same link, so
 * everyone that sent ACKEPOCH gets every proposal (Zab specification, issue 1). Invariants:
 *  1. acknowledged <= sent <= the leader's last zxid.
 *  2. A commit never passes what was sent.
 */
import { assert } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, equalZxid, minZxid, ZXID_ZERO, type Zxid } from "../base/zxid.ts";
import type { PeerCore } from "./core.ts";
import type { LinkId, ZabMessage } from "./message.ts";
import { type LearnerHistory, planSync } from "./sync-plan.ts";

type AckEpoch = ZabMessage & { kind: "ackEpoch" };

/** How far one learner has come. */
export type LearnerStage =
  /** Its first message is awaited. */
  | "connected"
  /** It was heard; LEADERINFO is sent once the epoch is known, to others than voters once it is established. */
  | "introduced"
  /** LEADERINFO is sent. */
  | "asked"
  /** It has acknowledged the epoch. */
  | "acknowledged"
  /** Its history is being sent. */
  | "synchronizing"
  /** Its state is being sent. */
  | "snapshotting"
  /** All of its state is sent: it will come back with it on another link. */
  | "dispatched"
  /** NEWLEADER is sent. */
  | "entering"
  /** NEWLEADER is acknowledged: its acknowledgements count. */
  | "synced"
  /** UPTODATE is sent: it serves, and is told of commits. */
  | "live";

/** How far a snapshot has come, in parts. */
interface Snapshot {
  readonly reason: string;
  readonly notBefore: Zxid;
  sent: number;
  acknowledged: number;
}

/** Whether history flows to a learner at this stage. */
function isStreaming(stage: LearnerStage): boolean {
  return stage === "synchronizing" || stage === "entering" || stage === "synced" || stage === "live";
}

/** One learner, as its leader sees it. */
export class LearnerStream {
  readonly link: LinkId;
  readonly sid: Sid;
  readonly #core: PeerCore;
  #stage: LearnerStage = "connected";
  #ackEpoch: AckEpoch | undefined;
  #sent: Zxid = ZXID_ZERO;
  #acknowledged: Zxid = ZXID_ZERO;
  /** It has been told that up to here all is committed, or will be where it has it. */
  #commitSent: Zxid = ZXID_ZERO;
  /** Sent and not acknowledged, oldest first. */
  readonly #unacknowledged: { readonly last: Zxid; readonly bytes: number }[] = [];
  #unacknowledgedBytes = 0;
  /** Since when it owes the oldest acknowledgement. */
  #owesSinceMs: number | undefined;
  #heardAtMs: number;
  #snapshot: Snapshot | undefined;
  /** The moments of pings that it has not answered yet, oldest first. */
  readonly #pings: number[] = [];
  #promisedAt = 0;
  #enteringAt = 0;
  #aliveAt = 0;
  /** While it may not enter: the moment that a quorum must outlive first. See hold. */
  #heldSince: number | undefined;

  constructor(core: PeerCore, peer: { readonly link: LinkId; readonly sid: Sid }) {
    this.#core = core;
    this.link = peer.link;
    this.sid = peer.sid;
    this.#heardAtMs = core.clockMs;
  }

  /** Whether its word counts now: what it is can change while it is on its link. */
  get isVoter(): boolean {
    return this.#core.quorum.isVoter(this.sid);
  }

  get stage(): LearnerStage {
    return this.#stage;
  }

  get isSynced(): boolean {
    return this.#stage === "synced" || this.#stage === "live";
  }

  /** Whether it has acknowledged everything up to here, and was told that it is committed. */
  isLevel(upTo: Zxid): boolean {
    return equalZxid(this.#acknowledged, upTo) && equalZxid(this.#commitSent, upTo);
  }

  get ackEpoch(): AckEpoch | undefined {
    return this.#ackEpoch;
  }

  get sent(): Zxid {
    return this.#sent;
  }

  get acknowledged(): Zxid {
    return this.#acknowledged;
  }

  /** Whether it was heard since this leader last stood still: what was known of it before may be of the past. */
  get isHeard(): boolean {
    return this.#heardAtMs > this.#core.stalledAtMs;
  }

  get silenceMs(): number {
    return this.#core.clockMs - this.#heardAtMs;
  }

  /** For how long it has acknowledged nothing though something was sent. */
  get stallMs(): number {
    return this.#owesSinceMs === undefined ? 0 : this.#core.clockMs - this.#owesSinceMs;
  }

  /** Why it is sent a snapshot; undefined where it is not. */
  get snapshotReason(): string | undefined {
    return this.#snapshot?.reason;
  }

  /** Where it can take another part of a snapshot now: from where on that may end. */
  get wantsSnapshot(): Zxid | undefined {
    const hasRoom = this.#unacknowledgedBytes < this.#core.timing.learnerWindowBytes;
    return this.#stage === "snapshotting" && hasRoom ? this.#snapshot?.notBefore : undefined;
  }

  /** When its promise came; 0 where it has made none. */
  get promisedAt(): number {
    return this.#promisedAt;
  }

  /** The latest moment of which something has reached it: it has answered that. */
  get aliveAt(): number {
    return this.#aliveAt;
  }

  /** Since when it may not enter; undefined where it may. */
  get heldSince(): number | undefined {
    return this.#heldSince;
  }

  /**
   * It may not enter before this leader has a quorum without it that was alive at a later moment. It has lost its disk,
   * and may have promised a later epoch before: a quorum that follows this leader now, with their disks, proves that no
   * such epoch has come about, nor can without them: see Leader's #isQuorumSynced.
   */
  hold(moment: number): void {
    this.#heldSince = moment;
  }

  /** There is such a quorum. */
  release(): void {
    this.#heldSince = undefined;
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#pings.push(this.#core.nextMoment());
    this.#core.outbox.sendFree(this.link, { kind: "ping" });
  }

  /** It answers the oldest ping that it owes an answer to. */
  onPong(): void {
    this.#aliveAt = Math.max(this.#aliveAt, this.#pings.shift() ?? 0);
  }

  /** Something came from it. */
  onHeard(): void {
    this.#heardAtMs = this.#core.clockMs;
  }

  /** It introduced itself. */
  onInfo(): void {
    this.#stage = "introduced";
  }

  /** It was told the epoch. */
  onLeaderInfo(): void {
    this.#stage = "asked";
  }

  /** It acknowledged the epoch. */
  onAckEpoch(message: AckEpoch): void {
    this.#stage = "acknowledged";
    this.#ackEpoch = message;
    this.#promisedAt = this.#core.nextMoment();
  }

  /** Begins the stream where both histories part, or a snapshot where only that helps. */
  begin(): void {
    const { history, outbox } = this.#core;
    const answer = this.#ackEpoch;
    assert(answer !== undefined && this.#stage === "acknowledged", "it acknowledged the epoch");
    const { lastDelivered, voice } = answer;
    const learner: LearnerHistory = { ...answer.history, lastDelivered, isDiverged: voice === "none" };
    const plan = planSync(learner, { ...history.summary(), base: history.base });
    if (plan.kind === "snapshot") {
      this.#stage = "snapshotting";
      this.#snapshot = { reason: plan.reason, notBefore: plan.notBefore, sent: 0, acknowledged: 0 };
      outbox.sendAfter(this.link, { kind: "snapshot", reason: plan.reason });
      return;
    }
    this.#stage = "synchronizing";
    this.#sent = plan.after;
    this.#acknowledged = plan.after;
    outbox.sendAfter(this.link, plan);
  }

  /** Sends what may be sent now; a reason where the history it needs is no longer there. */
  advance(epoch: number, isEstablished: boolean): string | undefined {
    if (!isStreaming(this.#stage)) return undefined;
    const { history } = this.#core;
    const limit = history.last;
    while (
      compareZxid(this.#sent, limit) < 0 &&
      this.#unacknowledgedBytes < this.#core.timing.learnerWindowBytes
    ) {
      if (compareZxid(this.#sent, history.base) < 0) return "its history was trimmed meanwhile";
      this.#sendHistory(limit);
    }
    const isCaughtUp = compareZxid(this.#sent, limit) >= 0;
    const mayEnter = this.#heldSince === undefined;
    if (this.#stage === "synchronizing" && isCaughtUp && mayEnter) this.#sendNewLeader(epoch);
    if (this.#stage === "synced" && isEstablished) this.#sendUpToDate();
    else if (this.#stage === "live") this.#sendCommit();
    if (this.#stage === "live" && this.#sent.epoch === epoch) this.#sendLeaderAck();
    return undefined;
  }

  /** Its history and the epoch are durable with it; whether that was expected. */
  onAckNewLeader(): boolean {
    if (this.#stage !== "entering") return false;
    this.#stage = "synced";
    this.#aliveAt = Math.max(this.#aliveAt, this.#enteringAt);
    return true;
  }

  /** Everything up to here is durable with it; whether that can be. */
  onAck(upTo: Zxid): boolean {
    if (this.#ackEpoch === undefined || compareZxid(upTo, this.#sent) > 0) return false;
    if (compareZxid(upTo, this.#acknowledged) > 0) this.#acknowledged = upTo;
    for (let oldest = this.#unacknowledged[0]; oldest; oldest = this.#unacknowledged[0]) {
      if (compareZxid(oldest.last, upTo) > 0) break;
      this.#settleOldest();
    }
    return true;
  }

  /** So many parts of the snapshot are durable with it; whether that can be. */
  onSnapshotAck(parts: number): boolean {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || parts > snapshot.sent || parts < snapshot.acknowledged) return false;
    for (; snapshot.acknowledged < parts; snapshot.acknowledged++) this.#settleOldest();
    return true;
  }

  /** Sends the next part, and where the state is whole with it, the end: everything up to `last`, nothing after. */
  sendSnapshotPart(payload: Uint8Array, end?: { readonly last: Zxid; readonly payload: Uint8Array }): void {
    const { outbox } = this.#core;
    const snapshot = this.#snapshot;
    assert(snapshot !== undefined && this.#stage === "snapshotting", "it is being sent a snapshot");
    // What is delivered may rest on this step's write, and reveals it.
    outbox.sendAfter(this.link, { kind: "snapshotPart", payload });
    snapshot.sent++;
    this.#owe({ last: ZXID_ZERO, bytes: payload.byteLength });
    if (end === undefined) return;
    assert(
      compareZxid(end.last, snapshot.notBefore) >= 0,
      "a snapshot covers what the learner may have acknowledged",
    );
    outbox.sendAfter(this.link, { kind: "snapshotEnd", last: end.last, payload: end.payload });
    this.#stage = "dispatched";
  }

  #owe(sent: { readonly last: Zxid; readonly bytes: number }): void {
    this.#unacknowledged.push(sent);
    this.#unacknowledgedBytes += sent.bytes;
    this.#owesSinceMs ??= this.#core.clockMs;
  }

  #settleOldest(): void {
    this.#unacknowledgedBytes -= this.#unacknowledged.shift()?.bytes ?? 0;
    this.#owesSinceMs = this.#unacknowledged.length === 0 ? undefined : this.#core.clockMs;
  }

  #sendHistory(limit: Zxid): void {
    const { outbox, messages } = this.#core;
    const { message, last, bytes } = messages.next({ after: this.#sent, upTo: limit });
    outbox.sendFree(this.link, message);
    this.#owe({ last, bytes });
    this.#sent = last;
  }

  #sendNewLeader(epoch: number): void {
    this.#stage = "entering";
    this.#enteringAt = this.#core.nextMoment();
    const message: ZabMessage = { kind: "newLeader", epoch, last: this.#sent };
    this.#core.outbox.sendAfter(this.link, message);
  }

  /** COMMIT-LD carries the latest committed zxid, not the one NEWLEADER ended at (Zab specification, issue 3). */
  #sendUpToDate(): void {
    this.#stage = "live";
    const committed = minZxid(this.#core.lastCommitted, this.#sent);
    this.#commitSent = committed;
    this.#core.outbox.sendAfter(this.link, { kind: "upToDate", committed });
  }

  #sendCommit(): void {
    const upTo = minZxid(this.#core.lastCommitted, this.#sent);
    if (compareZxid(upTo, this.#commitSent) <= 0) return;
    this.#commitSent = upTo;
    this.#core.sendUpTo(this.link, upTo, { kind: "commit", upTo });
  }

  /**
   * Where leader and learner are a quorum, the learner need not wait until its acknowledgement has come here and COMMIT
   * has come back: it is told at once what is durable here. Not while members change: the learner must count as we do.
   */
  #sendLeaderAck(): void {
    const { members, quorum, config } = this.#core;
    const upTo = this.#sent;
    if (compareZxid(upTo, this.#commitSent) <= 0 || !members.isSettled) return;
    if (!this.isVoter || !quorum.contains(new Set([config.sid, this.sid]))) return;
    this.#commitSent = upTo;
    this.#core.sendUpTo(this.link, upTo, { kind: "leaderAck", upTo });
  }
}
