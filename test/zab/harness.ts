/**
 * An ensemble of peers in one deterministic simulation: time is a number, the network delays, loses and partitions,
 * disks take their time, and what a replica sends behind a write leaves only once that write is durable. The same seed
 * gives the same run. Safety is checked from outside, at the moment something leaves a replica; see Checker.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { PeerInput, PeerTiming } from "../../src/zab/config.ts";
import type { AfterWrite, PeerEffects, Send } from "../../src/zab/effects.ts";
import type { LinkId, Notification, Proposal, ZabMessage } from "../../src/zab/message.ts";
import { Peer } from "../../src/zab/peer.ts";
import { Agenda } from "./agenda.ts";
import { Cuts } from "./cuts.ts";
import { Checker } from "./checker.ts";
import { MembersDesk } from "./members-desk.ts";
import { membersAt, membershipOf, SETTLED, sidsFrom } from "./members-text.ts";
import { Disk } from "./disk.ts";
import { Register } from "./register.ts";
import { replicaText } from "./replica-text.ts";
import { type Link, Replica } from "./replica.ts";

export interface EnsembleOptions {
  readonly voters: number;
  readonly observers?: number;
  /** Replicas that are no members in the beginning. */
  readonly spares?: number;
  readonly seed?: number;
  readonly timing?: Partial<PeerTiming>;
  readonly disks?: ReadonlyMap<Sid, Disk>;
  readonly epochFloor?: number;
}

/** What the network is asked about each message: false loses it, and with it all that follows on its link. */
export type MessageFilter = (from: Sid, to: Sid, message: ZabMessage) => boolean;

const TICK_MS = 20;

/** A text that names a proposal and its content. */
function proposalText({ zxid, payload }: Proposal): string {
  return `${zxidText(zxid)}=${new TextDecoder().decode(payload)}`;
}

/** See the file's comment. */
export class Ensemble {
  readonly rng: Rng;
  readonly checker: Checker = new Checker();
  readonly replicas: Map<Sid, Replica> = new Map();
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  readonly spares: readonly Sid[];
  filter: MessageFilter = () => true;
  /** Called once for the next message of each kind here, up to 30 ms after it has left. */
  readonly traps: Map<ZabMessage["kind"], (from: Sid, to: Sid) => void> = new Map();
  /** Snapshots that took effect. */
  installed = 0;
  /** Each message that left a replica, for tests that read the conversation. */
  readonly sent: { readonly from: Sid; readonly to: Sid; readonly message: ZabMessage }[] = [];
  readonly #options: EnsembleOptions;
  readonly #agenda = new Agenda();
  #linkIds = 0;
  #payloads = 0;
  readonly desk: MembersDesk = new MembersDesk(this);
  readonly #cuts = new Cuts();
  readonly #register = new Register();
  readonly #isSilent: boolean;

