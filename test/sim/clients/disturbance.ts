/** What happens to clients besides their work: they move, stand still, sleep, and end their sessions. */
import type { Rng } from "../../../src/base/rng.ts";
import type { ClientPlan, DisturbanceKind } from "./client-plan.ts";
import type { SessionClient } from "./session-client.ts";

/** Disturbances are that often in so many acts. */
const ACTS = 10_000;

/** Disturbs sessions as often as the plan wants. */
export class Disturber {
  readonly #chances: readonly (readonly [DisturbanceKind, number])[];
  readonly #leavesBehindPongs: number;
  readonly #rng: Rng;

  constructor(plan: ClientPlan, rng: Rng) {
    this.#rng = rng;
    this.#leavesBehindPongs = plan.leavesBehindPongs ?? 0;
    this.#chances = [
      ["hangUp", plan.disturbances.hangUp],
      ["vanish", plan.disturbances.vanish],
      ["takeover", plan.disturbances.takeover],
      ["nap", plan.disturbances.nap],
      ["oversleep", plan.disturbances.oversleep],
      ["freeze", plan.disturbances.freeze],
      ["closeSession", plan.disturbances.closeSession],
    ];
  }

  /** Does something to a session that is connected, or nothing; whether it did. */
  maybeDisturb(session: SessionClient): boolean {
    let chance = this.#rng.below(ACTS);
    for (const [kind, often] of this.#chances) {
      if (chance < often) {
        this.#disturb(kind, session);
        return true;
      }
      chance -= often;
    }
    return false;
  }

  /** A session that dozes, whose ping the runtime has answered just now, hangs up, or does not. */
  maybeLeave(session: SessionClient): void {
    // No dice are thrown in plans that are older than this.
    if (this.#leavesBehindPongs === 0 || this.#rng.below(ACTS) >= this.#leavesBehindPongs) return;
    session.rest(session.timeoutMs + this.#rng.below(session.timeoutMs), false);
  }

  #disturb(kind: DisturbanceKind, session: SessionClient): void {
    const { timeoutMs } = session;
    switch (kind) {
      case "hangUp":
        return session.move(false);
      case "vanish":
        return session.move(true);
      case "takeover":
        return session.takeOver();
      case "nap":
        // Its last word may have been a third of the timeout ago.
        return this.#sleep(session, Math.round(timeoutMs * 0.4) + this.#rng.below(timeoutMs * 0.3));
      case "oversleep":
        return this.#sleep(session, timeoutMs + this.#rng.below(timeoutMs));
      case "freeze":
        return session.freeze(1 + this.#rng.below(timeoutMs / 2));
      case "closeSession":
        return session.close();
    }
  }

  #sleep(session: SessionClient, durationMs: number): void {
    const how = this.#rng.below(3);
    if (how === 0) session.freeze(durationMs);
    else session.rest(durationMs, how === 1);
  }
}
