import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { javaDate } from "../../../src/keeper/operations/java-date.ts";
import { Decimal, javaJson } from "../../../src/keeper/operations/java-json.ts";
import { Summary } from "../../../src/keeper/operations/summary.ts";

describe("a date as Java prints it", () => {
  test("is the same as the platform's own, on any day from 1970 to 2400", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 13_569_465_600_000 }), (ms) => {
        // "Sun, 22 Nov 2026 23:57:16 GMT"
        const [, weekday, day, month, year, time] =
          /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(ms).toUTCString()) ?? [];
        expect(javaDate(ms)).toBe(`${weekday} ${month} ${day} ${time} UTC ${year}`);
      }),
    );
  });
});

describe("JSON as the AdminServer prints it", () => {
  test("has Jackson's spaces, whole longs, and a point in every double", () => {
    const value = {
      id: 72_059_855_273_328_640n,
      avg: new Decimal(5),
      none: [],
      maps: {},
      list: ["/a", 1],
      no: null,
    };
    expect(javaJson({ outer: value })).toBe(
      '{\n  "outer" : {\n    "id" : 72059855273328640,\n    "avg" : 5.0,\n    "none" : [ ],\n    "maps" : { },\n' +
        '    "list" : [ "/a", 1 ],\n    "no" : null\n  }\n}',
    );
  });
});

describe("a summary", () => {
  test("knows count, sum, ends and mean of all that was added, and quantiles of the latest", () => {
    const summary = new Summary();
    for (let value = 1; value <= 2000; value++) summary.add(value);
    expect([summary.count, summary.sum, summary.min, summary.max, summary.average]).toEqual([
      2000, 2_001_000, 1, 2000, 1000.5,
    ]);
    const [least = 0, most = 0] = summary.quantiles([0, 1]);
    expect([least, most]).toEqual([977, 2000]);
    summary.reset();
    expect([summary.count, summary.max, ...summary.quantiles([0.5])]).toEqual([0, 0, 0]);
  });

  test("gives quantiles that are values which so many do not exceed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, ratio) => {
          const summary = new Summary();
          for (const value of values) summary.add(value);
          const [quantile = -1] = summary.quantiles([ratio]);
          expect(values).toContain(quantile);
          expect(values.filter((value) => value <= quantile).length).toBeGreaterThanOrEqual(
            Math.floor(ratio * values.length),
          );
        },
      ),
    );
  });
});
