/**
 * The commands snapshot and restore, beside a real ZooKeeper 3.9.5: each restores what the other's snapshot holds, and
 * then shows the same znodes with the same Stats, lists and data.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Response as WireResponse } from "../../src/base/request.ts";
import { compareZxid, zxidHex } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { WireClient } from "../client/wire-client.ts";
import { ProcessSet } from "../compat/processes.ts";
import { type SingleZooKeeper, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { fileOf } from "../keeper/file-of.ts";
import { create as createInFile, freshTree, Leader } from "../tree/harness.ts";

const START_TIMEOUT_MS = 600_000;
const AUTHORIZATION = `digest ${SUPER_LOGIN}`;
const SUPER_AUTH: ClientRequest = {
  op: "auth",
  type: 0,
  scheme: "digest",
  auth: new TextEncoder().encode(SUPER_LOGIN),
};

/** One of the servers. */
interface Side {
  readonly port: number;
  /** Without a slash at the end; what its commands stand below. */
  readonly commands: string;
}

const processes = new ProcessSet();
const clients: WireClient[] = [];
let temporary: string;
let zookeeper: SingleZooKeeper;
let edgekeeper: TestEnsemble;
let real: Side;
let ours: Side;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "snapshot-"));
  const superDigest = digestOf(SUPER_LOGIN);
  [zookeeper, edgekeeper] = await Promise.all([
    startSingleZooKeeper(processes, temporary, {
      superDigest,
      saslPasswords: {},
      sweepIntervalMs: 60_000,
      isAdministered: true,
    }),
    startEnsemble({
      vars: { SUPER_DIGEST: superDigest, ADMIN_RATE_LIMITER_INTERVAL_MS: "0" },
      readyDeadlineMs: 60_000,
    }),
  ]);
  const [address] = zookeeper.addresses;
  real = { port: address?.port ?? 0, commands: `http://127.0.0.1:${zookeeper.adminPort}/commands` };
  ours = { port: edgekeeper.tcpPorts[0] ?? 0, commands: `${edgekeeper.httpUrl}/main/commands` };
}, START_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.abandon()));
  await edgekeeper?.stop();
  await processes.stopAll();
  await rm(temporary, { recursive: true, force: true });
});

async function connect(side: Side): Promise<WireClient> {
  const client = new WireClient({ servers: [{ host: "127.0.0.1", port: side.port }], timeoutMs: 30_000 });
  clients.push(client);
  expect(await client.connected(20_000)).toBe(true);
  await client.request(SUPER_AUTH);
  return client;
}

async function ask(client: WireClient, request: ClientRequest): Promise<WireResponse> {
  const outcome = await client.request(request);
  if (!("response" in outcome) || outcome.response === undefined) {
    throw new Error(`${request.op} is answered otherwise: ${outcome.kind}`);
  }
  return outcome.response;
}

/** A znode of each kind, an ephemeral of this client, lists, a quota, names and data that are not ASCII. */
async function grow(client: WireClient, top: string): Promise<void> {
  const create = { op: "create", data: new Uint8Array([1]), acl: OPEN_ACL, ttlMs: 0, flags: 0 } as const;
  const list = [
    { perms: 31, scheme: "digest", id: "ann:hash" },
    { perms: 1, scheme: "world", id: "anyone" },
    { perms: 3, scheme: "ip", id: "10.0.0.0/8" },
  ];
  await ask(client, { ...create, path: top });
  await ask(client, { ...create, path: `${top}/null`, data: null });
  await ask(client, { ...create, path: `${top}/empty`, data: new Uint8Array(0) });
  await ask(client, { ...create, path: `${top}/é日本`, data: new TextEncoder().encode("é"), acl: list });
  await ask(client, { ...create, path: `${top}/é日本/below` });
  await ask(client, { ...create, path: `${top}/temporary`, flags: 1 });
  await ask(client, { ...create, op: "createContainer", path: `${top}/box`, flags: 4 });
  await ask(client, { ...create, path: `${top}/box/in` });
  await ask(client, { ...create, op: "createTTL", path: `${top}/ttl`, flags: 5, ttlMs: 123_456_789 });
  for (let index = 0; index < 300; index++) await ask(client, { ...create, path: `${top}/s-`, flags: 2 });
  for (let index = 0; index < 100; index++) {
    await ask(client, { op: "delete", path: `${top}/s-${String(index + 8).padStart(10, "0")}`, version: -1 });
  }
  const big = new Uint8Array(300_000).map((_, at) => at * 7);
  await ask(client, { op: "setData", path: `${top}/empty`, data: big, version: -1 });
  await ask(client, { op: "setACL", path: `${top}/null`, acl: list, version: -1 });
  await ask(client, { ...create, path: `/zookeeper/quota${top}` });
  const limits = new TextEncoder().encode("count=1000,bytes=-1");
  await ask(client, { ...create, path: `/zookeeper/quota${top}/zookeeper_limits`, data: limits });
  const stats = new TextEncoder().encode("count=0,bytes=0");
  await ask(client, { ...create, path: `/zookeeper/quota${top}/zookeeper_stats`, data: stats });
}

