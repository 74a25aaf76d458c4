/**
 * What makes a replica's time pass, and the one owner of its alarm. While it lives in memory an interval timer ticks;
 * the alarm stands some way ahead as the dead-man's switch: it wakes the object where the timer died with it, and
 * starts a timer that stopped by itself. Alarms come at least once, and late: both call the same tick, and nothing
 * depends on when.
 */
import { ALARM_AHEAD_MS, ALARM_RENEW_MS, TICK_INTERVAL_MS } from "./limits.ts";

/** What the heart needs of its object. */
export interface AlarmOwner {
  readonly storage: { setAlarm(atMs: number): Promise<void> };
  waitUntil(work: Promise<unknown>): void;
}

/** Beats for one replica. */
export class Heart {
  readonly #owner: AlarmOwner;
  readonly #tick: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #alarmMs = 0;

  constructor(owner: AlarmOwner, tick: () => void) {
    this.#owner = owner;
    this.#tick = tick;
  }

  /** Starts the timer and sets the alarm. */
  start(): void {
    this.#startTimer();
    this.#arm();
  }

  /** Stops the timer; the alarm stays, to wake the replica again. */
  stop(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Sets the next alarm before anything else, so that a failure of the tick cannot be the last one. */
  onAlarm(): void {
    this.#arm();
    this.#startTimer();
    this.#tick();
  }

  #startTimer(): void {
    this.stop();
    this.#timer = setInterval(() => this.#beat(), TICK_INTERVAL_MS);
  }

  #beat(): void {
    if (this.#alarmMs - Date.now() < ALARM_RENEW_MS) this.#arm();
    this.#tick();
  }

  #arm(): void {
    this.#alarmMs = Date.now() + ALARM_AHEAD_MS;
    this.#owner.waitUntil(this.#owner.storage.setAlarm(this.#alarmMs));
  }
}
