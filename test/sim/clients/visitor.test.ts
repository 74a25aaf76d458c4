import { describe, expect, it } from "vitest";
import { seededRng } from "../../../src/base/rng.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import { DriftingClock } from "./client-clock.ts";
import { clientPlanFor } from "./client-plan.ts";
import { FakePort } from "./fake-port.ts";
import { Recorder } from "./recorder.ts";
import { Visitor } from "./visitor.ts";

/** A visitor whose first session is made. */
function visit(seed: number): { readonly port: FakePort; readonly visitor: Visitor } {
  const rng = seededRng([seed, 0, 0, 0]);
  const calm = { hangUp: 0, vanish: 0, takeover: 0, nap: 0, oversleep: 0, freeze: 0, closeSession: 0 };
  const plan = { ...clientPlanFor(rng, 100, 1000), disturbances: calm, visitPauseMs: 40 };
  const port = new FakePort();
  const [clock, recorder] = [new DriftingClock(port, 1), new Recorder(port)];
  const visitor = new Visitor({ name: "v", plan, port, clock, rng, recorder, isSpent: () => false });
  visitor.start();
  port.last.welcome();
  return { port, visitor };
}

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

describe("a visitor", () => {
  it("leaves about half of its new sessions at once, and comes back with a number and nothing else", () => {
    const left = SEEDS.map(visit).filter(({ port }) => port.replicas.length > 1);
    for (const { port, visitor } of left) {
      expect(port.last.hello?.lastZxidSeen).toEqual(ZXID_ZERO);
      expect(port.last.hello?.sessionId).toBe(visitor.sessions[0]?.session);
      expect(port.last.hello?.sessionId).not.toBe(0n);
    }
    expect(left.length).toBeGreaterThan(4);
    expect(left.length).toBeLessThan(16);
  });

  it("stays once it has come back", () => {
    for (const { port } of SEEDS.map(visit)) {
      if (port.replicas.length === 1) continue;
      port.last.welcome();
      expect(port.replicas).toHaveLength(2);
    }
  });

  it("asks for a thing or two, and closes its session", () => {
    const asked = SEEDS.map((seed) => {
      const { port } = visit(seed);
      if (port.replicas.length > 1) port.last.welcome();
      port.run(70);
      return port.last.take().request.op;
    });
    expect(new Set(asked)).toEqual(new Set(["getData", "create", "closeSession"]));
  });
});
