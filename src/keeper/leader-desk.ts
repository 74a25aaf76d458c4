/**
 * The leader's desk: takes the ensemble's writes, makes proposals of them, and keeps the sessions. It exists only
 * while this replica leads in broadcast and all that was committed before is applied, so a new leader starts with
 * a clean one. Source: ZooKeeper LeaderZooKeeperServer, PrepRequestProcessor, LearnerHandler.
 */
import { ERROR_CODES } from "../base/error-code.ts";
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { NO_SESSION, type Origin, type SessionId, type Sid } from "../base/ids.ts";
import type { TransactRequest, WriteRequest } from "../base/request.ts";
import type { SessionLeft, Txn, TxnHeader } from "../base/txn.ts";
import { ZNODE_SETTINGS, type ZnodeSettings } from "../base/znode-settings.ts";
import { compareZxid, equalZxid, type Zxid } from "../base/zxid.ts";
import { JuteWriter } from "../jute/archive.ts";
import { Slab } from "../jute/slab.ts";
import { encodeTxn } from "../jute/txn.ts";
import { Preparer, type Reconfigure } from "../tree/prepare.ts";
import type { Tree } from "../tree/tree.ts";
import type { Proposal } from "../zab/message.ts";
import { SUPER } from "./auth.ts";
import { ContainerManager } from "./container-manager.ts";
import { type DynamicConfig, dynamicConfigText } from "./dynamic-config.ts";
import { KnownProposal } from "./known-proposal.ts";
import { REFUSAL_LOG_INTERVAL_MS, SESSION_POLL_INTERVAL_MS, SESSIONS_MAX } from "./limits.ts";
import type { Addressed, ForwardedRequest, FromLeader, OwnedSession, ToLeader } from "./link-message.ts";
import { placeholderSession, placeholdersOf } from "./lock-delay.ts";
import { type ReconfigContext, reconfigureWith } from "./reconfiguration.ts";
import type { RestoreStep } from "./operations/report.ts";
import { SessionTracker, type TrackedSession } from "./session-tracker.ts";
import { StorageGate } from "./storage-gate.ts";
import { pathsAsked } from "./touched-paths.ts";

/** What the desk needs to know of its replica. */
export interface DeskOptions {
  readonly sid: Sid;
  readonly instance: number;
  readonly tree: Tree;
  /** The zxid that the first proposal must carry. */
  readonly nextZxid: Zxid;
  readonly nowMs: number;
  /** How long a replica may go on to answer its clients after this leader has given it up. */
  readonly lostGraceMs: number;
  readonly storageLimitBytes: number;
  /** SESSIONS_MAX unless set. */
  readonly sessionsMax?: number | undefined;
  /** ZNODE_SETTINGS unless set. */
  readonly znodes?: ZnodeSettings | undefined;
  /** What a reconfig needs to know; undefined where members are the deployment's business. */
  readonly reconfig: ReconfigContext | undefined;
  /** Whether the ensemble has slept until now. */
  readonly hasSlept?: boolean;
  /** A line for people. */
  log(event: string, fields: string): void;
}

/** What a replica is told about a session if this leader still leads when `at` is committed. */
interface HeldAnswer {
  readonly at: Zxid;
  readonly to: Sid;
  readonly message: FromLeader;
  /** What it lets in. */
  readonly owned?: OwnedSession;
}

/** One leader's reign. Proposals and answers are collected and taken at the end of each turn. */
export class LeaderDesk {
  readonly #options: DeskOptions;
  readonly #preparer: Preparer;
  readonly #sessions: SessionTracker;
  readonly #storage: StorageGate;
  readonly #writer = new JuteWriter();
  /** For payloads, which the history forgets in the order in which they came. */
  readonly #slab = new Slab();
  readonly #containers: ContainerManager;
  #nextZxid: Zxid;
  #lastPrepared: Zxid;
  #nowMs: number;
  #proposals: Proposal[] = [];
  #answers: Addressed[] = [];
  #expired = 0;
  /**
   * The passwords of sessions proposed and not applied. Their clients may know of them already, and come by another
   * way: where a follower and this leader are a quorum, the follower knows of a commit first.
   */
  readonly #creating = new Map<SessionId, Uint8Array>();
  #refused = 0;
  #lastRefusalMs: number | undefined;
  #lastWarningMs: number | undefined;
  #polledAtMs = 0;
  /** The version of the members that this leader has proposed to be settled. */
  #settled: Zxid | undefined;
  /** The latest configuration that was proposed here, until it is applied. */
  #proposedConfig: Zxid | undefined;
  #restorePermit: Zxid | undefined;
  #dormantAt: Zxid | undefined;
  /** A restore is proposed: whatever else is asked is for the next reign. */
  #hasEnded = false;
  /** Answers that wait for a proposal to be committed, oldest first; see #attach and #refuseBehindCommit. */
  #held: HeldAnswer[] = [];

