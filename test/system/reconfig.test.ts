/**
 * Members change under load: one voter becomes three and five and one again, and voters are replaced one by one. What
 * was acknowledged is there in the end, at every member.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

import { ERROR_CODES } from "../../src/base/error-code.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { connect } from "../../src/client/index.ts";
import { WireClient } from "../client/wire-client.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

let ensemble: TestEnsemble;
let admin: WireClient;

const SIDS = [1, 2, 3, 4, 5];

beforeAll(async () => {
  const vars = {
    VOTERS: "1",
    OBSERVERS: "2,3,4,5",
    SUPER_DIGEST: digestOf(SUPER_LOGIN),
    RECONFIG_ENABLED: "1",
    HEARTBEAT_LIMIT_MS: "4000",
  };
  ensemble = await startEnsemble({ vars, readyDeadlineMs: 60_000 });
  admin = open();
  expect(await admin.connected(30_000)).toBe(true);
}, 120_000);

afterAll(async () => {
  await admin?.close();
  await ensemble?.stop();
});

function open(): WireClient {
  const servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
  return new WireClient({ servers, timeoutMs: 30_000, connectDeadlineMs: 5000 });
}

/** Asks until it is done: a change may be in progress, and who is new has to catch up. */
async function reconfig(change: { readonly joining?: string; readonly leaving?: string }): Promise<string> {
  const auth = new TextEncoder().encode(SUPER_LOGIN);
  for (;;) {
    expect(await admin.connected(60_000)).toBe(true);
    await admin.request({ op: "auth", type: 0, scheme: "digest", auth });
    const outcome = await admin.request({
      op: "reconfig",
      joiningServers: change.joining ?? null,
      leavingServers: change.leaving ?? null,
      newMembers: null,
      currentConfigId: -1n,
    });
    if (outcome.kind === "ok" && outcome.response.op === "getData") {
      return new TextDecoder().decode(outcome.response.data ?? new Uint8Array());
    }
    const { newConfigNoQuorum, reconfigInProgress, noAuth } = ERROR_CODES;
    // Without a login the connection was lost between the two.
    const passing: readonly number[] = [newConfigNoQuorum, reconfigInProgress, noAuth];
    if (outcome.kind === "error" && !passing.includes(outcome.code)) throw new Error(`error ${outcome.code}`);
  }
}

function voter(sid: number): string {
  return `server.${sid}=127.0.0.1:${7000 + sid}:${8000 + sid}:participant;127.0.0.1:${ensemble.tcpPorts[sid - 1]}`;
}

function observer(sid: number): string {
  return voter(sid).replace("participant", "observer");
}

interface Shown {
  readonly sid: number;
  readonly role: string;
  readonly status: {
    readonly digest: string;
    readonly lastDelivered: string;
    readonly serving: boolean;
  } | null;
}

async function shown(): Promise<readonly Shown[]> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const document: unknown = await response.json();
  return (document as { readonly replicas: readonly Shown[] }).replicas;
}

interface Load {
  /** Waits until so many more are acknowledged. */
  more(count: number): Promise<void>;
  /** Ends; gives the names of those that were acknowledged. */
  stop(): Promise<readonly string[]>;
}

const WRITERS = 4;
const WRITES_BETWEEN = 40;

