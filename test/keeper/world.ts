/**
 * An ensemble of keepers in one deterministic simulation. Time is a number and each replica has a clock of its own;
 * links are FIFO and may break; a turn's writes are one transaction that becomes durable later, and what was sent
 * behind it leaves only then; a crash loses what is not durable. The same seed gives the same run.
 */
import type { Identity } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import type { CallAnswer, CallAsked, CallId } from "../../src/keeper/call.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import type { Action, LinkSend, Turn } from "../../src/keeper/turn.ts";
import { decodeNotification, encodeNotification } from "../../src/keeper/zab-codec.ts";
import { digestText } from "../../src/tree/digest.ts";
import type { Tree } from "../../src/tree/tree.ts";
import type { LinkId } from "../../src/zab/message.ts";
import { Register } from "../zab/register.ts";
import { Agenda } from "../zab/agenda.ts";
import { type ClientEnd, entropyOf, type Link, Replica } from "./world-replica.ts";
import { configOf, type WorldOptions } from "./world-options.ts";

const TICK_MS = 50;
/** The wall clock at the beginning of each run. */
export const EPOCH_MS = 1_800_000_000_000;

/** See the file's comment. */
export class World {
  readonly rng: Rng;
  readonly sids: readonly Sid[];
  readonly voters: readonly Sid[];
  readonly replicas: Map<Sid, Replica> = new Map();
  /** A message between replicas takes 1 ms and up to this much more, and so does a transaction to be durable. */
  delayMs = 4;
  diskMs = 4;
  /** What those who connect and call from now on come in with. */
  identities: readonly Identity[] = [];
  /** Bytes between clients and replicas take up to this long; 0 for none. */
  clientDelayMs = 0;
  /** Digests seen at each zxid: all replicas must agree. */
  readonly digests: Map<string, string> = new Map();
  /** Bytes of the largest frame on a link; how often a replica had more to apply than a turn takes; clocks set. */
  largestFrame = 0;
  continues = 0;
  clockJumps = 0;
  readonly #options: WorldOptions;
  readonly #blocked: Set<string> = new Set();
  readonly #agenda = new Agenda();
  readonly #register = new Register();
  #ids = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.rng = seededRng([options.seed ?? 1, 0x51ed270b, 0x2545f491, 0x9e3779b9]);
    const { voters, observers = 0 } = options;
    for (let sid = 1; sid <= voters + observers; sid++) this.replicas.set(sid, new Replica(sid));
    this.sids = [...this.replicas.keys()];
    this.voters = this.sids.filter((sid) => sid <= voters);
  }

  replica(sid: Sid): Replica {
    return must(this.replicas.get(sid), `replica ${sid}`);
  }

  keeper(sid: Sid): Keeper {
    return must(this.replica(sid).keeper, `replica ${sid} is up`);
  }

  tree(sid: Sid): Tree {
    return must(this.replica(sid).tree, `replica ${sid} is up`);
  }

  /** Starts every replica that is down. */
  startAll(): this {
    for (const { sid, keeper } of this.replicas.values()) if (keeper === undefined) this.start(sid);
    return this;
  }

  /** Starts a replica from its disk. */
  start(sid: Sid): void {
    const replica = this.replica(sid);
    const onDisk = replica.disk.start();
    const start = replica.isTreeLost ? { ...onDisk, lastDelivered: ZXID_ZERO } : onDisk;
    replica.instance = start.instance;
    replica.issued = replica.durable = 0;
    replica.isInstalling = false;
    replica.tree = replica.treeUpTo(start.lastDelivered);
    replica.keeper = new Keeper({
      config: { ...configOf(this, this.#options, sid), ...replica.deployed },
      start,
      tree: replica.tree,
      log: replica.disk,
      notes: replica.notes,
      auth: replica.auth,
      databaseBytes: () => replica.databaseBytes,
      rng: seededRng([this.rng.uint32(), sid, start.instance, 3]),
      stage: () => replica.stage(),
      restorable: (permit) => replica.restorable(permit),
    });
    replica.isTreeLost = false;
    this.#tick(replica);
  }

  /** Power fails; `kept` of the transactions under way survive, by default a random number. */
  crash(sid: Sid, kept?: number): void {
    const replica = this.replica(sid);
    if (replica.keeper === undefined) return;
    replica.isInstalling = false;
    replica.disk.crash(kept ?? this.rng.below(replica.disk.pending + 1));
    replica.keeper = undefined;
    replica.tree = undefined;
    replica.held = [];
    replica.frozen = undefined;
    replica.crashAfterEffects = undefined;
    for (const link of replica.links.values()) this.#breakLink(link);
    replica.links.clear();
    const clients = [...replica.clients.values()];
    replica.clients.clear();
    for (const client of clients) client.onClosed();
    const callers = [...replica.callers.values()];
    replica.callers.clear();
    for (const told of callers) told("lost");
    replica.loseReaders();
  }

  /** The replica stands still: all that happens to it waits. */
  freeze(sid: Sid): void {
    this.replica(sid).frozen ??= [];
  }

  /** The replica goes on, with all that waited. */
  thaw(sid: Sid): void {
    const replica = this.replica(sid);
    const waiting = replica.frozen ?? [];
    replica.frozen = undefined;
    for (const act of waiting) act();
  }

  /** Cuts the replica off from these, in both directions. */
  cut(sid: Sid, others: readonly Sid[] = this.sids): void {
    for (const other of others) {
      if (other === sid) continue;
      this.#blocked.add(`${sid}>${other}`).add(`${other}>${sid}`);
      this.breakLinks(sid, other);
    }
  }

  /** Whoever was cut off can be reached again. */
  heal(): void {
    this.#blocked.clear();
  }

  /** Breaks the links between the two; what was on its way is lost. */
  breakLinks(a: Sid, b: Sid): void {
    for (const link of this.replica(a).links.values()) if (link.ends.has(b)) this.#breakLink(link);
  }

  /** Links between the two carry nothing more, and neither is told. */
  muteLinks(a: Sid, b: Sid): void {
    for (const link of this.replica(a).links.values()) if (link.ends.has(b)) link.isDead = true;
  }

  /** The replica that leads and serves, if there is one. */
  leader(): Sid | undefined {
    const leaders = [...this.replicas.values()].filter(({ keeper }) => {
      const mode = keeper?.status().mode;
      return mode === "leader" || mode === "standalone";
    });
    const epochOf = (replica: Replica): number => replica.keeper?.status().currentEpoch ?? 0;
    leaders.sort((a, b) => epochOf(b) - epochOf(a));
    return leaders[0]?.sid;
  }

  /** Waits until every running replica serves; gives the leader. */
  untilServing(limitMs = 20_000): Sid {
    this.until("all replicas serve", () => this.isServing(), limitMs);
    return must(this.leader(), "a leader");
  }

  isServing(): boolean {
    const running = [...this.replicas.values()].filter(({ keeper }) => keeper !== undefined);
    return this.leader() !== undefined && running.every(({ keeper }) => keeper?.serving === true);
  }

  /** Waits until every running replica has delivered the same, and serves. */
  untilEqual(limitMs = 20_000): void {
    this.until(
      "all replicas are equal",
      () => {
        const running = [...this.replicas.values()].filter(({ tree }) => tree !== undefined);
        const zxids = running.map(({ tree }) => zxidText(must(tree, "a tree").lastApplied));
        return this.isServing() && new Set(zxids).size === 1;
      },
      limitMs,
    );
  }

  /** A client connects; what happens to it goes to `end`. */
  connect(sid: Sid, end: ClientEnd, transport: "tcp" | "websocket" = "tcp"): ConnectionId | undefined {
    const replica = this.replica(sid);
    if (replica.keeper === undefined) return undefined;
    const id = ++this.#ids;
    const caller = { remoteAddress: `10.0.0.${sid}:4000`, identities: this.identities };
    const entropy = entropyOf(id, this.rng);
    replica.clients.set(id, end);
    this.input(sid, { kind: "clientOpened", opening: { ...caller, id, transport, entropy } });
    return id;
  }

  /** Bytes of a client, which arrive after a while, in order. */
  clientSends(sid: Sid, connection: ConnectionId, bytes: Uint8Array): void {
    this.#clientLater(() => {
      if (!this.replica(sid).clients.has(connection)) return;
      this.input(sid, { kind: "clientBytes", received: [{ connection, bytes }] });
    });
  }

  /** A client hangs up; `isUnnoticed` where the replica never learns of it. */
  clientCloses(sid: Sid, connection: ConnectionId, isUnnoticed = false): void {
    const replica = this.replica(sid);
    this.#clientLater(() => {
      if (!replica.clients.delete(connection) || isUnnoticed) return;
      this.input(sid, { kind: "clientClosed", connection });
    });
  }

  /** Somebody without a connection asks for something; `told` hears the end of it, unless it is hung up before. */
  call(sid: Sid, asked: CallAsked, told: (answer: CallAnswer | "lost") => void): CallId {
    const replica = this.replica(sid);
    const id = ++this.#ids;
    replica.callers.set(id, told);
    const entropy = entropyOf(id, this.rng);
    const caller = { bytes: 100, remoteAddress: `10.1.0.${sid}:0`, identities: this.identities };
    this.input(sid, { kind: "calls", calls: [{ ...asked, ...caller, id, entropy }] });
    return id;
  }

  /** The caller hangs up. */
  hangUp(sid: Sid, call: CallId): void {
    this.replica(sid).callers.delete(call);
    this.input(sid, { kind: "callGone", call });
  }

  /** Lets this much time pass. */
  run(durationMs: number): void {
    this.#agenda.runUntil(() => false, this.nowMs + durationMs);
  }

  /** Lets time pass until the condition holds; throws when it does not within the limit. */
  until(what: string, condition: () => boolean, limitMs = 20_000): void {
    if (this.#agenda.runUntil(condition, this.nowMs + limitMs)) return;
    throw new Error(`not within ${limitMs} ms: ${what}\n${this.describe()}`);
  }

  /** Steps a keeper and performs its turn. */
  input(sid: Sid, input: KeeperInput): void {
    const replica = this.replica(sid);
    if (replica.frozen !== undefined) {
      const { instance } = replica;
      replica.frozen.push(() => {
        if (replica.instance === instance) this.input(sid, input);
      });
      return;
    }
    const { keeper } = replica;
    if (keeper === undefined || replica.isInstalling) return;
    const turn = keeper.step(input, this.clockOf(sid));
    // What clients read is told at ticks: it draws no lots, so that it changes no other run.
    this.#perform(replica, turn, input.kind !== "clientsSent");
    this.#checkDigest(replica);
  }

  /** What the replica's clock shows. */
  clockOf(sid: Sid): number {
    return EPOCH_MS + this.replica(sid).clockAt(this.nowMs);
  }

  get nowMs(): number {
    return this.#agenda.nowMs;
  }

  later(delayMs: number, act: () => void): void {
    this.#agenda.later(delayMs, act);
  }

  describe(): string {
    const lines = [...this.replicas.values()].map(({ sid, keeper }) => {
      if (keeper === undefined) return `${sid} down`;
      const { mode, lastZxid, lastCommitted, lastDelivered, currentEpoch, zab } = keeper.status();
      const zxids = `last ${lastZxid} committed ${lastCommitted} delivered ${lastDelivered}`;
      return `${sid} ${mode} epoch ${currentEpoch} ${zxids} ${JSON.stringify(zab)}`;
    });
    return [`at ${this.nowMs} ms`, ...lines].join("\n");
  }

  #tick(replica: Replica): void {
    const { instance } = replica;
    const sent = replica.takeSent();
    if (sent.length > 0) this.input(replica.sid, { kind: "clientsSent", sent });
    if (!replica.isTimerStalled) this.input(replica.sid, { kind: "tick" });
    this.later(TICK_MS, () => {
      if (replica.instance === instance && replica.keeper !== undefined) this.#tick(replica);
    });
  }

  #perform(replica: Replica, turn: Turn, mayFlush: boolean): void {
    const { instance } = replica;
    const isGone = (): boolean => {
      if (replica.crashAfterEffects !== undefined && replica.crashAfterEffects-- === 0)
        this.crash(replica.sid);
      return replica.keeper === undefined || replica.instance !== instance;
    };
    for (const send of turn.free) {
      if (isGone()) return;
      this.#hold(replica, () => this.#send(replica, send));
    }
    const isFlushDue = mayFlush && this.rng.below(16) === 0;
    if (turn.writes.length > 0 || isFlushDue) {
      if (isGone()) return;
      const installed = replica.transact(turn.writes);
      if (turn.restart) this.#startAnew(replica, installed);
      replica.issued++;
      this.later(1 + this.rng.below(this.diskMs + 1), () => {
        if (replica.instance === instance && replica.keeper !== undefined) this.#sync(replica);
      });
    }
    for (const action of turn.after) {
      if (isGone()) return;
      this.#hold(replica, () => this.#act(replica, action));
    }
    if (turn.more) {
      this.continues++;
      this.later(replica.continueMs, () => {
        if (replica.instance === instance) this.input(replica.sid, { kind: "continue" });
      });
    }
  }

  /** The snapshot takes effect once it is durable, with a new start. */
  #startAnew(replica: Replica, last: Zxid | undefined): void {
    replica.isInstalling = true;
    const issued = replica.issued + 1;
    replica.held.push({
      needs: issued,
      act: () => {
        if (last !== undefined) replica.keepStaged(last);
        this.crash(replica.sid, 0);
        this.start(replica.sid);
      },
    });
  }

  #act(replica: Replica, action: Action): void {
    const { sid } = replica;
    switch (action.kind) {
      case "linkSend":
        return this.#send(replica, action);
      case "openLink":
        return this.#open(sid, action.to);
      case "closeLink": {
        const link = replica.links.get(action.link);
        if (link !== undefined) this.#breakLink(link);
        return undefined;
      }
      case "notify":
        return this.#notify(sid, action.to, encodeNotification(action.notification));
      case "register":
        return this.#hold(replica, () =>
          this.later(1, () => this.input(sid, this.#register.consult(action))),
        );
      case "clientSend":
      case "clientClose":
      case "clientDrop":
      case "clientFlow":
        return this.#clientLater(() => replica.tellClient(action));
      case "callProbe":
        replica.probed.add(action.call);
        return undefined;
      case "callAnswer": {
        const told = replica.callers.get(action.call);
        replica.callers.delete(action.call);
        told?.(action.answer);
        return undefined;
      }
      case "stream":
        return replica.tellReader(action);
      case "span":
      case "log":
        return replica.noted(action);
      case "clientWord":
        return undefined;
    }
  }

  #hold(replica: Replica, act: () => void): void {
    replica.held.push({ needs: replica.issued, act });
    this.#release(replica);
  }

  #release(replica: Replica): void {
    const { instance } = replica;
    while (replica.instance === instance && replica.keeper !== undefined) {
      const first = replica.held[0];
      if (first === undefined || first.needs > replica.durable) return;
      replica.held.shift();
      first.act();
    }
  }

  #sync(replica: Replica): void {
    if (replica.disk.pending === 0) return;
    replica.disk.sync();
    replica.durable++;
    this.#release(replica);
  }

  #send(replica: Replica, { link: id, bytes }: LinkSend): void {
    const link = replica.links.get(id);
    if (link === undefined || link.isDead) return;
    this.largestFrame = Math.max(this.largestFrame, bytes.length);
    const to = link.learner === replica.sid ? link.leader : link.learner;
    const atMs = Math.max(this.nowMs + this.#delay(), link.arrivals.get(to) ?? 0);
    link.arrivals.set(to, atMs);
    this.later(atMs - this.nowMs, () => {
      if (link.isDead) return;
      this.input(to, { kind: "linkBytes", link: must(link.ends.get(to), "an end"), bytes });
    });
  }

  #notify(from: Sid, to: Sid, bytes: Uint8Array): void {
    if (this.#blocked.has(`${from}>${to}`)) return;
    this.later(this.#delay(), () => {
      const target = this.replica(to);
      if (target.keeper === undefined || target.frozen !== undefined) return;
      this.input(to, { kind: "notification", notification: decodeNotification(bytes) });
      if (target.keeper === undefined) return;
      const answer = encodeNotification(target.keeper.notification());
      this.#hold(target, () => {
        if (this.#blocked.has(`${to}>${from}`)) return;
        const notification = decodeNotification(answer);
        this.later(this.#delay(), () => this.input(from, { kind: "notification", notification }));
      });
    });
  }

  #open(from: Sid, to: Sid): void {
    const { instance } = this.replica(from);
    const isReachable = !this.#blocked.has(`${from}>${to}`) && !this.#blocked.has(`${to}>${from}`);
    this.later(this.#delay(), () => {
      const source = this.replica(from);
      const target = this.replica(to);
      if (source.instance !== instance || source.keeper === undefined) return;
      if (!isReachable || target.keeper === undefined) {
        this.input(from, { kind: "linkFailed", to });
        return;
      }
      const ends = new Map([from, to].map((sid) => [sid, ++this.#ids]));
      const link: Link = { ends, learner: from, leader: to, isDead: false, arrivals: new Map() };
      for (const [sid, id] of ends) this.replica(sid).links.set(id, link);
      const idOf = (sid: Sid): LinkId => must(ends.get(sid), "an end");
      this.input(to, { kind: "linkOpened", link: idOf(to), sid: from, role: "from-learner" });
      if (link.isDead) this.input(from, { kind: "linkFailed", to });
      else this.input(from, { kind: "linkOpened", link: idOf(from), sid: to, role: "to-leader" });
    });
  }

  #breakLink(link: Link): void {
    link.isDead = true;
    for (const [sid, id] of link.ends) {
      const replica = this.replica(sid);
      if (!replica.links.delete(id)) continue;
      const { instance } = replica;
      this.later(this.#delay(), () => {
        if (replica.instance === instance) this.input(sid, { kind: "linkClosed", link: id });
      });
    }
  }

  #checkDigest({ sid, tree, isDigestWrong }: Replica): void {
    if (tree === undefined || isDigestWrong || equalZxid(tree.lastApplied, ZXID_ZERO)) return;
    const at = zxidText(tree.lastApplied);
    const digest = digestText(tree.digest);
    const known = this.digests.get(at);
    if (known === undefined) this.digests.set(at, digest);
    else if (known !== digest) throw new Error(`replica ${sid} has ${digest} at ${at}, others ${known}`);
  }

  /** Bytes of one direction stay in order: all take equally long. */
  #clientLater(act: () => void): void {
    if (this.clientDelayMs === 0) act();
    else this.later(this.clientDelayMs, act);
  }

  #delay(): number {
    return 1 + this.rng.below(this.delayMs + 1);
  }
}
