/** What a change of the members does to data that are there. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

type Vars = Readonly<Record<string, string>>;

const DEADLINE_MS = 30_000;
const THREE = "1,2,3";
const FIVE = "1,2,3,4,5";

let dataDirectory = "";

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
});

afterEach(async () => {
  await rm(dataDirectory, { recursive: true, force: true });
});

test("voters grow from three to five by way of observers, and in no other way", async () => {
  await during({ VOTERS: THREE }, createKept);

  const ofData = "its replicas say: the voters of the data are 1,2,3, and VOTERS is 1,2,3,4,5";
  expect(await refusal({ VOTERS: FIVE })).toContain(ofData);
  await during({ VOTERS: THREE, OBSERVERS: "4,5" }, keptByAll);
  expect(await refusal({ VOTERS: FIVE })).toContain(ofData);
  await during({ VOTERS: FIVE, VOTERS_BEFORE: THREE }, keptByAll);
  await during({ VOTERS: FIVE }, keptByAll);
});

test("when a majority has lost its disks nothing is elected, and an operator finds the way back from what is left", async () => {
  let lost: readonly string[] = [];
  await during({ VOTERS: THREE }, async (client, ensemble) => {
    await createKept(client);
    await keptByAll(client, ensemble);
    const others = (await replicasOf(ensemble)).filter(({ sid }) => sid !== 1);
    lost = others.map(({ object }) => object);
  });
  await removeDisks(lost);

  expect(await refusal({ VOTERS: THREE })).toContain(
    "of the voters 1,2,3 only 1 has a history; 2,3 lost theirs",
  );
  expect(await refusal({ VOTERS: "1" })).toContain("the voters of the data are 1,2,3, and VOTERS is 1");
  expect(await refusal({ VOTERS: "1", VOTERS_BEFORE: THREE })).toContain("say so: VOTERS_LOST=2,3");
  await during({ VOTERS: "1", VOTERS_BEFORE: THREE, VOTERS_LOST: "2,3" }, keptByAll);
  await during({ VOTERS: "1", OBSERVERS: "2,3" }, keptByAll);
  await during({ VOTERS: THREE, VOTERS_BEFORE: "1" }, keptByAll);
  await during({ VOTERS: THREE }, keptByAll);
});

test("where clients have changed the members, the way back names their version, and is forgotten without harm", async () => {
  const reconfigurable = { RECONFIG_ENABLED: "1", SUPER_DIGEST: digestOf(SUPER_LOGIN) };
  let lost: readonly string[] = [];
  let version = "";
  await during({ VOTERS: THREE, ...reconfigurable }, async (client, ensemble) => {
    await createKept(client);
    version = await newVersion(client);
    await keptByAll(client, ensemble);
    const others = (await replicasOf(ensemble)).filter(({ sid }) => sid !== 1);
    lost = others.map(({ object }) => object);
  });
  await removeDisks(lost);

  const gone = { VOTERS: "1", VOTERS_LOST: "2,3" };
  expect(await refusal({ ...gone, VOTERS_BEFORE: THREE })).toContain(`set VOTERS_BEFORE=1,2,3@${version}`);
  await during({ ...gone, VOTERS_BEFORE: `${THREE}@${version}` }, async (client, ensemble) => {
    await keptByAll(client, ensemble);
    await expect.poll(async () => await configOf(client), { timeout: DEADLINE_MS }).not.toContain("server.2");
    expect(versionIn(await configOf(client))).not.toBe(version);
  });
  await during({ ...gone, VOTERS_BEFORE: `${THREE}@${version}` }, keptByAll);
  await during({ VOTERS: "1" }, keptByAll);
});

test("voters that are empty do not begin anew where others were, or they themselves, and say so", async () => {
  let all: readonly string[] = [];
  await during({ VOTERS: THREE }, async (client, ensemble) => {
    await createKept(client);
    await keptByAll(client, ensemble);
    all = (await replicasOf(ensemble)).map(({ object }) => object);
  });

  const founded = "have no data, and this ensemble was founded by 1,2,3 before: they do not begin anew";
  expect(await refusal({ VOTERS: "4,5,6" })).toContain(`the voters 4,5,6 ${founded}`);
  await during({ VOTERS: THREE }, keptByAll);
  await removeDisks(all);
  expect(await refusal({ VOTERS: THREE })).toContain(`the voters 1,2,3 ${founded}`);
});

test("the first voter loses its disk when there are three, and gets all back from the others", async () => {
  const grown = { VOTERS: "1", RECONFIG_ENABLED: "1", SUPER_DIGEST: digestOf(SUPER_LOGIN) };
  const observed = { ...grown, OBSERVERS: "2,3" };
  let lost: readonly string[] = [];
  await during(observed, async (client, ensemble) => {
    await createKept(client);
    await keptByAll(client, ensemble);
    const joining = [2, 3].map(
      (sid) => `server.${sid}=127.0.0.1:1:2:participant;${ensemble.tcpPorts[sid - 1]}`,
    );
    await reconfigured(client, { joiningServers: joining.join(","), leavingServers: null });
    await keptByAll(client, ensemble);
    lost = (await replicasOf(ensemble)).flatMap(({ sid, object }) => (sid === 1 ? [object] : []));
  });
  await removeDisks(lost);

  await during(observed, async (client, ensemble) => {
    await keptByAll(client, ensemble);
    for (const sid of [1, 2, 3]) expect(await configOf(client)).toContain(`server.${sid}=`);
  });
});

/** Who is not there leaves: the same members, under a version of their own. */
async function newVersion(client: WireClient): Promise<string> {
  await reconfigured(client, { joiningServers: null, leavingServers: "99" });
  return versionIn(await configOf(client));
}

