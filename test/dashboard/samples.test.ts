/** What the dashboard draws of figures that replicas tell. */
import { expect, test } from "vitest";

import type { ReplicaFigures, StatusDocument } from "../../src/dashboard/documents.ts";
import { FIGURES, Samples } from "../../src/dashboard/samples.ts";

type Counters = Partial<ReplicaFigures["counters"]>;

function looked(counters: Counters): StatusDocument {
  const status = { instance: 1, counters: { latencyCount: 0, latencySumMs: 0, ...counters } };
  const shown = { sid: 1, role: "participant", location: null, error: null, status };
  return { ensemble: "main", leader: 1, replicas: [shown] } as unknown as StatusDocument;
}

function latencyOver(before: Counters, now: Counters): number | null | undefined {
  const samples = new Samples();
  samples.add(looked(before), 1000);
  samples.add(looked(now), 3000);
  const figure = FIGURES.find(({ id }) => id === "latency");
  return figure && samples.linesOf(figure)[1]?.[0];
}

test("the mean latency is of requests and of calls alike, and of what came since the last look", () => {
  expect(latencyOver({}, { callCount: 4, callSumMs: 20 })).toBe(5);
  const before = { latencyCount: 10, latencySumMs: 100, callCount: 5, callSumMs: 500 };
  expect(latencyOver(before, { latencyCount: 11, latencySumMs: 102, callCount: 6, callSumMs: 504 })).toBe(3);
  expect(latencyOver(before, before)).toBe(null);
});

test("a replica of an earlier version tells of requests alone", () => {
  expect(latencyOver({ latencyCount: 1, latencySumMs: 1 }, { latencyCount: 3, latencySumMs: 9 })).toBe(4);
});