  constructor(options: EnsembleOptions) {
    this.#options = options;
    const seed = options.seed ?? 1;
    this.rng = seededRng([seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
    this.voters = sidsFrom(1, options.voters);
    this.observers = sidsFrom(options.voters + 1, options.observers ?? 0);
    this.#isSilent = this.rng.below(2) === 0;
    this.spares = sidsFrom(this.voters.length + this.observers.length + 1, options.spares ?? 0);
    for (const sid of [...this.voters, ...this.observers, ...this.spares]) {
      const replica = new Replica(sid, options.disks?.get(sid) ?? new Disk());
      this.replicas.set(sid, replica);
      for (const proposal of replica.disk.durable.log) this.checker.onPast(proposalText(proposal));
    }
  }

  /** Starts every replica that is down. */
  startAll(): this {
    for (const { sid, peer, removed } of this.replicas.values()) {
      if (peer === undefined && removed === undefined) this.start(sid);
    }
    return this;
  }

  start(sid: Sid): void {
    const replica = this.replica(sid);
    replica.snapshots.clear();
    const start = replica.disk.start(this.#options.epochFloor);
    replica.instance = start.instance;
    replica.issued = replica.durable = 0;
    replica.resume(start.lastDelivered);
    for (const [index, text] of replica.delivered.entries()) {
      this.checker.onDelivered(index, text, replica.name);
    }
    const { timing } = this.#options;
    const initial = { version: ZXID_ZERO, voters: this.voters, observers: this.observers };
    const membership = membersAt(replica.delivered, replica.calledBy ?? initial);
    const config = { sid, membership, membershipOf };
    const rng = seededRng([this.rng.uint32(), sid, start.instance, 7]);
    const withTiming = timing === undefined ? config : { ...config, timing };
    replica.peer = new Peer(withTiming, start, replica.disk, rng);
    this.#tick(replica);
  }

  /** Power fails; `kept` of the transactions under way survive, by default a random number. */
  crash(sid: Sid, kept?: number): void {
    const replica = this.replica(sid);
    replica.disk.crash(kept ?? this.rng.below(replica.disk.pending + 1));
    replica.peer = undefined;
    replica.held = [];
    this.checker.onLeadingEnded(`replica ${sid}`);
    for (const link of replica.links.values()) this.#breakLink(link, this.#isSilent);
    replica.links.clear();
  }

  /** A replica that is down loses its disk. */
  wipe(sid: Sid): void {
    this.replica(sid).disk.wipe();
    this.replica(sid).delivered = [];
  }

  /** Cuts the groups off from each other. */
  partition(...groups: readonly (readonly Sid[])[]): void {
    this.#cuts.partition(...groups);
  }

  /** Cuts one direction. */
  block(from: Sid, to: Sid): void {
    this.#cuts.block(from, to);
  }

  heal(): void {
    this.#cuts.clear();
    this.traps.clear();
    this.filter = () => true;
    for (const replica of this.replicas.values()) {
      replica.diskMs = 5;
      if (replica.isDiskStuck) this.unstickDisk(replica.sid);
    }
  }

  stickDisk(sid: Sid): void {
    this.replica(sid).isDiskStuck = true;
  }

  unstickDisk(sid: Sid): void {
    const replica = this.replica(sid);
    replica.isDiskStuck = false;
    while (replica.disk.pending > 0) this.#syncOne(replica);
  }

  get nowMs(): number {
    return this.#agenda.nowMs;
  }

  replica(sid: Sid): Replica {
    return must(this.replicas.get(sid), `replica ${sid}`);
  }

  peer(sid: Sid): Peer {
    return must(this.replica(sid).peer, `replica ${sid} is up`);
  }

  /** The leader in broadcast with the highest epoch. */
  leader(): Sid | undefined {
    const leaders = [...this.replicas.values()].filter(({ peer }) => {
      const phase = peer?.phase;
      return phase?.role === "leading" && phase.stage === "broadcast";
    });
    leaders.sort((a, b) => (b.peer?.status().currentEpoch ?? 0) - (a.peer?.status().currentEpoch ?? 0));
    return leaders[0]?.sid;
  }

  /** Proposes so many at a leader; how many it took. */
  propose(sid: Sid, count: number, bytes = 0): number {
    const peer = this.peer(sid);
    if (!peer.canPropose()) return 0;
    const texts = Array.from({ length: count }, () => `p${++this.#payloads}`.padEnd(bytes, "."));
    this.proposeTexts(sid, texts);
    return count;
  }

  /** Proposes these payloads at a leader that can. */
  proposeTexts(sid: Sid, payloads: readonly string[]): void {
    const first = this.peer(sid).nextZxid;
    const proposals = payloads.map((text, index) => {
      const zxid = { epoch: first.epoch, counter: first.counter + index };
      return { zxid, payload: new TextEncoder().encode(text) };
    });
    const replica = this.replica(sid);
    const { name: primary, delivered } = replica;
    const texts = proposals.map(proposalText);
    const leaves = this.checker.onBroadcast({ primary, epoch: first.epoch, texts, delivered });
    this.hold(replica, leaves);
    this.input(sid, { kind: "propose", proposals });
  }

  /** Steps a peer and performs its effects. */
  input(sid: Sid, input: PeerInput): void {
    const replica = this.replica(sid);
    if (replica.peer === undefined || replica.isInstalling) return;
    this.#perform(replica, replica.peer.step(input, this.nowMs));
    this.#sendSnapshots(replica);
    if (replica.peer?.isSettlingDue === true) this.proposeTexts(sid, [SETTLED]);
  }

  /** Lets this much time pass. */
  run(durationMs: number): void {
    this.#agenda.runUntil(() => false, this.nowMs + durationMs);
  }

  /** Lets time pass until the condition holds; throws when it does not within the limit. */
  until(what: string, condition: () => boolean, limitMs = 20_000): void {
    if (!this.#agenda.runUntil(condition, this.nowMs + limitMs)) {
      throw new Error(`not within ${limitMs} ms: ${what}\n${this.describe()}`);
    }
  }

  /** Waits for a leader in broadcast with every running peer behind it, all delivered; returns it. */
  converge(limitMs = 20_000): Sid {
    this.until("the ensemble converges", () => this.isConverged(), limitMs);
    return must(this.leader(), "a leader");
  }

  isConverged(): boolean {
    const leader = this.leader();
    if (leader === undefined) return false;
    const last = zxidText(this.peer(leader).lastZxid);
    const { current, isSettled } = this.peer(leader).membership;
    const members = [...current.voters, ...current.observers];
    if (!isSettled || !members.includes(leader)) return false;
    return [...this.replicas.values()].every(({ sid, peer, held, removed }) => {
      if (removed !== undefined) return !members.includes(sid);
      // Who is no member may look for ever, where all that it ever knew are removed.
      if (!members.includes(sid)) return peer === undefined || peer.phase.role === "looking";
      if (peer === undefined) return true;
      if (held.length > 0) return false;
      const { phase, lastDelivered, lastZxid } = peer.status();
      if (phase.role === "removed") return true;
      const isAlong = phase.role !== "looking" && phase.stage === "broadcast";
      return isAlong && zxidText(lastDelivered) === last && zxidText(lastZxid) === last;
    });
  }

  describe(): string {
    const lines = [...this.replicas.values()].map(replicaText);
    return [`at ${this.nowMs} ms`, ...lines].join("\n");
  }

  /** Breaks every link between the two; both ends are told at once. */
  breakLinks(a: Sid, b: Sid): void {
    for (const link of this.replica(a).links.values()) {
      if (link.learner === b || link.leader === b) this.#breakLink(link, false);
    }
  }

  #tick(replica: Replica): void {
    const { instance } = replica;
    if (replica.peer === undefined) return;
    this.input(replica.sid, { kind: "tick" });
    this.desk.onTick(replica);
    this.#agenda.later(TICK_MS / 2 + this.rng.below(TICK_MS), () => {
      if (replica.instance === instance) this.#tick(replica);
    });
  }