async function reconfigured(
  client: WireClient,
  change: { readonly joiningServers: string | null; readonly leavingServers: string | null },
): Promise<void> {
  const auth = new TextEncoder().encode(SUPER_LOGIN);
  await client.request({ op: "auth", type: 0, scheme: "digest", auth });
  const request = { op: "reconfig", newMembers: null, currentConfigId: -1n, ...change } as const;
  expect(await client.request(request)).toMatchObject({ kind: "ok" });
}

async function configOf(client: WireClient): Promise<string> {
  const outcome = await client.request({ op: "getData", path: "/zookeeper/config", watch: false });
  if (outcome.kind !== "ok" || outcome.response.op !== "getData") throw new Error(`no data: ${outcome.kind}`);
  return new TextDecoder().decode(outcome.response.data ?? new Uint8Array());
}

function versionIn(config: string): string {
  const [, version = ""] = /version=(.*)$/.exec(config) ?? [];
  expect(version).not.toBe("");
  return version;
}

async function createKept(client: WireClient): Promise<void> {
  const create = { op: "create", path: "/kept", data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
  expect(await client.request(create)).toMatchObject({ kind: "ok" });
}

/** Removes the databases of these objects: a file each, and what SQLite left beside it. */
async function removeDisks(objects: readonly string[]): Promise<void> {
  const found: string[] = [];
  for (const storage of (await readdir(dataDirectory)).filter((name) => name.startsWith("storage"))) {
    const directory = join(dataDirectory, storage, "edgekeeper-Replica");
    const names = (await readdir(directory)).filter((name) => objects.includes(name.split(".")[0] ?? ""));
    found.push(...names.map((name) => join(directory, name)));
  }
  expect(found.filter((path) => path.endsWith(".sqlite"))).toHaveLength(objects.length);
  for (const path of found) await rm(path);
}

/** What the starter says, and nothing besides, when it ends long before its deadline. */
async function refusal(vars: Vars): Promise<string> {
  const error: unknown = await start(vars).catch((reason: unknown) => reason);
  const [, said = ""] = /printed:\n([^]*)$/.exec(String(error)) ?? [];
  expect(said).toMatch(/^edgekeeper: [^\n]+\n$/);
  return said;
}

async function start(vars: Vars): Promise<TestEnsemble> {
  return await startEnsemble({ dataDirectory, vars, readyDeadlineMs: DEADLINE_MS });
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
  const replicas = await replicasOf(ensemble);
  return new Set(replicas.map(({ status }) => `${status?.lastDelivered} ${status?.digest}`));
}

interface Listed {
  readonly sid: number;
  readonly object: string;
  readonly status: { readonly lastDelivered: string; readonly digest: string } | null;
}

async function replicasOf(ensemble: TestEnsemble): Promise<readonly Listed[]> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return ((await response.json()) as { readonly replicas: readonly Listed[] }).replicas;
}
