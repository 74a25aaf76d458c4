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
import { assertNever } from "../base/assert.ts";
import { isLogged } from "../base/log-level.ts";
import type { Sid } from "../base/ids.ts";
import type { StagedRestore } from "../base/txn.ts";
import { compareZxid, type Zxid, zxidText } from "../base/zxid.ts";
import { digestText } from "../tree/digest.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import { noteOf } from "../tree/told-events.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchTable } from "../tree/watch-table.ts";
import { DEFAULT_TIMING, type PeerPhase } from "../zab/config.ts";
import type { Notification, Proposal } from "../zab/message.ts";
import { quorumOf } from "../zab/membership.ts";
import { CallDoor } from "./call-door.ts";
import { ClientDoor } from "./client-door.ts";
import type { KeeperConfig } from "./config.ts";
import { describeForOperators, type Described, describeReplica, phaseText } from "./describe.ts";
import type { DoorContext } from "./door-context.ts";
import { doorSettings } from "./door-settings.ts";
import { Dormancy, type Started } from "./dormancy.ts";
import { EventStreams } from "./event-streams.ts";
import { Digests } from "./digests.ts";
import { ForwardQueue } from "./forward-batches.ts";
import { ForwardWindow } from "./forward-window.ts";
import { HistoryWalks } from "./history-walks.ts";
import type { KeeperInput, KeeperParts } from "./keeper-input.ts";
import { takeTxnOf } from "./known-proposal.ts";
import { APPLY_COST_BYTES, DELIVER_BYTES_PER_TURN, EVENT_COST_BYTES, LEADERLESS_HOLD_MS } from "./limits.ts";
import { LocalReads } from "./local-reads.ts";
import type { FromLeader, ToLeader } from "./link-message.ts";
import { PeerHost } from "./peer-host.ts";
import { PollAnswers } from "./poll-answers.ts";
import { Reign } from "./reign.ts";
import type { Report } from "./operations/report.ts";
import { ReadOnlySwitch } from "./read-only.ts";
import { takeOver } from "./snapshot-file/restored-tree.ts";
import type { ReplicaStatus } from "./status.ts";
import { Touch } from "./touch.ts";
import { pathsApplied } from "./touched-paths.ts";
import { TurnOutbox } from "./turn-outbox.ts";
import type { Turn } from "./turn.ts";

/** One replica. */
export class Keeper {
  readonly #config: KeeperConfig;
  readonly #instance: number;
  readonly #tree: Tree;
  readonly #shell: Described["shell"];
  readonly #readOnly: ReadOnlySwitch;
  readonly #watches = new WatchTable();
  readonly #window: ForwardWindow;
  readonly #polls: PollAnswers;
  readonly #door: ClientDoor;
  readonly #calls: CallDoor;
  readonly #streams: EventStreams;
  readonly #host: PeerHost;
  readonly #reign: Reign;
  readonly #dormancy: Dormancy;
  readonly #touch: Touch;
  /** Whether the leader of this reign was told whose clients are connected here. */
  #greeted = false;
  /** After a change of leader: what must be delivered before requests are forwarded again. */
  #resumeAt: Zxid | undefined;
  #serving = false;
  readonly #digests: Digests;
  #leaderlessSinceMs: number | undefined;
  readonly #forwards = new ForwardQueue();
  readonly #outbox = new TurnOutbox();
  #more = false;
  #nowMs = 0;
  /** Begins as the shell's clock and never goes back, for all that counts how long something took. */
  #clockMs = 0;
  #started: Started | undefined;

