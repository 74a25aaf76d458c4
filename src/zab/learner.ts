/**
 * A follower or observer: discovery, synchronization and broadcast from the learner's side.
 * Source: Zab, Algorithms 1 to 3 (follower); ZooKeeper Learner.syncWithLeader. Order of durable writes:
 *  - the promise (acceptedEpoch) before ACKEPOCH;
 *  - all of the synchronized history before currentEpoch, both before the ACK of NEWLEADER
 *    (ZOOKEEPER-3911, 4643, 4646, 4785);
 *  - a commit without its proposal ends the link (ZOOKEEPER-4394).
 */
import { assert, assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, equalZxid, type Zxid, zxidText } from "../base/zxid.ts";
import type { PeerPhase, Stage } from "./config.ts";
import type { PeerCore } from "./core.ts";
import { follows } from "./history.ts";
import type { LinkId, Proposal, ZabMessage } from "./message.ts";

/** A peer's time with one leader. Once `leaving` says why, it is over. */
export class Learner {
  readonly #core: PeerCore;
  readonly #leader: Sid;
  /** Set until the link is asked for. */
  #openAtMs: number | undefined;
  #link: LinkId | undefined;
  #stage: Stage = "discovery";
  #newEpoch: number | undefined;
  /** Whether DIFF or TRUNC has said where the leader's history begins. */
  #isAligned = false;
  /** Parts of a snapshot so far; undefined where the leader sends history. */
  #snapshotParts: number | undefined;
  /** How the leader makes our history a prefix of its own, for people. */
  #sync = "";
  /** Whether NEWLEADER was accepted on this link. */
  #hasEntered = false;
  #heardAtMs: number;
  #heardRealMs = Number.NEGATIVE_INFINITY;
  #progressAtMs: number;
  #leaving: string | undefined;
  #isSuccessor = false;
  #removed: Zxid | undefined;

  constructor(core: PeerCore, leader: Sid, delayMs: number) {
    this.#core = core;
    this.#leader = leader;
    this.#openAtMs = core.clockMs + delayMs;
    this.#heardAtMs = this.#openAtMs;
    this.#progressAtMs = this.#openAtMs;
  }

  get leader(): Sid {
    return this.#leader;
  }

  get link(): LinkId | undefined {
    return this.#link;
  }

  get stage(): Stage {
    return this.#stage;
  }

  get leaving(): string | undefined {
    return this.#leaving;
  }

  /** Whether the leader has named this peer its successor. */
  get isSuccessor(): boolean {
    return this.#isSuccessor;
  }

  /** The membership that this peer is no member of, if it is to stop for that. */
  get removed(): Zxid | undefined {
    return this.#removed;
  }

  /** When the leader was heard last, of all time. */
  get heardRealMs(): number {
    return this.#heardRealMs;
  }

  get sync(): string {
    return this.#sync;
  }

