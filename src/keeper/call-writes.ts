/**
 * Writes of calls on their way through the log. As those of connections they are forwarded again after a change of
 * leader, once all that was proposed before is delivered, so that each is done exactly once (see `welcome`).
 */
import type { Identity } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import { type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import { identityBytes } from "./auth.ts";
import type { DoorContext } from "./door-context.ts";
import { FORWARD_ATTEMPTS_MAX, PENDING_OVERHEAD_BYTES } from "./limits.ts";

/** No attachment of a client to its session is later than this. */
const ABOVE_ALL: Zxid = { epoch: 0x7fffffff, counter: 0xffffffff };

/** A write of a call. */
export interface CallWrite {
  readonly request: WriteRequest;
  /** NO_SESSION for none. */
  readonly session: SessionId;
  readonly identities: readonly Identity[];
  /** Whether it is an operator's, who may write in a session that a connection has. */
  readonly isByOperator?: boolean | undefined;
  /** About how many it takes on a link, its identities aside. */
  readonly bytes: number;
}

/** A write that is in the log. */
export interface Delivered {
  readonly zxid: Zxid;
  readonly outcome: Outcome;
}

interface Outgoing {
  readonly write: CallWrite;
  readonly serial: number;
  /** undefined: so many leaders did not live to propose it that it is given up, its outcome unknown. */
  readonly done: (delivered: Delivered | undefined) => void;
  isSent: boolean;
  attempts: number;
}

/** Of one replica. */
export class CallWrites {
  readonly #context: DoorContext;
  /** In the order in which they were asked for. */
  readonly #outgoing = new Map<number, Outgoing>();

  constructor(context: DoorContext) {
    this.#context = context;
  }

  /** Writes that are not delivered. */
  get count(): number {
    return this.#outgoing.size;
  }

  /** Sends a write as soon as it may leave; gives its serial. `done` hears of its end, unless it is forgotten. */
  send(write: CallWrite, done: Outgoing["done"]): number {
    const serial = this.#context.window.nextSerial();
    const outgoing: Outgoing = { write, serial, done, isSent: false, attempts: 0 };
    this.#outgoing.set(serial, outgoing);
    this.#forward(outgoing);
    return serial;
  }

  /** Whether no leader can have heard of the write. */
  isUnsent(serial: number): boolean {
    return this.#outgoing.get(serial)?.attempts === 0;
  }

  /** Nobody waits for it any more: it is not forwarded again. */
  forget(serial: number): void {
    this.#outgoing.delete(serial);
  }

  /** A proposal of this replica was delivered. */
  delivered(serial: number, delivered: Delivered): void {
    const outgoing = this.#outgoing.get(serial);
    if (outgoing === undefined) return;
    this.#outgoing.delete(serial);
    outgoing.done(delivered);
  }

  /** The leader is lost: all that was on its way may or may not have been proposed. */
  suspend(): void {
    for (const outgoing of this.#outgoing.values()) outgoing.isSent = false;
  }

  /** There is a leader, and all that was forwarded to the last one is decided: the rest is forwarded again. */
  resume(): void {
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.attempts < FORWARD_ATTEMPTS_MAX) this.#forward(outgoing);
      else {
        this.#outgoing.delete(outgoing.serial);
        outgoing.done(undefined);
      }
    }
  }

  #forward(outgoing: Outgoing): void {
    const { serial, write } = outgoing;
    const { window, origin } = this.#context;
    if (outgoing.isSent || !this.#outgoing.has(serial) || !this.#context.serving()) return;
    if (window.isFull) {
      window.awaitRoom(outgoing, () => this.#forward(outgoing));
      return;
    }
    outgoing.isSent = true;
    outgoing.attempts++;
    const { request, session, identities, isByOperator = false } = write;
    const bytes = write.bytes + identityBytes(identities) + PENDING_OVERHEAD_BYTES;
    window.sent(serial, bytes);
    // The generation of no connection: a session that a client has attached to by one is that connection's.
    const generation = isByOperator ? ABOVE_ALL : ZXID_ZERO;
    this.#context.forward(
      { origin: { ...origin, serial }, session, generation, xid: 0, identities, request },
      bytes,
    );
  }
}
