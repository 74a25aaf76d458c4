/**
 * One object in memory: a replica from its start to its end, run by the product's own keeper, store, heart and order of
 * turns. Its output gate is the runtime's: whatever is sent waits until every transaction issued before is durable.
 */
import { assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { EPOCH_MAX, type Zxid } from "../base/zxid.ts";
import { Heart } from "../durable/heart.ts";
import { LOG_BYTES_MAX } from "../durable/limits.ts";
import { LOG_SLOTS } from "../durable/schema.ts";
import type { SqlDatabase } from "../durable/sql.ts";
import { Store } from "../durable/store.ts";
import { type Brain, Turns } from "../durable/turns.ts";
import { AUTH } from "./auth.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import { Keeper } from "../keeper/keeper.ts";
import { isCalledBy } from "../keeper/membership-change.ts";
import type { Action, Turn } from "../keeper/turn.ts";
import type { Tree } from "../tree/tree.ts";
import type { PeerStart } from "../zab/config.ts";
import type { Notification, Proposal } from "../zab/message.ts";
import type { ClientCalls } from "./client-calls.ts";
import type { ClientConnections, Connection } from "./client-connections.ts";
import type { ClientStreams } from "./client-streams.ts";
import type { ReplicaClock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { Links } from "./links.ts";
import type { Notifications } from "./notifications.ts";
import type { RegisterCalls } from "./register.ts";
import { NOTHING_LEFT, stateAfter } from "./disk-state.ts";
import { FALLS_ASLEEP, type MachineView } from "./observer.ts";
import type { Setting } from "./setting.ts";
import { InjectedFailure, type Volume } from "./volume.ts";

/** A death between two effects of a turn. */
export interface PlannedDeath {
  effectsLeft: number;
  readonly onDied: () => void;
}

/** What belongs to a replica and outlives its machines. */
export interface Home {
  readonly sid: Sid;
  readonly disk: Disk;
  readonly clock: ReplicaClock;
  /** Undefined where none is planned. */
  readonly death: PlannedDeath | undefined;
  /** While above 0 no timer fires: so many faults want it so. */
  timerStalledBy: number;
  /** Starts so far, which name them. */
  starts: number;
  /** The number of the latest start: a fresh disk counts on from there. */
  lastInstance: number;
  /** Connections that stand while none of its objects is in memory. */
  readonly parked: Connection[];
  setAlarm(atMs: number): void;
  /** There is none any more. */
  deleteAlarm(): void;
  /** The machine's own failure ends it. */
  failed(machine: Machine, error: Error): void;
}

/** A machine's ways to the outside, made for it. */
export interface Outside {
  readonly links: Links;
  readonly notifications: Notifications;
  readonly register: RegisterCalls;
  readonly clients: ClientConnections;
  readonly calls: ClientCalls;
  readonly streams: ClientStreams;
}

/** One start: what observers see. A snapshot that is installed makes a new one of the same machine. */
class Start implements MachineView {
  readonly sid: Sid;
  readonly name: string;
  readonly keeper: Keeper;
  readonly store: Store;
  readonly #machine: Machine;

  constructor(machine: Machine, name: string, parts: { readonly keeper: Keeper; readonly store: Store }) {
    this.#machine = machine;
    this.sid = machine.sid;
    this.name = name;
    this.keeper = parts.keeper;
    this.store = parts.store;
  }

  get instance(): number {
    return this.store.start.instance;
  }

  get isSuperseded(): boolean {
    return this.#machine.isSuperseded;
  }

  get tree(): Tree {
    return this.store.tree;
  }

  get start(): PeerStart {
    return this.store.start;
  }

  get written(): Zxid {
    return this.store.written;
  }

  readLog(after: Zxid, upTo: Zxid): readonly Proposal[] {
    return this.store.log.read({ after, upTo, bytesMax: Number.POSITIVE_INFINITY });
  }
}

/** See the file's comment. */
export class Machine {
  readonly home: Home;
  isAlive = true;
  isSuperseded = false;
  /** Lines of its log. */
  readonly log: string[] = [];
  readonly #setting: Setting;
  readonly #outside: Outside;
  readonly #turns: Turns;
  readonly #heart: Heart;
  #volume: Volume;
  #start: Start;
  #endsBy = "a snapshot was installed";
  readonly #gate: { readonly needs: number; readonly act: () => void }[] = [];
  /** While it stands still, what happens to it waits here. */
  #frozen: (() => void)[] | undefined;

  /** Throws where the disk fails at once, or what is on it cannot be started from. */
  constructor(home: Home, setting: Setting, outside: (machine: Machine) => Outside) {
    this.home = home;
    this.#setting = setting;
    this.#volume = home.disk.volume;
    this.#outside = outside(this);
    this.#start = this.#read();
    this.#turns = new Turns(this.#brain(), {
      now: () => home.clock.nowMs,
      perform: (action) => this.#perform(action),
      continueSoon: () => setting.agenda.later(1, () => this.accept({ kind: "continue" })),
      startAnew: (parked) => this.#startAnew(parked),
      abort: (error) => this.#abort(error),
    });
    const owner = {
      storage: {
        setAlarm: async (atMs: number): Promise<void> => {
          if (!this.isSuperseded) home.setAlarm(atMs);
        },
        deleteAlarm: async (): Promise<void> => {
          if (!this.isSuperseded) home.deleteAlarm();
        },
      },
      waitUntil: () => undefined,
    };
    const clock = {
      now: () => home.clock.nowMs,
      every: (ms: number, act: () => void) => this.#every(ms, act),
    };
    this.#heart = new Heart(owner, () => this.#tick(), clock);
    this.#begin(true);
  }

  #begin(isNew: boolean): void {
    const { slept } = this.#start.store;
    if (!this.#isMember) {
      if (!isNew) this.#heart.rest();
    } else if (slept !== undefined) this.#heart.sleep(slept.wakeAtMs, isNew);
    else if (isNew) this.#heart.start();
  }

  get sid(): Sid {
    return this.home.sid;
  }

  /** Whether it sleeps until somebody wants something. */
  get isAsleep(): boolean {
    return this.#heart.isAsleep;
  }

  /** Somebody wants something. */
  wake(): void {
    this.deliver(() => this.#heart.wake());
  }

  /** Whether it takes turns by itself. */
  get isBeating(): boolean {
    return this.#heart.isBeating;
  }

  /** As the product's object: who is nobody's member, or was let go, waits until a leader calls. */
  get #isMember(): boolean {
    const { voters, observers } = this.#setting.config(this.sid);
    const { store } = this.#start;
    return !store.isFresh || ([...voters, ...observers].includes(this.sid) && store.removal === undefined);
  }

  get view(): MachineView {
    return this.#start;
  }

  get keeper(): Keeper {
    return this.#start.keeper;
  }

  get tree(): Tree {
    return this.#start.store.tree;
  }

  get links(): Links {
    return this.#outside.links;
  }

  get clients(): ClientConnections {
    return this.#outside.clients;
  }

  get calls(): ClientCalls {
    return this.#outside.calls;
  }

  get streams(): ClientStreams {
    return this.#outside.streams;
  }

  /** Something happens to it: at once, or once it no longer stands still. */
  deliver(act: () => void): void {
    if (!this.isAlive) return;
    if (this.#frozen === undefined) act();
    else this.#frozen.push(act);
  }

  /** One turn. */
  accept(input: KeeperInput): void {
    this.deliver(() => this.#turns.accept(input));
  }

  /** The call of a leader brings a replica to life that waits for one. */
  notified(notification: Notification): void {
    this.deliver(() => {
      this.#heart.wake();
      if (this.#isCalled(notification)) this.#heart.start();
      this.#turns.accept({ kind: "notification", notification });
    });
  }

  #isCalled({ membership }: Notification): boolean {
    return !this.#heart.isBeating && isCalledBy(membership, this.sid, this.#start.store.removal);
  }

  /** Acts once every transaction issued so far is durable. */
  hold(act: () => void): void {
    if (this.#gate.length === 0 && this.#volume.issued <= this.#volume.durableCount) act();
    else this.#gate.push({ needs: this.#volume.issued, act });
  }

  /** More is durable: what waited for it leaves. */
  release(): void {
    this.deliver(() => {
      while (this.isAlive) {
        const [first] = this.#gate;
        if (first === undefined || first.needs > this.#volume.durableCount) return;
        this.#gate.shift();
        first.act();
      }
    });
  }

  onAlarm(): void {
    this.deliver(() => this.#heart.onAlarm());
  }

  freeze(): void {
    this.#frozen ??= [];
  }

  /** Goes on, with all that waited. */
  thaw(): void {
    const waiting = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const act of waiting) this.deliver(act);
  }

  /**
   * Another object of the same replica takes over. This one lives on with its own picture of the disk, and nothing that
   * is not durable by now ever will be.
   */
  supersede(): void {
    this.isSuperseded = true;
    this.#volume = this.#volume.copy();
  }

  /** Is gone, and all that it held with it. */
  die(why: string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#heart.stop();
    this.#gate.length = 0;
    this.#outside.links.die();
    this.#outside.clients.die();
    this.#outside.calls.die();
    this.#outside.streams.die();
    this.#setting.tell((observer) => observer.died?.(this.#start, why));
    if (this.isSuperseded) this.#volume.close();
  }

  #read(parked: Turn["parked"] = []): Start {
    const { home } = this;
    const { disk, clock } = home;
    const { nowMs } = clock;
    const rowsMax = this.#setting.options.logRowsMax ?? LOG_SLOTS;
    const database: SqlDatabase = {
      sql: { exec: (query, ...bindings) => this.#volume.sql.exec(query, ...bindings) },
      transactionSync: (work) => this.#transact(work),
    };
    const store = Store.open(
      database,
      { ensemble: "main", sid: home.sid },
      {
        epochFloor: Math.min(Math.floor(nowMs / 60_000), EPOCH_MAX - 1),
        // The platform's clocks agree so well that a lost disk's successor counts on from later than its starts.
        firstInstance: Math.max(Math.floor(nowMs / 1000), home.lastInstance),
        log: {
          get rowsMax() {
            return disk.isTrimming ? 1 : rowsMax;
          },
          bytesMax: LOG_BYTES_MAX,
        },
      },
    );
    home.starts++;
    home.lastInstance = Math.max(home.lastInstance, store.start.instance);
    const keeper = new Keeper({
      parked: this.#outside.clients.park(parked, store.slept?.zxid),
      pongedMs: (connection) => this.#outside.clients.pongedMs(connection),
      config: this.#setting.config(home.sid),
      start: store.start,
      tree: store.tree,
      log: store.log,
      notes: store.notes,
      auth: AUTH,
      removal: store.removal,
      slept: store.slept,
      rng: this.#setting.rng("keeper", home.sid, home.starts),
      stage: () => store.stage(),
      databaseBytes: () => this.#volume.databaseBytes,
    });
    const start = new Start(this, `${home.sid}#${home.starts}`, { keeper, store });
    this.#setting.tell((observer) => observer.started?.(start));
    return start;
  }

  /** What takes turns, with the ears of observers at its joints. */
  #brain(): Brain {
    const start = this.#start;
    const { keeper, store } = start;
    return {
      keeper: {
        step: (input, nowMs) => {
          const turn = keeper.step(input, nowMs);
          this.#setting.tell((observer) => observer.stepped?.(start, input, turn));
          return turn;
        },
      },
      store: {
        commit: (writes, isFlush) => {
          store.commit(writes, isFlush);
          this.#volume.note(stateAfter(this.#volume.visible, writes, store));
          // Only what the tree on disk has passed is trimmed.
          if (isFlush === true && writes.some(({ kind }) => kind === "append") && !this.isSuperseded)
            this.home.disk.isTrimming = false;
          this.#setting.tell((observer) => observer.wrote?.(start, writes));
        },
        remove: (removal) => {
          store.remove(removal);
          this.#volume.note(NOTHING_LEFT);
          this.#setting.tell((observer) => observer.removed?.(start, removal));
        },
        sleep: (how) => {
          store.sleep(how);
          this.#endsBy = FALLS_ASLEEP;
          this.#volume.note(stateAfter(this.#volume.visible, [], store));
          // Of what invariants know it is a transaction of the tree alone.
          this.#setting.tell((observer) => observer.wrote?.(start, []));
          this.#setting.tell((observer) => observer.slept?.(start, how));
        },
        get isTreeDirty() {
          return store.isTreeDirty;
        },
        get isStagingDirty() {
          return store.isStagingDirty;
        },
        get isConfigDirty() {
          return store.isConfigDirty;
        },
        get dirty() {
          return store.dirty;
        },
      },
    };
  }

  #startAnew(parked: Turn["parked"]): Brain {
    this.#outside.links.closeAll();
    this.#outside.calls.closeAll();
    this.#outside.streams.die();
    const before = this.#start;
    this.#setting.tell((observer) => observer.died?.(before, this.#endsBy));
    this.#endsBy = "a snapshot was installed";
    this.#start = this.#read(parked);
    this.#begin(false);
    return this.#brain();
  }

  #transact<Result>(work: () => Result): Result {
    this.#effect();
    const result = this.#volume.transactionSync(work);
    if (!this.isSuperseded) this.home.disk.issued();
    return result;
  }

  #effect(): void {
    const { death } = this.home;
    if (death === undefined || this.isSuperseded) return;
    if (death.effectsLeft > 0) death.effectsLeft--;
    else throw new InjectedFailure("dies between two effects");
  }

  #perform(action: Action): void {
    this.#effect();
    const { links, notifications, register, clients, calls, streams } = this.#outside;
    const start = this.#start;
    switch (action.kind) {
      case "linkSend":
        return links.send(action.link, action.bytes, (to) =>
          this.#setting.tell((observer) => observer.sentFrame?.(start, to, action.bytes)),
        );
      case "openLink":
        return links.open(action.to);
      case "closeLink":
        return links.close(action.link);
      case "notify":
        return notifications.notify(action.to, action.notification);
      case "register":
        return register.consult(action.founders);
      case "clientSend":
        return clients.send(action.connection, action.bytes, () =>
          this.#setting.tell((observer) => observer.toldClient?.(start, action.connection, action.bytes)),
        );
      case "clientWord":
        return clients.say(action.connection, action.word);
      case "clientClose":
        return clients.close(action.connection);
      case "clientDrop":
        return clients.drop(action.connection);
      case "clientFlow":
        return clients.setReading(action.connection, action.reading);
      case "callProbe":
        return calls.probe(action.call);
      case "callAnswer":
        return calls.answer(action.call, action.answer, () =>
          this.#setting.tell((observer) => observer.toldCaller?.(start, action.answer)),
        );
      case "stream":
        return streams.say(action.stream, action.word);
      case "span":
        return undefined;
      case "log":
        this.log.push(action.line);
        return undefined;
      default:
        return assertNever(action);
    }
  }

  #tick(): void {
    this.#outside.clients.tick();
    this.#turns.accept({ kind: "tick" });
  }

  /** A timer of this machine; while it stands still the timer does, too. */
  #every(intervalMs: number, act: () => void): () => void {
    let isOn = true;
    const beat = (): void => {
      if (!isOn || !this.isAlive) return;
      this.#setting.agenda.later(Math.max(1, this.home.clock.worldMs(intervalMs)), beat);
      if (this.home.timerStalledBy === 0 && this.#frozen === undefined) act();
    };
    this.#setting.agenda.later(this.home.clock.worldMs(intervalMs), beat);
    return () => {
      isOn = false;
    };
  }

  #abort(error: unknown): void {
    this.home.failed(this, this.#setting.failure(error));
  }
}
