/** What a change of the members does to data that are there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

type Vars = Readonly<Record<string, string>>;

const DEADLINE_MS = 30_000;
/** What is refused is told when this is over. */
const REFUSAL_MS = 3000;
const THREE = "1,2,3";
const FIVE = "1,2,3,4,5";

let dataDirectory = "";

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
});

afterAll(async () => {
  await rm(dataDirectory, { recursive: true, force: true });
});

test("voters grow from three to five by way of observers, and in no other way", async () => {
  await during({ VOTERS: THREE }, async (client) => {
    const create = { op: "create", path: "/kept", data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
    expect(await client.request(create)).toMatchObject({ kind: "ok" });
  });

  const ofData = "the voters of the data are 1,2,3, and VOTERS is 1,2,3,4,5";
  expect(await refusal({ VOTERS: FIVE })).toContain(ofData);
  await during({ VOTERS: THREE, OBSERVERS: "4,5" }, keptByAll);
  expect(await refusal({ VOTERS: FIVE })).toContain(ofData);
  await during({ VOTERS: FIVE, VOTERS_BEFORE: THREE }, keptByAll);
  await during({ VOTERS: FIVE }, keptByAll);
});

async function refusal(vars: Vars): Promise<string> {
  const error: unknown = await start(vars, REFUSAL_MS).catch((reason: unknown) => reason);
  return String(error);
}

async function start(vars: Vars, readyDeadlineMs = DEADLINE_MS): Promise<TestEnsemble> {
  return await startEnsemble({ dataDirectory, vars, readyDeadlineMs });
}

async function during(
  vars: Vars,
  work: (client: WireClient, ensemble: TestEnsemble) => Promise<void>,
): Promise<void> {
  const ensemble = await start(vars);
  const client = new WireClient({
    servers: ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port })),
  });
  try {
    expect(await client.connected(DEADLINE_MS)).toBe(true);
    await work(client, ensemble);
  } finally {
    await client.close();
    await ensemble.stop();
  }
}

/** Every replica shows what the first three were told, and has come as far as all others. */
async function keptByAll(client: WireClient, ensemble: TestEnsemble): Promise<void> {
  for (let server = 0; server < ensemble.tcpPorts.length; server++) {
    client.moveTo(server);
    await expect.poll(() => client.server === server && client.isIdle, { timeout: DEADLINE_MS }).toBe(true);
    expect(await client.connected(DEADLINE_MS)).toBe(true);
    await client.request({ op: "sync", path: "/" });
    const { kind } = await client.request({ op: "exists", path: "/kept", watch: false });
    expect([server, kind]).toEqual([server, "ok"]);
  }
  const points = async (): Promise<number> => (await pointsOf(ensemble)).size;
  await expect.poll(points, { timeout: DEADLINE_MS }).toBe(1);
}

async function pointsOf(ensemble: TestEnsemble): Promise<ReadonlySet<string>> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as {
    replicas: { status: { lastDelivered: string; digest: string } | null }[];
  };
  return new Set(replicas.map(({ status }) => `${status?.lastDelivered} ${status?.digest}`));
}
