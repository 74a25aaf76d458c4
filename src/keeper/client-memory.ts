/**
 * What all clients together make this replica hold: requests, frames behind them, and output that nobody has read yet.
 * The more it is, the less each may add; at the end those that hold most are cut off. Requests go away as they are
 * answered, output as it is read, and a client that reads nothing is cut off soon where memory is short: so what waits
 * for room gets it.
 */
import { THROTTLE_SETTINGS, type ThrottleSettings } from "../base/throttle-settings.ts";
import { Slab } from "../jute/slab.ts";
import { type Connection, NOTHING_COUNTED } from "./connection.ts";
import {
  CLIENTS_BYTES_MAX,
  CLIENTS_BYTES_RELIEVED,
  CLIENTS_BYTES_SHORT,
  CLIENTS_OUTPUT_BYTES_FULL,
  OUTPUT_STALL_MS,
  OUTPUT_STALL_SHORT_MS,
  OUTPUT_WINDOW_BYTES,
  PENDING_BYTES_MAX,
  SHARE_BYTES,
} from "./limits.ts";

/** `ample`; `short`: each may hold its share; `full`: nothing is answered until some of it is read. */
type Room = "ample" | "short" | "full";

/** What a connection may hold before it must wait. */
export interface Allowance {
  /** Unread output above which nothing more is answered; below nought nothing is. */
  readonly windowBytes: number;
  /** Unanswered requests above which its socket is not read. */
  readonly pendingBytes: number;
  /** For how long it may read nothing of what it is owed. */
  readonly stallMs: number;
}

const ALLOWANCES: Readonly<Record<Room, Allowance>> = {
  ample: {
    windowBytes: OUTPUT_WINDOW_BYTES,
    pendingBytes: PENDING_BYTES_MAX,
    stallMs: OUTPUT_STALL_MS,
  },
  short: { windowBytes: SHARE_BYTES, pendingBytes: SHARE_BYTES, stallMs: OUTPUT_STALL_SHORT_MS },
  full: { windowBytes: -1, pendingBytes: SHARE_BYTES, stallMs: OUTPUT_STALL_SHORT_MS },
};

/** Less than any connection has asked for. */
const NOTHING_MORE = -1;

/** The sums over one replica's connections. A connection is counted anew after whatever changed what it holds. */
export class ClientMemory {
  /** For what requests hold. */
  readonly slab: Slab = new Slab();
  #requestBytes = 0;
  #outputBytes = 0;
  #largeBytes = 0;
  #pending = 0;
  readonly #throttle: ThrottleSettings;
  #isCrowded = false;
  #room: Room = "ample";
  /** Connections that would be answered, were there more room. */
  #waiting = new Set<Connection>();
  #hasMoreRoom = false;

  constructor(throttle: ThrottleSettings = THROTTLE_SETTINGS) {
    this.#throttle = throttle;
  }

  /** The same of one connection: where all together have asked for too much, who has can ask for no more. */
  allowanceFor(connection: Connection): Allowance {
    return this.#mayAsk(connection) ? this.allowance : { ...this.allowance, pendingBytes: NOTHING_MORE };
  }

  /** Whether a connection may ask for more: whoever waits for nothing may, however much others have asked for. */
  #mayAsk(connection: Connection): boolean {
    const { outstandingMax } = this.#throttle;
    if (outstandingMax === 0 || connection.pendingCount === 0) return true;
    return this.#pending - connection.counted.pending + connection.pendingCount <= outstandingMax;
  }

  /** Whether one more large request of so many bytes is too much. */
  refusesLarge(connection: Connection, bytes: number): boolean {
    if (!connection.isLarge(bytes)) return false;
    const unanswered = this.#largeBytes - connection.counted.large + connection.holds.large;
    return unanswered + bytes > this.#throttle.largeTotalBytes;
  }

  /** Bytes held for clients. */
  get totalBytes(): number {
    return this.#requestBytes + this.#outputBytes;
  }

  /** What each connection may hold at present. */
  get allowance(): Allowance {
    return ALLOWANCES[this.#room];
  }

  /** Counts a connection anew. */
  settle(connection: Connection): void {
    this.#count(connection, connection.holds);
  }

  /** A connection is gone, with all that was held for it. */
  forget(connection: Connection): void {
    this.#waiting.delete(connection);
    this.#count(connection, NOTHING_COUNTED);
  }

  /** The connection must wait: if it is for want of room for all, it is among those that are told of room. */
  await(connection: Connection): void {
    if (!this.#mayAsk(connection)) this.#isCrowded = true;
    if (this.#room !== "ample" || this.#isCrowded) this.#waiting.add(connection);
  }

  /** Once there is more room than before: the connections that waited for it, those that waited longest first. */
  takeRelieved(): Iterable<Connection> {
    if (!this.#hasMoreRoom) return [];
    this.#hasMoreRoom = false;
    const relieved = this.#waiting;
    this.#waiting = new Set();
    return relieved;
  }

  /**
   * The connections to cut off so that the rest fits again, those that hold most first; none while all of them fit.
   * More than enough at once: each time every connection is looked at.
   */
  offenders(connections: Iterable<Connection>): readonly Connection[] {
    if (this.totalBytes <= CLIENTS_BYTES_MAX) return [];
    const bytesOf = ({ counted }: Connection): number => counted.requests + counted.output;
    const byBytes = [...connections].sort((a, b) => bytesOf(b) - bytesOf(a));
    let bytes = this.totalBytes;
    return byBytes.filter((connection) => {
      if (bytes <= CLIENTS_BYTES_SHORT) return false;
      bytes -= bytesOf(connection);
      return true;
    });
  }

  #count(connection: Connection, counted: Connection["counted"]): void {
    this.#requestBytes += counted.requests - connection.counted.requests;
    this.#outputBytes += counted.output - connection.counted.output;
    this.#largeBytes += counted.large - connection.counted.large;
    this.#pending += counted.pending - connection.counted.pending;
    connection.counted = counted;
    // With hysteresis, so that not all who wait are told for each that is answered.
    if (this.#isCrowded && this.#pending <= this.#throttle.outstandingMax / 2) {
      this.#isCrowded = false;
      this.#hasMoreRoom = true;
    }
    const before = this.#room;
    this.#room = this.#roomAfter(before);
    if (this.#room === before || this.#room === "full") return;
    if (before === "full" || this.#room === "ample") this.#hasMoreRoom = true;
  }

  /** With hysteresis, so that those who wait are not told for nothing. */
  #roomAfter(before: Room): Room {
    if (this.#outputBytes > (before === "full" ? CLIENTS_BYTES_SHORT : CLIENTS_OUTPUT_BYTES_FULL))
      return "full";
    return this.totalBytes > (before === "ample" ? CLIENTS_BYTES_SHORT : CLIENTS_BYTES_RELIEVED)
      ? "short"
      : "ample";
  }
}
