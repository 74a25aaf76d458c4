/**
 * One peer of an ensemble: Zab 1.0 as a function from inputs to effects. It looks for a leader, then leads or learns,
 * and looks again when that ends. Source: Zab (Junqueira, Reed, Serafini 2011); ZooKeeper QuorumPeer.
 * Invariants, checked after every step:
 *  1. currentEpoch <= acceptedEpoch, and neither ever regresses.
 *  2. lastDelivered <= lastCommitted <= the last accepted zxid; the first two never regress.
 *  3. A peer has accepted nothing of an epoch it has not promised.
 *  4. A leader in broadcast has promised and entered its own epoch, and no other.
 *  5. A peer is exactly one of looking, learner, leader once it has started; only a looking peer holds links pending.
 */
import { assert, assertNever, InvariantError } from "../base/assert.ts";
import type { Rng } from "../base/rng.ts";
import { compareZxid, ZXID_ZERO, type Zxid } from "../base/zxid.ts";
import type {
  LogReader,
  MembershipStatus,
  PeerConfig,
  PeerInput,
  PeerPhase,
  PeerStart,
  PeerStatus,
  SnapshotWanted,
} from "./config.ts";
import { Conversation } from "./conversation.ts";
import { PeerCore } from "./core.ts";
import type { PeerEffects } from "./effects.ts";
import { Election } from "./election.ts";
import { Leader } from "./leader.ts";
import { Learner } from "./learner.ts";
import type { LinkId, Notification, Proposal, ZabMessage } from "./message.ts";
import { PendingLinks } from "./pending-links.ts";

type Role =
  | { readonly kind: "starting" }
  | { readonly kind: "looking" }
  | { readonly kind: "learner"; readonly learner: Learner }
  | { readonly kind: "leader"; readonly leader: Leader }
  | { readonly kind: "removed"; readonly version: Zxid };

/** Role changes within one step: looking, elected, resigned and so on; more is a loop of ours. */
const ROLE_CHANGES_PER_STEP_MAX = 8;

/** See the file's comment. */
export class Peer {
  readonly #core: PeerCore;
  readonly #conversation: Conversation;
  readonly #rng: Rng | undefined;
  readonly #election: Election;
  readonly #pending: PendingLinks;
  #role: Role = { kind: "starting" };
  /** Attempts to join a leader that failed since the last broadcast. */
  #failedJoins = 0;
  #elections = 0;
  #electionReason = "";
  #electionAtMs = 0;
  #electionMs: number | undefined;
  #lastSync = "";
  #toldRole: PeerPhase["role"] = "looking";
  #checked: { committed: Zxid; delivered: Zxid } = { committed: ZXID_ZERO, delivered: ZXID_ZERO };

  /** Starts nothing yet: the first step does. The generator spreads retries; without one they are regular. */
  constructor(config: PeerConfig, start: PeerStart, log: LogReader, rng?: Rng) {
    this.#core = new PeerCore(config, start, log);
    this.#conversation = new Conversation(this.#core, start.instance);
    this.#rng = rng;
    this.#election = new Election(this.#core);
    this.#pending = new PendingLinks(this.#core);
  }

