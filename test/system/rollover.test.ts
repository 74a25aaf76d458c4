/** A leader comes to the end of its epoch's counter again and again, in the runtime and under load: nothing is lost. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const LONG_MS = 60_000;
const EPOCHS = 4;

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({
    config: "test/faults/rollover.toml",
    vars: { HEARTBEAT_LIMIT_MS: "8000" },
    readyDeadlineMs: 60_000,
  });
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function epoch(): Promise<number> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as {
    replicas: readonly { status: { currentEpoch: number } | null }[];
  };
  return Math.max(...replicas.map(({ status }) => status?.currentEpoch ?? 0));
}

test("clients keep their connections over several epochs, and each write is done once", async () => {
  const first = await epoch();
  let isOver = false;
  const failures: string[] = [];
  const load = ensemble.tcpPorts.map(async (port, at) => {
    const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: LONG_MS });
    expect(await client.connected(LONG_MS)).toBe(true);
    const create = { op: "create", data: null, acl: OPEN_ACL, ttlMs: 0 } as const;
    await client.request({ ...create, path: `/${at}`, flags: 0 });
    let done = 0;
    while (!isOver) {
      const batch = Array.from({ length: 10 }, async () => {
        return await client.request({ ...create, path: `/${at}/n-`, flags: 2 });
      });
      for (const outcome of await Promise.all(batch)) {
        if (outcome.kind === "ok") done++;
        else failures.push(JSON.stringify(outcome.kind));
      }
    }
    const children = await client.request({ op: "getChildren2", path: `/${at}`, watch: false });
    expect(children).toMatchObject({ kind: "ok", response: { stat: { numChildren: done, cversion: done } } });
    expect(client.connects).toBe(1);
    await client.close();
  });
  await expect.poll(epoch, { timeout: LONG_MS, interval: 100 }).toBeGreaterThanOrEqual(first + EPOCHS);
  isOver = true;
  await Promise.all(load);
  expect(failures).toEqual([]);
});
