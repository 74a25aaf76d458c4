/**
 * Answers that are lost on their way to the gateway: what was asked for is done, and nobody hears of it. Calls that
 * only look are answered, so that this befalls also what looks before it writes.
 */
import type { Call, CallId, CallRequest } from "../../src/keeper/call.ts";

/** What a replica asks of itself is no call of the gateway's. */
const HEARD: ReadonlySet<CallRequest["kind"]> = new Set([
  "read",
  "queue",
  "children",
  "authorize",
  "listTokens",
  "listHooks",
  "noteHook",
  "whoAmI",
  "listSessions",
  "showSession",
  "listWatches",
  "listQueues",
]);

/** Of one replica. */
export class LostAnswers {
  #untilMs = 0;
  readonly #calls = new Set<CallId>();

  /** They are lost until then, in Unix milliseconds. */
  until(untilMs: number): void {
    this.#untilMs = untilMs;
  }

  /** Somebody asks for something. */
  take({ id, request }: Call, nowMs: number): void {
    if (nowMs < this.#untilMs && !HEARD.has(request.kind)) this.#calls.add(id);
  }

  /** Whether nobody is to hear the answer, which comes once. */
  isLost(id: CallId): boolean {
    return this.#calls.delete(id);
  }
}
