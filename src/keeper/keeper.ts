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
import type { Rng } from "../base/rng.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { JuteError } from "../jute/jute-error.ts";
import { decodeTxn } from "../jute/txn.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchTable } from "../tree/watch-table.ts";
import { DEFAULT_TIMING, type LogReader, type PeerPhase, type PeerStart } from "../zab/config.ts";
import type { LinkId, Notification, Proposal, ZabMessage } from "../zab/message.ts";
import { Peer } from "../zab/peer.ts";
import type { AuthSettings } from "./auth.ts";
import { ClientDoor } from "./client-door.ts";
import type { KeeperConfig } from "./config.ts";
import { describeForWords, type Described, describeReplica, phaseText } from "./describe.ts";
import { configText, sameBytes } from "./config-node.ts";
import type { ConnectionId, ConnectionOpening, SentOut } from "./connection.ts";
import { type Forward, forwardBatches } from "./forward-batches.ts";
import { LeaderDesk } from "./leader-desk.ts";
import {
  APPLY_COST_BYTES,
  DELIVER_BYTES_PER_TURN,
  EVENT_COST_BYTES,
  LEADERLESS_HOLD_MS,
  MISSING_CALL_INTERVAL_MS,
} from "./limits.ts";
import { decodeLinkMessage, encodeLinkMessage } from "./link-codec.ts";
import type { FromLeader, LinkMessage, ToLeader } from "./link-message.ts";
import { makeSession, negotiateTimeout } from "./session-terms.ts";
import type { ReplicaStatus } from "./status.ts";
import { TurnOutbox } from "./turn-outbox.ts";
import type { LinkSend, Turn } from "./turn.ts";

/** What the shell hands in at the start. */
export interface KeeperParts {
  readonly config: KeeperConfig;
  readonly start: PeerStart;
  readonly tree: Tree;
  readonly log: LogReader;
  readonly auth: AuthSettings;
  readonly rng: Rng;
  /** How large this replica's database is now. */
  readonly databaseBytes: () => number;
}

/** What happens to a replica. */
export type KeeperInput =
  | { readonly kind: "tick" }
  /** More was left to apply. */
  | { readonly kind: "continue" }
  | { readonly kind: "clientOpened"; readonly opening: ConnectionOpening }
  | { readonly kind: "clientBytes"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly kind: "clientClosed"; readonly connection: ConnectionId }
  /** Clients' transports have taken so many bytes of what they were sent. */
  | { readonly kind: "clientsSent"; readonly sent: readonly SentOut[] }
  | { readonly kind: "notification"; readonly notification: Notification }
  | {
      readonly kind: "linkOpened";
      readonly link: LinkId;
      readonly sid: Sid;
      readonly role: "to-leader" | "from-learner";
    }
  | { readonly kind: "linkBytes"; readonly link: LinkId; readonly bytes: Uint8Array }
  | { readonly kind: "linkClosed"; readonly link: LinkId }
  | { readonly kind: "linkFailed"; readonly to: Sid };

