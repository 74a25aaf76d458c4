/** The service binding, from a second Worker in the real runtime: over lost holders, waiters and replicas. */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

let ensemble: TestEnsemble;
let api: HttpApi;

/** Of an ensemble that was killed: the harness keeps those. */
let cleanup: string | undefined;

const LONG_MS = 30_000;

const SETUP = { config: "test/faults/wrangler.toml", worker: "test/bound/wrangler.toml" };

beforeAll(async () => {
  ensemble = await startEnsemble(SETUP);
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => {
  await ensemble?.stop();
  if (cleanup !== undefined) await rm(cleanup, { recursive: true, force: true });
});

async function post(path: string, values: readonly unknown[] = []): Promise<unknown> {
  const response = await fetch(`${ensemble.workerUrl}/${path}`, {
    method: "POST",
    body: JSON.stringify(values),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** What a method of a holder gives. */
async function holder<T = unknown>(id: string, method: string, ...values: readonly unknown[]): Promise<T> {
  return ((await post(`holder/${id}/${method}`, values)) as { readonly result: T }).result;
}

interface Taken {
  readonly result: { readonly token: string; readonly expiresInMs: number };
}

async function queueOf(name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { json } = await api.call("GET", `/locks/${encodeURIComponent(name)}?consistency=linearizable`);
  return json?.["queue"] as readonly Readonly<Record<string, unknown>>[];
}

async function untilQueued(name: string, count: number): Promise<void> {
  await expect.poll(async () => (await queueOf(name)).length, { timeout: LONG_MS, interval: 20 }).toBe(count);
}

async function fault(sid: number, fault: object): Promise<void> {
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

describe("a lock", () => {
  test("is taken, seen, renewed, and given back where its block ends", async () => {
    const { token, queue, expiresInMs, renewed } = (await post("using")) as {
      readonly token: string;
      readonly queue: { readonly queue: readonly Readonly<Record<string, unknown>>[] };
      readonly expiresInMs: number;
      readonly renewed: number;
    };
    expect(token).toMatch(/^\d{20}$/);
    expect(queue).toMatchObject({ lock: "/locks/scenes/using", count: 1 });
    expect(queue.queue[0]).toMatchObject({ holds: true, token, owner: "me" });
    for (const left of [expiresInMs, renewed]) expect(left > 0 && left <= 5000).toBe(true);
    await untilQueued("scenes/using", 0);
  });

  test("is given back where the calling Worker's answer leaves, whatever it forgot", async () => {
    const token = await post("forgotten");
    expect(token).toMatch(/^\d{20}$/);
    await untilQueued("scenes/forgotten", 0);
    expect(await post("pipelined")).toMatch(/^\d{20}$/);
    await untilQueued("scenes/pipelined", 0);
  });

  test("is free when release is done, and is over then", async () => {
    expect(await post("released")).toMatchObject({
      count: 0,
      lost: { code: "released" },
      renewed: { problem: { code: "lease-over", status: 410 } },
    });
  });

  test("is found again by its key", async () => {
    const [first, again] = (await post("sameKey")) as readonly string[];
    expect(again).toBe(first);
  });

  test("is refused with a name, a code and guidance", async () => {
    await holder("one", "take", "refused", {});
    expect(await holder("two", "take", "refused", {})).toEqual({
      name: "EdgekeeperError",
      ownCode: "lock-held",
      text: expect.stringContaining("EdgekeeperError: lock-held (409): somebody holds it") as string,
      problem: {
        code: "lock-held",
        status: 409,
        detail: expect.stringContaining("somebody holds it") as string,
        isRetryable: false,
      },
    });
    const late = await holder("two", "take", "refused", { waitMs: 200 });
    expect(late).toMatchObject({ problem: { code: "lock-timeout" } });
    await holder("one", "release");
  });

  test("is kept for longer than its time while its stub is, and no longer", async () => {
    const first = await holder<Taken>("keeper", "take", "kept", { ttlMs: 3000 });
    await holder("waiter", "contend", "kept", { waitMs: 60_000, ttlMs: 60_000 });
    await untilQueued("kept", 2);
    // Past two whole times of the lease; the queue shows who holds it.
    const until = performance.now() + 6500;
    await expect.poll(() => performance.now() > until, { timeout: LONG_MS, interval: 100 }).toBe(true);
    expect((await queueOf("kept"))[0]).toMatchObject({ token: first.result.token, holds: true });
    expect(await holder("keeper", "state")).toEqual({});

    await holder("keeper", "letGo");
    const next = await holder<Taken>("waiter", "outcome");
    expect(next.result.token > first.result.token).toBe(true);
    await holder("waiter", "release");
  });
});

describe("whoever vanishes", () => {
  test("frees the lock: the holder's object dies", async () => {
    const first = await holder<Taken>("mortal", "take", "mortal", { ttlMs: 60_000 });
    await holder("heir", "contend", "mortal", { waitMs: 60_000 });
    await untilQueued("mortal", 2);
    expect(await post("holder/mortal/die")).toMatchObject({ text: expect.any(String) as string });
    const next = await holder<Taken>("heir", "outcome");
    expect(next.result.token > first.result.token).toBe(true);
    await holder("heir", "release");
  });

  test("is skipped in the queue: a waiter leaves it", async () => {
    await holder("first", "take", "leave", {});
    await holder("second", "contend", "leave", { waitMs: 60_000 });
    await untilQueued("leave", 2);
    await holder("second", "leave");
    expect(await holder("second", "outcome")).toMatchObject({ problem: { code: "left" } });
    await untilQueued("leave", 1);
    await holder("first", "release");
  });

  test("is skipped in the queue: a waiter's stub is let go of", async () => {
    await holder("first", "take", "scenes/stood", {});
    expect(await post("stood")).toBe("skipped");
    await holder("first", "release");
  });

  test("is skipped in the queue: the waiting Worker's answer leaves", async () => {
    await holder("first", "take", "scenes/left", {});
    expect(await post("left")).toBe("left");
    await untilQueued("scenes/left", 1);
    await holder("first", "release");
  });

  test("is skipped, or lets go at once: the promise is disposed of", async () => {
    await holder("first", "take", "disposed", {});
    await holder("second", "lockAndLetGo", "disposed", { waitMs: 60_000 });
    await untilQueued("disposed", 2);
    await holder("first", "release");
    await untilQueued("disposed", 0);
  });
});

describe("a lease is told lost", () => {
  test("at once where its znode is deleted", async () => {
    const { result } = await holder<Taken>("forced", "take", "forced", { ttlMs: 60_000 });
    const [own] = await queueOf("forced");
    expect(own).toMatchObject({ token: result.token });
    const node = `locks/forced/${String(own?.["node"])}`;
    expect((await api.call("DELETE", `/nodes/${node}`)).status).toBe(204);
    const state = async (): Promise<unknown> => await holder("forced", "state");
    await expect.poll(state, { timeout: LONG_MS, interval: 20 }).toMatchObject({
      lost: { code: "lease-over" },
      reason: expect.stringContaining("lease-over (410)") as string,
    });
    expect(await holder("forced", "renew")).toMatchObject({ problem: { code: "lease-over" } });
  });

  test("not while its replicas come and go", async () => {
    const { result } = await holder<Taken>("lasting", "take", "lasting", { ttlMs: 20_000 });
    for (const sid of [1, 2, 3]) {
      await fault(sid, { kind: "abort" });
      expect(await holder("lasting", "renew")).toMatchObject({ result: expect.any(Number) as number });
    }
    expect(await holder("lasting", "state")).toEqual({});
    expect((await queueOf("lasting"))[0]).toMatchObject({ token: result.token });
    await holder("lasting", "release");
  });
});

test("a lease counts as lost, its time after it was renewed last, where nobody can renew it", async () => {
  const takenAt = performance.now();
  await holder("cut off", "take", "cut off", { ttlMs: 2000 });
  for (const sid of [1, 2, 3]) await fault(sid, { kind: "freeze", ms: 5000 });
  const state = async (): Promise<unknown> => await holder("cut off", "state");
  await expect.poll(state, { timeout: LONG_MS, interval: 20 }).toMatchObject({
    lost: { code: "lease-expired" },
    reason: expect.stringContaining("lease-expired (410)") as string,
  });
  expect(performance.now() - takenAt).toBeGreaterThan(2000);
  await untilQueued("cut off", 0);
});

test("a waiter outlives the replica where it waits", async () => {
  const first = await holder<Taken>("first", "take", "moved", { ttlMs: 60_000 });
  await holder("second", "contend", "moved", { waitMs: 60_000, ttlMs: 60_000 });
  await untilQueued("moved", 2);
  for (const sid of [1, 2, 3]) {
    await fault(sid, { kind: "abort" });
    await untilQueued("moved", 2);
  }
  await holder("first", "release");
  const next = await holder<Taken>("second", "outcome");
  expect(next.result.token > first.result.token).toBe(true);
  await holder("second", "release");
});

describe("znodes", () => {
  test("are read, written, listed and deleted", async () => {
    expect(await post("nodes")).toMatchObject({
      missing: null,
      created: { path: "/scene", stat: { version: 0 }, zxid: expect.stringMatching(/^\d{20}$/) as string },
      bytes: [0, 255],
      version: 1,
      child: "/scene/n-0000000000",
      deep: "/scene-deep/a/b",
      refused: { problem: { code: "bad-version", status: 412 } },
      list: ["n-0000000000"],
      full: { problem: { code: "not-empty" } },
      gone: null,
    });
  });

  test("are guarded by a lock's token, checked with the write", async () => {
    expect(await post("held")).toMatchObject({
      path: "/guarded",
      late: { problem: { code: "not-held", status: 412 } },
      text: "under the lock",
    });
  });

  test("are written several at once, or not at all", async () => {
    expect(await post("several")).toMatchObject({
      paths: ["/several", "/several/a", "/several"],
      undone: { problem: { code: "no-node" } },
      children: ["a"],
    });
  });

  test("go with their session", async () => {
    expect(await post("sessions")).toMatchObject({
      inside: [true, "released"],
      without: { problem: { code: "bad-request" } },
      after: null,
    });
  });
});

test("a permit of a semaphore is taken, fenced and given back", async () => {
  expect(await post("permits")).toMatchObject({
    path: "/semaphores/scenes/pool",
    renewed: true,
    third: { problem: { code: "lock-held" } },
    other: { problem: { code: "permits-differ" } },
    late: { problem: { code: "not-held" } },
    grows: true,
  });
});

test("an election has one leader, whose word counts for as long as it leads", async () => {
  expect(await post("elected")).toMatchObject({
    nobody: null,
    refused: { problem: { code: "lock-held" } },
    path: "/elections/scenes/jobs",
    value: "at work",
    late: { problem: { code: "lease-over" } },
    after: "second",
    grows: true,
  });
});

test("a counter is added to in one transaction, beyond what a number holds", async () => {
  expect(await post("counted")).toMatchObject({
    missing: null,
    added: 3,
    after: String(2n ** 62n + 1n),
    read: String(2n ** 62n + 1n),
    slip: { problem: { code: "bad-request" } },
  });
});

test("an instance of a service is listed for as long as its session lives", async () => {
  expect(await post("registered")).toMatchObject({
    before: [],
    id: "one",
    twice: { problem: { code: "node-exists" } },
    there: [{ id: "one", address: "https://one", port: 443 }],
    after: [],
  });
});

test("a configuration document is versioned, checked and kept", async () => {
  expect(await post("configured")).toMatchObject({
    missing: null,
    again: { problem: { code: "node-exists" } },
    stale: { problem: { code: "bad-version" } },
    wrong: { problem: { code: "schema-violation", status: 422 } },
    now: { port: 82 },
    before: { port: 80 },
    listed: true,
    gone: null,
  });
});

test("a watch tells each state that lasts, until it is closed", async () => {
  expect(await post("watched")).toMatchObject({
    seen: [null, "one", "two", null],
    never: { problem: { code: "closed" } },
  });
});

test("props bound what a binding may do", async () => {
  const told = (await post("bounds")) as {
    readonly done: readonly unknown[];
    readonly refused: readonly { readonly problem?: { readonly status: number } }[];
  };
  expect(told.done).toEqual(["all may read this", "/scoped/a", "/locks/scoped/one"]);
  const statuses = told.refused.map(({ problem }) => problem?.status ?? 200);
  expect(statuses).toEqual([403, 403, 403, 403, 403, 403, 403, 403, 403, 401]);
});

test("slips are told as such, those of props too", async () => {
  const told = (await post("slips")) as readonly { readonly problem?: { readonly code: string } }[];
  expect(told.map(({ problem }) => problem?.code)).toEqual([
    "bad-request",
    "bad-request",
    "bad-request",
    "bad-request",
    "bad-path",
    "bad-path",
    "no-auth",
    "bad-props",
    "no-such-ensemble",
  ]);
});

test("a holder that vanishes without a word, Edgekeeper's isolate with it, frees the lock after its time", async () => {
  const ttlMs = 3000;
  const first = await holder<Taken>("powerless", "take", "powerless", { ttlMs });
  const vanishedAt = performance.now();
  await ensemble.kill9();
  const { dataDirectory, httpPort, tcpPorts } = ensemble;
  try {
    ensemble = await startEnsemble({ ...SETUP, dataDirectory, httpPort, tcpPorts });
    const next = await holder<Taken>("heir", "take", "powerless", { waitMs: 60_000 });
    expect(next.result.token > first.result.token).toBe(true);
    // It was renewed last at a third of its time or later.
    expect(performance.now() - vanishedAt).toBeGreaterThan((ttlMs * 2) / 3);
  } finally {
    cleanup = dataDirectory;
  }
});
