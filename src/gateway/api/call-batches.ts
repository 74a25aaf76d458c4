/**
 * Calls of several requests to one replica, in one request to its object: an event of an object costs the runtime more
 * than most calls cost the replica. Which calls go together is decided here; how they go is the carrier's to know.
 *
 * A call goes at once where none is under way to that replica. Otherwise it waits for a moment, or until one of those
 * under way has ended, and what comes meanwhile goes with it. The batch belongs to the request that began it: the
 * platform lets no request use what is another's, but lets one request resolve what another waits for, as long as it is
 * the other that made the promise. So each request makes its own, and has a deadline of its own: the request that
 * carries its call may die.
 */

/** Calls in one batch: enough that more of them save nothing. */
const BATCH_CALLS_MAX = 128;

/** UTF-16 units of the records in one batch: what is larger by itself goes alone, and delays nobody. */
const BATCH_UNITS_MAX = 64 * 1024;

/** A batch that was to leave long ago will not: the request that was to carry it is no more. */
const GATHERING_MS_MAX = 100;

/** Nor does one end that began so long ago: it is given up before, unless the request that carried it is no more. */
const UNDER_WAY_MS_MAX = 10_000;

/** How a batch travels: by means of the request that began it. */
export interface Carrier {
  /** Unix milliseconds, or any clock that goes on. */
  now(): number;
  /** Resolves in a moment, or with `sooner`: what comes until then goes with it. */
  gather(sooner: Promise<void>): Promise<void>;
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
}

/** The way to a replica, as long as something is on it. */
interface Road {
  /** Batches that have not ended. */
  readonly underWay: Set<Batch>;
  gathering: Batch | undefined;
  /** Called when the next of them ends. */
  onEnd: (() => void)[];
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
      road = { underWay: new Set(), gathering: undefined, onEnd: [] };
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
    };
    const place = add(batch, record);
    carrier.keep(this.#run({ to, road, batch }, carrier));
    return place;
  }

  /** The batch that the record may still join. */
  #open({ gathering }: Road, record: string, nowMs: number): Batch | undefined {
    if (gathering === undefined || Math.abs(nowMs - gathering.begunMs) > GATHERING_MS_MAX) return undefined;
    const hasRoom =
      gathering.records.length < BATCH_CALLS_MAX && gathering.units + record.length <= BATCH_UNITS_MAX;
    return hasRoom ? gathering : undefined;
  }

  /** Never rejects. */
  async #run(
    { to, road, batch }: { readonly to: string; readonly road: Road; readonly batch: Batch },
    carrier: Carrier,
  ): Promise<void> {
    for (const other of road.underWay)
      if (batch.begunMs - other.begunMs > UNDER_WAY_MS_MAX) road.underWay.delete(other);
    const isFirst = road.underWay.size === 0;
    road.underWay.add(batch);
    try {
      if (!isFirst) {
        road.gathering = batch;
        const sooner = Promise.withResolvers<void>();
        road.onEnd.push(sooner.resolve);
        await carrier.gather(sooner.promise);
      }
      if (road.gathering === batch) road.gathering = undefined;
      await carrier.carry(batch, (index, answer) => batch.waiting[index]?.resolve(answer));
    } catch {
      // The replica is lost, or does not answer: those that have no answer are told so below.
    } finally {
      if (road.gathering === batch) road.gathering = undefined;
      for (const { resolve } of batch.waiting) resolve(undefined);
      road.underWay.delete(batch);
      if (road.underWay.size === 0) this.#roads.delete(to);
      for (const act of road.onEnd.splice(0)) act();
    }
  }
}

function add(batch: Batch, record: string): Place {
  const waiting = Promise.withResolvers<string | undefined>();
  const index = batch.waiting.push(waiting) - 1;
  batch.records.push(record);
  batch.units += record.length;
  const leave = (): void => waiting.resolve(undefined);
  return { batch: batch.name, index, answer: waiting.promise, leave };
}

/** Whether a record is small enough to go with others. */
export function isSmall(record: string): boolean {
  return record.length <= BATCH_UNITS_MAX;
}
