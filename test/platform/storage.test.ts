/** What an object's SQLite does with numbers, blobs, row values, errors and open cursors. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { ProbeClient } from "./probe-client.ts";

let probe: ProbeClient;

beforeAll(async () => {
  probe = await ProbeClient.start();
});

afterAll(async () => {
  await probe.ensemble.stop();
});

test("integers are exact up to 2^53, above they read back rounded, and a bigint is refused", async () => {
  const facts = await probe.ask("integers/integers");

  expect(facts).toEqual({
    largestExact: true,
    boundRoundTrip: true,
    aboveIsRounded: true,
    bigint: "threw Cannot convert a BigInt value to a number",
    boundStoredAs: "real",
    inIntegerColumn: "integer",
    inUntypedColumn: "real",
  });
});

test("row values compare as a zxid does, and the comparison is a search of the key", async () => {
  const facts = await probe.ask<{ rows: readonly number[][]; plan: string }>("rows/row-values");

  expect(facts.rows).toEqual([
    [2, 2],
    [3, 0],
  ]);
  expect(facts.plan).toContain("SEARCH");
});

test("a blob comes back as an ArrayBuffer", async () => {
  expect(await probe.ask("blobs/blobs")).toEqual({ isArrayBuffer: true, length: 3 });
});

test("transactionSync rolls back what it wrote when its callback throws, and throws that error on", async () => {
  expect(await probe.ask("rollback/rollback")).toBe("threw thrown inside");
  expect((await probe.state("rollback")).notes).toEqual([]);
});

test("a write outside a transaction stays when the handler throws after it, and the object goes on with its memory", async () => {
  const { instance } = await probe.state("thrower");

  expect((await probe.get("thrower/write-then-throw")).status).toBe(500);

  const state = await probe.state("thrower");
  expect(state.notes).toEqual(["outside a transaction, before a throw"]);
  expect(state.instance).toBe(instance);
});

test("a cursor held over an await shows rows that were inserted after it was opened", async () => {
  expect(await probe.ask("cursor/cursor-over-await")).toEqual(["a", "b", "later"]);
});
