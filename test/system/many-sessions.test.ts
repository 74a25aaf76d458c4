/** Many sessions at once: they come, they live through the loss of the leader, they vanish. More with SESSIONS. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const SESSIONS = Number(process.env["SESSIONS"] ?? 2000);
/** Handshakes under way at a time: a crowd, and none waits in a queue for longer than its own deadline. */
const CROWD = 100;
const TIMEOUT_MS = 12_000;
/** As ZooKeeper's own client: a third of the timeout for each of three servers. */
const ATTEMPT_MS: number = TIMEOUT_MS / 3;
const CONNECT_DEADLINE_MS = 60_000;
/** By when replicas tell what is so already: a hang is what this is for. */
const DEADLINE_MS = 40_000;

interface Replica {
  readonly sid: number;
  readonly status: {
    readonly serving: boolean;
    readonly lastDelivered: string;
    readonly digest: string;
    readonly sessions: number;
    readonly connections: number;
    readonly ephemerals: number;
    readonly expiredSessions: number;
    readonly heldRequests: number;
    readonly watches: number;
  } | null;
}

let ensemble: TestEnsemble;
let dataDirectory: string;
const clients: WireClient[] = [];

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml", dataDirectory });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.abandon()));
  await ensemble.stop();
  await rm(dataDirectory, { recursive: true, force: true });
});

async function status(): Promise<{ readonly leader: number | null; readonly replicas: readonly Replica[] }> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return (await response.json()) as { leader: number | null; replicas: readonly Replica[] };
}

/** Waits until it holds of all replicas; tells what they say where it does not in time. */
async function untilAll(
  limitMs: number,
  holds: (one: NonNullable<Replica["status"]>) => boolean,
): Promise<void> {
  await expect
    .poll(
      async () => {
        const { replicas } = await status();
        return replicas.every(({ status: one }) => one !== null && one.serving && holds(one));
      },
      { timeout: limitMs, interval: 200 },
    )
    .toBe(true);
}

/** Does the work for every number of a client, so many at a time. */
async function each(work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < SESSIONS; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: CROWD }, worker));
}

function clientAt(index: number): WireClient {
  return must(clients[index], `client ${index}`);
}

describe(`${SESSIONS} sessions`, () => {
  const faults: string[] = [];

  test("connect, and make an ephemeral each", async () => {
    const servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
    const onFault = (what: string): void => void faults.push(what);
    const failed: string[] = [];
    await each(async (first) => {
      const setup = { servers, first, timeoutMs: TIMEOUT_MS, connectDeadlineMs: ATTEMPT_MS, onFault };
      const client = new WireClient(setup);
      clients[first] = client;
      if (!(await client.connected(CONNECT_DEADLINE_MS))) failed.push(`client ${first}`);
    });
    await each(async (index) => {
      const path = `/e-${index}`;
      const create = { op: "create", path, data: null, acl: OPEN_ACL, flags: 1, ttlMs: 0 } as const;
      const made = await clientAt(index).request(create);
      if (made.kind !== "ok") failed.push(`${path}: ${JSON.stringify(made)}`);
    });

    expect(failed).toEqual([]);
    await untilAll(
      DEADLINE_MS,
      ({ sessions, ephemerals }) => sessions === SESSIONS && ephemerals === SESSIONS,
    );
    const { replicas } = await status();
    expect(replicas.reduce((sum, { status: one }) => sum + (one?.connections ?? 0), 0)).toBe(SESSIONS);
  });

  test("outlive their leader, a third of them on its connections", async () => {
    const { leader } = await status();
    const abortedMs = performance.now();
    const sessions = new Set(clients.map(({ session }) => session));
    await fetch(`${ensemble.httpUrl}/faults/main/${leader}`, {
      method: "POST",
      body: JSON.stringify({ kind: "abort" }),
    });
    const failed: string[] = [];
    await each(async (index) => {
      const client = clientAt(index);
      const outcome = await client.request({ op: "exists", path: `/e-${index}`, watch: true });
      if (outcome.kind === "ok") return;
      if (!(await client.connected(CONNECT_DEADLINE_MS))) failed.push(`client ${index} is ${client.state}`);
    });
    expect(failed).toEqual([]);
    // Long enough for whoever was not heard to expire.
    const longestMs = TIMEOUT_MS * 1.25;
    await expect
      .poll(() => performance.now() - abortedMs > longestMs, { timeout: 2 * longestMs, interval: 500 })
      .toBe(true);

    expect(clients.filter((client) => client.state !== "connected")).toEqual([]);
    expect(new Set(clients.map(({ session }) => session))).toEqual(sessions);
    await untilAll(
      DEADLINE_MS,
      ({ sessions: count, ephemerals }) => count === SESSIONS && ephemerals === SESSIONS,
    );
    expect(faults).toEqual([]);
  });

  test("vanish, expire no earlier than they may, and leave nothing behind on any replica", async () => {
    const sinceMs = performance.now();
    await Promise.all(clients.map((client) => client.abandon()));
    let earliestMs: number | undefined;
    await untilAll(60_000, ({ sessions, ephemerals }) => {
      if (sessions < SESSIONS) earliestMs ??= performance.now() - sinceMs;
      return sessions === 0 && ephemerals === 0;
    });

    // The last ping may have been a third of the timeout ago, more where this process was busy.
    expect(earliestMs).toBeGreaterThanOrEqual(TIMEOUT_MS / 2);
    await untilAll(
      DEADLINE_MS,
      (one) => one.connections === 0 && one.watches === 0 && one.heldRequests === 0,
    );
    const { replicas } = await status();
    expect(new Set(replicas.map(({ status: one }) => `${one?.lastDelivered} ${one?.digest}`)).size).toBe(1);
    expect(replicas.some(({ status: one }) => (one?.expiredSessions ?? 0) === SESSIONS)).toBe(true);
  });
});