  /** What the peer is doing. */
  get phase(): PeerPhase {
    switch (this.#role.kind) {
      case "starting":
      case "looking":
        return { role: "looking" };
      case "learner":
        return this.#role.learner.phase;
      case "leader":
        return this.#role.leader.phase;
      case "removed":
        return { role: "removed", version: this.#role.version };
      default:
        return assertNever(this.#role);
    }
  }

  /** The last zxid known to be committed. */
  get lastCommitted(): Zxid {
    return this.#core.lastCommitted;
  }

  /** The last zxid handed out by takeCommitted. */
  get lastDelivered(): Zxid {
    return this.#core.lastDelivered;
  }

  /** The last accepted zxid. */
  get lastZxid(): Zxid {
    return this.#core.history.last;
  }

  /** The zxid that the next proposal must carry. Only while this peer leads in broadcast. */
  get nextZxid(): Zxid {
    const pipeline = this.#leader?.pipeline;
    assert(pipeline !== undefined, "only a leader in broadcast gives zxids");
    return pipeline.nextZxid;
  }

  /** Proposals taken in as leader and not committed yet. */
  get outstandingProposals(): number {
    return this.#leader?.pipeline?.proposals ?? 0;
  }

  /** Their bytes, a small envelope each included. */
  get outstandingBytes(): number {
    return this.#leader?.pipeline?.bytes ?? 0;
  }

  /** How long it is, at this time of the shell's clock, that a learner heard its leader, or a leader had a quorum. */
  silenceMs(nowMs: number): number {
    const sinceMs = this.#learner?.heardRealMs ?? this.#leader?.provenRealMs ?? Number.NEGATIVE_INFINITY;
    return this.#core.realAt(nowMs) - sinceMs;
  }

  /** Milliseconds until gathered proposals are due to go out if nothing commits before; undefined if none wait. */
  get flushInMs(): number | undefined {
    const dueAtMs = this.#leader?.pipeline?.dueAtMs;
    return dueAtMs === undefined ? undefined : Math.max(0, dueAtMs - this.#core.clockMs);
  }

  /** Whether the leader has to propose that its members are settled: see MembershipChange. */
  get isSettlingDue(): boolean {
    return this.canPropose() && this.#leader?.isSettlingDue === true;
  }

  /** The members as this peer knows them. */
  get membership(): MembershipStatus {
    const { current, pending, isSettled } = this.#core.members;
    return { current, pending, isSettled };
  }

  /** Whether a propose input is welcome now: this peer leads in broadcast and its bounds are not reached. */
  canPropose(): boolean {
    const leader = this.#leader;
    const pipeline = leader?.pipeline;
    if (leader === undefined || pipeline === undefined) return false;
    if (leader.isEpochFull || leader.isResigning) return false;
    const { outstandingBytesMax, outstandingProposalsMax } = this.#core.timing;
    return pipeline.proposals < outstandingProposalsMax && pipeline.bytes < outstandingBytesMax;
  }

  /** The learners that can take another part of the state now, by a snapshotPart input each. */
  snapshotsWanted(): readonly SnapshotWanted[] {
    return this.#leader?.snapshotsWanted ?? [];
  }

  /** Hands out what is committed, in order, each once, in pieces: the caller asks until it gets none. */
  takeCommitted(bytesMax: number): readonly Proposal[] {
    return this.#core.takeCommitted(bytesMax);
  }

  /** Takes one input at this time of the shell's clock and says what is to be done. */
  step(input: PeerInput, nowMs: number): PeerEffects {
    this.#core.beginStep(nowMs);
    if (this.#role.kind === "starting") this.#becomeLooking("start");
    if (this.#role.kind === "removed") return this.#core.takeEffects();
    this.#dispatch(input);
    this.#settle();
    this.#tellRole();
    this.#checkInvariants();
    return this.#core.takeEffects();
  }

  /** The present vote: what an incoming notification is answered with. */
  notification(): Notification {
    const { round: electionRound, vote } = this.#election;
    const leader = this.#leader;
    const leads = leader?.stage === "broadcast" ? this.#core.currentEpoch : 0;
    return this.#conversation.say({ state: this.#notificationState(), electionRound, vote, leads });
  }

  /** Everything a human may want to know. */
  status(): PeerStatus {
    const core = this.#core;
    return {
      sid: core.config.sid,
      phase: this.phase,
      leader: this.#leaderSid(),
      acceptedEpoch: core.acceptedEpoch,
      currentEpoch: core.currentEpoch,
      historyBase: core.history.base,
      lastZxid: core.history.last,
      lastCommitted: core.lastCommitted,
      lastDelivered: core.lastDelivered,
      electionRound: this.#election.round,
      elections: this.#elections,
      lastElectionReason: this.#electionReason,
      lastElectionMs: this.#electionMs,
      learners: this.#leader?.learners ?? [],
      isResigning: this.#leader?.isResigning ?? false,
      membership: this.membership,
      founders: core.founding.founders,
      voice: core.voice,
      lastSync: this.#learner?.sync ?? this.#lastSync,
      syncs: core.syncs,
      dropped: core.dropped,
    };
  }

  get #leader(): Leader | undefined {
    return this.#role.kind === "leader" ? this.#role.leader : undefined;
  }

  get #learner(): Learner | undefined {
    return this.#role.kind === "learner" ? this.#role.learner : undefined;
  }

  #leaderSid(): number | undefined {
    if (this.#role.kind === "leader") return this.#core.config.sid;
    return this.#learner?.leader;
  }

  #notificationState(): Notification["state"] {
    if (this.#role.kind === "leader") return "leading";
    if (this.#role.kind !== "learner") return "looking";
    return this.#core.isVoter ? "following" : "observing";
  }

  #dispatch(input: PeerInput): void {
    switch (input.kind) {
      case "tick":
        return undefined;
      case "notification":
        return this.#onNotification(input.notification);
      case "linkOpened":
        return input.role === "to-leader" ? this.#onLinkToLeader(input) : this.#onLinkToUs(input);
      case "message":
        return this.#onMessage(input.link, input.message);
      case "founders":
        return this.#onFounders(input.founders);
      case "linkClosed":
        return this.#onLinkClosed(input.link);
      case "linkFailed": {
        const learner = this.#learner;
        const isOurs = learner?.leader === input.to && learner.link === undefined;
        return isOurs ? learner.leave("no link to the leader") : undefined;
      }
      case "propose":
        assert(this.#leader !== undefined, "only a leader proposes");
        return this.#leader.onPropose(input.proposals);
      case "snapshotPart":
        return this.#leader?.onSnapshotPart(input);
      case "snapshotRefused":
        return this.#learner?.leave(`snapshot refused: ${input.reason}`);
      case "diverged":
        return this.#onDiverged();
      case "resign":
        this.#core.raiseEpochFloor(input.epochAbove ?? 0);
        return this.#leader?.resign(input.successor);
      case "prove":
        return this.#leader?.stage === "broadcast" ? this.#core.prove() : undefined;
      case "invite":
        return this.#leader === undefined ? undefined : this.#core.members.invite(input.sids);
      default:
        return assertNever(input);
    }
  }

  #onFounders(founders: readonly number[] | undefined): void {
    this.#core.founding.hear(founders);
    if (this.#role.kind === "looking") this.#election.onFounders();
  }

  #onDiverged(): void {
    const reason = "the tree differs from a quorum's";
    this.#core.markDiverged();
    this.#leader?.leave(reason);
    this.#learner?.leave(reason);
  }

  #onNotification(notification: Notification): void {
    const { from } = notification;
    const { quorum } = this.#core;
    if (!this.#conversation.hear(notification)) return;
    if (this.#role.kind === "looking") {
      if (quorum !== this.#core.quorum) this.#election.onMembers();
      return this.#election.onNotification(notification);
    }
    const learner = this.#learner;
    const isDisowned = learner?.leader === from && notification.state !== "leading";
    const isNewer = notification.electionRound > this.#election.round;
    if (isDisowned && isNewer && learner.link === undefined) {
      learner.leave("the elected leader is in a later election");
    }
  }

  /** The latest link counts, as with the leader: an earlier attempt may have come to something late. */
  #onLinkToLeader({ link, sid }: { readonly link: LinkId; readonly sid: number }): void {
    const { outbox } = this.#core;
    const learner = this.#learner;
    const isWanted = learner?.leader === sid && learner.stage === "discovery";
    if (!isWanted) {
      outbox.after({ kind: "closeLink", link, reason: "no longer wanted" });
      return;
    }
    const older = learner.link;
    if (older !== undefined) {
      outbox.after({ kind: "closeLink", link: older, reason: "replaced by a newer link" });
    }
    learner.onOpened(link);
    this.#tellPhase();
  }

  /** Whoever it is: this leader may know less of the members than the learner, or has to tell it that it is none. */
  #onLinkToUs({ link, sid }: { readonly link: LinkId; readonly sid: number }): void {
    if (sid === this.#core.config.sid) {
      this.#core.drop("link: sid");
      this.#core.outbox.after({ kind: "closeLink", link, reason: "a link to itself" });
    } else if (this.#leader !== undefined) {
      this.#leader.onOpened(link, sid);
    } else if (this.#role.kind === "looking") {
      this.#pending.onOpened(link, sid);
    } else {
      this.#core.outbox.after({ kind: "closeLink", link, reason: "not leading" });
    }
  }

  #onMessage(link: LinkId, message: ZabMessage): void {
    if (this.#leader?.has(link)) this.#leader.onMessage(link, message);
    else if (this.#learner?.link === link) this.#learner.onMessage(message);
    else if (!this.#pending.maybeHold(link, message)) this.#core.drop("message: unknown link");
  }

  #onLinkClosed(link: LinkId): void {
    this.#pending.onClosed(link);
    this.#leader?.onClosed(link);
    if (this.#learner?.link === link) this.#learner.leave("the link to the leader closed");
  }

  /** Runs what time brings, and changes roles until nothing more changes. */
  #settle(): void {
    for (let changes = 0; changes < ROLE_CHANGES_PER_STEP_MAX; changes++) {
      if (!this.#maybeChangeRole()) return;
    }
    throw new InvariantError("a step changes roles without end");
  }

  #maybeChangeRole(): boolean {
    switch (this.#role.kind) {
      case "starting":
        return false;
      case "looking":
        return this.#maybeEndElection();
      case "learner":
        return this.#maybeEndLearner(this.#role.learner);
      case "leader":
        return this.#maybeEndLeader(this.#role.leader);
      case "removed":
        return false;
      default:
        return assertNever(this.#role);
    }
  }

  #maybeEndElection(): boolean {
    this.#pending.onTime();
    if (this.#election.onTime()) this.#notifyVoters();
    this.#maybeAskRegister();
    const { decided } = this.#election;
    if (decided === undefined) return false;
    if (decided === this.#core.config.sid) this.#becomeLeader();
    else this.#becomeLearner(decided);
    return true;
  }

  #maybeEndLearner(learner: Learner): boolean {
    learner.onTime();
    if (learner.stage === "broadcast") this.#onBroadcast();
    if (learner.leaving === undefined) return false;
    this.#lastSync = learner.sync;
    if (learner.stage !== "broadcast") this.#failedJoins++;
    if (learner.link !== undefined) {
      const { link, leaving: reason } = learner;
      this.#core.outbox.after({ kind: "closeLink", link, reason });
    }
    if (learner.removed === undefined) this.#becomeLooking(learner.leaving, learner.isSuccessor);
    else this.#becomeRemoved(learner.removed);
    return true;
  }

  #maybeEndLeader(leader: Leader): boolean {
    leader.onTime();
    if (leader.stage === "broadcast") this.#onBroadcast();
    if (leader.leaving === undefined) return false;
    for (const link of leader.links) {
      this.#core.outbox.after({ kind: "closeLink", link, reason: leader.leaving });
    }
    this.#core.members.invite([]);
    this.#becomeLooking(leader.leaving);
    return true;
  }

  /** Only voters that have nothing need to know. */
  #maybeAskRegister(): void {
    const { isBlank, isVoter, founding, clockMs, outbox } = this.#core;
    if (!isBlank || !isVoter || founding.isKnown || !founding.maybeAsk(clockMs)) return;
    outbox.after({ kind: "register", founders: undefined });
  }

  #onBroadcast(): void {
    this.#failedJoins = 0;
    this.#electionMs ??= this.#core.clockMs - this.#electionAtMs;
  }

  #becomeRemoved(version: Zxid): void {
    this.#role = { kind: "removed", version };
    this.#tellPhase();
  }

