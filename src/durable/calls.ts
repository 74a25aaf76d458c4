/** Requests of callers without a connection: each is a fetch of the gateway, answered when the keeper answers it. */
import type { Call, CallAnswer, CallAsked, CallId } from "../keeper/call.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import { decodeRecord, encodeRecord } from "./call-record.ts";
import { readCaller } from "./handed-over.ts";

/** The calls of one replica. */
export class Calls {
  readonly #accept: (input: KeeperInput) => void;
  readonly #open = new Map<CallId, (answer: CallAnswer) => void>();
  #nextId = 1;

  constructor(accept: (input: KeeperInput) => void) {
    this.#accept = accept;
  }

  /** Serves a call until it is answered, or its caller hangs up. */
  async serve(request: Request): Promise<Response> {
    const text = await request.text();
    const { remoteAddress, identities = [] } = readCaller(request.headers);
    const asked = decodeRecord(text) as CallAsked;
    const id = this.#nextId++;
    const entropy = crypto.getRandomValues(new Uint8Array(48));
    const call: Call = { ...asked, id, bytes: text.length, remoteAddress, identities, entropy };
    const { promise, resolve } = Promise.withResolvers<CallAnswer>();
    this.#open.set(id, resolve);
    request.signal.addEventListener("abort", () => this.#gone(id));
    this.#accept({ kind: "call", call });
    if (request.signal.aborted) this.#gone(id);
    return new Response(encodeRecord(await promise));
  }

  /** The keeper has answered. */
  answer(id: CallId, answer: CallAnswer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }

  /** The replica starts anew: what was asked of it before may have been done. */
  closeAll(): void {
    for (const id of this.#open.keys()) this.answer(id, { kind: "undecided" });
  }

  /** Nobody hears the answer any more, which ends the event all the same. */
  #gone(id: CallId): void {
    if (!this.#open.has(id)) return;
    this.answer(id, { kind: "undecided" });
    this.#accept({ kind: "callGone", call: id });
  }
}
