/**
 * A few peers on a stage: nothing happens by chance or by itself. Messages arrive in the order they left, disks
 * finish at once unless they are stuck, time passes when the test says so. What happens is written down, a line an
 * event, so that a story can be read; every property of Zab is judged at its end. See harness.ts for ensembles left
 * to chance.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { PeerInput, PeerTiming } from "../../src/zab/config.ts";
import type { AfterWrite, PeerEffects, Send } from "../../src/zab/effects.ts";
import type { Notification, Proposal, ZabMessage } from "../../src/zab/message.ts";
import { Peer } from "../../src/zab/peer.ts";
import { Checker } from "./checker.ts";
import { membersAt, membershipOf } from "./members-text.ts";
import { Disk, type DiskImage, EMPTY_DISK } from "./disk.ts";
import { Register } from "./register.ts";
import { type Link, Replica } from "./replica.ts";
import {
  isHeartbeat,
  messageText,
  notificationText,
  phaseText,
  rangeText,
  writeText,
} from "./transcript-text.ts";

export interface StageOptions {
  readonly voters: number;
  readonly observers?: number;
  readonly timing?: Partial<PeerTiming>;
  /** What disks hold at the beginning. */
  readonly disks?: Readonly<Record<Sid, Partial<DiskImage>>>;
}

/** Something on its way from one replica to another; what travels on one lane stays in order. */
interface Travelling {
  readonly lane: string;
  readonly isHeldBack: () => boolean;
  readonly arrive: () => void;
}

const STEPS_MAX = 100_000;
const TICK_MS = 20;

function textOf({ zxid, payload }: Proposal): string {
  return `${zxidText(zxid)}=${new TextDecoder().decode(payload)}`;
}

/** See the file's comment. */
export class Stage {
  readonly checker: Checker = new Checker();
  readonly replicas: Map<Sid, Replica> = new Map();
  readonly lines: string[] = [];
  nowMs = 0;
  /** What stays on its way while this holds, and all behind it on its link. */
  holdBack: (from: Sid, to: Sid, message: ZabMessage) => boolean = () => false;
  readonly #options: StageOptions;
  readonly #voters: readonly Sid[];
  readonly #observers: readonly Sid[];
  readonly #travelling: Travelling[] = [];
  #linkIds = 0;
  readonly #cuts: Set<string> = new Set();
  readonly #register = new Register();
  /** What is delivered up to the base of a history that does not begin at 0:0. */
  readonly #bases: Map<string, readonly string[]> = new Map();
  /** The last line told of each pair or replica: what is said again is not told again. */
  readonly #told: Map<string, string> = new Map();

  constructor(options: StageOptions) {
    this.#options = options;
    this.#voters = Array.from({ length: options.voters }, (_, index) => index + 1);
    this.#observers = Array.from(
      { length: options.observers ?? 0 },
      (_, index) => options.voters + index + 1,
    );
    for (const sid of [...this.#voters, ...this.#observers]) {
      const disk = new Disk({ ...EMPTY_DISK, ...options.disks?.[sid] });
      this.replicas.set(sid, new Replica(sid, disk));
      for (const proposal of disk.durable.log) this.checker.onPast(textOf(proposal));
    }
  }

  /** Tells the reader what is to come. */
  say(text: string): this {
    this.lines.push("", `# ${text}`);
    return this;
  }

  /** Starts replicas from their disks, and lets everything arrive. */
  start(...sids: readonly Sid[]): this {
    for (const sid of sids) this.#start(sid);
    return this.run();
  }

