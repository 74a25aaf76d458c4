/**
 * Watches a run from outside. Whatever changes the order that was shown to the world ends the run at once; the record
 * of the run is judged by every property of Zab when the test asks; see properties.ts.
 */
import { must } from "../../src/base/assert.ts";
import { brokenProperties, type Broadcasts, type RunRecord, type Tenure } from "./properties.ts";

/** What a primary broadcasts in one go. */
export interface BroadcastSeen {
  readonly primary: string;
  readonly epoch: number;
  readonly texts: readonly string[];
  /** What the primary has delivered before. */
  readonly delivered: readonly string[];
}

/** Violations of what Zab promises, found from outside. */
export class Checker {
  /** What was seen delivered anywhere, in order: nothing of it may ever change. */
  readonly order: string[] = [];
  readonly record: RunRecord = { past: new Set(), tenures: [], broadcasts: [], deliveries: new Map() };
  readonly #leading: Map<string, Tenure> = new Map();
  readonly #broadcasts: Map<string, Broadcasts> = new Map();
  #events = 0;

  /** A disk held this before the run. */
  onPast(text: string): void {
    this.record.past.add(text);
  }

  /** A peer leads an epoch, in synchronization or broadcast. */
  onLeading(epoch: number, primary: string): void {
    const key = `${primary}, epoch ${epoch}`;
    if (this.#leading.has(key)) return;
    const fromEvent = this.#events++;
    const other = this.record.tenures.find((tenure) => tenure.epoch === epoch);
    if (other !== undefined)
      throw new Error(`epoch ${epoch} has two leaders, ${other.primary} and ${primary}`);
    const tenure: Tenure = { primary, epoch, fromEvent, untilEvent: Number.POSITIVE_INFINITY };
    this.#leading.set(key, tenure);
    this.record.tenures.push(tenure);
  }

  /** The replica leads no more, by its own word or as it is down. */
  onLeadingEnded(replica: string): void {
    for (const [key, tenure] of this.#leading) {
      if (!tenure.primary.startsWith(`${replica} `)) continue;
      tenure.untilEvent = this.#events++;
      this.#leading.delete(key);
    }
  }

  /** A primary broadcasts; what comes back is to be called once that may leave it. */
  onBroadcast({ primary, epoch, texts, delivered }: BroadcastSeen): () => void {
    const key = `${primary}, epoch ${epoch}`;
    let made = this.#broadcasts.get(key);
    if (made === undefined) {
      made = { primary, epoch, texts: [], delivered: new Set(delivered), hasLeft: false };
      this.#broadcasts.set(key, made);
      this.record.broadcasts.push(made);
    }
    made.texts.push(...texts);
    const broadcasts = made;
    return () => {
      broadcasts.hasLeft = true;
    };
  }

  /** A process, one start of a replica, has delivered this as its number `index`. */
  onDelivered(index: number, text: string, process: string): void {
    const list = this.record.deliveries.get(process) ?? [];
    this.record.deliveries.set(process, list);
    if (index !== list.length)
      throw new Error(`${process} delivered number ${index} behind ${list.length - 1}`);
    list.push({ text, epoch: Number(must(text.split(":")[0], "an epoch")) });
    const known = this.order[index];
    if (known === undefined && index === this.order.length) this.order.push(text);
    else if (known !== text) {
      throw new Error(`${process} delivered ${text} as number ${index}, where others have ${known}`);
    }
  }

  /** Judges the run so far by each property; throws with every one that is broken. */
  judge(): void {
    const broken = [...brokenProperties(this.record)];
    if (broken.length === 0) return;
    throw new Error(broken.map(([name, example]) => `${name}: ${example}`).join("\n"));
  }
}
