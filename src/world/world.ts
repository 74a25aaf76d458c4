/**
 * An ensemble in one deterministic simulation: the shipped zab, tree, keeper, store and order of turns, in a world
 * where time is a number, disks sync late, links break, clocks err and objects come and go. The same seed with the same
 * calls gives the same run, event for event.
 */
import type { Identity } from "../base/acl.ts";
import { must } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, equalZxid } from "../base/zxid.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { digestText } from "../tree/digest.ts";
import type { Tree } from "../tree/tree.ts";
import type { CallAsked } from "../keeper/call.ts";
import { callReplica } from "./client-calls.ts";
import type { StreamAsked } from "../keeper/event-stream.ts";
import { Connection } from "./client-connections.ts";
import type {
  CallEnd,
  CallPort,
  CallSocket,
  ClientEnd,
  ClientPort,
  ClientSocket,
  StreamPort,
  StreamReaderEnd,
  StreamSocket,
} from "./client-port.ts";
import { readReplica } from "./client-streams.ts";
import type { Fault } from "./fault.ts";
import { Faults, isWhole } from "./faults.ts";
import type { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import type { DiskView, MachineView, WorldObserver, WorldView } from "./observer.ts";
import { Replica } from "./replica.ts";
import { Roster } from "./roster.ts";
import { Setting, type WorldOptions } from "./setting.ts";

/** See the file's comment. */
export class World implements WorldView, ClientPort, CallPort, StreamPort {
  readonly #setting: Setting;
  readonly #network: Network;
  readonly #replicas: ReadonlyMap<Sid, Replica>;
  readonly #faults: Faults;
  readonly #roster: Roster;

  constructor(options: WorldOptions) {
    this.#setting = new Setting(options);
    this.#roster = new Roster(this.#setting.config(1), {
      nowMs: () => this.nowMs,
      durableLast: (sid) => this.disk(sid).durable.last,
    });
    this.#setting.observers.push(this.#roster);
    this.#network = new Network(this.#setting);
    const parts = {
      setting: this.#setting,
      network: this.#network,
      objects: { reach: (sid: Sid) => this.replica(sid).reach() },
      register: { founders: undefined },
      replica: (sid: Sid) => this.replica(sid),
    };
    this.#replicas = new Map(this.#setting.sids.map((sid) => [sid, new Replica(sid, parts)]));
    this.#faults = new Faults({ ...parts, roster: this.#roster });
  }

  /** Told of everything; put in whoever shall be told. */
  get observers(): WorldObserver[] {
    return this.#setting.observers;
  }

  /** What the code under test has thrown; the objects started again from their disks, as on the platform. */
  get crashes(): readonly Error[] {
    return this.#setting.crashes;
  }

  get nowMs(): number {
    return this.#setting.agenda.nowMs;
  }

  get moment(): number {
    return this.#setting.agenda.moment;
  }

  get voters(): readonly Sid[] {
    return this.#setting.voters;
  }

  get sids(): readonly Sid[] {
    return this.#setting.sids;
  }

  /** The members by the latest membership that is committed. */
  get members(): readonly Sid[] {
    const { voters, observers } = this.#roster.present;
    return [...voters, ...observers];
  }

  *machines(): Iterable<MachineView> {
    for (const { machines } of this.#replicas.values()) for (const { view } of machines) yield view;
  }

  disk(sid: Sid): DiskView {
    return this.replica(sid).disk;
  }

  replica(sid: Sid): Replica {
    return must(this.#replicas.get(sid), `replica ${sid}`);
  }

  /** The object of a replica that is up. */
  machine(sid: Sid): Machine {
    return must(this.replica(sid).machine, `replica ${sid} is up`);
  }

  keeper(sid: Sid): Keeper {
    return this.machine(sid).keeper;
  }

  tree(sid: Sid): Tree {
    return this.machine(sid).tree;
  }

  /** Brings every replica to life that is not down. */
  startAll(): this {
    for (const replica of this.#replicas.values()) replica.reach();
    return this;
  }

  later(delayMs: number, act: () => void): void {
    this.#setting.agenda.later(delayMs, act);
  }

  connect(sid: Sid, end: ClientEnd): ClientSocket {
    const connection = new Connection(this.#setting.newId(), end, this.#setting);
    connection.request(() => this.replica(sid).reach());
    return connection;
  }

  call(sid: Sid, asked: CallAsked, end: CallEnd, identities: readonly Identity[] = []): CallSocket {
    const parts = { setting: this.#setting, reach: (to: Sid) => this.replica(to).reach() };
    return callReplica(parts, { sid, asked, identities }, end);
  }

  read(sid: Sid, asked: StreamAsked, end: StreamReaderEnd): StreamSocket {
    const parts = { setting: this.#setting, reach: (to: Sid) => this.replica(to).reach() };
    return readReplica(parts, { sid, asked }, end);
  }

  /** Puts in a fault, which ends itself; whether it is allowed, see Faults. */
  apply(fault: Fault): boolean {
    return this.#faults.apply(fault);
  }

  /** Ends every fault, and brings every replica to life. */
  healAll(): void {
    this.#faults.endAll();
    this.startAll();
    for (const { machine } of this.#replicas.values()) machine?.wake();
  }

  /** Lets this much time pass. */
  run(durationMs: number): void {
    this.#setting.agenda.runUntil(() => false, this.nowMs + durationMs);
  }

  /** Lets time pass until the condition holds, for so long at most; whether it does. */
  tryUntil(condition: () => boolean, limitMs: number): boolean {
    return this.#setting.agenda.runUntil(condition, this.nowMs + limitMs);
  }

  /** Lets time pass until the condition holds; throws when it does not within the limit. */
  until(what: string, condition: () => boolean, limitMs = 20_000): void {
    if (this.tryUntil(condition, limitMs)) return;
    throw new Error(`not within ${limitMs} ms: ${what}\n${this.describe()}`);
  }

  /** Frees the memory of all databases: nothing may happen or be asked any more. */
  close(): void {
    for (const replica of this.#replicas.values()) {
      replica.layAll();
      replica.disk.volume.close();
    }
  }

  /** Whether every member is up and answers requests, or would. */
  isServing(): boolean {
    return this.members.every((sid) => {
      const { machine } = this.replica(sid);
      return machine !== undefined && (machine.keeper.serving || machine.isAsleep);
    });
  }

  /** Whether every member serves, and all have delivered the same to the same effect. */
  isConverged(): boolean {
    if (!this.isServing()) return false;
    const [first, ...others] = this.members.map((sid) => this.tree(sid));
    const { lastApplied, digest } = must(first, "a replica");
    // A leader that is let go may have delivered what the members have not heard to be committed.
    for (const { machine } of this.#replicas.values())
      if (machine !== undefined && compareZxid(machine.tree.lastApplied, lastApplied) > 0) return false;
    return others.every(
      (tree) => equalZxid(tree.lastApplied, lastApplied) && digestText(tree.digest) === digestText(digest),
    );
  }

  /** Whether the ensemble can never serve again, as nobody can know who its members are; see Roster. */
  isLost(): boolean {
    return this.#roster.isLost(this.sids.filter((sid) => isWhole(this.replica(sid))));
  }

  /** The replica that leads and serves, the latest if several think so. */
  leader(): Sid | undefined {
    let found: { readonly sid: Sid; readonly epoch: number } | undefined;
    for (const { sid, machine } of this.#replicas.values()) {
      const status = machine?.keeper.status();
      if (status === undefined || (status.mode !== "leader" && status.mode !== "standalone")) continue;
      if (found === undefined || status.currentEpoch > found.epoch) {
        found = { sid, epoch: status.currentEpoch };
      }
    }
    return found?.sid;
  }

  /** A line for each replica. */
  describe(): string {
    const lines = [...this.#replicas.values()].map(({ sid, machine, isDown, disk }) => {
      if (machine?.isAsleep === true) return `${sid} asleep, in memory`;
      if (machine === undefined) return `${sid} ${isDown ? "down" : "asleep"}`;
      const { mode, serving, lastZxid, lastCommitted, lastDelivered, currentEpoch, zab } =
        machine.keeper.status();
      const zxids = `last ${lastZxid} committed ${lastCommitted} delivered ${lastDelivered}`;
      const waiting = `${disk.volume.pendingCount} transactions under way`;
      const what = `${mode}${serving ? ", serving" : ""}`;
      return `${machine.view.name} ${what} epoch ${currentEpoch} ${zxids} ${waiting} ${JSON.stringify(zab)}`;
    });
    return [`at ${this.nowMs} ms`, ...lines].join("\n");
  }
}
