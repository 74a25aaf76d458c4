/**
 * What Zab promises, each property by its name, judged from outside on the record of a whole run. Source: Zab
 * (Junqueira, Reed, Serafini 2011), section III, and the nine invariants of ZooKeeper's TLA+ specification of Zab. Each
 * is judged by itself: a run that breaks one may or may not break another.
 */

/** A proposal as an observer sees it: the text names zxid and content. */
export interface Seen {
  readonly text: string;
  readonly epoch: number;
}

/** One peer's time as leader: the paper's primary instance. */
export interface Tenure {
  /** Names the replica, its start and the time as leader. */
  readonly primary: string;
  readonly epoch: number;
  /** From synchronization on until it ends, in events of the run. */
  readonly fromEvent: number;
  untilEvent: number;
}

/** What a primary broadcast, in order. */
export interface Broadcasts {
  readonly primary: string;
  readonly epoch: number;
  readonly texts: string[];
  /** What it had delivered before the first. */
  readonly delivered: ReadonlySet<string>;
  /** Whether anything left it: of a primary whose disk never finished a write the world knows nothing. */
  hasLeft: boolean;
}

/** Everything about a run that the properties speak of. */
export interface RunRecord {
  /** What was on disks before the run: broadcast by primaries that nobody saw. */
  readonly past: Set<string>;
  readonly tenures: Tenure[];
  readonly broadcasts: Broadcasts[];
  /** Per start of a replica what it delivered, in order, from the beginning of history on. */
  readonly deliveries: Map<string, Seen[]>;
}

export type PropertyName =
  | "Leadership1"
  | "Leadership2"
  | "PrefixConsistency"
  | "Integrity"
  | "Agreement"
  | "TotalOrder"
  | "LocalPrimaryOrder"
  | "GlobalPrimaryOrder"
  | "PrimaryIntegrity";

/** Each property with what breaks it in a run, or undefined. */
const PROPERTIES: Readonly<Record<PropertyName, (run: RunRecord) => string | undefined>> = {
  Leadership1: leadership1,
  Leadership2: leadership2,
  PrefixConsistency: prefixConsistency,
  Integrity: integrity,
  Agreement: agreement,
  TotalOrder: totalOrder,
  LocalPrimaryOrder: localPrimaryOrder,
  GlobalPrimaryOrder: globalPrimaryOrder,
  PrimaryIntegrity: primaryIntegrity,
};

/** The properties that a run breaks, each with an example. */
export function brokenProperties(run: RunRecord): ReadonlyMap<PropertyName, string> {
  const broken = new Map<PropertyName, string>();
  for (const [name, judge] of Object.entries(PROPERTIES)) {
    const example = judge(run);
    if (example !== undefined) broken.set(name as PropertyName, example);
  }
  return broken;
}

/** No two peers lead one epoch at the same time, synchronization included. */
function leadership1({ tenures }: RunRecord): string | undefined {
  const byEpoch = Map.groupBy(tenures, ({ epoch }) => epoch);
  for (const [epoch, group] of byEpoch) {
    const inOrder = group.toSorted((a, b) => a.fromEvent - b.fromEvent);
    for (const [index, tenure] of inOrder.entries()) {
      const before = inOrder[index - 1];
      if (before !== undefined && tenure.fromEvent < before.untilEvent) {
        return `${before.primary} and ${tenure.primary} lead epoch ${epoch} at once`;
      }
    }
  }
  return undefined;
}

/** An epoch has one leader in all of time. */
function leadership2({ tenures }: RunRecord): string | undefined {
  const leaders = new Map<number, string>();
  for (const { epoch, primary } of tenures) {
    const other = leaders.get(epoch);
    if (other !== undefined) return `epoch ${epoch} has two leaders, ${other} and ${primary}`;
    leaders.set(epoch, primary);
  }
  return undefined;
}

