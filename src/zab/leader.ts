/**
 * A leader: discovery, synchronization and broadcast from the leader's side. Source: Zab, Algorithms 1 to 3 (leader);
 * ZooKeeper Leader.lead and LearnerHandler. Departures from ZooKeeper:
 *  - a learner that has promised a later epoch makes the leader start a new one, where ZooKeeper turns it away for as
 *    long as the leader lasts;
 *  - observers are sent PROPOSE and COMMIT, accept, promise and acknowledge as followers do, and are not counted: so a
 *    replica can become a voter, or cease to be one, without another link.
 *  - a leader that can no longer gather promises from a quorum resigns at once instead of waiting for its time limit.
 */
import { assert, assertNever, must } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, EPOCH_MAX, type Zxid } from "../base/zxid.ts";
import type { LearnerStatus, PeerInput, PeerPhase, SnapshotWanted, Stage } from "./config.ts";
import type { PeerCore } from "./core.ts";
import { HeardVoters } from "./heard-voters.ts";
import { LearnerStream } from "./learner-stream.ts";
import type { LinkId, Proposal, ZabMessage } from "./message.ts";
import { assertMayPropose } from "./members.ts";
import { quorumOf } from "./membership.ts";
import { Pipeline } from "./pipeline.ts";
import { Promises } from "./promises.ts";
import { latestAcknowledged } from "./quorum.ts";
import { isSummarySound } from "./sync-plan.ts";

/** A peer's time as leader. Once `leaving` says why, it is over. */
export class Leader {
  readonly #core: PeerCore;
  #stage: Stage = "discovery";
  #newEpoch: number | undefined;
  #pipeline: Pipeline | undefined;
  readonly #learners: Map<LinkId, LearnerStream> = new Map();
  readonly #promises: Promises;
  readonly #heard: HeardVoters;
  /** A change of the members that is proposed and not committed. */
  #lastChange: Zxid | undefined;
  #pingAtMs: number;
  #progressAtMs: number;
  #leaving: string | undefined;
  #resignation: { readonly successor: Sid | undefined; readonly untilMs: number } | undefined;
  #heir: LinkId | undefined;

  constructor(core: PeerCore) {
    this.#core = core;
    this.#promises = new Promises(core);
    this.#pingAtMs = core.clockMs;
    this.#progressAtMs = core.clockMs;
    this.#heard = new HeardVoters(core);
  }

  get stage(): Stage {
    return this.#stage;
  }

  get phase(): PeerPhase {
    return { role: "leading", stage: this.#stage };
  }

  get leaving(): string | undefined {
    return this.#leaving;
  }

  /** When it last had proof that it leads, of all time: a quorum was heard, or it wrote, where it is one by itself. */
  get provenRealMs(): number {
    const { quorum, config, wroteRealMs } = this.#core;
    return quorum.contains(new Set([config.sid])) ? wroteRealMs : this.#heard.quorumRealMs;
  }

  get newEpoch(): number | undefined {
    return this.#newEpoch;
  }

  /** Those to close when this time ends. The successor closes its own: its word may be lost with a link that is cut. */
  get links(): readonly LinkId[] {
    return [...this.#learners.keys()].filter((link) => link !== this.#heir);
  }

  get learners(): readonly LearnerStatus[] {
    return [...this.#learners.values()].map((learner) => ({
      sid: learner.sid,
      link: learner.link,
      isVoter: learner.isVoter,
      isSynced: learner.isSynced,
      snapshot: learner.snapshotReason,
      sent: learner.sent,
      acknowledged: learner.acknowledged,
      isHeard: learner.isHeard,
      silenceMs: learner.silenceMs,
    }));
  }

  /** The learners that can take another part of the state now. */
  get snapshotsWanted(): readonly SnapshotWanted[] {
    const wanted: SnapshotWanted[] = [];
    for (const { link, sid, wantsSnapshot: notBefore } of this.#learners.values()) {
      if (notBefore !== undefined) wanted.push({ link, sid, notBefore });
    }
    return wanted;
  }

  /** Where proposals gather; undefined before broadcast. */
  get pipeline(): Pipeline | undefined {
    return this.#pipeline;
  }

  /** Whether the counter has come so far that a new epoch is due. */
  get isEpochFull(): boolean {
    const next = this.#pipeline?.nextZxid;
    return next !== undefined && next.counter >= this.#core.timing.counterLimit;
  }

