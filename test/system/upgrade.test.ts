/**
 * From one version to the next: what a release has written is there, in all that it holds; what a later one has written
 * is refused and not touched; replicas of two versions serve together, or say that they cannot while a quorum of one
 * does.
 */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { LINK_FORMAT } from "../../src/keeper/link-codec.ts";
import { ProcessSet } from "../compat/processes.ts";
import { SUPER_LOGIN } from "../differential/values.ts";
import { type EnsembleSetup, startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { runProgram } from "../program/run-program.ts";
import { caller } from "../upgrade/plant.ts";
import { DATA_VARIABLES, recordOf, type ReleaseRecord } from "../upgrade/record.ts";
import { buildVersion, type OtherVersion } from "../upgrade/versions.ts";

const RELEASES = ["0.1.0"];
const DEADLINE_MS = 60_000;
const TAR_MS = 60_000;

let directory: string;
let running: TestEnsemble | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-upgrade-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(setup: EnsembleSetup): Promise<TestEnsemble> {
  running = await startEnsemble({ readyDeadlineMs: DEADLINE_MS, ...setup });
  return running;
}

async function unpacked(release: string): Promise<string> {
  const processes = new ProcessSet();
  const to = await mkdtemp(join(directory, `${release}-`));
  const args = ["-xzf", join(import.meta.dirname, `../upgrade/data-${release}.tar.gz`), "-C", to];
  await processes.run({ command: "tar", args }, TAR_MS);
  return to;
}

describe.each(RELEASES)("the data of %s", (release) => {
  let record: ReleaseRecord;
  let ensemble: TestEnsemble;
  let client: Client;

  beforeAll(async () => {
    const text = await readFile(join(import.meta.dirname, `../upgrade/data-${release}.json`), "utf8");
    record = JSON.parse(text) as ReleaseRecord;
    const dataDirectory = await unpacked(release);
    ensemble = await startEnsemble({ dataDirectory, vars: DATA_VARIABLES, readyDeadlineMs: DEADLINE_MS });
    client = await connect(ensemble.httpUrl);
  });

  afterAll(async () => {
    await client.close();
    await ensemble.stop();
  });

  test("hold every znode as it was, with its list and its Stat, at each replica", async () => {
    for (const port of ensemble.tcpPorts) {
      const { tcpTransport } = await import("../../src/program/tcp-transport.ts");
      await using at = await connect(`127.0.0.1:${port}`, { transport: tcpTransport });
      const { znodes, members } = await recordOf(at);
      expect(znodes).toEqual(record.znodes);
      // The doors are on other ports.
      expect(members.replaceAll(/;127.*/g, "")).toBe(record.members.replaceAll(/;127.*/g, ""));
    }
    const status = await statusOf(ensemble);
    const digests = new Set(
      status.replicas.map((one) => `${one.status?.lastDelivered} ${one.status?.digest}`),
    );
    expect(digests.size).toBe(1);
  });

  test("hold its session, which its client takes up, and whose ephemerals are its own", async () => {
    const { ticket } = record;
    if (ticket === undefined) throw new Error("the record has a ticket");
    await using again = await connect(ensemble.httpUrl, { session: ticket, timeoutMs: 600_000 });
    expect(await again.ephemerals("/app")).toEqual(["/app/ephemeral"]);
    await again.close();
    expect(await client.exists("/app/ephemeral")).toBeUndefined();
  });

  test("hold leases, a token, documents and their history, a counter, a quota and a webhook", async () => {
    const ask = caller(ensemble.httpUrl);
    const { lock, permit } = record;
    await expect(ask("POST", "/locks/nightly/acquire", { ttlMs: 5000 })).rejects.toThrow("lock-held");
    expect(await ask("POST", "/locks/nightly/renew", { lease: lock.lease })).toMatchObject({});
    await ask("POST", "/locks/nightly/release", { lease: lock.lease });
    const next = (await ask("POST", "/locks/nightly/acquire", { ttlMs: 5000 })) as { readonly token: string };
    expect(next.token > lock.token).toBe(true);
    expect(await ask("GET", "/semaphores/pool")).toMatchObject({
      permits: 2,
      queue: [{ token: permit.token }],
    });

    expect(await ask("GET", "/counters/hits")).toMatchObject({ value: "41" });
    expect(await ask("GET", "/config/app")).toEqual({ port: 81 });
    expect(await ask("GET", `/config/app/history/${record.revision}`)).toEqual({ port: 80 });
    await expect(ask("PUT", "/config/app", { host: "x" })).rejects.toThrow("schema-violation");
    await ask("PUT", "/config/app", { port: 82 });

    const reader = caller(ensemble.httpUrl, record.reader);
    expect(await reader("GET", "/nodes/app")).toBe("the app, set");
    await expect(reader("GET", "/nodes/locks")).rejects.toThrow("403");
    expect(await ask("GET", "/webhooks")).toMatchObject({ webhooks: [{ name: "deploys", path: "/app" }] });

    const made = await client.create("/app/queue/n-", "", { sequential: true });
    expect(made.path).toBe("/app/queue/n-0000000004");
    const children = await client.children("/app/many");
    await client.addAuth("digest", SUPER_LOGIN);
    expect((await client.get("/zookeeper/quota/app/zookeeper_stats")).text()).toContain("count=");
    expect(children).toHaveLength(120);
  });

  test("hold the history of events, from where a reader was", async () => {
    const stopped = new AbortController();
    const response = await fetch(
      `${ensemble.httpUrl}/main/v1/watch/events?part=recursive&since=${record.position}`,
      {
        signal: stopped.signal,
      },
    );
    let text = "";
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      if (text.includes("deleted")) break;
    }
    stopped.abort();
    const types = [...text.matchAll(/^event: (\w+)$/gm)].map(([, type]) => type);
    expect(types.filter((type) => /created|dataChanged|deleted/.test(type ?? ""))).toEqual([
      "created",
      "dataChanged",
      "deleted",
    ]);
  });
});

