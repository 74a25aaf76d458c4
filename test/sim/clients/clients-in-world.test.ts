import { describe, expect, it } from "vitest";
import { seededRng } from "../../../src/base/rng.ts";
import { ZNODE_SETTINGS } from "../../../src/base/znode-settings.ts";
import type { ClientHistory } from "../history/types.ts";
import { judge } from "../history/judge.ts";
import { invariants } from "../invariants/invariants.ts";
import { World } from "../../../src/world/world.ts";
import type { ClientPlan } from "./client-plan.ts";
import { Clients } from "./clients.ts";
import { guardOf } from "./lock-client.ts";

/** Everything, and often. */
const PLAN: ClientPlan = {
  workers: 6,
  sessionsPerWorker: 2,
  lockClients: 3,
  visitors: 2,
  operations: 2000,
  weights: { registers: 2, creations: 2, multis: 1, watches: 2, idlers: 1 },
  disturbances: {
    hangUp: 200,
    vanish: 200,
    takeover: 600,
    nap: 100,
    oversleep: 150,
    freeze: 150,
    closeSession: 100,
  },
  sessionTimeoutsMs: [4000, 5000],
  pauseMs: 60,
  burst: 3,
  pipelining: 16,
  registers: 3,
  parents: 2,
  pairs: 2,
  largeEvery: 50,
  largeBytes: 40_000,
  locks: 1,
  holdMs: 80,
  lockPauseMs: 200,
  visitPauseMs: 200,
  lockMarginMs: 500,
  clockRates: [1, 0.99, 1.01],
};

/** A run without faults to its quiet end. */
function run(seed: number, plan: ClientPlan = PLAN): ClientHistory {
  const world = new World({
    voters: 3,
    observers: 1,
    seed,
    znodes: { ...ZNODE_SETTINGS, sweepIntervalMs: 300 },
  });
  const judgement = invariants(world, {});
  world.observers.push(judgement.observer);
  world.startAll();
  world.until("all serve", () => world.isServing());
  const clients = new Clients({ port: world, rng: seededRng([seed, 0, 0, 1]), plan });
  clients.start();
  world.until("they have asked for everything", () => clients.isSpent, 120_000);
  clients.stop();
  world.until("all is answered", () => clients.isQuiet, 30_000);
  judgement.finish();
  return { ...clients.history(), committed: judgement.committed() };
}

function textOf(history: ClientHistory): string {
  return JSON.stringify(history, (_, value: unknown) =>
    typeof value === "bigint" ? value.toString(16) : value,
  );
}

/** What is wrong, one line each. */
function wrongIn(history: ClientHistory): readonly string[] {
  return judge(history, { guardOf, clockRateMax: 1.01 }).map(({ message }) => message);
}

describe("clients in a world where nothing goes wrong but their own doing", () => {
  const history = run(1);
  const { operations, events, sessions, holds } = history;

  it("are told nothing that is wrong", () => {
    expect(wrongIn(history).slice(0, 3)).toEqual([]);
  });

  it("do everything that they know, to all ends", () => {
    const done = new Set(
      operations.map(({ request, outcome }) => {
        return `${request.op} ${outcome.kind === "answered" ? outcome.error : "unknown"}`;
      }),
    );
    const expected = ["create 0", "create -110", "create2 0", "create2 -110", "setData 0", "setData -101"];
    expected.push("setData -103", "delete 0", "delete -101", "delete -103", "getData 0", "getData -101");
    expected.push("exists 0", "exists -101", "getChildren2 0", "getEphemerals 0", "sync 0", "multi 0");
    expected.push("createTTL 0", "createTTL -110", "createContainer 0");
    expected.push("multiRead 0", "addWatch 0", "removeWatches 0", "setWatches2 0", "closeSession 0");
    expected.push("setData unknown", "create unknown");
    expect(expected.filter((one) => !done.has(one))).toEqual([]);
    const types = new Set(events.map(({ event }) => event.type));
    expect(types).toEqual(new Set([1, 2, 3, 4]));
    expect(holds.length).toBeGreaterThan(5);
    expect(sessions.some(({ expiredMs }) => expiredMs !== undefined)).toBe(true);
    expect(sessions.some(({ closedMs }) => closedMs !== undefined)).toBe(true);
    expect(sessions.some(({ attachments }) => attachments.length > 2)).toBe(true);
  });

  it("come with a session at another replica of which they know nothing but its number", () => {
    const fresh = sessions.filter(({ session, attachments: [first, second] }) => {
      const isAnswered = operations.some((operation) => {
        return operation.session === session && operation.connection === first?.connection;
      });
      return second !== undefined && !isAnswered;
    });
    expect(fresh.length).toBeGreaterThan(2);
  });

  it("write in about half of their operations", () => {
    const writes = new Set(["create", "create2", "setData", "delete", "multi"]);
    const share = operations.filter(({ request }) => writes.has(request.op)).length / operations.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  it("lose no more answers than connections that they leave", () => {
    const unknown = operations.filter(({ outcome }) => outcome.kind === "unknown").length;
    expect(unknown).toBeLessThan(operations.length / 10);
  });

  it("record moments of which no two are the same", () => {
    const moments = operations.flatMap(({ startMs, endMs }) =>
      endMs === Infinity ? [startMs] : [startMs, endMs],
    );
    moments.push(...events.map(({ atMs }) => atMs));
    expect(new Set(moments).size).toBe(moments.length);
    for (const { startMs, endMs } of operations) expect(endMs).toBeGreaterThan(startMs);
  });
});

describe("a seed", () => {
  const small = { ...PLAN, operations: 400 };

  it.each([2, 3])("%i gives the same run again", (seed) => {
    expect(textOf(run(seed, small))).toBe(textOf(run(seed, small)));
  });

  it("gives another run than the next one", () => {
    expect(textOf(run(2, small))).not.toBe(textOf(run(3, small)));
  });
});
