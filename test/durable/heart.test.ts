import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Heart } from "../../src/durable/heart.ts";
import { ALARM_AHEAD_MS, ALARM_RENEW_MS, TICK_INTERVAL_MS } from "../../src/durable/limits.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A heart, and what it did in order. */
function subject(tick: () => void = () => undefined): { readonly heart: Heart; readonly story: string[] } {
  const story: string[] = [];
  const owner = {
    storage: {
      async setAlarm(atMs: number): Promise<void> {
        story.push(`alarm in ${atMs - Date.now()}`);
        await Promise.resolve();
      },
      deleteAlarm: async () => {
        story.push("no alarm");
        await Promise.resolve();
      },
    },
    waitUntil: () => undefined,
  };
  const heart = new Heart(owner, () => {
    story.push("tick");
    tick();
  });
  return { heart, story };
}

describe("a replica's heart", () => {
  test("ticks by its timer, and sets the alarm anew only when it stands near", () => {
    const { heart, story } = subject();
    heart.start();
    vi.advanceTimersByTime(ALARM_AHEAD_MS);
    heart.stop();

    expect(story.filter((event) => event === "tick").length).toBe(ALARM_AHEAD_MS / TICK_INTERVAL_MS);
    const alarms = story.filter((event) => event !== "tick");
    expect(alarms.length).toBe(
      1 + Math.floor(ALARM_AHEAD_MS / (ALARM_AHEAD_MS - ALARM_RENEW_MS + TICK_INTERVAL_MS)),
    );
    expect(new Set(alarms)).toEqual(new Set([`alarm in ${ALARM_AHEAD_MS}`]));
  });

  test("goes on by the alarm alone where the timer has stopped, and starts it again", () => {
    const { heart, story } = subject();
    heart.start();
    heart.stop();
    story.length = 0;
    vi.advanceTimersByTime(ALARM_AHEAD_MS);
    expect(story).toEqual([]);

    heart.onAlarm();
    expect(story).toEqual([`alarm in ${ALARM_AHEAD_MS}`, "tick"]);
    vi.advanceTimersByTime(TICK_INTERVAL_MS);

    expect(story).toEqual([`alarm in ${ALARM_AHEAD_MS}`, "tick", "tick"]);
    heart.stop();
  });

  test("has one timer, however often the alarm comes", () => {
    const { heart, story } = subject();
    heart.start();
    heart.onAlarm();
    heart.onAlarm();
    story.length = 0;
    vi.advanceTimersByTime(TICK_INTERVAL_MS);

    expect(story).toEqual(["tick"]);
    heart.stop();
  });

  test("sets the next alarm before it ticks, so that a tick that fails is not the last", () => {
    const { heart, story } = subject(() => {
      throw new Error("a tick that fails");
    });

    expect(() => heart.onAlarm()).toThrow("a tick that fails");
    expect(story).toEqual([`alarm in ${ALARM_AHEAD_MS}`, "tick"]);
    heart.stop();
  });
});

describe("a heart that sleeps", () => {
  test("has no timer, and no alarm but the one that it is to wake at", () => {
    const { heart, story } = subject();
    heart.start();
    story.length = 0;
    heart.sleep(Date.now() + 3_600_000, false);
    vi.advanceTimersByTime(3_500_000);
    expect(story).toEqual(["alarm in 3600000"]);
    expect([heart.isAsleep, heart.isBeating]).toEqual([true, false]);

    vi.advanceTimersByTime(100_000);
    heart.onAlarm();
    expect(story.slice(1)).toEqual([`alarm in ${ALARM_AHEAD_MS}`, "tick"]);
    expect([heart.isAsleep, heart.isBeating]).toEqual([false, true]);
    heart.stop();
  });

  test("has no alarm at all where nothing is to wake it", () => {
    const { heart, story } = subject();
    heart.start();
    story.length = 0;
    heart.sleep(undefined, false);
    vi.advanceTimersByTime(3_600_000);
    expect(story).toEqual(["no alarm"]);
  });

  test("sleeps on after an alarm of when it was awake, and sets its own", () => {
    const { heart, story } = subject();
    heart.sleep(Date.now() + 60_000, true);
    expect(story).toEqual([]);
    heart.onAlarm();
    expect(story).toEqual(["alarm in 60000"]);
    heart.sleep(undefined, true);
    heart.onAlarm();
    expect(story).toEqual(["alarm in 60000", "no alarm"]);
    expect(heart.isAsleep).toBe(true);
  });

  test("wakes for whoever wants something, with a tick at once; and only if it sleeps", () => {
    const { heart, story } = subject();
    heart.wake();
    expect(story).toEqual([]);
    heart.sleep(undefined, true);
    heart.wake();
    heart.wake();
    expect(story).toEqual([`alarm in ${ALARM_AHEAD_MS}`, "tick"]);
    vi.advanceTimersByTime(TICK_INTERVAL_MS);
    expect(story.at(-1)).toBe("tick");
    heart.stop();
  });
});
