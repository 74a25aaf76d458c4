/** What a restart of everything keeps, and how soon a cold start answers. */
import { afterAll, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Stat } from "../../src/base/stat.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const COUNT = 200;

describe("a restart of all replicas", () => {
  let dataDirectory = "";
  const stats: Stat[] = [];

  afterAll(async () => {
    await rm(dataDirectory, { recursive: true, force: true });
  });

  test("keeps every znode with its Stat, after an orderly stop and after kill -9", async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
    let ensemble = await startEnsemble({ dataDirectory });
    let client = clientOf(ensemble);
    expect(await client.connected(5000)).toBe(true);
    const startedMs = performance.now();
    stats.push(await create(client, 0));
    console.log(
      `ready after ${ensemble.readyMs} ms, first write ${(performance.now() - startedMs).toFixed(1)} ms later`,
    );
    for (let index = 1; index < COUNT; index++) stats.push(await create(client, index));
    await client.abandon();
    await ensemble.stop();

    ensemble = await startEnsemble({ dataDirectory });
    client = clientOf(ensemble);
    expect(await client.connected(5000)).toBe(true);
    expect(await statsOf(client)).toEqual(stats);
    for (let index = COUNT; index < 2 * COUNT; index++) stats.push(await create(client, index));
    await client.abandon();
    await ensemble.kill9();

    ensemble = await startEnsemble({ dataDirectory });
    client = clientOf(ensemble);
    expect(await client.connected(5000)).toBe(true);
    expect(await statsOf(client)).toEqual(stats);
    await client.close();
    await ensemble.stop();
  });
});

function clientOf(ensemble: TestEnsemble): WireClient {
  return new WireClient({ servers: ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port })) });
}

async function create(client: WireClient, index: number): Promise<Stat> {
  const data = index % 3 === 0 ? null : new Uint8Array(index % 5);
  const path = `/n${index}`;
  const outcome = await client.request({ op: "create2", path, data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
  if (outcome.kind !== "ok" || outcome.response.op !== "create2")
    throw new Error(JSON.stringify(outcome.kind));
  return outcome.response.stat;
}

async function statsOf(client: WireClient): Promise<readonly Stat[]> {
  await client.request({ op: "sync", path: "/" });
  const children = await client.request({ op: "getChildren", path: "/", watch: false });
  if (children.kind !== "ok" || children.response.op !== "children") throw new Error(children.kind);
  const stats = children.response.children
    .filter((name) => name.startsWith("n"))
    .map(async (name) => {
      const read = await client.request({ op: "getData", path: `/${name}`, watch: false });
      if (read.kind !== "ok" || read.response.op !== "getData") throw new Error(read.kind);
      const index = Number(name.slice(1));
      expect(read.response.data).toEqual(index % 3 === 0 ? null : new Uint8Array(index % 5));
      return { index, stat: read.response.stat };
    });
  return (await Promise.all(stats)).sort((a, b) => a.index - b.index).map(({ stat }) => stat);
}
