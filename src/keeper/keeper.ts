/**
 * One replica's brain: the peer that runs Zab, the tree that Zab's proposals build, and the clients' requests between
 * them. A step takes what happened and the time, and returns all that shall be done about it. No clock, no dice, no
 * I/O: the shell around it is a Durable Object, or the simulator.
 *
 * Invariants:
 * 1. Only committed proposals reach the tree, in zxid order, once.
 * 2. Requests are answered only while this replica follows a leader and has caught up with it.
 * 3. The desk exists only while this replica leads and all that was committed before is applied.
 */
import { assert, assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, type Zxid, zxidText } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchTable } from "../tree/watch-table.ts";
import { DEFAULT_TIMING, type PeerPhase } from "../zab/config.ts";
import type { LinkId, Notification, Proposal } from "../zab/message.ts";
import { Peer } from "../zab/peer.ts";
import { ClientDoor } from "./client-door.ts";
import type { KeeperConfig } from "./config.ts";
import { describeForWords, type Described, describeReplica, phaseText } from "./describe.ts";
import { configText, sameBytes } from "./config-node.ts";
import { type DigestAt, Digests } from "./digests.ts";
import { type Forward, forwardBatches } from "./forward-batches.ts";
import type { KeeperInput, KeeperParts } from "./keeper-input.ts";
import { LeaderDesk } from "./leader-desk.ts";
import {
  APPLY_COST_BYTES,
  DELIVER_BYTES_PER_TURN,
  EVENT_COST_BYTES,
  LEADERLESS_HOLD_MS,
  MISSING_CALL_INTERVAL_MS,
} from "./limits.ts";
import { encodeLinkMessage, readLinkMessage, ZabFrames } from "./link-codec.ts";
import { LinkTable } from "./link-table.ts";
import type { FromLeader, LinkMessage, ToLeader } from "./link-message.ts";
import { type SnapshotProblem, SnapshotReceiver, SnapshotSender } from "./snapshots.ts";
import { makeSession, negotiateTimeout } from "./session-terms.ts";
import type { ReplicaStatus } from "./status.ts";
import { TurnOutbox } from "./turn-outbox.ts";
import type { Turn } from "./turn.ts";

/** One replica. */
export class Keeper {
  readonly #config: KeeperConfig;
  readonly #instance: number;
  readonly #peer: Peer;
  readonly #tree: Tree;
  readonly #databaseBytes: () => number;
  readonly #watches = new WatchTable();
  readonly #door: ClientDoor;
  readonly #links = new LinkTable();
  #desk: LeaderDesk | undefined;
  #phase: PeerPhase = { role: "looking" };
  /** Whether the leader of this reign was told whose clients are connected here. */
  #greeted = false;
  /** After a change of leader: what must be delivered before requests are forwarded again. */
  #resumeAt: Zxid | undefined;
  #serving = false;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #digests: Digests;
  #leaderlessSinceMs: number | undefined;
  #lastCallMs = 0;
  /** What replicas said to this leader, kept until all that is committed is applied here. */
  #inbox: { readonly from: Sid; readonly message: ToLeader }[] = [];
  #forwards: Forward[] = [];
  readonly #outbox = new TurnOutbox();
  #more = false;
  #nowMs = 0;
  /** Begins as the shell's clock and never goes back, for all that counts how long something took. */
  #clockMs = 0;
  #startedMs: number | undefined;
  #linkErrors = 0;

  constructor(parts: KeeperParts) {
    this.#config = parts.config;
    this.#instance = parts.start.instance;
    this.#tree = parts.tree;
    this.#databaseBytes = parts.databaseBytes;
    this.#peer = new Peer(parts.config, parts.start, parts.log, parts.rng);
    this.#digests = new Digests(parts.config, parts.tree);
    this.#sender = new SnapshotSender(parts.tree, parts.config.snapshotPartBytes);
    this.#receiver = new SnapshotReceiver(parts.stage);
    this.#door = new ClientDoor(
      {
        tree: parts.tree,
        auth: parts.auth,
        origin: { sid: parts.config.sid, instance: parts.start.instance },
        serving: () => this.#serving,
        tellLeader: (message) => this.#tellLeader(message),
        forward: (request, bytes) => this.#forwards.push({ request, bytes }),
        negotiateTimeout: (askedMs) => negotiateTimeout(askedMs, parts.config),
        makeSession: (entropy) => makeSession(parts.config.sid, entropy),
        bounds: parts.config.bounds,
        log: (event, fields) => this.#log(event, fields),
        words: () => describeForWords(this.#described()),
      },
      this.#watches,
    );
  }

  /** The present vote: the answer to an election notification. */
  notification(): Notification {
    return this.#peer.notification();
  }

  /** Whether requests are answered here. */
  get serving(): boolean {
    return this.#serving;
  }