  get phase(): PeerPhase {
    const role = this.#core.isVoter ? "following" : "observing";
    return { role, leader: this.#leader, link: this.#link, stage: this.#stage };
  }

  /** Ends this time; the first reason stands. */
  leave(reason: string): void {
    this.#leaving ??= reason;
  }

  /** The link we asked for is open; nothing was agreed on an earlier one. */
  onOpened(link: LinkId): void {
    assert(this.#newEpoch === undefined, "a link is replaced in discovery only");
    const { acceptedEpoch, clockMs, outbox } = this.#core;
    this.#link = link;
    this.#heardAtMs = clockMs;
    this.#progressAtMs = clockMs;
    outbox.sendAfter(link, { kind: "learnerInfo", acceptedEpoch });
  }

  /** Opens the link when due; leaves a leader that is silent or does not get on. */
  onTime(): void {
    const { clockMs, timing, outbox } = this.#core;
    if (this.#openAtMs !== undefined) {
      if (clockMs < this.#openAtMs) return;
      this.#openAtMs = undefined;
      this.#heardAtMs = clockMs;
      this.#progressAtMs = clockMs;
      outbox.after({ kind: "openLink", to: this.#leader });
    }
    const silenceMs = clockMs - this.#heardAtMs;
    if (silenceMs > timing.heartbeatLimitMs) {
      this.leave(this.#link === undefined ? "no link to the leader" : "the leader is silent");
    } else if (this.#stage !== "broadcast" && clockMs - this.#progressAtMs > timing.syncLimitMs) {
      this.leave(`no progress in ${this.#stage}`);
    }
  }

  /** Handles a message of the leader. */
  onMessage(message: ZabMessage): void {
    if (this.#leaving !== undefined || this.#link === undefined) return;
    this.#heardAtMs = this.#core.clockMs;
    this.#heardRealMs = this.#core.realMs;
    switch (message.kind) {
      case "leaderInfo":
        return this.#onLeaderInfo(message.newEpoch, this.#link);
      case "diff":
        return this.#onDiff(message.after);
      case "truncate":
        return this.#onTruncate(message.after);
      case "snapshot":
        return this.#onSnapshot(message.reason);
      case "snapshotPart":
        return this.#onSnapshotPart(message.payload, this.#link);
      case "snapshotEnd":
        return this.#onSnapshotEnd(message);
      case "propose":
        return this.#onProposals(message, this.#link);
      case "newLeader":
        return this.#onNewLeader(message, this.#link);
      case "upToDate":
        return this.#onUpToDate(message.committed);
      case "commit":
        return this.#onCommit(message.upTo);
      case "leaderAck":
        return this.#onLeaderAck(message.upTo);
      case "succeed":
        return this.#onSucceed();
      case "removed":
        return this.#onRemoved(message);
      case "ping":
        return this.#core.outbox.sendFree(this.#link, { kind: "pong" });
      case "learnerInfo":
      case "ackEpoch":
      case "ackNewLeader":
      case "ack":
      case "snapshotAck":
      case "pong":
        return this.#unexpected(message.kind);
      default:
        return assertNever(message);
    }
  }

  /** NEWEPOCH: promise it unless a later one was promised; the promise is durable before it is told. */
  #onLeaderInfo(newEpoch: number, link: LinkId): void {
    const { acceptedEpoch, currentEpoch, history, lastDelivered, voice, outbox } = this.#core;
    if (this.#newEpoch !== undefined) return this.#unexpected("leaderInfo");
    if (newEpoch < acceptedEpoch) return this.leave(`epoch ${newEpoch} is behind ${acceptedEpoch}`);
    if (!this.#core.isPlausibleEpoch(newEpoch))
      return this.#broken(`epoch ${newEpoch} is none`, "leaderInfo");
    const promised = newEpoch > acceptedEpoch;
    if (promised) this.#core.writeEpochs({ acceptedEpoch: newEpoch, currentEpoch });
    this.#newEpoch = newEpoch;
    this.#stage = "synchronization";
    this.#progressAtMs = this.#core.clockMs;
    outbox.sendAfter(link, {
      kind: "ackEpoch",
      promised,
      currentEpoch,
      history: history.summary(),
      voice,
      lastDelivered,
    });
  }

  #onDiff(after: Zxid): void {
    if (!this.#isAligning()) return this.#unexpected("diff");
    const { last } = this.#core.history;
    if (!equalZxid(after, last)) return this.#broken(`diff after ${zxidText(after)}`);
    this.#isAligned = true;
    this.#sync = `diff after ${zxidText(after)}`;
    this.#core.countSync("diff");
  }

  /** SNAP: what is here stands, and is what this peer votes with, until all of the snapshot is staged and checked. */
  #onSnapshot(reason: string): void {
    if (!this.#isAligning() || this.#snapshotParts !== undefined) return this.#unexpected("snapshot");
    this.#snapshotParts = 0;
    this.#sync = `snapshot: ${reason}`;
    this.#core.countSync("snapshot");
    this.#progressAtMs = this.#core.clockMs;
    this.#core.outbox.after({ kind: "snapshotBegun", reason });
  }

  #onSnapshotPart(payload: Uint8Array, link: LinkId): void {
    if (this.#snapshotParts === undefined) return this.#unexpected("snapshotPart");
    this.#snapshotParts++;
    this.#progressAtMs = this.#core.clockMs;
    this.#core.outbox.after({ kind: "snapshotPart", payload });
    this.#core.outbox.sendAfter(link, { kind: "snapshotAck", parts: this.#snapshotParts });
  }

  /** The shell installs what is staged and starts this peer anew: nothing else may follow on the link. */
  #onSnapshotEnd(message: ZabMessage & { kind: "snapshotEnd" }): void {
    if (this.#snapshotParts === undefined) return this.#unexpected("snapshotEnd");
    const { last, payload } = message;
    if (compareZxid(last, this.#core.lastDelivered) < 0) {
      return this.#broken(`a snapshot of ${zxidText(last)}, before what was delivered`, "snapshotEnd");
    }
    this.#core.outbox.after({ kind: "snapshotEnded", last, payload });
  }

  /** Forgets proposals that no quorum accepted; what was delivered was committed, and is never forgotten. */
  #onTruncate(after: Zxid): void {
    if (!this.#isAligning()) return this.#unexpected("truncate");
    const { history, lastCommitted } = this.#core;
    if (compareZxid(after, lastCommitted) < 0) {
      const text = `truncation to ${zxidText(after)}`;
      return this.#broken(`${text}, committed ${zxidText(lastCommitted)}`, "truncate");
    }
    if (!history.contains(after)) return this.#broken(`truncation to ${zxidText(after)}, unknown`);
    this.#core.truncate(after);
    this.#isAligned = true;
    this.#sync = `truncate after ${zxidText(after)}`;
    this.#core.countSync("truncate");
  }

  /** Accepts what is new. A duplicate is dropped silently (Zab specification, issue 2); a gap ends the link. */
  #onProposals(message: ZabMessage & { kind: "propose" }, link: LinkId): void {
    const { history, outbox } = this.#core;
    if (!this.#isAligned) return this.#unexpected(message.kind);
    const fresh: Proposal[] = [];
    let last = history.last;
    for (const proposal of message.proposals) {
      if (compareZxid(proposal.zxid, last) <= 0) continue;
      if (!follows(last, proposal.zxid) || proposal.zxid.epoch > (this.#newEpoch ?? 0)) {
        return this.#broken(`${zxidText(proposal.zxid)} does not follow ${zxidText(last)}`);
      }
      fresh.push(proposal);
      last = proposal.zxid;
    }
    this.#progressAtMs = this.#core.clockMs;
    if (fresh.length > 0) this.#core.append(fresh);
    outbox.sendAfter(link, { kind: "ack", upTo: last });
  }

  /** NEWLEADER: the history is whole, so the epoch may be in force, in this same transaction or a later one. */
  #onNewLeader(message: ZabMessage & { kind: "newLeader" }, link: LinkId): void {
    const { acceptedEpoch, currentEpoch, history, outbox } = this.#core;
    const { epoch, last } = message;
    const isExpected = this.#isAligned && !this.#hasEntered;
    if (!isExpected || epoch !== this.#newEpoch) return this.#unexpected("newLeader");
    if (!equalZxid(last, history.last)) {
      return this.#broken(`newLeader at ${zxidText(last)}, history ends elsewhere`);
    }
    this.#progressAtMs = this.#core.clockMs;
    if (epoch > currentEpoch) {
      this.#core.writeEpochs({
        acceptedEpoch: Math.max(acceptedEpoch, epoch),
        currentEpoch: epoch,
      });
    }
    this.#hasEntered = true;
    outbox.sendAfter(link, { kind: "ackNewLeader", epoch });
  }

  #onUpToDate(committed: Zxid): void {
    const isExpected = this.#stage === "synchronization" && this.#hasEntered;
    if (!isExpected) return this.#unexpected("upToDate");
    this.#stage = "broadcast";
    this.#core.outbox.after({ kind: "phase", phase: this.phase });
    this.#onCommit(committed);
  }

  #onCommit(upTo: Zxid): void {
    if (this.#stage !== "broadcast") return this.#unexpected("commit");
    if (compareZxid(upTo, this.#core.history.last) > 0) {
      return this.#broken(`commit of ${zxidText(upTo)} without its proposal`);
    }
    this.#core.commit(upTo);
  }

  /**
   * What the leader has and this voter has is committed, where the two are a quorum: our own acceptance counts at once,
   * as a leader's does, since all that could reveal the commit waits behind our write. Only zxids of the epoch count.
   */
  #onLeaderAck(upTo: Zxid): void {
    const { quorum, config } = this.#core;
    const isQuorum = quorum.contains(new Set([config.sid, this.#leader]));
    if (!isQuorum || upTo.epoch !== this.#newEpoch) return this.#unexpected("leaderAck");
    this.#onCommit(upTo);
  }

  /** The leader resigns, and wants this peer to lead. */
  #onSucceed(): void {
    if (this.#stage !== "broadcast") return this.#unexpected("succeed");
    this.#isSuccessor = true;
    this.leave("the leader has named its successor");
  }

  /**
   * This peer is no member any more, unless it knows better: a membership that is later and names it, of which this
   * leader has not heard, or of which it can not have been told in time. A later one that has not come about, as a
   * leader of a later epoch is without it, is no reason to stay.
   */
  #onRemoved({ version, epoch }: ZabMessage & { kind: "removed" }): void {
    const { members, config } = this.#core;
    const { pending, current } = members;
    const isVoid = pending !== undefined && epoch > pending.version.epoch;
    const known = isVoid ? current : members.latest;
    const order = compareZxid(version, known.version);
    const isNamed = known.voters.includes(config.sid) || known.observers.includes(config.sid);
    if (order < 0 || (order === 0 && isNamed)) return this.leave("the leader's members are of the past");
    this.#removed = version;
    this.leave("no member any more");
  }

  #isAligning(): boolean {
    return this.#newEpoch !== undefined && !this.#isAligned && this.#snapshotParts === undefined;
  }

  #unexpected(kind: string): void {
    this.#broken(`${kind} was not expected in ${this.#stage}`, kind);
  }

  #broken(what: string, kind = "gap"): void {
    this.#core.drop(`from leader: ${kind}`);
    this.leave(what);
  }
}
