/**
 * Calls of several requests to one replica, in one request to its object: an event of an object costs the runtime more
 * than most calls cost the replica. Which calls go together is decided here; how they go is the carrier's to know.
 *
 * A call goes at once where none is under way to that replica, and none has come with others just now. While one is
 * under way the next waits until that has ended, or for a moment, and what comes meanwhile goes with it. Then, as those
 * that were just answered are about to ask again, it lingers as long as more come, and fewer have come than last time.
 * So callers that take turns go together, and who is alone is never kept waiting.
 *
 * The batch belongs to the request that began it: the platform lets no request use what is another's, but lets one
 * request resolve what another waits for, as long as it is the other that made the promise. So each request makes its
 * own, and has a deadline of its own: the request that carries its call may die.
 */

/** Calls in one batch: enough that more of them save nothing. */
const BATCH_CALLS_MAX = 128;

/** UTF-16 units of the records in one batch: what is larger by itself goes alone, and delays nobody. */
const BATCH_UNITS_MAX = 64 * 1024;

/** Whether more come is looked at as often as this. */
const LINGER_MS = 1;

/** How many came together is no sign any more of how many will. */
const EXPECTED_MS = 100;

/** A batch that was to leave long ago will not: the request that was to carry it is no more. */
const GATHERING_MS_MAX = 100;

/** Nor does one end that began so long ago: it is given up before, unless the request that carried it is no more. */
const UNDER_WAY_MS_MAX = 10_000;

/** How a batch travels: by means of the request that began it. */
export interface Carrier {
  /** How long one waits for another that is under way, and how often it then looks whether more come. */
  readonly patience: { readonly gatherMs: number; readonly looksMax: number };
  /** Unix milliseconds, or any clock that goes on. */
  now(): number;
  /** Resolves after so many ms, or with `sooner`: what comes until then goes with it. */
  gather(ms: number, sooner: Promise<void>): Promise<void>;
  /** Delivers records; `answered` is told each answer as it comes. Resolves, or fails, when no more will come. */
  carry(batch: Departure, answered: (index: number, answer: string) => void): Promise<void>;
  /** Keeps the request at work until this has ended, its caller gone or not. */
  keep(work: Promise<void>): void;
}

/** What goes. */
export interface Departure {
  /** No other batch is called so. */
  readonly name: string;
  readonly records: readonly string[];
}

/** Where a call has its place. */
export interface Place {
  readonly batch: string;
  readonly index: number;
  /** Resolves to the answer, or to undefined where it is lost: the call may have been heard. It never rejects. */
  readonly answer: Promise<string | undefined>;
  /** Its caller waits no longer: the answer is lost. */
  readonly leave: () => void;
}

interface Batch {
  readonly name: string;
  readonly begunMs: number;
  readonly records: string[];
  readonly waiting: PromiseWithResolvers<string | undefined>[];
  units: number;
  /** As many as are expected, and what is called once they have come. */
  expected: { readonly count: number; readonly come: () => void } | undefined;
}

/** The way to a replica. */
interface Road {
  /** Batches that have not ended. */
  readonly underWay: Set<Batch>;
  gathering: Batch | undefined;
  /** Called when the next of them ends. */
  onEnd: (() => void)[];
  /** Of the batch that ended last. */
  last: { readonly count: number; readonly endedMs: number };
}

/** See the file's comment. */
export class CallBatches {
  readonly #makeName: () => string;
  readonly #roads = new Map<string, Road>();

  /** `makeName` never gives the same name twice, in any isolate. */
  constructor(makeName: () => string) {
    this.#makeName = makeName;
  }

  /** Sends a record that way. Those that are answered sooner than others had better have a way of their own. */
  ask(to: string, record: string, carrier: Carrier): Place {
    let road = this.#roads.get(to);
    if (road === undefined) {
      const last = { count: 0, endedMs: Number.NEGATIVE_INFINITY };
      road = { underWay: new Set(), gathering: undefined, onEnd: [], last };
      this.#roads.set(to, road);
    }
    const gathering = this.#open(road, record, carrier.now());
    if (gathering !== undefined) return add(gathering, record);
    const batch: Batch = {
      name: this.#makeName(),
      begunMs: carrier.now(),
      records: [],
      waiting: [],
      units: 0,
      expected: undefined,
    };
    const place = add(batch, record);
    carrier.keep(run(road, batch, carrier));
    return place;
  }

  /** The batch that the record may still join. */
  #open({ gathering }: Road, record: string, nowMs: number): Batch | undefined {
    if (gathering === undefined || Math.abs(nowMs - gathering.begunMs) > GATHERING_MS_MAX) return undefined;
    const hasRoom =
      gathering.records.length < BATCH_CALLS_MAX && gathering.units + record.length <= BATCH_UNITS_MAX;
    return hasRoom ? gathering : undefined;
  }
}

/** Never rejects. */
async function run(road: Road, batch: Batch, carrier: Carrier): Promise<void> {
  for (const other of road.underWay)
    if (batch.begunMs - other.begunMs > UNDER_WAY_MS_MAX) road.underWay.delete(other);
  const isFirst = road.underWay.size === 0;
  road.underWay.add(batch);
  try {
    if (!isFirst) await gather(road, batch, carrier);
    const count = expectedOn(road, carrier.now());
    if (batch.records.length < count) await linger(road, batch, { count, carrier });
    if (road.gathering === batch) road.gathering = undefined;
    await carrier.carry(batch, (index, answer) => batch.waiting[index]?.resolve(answer));
  } catch {
    // The replica is lost, or does not answer: those that have no answer are told so below.
  } finally {
    if (road.gathering === batch) road.gathering = undefined;
    for (const { resolve } of batch.waiting) resolve(undefined);
    road.underWay.delete(batch);
    road.last = { count: batch.records.length, endedMs: carrier.now() };
    for (const act of road.onEnd.splice(0)) act();
  }
}

/** Until one that is under way has ended. */
async function gather(road: Road, batch: Batch, carrier: Carrier): Promise<void> {
  road.gathering = batch;
  const sooner = Promise.withResolvers<void>();
  road.onEnd.push(sooner.resolve);
  await carrier.gather(carrier.patience.gatherMs, sooner.promise);
}

/** How many are likely to come together: as many as just did. */
function expectedOn({ last }: Road, nowMs: number): number {
  return Math.abs(nowMs - last.endedMs) > EXPECTED_MS ? 0 : last.count;
}

/** Until so many have come, or no more do. */
async function linger(
  road: Road,
  batch: Batch,
  { count, carrier }: { readonly count: number; readonly carrier: Carrier },
): Promise<void> {
  const all = Promise.withResolvers<void>();
  batch.expected = { count, come: all.resolve };
  const { records } = batch;
  const { looksMax } = carrier.patience;
  for (
    let seen = 0, looks = 0;
    records.length > seen && records.length < count && looks < looksMax;
    looks++
  ) {
    seen = records.length;
    road.gathering ??= batch;
    await carrier.gather(LINGER_MS, all.promise);
  }
}

function add(batch: Batch, record: string): Place {
  const waiting = Promise.withResolvers<string | undefined>();
  const index = batch.waiting.push(waiting) - 1;
  batch.records.push(record);
  batch.units += record.length;
  if (batch.records.length === batch.expected?.count) batch.expected.come();
  const leave = (): void => waiting.resolve(undefined);
  return { batch: batch.name, index, answer: waiting.promise, leave };
}

/** Whether a record is small enough to go with others. */
export function isSmall(record: string): boolean {
  return record.length <= BATCH_UNITS_MAX;
}
