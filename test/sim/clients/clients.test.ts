import { describe, expect, it } from "vitest";
import { seededRng } from "../../../src/base/rng.ts";
import { clientPlanFor } from "./client-plan.ts";
import { Clients } from "./clients.ts";
import { FakePort } from "./fake-port.ts";
import { placesOf } from "./setup-client.ts";

describe("a plan by chance", () => {
  it("has work in it, whatever the seed", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const plan = clientPlanFor(seededRng([seed, 0, 0, 0]), 1000, 15_000);
      const weights = Object.values(plan.weights);
      expect(weights.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
      expect(plan.workers + plan.lockClients + plan.visitors).toBeLessThanOrEqual(16);
      expect(plan.pauseMs).toBeGreaterThan(0);
    }
  });
});

describe("clients", () => {
  it("begin to work when all that they need stands, and not before", () => {
    const port = new FakePort();
    const rng = seededRng([1, 0, 0, 0]);
    const plan = clientPlanFor(rng, 100, 1000);
    const clients = new Clients({ port, rng, plan });
    clients.start();
    port.run(100);
    expect(port.replicas).toHaveLength(1);
    port.last.welcome();
    for (const [index, path] of placesOf(plan).entries()) {
      expect(clients.isSetUp).toBe(false);
      const { xid, request } = port.last.take();
      expect(request).toMatchObject({ op: "create", path });
      port.last.reply(xid, { epoch: 1, counter: index + 1 }, { op: "path", path });
    }

    expect(clients.isSetUp).toBe(true);
    expect(clients.operationCount).toBe(0);
    const { workers, sessionsPerWorker, lockClients, visitors } = plan;
    expect(port.replicas).toHaveLength(1 + workers * sessionsPerWorker + lockClients + visitors);
    expect(port.replicas[0]?.take().request.op).toBe("closeSession");
  });
});