  #perform(replica: Replica, effects: PeerEffects): void {
    for (const send of effects.free) this.hold(replica, () => this.#send(replica.sid, send));
    const peer = must(replica.peer, "a peer");
    const revealed = effects.after.flatMap((effect) =>
      effect.kind === "committed" ? this.#deliver(replica, peer) : [],
    );
    if (effects.writes.length > 0) {
      replica.disk.transact(effects.writes, peer.lastDelivered);
      replica.issued++;
      const { instance } = replica;
      this.#agenda.later(1 + this.rng.below(replica.diskMs), () => {
        if (replica.instance === instance && !replica.isDiskStuck) this.#syncOne(replica);
      });
    }
    for (const act of revealed) this.hold(replica, act);
    for (const effect of effects.after) this.#performAfter(replica, effect);
  }

  #performAfter(replica: Replica, effect: AfterWrite): void {
    const { sid, name } = replica;
    switch (effect.kind) {
      case "send":
        return this.hold(replica, () => this.#send(sid, effect));
      case "notify":
        return this.hold(replica, () => this.notify(sid, effect.to, effect.notification));
      case "register":
        return this.hold(replica, () =>
          this.#agenda.later(1, () => this.input(sid, this.#register.consult(effect))),
        );
      case "openLink":
        return this.hold(replica, () => this.#open(sid, effect.to));
      case "closeLink":
        return this.hold(replica, () => this.#closeLink(replica, effect.link));
      case "phase": {
        const { phase } = effect;
        if (phase.role === "removed") {
          return this.hold(replica, () => this.desk.remove(replica, phase.version));
        }
        const epoch = replica.peer?.status().currentEpoch ?? 0;
        const isPrimary = phase.role === "leading" && phase.stage !== "discovery";
        if (isPrimary) return this.hold(replica, () => this.checker.onLeading(epoch, name));
        return this.hold(replica, () => this.checker.onLeadingEnded(`replica ${sid}`));
      }
      case "snapshotBegun":
        replica.staged = [];
        return undefined;
      case "snapshotPart":
        return replica.stage(effect.payload);
      case "snapshotEnded":
        return this.#install(replica, effect);
      case "committed":
        return undefined;
    }
  }

  /** A part for each learner that waits, each in a step of its own, while the leader goes on. */
  #sendSnapshots(replica: Replica): void {
    const { instance, sid } = replica;
    for (const part of replica.takeSnapshotParts()) {
      this.#agenda.later(1, () => {
        if (replica.instance === instance) this.input(sid, part);
      });
    }
  }

  /** The snapshot takes effect once it is durable, with a new start. */
  #install(replica: Replica, { last, payload }: AfterWrite & { kind: "snapshotEnded" }): void {
    const { sid, instance } = replica;
    const staged = replica.takeStaged(payload);
    replica.disk.transact([{ kind: "install", last }], last);
    replica.issued++;
    replica.isInstalling = true;
    this.#agenda.later(1 + this.rng.below(replica.diskMs), () => {
      if (replica.instance === instance && !replica.isDiskStuck) this.#syncOne(replica);
    });
    this.hold(replica, () => {
      for (const link of replica.links.values()) this.#breakLink(link, false);
      replica.links.clear();
      replica.held = [];
      replica.delivered = staged;
      this.installed++;
      this.start(sid);
    });
  }

  /** Delivers in memory; what shows it to the world comes back. */
  #deliver(replica: Replica, peer: Peer): (() => void)[] {
    const { name } = replica;
    const revealing: (() => void)[] = [];
    for (let batch = peer.takeCommitted(4096); batch.length > 0; batch = peer.takeCommitted(4096)) {
      for (const proposal of batch) {
        const index = replica.delivered.length;
        const text = proposalText(proposal);
        replica.delivered.push(text);
        revealing.push(() => this.checker.onDelivered(index, text, name));
      }
    }
    return revealing;
  }

  /** The output gate: acts once the transactions issued so far are durable. */
  hold(replica: Replica, act: () => void): void {
    replica.held.push({ needs: replica.issued, act });
    this.#release(replica);
  }

  #release(replica: Replica): void {
    const { instance } = replica;
    while (replica.instance === instance) {
      const first = replica.held[0];
      if (first === undefined || first.needs > replica.durable) return;
      replica.held.shift();
      first.act();
    }
  }

  #syncOne(replica: Replica): void {
    if (replica.disk.pending === 0) return;
    replica.disk.sync();
    replica.durable++;
    this.#release(replica);
  }

  #send(from: Sid, { link: id, message }: Send): void {
    const link = this.replica(from).links.get(id);
    if (link === undefined || link.isDead) return;
    const to = link.learner === from ? link.leader : link.learner;
    this.sent.push({ from, to, message });
    const trap = this.traps.get(message.kind);
    if (trap !== undefined) {
      this.traps.delete(message.kind);
      this.#agenda.later(this.rng.below(30), () => trap(from, to));
    }
    if (!this.#cuts.isOpen(from, to) || !this.filter(from, to, message)) {
      link.isDead = true;
      if (!this.#isSilent) this.#breakLink(link, false);
      return;
    }
    const atMs = Math.max(this.nowMs + this.#delayMs(), link.arrivals.get(to) ?? 0);
    link.arrivals.set(to, atMs);
    this.#agenda.later(atMs - this.nowMs, () => {
      const isOpen = this.replica(to).links.has(must(link.ids.get(to), "an end"));
      if (link.isDead || !isOpen) return;
      this.input(to, { kind: "message", link: must(link.ids.get(to), "an end"), message });
    });
  }

  /** Posts a notification; the answer comes back as one. */
  notify(from: Sid, to: Sid, notification: Notification): void {
    if (!this.#cuts.isOpen(from, to)) return;
    this.#agenda.later(this.#delayMs(), () => {
      const target = this.replica(to);
      this.desk.maybeRevive(target, notification);
      if (target.peer === undefined) return;
      this.input(to, { kind: "notification", notification });
      const answer = target.peer.notification();
      this.hold(target, () => {
        if (!this.#cuts.isOpen(to, from)) return;
        const back = { kind: "notification", notification: answer } as const;
        this.#agenda.later(this.#delayMs(), () => this.input(from, back));
      });
    });
  }

  #open(from: Sid, to: Sid): void {
    const { instance } = this.replica(from);
    const isReachable = this.#cuts.isOpen(from, to) && this.#cuts.isOpen(to, from);
    this.#agenda.later(this.#delayMs(), () => {
      const source = this.replica(from);
      const target = this.replica(to);
      if (source.instance !== instance || source.peer === undefined) return;
      if (!isReachable || target.peer === undefined) {
        this.input(from, { kind: "linkFailed", to });
        return;
      }
      const ids = new Map([from, to].map((sid) => [sid, ++this.#linkIds]));
      const link: Link = { learner: from, leader: to, ids, isDead: false, arrivals: new Map() };
      const ourId = must(ids.get(from), "an end");
      const theirId = must(ids.get(to), "an end");
      source.links.set(ourId, link);
      target.links.set(theirId, link);
      this.input(to, { kind: "linkOpened", link: theirId, sid: from, role: "from-learner" });
      if (link.isDead) this.input(from, { kind: "linkFailed", to });
      else this.input(from, { kind: "linkOpened", link: ourId, sid: to, role: "to-leader" });
    });
  }

  /** One side hears nothing more; what it has sent arrives, and the other side learns of the end behind it. */
  #closeLink(replica: Replica, id: LinkId): void {
    const link = replica.links.get(id);
    if (link === undefined) return;
    replica.links.delete(id);
    const to = link.learner === replica.sid ? link.leader : link.learner;
    const leftMs = Math.max(0, (link.arrivals.get(to) ?? 0) - this.nowMs);
    this.#agenda.later(leftMs + 1, () => {
      if (!link.isDead) this.#breakLink(link, false);
    });
  }

  /** The link carries nothing more. Unless silent, both ends learn of it a little later. */
  #breakLink(link: Link, isSilent: boolean): void {
    link.isDead = true;
    for (const [sid, id] of link.ids) {
      const replica = this.replica(sid);
      if (!replica.links.delete(id) || isSilent) continue;
      const { instance } = replica;
      this.#agenda.later(this.#delayMs(), () => {
        if (replica.instance === instance) this.input(sid, { kind: "linkClosed", link: id });
      });
    }
  }

  #delayMs(): number {
    return 1 + this.rng.below(5);
  }
}
