/**
 * A replica's disk in memory. Transactions show at once to the replica itself and become durable later, in order; a
 * crash keeps a prefix of those under way.
 */
import { assert } from "../../src/base/assert.ts";
import { compareZxid, equalZxid, maxZxid, ZXID_ZERO, type Zxid } from "../../src/base/zxid.ts";
import type { LogReader, PeerStart, ReadRange } from "../../src/zab/config.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import { follows, proposalBytes } from "../../src/zab/history.ts";
import type { Proposal } from "../../src/zab/message.ts";

/** Everything on a disk at one moment. */
export interface DiskImage {
  readonly base: Zxid;
  readonly log: readonly Proposal[];
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly lastDelivered: Zxid;
  readonly isDiverged: boolean;
}

export const EMPTY_DISK: DiskImage = {
  base: ZXID_ZERO,
  log: [],
  acceptedEpoch: 0,
  currentEpoch: 0,
  lastDelivered: ZXID_ZERO,
  isDiverged: false,
};

function lastOf(image: DiskImage): Zxid {
  return image.log.at(-1)?.zxid ?? image.base;
}

function applyWrite(image: DiskImage, write: PeerWrite): DiskImage {
  switch (write.kind) {
    case "append": {
      let last = lastOf(image);
      for (const { zxid } of write.proposals) {
        assert(follows(last, zxid), "the disk takes no hole");
        last = zxid;
      }
      return { ...image, log: [...image.log, ...write.proposals] };
    }
    case "truncate": {
      assert(compareZxid(write.after, image.lastDelivered) >= 0, "the delivered stays");
      const log = image.log.filter(({ zxid }) => compareZxid(zxid, write.after) <= 0);
      const cut = { ...image, log };
      assert(equalZxid(lastOf(cut), write.after), "truncation ends at a zxid that is there");
      return cut;
    }
    case "install":
      assert(compareZxid(write.last, image.lastDelivered) >= 0, "a snapshot never goes back");
      return { ...image, base: write.last, log: [], isDiverged: false };
    case "restore":
      assert(compareZxid(write.at, lastOf(image)) <= 0, "a restore is part of history");
      return image;
    case "diverged":
      return { ...image, isDiverged: true };
    case "epochs": {
      const { acceptedEpoch, currentEpoch } = write;
      assert(acceptedEpoch >= image.acceptedEpoch, "acceptedEpoch never regresses");
      assert(currentEpoch >= image.currentEpoch, "currentEpoch never regresses");
      return { ...image, acceptedEpoch, currentEpoch };
    }
  }
}

/** See the file's comment. */
export class Disk implements LogReader {
  #durable: DiskImage;
  /** States after each transaction under way, oldest first. */
  #underWay: DiskImage[] = [];
  #instance = 0;

  constructor(image: DiskImage = EMPTY_DISK) {
    this.#durable = image;
  }

  get durable(): DiskImage {
    return this.#durable;
  }

  get visible(): DiskImage {
    return this.#underWay.at(-1) ?? this.#durable;
  }

  get base(): Zxid {
    return this.visible.base;
  }

  get last(): Zxid {
    return lastOf(this.visible);
  }

  read({ after, upTo, bytesMax }: ReadRange): readonly Proposal[] {
    const range: Proposal[] = [];
    let bytes = 0;
    for (const proposal of this.visible.log) {
      if (compareZxid(proposal.zxid, after) <= 0) continue;
      if (compareZxid(proposal.zxid, upTo) > 0) break;
      bytes += proposalBytes(proposal);
      if (bytes > bytesMax && range.length > 0) break;
      range.push(proposal);
    }
    return range;
  }

  floor(zxid: Zxid): Zxid {
    const before = this.visible.log.findLast((one) => compareZxid(one.zxid, zxid) <= 0);
    return before?.zxid ?? this.base;
  }

  epochEnds(): readonly Zxid[] {
    const ends = new Map(this.visible.log.map(({ zxid }) => [zxid.epoch, zxid]));
    return [...ends.values()];
  }

  /** Trims the durable history up to here. */
  trim(upTo: Zxid): void {
    const cut = (image: DiskImage): DiskImage => ({
      ...image,
      base: maxZxid(image.base, upTo),
      log: image.log.filter(({ zxid }) => compareZxid(zxid, upTo) > 0),
    });
    this.#durable = cut(this.#durable);
    this.#underWay = this.#underWay.map(cut);
  }

  /** One transaction; what was delivered reaches the disk with it. */
  transact(writes: readonly PeerWrite[], lastDelivered: Zxid): void {
    let image = this.visible;
    for (const write of writes) image = applyWrite(image, write);
    this.#underWay.push({ ...image, lastDelivered });
  }

  /** The oldest transaction under way is durable now. */
  sync(): void {
    this.#durable = this.#underWay.shift() ?? this.#durable;
  }

  /** How many transactions are not durable yet. */
  get pending(): number {
    return this.#underWay.length;
  }

  /** Power fails: of those under way the first `kept` survive. */
  crash(kept: number): void {
    for (let count = 0; count < kept; count++) this.sync();
    this.#underWay = [];
  }

  /** What a new start reads, its number raised and durable. */
  start(epochFloor = 0): PeerStart {
    this.#instance++;
    const { acceptedEpoch, currentEpoch, lastDelivered, isDiverged } = this.#durable;
    return { instance: this.#instance, acceptedEpoch, currentEpoch, lastDelivered, isDiverged, epochFloor };
  }

  /** Everything is lost; starts are still told apart, as by the clock of a fresh object. */
  wipe(): void {
    this.#durable = EMPTY_DISK;
    this.#underWay = [];
  }
}
