/** One replica's disk, which outlives the machines that use it: when what was written becomes durable. */
import type { Sid } from "../base/ids.ts";
import type { Rng } from "../base/rng.ts";
import type { Agenda } from "./agenda.ts";
import type { DiskView } from "./observer.ts";
import { type DiskState, Volume } from "./volume.ts";

/** A transaction takes 1 ms and up to this much more to be durable, unless the disk is slow. */
const SYNC_EXTRA_MS = 4;

/** What a disk needs of the world. */
export interface DiskSetup {
  readonly sid: Sid;
  readonly agenda: Agenda;
  readonly rng: Rng;
  /** One more transaction is durable; where power fails in the same moment nothing that waited for it leaves. */
  readonly onSynced: (isPowerFailing: boolean) => void;
}

/** See the file's comment. */
export class Disk implements DiskView {
  readonly sid: Sid;
  volume: Volume = new Volume();
  /** While above 0 nothing becomes durable: so many faults want it so. */
  stuckBy = 0;
  /** What slow disks add, one for each such fault in force. */
  readonly slownessMs: number[] = [];
  /** The next append keeps no more of the log than one row, as far as the tree on disk needs no more. */
  isTrimming = false;
  readonly #setup: DiskSetup;
  /** When each transaction under way will be durable. */
  #readyMs: number[] = [];
  #isScheduled = false;
  /** Counts power failures and losses: what was scheduled before is void. */
  #generation = 0;

  constructor(setup: DiskSetup) {
    this.sid = setup.sid;
    this.#setup = setup;
  }

  get durable(): DiskState {
    return this.volume.durable;
  }

  get visible(): DiskState {
    return this.volume.visible;
  }

  /** A transaction was issued: it takes its time. */
  issued(): void {
    const { agenda, rng } = this.#setup;
    const extraMs = Math.max(SYNC_EXTRA_MS, ...this.slownessMs);
    this.#readyMs.push(agenda.nowMs + 1 + rng.below(extraMs + 1));
    this.#schedule();
  }

  /** One fault less holds the disk. */
  loosen(): void {
    this.stuckBy--;
    this.#schedule();
  }

  /** The oldest `kept` of the transactions under way are durable now, by default a random number. */
  keep(kept: number = this.#setup.rng.below(this.volume.pendingCount + 1), isPowerFailing = true): void {
    for (let left = Math.min(kept, this.volume.pendingCount); left > 0; left--) this.#sync(isPowerFailing);
  }

  /** Power fails: what is not durable is lost. */
  crash(): void {
    this.volume.crash();
    this.#readyMs = [];
    this.#generation++;
    this.#isScheduled = false;
  }

  /** All is lost. */
  wipe(): void {
    this.crash();
    this.volume.close();
    this.volume = new Volume();
  }

  #schedule(): void {
    const [readyMs] = this.#readyMs;
    if (readyMs === undefined || this.#isScheduled || this.stuckBy > 0) return;
    const { agenda } = this.#setup;
    const generation = this.#generation;
    this.#isScheduled = true;
    agenda.later(readyMs - agenda.nowMs, () => {
      if (generation !== this.#generation) return;
      this.#isScheduled = false;
      if (this.stuckBy > 0) return;
      const count = this.volume.isDeep ? this.volume.pendingCount : 1;
      for (let left = count; left > 0 && generation === this.#generation; left--) this.#sync(false);
      this.#schedule();
    });
  }

  #sync(isPowerFailing: boolean): void {
    this.volume.sync();
    this.#readyMs.shift();
    this.#setup.onSynced(isPowerFailing);
  }
}