/** Some clients write one znode after the other. */
function load(name: string): Load {
  const clients = Array.from({ length: WRITERS }, open);
  const acknowledged: string[] = [];
  let isStopping = false;
  const write = async (client: WireClient, writer: number): Promise<void> => {
    for (let nth = 0; !isStopping; nth++) {
      if (!(await client.connected(60_000))) throw new Error("no connection for a minute");
      const path = `/${name}-${writer}-${nth}`;
      const create = { op: "create", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
      const outcome = await client.request(create);
      if (outcome.kind === "ok") acknowledged.push(path.slice(1));
    }
  };
  const writing = Promise.all(clients.map(write));
  return {
    more: async (count) => {
      const goal = acknowledged.length + count;
      await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(goal);
    },
    stop: async () => {
      isStopping = true;
      await writing;
      await Promise.all(clients.map(async (client) => await client.close()));
      return acknowledged;
    },
  };
}

/** Every member serves, with the same digest at the same zxid. */
async function agree(voters: readonly number[]): Promise<void> {
  await expect
    .poll(
      async () => {
        const replicas = await shown();
        const states = new Set(replicas.map(({ status }) => `${status?.lastDelivered} ${status?.digest}`));
        const isServing = replicas.every(({ status }) => status?.serving === true);
        const voting = replicas.filter(({ role }) => role === "participant").map(({ sid }) => sid);
        return { states: states.size, isServing, voting };
      },
      { timeout: 60_000 },
    )
    .toEqual({ states: 1, isServing: true, voting: [...voters] });
}

async function expectAll(names: readonly string[]): Promise<void> {
  for (const sid of SIDS) {
    const client = open();
    client.moveTo(sid - 1);
    expect(await client.connected(30_000)).toBe(true);
    const listed = await client.request({ op: "getChildren", path: "/", watch: false });
    await client.close();
    if (listed.kind !== "ok" || listed.response.op !== "children") throw new Error(`no list: ${listed.kind}`);
    const there = new Set(listed.response.children);
    expect(names.filter((name) => !there.has(name))).toEqual([]);
  }
}

async function agreeOnVoters(voters: readonly number[]): Promise<void> {
  const voting = async (): Promise<readonly number[]> =>
    (await shown()).filter(({ role }) => role === "participant").map(({ sid }) => sid);
  await expect.poll(voting, { timeout: 30_000 }).toEqual(voters);
}

test("one voter becomes three, five, three and one again, and nothing is lost", async () => {
  const writes = load("grow");
  const steps = [
    { joining: [voter(2), voter(3)], voters: [1, 2, 3] },
    { joining: [voter(4), voter(5)], voters: [1, 2, 3, 4, 5] },
    { joining: [observer(4), observer(5)], voters: [1, 2, 3] },
    { joining: [observer(2), observer(3)], voters: [1] },
  ];
  for (const { joining, voters } of steps) {
    await writes.more(WRITES_BETWEEN);
    await reconfig({ joining: joining.join(",") });
    await agreeOnVoters(voters);
  }
  await writes.more(WRITES_BETWEEN);
  const names = await writes.stop();
  await agree([1]);
  await expectAll(names);
});

test("each of three voters is replaced in turn, the leader with them, and those let go come back", async () => {
  const writes = load("replace");
  await reconfig({ joining: `${voter(2)},${voter(3)}` });
  for (const [leaving, joining] of [
    [1, 4],
    [2, 5],
    [3, 1],
  ] as const) {
    await writes.more(WRITES_BETWEEN);
    await reconfig({ leaving: String(leaving), joining: voter(joining) });
    await writes.more(WRITES_BETWEEN);
    await reconfig({ joining: observer(leaving) });
  }
  await writes.more(WRITES_BETWEEN);
  const names = await writes.stop();
  await agree([1, 4, 5]);
  await expectAll(names);
});

/** Which replicas /metrics tells of, and whether they are up. */
async function measured(): Promise<ReadonlyMap<string, string>> {
  const text = await (await fetch(`${ensemble.httpUrl}/metrics`)).text();
  const lines = text.matchAll(/^edgekeeper_up\{ensemble="main",sid="(\d+)"\} (\d)/gm);
  return new Map(Array.from(lines, ([, sid = "", value = ""]) => [sid, value]));
}

test("an observer that the deployment does not name is served at every door once it is a member, and then no more", async () => {
  const named = SIDS.map((sid): readonly [string, string] => [String(sid), "1"]);
  await reconfig({ joining: "server.6=127.0.0.1:7006:8006:observer;127.0.0.1:9006" });
  await expect.poll(measured, { timeout: 30_000 }).toEqual(new Map([...named, ["6", "1"]]));
  const asked = async (): Promise<number> =>
    (await fetch(`${ensemble.httpUrl}/main/commands/ruok?sid=6`)).status;
  expect(await asked()).toBe(200);

  await reconfig({ leaving: "6" });
  await expect.poll(measured, { timeout: 30_000 }).toEqual(new Map(named));
  expect(await asked()).toBe(400);
});

test("who was let go takes no clients, though the gateway has yet to learn that it is no member", async () => {
  await reconfig({ joining: "server.7=127.0.0.1:7007:8007:observer;127.0.0.1:9007" });
  await expect.poll(async () => (await measured()).get("7"), { timeout: 30_000 }).toBe("1");
  // It lives in the process of the HTTP door, as replicas 1 and 4, which is as near as can be.
  // The gateway learns of it as a member, and remembers that for a while.
  await using first = await connect(ensemble.httpUrl, { discover: false });
  await first.exists("/");
  await expect.poll(async () => await wordOf("7"), { timeout: 30_000 }).toBe(101);

  await reconfig({ leaving: "7" });
  await expect.poll(async () => await wordOf("7"), { timeout: 30_000 }).not.toBe(101);

  for (let round = 0; round < 20; round++) {
    await using client = await connect(ensemble.httpUrl, { discover: false, connectTimeoutMs: 5000 });
    expect(await client.exists("/")).toBeDefined();
  }
});

/** How the WebSocket door answers for a replica. */
async function wordOf(sid: string): Promise<number> {
  const socket = new WebSocket(`${ensemble.webSocketUrl}/main/zk?sid=${sid}`);
  return await new Promise<number>((resolve, reject) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.on("error", reject);
  }).finally(() => socket.terminate());
}
