/** A process for each replica: one that is killed is started again, and data follow where replicas live. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const DEADLINE_MS = 30_000;
const REPLICAS = "edgekeeper-Replica";

let dataDirectory = "";
let ensemble: TestEnsemble | undefined;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
});

afterEach(async () => {
  await ensemble?.stop();
  ensemble = undefined;
  await rm(dataDirectory, { recursive: true, force: true });
});

async function start(processes: number): Promise<TestEnsemble> {
  ensemble = await startEnsemble({ dataDirectory, processes });
  return ensemble;
}

function clientOf({ tcpPorts }: TestEnsemble): WireClient {
  return new WireClient({ servers: tcpPorts.map((port) => ({ host: "127.0.0.1", port })) });
}

async function create(client: WireClient, path: string): Promise<void> {
  const outcome = await client.request({ op: "create", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
  expect(outcome.kind).toBe("ok");
}

async function childrenOfRoot(client: WireClient): Promise<readonly string[]> {
  const outcome = await client.request({ op: "getChildren2", path: "/", watch: false });
  if (outcome.kind !== "ok" || outcome.response.op !== "children2") throw new Error("no children");
  const { children } = outcome.response;
  return children.filter((name) => name !== "zookeeper").toSorted((a, b) => a.localeCompare(b));
}

/** How many replicas' databases are in each directory. */
async function databases(): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const name of await readdir(dataDirectory)) {
    if (!name.startsWith("storage")) continue;
    const files = await readdir(join(dataDirectory, name, REPLICAS));
    found[name] = files.filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file)).length;
  }
  return found;
}

interface Status {
  readonly leader: number | null;
  readonly replicas: readonly { readonly sid: number; readonly status?: { readonly mode: string } }[];
}

async function status({ httpUrl }: TestEnsemble): Promise<Status> {
  return (await (await fetch(`${httpUrl}/main/v1/status`)).json()) as Status;
}

async function processIds(): Promise<readonly number[]> {
  const text = await readFile(join(dataDirectory, "runtime", "runtime.pid"), "utf8");
  return text.trim().split("\n").map(Number);
}

test("the leader's process is killed: another leads, nothing is lost, and the replica comes back", async () => {
  const running = await start(3);
  const client = clientOf(running);
  expect(await client.connected(5000)).toBe(true);
  await create(client, "/before");
  const before = await processIds();
  expect(before).toHaveLength(3);
  const { leader } = await status(running);
  const killed = before[(leader ?? 0) - 1] ?? 0;

  process.kill(killed, "SIGKILL");

  const after = clientOf(running);
  expect(await after.connected(DEADLINE_MS)).toBe(true);
  await expect
    .poll(async () => (await after.request({ op: "sync", path: "/" })).kind, { timeout: DEADLINE_MS })
    .toBe("ok");
  await create(after, "/after");
  await expect
    .poll(async () => (await status(running)).replicas.map((one) => one.status?.mode), {
      timeout: DEADLINE_MS,
    })
    .toSatisfy((modes: readonly string[]) => modes.filter((mode) => mode === "follower").length === 2);
  const restarted = await processIds();
  expect(restarted[(leader ?? 0) - 1]).not.toBe(killed);
  expect(running.output()).toContain(
    `the process of replica ${leader} ended (signal SIGKILL): it starts again`,
  );
  await expect
    .poll(() => running.output(), { timeout: DEADLINE_MS })
    .toMatch(new RegExp(`Z edgekeeper: replica ${leader} is back$`, "m"));
  expect(await childrenOfRoot(after)).toEqual(["after", "before"]);
  await client.abandon();
  await after.close();
});

test("data are where replicas live, also where there are fewer processes than before, and more again", async () => {
  const expected = [
    { processes: 3, databases: { storage: 1, "storage-2": 1, "storage-3": 1 } },
    { processes: 1, databases: { storage: 3, "storage-2": 0, "storage-3": 0 } },
    { processes: 2, databases: { storage: 2, "storage-2": 1, "storage-3": 0 } },
    { processes: 3, databases: { storage: 1, "storage-2": 1, "storage-3": 1 } },
  ];
  for (const [index, { processes, databases: there }] of expected.entries()) {
    const running = await start(processes);
    expect(await databases()).toEqual(there);
    const client = clientOf(running);
    expect(await client.connected(5000)).toBe(true);
    await create(client, `/n${index}`);
    expect(await childrenOfRoot(client)).toEqual(Array.from({ length: index + 1 }, (_, at) => `n${at}`));
    await client.abandon();
    // As a power cut would: what SQLite had not put into its databases moves along.
    await running.kill9();
    ensemble = undefined;
  }
});