  #start(sid: Sid): void {
    const replica = this.replica(sid);
    const start = replica.disk.start();
    replica.instance = start.instance;
    replica.issued = replica.durable = 0;
    replica.isInstalling = false;
    replica.staged = undefined;
    replica.snapshots.clear();
    replica.delivered = this.#onDisk(replica, start.lastDelivered);
    for (const [index, text] of replica.delivered.entries())
      this.checker.onDelivered(index, text, replica.name);
    const { timing } = this.#options;
    const membership = membersAt(replica.delivered, {
      version: ZXID_ZERO,
      voters: this.#voters,
      observers: this.#observers,
    });
    const config = { sid, membership, membershipOf };
    replica.peer = new Peer(timing === undefined ? config : { ...config, timing }, start, replica.disk);
    const { acceptedEpoch, currentEpoch } = start;
    const epochs = `promised ${acceptedEpoch}, in epoch ${currentEpoch}`;
    this.lines.push(`${sid} starts: history ends at ${zxidText(replica.disk.last)}, ${epochs}`);
    this.input(sid, { kind: "tick" });
  }

  /** The log of a replica forgets all that its tree on disk holds. */
  trim(...sids: readonly Sid[]): this {
    for (const sid of sids) {
      const { disk } = this.replica(sid);
      const { lastDelivered } = disk.durable;
      this.#bases.set(`${sid} ${zxidText(lastDelivered)}`, this.#onDisk(this.replica(sid), lastDelivered));
      disk.trim(lastDelivered);
      this.lines.push(`${sid}: the log is trimmed up to ${zxidText(lastDelivered)}`);
    }
    return this;
  }

  /** A replica that is down loses its disk. */
  wipe(sid: Sid): this {
    this.lines.push(`${sid} loses its disk`);
    this.replica(sid).disk.wipe();
    return this;
  }

  #onDisk({ sid, disk }: Replica, upTo: Zxid): string[] {
    const before = this.#bases.get(`${sid} ${zxidText(disk.base)}`) ?? [];
    const range = { after: disk.base, upTo, bytesMax: Number.POSITIVE_INFINITY };
    return [...before, ...disk.read(range).map(textOf)];
  }

  /** Power fails: of the writes under way the first `kept` survive. The others learn of it at once. */
  crash(sid: Sid, kept = 0): this {
    const replica = this.replica(sid);
    const { pending } = replica.disk;
    const lost = pending === 0 ? "" : `, ${kept} of ${pending} writes under way survive`;
    this.lines.push(`${sid} loses power${lost}`);
    replica.disk.crash(kept);
    replica.peer = undefined;
    replica.held = [];
    replica.isDiskStuck = false;
    this.checker.onLeadingEnded(`replica ${sid}`);
    for (const link of replica.links.values()) this.#breakLink(link);
    return this;
  }

  /** From now on this disk finishes nothing. */
  stickDisk(sid: Sid): this {
    this.lines.push(`${sid}: the disk is stuck`);
    this.replica(sid).isDiskStuck = true;
    return this;
  }

  /** The stuck disk finishes so many writes; told no number it finishes all, and is stuck no more. */
  finishWrites(sid: Sid, count?: number): this {
    const replica = this.replica(sid);
    for (let done = 0; done !== count && replica.disk.pending > 0; done++) this.#syncOne(replica);
    if (count === undefined) replica.isDiskStuck = false;
    return this;
  }

  /** Nothing passes between the two groups any more, and nobody is told. */
  cut(some: readonly Sid[], others: readonly Sid[]): this {
    this.lines.push(`no way between ${some.join(", ")} and ${others.join(", ")}`);
    for (const a of some) for (const b of others) this.#cuts.add(`${a}>${b}`).add(`${b}>${a}`);
    return this;
  }

  heal(): this {
    this.lines.push("all ways are open again");
    this.#cuts.clear();
    return this;
  }

  /** The link between the two breaks; both ends are told. */
  breakLink(a: Sid, b: Sid): this {
    this.lines.push(`the link between ${a} and ${b} breaks`);
    for (const link of this.replica(a).links.values()) {
      if (link.leader === b || link.learner === b) this.#breakLink(link);
    }
    return this;
  }

  /** The leader proposes these contents; nothing arrives before run() or pass(). */
  propose(sid: Sid, ...contents: readonly string[]): this {
    const replica = this.replica(sid);
    const first = this.peer(sid).nextZxid;
    const proposals = contents.map((content, index) => ({
      zxid: { epoch: first.epoch, counter: first.counter + index },
      payload: new TextEncoder().encode(content),
    }));
    const texts = proposals.map(textOf);
    const { name: primary, delivered } = replica;
    const leaves = this.checker.onBroadcast({ primary, epoch: first.epoch, texts, delivered });
    this.#hold(replica, leaves);
    this.lines.push(`${sid} proposes ${texts.join(" ")}`);
    this.input(sid, { kind: "propose", proposals });
    return this;
  }

  /** Lets everything arrive that is not held back. */
  run(): this {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const waiting = new Set<string>();
      const index = this.#travelling.findIndex(({ lane, isHeldBack }) => {
        if (waiting.has(lane)) return false;
        if (!isHeldBack()) return true;
        waiting.add(lane);
        return false;
      });
      if (index === -1) return this;
      must(this.#travelling.splice(index, 1)[0], "something on its way").arrive();
    }
    throw new Error(`no end of messages\n${this.transcript()}`);
  }

  /** Lets time pass, with all that it brings. */
  pass(durationMs: number): this {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs;) {
      this.nowMs = Math.min(this.nowMs + TICK_MS, endMs);
      for (const sid of this.replicas.keys()) this.input(sid, { kind: "tick" });
      this.run();
    }
    return this;
  }

  /** Lets time pass until this peer leads in broadcast. */
  passUntilLeads(sid: Sid, limitMs = 10_000): this {
    const isLeading = (): boolean => {
      const phase = this.replica(sid).peer?.phase;
      return phase?.role === "leading" && phase.stage === "broadcast";
    };
    for (const endMs = this.nowMs + limitMs; !isLeading();) {
      if (this.nowMs >= endMs)
        throw new Error(`${sid} does not lead within ${limitMs} ms\n${this.transcript()}`);
      this.pass(TICK_MS);
    }
    return this.pass(10 * TICK_MS);
  }

  replica(sid: Sid): Replica {
    return must(this.replicas.get(sid), `replica ${sid}`);
  }

  peer(sid: Sid): Peer {
    return must(this.replica(sid).peer, `replica ${sid} is up`);
  }

  /** The contents that a replica has delivered, as `zxid=content`. */
  delivered(sid: Sid): readonly string[] {
    return this.replica(sid).delivered;
  }

  /** The zxids in the durable history of a replica. */
  history(sid: Sid): readonly string[] {
    return this.replica(sid).disk.durable.log.map(({ zxid }) => zxidText(zxid));
  }

  /** The story so far. */
  transcript(): string {
    return `${this.lines.join("\n").trim()}\n`;
  }

  input(sid: Sid, input: PeerInput): void {
    const replica = this.replica(sid);
    if (replica.peer === undefined || replica.isInstalling) return;
    this.#perform(replica, replica.peer.step(input, this.nowMs));
    const { instance } = replica;
    for (const part of replica.takeSnapshotParts()) {
      const arrive = (): void => {
        if (replica.instance === instance) this.input(sid, part);
      };
      this.#travelling.push({ lane: `snapshot ${part.link}`, isHeldBack: () => false, arrive });
    }
  }

  /** The snapshot takes effect once it is durable, with a new start. */
  #install(replica: Replica, { last, payload }: AfterWrite & { readonly kind: "snapshotEnded" }): void {
    const { sid, disk } = replica;
    const how = replica.isDiskStuck ? ", not durable yet" : "";
    this.lines.push(`${sid} installs the snapshot of ${zxidText(last)}${how}`);
    this.#bases.set(`${sid} ${zxidText(last)}`, replica.takeStaged(payload));
    disk.transact([{ kind: "install", last }], last);
    replica.issued++;
    replica.isInstalling = true;
    this.#hold(replica, () => {
      for (const link of replica.links.values()) this.#breakLink(link);
      replica.held = [];
      this.#start(sid);
    });
    if (!replica.isDiskStuck) this.#syncOne(replica);
  }

  #perform(replica: Replica, effects: PeerEffects): void {
    const { sid, name } = replica;
    const peer = must(replica.peer, "a peer");
    for (const send of effects.free) this.#hold(replica, () => this.#send(sid, send));
    const revealed: (() => void)[] = [];
    for (const effect of effects.after)
      if (effect.kind === "committed") revealed.push(...this.#deliver(replica));
    if (effects.writes.length > 0) {
      const how = replica.isDiskStuck ? ", not durable yet" : "";
      this.lines.push(`${sid} ${effects.writes.map(writeText).join("; ")}${how}`);
      replica.disk.transact(effects.writes, peer.lastDelivered);
      replica.issued++;
      if (!replica.isDiskStuck) this.#syncOne(replica);
    }
    for (const act of revealed) this.#hold(replica, act);
    const epoch = peer.status().currentEpoch;
    for (const effect of effects.after) this.#performAfter(replica, effect, { name, epoch });
  }

  #performAfter(
    replica: Replica,
    effect: AfterWrite,
    led: { readonly name: string; readonly epoch: number },
  ): void {
    const { sid } = replica;
    if (effect.kind === "send") this.#hold(replica, () => this.#send(sid, effect));
    if (effect.kind === "notify")
      this.#hold(replica, () => this.#notify(sid, effect.to, effect.notification));
    if (effect.kind === "register") {
      this.#hold(replica, () => {
        const arrive = (): void => {
          const answer = this.#register.consult(effect);
          const told =
            effect.founders === undefined
              ? "who founded the ensemble"
              : `founded by ${effect.founders.join()}`;
          this.lines.push(`${sid} -> register: ${told}; it says: ${answer.founders?.join() ?? "nobody"}`);
          this.input(sid, answer);
        };
        this.#travelling.push({ lane: `register ${sid}`, isHeldBack: () => false, arrive });
      });
    }
    if (effect.kind === "openLink") this.#hold(replica, () => this.#open(replica, effect.to));
    if (effect.kind === "closeLink") {
      this.#hold(replica, () => {
        const link = replica.links.get(effect.link);
        if (link !== undefined) this.#breakLink(link);
      });
    }
    if (effect.kind === "snapshotBegun") replica.staged = [];
    if (effect.kind === "snapshotPart") replica.stage(effect.payload);
    if (effect.kind === "snapshotEnded") this.#install(replica, effect);
    if (effect.kind === "phase") {
      this.#hold(replica, () => {
        const { phase } = effect;
        this.#tell(`${sid}`, `${sid} ${phaseText(phase)}`);
        const isPrimary = phase.role === "leading" && phase.stage !== "discovery";
        if (isPrimary) this.checker.onLeading(led.epoch, led.name);
        else this.checker.onLeadingEnded(`replica ${sid}`);
      });
    }
  }

  #deliver(replica: Replica): (() => void)[] {
    const { sid, name } = replica;
    const peer = must(replica.peer, "a peer");
    const told: Proposal[] = [];
    for (let batch = peer.takeCommitted(65_536); batch.length > 0; batch = peer.takeCommitted(65_536)) {
      told.push(...batch);
    }
    const firstIndex = replica.delivered.length;
    replica.delivered.push(...told.map(textOf));
    if (told.length === 0) return [];
    const reveal = (): void => {
      this.lines.push(`${sid} delivers ${rangeText(told)}`);
      for (const [index, proposal] of told.entries()) {
        this.checker.onDelivered(firstIndex + index, textOf(proposal), name);
      }
    };
    return [reveal];
  }

  /** The output gate: acts once the transactions issued so far are durable. */
  #hold(replica: Replica, act: () => void): void {
    replica.held.push({ needs: replica.issued, act });
    this.#release(replica);
  }

  #release(replica: Replica): void {
    for (let first = replica.held[0]; first !== undefined; first = replica.held[0]) {
      if (first.needs > replica.durable) return;
      replica.held.shift();
      first.act();
    }
  }

  #syncOne(replica: Replica): void {
    replica.disk.sync();
    replica.durable++;
    if (replica.isDiskStuck) this.lines.push(`${replica.sid}: write ${replica.durable} is durable now`);
    this.#release(replica);
  }

  #send(from: Sid, { link: id, message }: Send): void {
    const link = this.replica(from).links.get(id);
    if (link === undefined || link.isDead) return;
    const to = link.learner === from ? link.leader : link.learner;
    const what = isHeartbeat(message) ? undefined : messageText(message);
    this.#travelling.push({
      lane: `${must(link.ids.get(to), "an end")}`,
      isHeldBack: () => !link.isDead && this.holdBack(from, to, message),
      arrive: () => {
        if (this.#cuts.has(`${from}>${to}`)) link.isDead = true;
        const isLost = link.isDead || this.replica(to).peer === undefined;
        if (what !== undefined) this.lines.push(`${from} ${isLost ? "-x" : "->"} ${to}: ${what}`);
        if (!isLost) this.input(to, { kind: "message", link: must(link.ids.get(to), "an end"), message });
      },
    });
  }

  #notify(from: Sid, to: Sid, notification: Notification): void {
    this.#travel(from, to, () => {
      const target = this.replica(to);
      if (target.peer === undefined) return;
      this.#tell(`${from}>${to}`, `${from} -> ${to}: ${notificationText(notification)}`);
      this.input(to, { kind: "notification", notification });
      const answer = target.peer.notification();
      this.#hold(target, () =>
        this.#travel(to, from, () => {
          this.#tell(`${to}>${from}`, `${to} -> ${from}: ${notificationText(answer)}`);
          this.input(from, { kind: "notification", notification: answer });
        }),
      );
    });
  }

  #open(source: Replica, to: Sid): void {
    const { sid: from, instance } = source;
    const target = this.replica(to);
    const arrive = (): void => {
      if (source.instance !== instance || source.peer === undefined) return;
      if (target.peer === undefined || this.#cuts.has(`${from}>${to}`)) {
        this.input(from, { kind: "linkFailed", to });
        return;
      }
      const [ours, theirs] = [++this.#linkIds, ++this.#linkIds];
      const ids = new Map([
        [from, ours],
        [to, theirs],
      ]);
      const link: Link = { learner: from, leader: to, ids, isDead: false, arrivals: new Map() };
      source.links.set(ours, link);
      target.links.set(theirs, link);
      this.input(to, { kind: "linkOpened", link: theirs, sid: from, role: "from-learner" });
      if (link.isDead) this.input(from, { kind: "linkFailed", to });
      else this.input(from, { kind: "linkOpened", link: ours, sid: to, role: "to-leader" });
    };
    this.#travelling.push({ lane: `open ${from}`, isHeldBack: () => false, arrive });
  }

  #travel(from: Sid, to: Sid, arrive: () => void): void {
    const isOpen = (): boolean => !this.#cuts.has(`${from}>${to}`);
    this.#travelling.push({
      lane: `votes ${from}>${to}`,
      isHeldBack: () => false,
      arrive: () => (isOpen() ? arrive() : undefined),
    });
  }

  #breakLink(link: Link): void {
    link.isDead = true;
    for (const [sid, id] of link.ids) {
      const replica = this.replica(sid);
      const { instance } = replica;
      if (!replica.links.delete(id)) continue;
      const arrive = (): void => {
        if (replica.instance === instance) this.input(sid, { kind: "linkClosed", link: id });
      };
      this.#travelling.push({ lane: `close ${id}`, isHeldBack: () => false, arrive });
    }
  }

  #tell(about: string, line: string): void {
    if (this.#told.get(about) === line) return;
    this.#told.set(about, line);
    this.lines.push(line);
  }
}
