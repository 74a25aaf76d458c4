import { describe, expect, test } from "vitest";
import { billOf, type Measured, type Prices, type Usage } from "../../src/cli/cost-model.ts";

const MEASURED: Measured = {
  rowsPerWrite: 2,
  rowsPerWriteInBatches: 0.5,
  rowsPerLockCycle: 6,
  rowsPerNight: 10,
  rowsPerIdleMinute: 0,
  idleMessagesPerS: 20,
  messagesPerWrite: 3,
  wakeS: 1,
};

/** A dollar for each million, or each thing, and nothing included. */
const PRICES: Prices = {
  planUsd: 5,
  workerRequestsUsdPerMillion: 1,
  workerRequestsIncluded: 0,
  objectRequestsUsdPerMillion: 1,
  objectRequestsIncluded: 0,
  durationUsdPerMillionGbS: 1,
  durationIncludedGbS: 0,
  rowsWrittenUsdPerMillion: 1,
  rowsWrittenIncluded: 0,
  storageUsdPerGb: 1,
  storageIncludedGb: 0,
  objectGb: 0.128,
  messagesPerRequest: 20,
};

const UNUSED: Usage = {
  voters: 3,
  observers: 0,
  sessions: 0,
  pingS: 10,
  writesPerS: 0,
  readsPerS: 0,
  httpWritesPerS: 0,
  httpReadsPerS: 0,
  lockCyclesPerS: 0,
  isBatched: false,
  hoursPerDay: 0,
  wakesPerDay: 0,
  dormantAfterS: 60,
  storedGb: 0,
};

const MONTH_S = 30 * 86_400;

function amounts(usage: Partial<Usage>, measured: Partial<Measured> = {}): Readonly<Record<string, number>> {
  const { charges } = billOf({ ...UNUSED, ...usage }, { ...MEASURED, ...measured }, PRICES);
  return Object.fromEntries(charges.map(({ what, amount }) => [what, amount]));
}

describe("a month", () => {
  test("asleep is one night a day", () => {
    const { awakeS, awakePart } = billOf(UNUSED, MEASURED, PRICES);
    expect(awakeS).toBe(30 * 61);
    expect(awakePart).toBeCloseTo((30 * 61) / MONTH_S);
    expect(amounts({})["rows written"]).toBe(3 * 30 * 10);
  });

  test("in use is all of it in memory, with what replicas say to each other", () => {
    const bill = amounts({ hoursPerDay: 24 });
    expect(bill["GB-seconds in memory"]).toBeCloseTo(3 * MONTH_S * 0.128);
    expect(bill["requests of objects"]).toBeCloseTo((2 * MONTH_S * 20) / 20);
    expect(bill["rows written"]).toBe(0);
    expect(amounts({ hoursPerDay: 24, voters: 1 })["requests of objects"]).toBe(0);
  });

  test("counts rates over the hours in use alone", () => {
    const half = amounts({ hoursPerDay: 12, httpWritesPerS: 1 });
    expect(half["requests of Workers"]).toBe(MONTH_S / 2);
    expect(half["rows written"]).toBe(3 * ((MONTH_S / 2) * 2 + 30 * 10));
  });

  test("wakes add up, up to all of it", () => {
    expect(billOf({ ...UNUSED, wakesPerDay: 9 }, MEASURED, PRICES).awakeS).toBe(300 * 61);
    expect(billOf({ ...UNUSED, wakesPerDay: 1e6 }, MEASURED, PRICES).awakePart).toBe(1);
  });

  test("a message of a client is a twentieth of a request, and so is a ping", () => {
    const quiet = amounts({ hoursPerDay: 24 })["requests of objects"] ?? 0;
    const asking = amounts({ hoursPerDay: 24, sessions: 100, readsPerS: 10 })["requests of objects"] ?? 0;
    expect(asking - quiet).toBeCloseTo((MONTH_S * (10 + 10)) / 20);
  });

  test("a write takes rows of each replica, fewer in batches, and messages on each link", () => {
    const usage = { hoursPerDay: 24, writesPerS: 5 };
    expect(amounts(usage)["rows written"]).toBe(3 * 5 * MONTH_S * 2);
    expect(amounts({ ...usage, isBatched: true })["rows written"]).toBe(3 * 5 * MONTH_S * 0.5);
    const messages = amounts(usage)["requests of objects"] ?? 0;
    expect(messages - (amounts({ hoursPerDay: 24 })["requests of objects"] ?? 0)).toBeCloseTo(
      (MONTH_S * (5 + 2 * 5 * 3)) / 20,
    );
  });

  test("a lock cycle is two requests and two transactions", () => {
    const bill = amounts({ hoursPerDay: 24, lockCyclesPerS: 1 });
    expect(bill["requests of Workers"]).toBe(2 * MONTH_S);
    expect(bill["rows written"]).toBe(3 * MONTH_S * 6);
  });

  test("what the plan includes is not charged again", () => {
    const rowsWrittenIncluded = 1e9;
    const usage = { ...UNUSED, hoursPerDay: 24, writesPerS: 1 };
    const { charges, totalUsd } = billOf(usage, MEASURED, { ...PRICES, rowsWrittenIncluded });
    expect(charges.find(({ what }) => what === "rows written")?.usd).toBe(0);
    const sum = charges.reduce((total, { usd }) => total + usd, 5);
    expect(totalUsd).toBeCloseTo(sum);
  });
});
