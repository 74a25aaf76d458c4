/**
 * What a replica does because it leads, beside Zab: it keeps the desk, hears what replicas say, compares their digests
 * and calls those that are away. One a replica; it is open while the desk is.
 */
import type { Sid } from "../base/ids.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import type { Tree } from "../tree/tree.ts";
import { ZNODE_SETTINGS } from "../base/znode-settings.ts";
import { DEFAULT_TIMING, type LogReader } from "../zab/config.ts";
import { QuietReports, wakeIn, Waking } from "./bedtime.ts";
import type { KeeperConfig } from "./config.ts";
import { configText, sameBytes } from "./config-node.ts";
import type { DigestAt, Digests } from "./digests.ts";
import { dormantAtEnd } from "./dormancy.ts";
import { readDynamicConfig } from "./dynamic-config.ts";
import { LeaderDesk } from "./leader-desk.ts";
import { DORMANT_SETTLE_MS, MISSING_CALL_INTERVAL_MS } from "./limits.ts";
import type { FromLeader, SleptThrough, ToLeader } from "./link-message.ts";
import { isTakenOver, membershipIn } from "./membership-change.ts";
import type { PeerHost } from "./peer-host.ts";

/** What a reign needs of its keeper. */
export interface ReignContext {
  readonly config: KeeperConfig;
  readonly instance: number;
  readonly tree: Tree;
  readonly log: LogReader;
  readonly digests: Digests;
  readonly host: PeerHost;
  /** The leader's word for a replica, itself included. */
  answer(to: Sid, message: FromLeader): void;
  /** An election notification for a replica that has no link to us. */
  call(to: Sid): void;
  tell(event: string, fields: string): void;
}

/** See the file's comment. */
export class Reign {
  readonly #context: ReignContext;
  #desk: LeaderDesk | undefined;
  #lastCallMs = 0;
  #openedMs = 0;
  #quiet = new QuietReports();
  /** Until all have told how they slept, where the ensemble did. */
  #waking: Waking | undefined;
  /** What replicas said to this leader, kept until all that is committed is applied here. */
  #inbox: { readonly from: Sid; readonly message: Exclude<ToLeader, { readonly kind: "unsound" }> }[] = [];

  constructor(context: ReignContext) {
    this.#context = context;
  }

