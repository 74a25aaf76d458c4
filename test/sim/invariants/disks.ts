/**
 * What each disk holds, followed from what was written to it: after each transaction an image, which becomes durable
 * later, or never. The world says in a few numbers what is durable; an image says which history that is.
 */
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import type { DiskNumbers } from "../../../src/world/observer.ts";
import type { Entry, Histories } from "./histories.ts";
import { broken, demand } from "./view.ts";

/** A disk at one moment. */
export interface Image {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly history: Entry;
  readonly lastDelivered: Zxid;
  /** Whether it is what a snapshot has just brought. */
  readonly isInstalled: boolean;
  /** Whether it was damaged on purpose, and whether its tree is one that was, be it by a snapshot. */
  readonly isDamaged: boolean;
  readonly isTainted: boolean;
  /** To be called once it is durable. */
  readonly whenDurable: (() => void)[];
}

/** The numbers by which an image is known again. */
type Numbers = Omit<DiskNumbers, "base">;

/** One replica's disk. */
export class DiskModel {
  readonly sid: Sid;
  /** Counts how often all was lost: what an earlier disk promised, this one does not know. */
  generation = 0;
  readonly #histories: Histories;
  #durable: Image;
  /** After each transaction that is not durable yet, oldest first. */
  #pending: Image[] = [];
  /** What was durable when all was lost, for as long as the replica has no voice. */
  #lost: Entry[] = [];

  constructor(sid: Sid, histories: Histories) {
    this.sid = sid;
    this.#histories = histories;
    this.#durable = emptyImage(histories);
  }

  get durable(): Image {
    return this.#durable;
  }

  /** With all that was written. */
  get visible(): Image {
    return this.#pending.at(-1) ?? this.#durable;
  }

  /** Acts once all that was written up to now is durable. */
  whenDurable(act: () => void): void {
    const latest = this.#pending.at(-1);
    if (latest === undefined) act();
    else latest.whenDurable.push(act);
  }

  /** The disk held this before the run. */
  begin(image: Image): void {
    this.#durable = image;
  }

  /** A transaction was handed to the disk. */
  write(image: Image): void {
    const { acceptedEpoch, currentEpoch } = this.visible;
    const isKept = image.acceptedEpoch >= acceptedEpoch && image.currentEpoch >= currentEpoch;
    demand(isKept, "EpochsNeverFall", () => {
      const [before, now] = [this.visible, image].map((one) => `${one.acceptedEpoch}/${one.currentEpoch}`);
      return `replica ${this.sid} writes epochs ${now}, and had written ${before} (accepted/current)`;
    });
    this.#judgeEpochs(image);
    this.#pending.push(image);
  }

  /** All goes as the replica was let go: whoever has its word has no use for it any more. */
  remove(whenDurable: () => void): void {
    const act = (): void => {
      this.#lost = [];
      this.generation++;
      whenDurable();
    };
    this.#pending.push({ ...emptyImage(this.#histories), whenDurable: [act] });
  }

  /** The world's word for what is durable now; whether that is one of the images. */
  settle(state: DiskNumbers): boolean {
    // A transaction that changed none of the numbers is as durable as the one before it.
    let count = isSame(this.#durable, state) ? 0 : this.#pending.findIndex((image) => isSame(image, state));
    if (count < 0) return false;
    while (count < this.#pending.length && isSame(must(this.#pending[count], "an image"), state)) count++;
    const settled = this.#pending.splice(0, count);
    this.#durable = settled.at(-1) ?? this.#durable;
    if (this.#durable.currentEpoch > 0) this.#lost = [];
    for (const { whenDurable } of settled) for (const act of whenDurable) act();
    return true;
  }

  /** As settle, where the disk must be as it was left. */
  mustSettle(state: DiskNumbers): void {
    if (this.settle(state)) return;
    broken("StoredIsRead", `replica ${this.sid}: the disk holds ${numbersText(state)}, and ${this.#text()}`);
  }

  /** A start found this: what was written behind it is lost. */
  found(numbers: Numbers): Image {
    const last = this.#pending.findLastIndex((image) => isSame(image, numbers));
    if (last < 0 && !isSame(this.#durable, numbers)) {
      broken(
        "StoredIsRead",
        `replica ${this.sid} finds ${numbersText(numbers)} on its disk, and ${this.#text()}`,
      );
    }
    this.#pending.length = last + 1;
    return this.visible;
  }

  /** It was damaged, being as these numbers say: power may have failed before, with no object to tell of it. */
  damage(numbers: Numbers): void {
    const { isDamaged } = this.#durable;
    const [before] = [isDamaged, !isDamaged].filter((was) => this.#holds({ ...numbers, isDamaged: was }));
    const image = this.found({ ...numbers, isDamaged: before ?? isDamaged });
    this.#durable = { ...image, isInstalled: false, isDamaged: true, isTainted: true };
    this.#pending = [];
  }

  #holds(numbers: Numbers): boolean {
    return [this.#durable, ...this.#pending].some((image) => isSame(image, numbers));
  }

  /** All is lost. */
  wipe(): void {
    this.#lost.push(this.#durable.history);
    this.#durable = emptyImage(this.#histories);
    this.#pending = [];
    this.generation++;
  }

  /**
   * Whether it counts as having the entry: its durable history holds it, or did so when the disk was lost. An empty
   * disk is no word against what it acknowledged, as the protocol gives it no voice until it has a whole history again.
   */
  has(entry: Entry): boolean {
    if (this.#histories.holds(this.#durable.history, entry)) return true;
    return this.#lost.some((history) => this.#histories.holds(history, entry));
  }

  #judgeEpochs({ acceptedEpoch, currentEpoch }: Image): void {
    demand(currentEpoch <= acceptedEpoch, "EpochsNeverFall", () => {
      return `replica ${this.sid} writes currentEpoch ${currentEpoch} above acceptedEpoch ${acceptedEpoch}`;
    });
  }

  #text(): string {
    const images = [this.#durable, ...this.#pending].map((image) =>
      numbersText({ ...image, last: image.history.zxid }),
    );
    return `was left with ${images.join(", or then ")}`;
  }
}

function emptyImage({ root }: Histories): Image {
  const zeros = { acceptedEpoch: 0, currentEpoch: 0, lastDelivered: ZXID_ZERO };
  const marks = { isInstalled: false, isDamaged: false, isTainted: false };
  return { ...zeros, ...marks, history: root, whenDurable: [] };
}

function isSame(image: Image, numbers: Numbers): boolean {
  return (
    image.acceptedEpoch === numbers.acceptedEpoch &&
    image.currentEpoch === numbers.currentEpoch &&
    image.isDamaged === numbers.isDamaged &&
    equalZxid(image.history.zxid, numbers.last) &&
    equalZxid(image.lastDelivered, numbers.lastDelivered)
  );
}

function numbersText({
  acceptedEpoch,
  currentEpoch,
  last,
  lastDelivered,
}: Omit<Numbers, "isDamaged">): string {
  const zxids = `history up to ${zxidText(last)}, delivered ${zxidText(lastDelivered)}`;
  return `epochs ${acceptedEpoch}/${currentEpoch}, ${zxids}`;
}
