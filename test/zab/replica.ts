/** One replica of the simulated ensemble. */
import type { Sid } from "../../src/base/ids.ts";
import type { LinkId } from "../../src/zab/message.ts";
import type { Peer } from "../../src/zab/peer.ts";
import type { Disk } from "./disk.ts";

/** A link between two replicas of the simulation. */
export interface Link {
  readonly learner: Sid;
  readonly leader: Sid;
  readonly ids: ReadonlyMap<Sid, LinkId>;
  /** Carries nothing any more, told or untold. */
  isDead: boolean;
  /** When the last message to each side arrives: links are FIFO. */
  readonly arrivals: Map<Sid, number>;
}

/** What leaves a replica once enough of its transactions are durable. */
export interface Held {
  readonly needs: number;
  readonly act: () => void;
}

/** One replica: its disk survives, the rest is of one start. */
export class Replica {
  readonly sid: Sid;
  readonly disk: Disk;
  peer: Peer | undefined;
  instance = 0;
  issued = 0;
  durable = 0;
  held: Held[] = [];
  /** Delivered in memory since the beginning of history, as texts. */
  delivered: string[] = [];
  readonly links: Map<LinkId, Link> = new Map();
  /** As leader: how much of what was delivered each snapshot holds so far. */
  readonly snapshots: Map<LinkId, number> = new Map();
  /** As learner: what a snapshot brought so far; lost with the power. */
  staged: string[] | undefined;
  /** A snapshot is written and takes effect with the start that follows; nothing happens before. */
  isInstalling = false;
  /** A write takes up to this long to be durable. */
  diskMs = 5;
  /** While true the disk finishes nothing. */
  isDiskStuck = false;

  constructor(sid: Sid, disk: Disk) {
    this.sid = sid;
    this.disk = disk;
  }

  /** Names this start, as the properties of Zab speak of processes. */
  get name(): string {
    return `replica ${this.sid} start ${this.instance}`;
  }
}
