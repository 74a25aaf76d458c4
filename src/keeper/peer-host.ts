/**
 * The peer of a replica and what surrounds it: its links, and both ends of snapshots. It feeds the peer with what
 * happens, and turns what the peer wants done into effects of the turn.
 */
import { assert, assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { equalZxid, type Zxid, zxidText } from "../base/zxid.ts";
import type { MembershipStatus, PeerPhase, PeerStatus } from "../zab/config.ts";
import type { PeerWrite } from "../zab/effects.ts";
import type { LinkId, Notification, Proposal } from "../zab/message.ts";
import { Peer } from "../zab/peer.ts";
import type { KeeperInput, KeeperParts } from "./keeper-input.ts";
import { linkMessageProblem } from "./link-check.ts";
import { readLinkMessage } from "./link-codec.ts";
import type { FromLeader, LinkMessage, ToLeader } from "./link-message.ts";
import { LinkTable } from "./link-table.ts";
import { membershipAtStart, membershipChangeOf } from "./membership-change.ts";
import type { ReconfigContext } from "./reconfiguration.ts";
import { type SnapshotProblem, SnapshotReceiver, SnapshotSender } from "./snapshots.ts";
import { type TracedWrite, Tracer } from "./tracer.ts";
import type { TurnOutbox } from "./turn-outbox.ts";

/** What the host needs of its keeper. */
export interface PeerHostContext {
  /** The peer is in this phase now. */
  phaseChanged(phase: PeerPhase): void;
  /** The latest link of this learner is gone. */
  learnerLost(sid: Sid): void;
  /** A learner said this to us. */
  toLeader(from: Sid, message: ToLeader): void;
  /** Our leader said this to us. */
  fromLeader(message: FromLeader): void;
  log(event: string, fields: string): void;
}

/** See the file's comment. */
export class PeerHost {
  readonly #context: PeerHostContext;
  readonly #outbox: TurnOutbox;
  readonly #sid: Sid;
  readonly #peer: Peer;
  readonly #links = new LinkTable();
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  /** Of writes that are traced. */
  readonly tracer: Tracer;
  #phase: PeerPhase = { role: "looking" };
  #linkErrors = 0;
  #proposalsReceived = 0;
  #nowMs = 0;

  constructor(parts: KeeperParts, outbox: TurnOutbox, context: PeerHostContext) {
    this.#context = context;
    this.#outbox = outbox;
    this.#sid = parts.config.sid;
    const { sid, timing } = parts.config;
    const membership = membershipAtStart(parts);
    const wasLetGo = parts.removal !== undefined;
    const config = { sid, membership, wasLetGo, membershipOf: membershipChangeOf, ...(timing && { timing }) };
    this.#peer = new Peer(config, parts.start, parts.log, parts.rng);
    this.#sender = new SnapshotSender(parts.tree, parts.config.snapshotPartBytes);
    this.#receiver = new SnapshotReceiver(parts.stage);
    this.tracer = new Tracer(sid, (action) => outbox.act(action));
  }

  /** The time of this turn, in Unix milliseconds of the replica's clock. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
    this.tracer.at(nowMs);
  }

  /** What the peer is doing, as it last said. */
  get phase(): PeerPhase {
    return this.#phase;
  }

  /** Frames that were malformed. */
  get linkErrors(): number {
    return this.#linkErrors;
  }

  /** Proposals taken from leaders. */
  get proposalsReceived(): number {
    return this.#proposalsReceived;
  }

  /** For how long, of all time, nothing was heard that this replica could serve by. */
  get silenceMs(): number {
    return this.#peer.silenceMs(this.#nowMs);
  }

  /** Whether proposals are welcome now. */
  get canPropose(): boolean {
    return this.#peer.canPropose();
  }

  /** The zxid that the next proposal must carry. Only while the peer leads in broadcast. */
  get nextZxid(): Zxid {
    return this.#peer.nextZxid;
  }

  /** The members, as the peer's history tells them. */
  get membership(): MembershipStatus {
    return this.#peer.membership;
  }

  /** The sids of all members, those of a membership that may not come about yet included, and of those invited. */
  get members(): readonly Sid[] {
    const { voters, observers } = this.#peer.notification().membership;
    const { current } = this.#peer.membership;
    return [...new Set([...voters, ...observers, ...current.voters, ...current.observers])];
  }

  /** Whether this peer leads on, its members are settled, and every learner has all of its history. */
  get isLevel(): boolean {
    if (!this.#peer.canPropose()) return false;
    const { learners, lastZxid, lastCommitted, membership } = this.#peer.status();
    const isLevel = learners.every(
      ({ isSynced, acknowledged }) => isSynced && equalZxid(acknowledged, lastZxid),
    );
    return (
      isLevel &&
      equalZxid(lastCommitted, lastZxid) &&
      membership.isSettled &&
      membership.pending === undefined
    );
  }

  /** The last zxid of its history. */
  get lastZxid(): Zxid {
    return this.#peer.lastZxid;
  }

  /** Leaves its leader, if it has one, and looks for one. */
  leaveLeader(reason: string): void {
    const phase = this.#phase;
    if ((phase.role === "following" || phase.role === "observing") && phase.link !== undefined) {
      this.#cutLink(phase.link, reason);
    }
  }

  /** Whether the leader has to say that the members are settled. */
  get isSettlingDue(): boolean {
    return this.#peer.isSettlingDue;
  }

  /** What the desk asks when the members shall change. */
  get reconfig(): ReconfigContext {
    return {
      isSettled: () => this.#peer.membership.isSettled,
      invite: (sids) => this.step({ kind: "invite", sids }),
      synced: () => {
        const { learners } = this.#peer.status();
        const synced = learners.filter(({ isSynced, isHeard }) => isSynced && isHeard);
        return new Set([this.#sid, ...synced.map(({ sid }) => sid)]);
      },
    };
  }

  notification(): Notification {
    return this.#peer.notification();
  }

  status(): PeerStatus {
    return this.#peer.status();
  }

  /** What is committed and not yet taken, oldest first. */
  takeCommitted(bytesMax: number): readonly Proposal[] {
    return this.#peer.takeCommitted(bytesMax);
  }

  /** Whether any other replica has a link to this one, or this one to its leader. */
  get hasLinks(): boolean {
    return !this.#links.isEmpty;
  }

  /** The members that have no link to us; not this one. */
  get missing(): readonly Sid[] {
    return this.#links.missing(this.members).filter((sid) => sid !== this.#sid);
  }

  /** Steps the peer, and performs what it wants done. */
  step(input: Parameters<Peer["step"]>[0]): void {
    let problem: SnapshotProblem;
    const effects = this.#peer.step(input, this.#nowMs);
    const { frames } = this.#outbox;
    for (const send of effects.free) this.#outbox.sendFree(frames.of(send));
    this.#outbox.write(effects.writes);
    this.#count(effects.writes);
    for (const write of effects.writes) if (write.kind === "append") this.tracer.appended(write.proposals);
    for (const effect of effects.after) {
      switch (effect.kind) {
        case "send":
          this.#outbox.act(frames.of(effect));
          break;
        case "phase":
          this.#changePhase(effect.phase);
          break;
        case "closeLink":
          this.#dropLink(effect.link);
          this.#outbox.act(effect);
          break;
        case "committed":
          break;
        case "snapshotBegun":
          this.#context.log("snapshot", effect.reason);
          this.#receiver.begin();
          break;
        case "snapshotPart":
          problem ??= this.#receiver.take(effect.payload);
          break;
        case "snapshotEnded":
          problem ??= this.#receiver.check(effect);
          if (problem !== undefined) break;
          this.#context.log("snapshot", `installed, at ${zxidText(effect.last)}`);
          this.#outbox.write([{ kind: "install", last: effect.last }]);
          this.#outbox.restart();
          break;
        case "notify":
        case "register":
        case "openLink":
          this.#outbox.act(effect);
          break;
        default:
          assertNever(effect);
      }
    }
    if (problem === undefined) return;
    this.#context.log("SNAPSHOT REFUSED", problem);
    this.tellLeader({ kind: "unsound", reason: problem });
    this.step({ kind: "snapshotRefused", reason: problem });
  }

  /** What a learner appends to its history is of its leader's proposals. */
  #count(writes: readonly PeerWrite[]): void {
    if (this.#phase.role === "leading") return;
    for (const write of writes) {
      if (write.kind === "append") this.#proposalsReceived += write.proposals.length;
    }
  }

  #changePhase(phase: PeerPhase): void {
    this.#phase = phase;
    this.#context.phaseChanged(phase);
    if (phase.role !== "leading") this.#sender.dropAll();
  }

  /** One part a turn for each learner that has room: between them all others have their turn. Whether there was one. */
  sendSnapshots(): boolean {
    let sent = false;
    for (const wanted of this.#peer.snapshotsWanted()) {
      const part = this.#sender.next(wanted);
      if (part === undefined) continue;
      if (part === "overrun") {
        this.#cutLink(wanted.link, "slower than what it is sent changes");
        return sent;
      }
      this.step(part);
      sent = true;
    }
    return sent;
  }

  /** What this replica wants of the leader, which is another one, over the link to it. */
  tellLeader(message: ToLeader): void {
    const phase = this.#phase;
    const link = phase.role === "following" || phase.role === "observing" ? phase.link : undefined;
    assert(link !== undefined, "a serving replica leads, or has a link to its leader");
    this.#sendLink(link, { kind: "toLeader", message });
  }

  /** This leader's word for a learner; one whose link is gone does not hear it. */
  tellLearner(to: Sid, message: FromLeader): void {
    const link = this.#links.ofLearner(to);
    if (link !== undefined) this.#sendLink(link, { kind: "fromLeader", message });
  }

  #sendLink(link: LinkId, message: LinkMessage): void {
    this.#outbox.act({ kind: "linkSend", link, bytes: this.#outbox.frames.encode(message) });
  }

  /** A write of this replica, which is serving, is traced: those that it comes to are told before it comes. */
  trace(traced: TracedWrite): void {
    this.tracer.learn(traced);
    const phase = this.#phase;
    if (phase.role === "leading") this.#tellLearners(this.#sid, traced);
    else if ("link" in phase && phase.link !== undefined)
      this.#sendLink(phase.link, { kind: "trace", message: traced });
  }

  /** Before what is proposed, which is sent freely. */
  #tellLearners(from: Sid, message: TracedWrite): void {
    const links = this.#links.learnersBut(from);
    const bytes = links.length === 0 ? undefined : this.#outbox.frames.encode({ kind: "trace", message });
    for (const link of links)
      if (bytes !== undefined) this.#outbox.sendFree({ kind: "linkSend", link, bytes });
  }

  #heardTrace(link: LinkId, sid: Sid, message: TracedWrite): void {
    const phase = this.#phase;
    if (phase.role === "leading" && message.origin.sid === sid) {
      this.tracer.learn(message);
      this.#tellLearners(sid, message);
    } else if ("link" in phase && phase.link === link) this.tracer.learn(message);
  }

  /** A link is open, by our asking or by another replica's. */
  linkOpened(input: KeeperInput & { readonly kind: "linkOpened" }): void {
    this.#links.open(input, (earlier) => this.#cutLink(earlier, "superseded"));
    this.step(input);
  }

  /** A link is gone. */
  linkClosed(link: LinkId): void {
    if (this.#links.sidOf(link) === undefined) return;
    this.#dropLink(link);
    this.step({ kind: "linkClosed", link });
  }

  #cutLink(link: LinkId, reason: string): void {
    this.linkClosed(link);
    this.#outbox.act({ kind: "closeLink", link, reason });
  }

  #dropLink(link: LinkId): void {
    const learner = this.#links.drop(link);
    this.#sender.drop(link);
    if (learner !== undefined) this.#context.learnerLost(learner);
  }

  /** A frame came on a link. */
  linkBytes(link: LinkId, bytes: Uint8Array): void {
    const sid = this.#links.sidOf(link);
    if (sid === undefined) return;
    const message = readLinkMessage(bytes);
    if (typeof message === "string") return this.#refuse(link, sid, message);
    const problem = linkMessageProblem(sid, message);
    if (problem !== undefined) return this.#refuse(link, sid, problem);
    switch (message.kind) {
      case "zab":
        return this.step({ kind: "message", link, message: message.message });
      case "toLeader":
        if (this.#phase.role === "leading") this.#context.toLeader(sid, message.message);
        return;
      case "fromLeader":
        if ("link" in this.#phase && this.#phase.link === link) this.#context.fromLeader(message.message);
        return;
      case "trace":
        return this.#heardTrace(link, sid, message.message);
      default:
        return assertNever(message);
    }
  }

  #refuse(link: LinkId, sid: Sid, problem: string): void {
    this.#linkErrors++;
    this.#context.log("link", `replica ${sid}: ${problem}`);
    this.#cutLink(link, "malformed");
  }
}