  /** Ends this time; the first reason stands. */
  leave(reason: string): void {
    this.#leaving ??= reason;
  }

  /** Takes no more proposals, and ends once a successor is told to lead, or none got so far in time. */
  resign(successor: Sid | undefined): void {
    if (this.#stage !== "broadcast") return this.leave("asked to resign");
    const untilMs = this.#core.clockMs + this.#core.timing.heartbeatLimitMs;
    this.#resignation ??= { successor, untilMs };
    this.#maybeHandOver();
  }

  /** Whether it is on its way out: what is proposed now would have to be waited for. */
  get isResigning(): boolean {
    return this.#resignation !== undefined;
  }

  /** The successor has all, and has been told that it is committed: it needs nothing more of us to lead. */
  #maybeHandOver(): void {
    const { clockMs, history, outbox } = this.#core;
    const resignation = this.#resignation;
    if (resignation === undefined || this.#pipeline === undefined || this.#leaving !== undefined) return;
    const { successor, untilMs } = resignation;
    const able = [...this.#learners.values()].filter(({ isVoter, isSynced, sid }) => {
      return isVoter && isSynced && (successor === undefined || sid === successor);
    });
    if (able.length === 0 || clockMs >= untilMs) return this.leave("asked to resign");
    if (this.#pipeline.proposals > 0) return;
    const level = able.filter((learner) => learner.isLevel(history.last));
    const [heir] = level.toSorted((a, b) => b.sid - a.sid);
    if (heir === undefined) return;
    outbox.sendAfter(heir.link, { kind: "succeed" });
    this.#heir = heir.link;
    this.leave(`replica ${heir.sid} is to lead`);
  }

  /** Begins: a sole voter is through discovery at once. */
  begin(): void {
    this.#maybeChooseEpoch();
  }

  /** A learner's link is open; of one learner the latest counts. */
  onOpened(link: LinkId, sid: Sid): void {
    for (const learner of this.#learners.values()) {
      if (learner.sid === sid) this.#dismiss(learner, "replaced by a newer link");
    }
    this.#learners.set(link, new LearnerStream(this.#core, { link, sid }));
  }

  /** A learner's link is gone. */
  onClosed(link: LinkId): void {
    this.#learners.delete(link);
  }

  has(link: LinkId): boolean {
    return this.#learners.has(link);
  }

  /** Pings, drops silent learners, and resigns without a quorum that is heard. */
  onTime(): void {
    const { clockMs, timing } = this.#core;
    for (const learner of this.#learners.values()) {
      if (learner.silenceMs > timing.heartbeatLimitMs) this.#dismiss(learner, "silent");
      else if (learner.stallMs > timing.learnerStallMs) this.#dismiss(learner, "acknowledges nothing");
    }
    if (!this.#heard.isQuorum) return this.leave("no quorum is heard");
    if (this.#stage === "synchronization") this.#maybeEstablish();
    if (this.#stage !== "broadcast" && clockMs - this.#progressAtMs > timing.syncLimitMs) {
      return this.leave(`no progress in ${this.#stage}`);
    }
    if (clockMs >= this.#pingAtMs) {
      this.#pingAtMs = clockMs + timing.heartbeatIntervalMs;
      for (const learner of this.#learners.values()) learner.ping();
    }
    this.#maybeFlush();
    this.#partWithStrangers();
    this.#maybeHandOver();
  }

  /** Takes in proposals; see Pipeline. */
  onPropose(proposals: readonly Proposal[]): void {
    const { members } = this.#core;
    assert(this.#pipeline !== undefined, "a leader proposes in broadcast only");
    this.#lastChange = assertMayPropose(members, proposals, this.#lastChange);
    this.#pipeline.gather(proposals);
    this.#maybeFlush();
  }

  /** Whether "settled" has to be proposed: the members are committed, and the next may come only behind it. */
  get isSettlingDue(): boolean {
    return this.#stage === "broadcast" && this.#lastChange === undefined && this.#core.members.isSettlingDue;
  }

  /** Who is no member once that is settled is told so. A leader that votes no more makes room for one that does. */
  #partWithStrangers(): void {
    const { members, isVoter } = this.#core;
    if (this.#stage !== "broadcast" || !members.isSettled) return;
    for (const learner of this.#learners.values()) {
      if (learner.stage !== "connected" && !members.isWelcome(learner.sid)) this.#partWith(learner);
    }
    if (!isVoter) this.resign(undefined);
  }

  #partWith(learner: LearnerStream): void {
    const { members, outbox } = this.#core;
    const { version } = members.current;
    outbox.sendAfter(learner.link, { kind: "removed", version, epoch: this.#newEpoch ?? 0 });
    this.#dismiss(learner, "no member");
  }

  /** Handles a learner's message. */
  onMessage(link: LinkId, message: ZabMessage): void {
    const learner = this.#learners.get(link);
    if (this.#leaving !== undefined || learner === undefined) return;
    learner.onHeard();
    if (this.#isSupporter(learner)) this.#heard.hear(learner.sid);
    switch (message.kind) {
      case "learnerInfo":
        return this.#onInfo(learner, message);
      case "ackEpoch":
        return this.#onAckEpoch(learner, message);
      case "ackNewLeader":
        return this.#onAckNewLeader(learner, message.epoch);
      case "ack":
        return this.#onAck(learner, message.upTo);
      case "snapshotAck":
        return this.#onSnapshotAck(learner, message.parts);
      case "pong":
        learner.onPong();
        return this.#releaseHeld();
      case "leaderInfo":
      case "diff":
      case "truncate":
      case "snapshot":
      case "snapshotPart":
      case "snapshotEnd":
      case "propose":
      case "newLeader":
      case "upToDate":
      case "commit":
      case "leaderAck":
      case "succeed":
      case "removed":
      case "ping":
        return this.#unexpected(learner, message.kind);
      default:
        return assertNever(message);
    }
  }

  /**
   * Whether hearing of it says that this leader is still wanted, if it is a voter: once this peer leads, only of those
   * that have told what they promised, and are known to remember it.
   */
  #isSupporter({ ackEpoch, heldSince }: LearnerStream): boolean {
    if (this.#stage !== "broadcast") return true;
    return ackEpoch !== undefined && heldSince === undefined;
  }

  /**
   * Lets in the emptied for whom a quorum without them has answered since they came; see LearnerStream.hold. One of the
   * members in force is enough: a rival needs one of these, too, whatever members it has accepted besides.
   */
  #releaseHeld(): void {
    const inForce = quorumOf(this.#core.members.current);
    const inEpoch = [...this.#learners.values()].filter(({ isSynced }) => isSynced);
    for (const learner of this.#learners.values()) {
      const { heldSince } = learner;
      if (heldSince === undefined) continue;
      const answered = inEpoch.filter(({ aliveAt }) => aliveAt > heldSince);
      const others = new Set<Sid>([this.#core.config.sid, ...answered.map(({ sid }) => sid)]);
      if (!inForce.contains(others)) continue;
      learner.release();
      this.#advance(learner);
    }
  }

  /** LEARNERINFO (CEPOCH): once a quorum has introduced itself, the new epoch is above all it has promised. */
  #onInfo(learner: LearnerStream, { acceptedEpoch }: ZabMessage & { kind: "learnerInfo" }): void {
    const isSound = this.#core.isPlausiblePromise(acceptedEpoch);
    if (learner.stage !== "connected" || !isSound) return this.#unexpected(learner, "learnerInfo");
    learner.onInfo();
    this.#core.raiseEpochFloor(acceptedEpoch);
    if (this.#newEpoch === undefined) return this.#maybeChooseEpoch();
    if (acceptedEpoch > this.#newEpoch) {
      return this.leave(`replica ${learner.sid} has promised epoch ${acceptedEpoch}`);
    }
    const isStranger = this.#stage === "broadcast" && !this.#core.members.isWelcome(learner.sid);
    if (isStranger) this.#partWith(learner);
    else this.#maybeSendLeaderInfo(learner);
  }

  #maybeChooseEpoch(): void {
    const { acceptedEpoch, currentEpoch, epochFloor, quorum, config } = this.#core;
    const introduced = [...this.#learners.values()].filter(({ stage }) => stage !== "connected");
    const voters = introduced.filter(({ isVoter }) => isVoter);
    const sids = new Set<Sid>([config.sid, ...voters.map(({ sid }) => sid)]);
    if (!quorum.contains(sids)) return;
    const newEpoch = Math.max(acceptedEpoch, epochFloor) + 1;
    assert(newEpoch <= EPOCH_MAX, "there is an epoch left");
    this.#core.writeEpochs({ acceptedEpoch: newEpoch, currentEpoch });
    this.#newEpoch = newEpoch;
    this.#promises.own();
    this.#progressAtMs = this.#core.clockMs;
    for (const learner of introduced) this.#maybeSendLeaderInfo(learner);
    this.#maybeBecomeSynchronizing();
  }

  /**
   * Others than voters are asked for their promise once the epoch is established: a leader that comes to nothing must
   * not leave promises behind that stand in the way of a living one, and needs none of theirs.
   */
  #maybeSendLeaderInfo(learner: LearnerStream): void {
    const newEpoch = this.#newEpoch;
    const isDue = learner.isVoter || this.#stage === "broadcast";
    if (newEpoch === undefined || !isDue || learner.stage !== "introduced") return;
    this.#core.outbox.sendAfter(learner.link, { kind: "leaderInfo", newEpoch });
    learner.onLeaderInfo();
  }

  /** ACKEPOCH: a quorum's promises end discovery, unless one of it has a later history than ours. */
  #onAckEpoch(learner: LearnerStream, message: ZabMessage & { kind: "ackEpoch" }): void {
    const isExpected = learner.stage === "asked";
    if (!isExpected || !isSummarySound(message.history)) return this.#unexpected(learner, "ackEpoch");
    learner.onAckEpoch(message);
    if (this.#stage !== "broadcast" && learner.isVoter && message.voice !== "none") {
      const reason = this.#promises.take(learner.sid, message);
      if (reason !== undefined) return this.leave(reason);
    }
    if (this.#stage === "discovery") return this.#maybeBecomeSynchronizing();
    if (message.voice === "fresh") learner.hold(this.#core.moment);
    this.#beginStream(learner);
  }

  /** The leader enters its epoch as its first follower: history and epoch are durable together. */
  #maybeBecomeSynchronizing(): void {
    const { outbox, history } = this.#core;
    const promised = this.#promises.tally;
    if (this.#leaving !== undefined || !promised.isQuorum(history.last)) return;
    const newEpoch = must(this.#newEpoch, "the epoch is chosen before it is promised");
    this.#core.writeEpochs({ acceptedEpoch: newEpoch, currentEpoch: newEpoch });
    this.#stage = "synchronization";
    this.#progressAtMs = this.#core.clockMs;
    outbox.after({ kind: "phase", phase: this.phase });
    for (const learner of this.#learners.values()) {
      if (learner.stage !== "acknowledged") continue;
      // Where all agree that there is no history yet, fresh voters are all there is.
      const isFresh = learner.ackEpoch?.voice === "fresh";
      if (isFresh && !promised.isByUnanimity(history.last)) learner.hold(this.#core.moment);
      this.#beginStream(learner);
    }
    this.#maybeEstablish();
  }

  /** A diverged learner waits until a quorum without it is in the epoch: only then may its history be replaced. */
  #beginStream(learner: LearnerStream): void {
    if (learner.ackEpoch?.voice === "none" && this.#stage !== "broadcast") return;
    learner.begin();
    this.#advance(learner);
  }

  /** Sends a learner the next part of the state; one that is gone, or was served otherwise, needs none. */
  onSnapshotPart({ link, payload, end }: PeerInput & { kind: "snapshotPart" }): void {
    this.#learners.get(link)?.sendSnapshotPart(payload, end);
  }

  #onSnapshotAck(learner: LearnerStream, parts: number): void {
    if (!learner.onSnapshotAck(parts)) return this.#unexpected(learner, "snapshotAck");
    if (this.#stage !== "broadcast") this.#progressAtMs = this.#core.clockMs;
  }

  #onAckNewLeader(learner: LearnerStream, epoch: number): void {
    if (epoch !== this.#newEpoch || !learner.onAckNewLeader()) {
      return this.#unexpected(learner, "ackNewLeader");
    }
    this.#progressAtMs = this.#core.clockMs;
    if (this.#stage === "synchronization") return this.#maybeEstablish();
    this.#maybeCommit();
    this.#advance(learner);
    this.#maybeFlush();
  }

  /**
   * Whether a quorum is in the epoch, and each of it was alive when all of it had promised: who is gone by then may
   * have been emptied, and be in another epoch with what it has forgotten.
   */
  #isQuorumSynced(): boolean {
    const { quorum, config } = this.#core;
    const synced = [...this.#learners.values()].filter(({ isSynced }) => isSynced);
    return [0, ...synced.map(({ promisedAt }) => promisedAt)].some((moment) => {
      const alive = synced.filter(({ promisedAt, aliveAt }) => promisedAt <= moment && aliveAt > moment);
      return quorum.contains(new Set([config.sid, ...alive.map(({ sid }) => sid)]));
    });
  }

  /** A quorum is in the epoch: the whole initial history is committed, and broadcast begins. */
  #maybeEstablish(): void {
    const { history, timing, outbox } = this.#core;
    if (!this.#isQuorumSynced()) return;
    if (!this.#core.isFounded()) return;
    const epoch = must(this.#newEpoch, "the epoch is chosen before it is entered");
    assert(history.last.epoch < epoch, "nothing was proposed in the epoch yet");
    this.#stage = "broadcast";
    this.#pipeline = new Pipeline(timing, { epoch, counter: 0 });
    this.#core.commit(history.last);
    outbox.after({ kind: "phase", phase: this.phase });
    this.#advanceAll();
    for (const learner of this.#learners.values()) {
      if (learner.stage === "acknowledged") this.#beginStream(learner);
      this.#maybeSendLeaderInfo(learner);
    }
  }

  #onAck(learner: LearnerStream, upTo: Zxid): void {
    if (!learner.onAck(upTo)) return this.#unexpected(learner, "ack");
    if (this.#stage !== "broadcast") this.#progressAtMs = this.#core.clockMs;
    this.#maybeCommit();
    this.#advance(learner);
    this.#maybeFlush();
    this.#maybeHandOver();
  }

  /** Proposals go out as batches: one message for each learner, one write here. */
  #maybeFlush(): void {
    const pipeline = this.#pipeline;
    if (pipeline === undefined || this.#leaving !== undefined) return;
    const { clockMs } = this.#core;
    for (let batch = pipeline.next(clockMs); batch; batch = pipeline.next(clockMs)) {
      this.#core.append(batch);
      this.#heard.greet();
      this.#advanceAll();
      this.#maybeCommit();
    }
    if (this.isEpochFull && pipeline.proposals === 0) this.leave("the epoch's counter is used up");
  }

  /**
   * Commits what a quorum has made durable. Only learners in the epoch count, and only zxids of the epoch: the initial
   * history is committed as a whole when the epoch is established. Our own acceptance counts at once, though
   * its write is under way: all that could reveal the commit waits behind that write.
   */
  #maybeCommit(): void {
    const pipeline = this.#pipeline;
    if (pipeline === undefined) return;
    const { config, quorum, history, lastCommitted } = this.#core;
    const acknowledged = new Map<Sid, Zxid>([[config.sid, history.last]]);
    for (const learner of this.#learners.values()) {
      if (learner.isSynced) acknowledged.set(learner.sid, learner.acknowledged);
    }
    const upTo = latestAcknowledged(quorum, acknowledged);
    if (upTo === undefined || compareZxid(upTo, lastCommitted) <= 0) return;
    if (upTo.epoch !== this.#newEpoch) return;
    this.#core.commit(upTo);
    pipeline.onCommitted(upTo);
    if (this.#lastChange !== undefined && compareZxid(this.#lastChange, upTo) <= 0) {
      this.#lastChange = undefined;
      // New members are in force alone now: they may have acknowledged more than those before.
      this.#maybeCommit();
    }
    this.#advanceAll();
  }

  #advanceAll(): void {
    for (const learner of this.#learners.values()) this.#advance(learner);
  }

  #advance(learner: LearnerStream): void {
    const epoch = must(this.#newEpoch, "streams begin in an epoch");
    const problem = learner.advance(epoch, this.#stage === "broadcast");
    // It comes again and gets a snapshot.
    if (problem !== undefined) this.#dismiss(learner, problem);
  }

  #unexpected(learner: LearnerStream, kind: string): void {
    this.#core.drop(`from learner: ${kind}`);
    this.#dismiss(learner, `${kind} was not expected`);
  }

  #dismiss(learner: LearnerStream, reason: string): void {
    this.#learners.delete(learner.link);
    this.#core.outbox.after({ kind: "closeLink", link: learner.link, reason });
  }
}