/** Everything that a client can see of the znodes, but for who the members are. */
async function shown(client: WireClient): Promise<readonly string[]> {
  const lines: string[] = [];
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (path === "/zookeeper/config") continue;
    const [children, data, acl] = await Promise.all([
      ask(client, { op: "getChildren2", path, watch: false }),
      ask(client, { op: "getData", path, watch: false }),
      ask(client, { op: "getACL", path }),
    ]);
    // A quota's place and the root change with the quota's own count, which ZooKeeper makes anew.
    const text = JSON.stringify([data, acl], (_, value: unknown) => {
      if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
      return typeof value === "bigint" ? value.toString(16) : value;
    });
    lines.push(`${path} ${text}`);
    if (children.op !== "children2") throw new Error(children.op);
    for (const name of children.children) pending.push(path === "/" ? `/${name}` : `${path}/${name}`);
  }
  return lines.toSorted();
}

async function snapshotOf(side: Side, query = ""): Promise<Response> {
  return await fetch(`${side.commands}/snapshot?streaming=true${query}`, {
    headers: { authorization: AUTHORIZATION },
  });
}

async function restoreAt(side: Side, body: Uint8Array): Promise<Response> {
  const headers = { authorization: AUTHORIZATION, "content-type": "application/octet-stream" };
  return await fetch(`${side.commands}/restore`, {
    method: "POST",
    headers,
    body: new Blob([new Uint8Array(body)]),
  });
}

async function metric(port: number, name: string): Promise<string | undefined> {
  const { askWord } = await import("../compat/servers.ts");
  const text = await askWord({ host: "127.0.0.1", port }, ["mntr"]);
  return new RegExp(`^zk_${name}\\t(.*)$`, "m").exec(text)?.[1];
}

/** What is said to a caller who says this of itself. */
async function told(side: Side, authorization: string | undefined, query: string): Promise<unknown> {
  const headers = authorization === undefined ? {} : { authorization };
  const answer = await fetch(`${side.commands}/${query}`, { headers });
  const type = answer.headers.get("content-type")?.split(";")[0];
  const isFile = type === "application/octet-stream";
  const text = await answer.text();
  const shownHeaders = ["last_zxid", "snapshot_size"].filter((name) => answer.headers.has(name));
  const body: unknown = isFile ? text.slice(0, 4) : JSON.parse(text);
  return { status: answer.status, type, shownHeaders, body };
}

describe("the command snapshot", () => {
  test.each([
    ["nobody", undefined, "snapshot"],
    ["a scheme alone", "digest", "snapshot"],
    ["an unknown scheme", "nosuch a:b", "snapshot"],
    ["three words", "digest a:b c", "snapshot"],
    ["an address", "ip", "snapshot"],
    ["a certificate, which there is none of", "x509", "snapshot"],
    ["anybody, where the root is open", "digest a:b", "snapshot"],
    ["the super user, by the short name", AUTHORIZATION, "snap?streaming=TRUE"],
    ["who asks for no file", AUTHORIZATION, "snapshot?streaming=false"],
    ["who asks for something else", AUTHORIZATION, "snapshot?streaming=yes"],
  ])("is answered to %s as by a real ZooKeeper", async (_, authorization, query) => {
    expect(await told(ours, authorization, query)).toEqual(await told(real, authorization, query));
  });

  test("is for those alone who may do everything to the root", async () => {
    const [atReal, atOurs] = await Promise.all([connect(real), connect(ours)]);
    const setRoot = async (acl: typeof OPEN_ACL): Promise<void> => {
      for (const client of [atReal, atOurs]) await ask(client, { op: "setACL", path: "/", acl, version: -1 });
    };
    await setRoot([{ perms: 23, scheme: "world", id: "anyone" }]);
    try {
      const answers = await Promise.all([ours, real].map((side) => told(side, "digest a:b", "snapshot")));
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]).toMatchObject({ status: 403, body: { error: "Not authorized" } });
      expect(await told(ours, AUTHORIZATION, "snapshot")).toMatchObject({ status: 200 });
    } finally {
      await setRoot(OPEN_ACL);
    }
  });
});