  /** One turn: what happened, at what time (Unix milliseconds of this replica's clock). */
  step(input: KeeperInput, nowMs: number): Turn {
    this.#clockMs += Math.max(0, nowMs - this.#nowMs);
    this.#startedMs ??= this.#clockMs;
    this.#nowMs = nowMs;
    this.#door.at(this.#clockMs);
    this.#door.counters.turns++;
    this.#more = false;
    this.#take(input);
    this.#settle();
    return this.#outbox.take(this.#more);
  }

  #take(input: KeeperInput): void {
    switch (input.kind) {
      case "tick":
        return this.#tick();
      case "continue":
        return;
      case "clientOpened":
        return this.#door.opened(input.opening);
      case "clientBytes":
        return this.#door.received(input.connection, input.bytes);
      case "clientClosed":
        return this.#door.closed(input.connection);
      case "clientsSent":
        return this.#door.sentOut(input.sent);
      case "notification":
      case "linkFailed":
        return this.#stepPeer(input);
      case "linkOpened":
        return this.#linkOpened(input);
      case "linkBytes":
        return this.#linkBytes(input.link, input.bytes);
      case "linkClosed":
        return this.#linkClosed(input.link);
      default:
        return assertNever(input);
    }
  }

  #tick(): void {
    this.#stepPeer({ kind: "tick" });
    // Word of living sessions may be among what waits: nothing expires before it is heard.
    if (this.#inbox.length === 0) this.#desk?.tick(this.#nowMs);
    this.#callMissing();
    if (!this.#serving) {
      this.#leaderlessSinceMs ??= this.#clockMs;
      if (this.#clockMs - this.#leaderlessSinceMs >= LEADERLESS_HOLD_MS) this.#door.closeAll();
    }
    const reports = this.#serving ? this.#digests.report(this.#clockMs) : [];
    for (const report of reports) this.#tellLeader({ kind: "digest", ...report });
    this.#door.tick();
  }

  /**
   * A replica that died without clients is started by nobody: the object comes to life with the first event. So the
   * leader calls those that have no link to it.
   */
  #callMissing(): void {
    if (this.#desk === undefined || this.#clockMs - this.#lastCallMs < MISSING_CALL_INTERVAL_MS) return;
    this.#lastCallMs = this.#clockMs;
    const { sid, voters, observers } = this.#config;
    for (const to of this.#links.missing([...voters, ...observers])) {
      if (to !== sid) this.#outbox.act({ kind: "notify", to, notification: this.#peer.notification() });
    }
  }

  /**
   * Works off what a step set in motion, until nothing moves: proposals go out, commits are applied, replies and
   * forwarded requests leave.
   */
  #settle(): void {
    for (let moved = true; moved && !this.#outbox.isRestarting;) {
      this.#deliver();
      this.#becomeReady();
      moved = this.#sendForwards();
      moved = this.#readInbox() || moved;
      const answers = this.#desk?.takeAnswers() ?? [];
      for (const { to, message } of answers) this.#answer(to, message);
      // A peer that has enough under way takes more when some of it is committed; the desk keeps the rest.
      const proposals = this.#peer.canPropose() ? (this.#desk?.takeProposals() ?? []) : [];
      if (proposals.length > 0) this.#stepPeer({ kind: "propose", proposals });
      moved ||= answers.length > 0 || proposals.length > 0;
    }
    this.#sendSnapshots();
    this.#outbox.act(...this.#door.takeActions());
  }

  /** One part a turn for each learner that has room: between them all others have their turn. */
  #sendSnapshots(): void {
    for (const wanted of this.#peer.snapshotsWanted()) {
      const part = this.#sender.next(wanted);
      if (part === undefined) continue;
      if (part === "overrun") return this.#cutLink(wanted.link, "slower than what it is sent changes");
      this.#stepPeer(part);
      this.#more = true;
    }
  }

  /**
   * What replicas, this one included, said to this leader. It waits until all that is committed is applied: a
   * replica that is further may speak of sessions that are not in the tree here yet, and a hello may come before the
   * desk is open.
   */
  #readInbox(): boolean {
    if (this.#desk === undefined || this.#more || this.#inbox.length === 0) return false;
    const messages = this.#inbox;
    this.#inbox = [];
    for (const { from, message } of messages) {
      if (message.kind === "digest") this.#compareDigests(from, message);
      else if (message.kind === "unsound") this.#recount(from, message.reason);
      else this.#desk?.handle(from, message, this.#nowMs);
    }
    return true;
  }

  /** Whoever differs from a quorum, this leader included, takes no part until a snapshot replaced its tree. */
  #compareDigests(from: Sid, told: DigestAt): void {
    const verdict = this.#digests.hear(from, told, this.#clockMs);
    if (verdict === undefined) return;
    this.#log("DIGESTS DIFFER", verdict.difference);
    for (const sid of verdict.diverged) this.#answer(sid, { kind: "diverged", at: told.zxid });
  }

  /** A learner refused what it was sent: this leader takes no part where it is its own tree that is wrong. */
  #recount(from: Sid, reason: string): void {
    const isUnsound = this.#digests.isUnsound(this.#clockMs);
    this.#log(isUnsound ? "OWN TREE IS WRONG" : "snapshot", `refused by ${from}: ${reason}`);
    if (isUnsound) this.#stepPeer({ kind: "diverged" });
  }

  #stepPeer(input: Parameters<Peer["step"]>[0]): void {
    let problem: SnapshotProblem;
    const effects = this.#peer.step(input, this.#nowMs);
    const frames = new ZabFrames();
    for (const send of effects.free) this.#outbox.sendFree(frames.of(send));
    this.#outbox.write(effects.writes);
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
          this.#log("snapshot", effect.reason);
          this.#receiver.begin();
          break;
        case "snapshotPart":
          problem ??= this.#receiver.take(effect.payload);
          break;
        case "snapshotEnded":
          problem ??= this.#receiver.check(effect);
          if (problem !== undefined) break;
          this.#log("snapshot", `installed, at ${zxidText(effect.last)}`);
          this.#outbox.write([{ kind: "install", last: effect.last }]);
          this.#outbox.restart();
          break;
        case "notify":
        case "openLink":
          this.#outbox.act(effect);
          break;
        default:
          assertNever(effect);
      }
    }
    if (problem === undefined) return;
    this.#log("SNAPSHOT REFUSED", problem);
    this.#tellLeader({ kind: "unsound", reason: problem });
    this.#stepPeer({ kind: "snapshotRefused", reason: problem });
  }

  #changePhase(phase: PeerPhase): void {
    this.#phase = phase;
    this.#log("phase", phaseText(phase, this.#peer.status()));
    if (phase.role !== "looking" && phase.stage === "broadcast") return;
    this.#suspend();
  }

  #suspend(): void {
    this.#inbox = [];
    if (this.#phase.role !== "leading") this.#sender.dropAll();
    if (!this.#greeted) return;
    this.#greeted = false;
    this.#desk = undefined;
    this.#digests.closeAudit();
    this.#resumeAt = undefined;
    this.#serving = false;
    this.#forwards = [];
    this.#door.suspend();
  }

  /** Goes from "in broadcast" to "serving": once caught up, by what the leader says; a leader by itself. */
  #becomeReady(): void {
    if (this.#serving || this.#more) return;
    const phase = this.#phase;
    if (phase.role === "looking" || phase.stage !== "broadcast") return;
    if (!this.#greeted) {
      this.#greeted = true;
      if (phase.role === "leading") this.#openDesk();
      this.#tellLeader({ kind: "hello", owned: this.#door.owned() });
    }
    const at = this.#resumeAt;
    if (at === undefined || compareZxid(this.#tree.lastApplied, at) < 0) return;
    this.#resumeAt = undefined;
    this.#leaderlessSinceMs = undefined;
    this.#serving = true;
    this.#door.resume();
  }

  #openDesk(): void {
    const desk = new LeaderDesk({
      sid: this.#config.sid,
      instance: this.#instance,
      tree: this.#tree,
      nextZxid: this.#peer.nextZxid,
      storageLimitBytes: this.#config.storageLimitBytes,
      sessionsMax: this.#config.sessionsMax,
      log: (event, fields) => this.#log(event, fields),
      nowMs: this.#nowMs,
      lostGraceMs: this.#config.timing?.heartbeatLimitMs ?? DEFAULT_TIMING.heartbeatLimitMs,
    });
    this.#desk = desk;
    this.#digests.openAudit();
    const config = configText(this.#config);
    if (!sameBytes(config, this.#tree.get(CONFIG_PATH)?.data ?? null)) desk.proposeConfig(config);
  }

  /** Applies what is committed, as far as one turn may take. */
  #deliver(): void {
    for (let budget = DELIVER_BYTES_PER_TURN; ;) {
      const proposals = this.#peer.takeCommitted(budget);
      if (proposals.length === 0) return;
      for (const proposal of proposals) {
        budget -= proposal.payload.length + APPLY_COST_BYTES;
        budget -= this.#apply(proposal) * EVENT_COST_BYTES;
      }
      if (budget <= 0) {
        this.#more = true;
        return;
      }
    }
  }

  /** Applies a proposal; says how many watch events it led to. */
  #apply(proposal: Proposal): number {
    const { zxid } = proposal;
    const { header, txn } = decodeTxn(proposal.payload);
    const { outcome, events } = this.#tree.apply(zxid, header, txn);
    this.#digests.applied();
    this.#desk?.applied(zxid, header, txn);
    let eventCount = 0;
    for (const event of events) eventCount += this.#door.announce(event, zxid);
    const { origin } = header;
    if (txn.kind === "closeSession") this.#door.sessionEnded(header.session);
    // A barrier that no client asked for: the leader attached the session's client.
    if (txn.kind === "barrier" && origin.serial === 0) this.#door.attached(header.session, zxid);
    if (origin.sid === this.#config.sid && origin.instance === this.#instance) {
      this.#door.delivered(origin.serial, zxid, outcome);
    }
    return eventCount;
  }

  /** What this replica's clients want of the leader, which may be this very replica. */
  #tellLeader(message: ToLeader): void {
    const phase = this.#phase;
    if (phase.role === "leading") {
      this.#inbox.push({ from: this.#config.sid, message });
      return;
    }
    const link = phase.role === "following" || phase.role === "observing" ? phase.link : undefined;
    assert(link !== undefined, "a serving replica leads, or has a link to its leader");
    this.#sendLink(link, { kind: "toLeader", message });
  }

  #sendForwards(): boolean {
    if (this.#forwards.length === 0) return false;
    for (const requests of forwardBatches(this.#forwards)) this.#tellLeader({ kind: "forward", requests });
    this.#forwards = [];
    return true;
  }

  /** The desk's word for a replica, itself included. */
  #answer(to: Sid, message: FromLeader): void {
    if (to === this.#config.sid) return this.#fromLeader(message);
    const link = this.#links.ofLearner(to);
    if (link !== undefined) this.#sendLink(link, { kind: "fromLeader", message });
  }

  #fromLeader(message: FromLeader): void {
    if (message.kind === "welcome") this.#resumeAt = message.upTo;
    else if (message.kind === "diverged") {
      this.#log("DIVERGED", `at ${zxidText(message.at)}: a snapshot must replace the tree of this replica`);
      this.#stepPeer({ kind: "diverged" });
    } else if (message.kind === "poll") {
      const heard = { sessions: this.#door.takeTouched(), databaseBytes: this.#databaseBytes() };
      this.#tellLeader({ kind: "touched", polledAtMs: message.clockMs, ...heard });
    } else this.#door.fromLeader(message);
  }

  #sendLink(link: LinkId, message: LinkMessage): void {
    this.#outbox.act({ kind: "linkSend", link, bytes: encodeLinkMessage(message) });
  }

  #linkOpened(input: KeeperInput & { readonly kind: "linkOpened" }): void {
    const before = this.#links.open(input.link, input.sid, input.role);
    if (before !== undefined) this.#cutLink(before, "superseded");
    this.#stepPeer(input);
  }

  #linkClosed(link: LinkId): void {
    if (this.#links.sidOf(link) === undefined) return;
    this.#dropLink(link);
    this.#stepPeer({ kind: "linkClosed", link });
  }

  #cutLink(link: LinkId, reason: string): void {
    this.#linkClosed(link);
    this.#outbox.act({ kind: "closeLink", link, reason });
  }

  #dropLink(link: LinkId): void {
    const learner = this.#links.drop(link);
    this.#sender.drop(link);
    if (learner !== undefined) for (const one of [this.#desk, this.#digests]) one?.lost(learner);
  }

  #linkBytes(link: LinkId, bytes: Uint8Array): void {
    const sid = this.#links.sidOf(link);
    if (sid === undefined) return;
    const message = readLinkMessage(bytes);
    if (typeof message === "string") {
      this.#linkErrors++;
      this.#log("link", `replica ${sid}: ${message}`);
      return this.#cutLink(link, "malformed");
    }
    switch (message.kind) {
      case "zab":
        return this.#stepPeer({ kind: "message", link, message: message.message });
      case "toLeader":
        if (this.#phase.role === "leading") this.#inbox.push({ from: sid, message: message.message });
        return;
      case "fromLeader":
        if ("link" in this.#phase && this.#phase.link === link) this.#fromLeader(message.message);
        return;
      default:
        return assertNever(message);
    }
  }

  /** For people and tests: everything that can be told in a few numbers. */
  status(): ReplicaStatus {
    return describeReplica(this.#described());
  }

  #described(): Described {
    return {
      config: this.#config,
      instance: this.#instance,
      serving: this.#serving,
      zab: this.#peer.status(),
      tree: this.#tree,
      watches: this.#watches,
      door: this.#door,
      uptimeMs: this.#clockMs - (this.#startedMs ?? this.#clockMs),
      expiredSessions: this.#desk?.expiredCount ?? 0,
      refusedSessions: this.#desk?.refusedCount ?? 0,
      linkErrors: this.#linkErrors,
      digestsCompared: this.#digests.compared,
    };
  }

  #log(event: string, fields: string): void {
    const { ensemble, sid } = this.#config;
    this.#outbox.act({ kind: "log", line: `${ensemble}/${sid} ${event} ${fields}` });
  }
}
