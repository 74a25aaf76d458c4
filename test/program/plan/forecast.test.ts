import { describe, expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { forecast, type RegionForecast } from "../../../src/program/plan/forecast.ts";
import { between, HINTS, ROUND_TRIPS } from "../../../src/program/plan/round-trips.ts";

/** A sync takes some ms there, and calls come and go in one each. */
const OWN_MS = 15;

function seen(regions: readonly RegionForecast[], region: string): RegionForecast {
  return must(
    regions.find((one) => one.region === region),
    region,
  );
}

describe("three voters far apart", () => {
  const voters = ["weur", "enam", "apac"];
  const trips = {
    "weur-enam": 90,
    "weur-apac": 200,
    "enam-apac": 210,
    "weur-weur": 2,
    "enam-enam": 2,
    "apac-apac": 2,
  };

  test("a write takes the way to the leader, and from there to the nearest other voter", () => {
    const { leader, regions } = forecast({ voters, observers: [], leader: 0 }, voters, trips);
    expect(leader).toBe("weur");
    // A follower and the leader are two of three: it waits for nobody else.
    const expected = { weur: 2 + 90, enam: 2 + 90, apac: 2 + 200 };
    for (const [region, ms] of Object.entries(expected)) {
      const { writeMs, linearizableMs, readMs, nearest } = seen(regions, region);
      expect(nearest).toBe(region);
      expect(writeMs).toBeGreaterThanOrEqual(ms);
      expect(writeMs).toBeLessThan(ms + OWN_MS);
      expect(linearizableMs).toBeLessThan(ms + OWN_MS);
      expect(readMs).toBeLessThan(OWN_MS);
    }
  });

  test("who leads is who was asked to", () => {
    const leaders = [0, 1, 2].map(
      (leader) => forecast({ voters, observers: [], leader }, ["weur"], trips).leader,
    );
    expect(leaders).toEqual(voters);
  });

  test("a leader that falls silent is missed later than one whose links close", () => {
    const { gapAfterDeathMs, gapAfterSilenceMs } = forecast({ voters, observers: [] }, ["weur"], trips);
    expect(gapAfterDeathMs).toBeGreaterThan(90);
    expect(gapAfterSilenceMs).toBeGreaterThan(gapAfterDeathMs + 1000);
  });

  test("an observer near the clients answers their reads, and hands their writes on", () => {
    const near = { ...trips, "oc-oc": 2, "oc-weur": 250, "oc-enam": 215, "oc-apac": 125 };
    const { regions } = forecast({ voters, observers: ["oc"], leader: 0 }, ["oc"], near);
    const { nearest, readMs, writeMs } = seen(regions, "oc");
    expect(nearest).toBe("oc");
    expect(readMs).toBeLessThan(OWN_MS);
    expect(writeMs).toBeGreaterThanOrEqual(250 + 90);
  });
});

test("a sole voter has nobody to wait for, and nobody to take over", () => {
  const { regions, gapAfterDeathMs } = forecast({ voters: ["weur"], observers: [] }, ["enam"], ROUND_TRIPS);
  expect(seen(regions, "enam").writeMs).toBeLessThan(91 + OWN_MS);
  expect(gapAfterDeathMs).toBeNaN();
});

test("every pair of location hints has a round trip, whichever is named first", () => {
  for (const a of HINTS) {
    for (const b of HINTS) {
      expect(between(ROUND_TRIPS, a, b)).toBe(between(ROUND_TRIPS, b, a));
      expect(between(ROUND_TRIPS, a, b)).toBeGreaterThan(0);
    }
  }
  expect(() => between(ROUND_TRIPS, "weur", "moon")).toThrow("weur and moon");
});