test("a downgrade is served where the formats are the same, and otherwise refused: nothing is lost", async () => {
  const data = { dataDirectory: await mkdtemp(join(directory, "one-")), vars: { VOTERS: "1" } };
  await using later = await buildVersion({ version: "0.2.0" });
  await using latest = await buildVersion({ version: "0.3.0", storage: 5 });
  const growing: readonly (readonly [string, Partial<EnsembleSetup>])[] = [
    ["later", { config: later.config }],
    ["present", {}],
    ["latest", { config: latest.config }],
  ];
  for (const [name, setup] of growing) {
    const ensemble = await start({ ...data, ...setup });
    await using client = await connect(ensemble.httpUrl);
    await client.create(`/${name}`);
    await ensemble.kill9();
    running = undefined;
  }
  const before = await mkdtemp(join(directory, "kept-"));
  // Sockets of a process that was killed are no data.
  const filter = (source: string): boolean => !source.endsWith(".sock");
  await cp(data.dataDirectory, before, { recursive: true, filter });

  await expect(start(data)).rejects.toThrow(
    /the data is of format 5, which Edgekeeper 0\.3\.0 wrote; this is 0\.1\.0, which knows formats up to 4\. .*0\.3\.0/,
  );

  const again = await start({ ...data, config: latest.config });
  await using client = await connect(again.httpUrl);
  expect(await client.children("/")).toEqual(["later", "latest", "present", "zookeeper"]);
});