  constructor(parts: KeeperParts) {
    this.#config = parts.config;
    this.#window = new ForwardWindow(parts.config.bounds.throttle);
    const { heartbeatLimitMs } = { ...DEFAULT_TIMING, ...parts.config.timing };
    const { dormancy: settings } = parts.config;
    this.#dormancy = new Dormancy({ settings, slept: parts.slept, waitMs: heartbeatLimitMs });
    this.#touch = new Touch(heartbeatLimitMs, () => this.#host.silenceMs);
    this.#instance = parts.start.instance;
    this.#tree = parts.tree;
    this.#shell = parts;
    this.#readOnly = new ReadOnlySwitch(parts.config.readOnlyAfterMs);
    this.#digests = new Digests(parts.config.sid, () => quorumOf(this.#host.membership.current), parts.tree);
    const log = (event: string, fields: string): void => this.#log(event, fields);
    this.#host = new PeerHost(parts, this.#outbox, {
      phaseChanged: (phase) => this.#changePhase(phase),
      learnerLost: (sid) => this.#reign.lost(sid),
      toLeader: (from, message) => this.#reign.hear(from, message, this.#clockMs),
      fromLeader: (message) => this.#fromLeader(message),
      log,
    });
    this.#reign = new Reign({
      config: parts.config,
      instance: parts.start.instance,
      tree: parts.tree,
      log: parts.log,
      digests: this.#digests,
      host: this.#host,
      answer: (to, message) => this.#answer(to, message),
      call: (to) => this.#outbox.act({ kind: "notify", to, notification: this.notification() }),
      tell: log,
    });
    const context = this.#doorContext(parts, log);
    this.#door = new ClientDoor(context, this.#watches);
    const { parking } = this.#door;
    parking.adopt(parts.parked ?? []);
    this.#calls = new CallDoor({
      context,
      reads: new LocalReads(parts.tree, this.#watches),
      walks: new HistoryWalks(parts.log, parts.notes),
      trackedSession: (session) => this.#reign.desk?.explainSession(session),
      audit: (actor, request, outcome) => this.#door.operator.audit(actor, request, outcome),
      called: (request, tookMs) => this.#door.metrics.called(request, tookMs),
    });
    const told = { parking, calls: this.#calls, dormancy: this.#dormancy, keptMs: heartbeatLimitMs };
    this.#polls = new PollAnswers({ ...told, databaseBytes: () => parts.databaseBytes() });
    const { log: history, notes } = parts;
    this.#streams = new EventStreams({ sid: parts.config.sid, context, log: history, notes });
  }

  #doorContext(parts: KeeperParts, log: DoorContext["log"]): DoorContext {
    return {
      ...doorSettings(parts),
      timeMs: () => this.#nowMs,
      serving: () => this.#serving,
      mayPromise: () => this.#serving && this.#touch.isIn(this.#clockMs),
      tellLeader: (message) => this.#tellLeader(message),
      forward: (request, bytes) => this.#forwards.push({ request, bytes }),
      log,
      report: () => this.report(),
      trace: (traced) => this.#host.trace(traced),
      window: this.#window,
    };
  }

  /** The present vote: the answer to an election notification. */
  notification(): Notification {
    return this.#host.notification();
  }

  /** Whether requests are answered here. */
  get serving(): boolean {
    return this.#serving;
  }

  /** Whether it is the leader, and serves. */
  get isLeading(): boolean {
    return this.#serving && this.#host.phase.role === "leading";
  }

  /** The latest permit to stage a restore that this replica gave as leader, once it is committed. */
  get restorePermit(): Zxid | undefined {
    return this.#reign.desk?.restorePermit;
  }

  /** One turn: what happened, at what time (Unix milliseconds of this replica's clock). */
  step(input: KeeperInput, nowMs: number): Turn {
    this.#clockMs += Math.max(0, nowMs - this.#nowMs);
    this.#nowMs = nowMs;
    this.#host.at(nowMs);
    for (const part of [this.#door, this.#calls, this.#streams, this.#dormancy]) part.at(this.#clockMs);
    this.#dormancy.see(input);
    if (input.kind === "tick") this.#started ??= this.#dormancy.begin(nowMs);
    this.#door.counters.turns++;
    this.#more = false;
    this.#forwards.beginTurn(input.kind === "clientBytes" && this.#host.phase.role !== "leading");
    const isAsked = input.kind === "clientBytes" || input.kind === "calls";
    if (isAsked && this.isLeading && !this.#touch.isIn(this.#clockMs)) this.#host.step({ kind: "prove" });
    this.#take(input);
    if (this.#door.parking.takeAsked()) this.#dormancy.stir();
    this.#settle();
    return this.#outbox.take(this.#more || this.#forwards.isHeld);
  }

  #take(input: KeeperInput): void {
    switch (input.kind) {
      case "tick":
        return this.#tick();
      case "continue":
      case "stir":
        return;
      case "clientOpened":
        return this.#door.opened(input.opening);
      case "clientBytes":
        for (const { connection, bytes } of input.received) this.#door.received(connection, bytes);
        return;
      case "clientClosed":
        return this.#door.closed(input.connection, input.pongedMs);
      case "clientAgain":
        return this.#door.parking.again(input.connection);
      case "clientsSent":
        return this.#door.sentOut(input.sent);
      case "calls":
        for (const call of input.calls) this.#calls.take(call);
        return;
      case "callGone":
        return this.#calls.gone(input.call);
      case "stream":
        return this.#streams.take(input.input);
      case "operation":
        return this.#door.operator.operate(input.operation);
      case "restoreStep":
        return this.#reign.desk?.takeRestoreStep(input.step, this.#nowMs);
      case "notification":
      case "founders":
      case "linkFailed":
      case "resign":
        return this.#host.step(input);
      case "linkOpened":
        return this.#host.linkOpened(input);
      case "linkBytes":
        return this.#host.linkBytes(input.link, input.bytes);
      case "linkClosed":
        return this.#host.linkClosed(input.link);
      default:
        return assertNever(input);
    }
  }

  #tick(): void {
    this.#host.step({ kind: "tick" });
    const hasClients = this.#door.connections()[Symbol.iterator]().next().done !== true;
    if (hasClients || this.#calls.count > 0 || this.#host.hasLinks) this.#host.step({ kind: "prove" });
    const { isBusy } = this.#door.parking;
    if (isBusy || this.#calls.count > 0 || this.#streams.count > 0) this.#dormancy.stir();
    this.#maybeSleep(true);
    this.#reign.tick(this.#nowMs, this.#clockMs);
    this.#setReadOnly(this.#readOnly.isOn(this.#host.status(), this.#clockMs));
    if (!this.#serving) {
      this.#leaderlessSinceMs ??= this.#clockMs;
      if (this.#clockMs - this.#leaderlessSinceMs >= LEADERLESS_HOLD_MS) {
        this.#door.closeAll();
        this.#streams.closeAll("no-quorum");
      }
    }
    const reports = this.#serving ? this.#digests.report(this.#clockMs) : [];
    for (const report of reports) this.#tellLeader({ kind: "digest", ...report });
    this.#door.tick();
    this.#calls.tick();
    this.#streams.tick();
  }

  /**
   * Works off what a step set in motion, until nothing moves: proposals go out, commits are applied, replies and
   * forwarded requests leave.
   */
  #settle(): void {
    for (let moved = true; moved && !this.#outbox.isRestarting;) {
      this.#deliver();
      this.#becomeReady();
      if (this.#serving && this.#touch.isBack(this.#clockMs)) this.#door.goOn();
      this.#calls.progressed();
      this.#streams.progressed();
      moved = this.#sendForwards();
      if (!this.#more) moved = this.#reign.readInbox(this.#nowMs, this.#clockMs) || moved;
      this.#reign.settle();
      const { desk } = this.#reign;
      const answers = desk?.takeAnswers() ?? [];
      for (const { to, message } of answers) this.#answer(to, message);
      // A peer that has enough under way takes more when some of it is committed; the desk keeps the rest.
      const proposals = this.#host.canPropose ? (desk?.takeProposals() ?? []) : [];
      this.#door.metrics.proposed(proposals);
      if (proposals.length > 0) this.#host.step({ kind: "propose", proposals });
      moved ||= answers.length > 0 || proposals.length > 0;
    }
    if (!this.#outbox.isRestarting) this.#maybeSleep(false);
    if (this.#host.sendSnapshots()) this.#more = true;
    if (this.#outbox.isRestarting) this.#streams.closeAll("restart");
    else if (this.#streams.advance()) this.#more = true;
    if (!this.#outbox.isRestarting && this.#calls.advance()) this.#more = true;
    this.#outbox.act(...this.#door.takeActions(), ...this.#calls.takeActions());
    this.#outbox.act(...this.#streams.takeActions());
  }

  #maybeSleep(isLater: boolean): void {
    if (!this.#dormancy.isOrdered) return;
    const isLeading = this.#host.phase.role === "leading";
    const { lastZxid, hasLinks, members } = this.#host;
    const { isRestful, wakeWithinMs, connections } = this.#door.parking;
    const bedside = { isLeading, lastZxid, hasLinks, isAlone: members.length === 1, isLater };
    const how = this.#dormancy.decide({ ...bedside, isRestful, wakeWithinMs, nowMs: this.#nowMs });
    if (how === undefined) return;
    if (typeof how === "object") return this.#outbox.sleep(how, connections);
    this.#reign.desk?.stayAwake();
    if (how === "stays awake") return;
    this.#log("dormant", "not this time: somebody wants something here, or not all sleep");
    if (isLeading) this.#host.step({ kind: "resign" });
    else this.#host.leaveLeader("stays awake");
  }

  #changePhase(phase: PeerPhase): void {
    this.#door.metrics.phaseChanged(phase, this.#clockMs);
    this.#log("phase", phaseText(phase, this.#host.status()));
    if (phase.role !== "looking") this.#setReadOnly(false);
    if ("stage" in phase && phase.stage === "broadcast") return;
    if (phase.role === "removed") this.#leave(phase.version);
    this.#suspend();
  }

  #setReadOnly(isOn: boolean): void {
    if (isOn === this.#door.isReadOnly) return;
    this.#log(
      "read-only",
      isOn ? `serves reads without a leader, at ${zxidText(this.#tree.lastApplied)}` : "is over",
    );
    this.#door.setReadOnly(isOn);
  }

  /** The ensemble goes on without this replica, which forgets all but that. */
  #leave(version: Zxid): void {
    const members = this.#tree.get(CONFIG_PATH)?.data ?? new Uint8Array();
    this.#door.closeAll();
    this.#calls.closeAll();
    this.#outbox.remove({ version, members });
  }

  #suspend(): void {
    this.#reign.forget();
    if (!this.#greeted) return;
    this.#greeted = false;
    this.#polls.suspend();
    this.#reign.close();
    this.#resumeAt = undefined;
    this.#serving = false;
    this.#forwards.clear();
    this.#window.suspend();
    this.#door.suspend();
    this.#calls.suspend();
    this.#dormancy.suspend();
  }

  /** Goes from "in broadcast" to "serving": once caught up, by what the leader says; a leader by itself. */
  #becomeReady(): void {
    if (this.#serving || this.#more || this.#outbox.isRestarting) return;
    const { phase } = this.#host;
    if (!("stage" in phase) || phase.stage !== "broadcast") return;
    if (!this.#greeted) {
      this.#greeted = true;
      if (phase.role === "leading") this.#reign.open(this.#nowMs, this.#clockMs);
      const slept = this.#dormancy.sleptThrough(this.#nowMs);
      this.#tellLeader({ kind: "hello", owned: this.#door.owned(), slept });
    }
    const at = this.#resumeAt;
    if (at === undefined || compareZxid(this.#tree.lastApplied, at) < 0) return;
    this.#resumeAt = undefined;
    this.#leaderlessSinceMs = undefined;
    this.#serving = true;
    this.#door.resume();
    this.#calls.resume();
  }

  /** Applies what is committed, as far as one turn may take. */
  #deliver(): void {
    for (let budget = DELIVER_BYTES_PER_TURN; ;) {
      const proposals = this.#host.takeCommitted(budget);
      if (proposals.length === 0) return;
      this.#tree.prefetch(pathsApplied(proposals));
      for (const proposal of proposals) {
        budget -= proposal.payload.length + APPLY_COST_BYTES;
        budget -= this.#apply(proposal) * EVENT_COST_BYTES;
        // What is behind a restore is for the start that follows.
        if (this.#outbox.isRestarting) return;
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
    const { header, txn } = takeTxnOf(proposal);
    if (txn.kind === "restore") {
      this.#restore(zxid, txn.staged);
      return 0;
    }
    if (txn.kind === "dormant" && this.#serving) this.#dormancy.deliver(zxid, txn);
    const { outcome, events } = this.#tree.apply(zxid, header, txn);
    const note = noteOf(txn, events);
    if (note !== undefined) this.#shell.notes.add(zxid, note);
    this.#digests.applied();
    this.#door.metrics.committed(this.#nowMs - header.timeMs, this.#host.phase);
    this.#reign.desk?.applied(zxid, header, txn);
    let eventCount = 0;
    for (const event of events) eventCount += this.#door.announce(event, zxid);
    for (const event of events) this.#calls.announce(event, zxid);
    if (events.length > 0) this.#door.parking.changed();
    eventCount += this.#streams.announce({ zxid, timeMs: header.timeMs, events });
    const { origin } = header;
    this.#host.tracer.applied(origin, zxid, this.#host.phase.role === "leading");
    if (txn.kind === "closeSession") {
      const deleted = events.filter(({ kind }) => kind === "deleted").map(({ path }) => path);
      if (this.#host.phase.role === "leading") this.#door.operator.auditEnded(header.session, deleted);
      this.#door.sessionEnded(header.session);
    }
    // A barrier that no client asked for: the leader attached the session's client.
    if (txn.kind === "barrier" && origin.serial === 0) this.#door.attached(header.session, zxid);
    if (origin.sid === this.#config.sid && origin.instance === this.#instance) {
      this.#window.delivered(origin.serial);
      this.#calls.delivered(origin.serial, { zxid, outcome });
      this.#door.delivered(origin.serial, zxid, outcome);
    }
    return eventCount;
  }

  /**
   * Every replica starts anew on the tree that was staged. One that has another, or none, as it was away or was sent a
   * snapshot meanwhile, is like one whose tree differs: a snapshot must bring it.
   */
  #restore(zxid: Zxid, staged: StagedRestore): void {
    const tree = this.#shell.restorable?.(staged.permit);
    const isHere = tree !== undefined && digestText(tree.summary.digest) === staged.digest;
    this.#log("restore", `${isHere ? "" : "is not here, but committed "}at ${zxidText(zxid)}`);
    if (isHere) takeOver(tree, this.#tree);
    this.#streams.reset(zxid);
    this.#outbox.write([isHere ? { kind: "restore", at: zxid } : { kind: "diverged" }]);
    this.#outbox.restart();
  }

  /** What this replica's clients want of the leader, which may be this very replica. */
  #tellLeader(message: ToLeader): void {
    if (this.#host.phase.role === "leading") this.#reign.hear(this.#config.sid, message, this.#clockMs);
    else this.#host.tellLeader(message);
  }

  #sendForwards(): boolean {
    const messages = this.#forwards.take(this.#window.count);
    for (const requests of messages) this.#tellLeader({ kind: "forward", requests });
    return messages.length > 0;
  }

  /** The desk's word for a replica, itself included. */
  #answer(to: Sid, message: FromLeader): void {
    if (to === this.#config.sid) this.#fromLeader(message);
    else this.#host.tellLearner(to, message);
  }

  #fromLeader(message: FromLeader): void {
    if (message.kind === "welcome") this.#resumeAt = message.upTo;
    else if (message.kind === "diverged") {
      this.#log("DIVERGED", `at ${zxidText(message.at)}: a snapshot must replace the tree of this replica`);
      this.#host.step({ kind: "diverged" });
    } else if (message.kind === "poll") this.#tellLeader(this.#polls.answer(message.clockMs, this.#nowMs));
    else this.#door.fromLeader(message);
  }

  /** For people and tests: everything that can be told in a few numbers. */
  status(): ReplicaStatus {
    return describeReplica(this.#described());
  }

  /** For those who run it: see Report. */
  report(): Report {
    return describeForOperators(this.#described());
  }

  #described(): Described {
    return {
      config: this.#config,
      instance: this.#instance,
      serving: this.#serving,
      host: this.#host,
      tree: this.#tree,
      watches: this.#watches,
      door: this.#door,
      calls: this.#calls,
      streams: this.#streams,
      forwardedBytes: this.#window.bytes,
      desk: this.#reign.desk,
      digests: this.#digests,
      shell: this.#shell,
      nowMs: this.#nowMs,
      clockMs: this.#clockMs,
      started: this.#started,
    };
  }

  #log(event: string, fields: string): void {
    const { ensemble, sid, logLevel = "info" } = this.#config;
    if (!isLogged(event, logLevel)) return;
    this.#outbox.act({ kind: "log", line: `${ensemble}/${sid} ${event} ${fields}` });
  }
}