  get #graceMs(): number {
    return this.#context.config.timing?.heartbeatLimitMs ?? DEFAULT_TIMING.heartbeatLimitMs;
  }

  /** The desk, while it is open. */
  get desk(): LeaderDesk | undefined {
    return this.#desk;
  }

  /** Begins: this replica leads in broadcast and has applied all that is committed. */
  open(nowMs: number, clockMs: number): void {
    const dormant = dormantAtEnd(this.#context.log, this.#context.tree);
    this.#openedMs = clockMs;
    this.#quiet = new QuietReports();
    this.#waking = dormant && new Waking(dormant);
    const { config, instance, tree, host, digests } = this.#context;
    const desk = new LeaderDesk({
      sid: config.sid,
      instance,
      tree,
      nextZxid: host.nextZxid,
      storageLimitBytes: config.storageLimitBytes,
      sessionsMax: config.sessionsMax,
      reconfig: config.reconfigEnabled ? host.reconfig : undefined,
      znodes: config.znodes,
      log: (event, fields) => this.#context.tell(event, fields),
      hasSlept: dormant !== undefined,
      nowMs,
      lostGraceMs: this.#graceMs,
    });
    this.#desk = desk;
    digests.openAudit();
    const text = configText(config);
    const { data = null } = tree.get(CONFIG_PATH) ?? {};
    // Once a client has changed the members, the deployment has no say in it.
    const isOfDeployment = data === null || data.length === 0 || membershipIn(data) === undefined;
    if (isOfDeployment && !sameBytes(text, data)) desk.proposeConfig(text);
  }

  /** Ends: another may lead. */
  close(): void {
    this.#desk = undefined;
    this.#context.digests.closeAudit();
  }

  /** What was said to this leader and not read yet is void. */
  forget(): void {
    this.#inbox = [];
  }

  /**
   * A replica, this one included, says something; it is read when all that is committed is applied. But a leader whose
   * own tree is wrong must know before it serves: those that refuse its snapshot may be the quorum that it waits for.
   */
  hear(from: Sid, message: ToLeader, clockMs: number): void {
    if (message.kind === "unsound") this.#recount(from, message.reason, clockMs);
    else this.#inbox.push({ from, message });
  }

  /** Lets time pass: `nowMs` of the replica's clock, `clockMs` of the one that never goes back. */
  tick(nowMs: number, clockMs: number): void {
    // Word of living sessions may be among what waits: nothing expires before it is heard.
    if (this.#inbox.length === 0) this.#desk?.tick(nowMs);
    this.#callMissing(clockMs);
    this.#maybeFallAsleep(nowMs, clockMs);
  }

  /** Nobody wants anything, everything is done, and it is worth it. */
  #maybeFallAsleep(nowMs: number, clockMs: number): void {
    const { config, host, tree } = this.#context;
    const { dormancy, znodes = ZNODE_SETTINGS } = config;
    const desk = this.#desk;
    if (dormancy === undefined || desk === undefined || clockMs - this.#openedMs < DORMANT_SETTLE_MS) return;
    if (!this.#quiet.areQuiet(host.members, dormancy.afterMs, clockMs) || this.#inbox.length > 0) return;
    if (!desk.isIdle || desk.isFallingAsleep || !host.isLevel || host.missing.length > 0) return;
    const sessions = desk.sessionsLeft;
    const wakeInMs = wakeIn(dormancy, { sessions, tree, znodes, nowMs, graceMs: this.#graceMs });
    if (wakeInMs === "awake" || desk.hasDozingOwners) return;
    const text =
      wakeInMs === undefined ? "until it is asked" : `for ${Math.round(wakeInMs / 1000)} s at most`;
    this.#context.tell("dormant", `nobody wants anything: the ensemble sleeps ${text}`);
    desk.fallAsleep(sessions, wakeInMs);
  }

  /** Says that the members are settled, once that is due. */
  settle(): void {
    const { host } = this.#context;
    if (host.isSettlingDue) this.#desk?.settle(host.membership.current.version);
    this.#maybeTakeOver();
  }

  /** An operator's word counts for one version of the members: what is proposed here ends it, whoever repeats it. */
  #maybeTakeOver(): void {
    const { config, tree, host } = this.#context;
    if (config.votersBefore?.version === undefined || this.#desk === undefined) return;
    const known = membershipIn(tree.get(CONFIG_PATH)?.data ?? new Uint8Array());
    if (known === undefined || !isTakenOver(known, config.votersBefore) || !host.membership.isSettled) return;
    this.#desk.takeOver(readDynamicConfig(new TextDecoder().decode(configText(config))));
  }

  /** The link to the replica is gone. */
  lost(sid: Sid): void {
    this.#desk?.lost(sid);
    this.#context.digests.lost(sid);
    this.#quiet.lost(sid);
    // It may have served since it told how it slept, and whom it heard is lost with it.
    if (this.#waking?.has(sid) === true) this.#waking = undefined;
  }

  /**
   * A replica that died without clients is started by nobody: the object comes to life with the first event. So the
   * leader calls those that have no link to it.
   */
  #callMissing(clockMs: number): void {
    // Those that have fallen asleep are not missed.
    if (this.#desk === undefined || this.#desk.isFallingAsleep) return;
    if (clockMs - this.#lastCallMs < MISSING_CALL_INTERVAL_MS) return;
    this.#lastCallMs = clockMs;
    for (const to of this.#context.host.missing) this.#context.call(to);
  }

  /**
   * What replicas, this one included, said to this leader; whether there was anything. The caller has applied all that
   * is committed: a replica that is further may speak of sessions that are not in the tree here yet, and a hello may
   * come before the desk is open.
   */
  readInbox(nowMs: number, clockMs: number): boolean {
    if (this.#desk === undefined || this.#inbox.length === 0) return false;
    const messages = this.#inbox;
    this.#inbox = [];
    for (const { from, message } of messages) {
      if (message.kind === "digest") {
        this.#compareDigests(from, message, clockMs);
        continue;
      }
      this.#desk?.handle(from, message, nowMs);
      if (message.kind === "touched") this.#quiet.heard(from, message.quietMs, clockMs);
      else if (message.kind === "hello") this.#heardHowItSlept(from, message.slept);
    }
    return true;
  }

  #heardHowItSlept(from: Sid, slept: SleptThrough | undefined): void {
    const waking = this.#waking;
    waking?.heard(from, slept);
    const sleptMs = waking?.sleptMs(this.#context.host.members);
    if (waking === undefined || sleptMs === undefined) return;
    this.#waking = undefined;
    this.#desk?.resumeSessions(waking.sessions, sleptMs);
    this.#context.tell("dormant", `no more: all have slept for ${Math.round(sleptMs / 1000)} s`);
  }

  /** Whoever differs from a quorum, this leader included, takes no part until a snapshot replaced its tree. */
  #compareDigests(from: Sid, told: DigestAt, clockMs: number): void {
    const verdict = this.#context.digests.hear(from, told, clockMs);
    if (verdict === undefined) return;
    this.#context.tell("DIGESTS DIFFER", verdict.difference);
    for (const sid of verdict.diverged) this.#context.answer(sid, { kind: "diverged", at: told.zxid });
  }

  /** A learner refused what it was sent: this leader takes no part where it is its own tree that is wrong. */
  #recount(from: Sid, reason: string, clockMs: number): void {
    const { digests, host } = this.#context;
    const isUnsound = digests.isUnsound(clockMs);
    this.#context.tell(isUnsound ? "OWN TREE IS WRONG" : "snapshot", `refused by ${from}: ${reason}`);
    if (isUnsound) host.step({ kind: "diverged" });
  }
}
