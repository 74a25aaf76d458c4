/**
 * That an event comes in time, though nothing that its client is shown depends on it: a client that only waits, be it
 * parked, learns of a change by the event alone. Promised where nothing goes wrong, to a client that is connected.
 */
import { type Zxid, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import type { DueEvent } from "./expected-events.ts";
import type { Replay } from "./replay.ts";
import { isAnswered } from "./told-operations.ts";
import type { Committed, EventRecord, Operation, SessionRecord } from "./types.ts";

/** From the moment when a change is delivered first, or all is well again: a replica is called when it is missed. */
export const EVENT_LATE_MS_MAX = 3000;

/** What an event is judged by. */
export interface Lateness {
  readonly operations: readonly Operation[];
  readonly sessions: readonly SessionRecord[];
  readonly committed: readonly Committed[];
  readonly ended: Replay["ended"];
  /** When so long a time begins in which nothing goes wrong, at a moment or later; that all sleep is not wrong. */
  readonly soundFromMs: (atMs: number, forMs: number) => number;
}

/** A connection's time, as far as it is known what it watches. */
interface Standing {
  readonly record: SessionRecord;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** See the file's comment. */
export class LateEvents {
  readonly #bounds: Lateness;
  readonly #atMs: ReadonlyMap<string, number>;
  readonly #standing = new Map<number, Standing>();

  constructor(bounds: Lateness) {
    this.#bounds = bounds;
    this.#atMs = new Map(bounds.committed.map(({ zxid, atMs }) => [zxidText(zxid), atMs]));
    // What was asked and never answered may have changed what is watched.
    const unsureMs = new Map<number, number>();
    for (const operation of bounds.operations) {
      const { connection, startMs } = operation;
      if (!isAnswered(operation))
        unsureMs.set(connection, Math.min(startMs, unsureMs.get(connection) ?? Infinity));
    }
    for (const record of bounds.sessions) {
      for (const { connection, fromMs, toMs } of record.attachments) {
        const untilMs = Math.min(toMs, unsureMs.get(connection) ?? Infinity);
        this.#standing.set(connection, { record, fromMs, untilMs });
      }
    }
  }

  /** Of what is due on one connection, each with the record of its coming, if it came. */
  judge(
    connection: number,
    due: readonly { readonly event: DueEvent; readonly came: EventRecord | undefined }[],
  ): readonly Violation[] {
    const standing = this.#standing.get(connection);
    if (standing === undefined) return [];
    return due.flatMap(({ event, came }) => {
      const dueMs = event.isOpen && !event.isCaughtUp ? this.#dueMs(event.zxid, standing) : Infinity;
      const cameMs = came?.atMs ?? Infinity;
      if (dueMs === Infinity || cameMs <= dueMs) return [];
      const what = `${standing.record.client} on connection ${connection}: ${event.type} of ${event.path}`;
      const when = cameMs === Infinity ? "never" : `at ${cameMs.toFixed(1)} ms`;
      const due = `${zxidText(event.zxid)}, due by ${dueMs.toFixed(1)} ms`;
      return [new Violation("EventNotLate", `${what}, ${due}, was told ${when}`)];
    });
  }

  /** By when its client must be told; Infinity where it need not be. */
  #dueMs(zxid: Zxid, { record, fromMs, untilMs }: Standing): number {
    const atMs = this.#atMs.get(zxidText(zxid)) ?? Infinity;
    if (atMs < fromMs) return Infinity;
    const dueMs = this.#bounds.soundFromMs(atMs, EVENT_LATE_MS_MAX) + EVENT_LATE_MS_MAX;
    const endMs = this.#bounds.ended.get(record.session)?.atMs ?? Infinity;
    const isFrozen = record.frozen?.some((one) => one.fromMs <= dueMs && one.toMs >= atMs) ?? false;
    return dueMs > untilMs || dueMs >= endMs || isFrozen ? Infinity : dueMs;
  }
}
