/**
 * A run made by hand, event by event, as invariants see it: replicas whose histories, trees and disks do exactly what a
 * test says, right or wrong. Nothing of the product decides anything here, but trees are real.
 */
import { must } from "../../../src/base/assert.ts";
import type { SessionId, Sid } from "../../../src/base/ids.ts";
import type { Txn, TxnHeader } from "../../../src/base/txn.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { encodeConnectResponse } from "../../../src/jute/handshake.ts";
import { encodeReply } from "../../../src/jute/responses.ts";
import { decodeTxn, encodeTxn } from "../../../src/jute/txn.ts";
import type { KeeperInput } from "../../../src/keeper/keeper-input.ts";
import { encodeLinkMessage } from "../../../src/keeper/link-codec.ts";
import type { Action, Turn } from "../../../src/keeper/turn.ts";
import { DIGEST_ZERO } from "../../../src/tree/digest.ts";
import { MapNodeStore } from "../../../src/tree/node-store.ts";
import { SessionTable } from "../../../src/tree/session-table.ts";
import { Tree } from "../../../src/tree/tree.ts";
import type { PeerStart } from "../../../src/zab/config.ts";
import type { PeerWrite } from "../../../src/zab/effects.ts";
import type { Proposal, ZabMessage } from "../../../src/zab/message.ts";
import type { DiskView } from "../../../src/world/observer.ts";
import { invariants, type Judgement } from "./invariants.ts";
import type { Watched, WatchedWorld } from "./view.ts";

/** What a disk holds. */
export interface DiskContent {
  acceptedEpoch: number;
  currentEpoch: number;
  /** The history is complete from here on. */
  base: Zxid;
  log: Proposal[];
  lastDelivered: Zxid;
  /** What the tree was made of. */
  applied: Proposal[];
}

/** One start. Tests may change what it holds as they please. */
export class Actor implements Watched {
  readonly sid: Sid;
  readonly name: string;
  readonly instance: number;
  isSuperseded = false;
  readonly keeper: { serving: boolean } = { serving: true };
  tree: Tree;
  readonly start: PeerStart;
  /** In memory. */
  held: DiskContent;

  constructor(sid: Sid, instance: number, found: DiskContent) {
    this.sid = sid;
    this.instance = instance;
    this.name = `${sid}#${instance}`;
    const { acceptedEpoch, currentEpoch, lastDelivered } = found;
    this.start = { instance, acceptedEpoch, currentEpoch, lastDelivered, epochFloor: 0, isDiverged: false };
    this.held = structuredClone(found);
    this.tree = treeOf(found.applied);
  }

  /** The tree becomes what was made of `held.applied`. */
  rebuild(): void {
    this.tree = treeOf(this.held.applied);
  }

  get written(): Zxid {
    return this.held.lastDelivered;
  }

  readLog(after: Zxid, upTo: Zxid): readonly Proposal[] {
    return this.held.log.filter(({ zxid }) => compareZxid(zxid, after) > 0 && compareZxid(zxid, upTo) <= 0);
  }
}

/** See the file's comment. */
export class Script implements WatchedWorld {
  nowMs = 0;
  moment = 0;
  readonly sids: readonly Sid[];
  readonly voters: readonly Sid[];
  readonly judgement: Judgement;
  readonly #actors = new Map<Sid, Actor>();
  readonly #durable = new Map<Sid, DiskContent>();
  readonly #visible = new Map<Sid, DiskContent>();
  readonly #instances = new Map<Sid, number>();
  readonly #damaged = new Set<Sid>();
  #serials = 0;

  /** Of `spares` more replicas nobody is a member. */
  constructor(voters = 3, spares = 0) {
    this.sids = Array.from({ length: voters + spares }, (_, index) => index + 1);
    this.voters = this.sids.slice(0, voters);
    this.judgement = invariants(this);
  }

  machines(): Iterable<Actor> {
    return this.#actors.values();
  }