/** One replica. */
export class Keeper {
  readonly #config: KeeperConfig;
  readonly #instance: number;
  readonly #peer: Peer;
  readonly #tree: Tree;
  readonly #databaseBytes: () => number;
  readonly #watches = new WatchTable();
  readonly #door: ClientDoor;
  /** The sid at the other end of each open link. */
  readonly #links = new Map<LinkId, Sid>();
  /** The latest link that each learner opened to us. */
  readonly #learnerLinks = new Map<Sid, LinkId>();
  #desk: LeaderDesk | undefined;
  #phase: PeerPhase = { role: "looking" };
  /** Whether the leader of this reign was told whose clients are connected here. */
  #greeted = false;
  /** After a change of leader: what must be delivered before requests are forwarded again. */
  #resumeAt: Zxid | undefined;
  #serving = false;
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
        return this.#stepPeer({ kind: "notification", notification: input.notification });
      case "linkOpened":
        return this.#linkOpened(input);
      case "linkBytes":
        return this.#linkBytes(input.link, input.bytes);
      case "linkClosed":
        return this.#linkClosed(input.link);
      case "linkFailed":
        return this.#stepPeer({ kind: "linkFailed", to: input.to });
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
    this.#door.tick();
  }

  /**
   * A replica that died without clients is started by nobody: the object comes to life with the first event. So the
   * leader calls those that have no link to it.
   */
  #callMissing(): void {
    if (this.#desk === undefined || this.#clockMs - this.#lastCallMs < MISSING_CALL_INTERVAL_MS) return;
    this.#lastCallMs = this.#clockMs;
    const { sid: own, voters, observers } = this.#config;
    for (const to of [...voters, ...observers]) {
      if (to === own || this.#learnerLinks.has(to)) continue;
      this.#outbox.act({ kind: "notify", to, notification: this.#peer.notification() });
    }
  }

  /**
   * Works off what a step set in motion, until nothing moves: proposals go out, commits are applied, replies and
   * forwarded requests leave.
   */
  #settle(): void {
    for (let moved = true; moved;) {
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
    this.#outbox.act(...this.#door.takeActions());
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
    for (const { from, message } of messages) this.#desk.handle(from, message, this.#nowMs);
    return true;
  }

  #stepPeer(input: Parameters<Peer["step"]>[0]): void {
    const effects = this.#peer.step(input, this.#nowMs);
    const encoded = new Map<ZabMessage, Uint8Array>();
    const frame = (link: LinkId, message: ZabMessage): LinkSend => {
      // One proposal goes to every follower: it is encoded once.
      const bytes = encoded.get(message) ?? encodeLinkMessage({ kind: "zab", message });
      encoded.set(message, bytes);
      return { kind: "linkSend", link, bytes };
    };
    for (const send of effects.free) this.#outbox.sendFree(frame(send.link, send.message));
    this.#outbox.write(effects.writes);
    for (const effect of effects.after) {
      switch (effect.kind) {
        case "send":
          this.#outbox.act(frame(effect.link, effect.message));
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
        case "notify":
        case "openLink":
          this.#outbox.act(effect);
          break;
        default:
          assertNever(effect);
      }
    }
  }

  #changePhase(phase: PeerPhase): void {
    this.#phase = phase;
    this.#log("phase", phaseText(phase, this.#peer.status()));
    if (phase.role !== "looking" && phase.stage === "broadcast") return;
    this.#suspend();
  }

  #suspend(): void {
    this.#inbox = [];
    if (!this.#greeted) return;
    this.#greeted = false;
    this.#desk = undefined;
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
      log: (event, fields) => this.#log(event, fields),
      nowMs: this.#nowMs,
      lostGraceMs: this.#config.timing?.heartbeatLimitMs ?? DEFAULT_TIMING.heartbeatLimitMs,
    });
    this.#desk = desk;
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
    if (to === this.#config.sid) {
      this.#fromLeader(message);
      return;
    }
    const link = this.#learnerLinks.get(to);
    if (link !== undefined) this.#sendLink(link, { kind: "fromLeader", message });
  }

  #fromLeader(message: FromLeader): void {
    if (message.kind === "welcome") this.#resumeAt = message.upTo;
    else if (message.kind === "poll") {
      const sessions = this.#door.takeTouched();
      this.#tellLeader({
        kind: "touched",
        polledAtMs: message.clockMs,
        sessions,
        databaseBytes: this.#databaseBytes(),
      });
    } else this.#door.fromLeader(message);
  }

  #sendLink(link: LinkId, message: LinkMessage): void {
    this.#outbox.act({ kind: "linkSend", link, bytes: encodeLinkMessage(message) });
  }

  #linkOpened(input: KeeperInput & { readonly kind: "linkOpened" }): void {
    const { link, sid, role } = input;
    if (role === "from-learner") {
      // A learner speaks on its latest link alone: what the one before it still says is void.
      const before = this.#learnerLinks.get(sid);
      if (before !== undefined) {
        this.#linkClosed(before);
        this.#outbox.act({ kind: "closeLink", link: before, reason: "superseded" });
      }
      this.#learnerLinks.set(sid, link);
    }
    this.#links.set(link, sid);
    this.#stepPeer({ kind: "linkOpened", link, sid, role });
  }

  #linkClosed(link: LinkId): void {
    if (!this.#links.has(link)) return;
    this.#dropLink(link);
    this.#stepPeer({ kind: "linkClosed", link });
  }

  #dropLink(link: LinkId): void {
    const sid = this.#links.get(link);
    this.#links.delete(link);
    if (sid === undefined || this.#learnerLinks.get(sid) !== link) return;
    this.#learnerLinks.delete(sid);
    this.#desk?.lost(sid);
  }

  #linkBytes(link: LinkId, bytes: Uint8Array): void {
    const sid = this.#links.get(link);
    if (sid === undefined) return;
    let message: LinkMessage;
    try {
      message = decodeLinkMessage(bytes);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#linkErrors++;
      this.#log("link", `replica ${sid}: ${error.message}`);
      this.#linkClosed(link);
      this.#outbox.act({ kind: "closeLink", link, reason: "malformed" });
      return;
    }
    switch (message.kind) {
      case "zab":
        return this.#stepPeer({ kind: "message", link, message: message.message });
      case "toLeader":
        if (this.#phase.role === "leading") this.#inbox.push({ from: sid, message: message.message });
        return;
      case "fromLeader":
        if (this.#isLeaderLink(link)) this.#fromLeader(message.message);
        return;
      default:
        return assertNever(message);
    }
  }

  #isLeaderLink(link: LinkId): boolean {
    const phase = this.#phase;
    return (phase.role === "following" || phase.role === "observing") && phase.link === link;
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
      linkErrors: this.#linkErrors,
    };
  }

  #log(event: string, fields: string): void {
    const { ensemble, sid } = this.#config;
    this.#outbox.act({ kind: "log", line: `${ensemble}/${sid} ${event} ${fields}` });
  }
}