describe("replicas of two versions", () => {
  /** Starts the process of a replica anew, on another bundle, as a gradual deployment does. */
  async function replace(ensemble: TestEnsemble, sid: number, version: OtherVersion): Promise<void> {
    await cp(version.file, join(ensemble.dataDirectory, "runtime", "worker.js"));
    const ids = await processIds(ensemble);
    process.kill(ids[sid - 1] ?? 0, "SIGKILL");
    await expect.poll(async () => (await processIds(ensemble))[sid - 1], POLL).not.toBe(ids[sid - 1]);
  }

  test("that speak alike serve together: one after the other is replaced, and no client loses anything", async () => {
    await using later = await buildVersion({ version: "0.2.0" });
    const ensemble = await start({});
    await using client = await connect(ensemble.httpUrl);
    await client.create("/held", "", { mode: "ephemeral" });
    const ask = caller(ensemble.httpUrl);
    const lock = (await ask("POST", "/locks/job/acquire", { ttlMs: 60_000 })) as { readonly lease: string };
    let written = 0;
    for (const sid of [2, 3, 1]) {
      await replace(ensemble, sid, later);
      await expect.poll(async () => await versionOf(ensemble, sid), POLL).toBe("0.2.0 following or leading");
      await retried(async () => await client.create(`/n${written}`));
      written++;
    }
    expect((await client.children("/")).filter((name) => name.startsWith("n"))).toHaveLength(written);
    expect(await client.exists("/held")).toBeDefined();
    expect(client.state).toBe("connected");
    await retried(async () => await ask("POST", "/locks/job/renew", { lease: lock.lease }));
  });

  test("that do not speak alike say so, and a quorum of either version serves", async () => {
    await using other = await buildVersion({ version: "0.2.0", links: LINK_FORMAT + 1 });
    const ensemble = await start({});
    await using client = await connect(ensemble.httpUrl);
    const { leader } = await statusOf(ensemble);
    const [first = 0, second = 0] = [1, 2, 3].filter((sid) => sid !== leader);

    await replace(ensemble, first, other);
    await retried(async () => await client.create("/by-the-old-quorum"));
    await expect
      .poll(async () => (await replicaOf(ensemble, first))?.refusal, POLL)
      .toMatch(
        new RegExp(`replica \\d .*0\\.1\\.0.*links of format ${LINK_FORMAT}.*0\\.2\\.0.*${LINK_FORMAT + 1}`),
      );
    expect((await replicaOf(ensemble, first))?.serving).toBe(false);
    const doctor = await runProgram(["doctor"], { env: { EDGEKEEPER_URL: ensemble.httpUrl } });
    expect(doctor).toMatchObject({ code: 1 });
    expect(doctor.stdout).toMatch(
      new RegExp(`mend +replica ${first} is apart from others: .*docs/upgrading`),
    );
    expect(doctor.stdout).toMatch(/the replicas run 0\.\d\.0 and 0\.\d\.0/);

    // The new ones are a quorum now, without the one that has led so far, which has all that they have.
    await replace(ensemble, second, other);
    await expect
      .poll(
        async () => (await statusOf(ensemble)).replicas.filter(({ status }) => status?.serving).length,
        POLL,
      )
      .toBe(2);
    expect((await replicaOf(ensemble, leader ?? 0))?.serving).toBe(false);
    await retried(async () => await client.create("/by-the-new-quorum"));

    await replace(ensemble, leader ?? 0, other);
    await expect
      .poll(
        async () => (await statusOf(ensemble)).replicas.filter(({ status }) => status?.serving).length,
        POLL,
      )
      .toBe(3);
    await client.sync();
    expect(await client.children("/")).toEqual(["by-the-new-quorum", "by-the-old-quorum", "zookeeper"]);
  });
});

const POLL = { timeout: DEADLINE_MS, interval: 200 } as const;

/** What a replica tells of itself, as far as it matters here. */
interface ReplicaStatus {
  readonly serving: boolean;
  readonly version: string;
  readonly refusal: string | null;
  readonly lastDelivered: string;
  readonly digest: string;
}

interface Status {
  readonly leader: number | null;
  readonly replicas: readonly { readonly sid: number; readonly status?: ReplicaStatus | null }[];
}

async function statusOf({ httpUrl }: TestEnsemble): Promise<Status> {
  return (await (await fetch(`${httpUrl}/main/v1/status`)).json()) as Status;
}

async function replicaOf(ensemble: TestEnsemble, sid: number): Promise<ReplicaStatus | undefined> {
  return (await statusOf(ensemble)).replicas.find((one) => one.sid === sid)?.status ?? undefined;
}

async function versionOf(ensemble: TestEnsemble, sid: number): Promise<string> {
  const status = await replicaOf(ensemble, sid);
  return `${status?.version} ${status?.serving === true ? "following or leading" : "not serving"}`;
}

async function processIds({ dataDirectory }: TestEnsemble): Promise<readonly number[]> {
  const text = await readFile(join(dataDirectory, "runtime", "runtime.pid"), "utf8");
  return text.trim().split("\n").map(Number);
}

/** A replica has just died, so an answer may be lost: it is asked again until there is one. */
async function retried(work: () => Promise<unknown>): Promise<void> {
  await expect
    .poll(async () => await work().then(() => "all is well", messageOf), POLL)
    .toMatch(/^all is well$|is there already/);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
