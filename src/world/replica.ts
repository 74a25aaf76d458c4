/** One replica of a simulated world: what outlives its objects (disk, clock, alarm), and the object that it has now. */
import type { Sid } from "../base/ids.ts";
import { ClientCalls } from "./client-calls.ts";
import { ClientConnections, type Connection } from "./client-connections.ts";
import { ClientStreams } from "./client-streams.ts";
import { ReplicaClock } from "./clock.ts";
import { Disk } from "./disk.ts";
import { Links, type Objects } from "./links.ts";
import { type Home, Machine, type PlannedDeath } from "./machine.ts";
import type { Network } from "./network.ts";
import { Notifications } from "./notifications.ts";
import { type Register, RegisterCalls } from "./register.ts";
import type { Setting } from "./setting.ts";

/** An alarm whose handler failed comes again after this long. */
const ALARM_RETRY_MS = 2000;

/** What all replicas share. */
export interface ReplicaParts {
  readonly setting: Setting;
  readonly network: Network;
  readonly objects: Objects;
  readonly register: Register;
}

/** See the file's comment. */
export class Replica implements Home {
  readonly sid: Sid;
  readonly disk: Disk;
  readonly clock: ReplicaClock;
  death: PlannedDeath | undefined;
  timerStalledBy = 0;
  starts = 0;
  lastInstance = 0;
  readonly parked: Connection[] = [];
  /** While above 0 nothing brings it to life: so many faults want it so. */
  downBy = 0;
  /** Superseded objects that live on for a moment. */
  readonly ghosts: Machine[] = [];
  /** How late the next alarm comes, and how often. */
  badAlarm: { readonly lateMs: number; readonly times: number } | undefined;
  readonly #parts: ReplicaParts;
  #machine: Machine | undefined;
  #alarms = 0;

  constructor(sid: Sid, parts: ReplicaParts) {
    this.sid = sid;
    this.#parts = parts;
    const { setting } = parts;
    this.clock = new ReplicaClock(setting.agenda);
    this.disk = new Disk({
      sid,
      agenda: setting.agenda,
      rng: setting.rng("disk", sid),
      onSynced: (isPowerFailing) => {
        setting.tell((observer) => observer.synced?.(sid));
        if (!isPowerFailing) this.#machine?.release();
      },
    });
  }

  /** The object in memory that owns the disk; undefined while there is none. */
  get machine(): Machine | undefined {
    return this.#machine;
  }

  get isDown(): boolean {
    return this.downBy > 0;
  }

  /** The object, brought to life by the event that asks for it; undefined while the replica is down. */
  reach(): Machine | undefined {
    if (this.isDown) return undefined;
    if (this.#machine !== undefined) return this.#machine;
    try {
      this.#machine = new Machine(this, this.#parts.setting, (machine) => ({
        links: new Links(machine, this.#parts),
        notifications: new Notifications(machine, this.#parts),
        register: new RegisterCalls(machine, this.#parts),
        clients: new ClientConnections(
          machine,
          this.#parts.setting.rng("keeper", this.sid, 1_000_000 + this.starts),
          this.#parts.setting,
        ),
        calls: new ClientCalls(machine, this.#parts.setting.rng("keeper", this.sid, 2_000_000 + this.starts)),
        streams: new ClientStreams(
          machine,
          this.#parts.setting.rng("clients", this.sid, 3_000_000 + this.starts),
        ),
      }));
    } catch (error) {
      // It fails at once: the next event tries again.
      this.#crashOf(this.#parts.setting.failure(error));
    }
    return this.#machine;
  }

  /** The object is gone; of the transactions under way the oldest `kept` survive, by default a random number. */
  crash(why: string, kept?: number): void {
    const machine = this.#machine;
    this.#machine = undefined;
    this.disk.keep(kept);
    this.disk.crash();
    machine?.die(why);
    for (const connection of this.parked.splice(0)) connection.hangUp();
  }

  /** The object leaves memory; what it wrote becomes durable in its time. */
  evict(): void {
    const machine = this.#machine;
    this.#machine = undefined;
    if (machine?.isAsleep === true) this.parked.push(...machine.clients.leaveParked());
    machine?.die("evicted");
  }

  /** Another object takes over while the present one lives on, unable to write. */
  supersede(): Machine | undefined {
    const ghost = this.#machine;
    if (ghost === undefined) return undefined;
    const { volume } = this.disk;
    const rng = this.#parts.setting.rng("faults", this.sid, this.starts);
    this.disk.keep(rng.below(volume.pendingCount + 1), false);
    ghost.supersede();
    this.disk.crash();
    this.ghosts.push(ghost);
    this.#machine = undefined;
    this.reach();
    return ghost;
  }

  /** A superseded object is gone. */
  lay(ghost: Machine): void {
    const at = this.ghosts.indexOf(ghost);
    if (at < 0) return;
    this.ghosts.splice(at, 1);
    ghost.die("superseded");
  }

  /** All superseded objects are gone. */
  layAll(): void {
    for (let ghost = this.ghosts[0]; ghost !== undefined; ghost = this.ghosts[0]) this.lay(ghost);
  }

  /** There is no alarm any more. */
  deleteAlarm(): void {
    this.#alarms++;
  }

  /** Sets the alarm by this replica's clock; an earlier one is void. It outlives the object. */
  setAlarm(atMs: number): void {
    const alarm = ++this.#alarms;
    const delayMs = this.clock.worldMs(Math.max(0, atMs - this.clock.nowMs));
    this.#parts.setting.agenda.later(delayMs, () => {
      if (alarm === this.#alarms) this.#ring();
    });
  }

  failed(machine: Machine, error: Error): void {
    if (machine === this.#machine) this.#crashOf(error);
    else this.lay(machine);
  }

  #crashOf(error: Error): void {
    const { death } = this;
    this.crash(error.message);
    if (death?.effectsLeft !== 0) return;
    this.death = undefined;
    death.onDied();
  }

  #ring(): void {
    const { agenda } = this.#parts.setting;
    // A handler that finds nobody is called again, as one that fails is.
    if (this.isDown) return this.setAlarm(this.clock.nowMs + ALARM_RETRY_MS);
    const bad = this.badAlarm;
    this.badAlarm = undefined;
    if (bad === undefined) return this.reach()?.onAlarm();
    for (let nth = 0; nth < bad.times; nth++) {
      agenda.later(bad.lateMs + nth, () => this.reach()?.onAlarm());
    }
    return undefined;
  }

  /** Its objects, the one that owns the disk first. */
  get machines(): readonly Machine[] {
    return this.#machine === undefined ? this.ghosts : [this.#machine, ...this.ghosts];
  }
}
