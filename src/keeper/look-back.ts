/** Calls that take the history: who asks about the past, and who wants things explained. */
import { assertNever } from "../base/assert.ts";
import { ExplainCalls } from "./explain-calls.ts";
import type { OpenCall } from "./open-call.ts";
import { PastCalls, type PastHost } from "./past-calls.ts";
import type { PastRequest } from "./past-requests.ts";

/** See the file's comment. */
export class LookBack {
  readonly #host: PastHost;
  readonly #past: PastCalls;
  readonly #explain: ExplainCalls;

  constructor(host: PastHost) {
    this.#host = host;
    this.#past = new PastCalls(host);
    this.#explain = new ExplainCalls(host, this.#past);
  }

  /** Begins to look for the answer. */
  do(open: OpenCall, request: PastRequest): void {
    switch (request.kind) {
      case "past":
        return this.#past.past(open, request);
      case "difference":
        return this.#past.difference(open, request);
      case "explainPath":
        return this.#explain.path(open, request.path);
      case "explainSession":
        return this.#explain.session(open, request.session);
      default:
        return assertNever(request);
    }
  }

  /** Reads on in the history; says whether there is more to read. */
  advance(): boolean {
    return this.#host.walks.advance();
  }

  /** Whether the history is being read for the call. */
  has(open: OpenCall): boolean {
    return this.#past.has(open);
  }

  /** It has taken too long. */
  hurry(open: OpenCall): void {
    this.#past.hurry(open);
  }

  /** The call is over. */
  forget(open: OpenCall): void {
    this.#past.forget(open);
  }
}