describe("a snapshot", () => {
  test("of ours is restored by a real ZooKeeper, which then shows the same", async () => {
    const client = await connect(ours);
    await grow(client, "/ours");
    const expected = await shown(client);
    const answer = await snapshotOf(ours, "&sid=1");
    expect(answer.status).toBe(200);
    const file = new Uint8Array(await answer.arrayBuffer());
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("snapshot_size")).toBe(String(file.length));
    expect(answer.headers.get("last_zxid")).toMatch(/^0x[0-9a-f]+$/);
    expect(zxidHex(client.lastZxid) <= (answer.headers.get("last_zxid") ?? "")).toBe(true);

    const restored = await restoreAt(real, file);
    expect(restored.status).toBe(200);
    const { last_zxid: lastZxid } = (await restored.json()) as { last_zxid: number };
    expect(BigInt(lastZxid) >> 32n).toBe(BigInt(answer.headers.get("last_zxid") ?? "0x0") >> 32n);
    const there = await connect(real);
    expect(await shown(there)).toEqual(expected);
    expect(await metric(real.port, "digest_mismatches_count")).toBe("0");
  });
});

describe("a restore", () => {
  test("of a real ZooKeeper's snapshot shows the same at every replica, and its clients come back with their sessions", async () => {
    const before = await connect(ours);
    const { lastZxid: zxidBefore } = before;
    const addresses = [real, ours].map(({ port }) => ({ host: "127.0.0.1", port }));
    const moving = new WireClient({ servers: addresses, timeoutMs: 30_000 });
    clients.push(moving);
    expect(await moving.connected(20_000)).toBe(true);
    await moving.request(SUPER_AUTH);
    await grow(moving, "/real");
    const expected = await shown(moving);
    const file = new Uint8Array(await (await snapshotOf(real)).arrayBuffer());

    const answer = await restoreAt(ours, file);
    expect(answer.status).toBe(200);
    const told = (await answer.json()) as { last_zxid: number; command: string; error: null };
    expect([told.command, told.error]).toEqual(["restore", null]);

    // Whose session the file does not hold is told so; whose it does goes on.
    await expect.poll(() => before.state, { timeout: 20_000 }).toBe("expired");
    const { session } = moving;
    moving.moveTo(1);
    await expect.poll(() => moving.server, { timeout: 20_000 }).toBe(1);
    expect(await moving.connected(20_000)).toBe(true);
    expect(moving.session).toBe(session);
    await moving.request(SUPER_AUTH);
    expect(await shown(moving)).toEqual(expected);
    for (const port of edgekeeper.tcpPorts)
      expect(await shown(await connect({ ...ours, port }))).toEqual(expected);

    const created = await moving.request({
      op: "create2",
      path: "/behind",
      data: null,
      acl: OPEN_ACL,
      flags: 0,
      ttlMs: 0,
    });
    expect(created).toMatchObject({ response: { op: "create2" } });
    expect(compareZxid(moving.lastZxid, zxidBefore)).toBeGreaterThan(0);
    await expect.poll(async () => new Set(await digests()).size, { timeout: 20_000 }).toBe(1);

    // The ephemeral goes with its session, here as there.
    await moving.close();
    const last = await connect(ours);
    expect(await last.request({ op: "exists", path: "/real/temporary", watch: false })).toMatchObject({
      code: -101,
    });
  });
});

test("sequence numbers at the end of an int32: ZooKeeper's stop there, ours go on as its documentation says", async () => {
  const store = new MapNodeStore();
  const file = new Leader(freshTree(store));
  file.write(createInFile("/sequence"));
  const node = must(store.get("/sequence"), "it was made");
  store.put("/sequence", { ...node, childCreates: 2147483646 });
  const names = [];
  for (const side of [real, ours]) {
    expect((await restoreAt(side, fileOf(file.tree))).status).toBe(200);
    const client = await connect(side);
    const told = [];
    for (let nth = 0; nth < 4; nth++) {
      const create = {
        op: "create",
        path: "/sequence/q",
        data: null,
        acl: OPEN_ACL,
        flags: 2,
        ttlMs: 0,
      } as const;
      const outcome = await client.request(create);
      if (outcome.kind === "ok") told.push(outcome.response.op === "path" ? outcome.response.path : "");
      else told.push(outcome.kind === "error" ? outcome.code : outcome.kind);
    }
    const stat = await ask(client, { op: "exists", path: "/sequence", watch: false });
    told.push(stat.op === "stat" ? stat.stat.cversion : "no Stat");
    names.push(told);
  }
  const q = (number: string): string => `/sequence/q${number}`;
  expect(names).toEqual([
    [q("2147483646"), q("2147483647"), -110, -110, -4],
    [q("2147483646"), q("2147483647"), q("-2147483648"), q("-2147483647"), 0],
  ]);
});

