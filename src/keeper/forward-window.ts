/**
 * How much of one replica's writes may be under way, of clients and callers together: the leader holds what all
 * replicas send, so one that has sent enough waits until some of it is delivered.
 */
import { THROTTLE_SETTINGS, type ThrottleSettings } from "../base/throttle-settings.ts";
import { FORWARDED_BYTES_MAX, FORWARDED_REQUESTS_MAX } from "./limits.ts";

/** One replica's; its doors share it, and number their writes by it. */
export class ForwardWindow {
  #serial = 0;
  /** Bytes of each write that left for the present leader and is not delivered, whether or not it is waited for. */
  readonly #underWay = new Map<number, number>();
  #bytes = 0;
  readonly #requestsMax: number;
  /** With hysteresis, so that those that wait are not looked at for each write. */
  #isFull = false;
  /** Who waits, with what lets them go on, those that waited longest first. */
  readonly #waiting = new Map<object, () => void>();

  /** As ZooKeeper's settings bound it; they are off unless set, and only lower the bound. */
  constructor({ forwardedMax }: Pick<ThrottleSettings, "forwardedMax"> = THROTTLE_SETTINGS) {
    this.#requestsMax =
      forwardedMax === 0 ? FORWARDED_REQUESTS_MAX : Math.min(forwardedMax, FORWARDED_REQUESTS_MAX);
  }

  /** A number that no write of this start of the replica has. */
  nextSerial(): number {
    return ++this.#serial;
  }

  /** Whether no more is to leave at present. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Bytes of writes that the leader, or the log, has for this replica. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many they are. */
  get count(): number {
    return this.#underWay.size;
  }

  /** A write of so many bytes leaves. */
  sent(serial: number, bytes: number): void {
    this.#underWay.set(serial, bytes);
    this.#bytes += bytes;
    this.#isFull = this.#bytes >= FORWARDED_BYTES_MAX || this.#underWay.size >= this.#requestsMax;
  }

  /** `resume` is called once, when there is room. */
  awaitRoom(who: object, resume: () => void): void {
    if (!this.#waiting.has(who)) this.#waiting.set(who, resume);
  }

  /** A write is delivered: there may be room for others. */
  delivered(serial: number): void {
    const bytes = this.#underWay.get(serial);
    if (bytes === undefined) return;
    this.#underWay.delete(serial);
    this.#bytes -= bytes;
    const isRoomy = this.#bytes <= FORWARDED_BYTES_MAX / 2 && this.#underWay.size <= this.#requestsMax / 2;
    if (!this.#isFull || !isRoomy) return;
    this.#isFull = false;
    for (const [who, resume] of this.#waiting) {
      if (this.#isFull) return;
      this.#waiting.delete(who);
      resume();
    }
  }

  /** The leader is lost, and with it all that was under way. */
  suspend(): void {
    this.#underWay.clear();
    this.#bytes = 0;
    this.#isFull = false;
    this.#waiting.clear();
  }
}
