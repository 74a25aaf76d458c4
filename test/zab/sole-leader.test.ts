/** A leader that is a quorum by itself: nobody tells it when another start has taken its place, so it asks its disk. */
import { describe, expect, it } from "vitest";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import { Bench, proposal } from "./bench.ts";

const proofMs = (DEFAULT_TIMING.heartbeatLimitMs * 2) / 3;

function leader(): Bench {
  const bench = new Bench({ voters: [1] });
  bench.pass(20);
  expect(bench.peer.canPropose()).toBe(true);
  return bench;
}

/** What it writes when somebody relies on it, and has for so long. */
function proofs(bench: Bench, durationMs: number): number {
  let written = 0;
  for (const endMs = bench.nowMs + durationMs; bench.nowMs < endMs;) {
    bench.pass(20);
    written += bench.step({ kind: "prove" }).writes.length;
  }
  return written;
}

describe("a sole leader that somebody relies on", () => {
  it("writes once it has written nothing for two thirds of the heartbeat limit, and what it writes changes nothing", () => {
    const bench = leader();
    const before = bench.disk.visible;

    expect(proofs(bench, proofMs - 40)).toBe(0);
    expect(proofs(bench, 80)).toBe(1);
    expect(bench.disk.visible).toEqual(before);
    expect(proofs(bench, 4 * proofMs)).toBe(4);
  });

  it("needs no such proof while it writes anyway", () => {
    const bench = leader();
    for (let counter = 1; counter <= 5; counter++) {
      expect(proofs(bench, proofMs / 2)).toBe(0);
      bench.step({ kind: "propose", proposals: [proposal(1, counter)] });
    }
  });

  it("is told nothing where nobody relies on it, and then writes nothing", () => {
    expect(leader().pass(10 * proofMs).writes).toEqual([]);
  });
});

it("a leader of several, and who looks for one, prove nothing by writes", () => {
  expect(proofs(new Bench({ voters: [1, 2, 3] }), 3 * proofMs)).toBe(0);
});
