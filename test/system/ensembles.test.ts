/** Several ensembles in one deployment: each a tree and a quorum of its own, and a night of its own. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const NAMES = ["main", "alpha", "beta"] as const;
const poll = { timeout: 60_000, interval: 200 };

interface Told {
  readonly asleep: boolean;
  readonly instance: number;
  readonly currentEpoch: number;
  readonly digest: string;
}

let ensemble: TestEnsemble;

beforeAll(async () => {
  const vars = { ENSEMBLES: NAMES.join(","), DORMANT_AFTER_MS: "2000" };
  ensemble = await startEnsemble({ vars });
});

afterAll(async () => {
  await ensemble.stop();
});

async function ask(name: string, method: string, path: string, options: RequestInit = {}): Promise<Response> {
  return await fetch(`${ensemble.httpUrl}/${name}/v1${path}`, { method, ...options });
}

async function asJson(name: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await ask(name, "POST", path, { body: JSON.stringify(body), headers });
  expect(response.ok).toBe(true);
  return (await response.json()) as Record<string, unknown>;
}

async function statusOf(name: string): Promise<readonly Told[]> {
  const response = await fetch(`${ensemble.httpUrl}/${name}/v1/status`);
  const { replicas } = (await response.json()) as { replicas: readonly { status: Told }[] };
  return replicas.map(({ status }) => status);
}

describe("three ensembles of one deployment", () => {
  test("are listed for whoever has the deployment's secret, with their health", async () => {
    const root = (await (await fetch(`${ensemble.httpUrl}/`)).json()) as { ensembles: readonly string[] };
    expect(root.ensembles).toEqual([...NAMES]);
    const health = (await (await fetch(`${ensemble.httpUrl}/healthz`)).json()) as {
      ensembles: readonly { ensemble: string; voters: number }[];
    };
    expect(health.ensembles.map(({ ensemble: name, voters }) => [name, voters])).toEqual(
      NAMES.map((name) => [name, 3]),
    );
  });

  test("have trees, sessions and locks of their own", async () => {
    for (const name of NAMES) expect((await ask(name, "PUT", "/nodes/same", { body: name })).ok).toBe(true);
    for (const name of NAMES) expect(await (await ask(name, "GET", "/nodes/same")).text()).toBe(name);
    expect((await ask("alpha", "DELETE", "/nodes/same")).ok).toBe(true);
    expect((await ask("beta", "GET", "/nodes/same")).status).toBe(200);
    expect((await ask("alpha", "GET", "/nodes/same")).status).toBe(404);

    const { session } = await asJson("alpha", "/sessions", { timeoutMs: 30_000 });
    const headers = { session: String(session) };
    expect((await ask("alpha", "PUT", "/sessions", { headers })).status).toBe(204);
    expect((await ask("beta", "PUT", "/sessions", { headers })).status).toBe(410);

    for (const name of NAMES) {
      const lease = await asJson(name, "/locks/same/acquire", { ttlMs: 30_000, waitMs: 0 });
      expect(lease["lease"]).toEqual(expect.any(String));
      const released = await ask(name, "POST", "/locks/same/release", {
        body: JSON.stringify({ lease: lease["lease"] }),
        headers: { "content-type": "application/json" },
      });
      expect(released.ok).toBe(true);
    }
    expect((await ask("alpha", "DELETE", "/sessions", { headers })).status).toBe(204);
  });

  test("move their leaders one by one", async () => {
    const before = await Promise.all(NAMES.map(async (name) => (await statusOf(name))[0]?.currentEpoch));
    const moved = await fetch(`${ensemble.httpUrl}/beta/commands/move_leader?to=1`, { method: "POST" });
    expect(moved.status).toBe(202);
    await expect
      .poll(async () => (await statusOf("beta"))[0]?.currentEpoch, poll)
      .toBeGreaterThan(before[2] ?? 0);
    expect((await statusOf("alpha"))[0]?.currentEpoch).toBe(before[1]);
  });

  test("sleep and wake apart", async () => {
    await expect
      .poll(async () => (await Promise.all(NAMES.map(statusOf))).flat().every(({ asleep }) => asleep), poll)
      .toBe(true);
    expect((await ask("alpha", "GET", "/nodes/same?consistency=linearizable")).status).toBe(404);
    expect((await statusOf("alpha")).some(({ asleep }) => asleep)).toBe(false);
    for (const name of ["main", "beta"]) {
      expect((await statusOf(name)).every(({ asleep }) => asleep)).toBe(true);
    }
  });

  test("are those that the deployment names: no other comes to life", async () => {
    for (const path of ["/gamma/v1/nodes/same", "/gamma/v1/status", "/gamma/commands/ruok", "/gamma/zk"]) {
      expect((await fetch(`${ensemble.httpUrl}${path}`)).status).toBe(404);
    }
  });
});