  disk(sid: Sid): DiskView {
    const { acceptedEpoch, currentEpoch, base, lastDelivered, log } = this.durable(sid);
    const last = log.at(-1)?.zxid ?? base;
    const isDamaged = this.#damaged.has(sid);
    const durable = { acceptedEpoch, currentEpoch, base, last, lastDelivered, isDamaged };
    return { sid, durable, visible: durable };
  }

  /** The replica's present start. */
  actor(sid: Sid): Actor {
    return must(this.#actors.get(sid), `replica ${sid} is up`);
  }

  /** What is durable; a test may change it. */
  durable(sid: Sid): DiskContent {
    const known = this.#durable.get(sid);
    if (known !== undefined) return known;
    const zxids = { base: ZXID_ZERO, lastDelivered: ZXID_ZERO };
    const empty: DiskContent = { acceptedEpoch: 0, currentEpoch: 0, ...zxids, log: [], applied: [] };
    this.#durable.set(sid, empty);
    return empty;
  }

  /** Time passes. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.moment = this.nowMs;
  }

  /** A replica starts from what is durable. */
  start(sid: Sid, instance: number = (this.#instances.get(sid) ?? 0) + 1): Actor {
    const actor = new Actor(sid, instance, this.durable(sid));
    this.#instances.set(sid, Math.max(instance, this.#instances.get(sid) ?? 0));
    this.#actors.set(sid, actor);
    this.#visible.delete(sid);
    this.judgement.observer.started(actor);
    return actor;
  }

  /** Power fails: what is not durable is lost. */
  crash(sid: Sid): void {
    const actor = this.actor(sid);
    this.#actors.delete(sid);
    this.judgement.observer.died(actor, "power");
  }

  /** The replica is let go by the membership of this version. */
  letGo(sid: Sid, version: Zxid): void {
    this.judgement.observer.removed(this.actor(sid), { version, members: new Uint8Array(0) });
  }

  /** The disk is lost. */
  wipe(sid: Sid): void {
    this.#durable.delete(sid);
    this.judgement.observer.lostDisk(sid, "wipe");
  }

  /** The power fails, and the disk is damaged; the replica starts again. */
  damage(sid: Sid): Actor {
    this.crash(sid);
    this.#damaged.add(sid);
    this.judgement.observer.lostDisk(sid, "corrupt");
    return this.start(sid);
  }

  /** A turn: in memory, then handed to the disk, which finishes it at once unless `isSlow`. */
  turn(
    sid: Sid,
    did: {
      readonly writes?: readonly PeerWrite[];
      readonly after?: readonly Action[];
      readonly upTo?: Zxid;
      readonly input?: KeeperInput;
      readonly isSlow?: boolean;
    } & Partial<Pick<Turn, "sleep" | "parked">>,
  ): void {
    this.#turn(this.actor(sid), did);
  }

  #turn(actor: Actor, did: Parameters<Script["turn"]>[1]): void {
    const { writes = [], after = [], upTo, input = { kind: "tick" }, isSlow = false } = did;
    const { sleep, parked = [] } = did;
    const { held } = actor;
    for (const write of writes) applyWrite(held, write);
    if (upTo !== undefined) {
      for (const proposal of held.log) {
        const isNew = compareZxid(proposal.zxid, actor.tree.lastApplied) > 0;
        if (!isNew || compareZxid(proposal.zxid, upTo) > 0) continue;
        applyTo(actor.tree, proposal);
        held.applied.push(proposal);
      }
      held.lastDelivered = actor.tree.lastApplied;
    }
    const { observer } = this.judgement;
    const turn: Turn = {
      free: [],
      writes,
      after,
      more: false,
      restart: false,
      removal: undefined,
      sleep,
      parked,
    };
    observer.stepped(actor, input, turn);
    if (writes.length === 0) return;
    if (writes.some(({ kind }) => kind === "install")) this.#damaged.delete(actor.sid);
    if (!actor.isSuperseded) this.#visible.set(actor.sid, structuredClone(held));
    observer.wrote(actor, writes);
    if (!isSlow) this.sync(actor.sid);
  }

  /** All that was written is durable. */
  sync(sid: Sid): void {
    const visible = this.#visible.get(sid);
    if (visible !== undefined) this.#durable.set(sid, structuredClone(visible));
    this.judgement.observer.synced(sid);
  }

  /** A voter promises an epoch to a leader; gives the frame that says so. */
  promise(sid: Sid, epoch: number, leader: Sid, isSlow = false): Uint8Array {
    const { currentEpoch } = this.actor(sid).held;
    const link = this.nowMs + leader;
    this.turn(sid, { input: { kind: "linkOpened", link, sid: leader, role: "to-leader" } });
    const message: ZabMessage = {
      kind: "ackEpoch",
      promised: true,
      currentEpoch,
      history: { last: ZXID_ZERO, epochEnds: [] },
      voice: "full",
      lastDelivered: ZXID_ZERO,
    };
    const bytes = encodeLinkMessage({ kind: "zab", message });
    this.turn(sid, {
      writes: [{ kind: "epochs", acceptedEpoch: epoch, currentEpoch }],
      after: [{ kind: "linkSend", link, bytes }],
      isSlow,
    });
    return bytes;
  }

  /** The replica enters the epoch, by default as its leader in broadcast. */
  enter(
    sid: Sid,
    epoch: number,
    stage: "following" | "synchronization" | "broadcast" = "broadcast",
    isSlow = false,
  ): void {
    const isLeader = stage !== "following";
    const lines = isLeader ? ["leading synchronization"] : [];
    if (stage === "broadcast") lines.push("leading broadcast");
    this.turn(sid, {
      writes: [{ kind: "epochs", acceptedEpoch: epoch, currentEpoch: epoch }],
      after: lines.map((text) => ({ kind: "log", line: `main/${sid} phase ${text}` })),
      isSlow,
    });
  }

  /** The leader looks again. */
  resign(sid: Sid): void {
    this.turn(sid, { after: [{ kind: "log", line: `main/${sid} phase looking: it says so` }] });
  }

  /** All that are up enter an epoch behind a leader. */
  reign(leader: Sid, epoch: number): void {
    for (const sid of this.#others(leader)) this.promise(sid, epoch, leader);
    this.enter(leader, epoch);
    for (const sid of this.#others(leader)) this.enter(sid, epoch, "following");
  }

  #others(leader: Sid): readonly Sid[] {
    return [...this.#actors.keys()].filter((sid) => sid !== leader);
  }

  /** A proposal with the next zxid of the epoch at the replica, accepted by nobody yet. */
  next(sid: Sid, epoch: number, txn: Txn = { kind: "barrier", path: "" }, session: SessionId = 0n): Proposal {
    const { log, base } = this.actor(sid).held;
    const last = log.at(-1)?.zxid ?? base;
    const counter = last.epoch === epoch ? last.counter + 1 : 1;
    return this.proposal({ epoch, counter }, txn, session, sid);
  }

  /** A proposal unlike any other; where an origin is given, of a client's request 7. */
  proposal(
    zxid: Zxid,
    txn: Txn = { kind: "barrier", path: "" },
    session: SessionId = 0n,
    origin: Sid = 0,
  ): Proposal {
    const serial = txn.kind === "closeSession" ? 0 : ++this.#serials;
    const header = { session, xid: 7, timeMs: zxid.counter, origin: { sid: origin, instance: 1, serial } };
    return proposalOf(zxid, header, txn);
  }

  /** The next proposal of a leader that attaches the session's client. */
  attachment(sid: Sid, epoch: number, session: SessionId): Proposal {
    const { zxid } = this.next(sid, epoch);
    const origin = { sid, instance: 1, serial: 0 };
    return proposalOf(zxid, { session, xid: 0, timeMs: 0, origin }, { kind: "barrier", path: "" });
  }

  /** The replica accepts these. */
  append(sid: Sid, ...proposals: readonly Proposal[]): void {
    this.turn(sid, { writes: [{ kind: "append", proposals }] });
  }

  /** All that are up have it, from the leader on, and deliver it. */
  commit(leader: Sid, proposal: Proposal): void {
    this.append(leader, proposal);
    for (const sid of this.#others(leader)) this.append(sid, proposal);
    for (const sid of this.#actors.keys()) this.turn(sid, { upTo: proposal.zxid });
  }

  /** A client's connection is told that a session is its. */
  welcome(sid: Sid, session: SessionId, timeoutMs: number): void {
    const writer = new JuteWriter();
    const password = new Uint8Array(16);
    const response = { protocolVersion: 0, timeoutMs, sessionId: session, password, readOnly: false };
    encodeConnectResponse(writer, response);
    this.judgement.observer.toldClient(this.actor(sid), 1, writer.take());
  }

  /** A reply leaves for the client of that connection: with xid 7 for what it wrote, with another for what it read. */
  reply(sid: Sid, zxid: Zxid, xid = 7): void {
    const writer = new JuteWriter();
    encodeReply(writer, { xid, zxid, error: 0 }, { op: "empty" });
    this.judgement.observer.toldClient(this.actor(sid), 1, writer.take());
  }

  /** A message of Zab leaves for another replica. */
  send(sid: Sid, to: Sid, message: ZabMessage): void {
    const bytes = encodeLinkMessage({ kind: "zab", message });
    this.judgement.observer.sentFrame(this.actor(sid), to, bytes);
  }

  /** The replica falls asleep at what it delivered last, over the client of its connection. */
  fallAsleep(sid: Sid, owned: { readonly session: SessionId; readonly timeoutMs: number }): void {
    const { lastApplied: zxid } = this.actor(sid).tree;
    const { nowMs } = this;
    const parked = [{ ...owned, connection: 1, generation: ZXID_ZERO, sinceMs: nowMs }];
    this.turn(sid, { sleep: { zxid, sleptAtMs: nowMs, wakeAtMs: undefined }, parked });
  }

  /** The runtime answers the ping of that client. */
  pong(sid: Sid): void {
    this.judgement.observer.ponged(this.actor(sid), 1, undefined);
  }

  /** The client of a replica's connection says something. */
  hear(sid: Sid): void {
    this.turn(sid, {
      input: { kind: "clientBytes", received: [{ connection: 1, bytes: new Uint8Array(4) }] },
    });
  }
}

function treeOf(proposals: readonly Proposal[]): Tree {
  const tree = new Tree({
    store: new MapNodeStore(),
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied: ZXID_ZERO,
  });
  for (const proposal of proposals) applyTo(tree, proposal);
  return tree;
}

function proposalOf(zxid: Zxid, header: TxnHeader, txn: Txn): Proposal {
  const writer = new JuteWriter();
  encodeTxn(writer, header, txn);
  return { zxid, payload: writer.take() };
}

function applyTo(tree: Tree, { zxid, payload }: Proposal): void {
  const { header, txn } = decodeTxn(payload);
  tree.apply(zxid, header, txn);
}

function applyWrite(held: DiskContent, write: PeerWrite): void {
  switch (write.kind) {
    case "append":
      held.log.push(...write.proposals);
      return;
    case "truncate":
      held.log = held.log.filter(({ zxid }) => compareZxid(zxid, write.after) <= 0);
      return;
    case "epochs":
      held.acceptedEpoch = write.acceptedEpoch;
      held.currentEpoch = write.currentEpoch;
      return;
    case "install":
      held.base = held.lastDelivered = write.last;
      held.log = [];
      return;
    case "restore":
    case "diverged":
      return;
  }
}
