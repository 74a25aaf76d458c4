/**
 * Every way back of a replica, in the real runtime, while clients write: by history, by truncation and history, and by
 * a snapshot; and deaths at every stage of one.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import type { ReplicaStatus } from "../../src/keeper/status.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

/** Batches kept: few enough that who is away for long needs a snapshot. */
const LOG_BATCHES_MAX = 96;
const WRITES_AWAY = 50_000;
const OUTSTANDING = 500;
/** A tree of so many znodes of so many bytes is a snapshot of more than twenty parts. */
const LARGE_ZNODES = 70;
const LARGE_BYTES = 90_000;
const DEATHS = 24;

let ensemble: TestEnsemble;
let load: Load;

beforeAll(async () => {
  ensemble = await startEnsemble({
    config: "test/faults/wrangler.toml",
    vars: { LOG_BATCHES_MAX: String(LOG_BATCHES_MAX) },
  });
  const client = await clientAt([1, 2, 3]);
  await create(client, "/w");
  await create(client, "/large");
  await create(client, "/damaged", "as it was written");
  for (let index = 0; index < LARGE_ZNODES; index++)
    await create(client, `/large/${index}`, "x".repeat(LARGE_BYTES));
  await client.close();
  load = new Load();
});

afterAll(async () => {
  await load.stop();
  await ensemble.stop();
});

describe("a replica comes back under a write load", { timeout: 300_000 }, () => {
  test("by history, after ten writes", async () => {
    const { follower } = await roles();
    const before = await statusOf(follower);
    await load.run({ pace: 20, outstanding: 1, avoid: follower }, async () => {
      await fault(follower, { kind: "down", ms: 300 });
      const away = load.acknowledged;
      await expect.poll(() => load.acknowledged - away).toBeGreaterThanOrEqual(10);
      await isBack(follower);
    });
    await allEqual();
    const after = await statusOf(follower);
    expect(after.instance).toBeGreaterThan(before.instance);
    expect(after.zab.lastSync).toMatch(/^diff after/);
    expect(after.snapshots).toBe(0);
  });

  test("by truncation and history, with a tail that nobody else has", async () => {
    const { leader } = await roles();
    const others = [1, 2, 3].filter((sid) => sid !== leader);
    const stranded = await clientAt([leader]);
    await load.run({ pace: 150, outstanding: 1, avoid: leader }, async () => {
      await fault(leader, { kind: "cut", ms: 3500 });
      // Proposed and written here, and never anywhere else.
      const lost = Array.from({ length: 5 }, () => set(stranded, "/w", "lost"));
      await expect
        .poll(async () => others.includes((await roles(others)).leader), { timeout: 20_000 })
        .toBe(true);
      const away = load.acknowledged;
      await expect.poll(() => load.acknowledged - away, { timeout: 20_000 }).toBeGreaterThanOrEqual(5);
      await isBack(leader);
      await Promise.allSettled(lost);
    });
    await stranded.close();
    await allEqual();
    // Its last way back may be another, where the link broke once more.
    expect((await statusOf(leader)).zab.syncs).toMatchObject({ truncate: 1, snapshot: 0 });
  });

  test("by a snapshot, after fifty thousand writes", async () => {
    const { follower } = await roles();
    const before = await statusOf(follower);
    await load.run({ pace: 0, outstanding: OUTSTANDING, avoid: follower }, async () => {
      await fault(follower, { kind: "down", ms: 120_000 });
      const away = load.acknowledged;
      await expect
        .poll(() => load.acknowledged - away, { timeout: 120_000 })
        .toBeGreaterThanOrEqual(WRITES_AWAY);
      await fault(follower, { kind: "down", ms: 1 });
      await isBack(follower);
    });
    await allEqual();
    const after = await statusOf(follower);
    expect(after.snapshots - (after.instance === before.instance ? before.snapshots : 0)).toBe(1);
    expect(after.zab.lastSync).toMatch(/^diff after/);
  });

  test("by a snapshot, as a fresh object in place of a lost one", async () => {
    const { follower } = await roles();
    await load.run({ pace: 0, outstanding: 20, avoid: follower }, async () => {
      await fault(follower, { kind: "wipe" });
      await expect.poll(async () => (await statusOf(follower)).snapshots, { timeout: 60_000 }).toBe(1);
      await isBack(follower);
    });
    await allEqual();
    expect((await statusOf(follower)).zab.voice).toBe("full");
  });

  test("by a snapshot, when its digest differs", async () => {
    const { follower, leader } = await roles();
    await fault(follower, { kind: "corrupt", path: "/damaged" });
    await isBack(follower);
    const client = await clientAt([leader]);
    await load.run({ pace: 5, outstanding: 4, avoid: follower }, async () => {
      await set(client, "/damaged", "written over the damage");
      await expect.poll(async () => (await statusOf(follower)).snapshots, { timeout: 60_000 }).toBe(1);
      await isBack(follower);
    });
    await client.close();
    await allEqual();
    expect(ensemble.output()).toContain("DIGESTS DIFFER");
    expect(ensemble.output()).toContain(`main/${follower} DIVERGED`);
  });

  test(`after ${DEATHS} deaths, one at each stage of a snapshot, holding what it had all the while`, async () => {
    const { follower } = await roles();
    await allEqual();
    await expect
      .poll(async () => {
        const { lastWritten, lastDelivered } = await statusOf(follower);
        return lastWritten === lastDelivered;
      })
      .toBe(true);
    const held = await statusOf(follower);
    const seen = new Map<number, ObjectStatus>();
    await fault(follower, { kind: "dieInSnapshots", count: DEATHS });
    await load.run({ pace: 2, outstanding: 4, avoid: follower }, async () => {
      await fault(follower, { kind: "down", ms: 3000 });
      const away = load.acknowledged;
      await expect
        .poll(() => load.acknowledged - away, { timeout: 60_000 })
        .toBeGreaterThan(LOG_BATCHES_MAX * 10);
      const deaths = (): number => ensemble.output().split("fault: death at message").length - 1;
      await expect
        .poll(
          async () => {
            const status = await maybeStatusOf(follower);
            if (status !== undefined && status.snapshots === 0) seen.set(status.instance, status);
            return status?.snapshots === 1;
          },
          { timeout: 200_000, interval: 100 },
        )
        .toBe(true);
      expect(deaths()).toBeGreaterThanOrEqual(DEATHS);
      await isBack(follower);
    });
    // Between its deaths it stood where it had stood, neither emptied nor half replaced.
    const between = [...seen.values()].filter(({ instance }) => instance > held.instance);
    expect(between.length).toBeGreaterThan(3);
    for (const status of between) {
      expect(status.lastDelivered >= held.lastDelivered || status.lastZxid === held.lastZxid).toBe(true);
      if (status.lastDelivered === held.lastDelivered) expect(status.digest).toBe(held.digest);
    }
    await allEqual();
  });
});

