/**
 * What makes a replica's time pass, and the one owner of its alarm. While it lives in memory an interval timer ticks;
 * the alarm stands some way ahead as the dead-man's switch, which wakes the object where the timer died with it.
 * Alarms come at least once, and late: both call the same tick, and nothing depends on when.
 */
import { ALARM_AHEAD_MS, ALARM_RENEW_MS, TICK_INTERVAL_MS } from "./limits.ts";

/** Beats for one replica. */
export class Heart {
  readonly #ctx: DurableObjectState;
  readonly #tick: () => void;
  #timer: number | null = null;
  #alarmMs = 0;

  constructor(ctx: DurableObjectState, tick: () => void) {
    this.#ctx = ctx;
    this.#tick = tick;
  }

  /** Starts the timer and sets the alarm. */
  start(): void {
    this.#timer = setInterval(() => this.#beat(), TICK_INTERVAL_MS);
    this.#arm();
  }

  /** Stops the timer; the alarm stays, to wake the replica again. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Sets the next alarm before anything else, so that a failure of the tick cannot be the last one. */
  onAlarm(): void {
    this.#arm();
    this.#tick();
  }

  #beat(): void {
    if (this.#alarmMs - Date.now() < ALARM_RENEW_MS) this.#arm();
    this.#tick();
  }

  #arm(): void {
    this.#alarmMs = Date.now() + ALARM_AHEAD_MS;
    this.#ctx.waitUntil(this.#ctx.storage.setAlarm(this.#alarmMs));
  }
}
