/**
 * What makes a replica's time pass, and the one owner of its alarm. While it lives in memory an interval timer ticks;
 * the alarm stands some way ahead as the dead-man's switch: it wakes the object where the timer died with it, and
 * starts a timer that stopped by itself. Alarms come at least once, and late: both call the same tick, and nothing
 * depends on when.
 */
import { ALARM_AHEAD_MS, ALARM_RENEW_MS, TICK_INTERVAL_MS } from "./limits.ts";

/** What the heart needs of its object. */
export interface AlarmOwner {
  readonly storage: { setAlarm(atMs: number): Promise<void>; deleteAlarm(): Promise<void> };
  waitUntil(work: Promise<unknown>): void;
}

/** Whose time passes. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Acts again and again, every so many ms, until the returned function is called. */
  every(intervalMs: number, act: () => void): () => void;
}

const PLATFORM_CLOCK: Readonly<Clock> = {
  now: () => Date.now(),
  every: (intervalMs, act) => {
    const timer = setInterval(act, intervalMs);
    return () => clearInterval(timer);
  },
};

/** Beats for one replica. */
export class Heart {
  readonly #owner: AlarmOwner;
  readonly #tick: () => void;
  readonly #clock: Clock;
  #stopTimer: (() => void) | undefined;
  #alarmMs = 0;
  /** While it sleeps; `untilMs` is when it wakes by itself, undefined for never. */
  #sleep: { readonly untilMs: number | undefined } | undefined;

  /** `clock` is the platform's, or the simulator's. */
  constructor(owner: AlarmOwner, tick: () => void, clock: Clock = PLATFORM_CLOCK) {
    this.#owner = owner;
    this.#tick = tick;
    this.#clock = clock;
  }

  /** Starts the timer and sets the alarm. */
  start(): void {
    this.#sleep = undefined;
    this.#startTimer();
    this.#arm();
  }

  /**
   * Stops until it is woken, or until then. Where an earlier object fell asleep, whose alarm stands (`hasAlarm`), there
   * is nothing to set.
   */
  sleep(untilMs: number | undefined, hasAlarm: boolean): void {
    this.stop();
    this.#sleep = { untilMs };
    if (!hasAlarm) this.#armSleeper(untilMs);
  }

  /** Whether it sleeps. */
  get isAsleep(): boolean {
    return this.#sleep !== undefined;
  }

  /** Time passes again, from now on, if it sleeps. */
  wake(): void {
    if (this.#sleep === undefined) return;
    this.start();
    this.#tick();
  }

  /** Stops the timer; the alarm stays, to wake the replica again. */
  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Whether time passes. */
  get isBeating(): boolean {
    return this.#stopTimer !== undefined;
  }

  /** Stops, and does not wake again by itself. */
  rest(): void {
    this.stop();
    this.#owner.waitUntil(this.#owner.storage.deleteAlarm());
  }

  /** Sets the next alarm before anything else, so that a failure of the tick cannot be the last one. */
  onAlarm(): void {
    const untilMs = this.#sleep?.untilMs;
    // One that was set while it was awake.
    const isEarly = this.#sleep !== undefined && (untilMs === undefined || this.#clock.now() < untilMs);
    if (isEarly) return this.#armSleeper(untilMs);
    this.#sleep = undefined;
    this.#arm();
    this.#startTimer();
    this.#tick();
  }

  #startTimer(): void {
    this.stop();
    this.#stopTimer = this.#clock.every(TICK_INTERVAL_MS, () => this.#beat());
  }

  #beat(): void {
    if (this.#alarmMs - this.#clock.now() < ALARM_RENEW_MS) this.#arm();
    this.#tick();
  }

  #armSleeper(untilMs: number | undefined): void {
    const { storage } = this.#owner;
    this.#owner.waitUntil(untilMs === undefined ? storage.deleteAlarm() : storage.setAlarm(untilMs));
  }

  #arm(): void {
    this.#alarmMs = this.#clock.now() + ALARM_AHEAD_MS;
    this.#owner.waitUntil(this.#owner.storage.setAlarm(this.#alarmMs));
  }
}
