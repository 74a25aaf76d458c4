import { describe, expect, test } from "vitest";
import { ToldSessions } from "../../src/keeper/told-sessions.ts";

describe("sessions that a leader was told of", () => {
  test("are for the next leader, once, where that one is lost soon", () => {
    const told = new ToldSessions(1000);
    told.told([1n, 2n], 0);
    told.told([2n, 3n], 500);
    expect(new Set(told.take())).toEqual(new Set([1n, 2n, 3n]));
    expect(told.take()).toEqual([]);
  });

  test("are kept for as long as a replica stays with a leader that is deposed, and not for ever", () => {
    const told = new ToldSessions(1000);
    told.told([1n], 0);
    told.told([2n], 1000);
    told.told([], 1999);
    expect(new Set(told.take())).toEqual(new Set([1n, 2n]));
    told.told([1n], 2000);
    told.told([2n], 3000);
    told.told([3n], 4000);
    expect(new Set(told.take())).toEqual(new Set([2n, 3n]));
  });

  test("are kept over one jump of the clock ahead", () => {
    const told = new ToldSessions(1000);
    told.told([1n], 0);
    told.told([2n], 3_600_000);
    expect(new Set(told.take())).toEqual(new Set([1n, 2n]));
  });
});