  /** Grants every session its full timeout again: how long it was silent under the last leader is not known. */
  constructor(options: DeskOptions) {
    this.#options = options;
    const { tree, nowMs, znodes = ZNODE_SETTINGS } = options;
    this.#preparer = new Preparer(tree, {
      reconfigure: this.#reconfigure(options),
      znodes,
      warn: (line) => this.#warn(line),
    });
    this.#sessions = new SessionTracker(options);
    this.#storage = new StorageGate(options.storageLimitBytes);
    const propose = (path: string): void => this.#removeIdle(path);
    const isDue = options.hasSlept ?? false;
    this.#containers = new ContainerManager({ tree, settings: znodes, nowMs, propose, isDue });
    this.#nextZxid = options.nextZxid;
    this.#lastPrepared = options.tree.lastApplied;
    this.#nowMs = options.nowMs;
    for (const record of options.tree.sessions.values()) {
      this.#sessions.add(record.id, record.timeoutMs, undefined);
    }
    if (options.hasSlept === true) this.#awake();
  }

  /** The latest permit to stage a restore, once it is committed: see StagedRestore. */
  get restorePermit(): Zxid | undefined {
    const permit = this.#restorePermit;
    const isCommitted = permit !== undefined && compareZxid(permit, this.#options.tree.lastApplied) <= 0;
    return isCommitted && !this.#hasEnded ? permit : undefined;
  }

  /**
   * Permits a restore, or proposes one. A permit is a barrier: who gives it leads still, and later ones are larger.
   * What is proposed is the last that this leader has to say, as behind it is another tree.
   */
  takeRestoreStep(step: RestoreStep, nowMs: number): void {
    if (this.#hasEnded) return;
    this.#nowMs = nowMs;
    const header = { session: 0n, xid: 0, timeMs: nowMs, origin: this.#own() };
    if (step.kind === "permitRestore") {
      this.#append(header, { kind: "barrier", path: "" });
      this.#restorePermit = this.lastPrepared;
    } else if (this.#restorePermit === undefined || equalZxid(this.#restorePermit, step.staged.permit)) {
      this.#append(header, { kind: "restore", staged: step.staged });
      this.#hasEnded = true;
    }
  }

  /** Sessions under watch. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** When its sessions expire: see SessionTracker. */
  expiries(nowMs: number): ReturnType<SessionTracker["expiries"]> {
    return this.#sessions.expiries(nowMs);
  }

  /** What this leader knows of a session; undefined where that is over. */
  explainSession(session: SessionId): TrackedSession | undefined {
    return this.#sessions.explain(session);
  }

  /** Sessions that this leader has expired. */
  get expiredCount(): number {
    return this.#expired;
  }

  /** Sessions that this leader did not let come about. */
  get refusedCount(): number {
    return this.#refused;
  }

  /** The zxid of the latest proposal made here, or, before the first, of the last that is applied. */
  get lastPrepared(): Zxid {
    return this.#lastPrepared;
  }

  /** Takes what a replica, this one included, has to say. */
  handle(
    from: Sid,
    message: Exclude<ToLeader, { readonly kind: "digest" | "unsound" }>,
    nowMs: number,
  ): void {
    if (this.#hasEnded) return;
    this.#nowMs = nowMs;
    switch (message.kind) {
      case "hello":
        this.#sessions.join(from);
        for (const owned of message.owned) this.#claim(owned, from);
        this.#answers.push({ to: from, message: { kind: "welcome", upTo: this.lastPrepared } });
        return;
      case "forward":
        this.#options.tree.prefetch(pathsAsked(message.requests));
        for (const request of message.requests) this.#submit(request);
        return;
      case "attach":
        this.#attach(from, message);
        return;
      case "touched":
        for (const session of message.sessions) this.#sessions.touch(session);
        for (const session of message.dozing ?? []) this.#sessions.doze(session);
        this.#sessions.covered(from, message.polledAtMs);
        this.#noteStorage(from, message.databaseBytes);
        return;
    }
  }

  /** The link to the replica is gone. */
  lost(sid: Sid): void {
    // Another instance of it would take a serial for its own.
    this.#held = this.#held.filter(({ to }) => to !== sid);
    this.#sessions.leave(sid);
    this.#storage.forget(sid);
  }

  /** Lets time pass: sessions silent for too long are closed; replicas are asked whom they heard. */
  tick(nowMs: number): void {
    if (this.#hasEnded) return;
    this.#nowMs = nowMs;
    for (const session of this.#sessions.advance(nowMs)) {
      this.#expired++;
      for (const request of placeholdersOf(this.#options.tree, session)) this.#keepClosed(request);
      this.#propose({
        origin: this.#own(),
        session,
        xid: 0,
        identities: [],
        request: { op: "closeSession" },
      });
    }
    this.#containers.tick(nowMs);
    const { clockMs } = this.#sessions;
    if (clockMs - this.#polledAtMs < SESSION_POLL_INTERVAL_MS) return;
    this.#polledAtMs = clockMs;
    for (const to of this.#sessions.replicas) this.#answers.push({ to, message: { kind: "poll", clockMs } });
  }

  /** Of what an expired session held. */
  #keepClosed(request: TransactRequest): void {
    const session = placeholderSession(this.#nextZxid);
    this.#propose({ origin: this.#own(), session, xid: 0, identities: [SUPER], request });
  }

  #removeIdle(path: string): void {
    const request = { op: "deleteContainer", path } as const;
    this.#propose({ origin: this.#own(), session: NO_SESSION, xid: 0, identities: [], request });
  }

  /** Proposes the dynamic configuration that /zookeeper/config shall show. */
  proposeConfig(data: Uint8Array): void {
    const timeMs = this.#nowMs;
    const txn = this.#preparer.prepareConfig({ zxid: this.#nextZxid, timeMs }, data);
    this.#append({ session: 0n, xid: 0, timeMs, origin: this.#own() }, txn);
  }

  /** Proposes these members, unless others are on their way; the version is the proposal's zxid. */
  takeOver(config: DynamicConfig): void {
    if (this.#proposedConfig !== undefined || this.#hasEnded) return;
    const text = dynamicConfigText({ ...config, version: this.#nextZxid });
    this.proposeConfig(new TextEncoder().encode(text));
  }

  #reconfigure({ reconfig }: DeskOptions): Reconfigure | undefined {
    if (reconfig === undefined) return undefined;
    const isSettled = (): boolean => this.#proposedConfig === undefined && reconfig.isSettled();
    return reconfigureWith({
      isSettled,
      synced: () => reconfig.synced(),
      invite: (sids) => reconfig.invite(sids),
    });
  }

  /** Proposes, once, that the members of this version are settled: they are committed. */
  settle(version: Zxid): void {
    if (this.#hasEnded || (this.#settled !== undefined && equalZxid(this.#settled, version))) return;
    this.#settled = version;
    this.#append({ session: 0n, xid: 0, timeMs: this.#nowMs, origin: this.#own() }, { kind: "settled" });
  }

  /** Before anybody is served: from here on history does not end with the dormant transaction any more. */
  #awake(): void {
    const header = { session: NO_SESSION, xid: 0, timeMs: this.#nowMs, origin: this.#own() };
    this.#append(header, { kind: "barrier", path: "" });
  }

  /** Whether a session whose client dozes owns something: others wait for its end, so its time counts. */
  get hasDozingOwners(): boolean {
    return this.#sessions.dozing.some((session) => this.#options.tree.ephemeralsOf(session).length > 0);
  }

  /** How long sessions may be silent from now on, but for those whose clients doze. */
  get sessionsLeft(): readonly SessionLeft[] {
    return this.#sessions.left();
  }

  /** Whether everything proposed is applied, and nothing is being looked for. */
  get isIdle(): boolean {
    return equalZxid(this.#lastPrepared, this.#options.tree.lastApplied) && !this.#containers.isSweeping;
  }

  /** Whether the ensemble is told to sleep, and nothing was proposed since. */
  get isFallingAsleep(): boolean {
    return this.#dormantAt !== undefined && equalZxid(this.#dormantAt, this.#lastPrepared);
  }

  /** Proposes that the ensemble sleeps. */
  fallAsleep(sessions: readonly SessionLeft[], wakeInMs: number | undefined): void {
    const header = { session: NO_SESSION, xid: 0, timeMs: this.#nowMs, origin: this.#own() };
    this.#append(header, { kind: "dormant", horizonMs: this.#sessions.horizonMs, wakeInMs, sessions });
    this.#dormantAt = this.#lastPrepared;
  }

  /** It was told to, and does not. */
  stayAwake(): void {
    this.#dormantAt = undefined;
  }

  /** The ensemble has slept for so long: sessions that were not heard of since have left what they had. */
  resumeSessions(sessions: readonly SessionLeft[], sleptMs: number): void {
    for (const session of sessions) this.#sessions.resume(session, sleptMs);
  }

  /** A proposal was applied to the tree. */
  applied(zxid: Zxid, header: TxnHeader, txn: Txn): void {
    this.#preparer.applied(zxid);
    this.#answerUpTo(zxid);
    const isLatestConfig = this.#proposedConfig !== undefined && equalZxid(zxid, this.#proposedConfig);
    if (isLatestConfig) this.#proposedConfig = undefined;
    if (txn.kind === "createSession" || txn.kind === "sessionMulti") this.#creating.delete(header.session);
  }

  /** The proposals made since the last call, in order. */
  takeProposals(): readonly Proposal[] {
    const taken = this.#proposals;
    if (taken.length > 0) this.#proposals = [];
    return taken;
  }

  /** The answers made since the last call, in order. */
  takeAnswers(): readonly Addressed[] {
    const taken = this.#answers;
    if (taken.length > 0) this.#answers = [];
    return taken;
  }

  #own(): Origin {
    return { sid: this.#options.sid, instance: this.#options.instance, serial: 0 };
  }

  #claim(owned: OwnedSession, from: Sid): void {
    const before = this.#sessions.ownerOf(owned.session);
    if (this.#sessions.claim(owned, from)) {
      if (before !== undefined && before !== from) this.#moved(before, owned);
    } else {
      // Closed meanwhile, or attached elsewhere since: that connection must not go on.
      const generation = this.#sessions.has(owned.session)
        ? this.#sessions.generationOf(owned.session)
        : { epoch: owned.generation.epoch, counter: owned.generation.counter + 1 };
      this.#moved(from, { ...owned, generation });
    }
  }

  #moved(to: Sid, owned: OwnedSession): void {
    const { session, generation } = owned;
    this.#answers.push({ to, message: { kind: "moved", session, generation } });
  }

  #attach(from: Sid, message: ToLeader & { readonly kind: "attach" }): void {
    const { serial, session, timeoutMs } = message;
    const password = this.#options.tree.sessions.get(session)?.password ?? this.#creating.get(session);
    if (password === undefined || !this.#sessions.has(session)) return this.#refuseBehindCommit(from, serial);
    if (!equalBytes(password, message.password)) {
      this.#answers.push({ to: from, message: { kind: "refused", serial } });
      return;
    }
    const owned: OwnedSession = { session, generation: this.#nextZxid, timeoutMs };
    // Through the log, before all that comes by the new connection: a replica that was cut off learns of it before it
    // may forward again what an older connection left waiting, whoever leads then.
    const header = { session, xid: 0, timeMs: this.#nowMs, origin: this.#own() };
    this.#append(header, { kind: "barrier", path: "" });
    const before = this.#sessions.attach(owned, from);
    if (before !== undefined && before !== from) this.#moved(before, owned);
    // And answered once that is committed: when this leader was replaced and has not noticed, the next one hears
    // nothing of the client, and may expire the session before the time that the client was promised is over.
    const { generation } = owned;
    const answer: FromLeader = { kind: "attached", serial, generation, timeoutMs };
    this.#held.push({ at: generation, to: from, message: answer, owned });
  }

  /**
   * A session that is not known here may live: when this leader was replaced and has not noticed, the next one makes
   * sessions too, and what this one has closed is not closed. So nobody is told that a session is over before something
   * proposed after the question is committed.
   */
  #refuseBehindCommit(to: Sid, serial: number): void {
    if (this.#proposals.length === 0) {
      const header = { session: 0n, xid: 0, timeMs: this.#nowMs, origin: this.#own() };
      this.#append(header, { kind: "barrier", path: "" });
    }
    this.#held.push({ at: this.lastPrepared, to, message: { kind: "refused", serial } });
  }

  #answerUpTo(zxid: Zxid): void {
    if (this.#held.length === 0) return;
    const waiting = this.#held.findIndex(({ at }) => compareZxid(at, zxid) > 0);
    const due = this.#held.splice(0, waiting < 0 ? this.#held.length : waiting);
    for (const { to, message, owned } of due) {
      if (owned === undefined || this.#isLatest(owned)) this.#answers.push({ to, message });
    }
  }

  /** Whether no other connection of the session has come since, nor its end: then nobody waits for this one. */
  #isLatest({ session, generation }: OwnedSession): boolean {
    return this.#sessions.has(session) && equalZxid(this.#sessions.generationOf(session), generation);
  }

  #submit(forwarded: ForwardedRequest): void {
    const { request, session, generation } = forwarded;
    if (request.op === "createSession" || (request.op === "transact" && request.newSession !== undefined)) {
      if (this.#refusesSession()) {
        // Its replica closes the connection, as of any session that could not be made.
        this.#append(this.#header(forwarded), { kind: "error", code: ERROR_CODES.quotaExceeded });
        return;
      }
    } else {
      // By connection, not by replica: the session may be back at one where an older connection of it still is.
      if (compareZxid(generation, this.#sessions.generationOf(session)) < 0) {
        this.#append(this.#header(forwarded), { kind: "error", code: ERROR_CODES.sessionMoved });
        return;
      }
      this.#sessions.touch(session);
    }
    if (this.#storage.refuses(request)) {
      this.#append(this.#header(forwarded), { kind: "error", code: ERROR_CODES.quotaExceeded });
    } else this.#propose(forwarded);
  }

  #refusesSession(): boolean {
    const { sessionsMax = SESSIONS_MAX } = this.#options;
    if (this.#sessions.size < sessionsMax) return false;
    this.#refused++;
    const last = this.#lastRefusalMs;
    if (last === undefined || this.#nowMs - last >= REFUSAL_LOG_INTERVAL_MS) {
      this.#lastRefusalMs = this.#nowMs;
      const count = `${this.#refused} so far`;
      this.#options.log("session", `a new one is refused (${count}): there are ${sessionsMax} sessions`);
    }
    return true;
  }

  /** Of quotas that are exceeded: each write may be one. */
  #warn(line: string): void {
    const last = this.#lastWarningMs;
    if (last !== undefined && this.#nowMs - last >= 0 && this.#nowMs - last < REFUSAL_LOG_INTERVAL_MS) return;
    this.#lastWarningMs = this.#nowMs;
    this.#options.log("quota", line);
  }

  #noteStorage(from: Sid, bytes: number): void {
    const notice = this.#storage.report(from, bytes);
    if (notice !== undefined) this.#options.log("storage", notice);
  }

  #header(forwarded: Omit<ForwardedRequest, "generation">): TxnHeader {
    const { session, xid, origin } = forwarded;
    return { session, xid, timeMs: this.#nowMs, origin };
  }

  #propose(forwarded: Omit<ForwardedRequest, "generation">): void {
    const request: WriteRequest = forwarded.request;
    const txn = this.#preparer.prepare({
      zxid: this.#nextZxid,
      session: forwarded.session,
      timeMs: this.#nowMs,
      identities: forwarded.identities,
      request,
    });
    // From here on the session is over for the leader, though its ephemerals go when this is delivered.
    if (txn.kind === "closeSession") this.#sessions.remove(forwarded.session);
    if (txn.kind === "createSession" || txn.kind === "sessionMulti") {
      this.#creating.set(forwarded.session, txn.password);
      this.#sessions.add(forwarded.session, txn.timeoutMs, forwarded.origin.sid);
    }
    this.#append(this.#header(forwarded), txn);
  }

  #append(header: TxnHeader, txn: Txn): void {
    assert(!this.#hasEnded, "nothing is proposed behind a restore");
    encodeTxn(this.#writer, header, txn);
    if (txn.kind === "config") this.#proposedConfig = this.#nextZxid;
    const payload = this.#slab.copy(this.#writer.view(), 0, this.#writer.length);
    this.#writer.clear();
    this.#proposals.push(new KnownProposal(this.#nextZxid, payload, { header, txn }));
    this.#lastPrepared = this.#nextZxid;
    this.#nextZxid = { epoch: this.#nextZxid.epoch, counter: this.#nextZxid.counter + 1 };
  }
}
