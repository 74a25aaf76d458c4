/** Five voters and two observers, as `npm start` runs them: every door serves, and two of seven never vote. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import type { WatcherEvent } from "../../src/jute/records.ts";
import { WireClient, type WireClientSetup } from "../client/wire-client.ts";
import type { RequestOutcome } from "../client/wire-connection.ts";
import { askWord } from "../compat/servers.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const VOTERS = [1, 2, 3, 4, 5];
const OBSERVERS = [6, 7];
const SIDS = [...VOTERS, ...OBSERVERS];
const DEADLINE_MS = 40_000;

let ensemble: TestEnsemble;
const clients: WireClient[] = [];

beforeAll(async () => {
  ensemble = await startEnsemble({
    config: "test/faults/wrangler.toml",
    vars: { VOTERS: VOTERS.join(","), OBSERVERS: OBSERVERS.join(",") },
  });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await ensemble.stop();
});

test("sessions, writes and reads work at all seven doors, and every replica shows the same", async () => {
  for (const sid of SIDS) {
    const client = await clientAt(sid);
    expect(client.session >> 56n).toBe(BigInt(sid));
    expect(await create(client, `/by-${sid}`)).toMatchObject({ kind: "ok" });
  }
  for (const sid of SIDS) {
    const client = await clientAt(sid);
    const sync = client.request({ op: "sync", path: "/" });
    const listed = await client.request({ op: "getChildren", path: "/", watch: false });
    await sync;
    expect(listed.kind === "ok" && listed.response.op === "children" ? listed.response.children : []).toEqual(
      expect.arrayContaining(SIDS.map((other) => `by-${other}`)),
    );
  }
});

test("a watch at an observer fires for a write at a voter, and before a read there shows the write", async () => {
  const events: WatcherEvent[] = [];
  const watcher = await clientAt(6, { onEvent: (event) => events.push(event) });
  const writer = await clientAt(1);
  await create(writer, "/watched");
  await watcher.request({ op: "sync", path: "/watched" });
  await watcher.request({ op: "getData", path: "/watched", watch: true });

  await writer.request({ op: "setData", path: "/watched", data: Uint8Array.of(1), version: -1 });

  const sync = watcher.request({ op: "sync", path: "/watched" });
  const read = await watcher.request({ op: "getData", path: "/watched", watch: false });
  await sync;
  expect(read).toMatchObject({ kind: "ok", response: { stat: { version: 1 } } });
  expect(events).toMatchObject([{ type: 3, path: "/watched" }]);
});

describe("who observes is told", () => {
  test("by the status document and by the health of the ensemble", async () => {
    const { replicas } = await status();
    const { ensembles } = (await (await fetch(`${ensemble.httpUrl}/healthz`)).json()) as Health;

    expect(replicas.map(({ sid, role }) => [sid, role])).toEqual([
      ...VOTERS.map((sid) => [sid, "participant"]),
      ...OBSERVERS.map((sid) => [sid, "observer"]),
    ]);
    expect(replicas.filter((replica) => replica.status?.mode === "observer").map(({ sid }) => sid)).toEqual([
      6, 7,
    ]);
    expect(ensembles).toEqual([{ ensemble: "main", serving: 7, voters: 5, observers: 2, asleep: 0 }]);
  });

  test("by four-letter words, at observers and at the leader", async () => {
    const { leader } = await status();
    const words = async (sid: number, word: string): Promise<string> => askWord(addressOf(sid), [word]);

    expect(await words(6, "srvr")).toContain("Mode: observer\n");
    expect(await words(7, "mntr")).toContain("zk_server_state\tobserver\n");
    expect(await words(7, "isro")).toBe("rw");
    const conf = await words(7, "conf");
    expect(conf).toContain(`clientPort=${addressOf(7).port}\n`);
    expect(conf).toContain("peerType=1\nmembership: \nserver.1=");
    expect(await words(2, "conf")).toContain("peerType=0\n");
    const leaders = await words(leader ?? 0, "mntr");
    expect(leaders).toContain("zk_synced_observers\t2\n");
    expect(leaders).toContain("zk_synced_followers\t4\n");
  });

  test("by /zookeeper/config, with the addresses of all", async () => {
    const read = await (
      await clientAt(7)
    ).request({ op: "getData", path: "/zookeeper/config", watch: false });
    const data = read.kind === "ok" && read.response.op === "getData" ? read.response.data : null;
    const lines = new TextDecoder().decode(data ?? undefined).split("\n");

    expect(lines).toEqual([
      ...VOTERS.map(
        (sid) => `server.${sid}=127.0.0.1:2888:3888:participant;127.0.0.1:${addressOf(sid).port}`,
      ),
      ...OBSERVERS.map(
        (sid) => `server.${sid}=127.0.0.1:2888:3888:observer;127.0.0.1:${addressOf(sid).port}`,
      ),
      "version=0",
    ]);
  });
});

test("a session at an observer keeps its connection and its ephemerals when the leader dies", async () => {
  const { leader } = await status();
  const client = await clientAt(7);
  const ephemeral = {
    op: "create",
    path: "/ephemeral",
    data: null,
    acl: OPEN_ACL,
    flags: 1,
    ttlMs: 0,
  } as const;
  expect(await client.request(ephemeral)).toMatchObject({ kind: "ok" });

  // Away until the others have another leader.
  await suffer(leader ?? 0, { kind: "down", ms: 4000 });
  const outcome = await create(client, "/after-the-leader");

  expect(outcome).toMatchObject({ kind: "ok" });
  expect(client.connects).toBe(1);
  expect((await status()).leader).not.toBe(leader);
  expect(VOTERS).toContain((await status()).leader);
  expect(await client.request({ op: "exists", path: "/ephemeral", watch: false })).toMatchObject({
    kind: "ok",
  });
  await allServe();
});

test("two of five voters and both observers are no quorum: no write is acknowledged until a third is back", async () => {
  const client = await clientAt(6);
  const counter = "/no-quorum";
  await create(client, counter);
  const { leader } = await status();
  const lost = [leader ?? 0, ...VOTERS.filter((sid) => sid !== leader)].slice(0, 3);
  const AWAY_MS = 5000;

  const fromMs = performance.now();
  await Promise.all(lost.map(async (sid) => suffer(sid, { kind: "down", ms: AWAY_MS })));
  const early = client.request({ op: "setData", path: counter, data: null, version: 0 });
  const serving = async (): Promise<number> =>
    (await status()).replicas.filter((replica) => replica.status?.serving === true).length;
  await expect.poll(serving, { timeout: DEADLINE_MS }).toBe(0);
  await expect.poll(async () => (await status()).leader, { timeout: DEADLINE_MS }).toBeNull();
  const outcome = await early;
  const isEarly = performance.now() - fromMs < AWAY_MS;
  expect(isEarly && outcome.kind === "ok").toBe(false);

  await allServe();
  expect(await client.connected(DEADLINE_MS)).toBe(true);
  expect(client.connects).toBe(2);
  await client.request({ op: "sync", path: counter });
  const read = await client.request({ op: "getData", path: counter, watch: false });
  const version =
    read.kind === "ok" && read.response.op === "getData" ? read.response.stat.version : undefined;
  expect([0, 1]).toContain(version);
  const next = { op: "setData", path: counter, data: null, version: version ?? 0 } as const;
  expect(await client.request(next)).toMatchObject({ kind: "ok" });
});

interface Status {
  readonly leader: number | null;
  readonly replicas: readonly {
    readonly sid: number;
    readonly role: string;
    readonly status: { readonly mode: string; readonly serving: boolean } | null;
  }[];
}

interface Health {
  readonly ensembles: readonly unknown[];
}

async function status(): Promise<Status> {
  return (await (await fetch(`${ensemble.httpUrl}/main/v1/status`)).json()) as Status;
}

async function allServe(): Promise<void> {
  const serving = async (): Promise<number> =>
    (await status()).replicas.filter((replica) => replica.status?.serving === true).length;
  await expect.poll(serving, { timeout: DEADLINE_MS }).toBe(SIDS.length);
}

async function suffer(sid: number, fault: object): Promise<void> {
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

function addressOf(sid: number): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: ensemble.tcpPorts[SIDS.indexOf(sid)] ?? 0 };
}

async function clientAt(sid: number, setup: Partial<WireClientSetup> = {}): Promise<WireClient> {
  const client = new WireClient({ servers: [addressOf(sid)], timeoutMs: 20_000, ...setup });
  clients.push(client);
  expect(await client.connected(DEADLINE_MS)).toBe(true);
  return client;
}

async function create(client: WireClient, path: string): Promise<RequestOutcome> {
  return client.request({ op: "create", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
}
