/**
 * Judges a simulated run after each of its events, by the invariants of names.ts. What a run did so far is kept in
 * forms that each event changes a little: histories as one tree, disks as images, each start with what it holds back.
 * Nothing here scans the run but what a failure is told with, and the end.
 */
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import type { SessionId, Sid } from "../../../src/base/ids.ts";
import type { CallAnswer } from "../../../src/keeper/call.ts";
import type { ConnectionId } from "../../../src/keeper/connection.ts";
import type { KeeperInput } from "../../../src/keeper/keeper-input.ts";
import type { Removal, Turn } from "../../../src/keeper/turn.ts";
import { DEFAULT_TIMING } from "../../../src/zab/config.ts";
import type { PeerWrite } from "../../../src/zab/effects.ts";
import type { Proposal } from "../../../src/zab/message.ts";
import type { Committed } from "../history/types.ts";
import type { Fault } from "../../../src/world/fault.ts";
import { judgeBedtime } from "./bedtime.ts";
import { ClientStreams } from "./client-streams.ts";
import { ClientWords } from "./client-words.ts";
import { DigestBook } from "./digests.ts";
import { DiskModel, type Image } from "./disks.ts";
import { Durability } from "./durability.ts";
import { type Entry, Histories } from "./histories.ts";
import { readFrame } from "./link-frames.ts";
import { Memberships } from "./memberships.ts";
import { Run } from "./runs.ts";
import { Said } from "./said.ts";
import { SessionWatch } from "./sessions.ts";
import { broken, demand, type Watched, type WatchedWorld } from "./view.ts";
import { Votes } from "./votes.ts";
import { ZabNine } from "./zab-nine.ts";

/** What the judgement depends on besides the world. */
export interface InvariantOptions {
  /** As the replicas are configured. */
  readonly heartbeatLimitMs?: number;
}

/** How much was judged, so that a run in which nothing happened is not taken for a good one. */
export interface InvariantCounts {
  steps: number;
  starts: number;
  deliveries: number;
  broadcasts: number;
  reigns: number;
  promises: number;
  acknowledgements: number;
  reveals: number;
  expiries: number;
}

/** Beyond every zxid. */
const ZXID_MAX = { epoch: Number.MAX_SAFE_INTEGER, counter: 0 };

/** How the keeper tells of its phase in the log. */
const PHASE_LINE = /^\S+ phase (\w+)(?: (\w+))?/;

/** A WorldObserver that needs to see less than there is. */
export interface Watching {
  started(machine: Watched): void;
  stepped(machine: Watched, input: KeeperInput, turn: Turn): void;
  wrote(machine: Watched, writes: readonly PeerWrite[]): void;
  removed(machine: Watched, removal: Removal): void;
  synced(sid: Sid): void;
  toldClient(machine: Watched, connection: ConnectionId, bytes: Uint8Array): void;
  ponged(machine: Watched, connection: ConnectionId, parked: SessionId | undefined): void;
  toldCaller(machine: Watched, answer: CallAnswer): void;
  sentFrame(machine: Watched, to: Sid, bytes: Uint8Array): void;
  died(machine: Watched, why: string): void;
  lostDisk(sid: Sid, kind: "wipe" | "corrupt"): void;
  fault(fault: Fault, stage: "begins" | "ends"): void;
}

/** The judgement of one run. */
export interface Judgement {
  readonly observer: Watching;
  readonly counts: Readonly<InvariantCounts>;
  /** What was committed, in order, with the moment when it was first delivered. */
  committed(): readonly Committed[];
  /** Judges the end of the run: faults are over, and all replicas had time to catch up. Throws a Violation. */
  finish(): void;
}

/** Watches this world: its observer throws a Violation under the name of what an event has broken. */
export function invariants(world: WatchedWorld, options: InvariantOptions = {}): Judgement {
  const watch = new Watch(world, options);
  return {
    observer: watch,
    counts: watch.counts,
    committed: () => watch.committed,
    finish: () => watch.finish(),
  };
}

