/**
 * One start of a replica as invariants follow it: what it holds in memory, and what the world may know of that. What a
 * turn did in memory is of no consequence before all that was written up to then is durable, as nothing of it leaves.
 */
import type { Sid } from "../../../src/base/ids.ts";
import { compareZxid, equalZxid, type Zxid, zxidText } from "../../../src/base/zxid.ts";
import type { PeerWrite } from "../../../src/zab/effects.ts";
import { follows } from "../../../src/zab/history.ts";
import type { LinkId } from "../../../src/zab/message.ts";
import type { DiskModel, Image } from "./disks.ts";
import type { Entry, Histories } from "./histories.ts";
import { broken, type Watched } from "./view.ts";
import type { Process } from "./zab-nine.ts";

/** Where a leader is: in synchronization its epoch has begun, in broadcast a quorum is in it. */
export interface Leading {
  readonly epoch: number;
  isEstablished: boolean;
}

/** See the file's comment. */
export class Run {
  readonly machine: Watched;
  readonly disk: DiskModel;
  readonly process: Process;
  /** Its tree was damaged on purpose: nothing is judged by it. */
  readonly isTainted: boolean;
  /** In memory: the whole history, and how far it is delivered. */
  history: Entry;
  delivered: Entry;
  acceptedEpoch: number;
  currentEpoch: number;
  /** Before the latest writes: the epoch that was in force, and the history. */
  epochBefore = 0;
  historyBefore: Entry;
  leading: Leading | undefined;
  isInstalling = false;
  /** Whom each link leads to. */
  readonly links: Map<LinkId, Sid> = new Map();
  readonly #histories: Histories;
  /** The first stands for all that the disk was still to finish when this start began. */
  #issued = 1;
  #durable = 0;
  #held: { readonly needs: number; readonly act: () => void }[] = [];

  constructor(parts: {
    readonly machine: Watched;
    readonly disk: DiskModel;
    readonly process: Process;
    readonly image: Image;
    readonly delivered: Entry;
    readonly histories: Histories;
  }) {
    this.machine = parts.machine;
    this.disk = parts.disk;
    this.process = parts.process;
    this.isTainted = parts.image.isTainted;
    this.history = parts.image.history;
    this.historyBefore = this.history;
    this.delivered = parts.delivered;
    this.acceptedEpoch = parts.image.acceptedEpoch;
    this.currentEpoch = parts.image.currentEpoch;
    this.#histories = parts.histories;
    this.disk.whenDurable(() => this.#reached(1));
  }

  get name(): string {
    return this.machine.name;
  }

  /** Takes in what a turn writes; gives what was appended, oldest first. */
  take(writes: readonly PeerWrite[]): readonly Entry[] {
    const appended: Entry[] = [];
    this.epochBefore = this.currentEpoch;
    this.historyBefore = this.history;
    for (const write of writes) {
      if (write.kind === "epochs") {
        this.acceptedEpoch = write.acceptedEpoch;
        this.currentEpoch = write.currentEpoch;
      } else if (write.kind === "append") {
        for (const proposal of write.proposals) {
          if (!follows(this.history.zxid, proposal.zxid)) this.#hole(`appends ${zxidText(proposal.zxid)}`);
          this.history = this.#histories.extend(this.history, proposal);
          appended.push(this.history);
        }
      } else if (write.kind === "truncate") {
        this.history = this.#cut(write.after);
      } else if (write.kind === "install") {
        this.isInstalling = true;
        this.history =
          this.#histories.deliveredAt(write.last) ??
          broken("SnapshotIsWhole", `${this.name} installs ${zxidText(write.last)}, which nobody delivered`);
      }
    }
    return appended;
  }

  /** What was delivered anywhere is committed: no leader asks anybody to forget it. */
  #cut(after: Zxid): Entry {
    const kept = this.#histories.find(this.history, after) ?? this.#hole(`is cut at ${zxidText(after)}`);
    const next = this.#histories.order[kept.depth];
    if (next !== undefined && !this.machine.isSuperseded && this.#histories.holds(this.history, next)) {
      broken("CommittedIsNeverLost", `${this.name} cuts off ${zxidText(next.zxid)}, which was delivered`);
    }
    return kept;
  }

  #hole(what: string): never {
    return broken(
      "HistoryHasNoHole",
      `${this.name} ${what}, and its history ends at ${zxidText(this.history.zxid)}`,
    );
  }

  /** Follows the tree to where a turn has brought it; gives what was delivered, oldest first. */
  deliver(): readonly Entry[] {
    const at = this.machine.tree.lastApplied;
    if (equalZxid(at, this.delivered.zxid)) return [];
    const end = this.#histories.find(this.history, at);
    const path = end === undefined ? undefined : this.#histories.between(this.delivered, end);
    if (path === undefined || compareZxid(at, this.delivered.zxid) < 0) {
      const from = zxidText(this.delivered.zxid);
      broken(
        "Integrity",
        `${this.name} went from ${from} to ${zxidText(at)}, which its history does not hold`,
      );
    }
    this.delivered = path.at(-1) ?? this.delivered;
    return path;
  }

  /** How many transactions must be durable for what is sent now, or behind one more. */
  needs(isWriting: boolean): number {
    return this.#issued + (isWriting ? 1 : 0);
  }

  /** Acts once so many transactions are durable. */
  hold(needs: number, act: () => void): void {
    this.#held.push({ needs, act });
    this.#release();
  }

  /** A transaction was handed to the disk; whether a snapshot that it installs is of a damaged tree. */
  write(isSenderTainted: boolean): void {
    this.#issued++;
    if (this.machine.isSuperseded) return;
    const number = this.#issued;
    this.disk.write({
      acceptedEpoch: this.acceptedEpoch,
      currentEpoch: this.currentEpoch,
      history: this.history,
      isInstalled: this.isInstalling,
      isDamaged: !this.isInstalling && this.disk.visible.isDamaged,
      isTainted: this.isInstalling ? isSenderTainted : this.disk.visible.isTainted,
      lastDelivered: this.isInstalling ? this.history.zxid : this.machine.written,
      whenDurable: [() => this.#reached(number)],
    });
  }

  /** All that it has goes, in a transaction. */
  remove(): void {
    this.#issued++;
    if (this.machine.isSuperseded) return;
    const number = this.#issued;
    this.disk.remove(() => this.#reached(number));
  }

  /** It is gone, and what it held with it. */
  end(): void {
    this.#held = [];
  }

  #reached(number: number): void {
    this.#durable = Math.max(this.#durable, number);
    this.#release();
  }

  #release(): void {
    for (
      let first = this.#held[0];
      first !== undefined && first.needs <= this.#durable;
      first = this.#held[0]
    ) {
      this.#held.shift();
      first.act();
    }
  }
}
