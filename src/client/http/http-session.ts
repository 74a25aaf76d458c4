/** A session without a socket: what is ephemeral goes with it. */
import type { Caller, HttpAnswer, HttpRequest } from "./caller.ts";
import { numberOf, readDocument, textOf } from "./documents.ts";
import { Keeping, type Grant } from "./kept.ts";

/** How a session is wanted. */
export interface HttpSessionOptions {
  /** It ends when nothing was asked in it for so long, in ms: from 2 s to a day. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Keeps it alive by itself, after each third of its time. Default true. */
  readonly renew?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A session, until it is closed or lost; pass it to create for ephemerals. */
export class HttpSession implements AsyncDisposable {
  /** Whoever has it may use the session: keep it secret. */
  readonly secret: string;
  readonly #caller: Caller;
  readonly #keeping: Keeping;

  /** For the client alone. */
  constructor(caller: Caller, answer: HttpAnswer, isRenewed: boolean) {
    const document = readDocument(answer.text);
    this.secret = textOf(document["session"]);
    this.#caller = caller;
    const heldForMs = numberOf(document["timeoutMs"]);
    this.#keeping = new Keeping({
      runtime: caller.runtime,
      grant: { sentMs: answer.sentMs, heldForMs },
      renew: async (signal): Promise<Grant> => {
        const { sentMs } = await caller.ask(this.#request("PUT", signal));
        return { sentMs, heldForMs };
      },
      isRenewed,
      path: "/",
    });
  }

  /** The id of the session, as `ephemeralOwner` shows it. */
  get id(): bigint {
    return BigInt(`0x${this.secret.slice(0, 16)}`);
  }

  /** Aborted when the session is lost; not by close. */
  get signal(): AbortSignal {
    return this.#keeping.signal;
  }

  /** How long it surely lives, in ms from now, if nothing renews it. */
  get remainingMs(): number {
    return this.#keeping.remainingMs;
  }

  /** Its whole time lies ahead again. Throws SessionExpiredError where it is lost. */
  renew(): Promise<void> {
    return this.#keeping.renew();
  }

  /** Ends it, and its ephemerals with it. */
  async close(): Promise<void> {
    if (this.signal.aborted || this.#keeping.isFinished) return;
    this.#keeping.finish();
    await this.#caller.ask(this.#request("DELETE", undefined));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #request(method: "PUT" | "DELETE", signal: AbortSignal | undefined): HttpRequest {
    const common = {
      method,
      path: "/sessions",
      headers: { session: this.secret },
      signal,
      isRepeatable: true,
    };
    return method === "DELETE" ? { ...common, doneCode: "session-expired" } : common;
  }
}
