/** One replica of the simulated ensemble. */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, equalZxid, type Zxid } from "../../src/base/zxid.ts";
import type { PeerInput } from "../../src/zab/config.ts";
import type { LinkId } from "../../src/zab/message.ts";
import type { Membership } from "../../src/zab/membership.ts";
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

/** Delivered proposals in one part of a snapshot. */
const SNAPSHOT_PART = 4;

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
  /** A leader has said that it is no member: it stands still, and has no disk, until it is called again. */
  removed: Zxid | undefined;
  /** When it called, as leader, those that have no link to it. */
  calledAtMs = 0;
  /** The members in force when it was called again: its disk holds none. */
  calledBy: Membership | undefined;
  /** A write takes up to this long to be durable. */
  diskMs = 5;
  /** While true the disk finishes nothing. */
  isDiskStuck = false;

  constructor(sid: Sid, disk: Disk) {
    this.sid = sid;
    this.disk = disk;
  }

  /** The next few of the delivered for each learner that can take them, as they are now. */
  takeSnapshotParts(): readonly (PeerInput & { readonly kind: "snapshotPart" })[] {
    const parts: (PeerInput & { readonly kind: "snapshotPart" })[] = [];
    for (const { link, notBefore } of this.peer?.snapshotsWanted() ?? []) {
      const from = this.snapshots.get(link) ?? 0;
      const last = must(this.peer, "a peer").lastDelivered;
      const { length } = this.delivered;
      const isWhole = from + SNAPSHOT_PART >= length && compareZxid(last, notBefore) >= 0;
      if (from > length || (from === length && !isWhole)) continue;
      const items = this.delivered.slice(from, from + SNAPSHOT_PART);
      this.snapshots.set(link, isWhole ? Infinity : from + items.length);
      const payload = encode(JSON.stringify(items));
      const count = encode(String(from + items.length));
      const end = isWhole ? { end: { last, payload: count } } : {};
      parts.push({ kind: "snapshotPart", link, payload, ...end });
    }
    return parts;
  }

  /** Stages a part of what its leader has delivered. */
  stage(payload: Uint8Array): void {
    this.staged?.push(...(JSON.parse(new TextDecoder().decode(payload)) as string[]));
  }

  /**
   * It starts from a disk on which so much is delivered: less than it had delivered in memory, or what it had staged,
   * where the power failed when that was installed.
   */
  resume(lastDelivered: Zxid): void {
    const last = this.staged?.at(-1);
    const isInstalled = last !== undefined && equalZxid(zxidOf(last), lastDelivered);
    if (this.isInstalling && isInstalled) this.delivered = this.staged ?? [];
    this.isInstalling = false;
    this.staged = undefined;
    const end = this.delivered.findIndex((text) => compareZxid(zxidOf(text), lastDelivered) > 0);
    if (end !== -1) this.delivered.length = end;
  }

  /** All that is staged, which is as much as the leader says. */
  takeStaged(count: Uint8Array): string[] {
    const staged = must(this.staged, "a snapshot is staged");
    const expected = new TextDecoder().decode(count);
    if (String(staged.length) === expected) return staged;
    throw new Error(`replica ${this.sid} was sent ${staged.length} of ${expected}`);
  }

  /** Names this start, as the properties of Zab speak of processes. */
  get name(): string {
    return `replica ${this.sid} start ${this.instance}`;
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function zxidOf(text: string): Zxid {
  const [epoch, counter] = must(text.split("=")[0], "a zxid").split(":").map(Number);
  return { epoch: must(epoch, "an epoch"), counter: must(counter, "a counter") };
}
