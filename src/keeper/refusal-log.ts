/** Clients that are not let in: counted, each, and told in the log, now and then. */
import type { Connection } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import { REFUSAL_LOG_INTERVAL_MS } from "./limits.ts";
import type { Counters } from "./status.ts";

/** Of one replica's door. */
export class RefusalLog {
  readonly #context: Pick<DoorContext, "log">;
  readonly #counters: Counters;
  #lastMs: number | undefined;

  constructor(context: Pick<DoorContext, "log">, counters: Counters) {
    this.#context = context;
    this.#counters = counters;
  }

  /** The client was not let in. */
  count({ opening }: Connection, nowMs: number, reason: string): void {
    const count = ++this.#counters.connectionsRejected;
    if (this.#lastMs !== undefined && nowMs - this.#lastMs < REFUSAL_LOG_INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#context.log("client", `${opening.remoteAddress} is refused (${count} so far): ${reason}`);
  }
}