describe("the command shed_connections", () => {
  async function shed(body: string): Promise<{ readonly status: number; readonly told: unknown }> {
    const headers = { authorization: AUTHORIZATION };
    const answer = await fetch(`${ours.commands}/shed_connections?sid=1`, { method: "POST", headers, body });
    return { status: answer.status, told: await answer.json() };
  }

  test("hangs up on so many of a hundred clients, whose sessions go on", async () => {
    const others = await Promise.all(Array.from({ length: 6 }, async () => await connect(ours)));
    const { status, told } = await shed('{"percentage": 50}');
    expect(status).toBe(200);
    expect(told).toMatchObject({ percentage_requested: 50, command: "shed_connections", error: null });
    const { connections_shed: count } = told as { connections_shed: number };
    expect(count).toBeGreaterThanOrEqual(3);
    const cut = (): number => others.filter(({ connects }) => connects > 1).length;
    await expect.poll(cut, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    await Promise.all(others.map(async (client) => expect(await client.connected(20_000)).toBe(true)));
    expect(others.filter(({ expiry }) => expiry !== undefined)).toEqual([]);
    expect(cut()).toBeLessThan(6);
  });

  test("says what is wrong with what it is told", async () => {
    expect(await shed("{")).toMatchObject({
      status: 400,
      told: { error: expect.stringMatching(/^Invalid JSON/) as string },
    });
    for (const [body, error] of [
      ["{}", "Missing required field: percentage"],
      ["[]", "Missing required field: percentage"],
      ['{"percentage": 101}', "Percentage must be between 0 and 100"],
      ['{"percentage": "all"}', "Percentage must be between 0 and 100"],
    ] as const) {
      expect(await shed(body)).toMatchObject({ status: 400, told: { error } });
    }
    const answer = await fetch(`${ours.commands}/shed`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(401);
  });
});

describe("a restore that is refused", () => {
  test("says why, and changes nothing", async () => {
    const client = await connect(ours);
    const before = await shown(client);
    const file = new Uint8Array(await (await snapshotOf(ours)).arrayBuffer());
    const damaged = file.slice();
    damaged[file.length - 200] = (damaged[file.length - 200] ?? 0) ^ 1;
    for (const [body, complaint] of [
      [new Uint8Array(0), /it ends within its header/],
      [new TextEncoder().encode("nothing of the kind"), /does not begin with ZKSN/],
      [damaged, /damaged|bad-/],
      [file.subarray(0, file.length - 60), /it ends within/],
    ] as const) {
      const [answer, there] = await Promise.all([restoreAt(ours, body), restoreAt(real, body)]);
      expect(answer.status).toBe(there.status);
      const { command, error } = (await answer.json()) as { command: string; error: string };
      expect(command).toBe("restore");
      expect(error).toMatch(complaint);
    }
    const callers = [undefined, "digest", "nosuch a"].map((authorization): Record<string, string> =>
      authorization === undefined ? {} : { authorization },
    );
    for (const headers of callers) {
      const [answer, there] = await Promise.all(
        [ours, real].map(({ commands }) => fetch(`${commands}/rest`, { method: "POST", headers, body: "x" })),
      );
      expect(answer?.status).toBe(there?.status);
      expect(await answer?.json()).toEqual(await there?.json());
    }
    expect((await fetch(`${ours.commands}/restore`)).status).toBe(405);
    expect(client.connects).toBe(1);
    expect(await shown(client)).toEqual(before);
  });

  test("waits for its time, and may be turned off", async () => {
    const vars = { VOTERS: "1", ADMIN_SNAPSHOT_ENABLED: "0" };
    const few = await startEnsemble({ vars });
    try {
      const side: Side = { port: few.tcpPorts[0] ?? 0, commands: `${few.httpUrl}/main/commands` };
      expect((await snapshotOf(side)).status).toBe(503);
      const file = new Uint8Array(await (await snapshotOf(ours)).arrayBuffer());
      expect((await restoreAt(side, file)).status).toBe(200);
      const again = await restoreAt(side, file);
      expect([again.status, await again.json()]).toEqual([
        429,
        { command: "restore", error: "one restore in 300000 ms" },
      ]);
    } finally {
      await few.stop();
    }
  });
});

/** What each replica's tree sums up to. */
async function digests(): Promise<readonly unknown[]> {
  const status = (await (await fetch(`${edgekeeper.httpUrl}/main/v1/status`)).json()) as {
    replicas: readonly { status: { digest: string; lastDelivered: string } | null }[];
  };
  return status.replicas.map(({ status: one }) => `${one?.digest} ${one?.lastDelivered}`);
}