/** Writes at the replicas that stay, and counts what is acknowledged. */
class Load {
  acknowledged = 0;
  #stopping = false;

  /** Lets writers run while the work is done, and until some more of their writes are acknowledged. */
  async run(
    how: { readonly pace: number; readonly outstanding: number; readonly avoid: number },
    work: () => Promise<void>,
  ): Promise<void> {
    this.#stopping = false;
    const client = await clientAt([1, 2, 3].filter((sid) => sid !== how.avoid));
    const writers = Array.from({ length: how.outstanding }, (_, index) =>
      this.#write(client, index, how.pace),
    );
    try {
      await work();
    } finally {
      await this.stop();
      await Promise.all(writers);
      await client.close();
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.resolve();
  }

  async #write(client: WireClient, writer: number, paceMs: number): Promise<void> {
    const path = `/w/${writer}`;
    for (let round = 0; !this.#stopping; round++) {
      const isNew = round === 0;
      const outcome = isNew ? await create(client, path, "0", true) : await set(client, path, String(round));
      if (outcome) this.acknowledged++;
      if (!outcome || paceMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.max(paceMs, 5)));
    }
  }
}

async function clientAt(sids: readonly number[]): Promise<WireClient> {
  const servers = sids.map((sid) => ({
    host: "127.0.0.1",
    port: must(ensemble.tcpPorts[sid - 1], "a port"),
  }));
  const client = new WireClient({ servers, connectDeadlineMs: 5000 });
  expect(await client.connected(20_000)).toBe(true);
  return client;
}

async function create(client: WireClient, path: string, text = "", mayExist = false): Promise<boolean> {
  const data = new TextEncoder().encode(text);
  const outcome = await client.request({ op: "create", path, data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
  if (!mayExist) expect(outcome.kind).toBe("ok");
  return outcome.kind === "ok";
}

async function set(client: WireClient, path: string, text: string): Promise<boolean> {
  const data = new TextEncoder().encode(text);
  const outcome = await client.request({ op: "setData", path, data, version: -1 });
  return outcome.kind === "ok";
}

async function fault(sid: number, what: object): Promise<void> {
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(what) });
}

interface ObjectStatus extends ReplicaStatus {
  readonly lastWritten: string;
  readonly snapshots: number;
}

interface Listed {
  readonly sid: number;
  readonly status?: ObjectStatus;
}

async function listed(): Promise<readonly Listed[]> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return ((await response.json()) as { readonly replicas: readonly Listed[] }).replicas;
}

async function maybeStatusOf(sid: number): Promise<ObjectStatus | undefined> {
  return (await listed()).find((replica) => replica.sid === sid)?.status;
}

async function statusOf(sid: number): Promise<ObjectStatus> {
  return must(await maybeStatusOf(sid), `replica ${sid} answers`);
}

/** Who leads, by its own word, and the first who follows. */
async function roles(among: readonly number[] = [1, 2, 3]): Promise<{ leader: number; follower: number }> {
  const all = await listed();
  const leader =
    all.find(({ sid, status }) => among.includes(sid) && status?.serving && status.leader === sid)?.sid ?? 0;
  return { leader, follower: among.find((sid) => sid !== leader) ?? 0 };
}

async function isBack(sid: number, timeout = 60_000): Promise<void> {
  await expect.poll(async () => (await maybeStatusOf(sid))?.serving, { timeout, interval: 50 }).toBe(true);
}

/** All serve, stand at the same zxid, and have the same digest there. */
async function allEqual(): Promise<void> {
  await expect
    .poll(
      async () => {
        const all = await listed();
        const states = all.map(({ status }) =>
          status?.serving ? `${status.lastDelivered} ${status.digest} ${status.znodes}` : "",
        );
        return states.length === 3 && states[0] !== "" && new Set(states).size === 1;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
}
