/** What a replica answers to the leader's poll: whom it has heard since the last one, and for how long it is quiet. */
import type { SessionId } from "../base/ids.ts";
import type { Dormancy } from "./dormancy.ts";
import type { ToLeader } from "./link-message.ts";
import type { Parking } from "./parking.ts";
import { ToldSessions } from "./told-sessions.ts";

/** Of what it tells. */
export interface PollParts {
  readonly parking: Parking;
  readonly calls: { takeTouched(): readonly SessionId[] };
  readonly dormancy: Dormancy;
  /** How long a replica stays with a leader that was deposed. */
  readonly keptMs: number;
  databaseBytes(): number;
}

/** See the file's comment. */
export class PollAnswers {
  readonly #parts: PollParts;
  readonly #told: ToldSessions;
  /** What the last leader was told, for the next. */
  #untold: readonly SessionId[] = [];

  constructor(parts: PollParts) {
    this.#parts = parts;
    this.#told = new ToldSessions(parts.keptMs);
  }

  /** The answer to a poll of that time of the leader's clock; `nowMs` is of the replica's. */
  answer(polledAtMs: number, nowMs: number): ToLeader {
    const { parking, calls, dormancy } = this.#parts;
    const { sessions: heard, dozing } = parking.takeTouched();
    const sessions = [...this.#untold, ...heard, ...calls.takeTouched()];
    this.#untold = [];
    this.#told.told(sessions, nowMs);
    // Who dozes is claimed at the next wake, so word of it may come behind what an ensemble falls asleep with.
    const isOfDozing = new Set(dozing);
    dormancy.told(
      polledAtMs,
      sessions.some((session) => !isOfDozing.has(session)),
    );
    const quietMs = parking.isRestful ? dormancy.quietMs : 0;
    const databaseBytes = this.#parts.databaseBytes();
    return { kind: "touched", polledAtMs, sessions, databaseBytes, quietMs, dozing };
  }

  /** The leader is lost. */
  suspend(): void {
    this.#untold = [...this.#untold, ...this.#told.take()];
  }
}