/** Of two processes one has delivered a prefix of what the other has. */
function prefixConsistency({ deliveries }: RunRecord): string | undefined {
  const known: string[] = [];
  for (const [process, list] of deliveries) {
    for (const [index, { text }] of list.entries()) {
      known[index] ??= text;
      if (known[index] !== text) {
        return `${process} delivered ${text} as number ${index}, where others have ${known[index]}`;
      }
    }
  }
  return undefined;
}

/** Whatever is delivered was broadcast by a primary. */
function integrity({ past, broadcasts, deliveries }: RunRecord): string | undefined {
  const known = new Set([...past, ...broadcasts.flatMap(({ texts }) => texts)]);
  for (const [process, list] of deliveries) {
    const alien = list.find(({ text }) => !known.has(text));
    if (alien !== undefined) return `${process} delivered ${alien.text}, which nobody has broadcast`;
  }
  return undefined;
}

/** If one process delivers a and another b, one delivers both: sorted by size, each set holds the one before. */
function agreement({ deliveries }: RunRecord): string | undefined {
  const sets = [...deliveries].map(([process, list]) => ({
    process,
    texts: new Set(list.map(({ text }) => text)),
  }));
  const inOrder = sets.toSorted((a, b) => a.texts.size - b.texts.size);
  for (const [index, { process, texts }] of inOrder.entries()) {
    const smaller = inOrder[index - 1];
    const only = [...(smaller?.texts ?? [])].find((text) => !texts.has(text));
    if (smaller === undefined || only === undefined) continue;
    const other = [...texts].find((text) => !smaller.texts.has(text));
    return `${smaller.process} alone delivered ${only}, ${process} ${other}`;
  }
  return undefined;
}

/**
 * If one process delivers a before b, then whoever delivers b delivers a before it. That is so exactly where a proposal
 * has the same one directly before it with everybody: what comes before b is then the same chain.
 */
function totalOrder({ deliveries }: RunRecord): string | undefined {
  const before = new Map<string, string>();
  for (const [process, list] of deliveries) {
    let previous = "nothing";
    for (const { text } of list) {
      const known = before.get(text) ?? previous;
      if (known !== previous) return `${process} has ${previous} before ${text}, others have ${known}`;
      before.set(text, previous);
      previous = text;
    }
  }
  return undefined;
}

/** Who delivers a proposal has delivered what the same primary broadcast before it, in that order. */
function localPrimaryOrder({ broadcasts, deliveries }: RunRecord): string | undefined {
  const places = new Map<string, { readonly made: Broadcasts; readonly index: number }>();
  for (const made of broadcasts)
    for (const [index, text] of made.texts.entries()) places.set(text, { made, index });
  for (const [process, list] of deliveries) {
    const counts = new Map<Broadcasts, number>();
    for (const { text } of list) {
      const place = places.get(text);
      if (place === undefined) continue;
      const next = counts.get(place.made) ?? 0;
      if (place.index !== next)
        return `${process} delivered ${text} and not ${place.made.texts[next]} before it`;
      counts.set(place.made, next + 1);
    }
  }
  return undefined;
}

/** Nobody delivers a proposal of an epoch behind one of a later epoch. */
function globalPrimaryOrder({ deliveries }: RunRecord): string | undefined {
  for (const [process, list] of deliveries) {
    for (const [index, { text, epoch }] of list.entries()) {
      const before = list[index - 1];
      if (before !== undefined && before.epoch > epoch)
        return `${process} delivered ${text} behind ${before.text}`;
    }
  }
  return undefined;
}

/** Before a primary broadcasts it has delivered whatever anybody ever delivers of earlier epochs. */
function primaryIntegrity({ broadcasts, deliveries }: RunRecord): string | undefined {
  const all = new Map<string, Seen>();
  for (const list of deliveries.values()) for (const seen of list) all.set(seen.text, seen);
  for (const { primary, epoch, delivered, hasLeft } of broadcasts) {
    if (!hasLeft) continue;
    for (const seen of all.values()) {
      if (seen.epoch < epoch && !delivered.has(seen.text)) {
        return `${primary} broadcast in epoch ${epoch} before it delivered ${seen.text}`;
      }
    }
  }
  return undefined;
}
