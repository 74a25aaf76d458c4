/**
 * Requests on their way: those that wait to be sent, and behind them, in the order sent, those that wait for their
 * reply. Frames are made when they are submitted, so that a caller may change its bytes afterwards and what waits is
 * counted truly.
 */
import { assert } from "../../base/assert.ts";
import { JuteWriter } from "../../jute/archive.ts";
import { encodeRequest } from "../../jute/requests.ts";
import type { ClientRequest } from "../../jute/requests.ts";
import type { Outcome, Submission } from "./effects.ts";
import {
  IN_FLIGHT_BYTES_MAX,
  IN_FLIGHT_REQUESTS_MAX,
  REQUEST_BYTES_MAX,
  WAITING_BYTES_MAX,
  WAITING_REQUESTS_MAX,
} from "./limits.ts";

/** A request that was sent. */
export interface InFlight {
  readonly xid: number;
  readonly request: ClientRequest;
  readonly watcher: number | undefined;
  readonly sentMs: number;
  readonly bytes: number;
  /** As it was sent, but for its number: it may have to be sent again. */
  readonly frame: Uint8Array;
  /** undefined once nobody waits for it. */
  call: number | undefined;
}

interface Waiting {
  readonly submission: Submission;
  readonly frame: Uint8Array;
}

/** The length that stands before a frame. */
const LENGTH_BYTES = 4;

/** Answered requests are cut off in bulk. */
const ANSWERED_KEPT_MAX = 1024;

/** The queue of one session; what is unsent outlives a connection. */
export class RequestQueue {
  readonly #writer = new JuteWriter();
  /** In the order submitted. */
  readonly #waiting = new Map<number, Waiting>();
  #waitingBytes = 0;
  /** In the order sent; those before #head are answered. */
  #inFlight: InFlight[] = [];
  #head = 0;
  #inFlightBytes = 0;
  #xid = 0;

  /** Whether nothing waits, for sending or for a reply. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#inFlight.length === this.#head;
  }

  /** Takes a request in; an outcome where it is refused. */
  submit(submission: Submission): (Outcome & { readonly kind: "refused" }) | undefined {
    encodeRequest(this.#writer, 0, submission.request);
    const bytes = this.#writer.length;
    if (bytes - LENGTH_BYTES > REQUEST_BYTES_MAX) {
      this.#writer.clear();
      const detail = `it has ${bytes - LENGTH_BYTES} bytes, and a request at most ${REQUEST_BYTES_MAX}`;
      return { kind: "refused", reason: "too-large", detail };
    }
    if (this.#waiting.size >= WAITING_REQUESTS_MAX || this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      this.#writer.clear();
      const detail = `${this.#waiting.size} requests of ${this.#waitingBytes} bytes wait to be sent`;
      return { kind: "refused", reason: "queue-full", detail };
    }
    this.#waiting.set(submission.call, { submission, frame: this.#writer.take() });
    this.#waitingBytes += bytes;
    return undefined;
  }

  /** Nobody waits for the outcome: what was not sent is taken out. */
  cancel(call: number): void {
    const waiting = this.#waiting.get(call);
    if (waiting !== undefined) {
      this.#remove(waiting);
      return;
    }
    const sent = this.#inFlight.find((request, index) => index >= this.#head && request.call === call);
    if (sent !== undefined) sent.call = undefined;
  }

  /** Moves into the writer as many frames as may be on their way. */
  send(into: JuteWriter, nowMs: number): void {
    for (const waiting of this.#waiting.values()) {
      const { submission, frame } = waiting;
      const count = this.#inFlight.length - this.#head;
      if (count >= IN_FLIGHT_REQUESTS_MAX) return;
      if (count > 0 && this.#inFlightBytes + frame.length > IN_FLIGHT_BYTES_MAX) return;
      this.#remove(waiting);
      this.#xid = this.#xid === 0x7fffffff ? 1 : this.#xid + 1;
      const at = into.length;
      into.raw(frame);
      into.patchInt(at + LENGTH_BYTES, this.#xid);
      const { call, request, watcher } = submission;
      this.#inFlight.push({
        xid: this.#xid,
        request,
        watcher,
        sentMs: nowMs,
        bytes: frame.length,
        frame,
        call,
      });
      this.#inFlightBytes += frame.length;
    }
  }

  /** The request that the next reply must answer, if it is of that number: replies come in the order of requests. */
  expected(xid: number): InFlight | undefined {
    const first = this.#inFlight[this.#head];
    return first?.xid === xid ? first : undefined;
  }

  /** The expected request was answered. */
  answered(): void {
    const first = this.#inFlight[this.#head];
    assert(first !== undefined, "what is answered was on its way");
    this.#inFlightBytes -= first.bytes;
    this.#head++;
    if (this.#head < ANSWERED_KEPT_MAX || this.#head * 2 < this.#inFlight.length) return;
    this.#inFlight = this.#inFlight.slice(this.#head);
    this.#head = 0;
  }

  /** Whether a request that is not answered yet will set a watcher at the path. */
  setsWatchAt(path: string): boolean {
    const sets = ({ request, watcher }: Pick<Submission, "request" | "watcher">): boolean =>
      watcher !== undefined && "path" in request && request.path === path;
    for (const { submission } of this.#waiting.values()) if (sets(submission)) return true;
    return this.#inFlight.some((sent, index) => index >= this.#head && sets(sent));
  }

  /** The connection is lost: what was sent and not answered leaves. */
  lose(): readonly InFlight[] {
    const lost = this.#inFlight.slice(this.#head);
    this.#inFlight = [];
    this.#head = 0;
    this.#inFlightBytes = 0;
    return lost;
  }

  /** What was sent and not answered was not read: it waits again, before all else. */
  unsend(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { call, request, watcher, frame } of this.lose()) {
      if (call === undefined) continue;
      this.#waiting.set(call, { submission: { call, request, watcher }, frame });
      this.#waitingBytes += frame.length;
    }
    for (const [call, one] of waiting) this.#waiting.set(call, one);
  }

  /** The session is over: what was never sent leaves. */
  drain(): readonly number[] {
    const calls = [...this.#waiting.keys()];
    this.#waiting.clear();
    this.#waitingBytes = 0;
    return calls;
  }

  #remove(waiting: Waiting): void {
    this.#waiting.delete(waiting.submission.call);
    this.#waitingBytes -= waiting.frame.length;
  }
}