  #becomeLooking(reason: string, isSuccessor = false): void {
    this.#role = { kind: "looking" };
    this.#elections++;
    this.#electionReason = reason;
    this.#electionAtMs = this.#core.clockMs;
    this.#electionMs = undefined;
    this.#tellPhase();
    this.#election.begin(isSuccessor);
  }

  #becomeLearner(leader: number): void {
    this.#pending.closeAll("following another");
    const learner = new Learner(this.#core, leader, this.#rejoinDelayMs());
    this.#role = { kind: "learner", learner };
    this.#tellPhase();
  }

  #becomeLeader(): void {
    const leader = new Leader(this.#core);
    this.#role = { kind: "leader", leader };
    this.#tellPhase();
    leader.begin();
    for (const { link, sid, messages } of this.#pending.takeAll()) {
      leader.onOpened(link, sid);
      for (const message of messages) leader.onMessage(link, message);
    }
  }

  #rejoinDelayMs(): number {
    if (this.#failedJoins === 0) return 0;
    const { rejoinDelayMs, rejoinDelayMaxMs } = this.#core.timing;
    const delayMs = Math.min(rejoinDelayMs * 2 ** (this.#failedJoins - 1), rejoinDelayMaxMs);
    return delayMs + (this.#rng?.below(rejoinDelayMs) ?? 0);
  }

  #notifyVoters(): void {
    const notification = this.notification();
    for (const to of this.#conversation.asked) {
      this.#core.outbox.after({ kind: "notify", to, notification });
    }
  }

  #tellPhase(): void {
    const { phase } = this;
    this.#toldRole = phase.role;
    this.#core.outbox.after({ kind: "phase", phase });
  }

  /** A learner that becomes a voter, or ceases to be one, keeps its link and goes on under another name. */
  #tellRole(): void {
    if (this.#learner !== undefined && this.#toldRole !== this.phase.role) this.#tellPhase();
  }

  #checkInvariants(): void {
    const { acceptedEpoch, currentEpoch, lastDelivered, lastCommitted, history } = this.#core;
    assert(currentEpoch <= acceptedEpoch, "invariant 1: currentEpoch <= acceptedEpoch");
    assert(compareZxid(lastDelivered, lastCommitted) <= 0, "invariant 2: delivered <= committed");
    assert(compareZxid(lastCommitted, history.last) <= 0, "invariant 2: committed <= accepted");
    const { committed, delivered } = this.#checked;
    assert(compareZxid(lastCommitted, committed) >= 0, "invariant 2: lastCommitted regressed");
    assert(compareZxid(lastDelivered, delivered) >= 0, "invariant 2: lastDelivered regressed");
    this.#checked = { committed: lastCommitted, delivered: lastDelivered };
    assert(history.last.epoch <= acceptedEpoch, "invariant 3: a peer accepts within its promise");
    if (this.#leader?.stage === "broadcast") {
      const epoch = this.#leader.newEpoch;
      assert(epoch === acceptedEpoch, "invariant 4: a leader has promised its epoch only");
      assert(epoch === currentEpoch, "invariant 4: a leader has entered its epoch");
    }
    const isLooking = this.#role.kind === "looking";
    assert(isLooking || this.#pending.size === 0, "invariant 5: only a looking peer holds links");
  }
}