/** See the file's comment. */
class Watch implements Watching {
  readonly counts: InvariantCounts = {
    steps: 0,
    starts: 0,
    deliveries: 0,
    broadcasts: 0,
    reigns: 0,
    promises: 0,
    acknowledgements: 0,
    reveals: 0,
    expiries: 0,
  };
  readonly #world: WatchedWorld;
  readonly #histories = new Histories();
  readonly #disks = new Map<Sid, DiskModel>();
  readonly #runs = new Map<string, Run>();
  readonly #nine = new ZabNine(this.#histories);
  readonly #memberships: Memberships;
  readonly #votes: Votes;
  readonly #said = new Said();
  readonly #digests = new DigestBook();
  readonly #durability: Durability;
  readonly #sessions: SessionWatch;
  readonly #streams = new ClientStreams();
  readonly #words = new ClientWords();
  /** Over whom replicas fell asleep last. */
  readonly #parked = new Map<Sid, Turn["parked"]>();
  readonly #committed: Committed[] = [];
  /** Where each session began. */
  readonly #creations = new Map<SessionId, Entry>();
  /** Whether the last snapshot that the replica was sent is of a damaged tree. */
  readonly #tainted = new Map<Sid, boolean>();

  constructor(world: WatchedWorld, options: InvariantOptions) {
    this.#world = world;
    const { voters } = world;
    this.#memberships = new Memberships({ histories: this.#histories, disks: this.#disks, voters });
    this.#votes = new Votes(this.#memberships);
    const { heartbeatLimitMs = DEFAULT_TIMING.heartbeatLimitMs } = options;
    this.#sessions = new SessionWatch(() => world.nowMs, heartbeatLimitMs);
    this.#durability = new Durability({
      histories: this.#histories,
      memberships: this.#memberships,
      settle: () => {
        for (const [sid, disk] of this.#disks) disk.settle(world.disk(sid).durable);
      },
    });
  }

  /** What was committed, in order, with the moment when it was first delivered. */
  get committed(): readonly Committed[] {
    return this.#committed;
  }

  started(machine: Watched): void {
    // A superseded object that installs a snapshot: nothing of that is ever durable, so nothing leaves what follows.
    if (machine.isSuperseded) return;
    this.counts.starts++;
    this.#sessions.disturbed();
    this.#votes.started(machine);
    const { sid, start } = machine;
    const tail = machine.readLog(start.lastDelivered, ZXID_MAX);
    const last = tail.at(-1)?.zxid ?? start.lastDelivered;
    const disk = this.#diskOf(machine);
    const { durable, visible } = this.#world.disk(sid);
    disk.settle(durable);
    const image = disk.found({ ...start, last, isDamaged: visible.isDamaged });
    this.#judgeStored(machine, image, tail);
    const delivered = this.#histories.find(image.history, start.lastDelivered) ?? image.history;
    const process = this.#nine.begins(machine.name, delivered);
    const run = new Run({ machine, disk, process, image, delivered, histories: this.#histories });
    this.#runs.set(machine.name, run);
    for (const one of this.#parked.get(sid) ?? []) this.#streams.stands(run, one.connection, one.session);
    this.#hold(run, run.needs(false), this.#histories.between(process.delivered, delivered) ?? []);
    const name = image.isInstalled ? "SnapshotIsWhole" : "StoredIsRead";
    this.#digests.show(run, name);
    this.#digests.recompute(run, name);
  }

  stepped(machine: Watched, input: KeeperInput, turn: Turn): void {
    this.counts.steps++;
    const run = this.#runs.get(machine.name);
    if (run === undefined) return;
    this.#noteInput(run, input);
    const { writes } = turn;
    const before = run.needs(false);
    const behind = run.needs(writes.length > 0);
    const acceptedBefore = run.acceptedEpoch;
    const appended = writes.length === 0 ? [] : run.take(writes);
    const path = run.deliver();
    const ledEpoch = run.leading?.epoch;
    this.#notePhases(run, turn, behind);
    this.#said.note(turn, run);
    this.#notePromises(run, turn, { behind, isRaised: run.acceptedEpoch > acceptedBefore });
    const epoch = run.leading?.epoch ?? ledEpoch;
    for (const entry of appended) if (entry.zxid.epoch === epoch) this.#broadcast(run, entry, before);
    this.#hold(run, behind, path);
    const [words, streams, histories] = [this.#words, this.#streams, this.#histories];
    judgeBedtime(run, turn, { words, streams, histories });
    if (turn.sleep !== undefined && !machine.isSuperseded) this.#parked.set(machine.sid, turn.parked);
    if (path.length > 0) this.#digests.show(run, "DigestsEqual");
  }

  wrote(machine: Watched): void {
    this.#runs.get(machine.name)?.write(this.#tainted.get(machine.sid) === true);
  }

  removed(machine: Watched, { version }: Removal): void {
    const run = this.#runs.get(machine.name);
    if (run === undefined) return;
    const reason = this.#memberships.reasonToStay(machine.sid, version);
    demand(reason === undefined, "RemovedIsNoMember", () => {
      return `${run.name} is let go by membership ${zxidText(version)}, which ${reason}`;
    });
    run.remove();
  }

  synced(sid: Sid): void {
    this.#disks.get(sid)?.mustSettle(this.#world.disk(sid).durable);
  }

  toldClient(machine: Watched, connection: ConnectionId, bytes: Uint8Array): void {
    const run = this.#runs.get(machine.name);
    if (run === undefined) return;
    this.#votes.spoke(machine);
    for (const told of this.#streams.read(run, connection, bytes)) {
      if (told.kind === "session") {
        this.#sessions.told(run, connection, told.session, told.timeoutMs);
        const creation = this.#creations.get(told.session);
        if (creation !== undefined) this.#acknowledged(run, creation);
        continue;
      }
      const entry = this.#histories.deliveredAt(told.zxid) ?? this.#histories.find(run.history, told.zxid);
      if (entry !== undefined && isAnswer(run, entry, told)) this.#acknowledged(run, entry);
      else this.#revealed(run, told.zxid, "shows a client");
    }
  }

  toldCaller(machine: Watched, answer: CallAnswer): void {
    const run = this.#runs.get(machine.name);
    if (run === undefined || answer.kind !== "answered") return;
    this.#votes.spoke(machine);
    this.#revealed(run, answer.zxid, "tells a caller");
  }

  sentFrame(machine: Watched, to: Sid, bytes: Uint8Array): void {
    const run = this.#runs.get(machine.name);
    if (run === undefined) return;
    this.#votes.spoke(machine);
    const message = readFrame(bytes);
    if (message === undefined) return;
    switch (message.kind) {
      case "ack":
      case "leaderAck":
      case "ackEpoch":
      case "ackNewLeader":
        return this.#said.left(run, { message, bytes }, this.#world.disk(machine.sid).durable);
      case "commit":
        return this.#revealed(run, message.upTo, `sends replica ${to} the commit of`);
      case "upToDate":
        return this.#revealed(run, message.committed, `sends replica ${to} the commit of`);
      case "snapshotEnd":
        this.#tainted.set(to, run.isTainted);
        return this.#revealed(run, message.last, `sends replica ${to} its state at`);
    }
  }

  #revealed(run: Run, zxid: Zxid, how: string): void {
    this.counts.reveals++;
    this.#durability.revealed(run, zxid, how);
  }

  died(machine: Watched): void {
    this.#sessions.disturbed();
    const run = this.#runs.get(machine.name);
    if (run === undefined) return;
    if (run.leading !== undefined) this.#nine.leadsNoMore(run.name, run.leading.epoch);
    run.end();
    this.#runs.delete(machine.name);
    this.#streams.end(run);
    this.#words.end(run);
    if (machine.isSuperseded) return;
    // Power may have failed: what is lost now is lost.
    const { durable, visible } = this.#world.disk(machine.sid);
    run.disk.settle(durable);
    run.disk.found(visible);
  }

  lostDisk(sid: Sid, kind: "wipe" | "corrupt"): void {
    const disk = this.#disks.get(sid);
    if (kind === "corrupt") disk?.damage(this.#world.disk(sid).visible);
    else disk?.wipe();
  }

  fault(fault: Fault, stage: "begins" | "ends"): void {
    if (stage === "begins") this.#sessions.fault(fault);
    else this.#sessions.disturbed();
  }

  /** The run is over, faults have ended, and all replicas had time to catch up. */
  finish(): void {
    this.#nine.judgeAll();
    const runs = [...this.#runs.values()].filter(({ machine }) => !machine.isSuperseded);
    this.#durability.finish(runs.filter(({ machine }) => machine.keeper.serving && !this.#isGuest(machine)));
    for (const run of runs) {
      this.#digests.show(run, "DigestsEqual");
      this.#digests.recompute(run, "DigestsEqual");
    }
    if (runs.some(({ leading }) => leading?.isEstablished === true)) this.#sessions.finish();
  }

  /** Whether the members have changed, and it is none: be it that it learns to become one. */
  #isGuest({ sid }: Watched): boolean {
    const { voters, observers, version } = this.#memberships.latest;
    if (equalZxid(version, ZXID_ZERO)) return false;
    return !voters.includes(sid) && !observers.includes(sid);
  }

  /** A disk that nobody has seen yet holds the past. */
  #diskOf(machine: Watched): DiskModel {
    const { sid, start } = machine;
    const known = this.#disks.get(sid);
    if (known !== undefined) return known;
    const disk = new DiskModel(sid, this.#histories);
    this.#disks.set(sid, disk);
    let history = this.#histories.root;
    const { base, last } = this.#world.disk(sid).durable;
    if (compareZxid(base, ZXID_ZERO) > 0) {
      const known = this.#histories.find(this.#anyHistoryWith(base), base);
      history = known ?? broken("StoredIsRead", `${machine.name} holds no history before ${zxidText(base)}`);
    }
    for (const proposal of machine.readLog(base, last)) history = this.#histories.extend(history, proposal);
    this.#nine.past(history);
    disk.begin({ ...disk.durable, ...start, history });
    return disk;
  }

  /** The history of some disk that reaches so far, where this run began with disks that hold something. */
  #anyHistoryWith(zxid: Entry["zxid"]): Entry {
    for (const { visible } of this.#disks.values())
      if (compareZxid(visible.history.zxid, zxid) >= 0) return visible.history;
    return this.#histories.root;
  }

  /** What a start will deliver again is what was accepted, proposal by proposal. */
  #judgeStored(machine: Watched, image: Image, tail: readonly Proposal[]): void {
    const { start, tree, name } = machine;
    if (!equalZxid(tree.lastApplied, start.lastDelivered)) {
      const zxids = [tree.lastApplied, start.lastDelivered].map(zxidText).join(" and not at ");
      broken("StoredIsRead", `the tree that ${name} finds is at ${zxids}`);
    }
    let at: Entry | undefined = this.#histories.find(image.history, start.lastDelivered);
    for (const proposal of tail) {
      at = at === undefined ? undefined : this.#histories.extend(at, proposal);
    }
    if (at === image.history) return;
    const zxids = tail.map(({ zxid }) => zxidText(zxid)).join(", ");
    const expected = `a history that ends in ${image.history.known?.text ?? "nothing"}`;
    broken("StoredIsRead", `${name} finds ${zxids} behind ${zxidText(start.lastDelivered)}, not ${expected}`);
  }

  ponged(machine: Watched, connection: ConnectionId, parked: SessionId | undefined): void {
    const run = this.#runs.get(machine.name);
    if (run !== undefined) this.#sessions.ponged(run, connection, parked);
  }

  #noteInput(run: Run, input: KeeperInput): void {
    if (input.kind === "linkOpened") run.links.set(input.link, input.sid);
    else if (input.kind === "clientAgain")
      for (const side of [this.#words, this.#streams]) side.restart(run, input.connection);
    else if (input.kind === "clientBytes") {
      for (const { connection, bytes } of input.received) {
        if (this.#words.complete(run, connection, bytes)) this.#sessions.heard(run, connection, true);
      }
    } else if (input.kind === "clientsSent") {
      for (const { connection } of input.sent) this.#sessions.heard(run, connection, false);
    }
  }

  #notePhases(run: Run, turn: Turn, needs: number): void {
    for (const action of turn.after) {
      if (action.kind !== "log") continue;
      const [, role, stage] = PHASE_LINE.exec(action.line) ?? [];
      if (role === undefined) continue;
      this.#sessions.disturbed();
      if (role === "leading" && stage !== "discovery") this.#leads(run, needs, stage === "broadcast");
      else if (run.leading !== undefined) {
        const { epoch } = run.leading;
        run.leading = undefined;
        run.hold(needs, () => this.#nine.leadsNoMore(run.name, epoch));
      }
    }
  }

  #leads(run: Run, needs: number, isEstablished: boolean): void {
    const epoch = run.currentEpoch;
    if (run.leading?.epoch !== epoch) {
      this.counts.reigns++;
      run.leading = { epoch, isEstablished: false };
      const { sid } = run.machine;
      const own = { sid, hasEntered: run.epochBefore > 0, history: run.historyBefore };
      run.hold(needs, () => {
        this.#nine.leads(run.name, epoch);
        this.#votes.discovered(run.name, epoch, own);
      });
    }
    if (!isEstablished || run.leading.isEstablished) return;
    run.leading.isEstablished = true;
    const { name, history } = run;
    run.hold(needs, () => this.#durability.established(name, epoch, history));
  }

  /** A voter says that it promises; a leader promises its own epoch by writing it. */
  #notePromises(run: Run, turn: Turn, at: { readonly behind: number; readonly isRaised: boolean }): void {
    let leader = at.isRaised ? `${run.machine.sid}` : undefined;
    let hasEntered = run.epochBefore > 0;
    for (const action of turn.after) {
      const message = action.kind === "linkSend" ? readFrame(action.bytes) : undefined;
      if (action.kind !== "linkSend" || message?.kind !== "ackEpoch") continue;
      const to = run.links.get(action.link);
      leader = message.promised ? `${to}` : undefined;
      hasEntered = message.currentEpoch > 0;
    }
    if (leader === undefined || run.machine.isSuperseded) return;
    const promisedTo = leader;
    const epoch = run.acceptedEpoch;
    const { sid, generation } = run.disk;
    run.hold(at.behind, () => {
      this.counts.promises++;
      this.#votes.promised({ sid, generation, hasEntered }, epoch, `replica ${promisedTo}`);
    });
  }

  #broadcast(run: Run, entry: Entry, needs: number): void {
    this.counts.broadcasts++;
    run.hold(needs, this.#nine.broadcasts(run.name, entry, run.delivered));
    const { header, txn } = entry.known?.decoded ?? {};
    if (header === undefined || header.origin.serial !== 0) return;
    if (txn?.kind === "barrier") this.#sessions.attached(run, header.session);
    if (txn?.kind !== "closeSession") return;
    this.counts.expiries++;
    this.#sessions.expires(run, header.session);
  }

  /** Delivers in the eyes of the world, once that may know. */
  #hold(run: Run, needs: number, path: readonly Entry[]): void {
    if (path.length === 0) return;
    run.hold(needs, () => {
      for (const entry of path) {
        const count = this.#histories.order.length;
        this.#nine.delivers(run.process, entry);
        this.counts.deliveries++;
        if (this.#histories.order.length > count) this.#commit(entry);
      }
      this.#durability.ordered();
    });
  }

  /** Delivered for the first time. */
  #commit(entry: Entry): void {
    const { known } = entry;
    if (known === undefined) return;
    const { header, txn } = known.decoded;
    this.#memberships.delivered(entry);
    this.#committed.push({ zxid: known.zxid, header, txn, atMs: this.#world.moment });
    if (txn.kind === "createSession" || txn.kind === "sessionMulti") {
      this.#creations.set(header.session, entry);
      this.#sessions.created(header.session, txn.timeoutMs, txn.kind === "sessionMulti");
    } else if (txn.kind === "closeSession") this.#sessions.ended(header.session);
  }

  #acknowledged(run: Run, entry: Entry): void {
    this.counts.acknowledgements++;
    this.#durability.acknowledged(run, entry);
  }
}

/** Whether the reply answers the very write that the entry stands for. */
function isAnswer(
  { machine }: Run,
  { known }: Entry,
  told: { readonly session: SessionId; readonly xid: number },
): boolean {
  if (known === undefined) return false;
  const { session, xid, origin } = known.decoded.header;
  const isFromHere = origin.sid === machine.sid && origin.instance === machine.instance;
  return isFromHere && origin.serial !== 0 && session === told.session && xid === told.xid;
}
