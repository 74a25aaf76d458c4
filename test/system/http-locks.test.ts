/** Locks over HTTP, through the real runtime: against wire clients, and over lost callers, answers and replicas. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";

let ensemble: TestEnsemble;
let api: HttpApi;

const LONG_MS = 30_000;
const EPHEMERAL_SEQUENTIAL = 3;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

interface Lease {
  readonly lease: string;
  readonly token: string;
  readonly expiresInMs: number;
  readonly heldForMs: number;
}

async function acquire(
  name: string,
  json: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer> {
  return await api.call("POST", `/locks/${name}/acquire`, { json, headers });
}

function leaseOf(answer: ApiAnswer): Lease {
  expect(answer.text).toContain('"lease"');
  return answer.json as unknown as Lease;
}

async function release(name: string, lease: string): Promise<ApiAnswer> {
  return await api.call("POST", `/locks/${name}/release`, { json: { lease } });
}

async function queueOf(name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { json } = await api.call("GET", `/locks/${name}?consistency=linearizable`);
  return json?.["queue"] as readonly Readonly<Record<string, unknown>>[];
}

async function untilQueued(name: string, count: number): Promise<void> {
  await expect.poll(async () => (await queueOf(name)).length, { timeout: LONG_MS, interval: 20 }).toBe(count);
}

/** A caller that hangs up while it waits: by a reset, as the platform's edge tells of it, or just by closing. */
async function hangUp(name: string, queued: number, how: "reset" | "end"): Promise<void> {
  const { hostname, port } = new URL(ensemble.httpUrl);
  const body = JSON.stringify({ waitMs: 60_000, owner: "gone" });
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(
    `POST /v1/locks/${name}/acquire HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await untilQueued(name, queued);
  if (how === "reset") socket.resetAndDestroy();
  else socket.destroy();
}

test("a verb is no part of a name, unless its slash is written so", async () => {
  const verbs = {
    locks: ["acquire", "renew", "release", "force-release"],
    semaphores: ["acquire", "renew", "release", "force-release"],
    elections: ["campaign", "renew", "proclaim", "resign", "force-release"],
    counters: ["add"],
  } as const;
  for (const [kind, all] of Object.entries(verbs)) {
    for (const verb of all) {
      for (const method of ["GET", "PUT"]) {
        const asked = { method, ...(method === "PUT" ? { body: "{}" } : {}) };
        const response = await fetch(`${ensemble.httpUrl}/v1/${kind}/a/b/${verb}`, asked);
        expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
        expect(await response.text()).toContain(`/v1/${kind}/a/b%2F${verb}`);
      }
    }
  }
  expect((await api.call("GET", "/locks/a%2Facquire")).json).toMatchObject({ lock: "/locks/a/acquire" });
});

describe("a lock", () => {
  test("is taken, seen, kept and given back", async () => {
    const first = await acquire("orders/42", { owner: "me", ttlMs: 5000 });
    const { lease, token, heldForMs } = leaseOf(first);
    expect(first.json).toMatchObject({ lock: "/locks/orders/42", token: first.zxid });
    expect(token).toMatch(/^\d{20}$/);
    expect(heldForMs).toBe(5000);
    expect(await queueOf("orders/42")).toEqual([
      {
        node: expect.stringMatching(/^_c_.*-lock-\d{10}$/) as string,
        mode: "exclusive",
        holds: true,
        closed: false,
        token,
        session: lease.split("-")[0],
        queuedSince: expect.any(Number) as number,
        owner: "me",
      },
    ]);
    expect((await api.call("GET", "/locks/%2Flocks%2Forders%2F42")).json).toMatchObject({
      lock: "/locks/orders/42",
    });

    expect(await acquire("orders/42")).toMatchObject({ status: 409, code: "lock-held" });
    const renewed = await api.call("POST", "/locks/orders/42/renew", { json: { lease } });
    expect(renewed).toMatchObject({ status: 200, json: { token, lease } });
    expect((await release("orders/42", lease)).status).toBe(204);
    expect(await release("orders/42", lease)).toMatchObject({ status: 410, code: "lease-over" });
    const late = await api.call("POST", "/locks/orders/42/renew", { json: { lease } });
    expect(late).toMatchObject({ status: 410, code: "lease-over" });
  });

  test("waits in a fair queue, and gives up its place when its time is over", async () => {
    let held = leaseOf(await acquire("fair"));
    const waiting: Promise<ApiAnswer>[] = [];
    for (let nth = 0; nth < 3; nth++) {
      waiting.push(acquire("fair", { waitMs: 60_000, owner: String(nth) }));
      await untilQueued("fair", nth + 2);
    }
    const late = await acquire("fair", { waitMs: 300 });
    expect(late).toMatchObject({ status: 409, code: "lock-timeout", json: { ahead: 4 } });
    for (const answer of waiting) {
      await release("fair", held.lease);
      const next = leaseOf(await answer);
      expect(next.token > held.token).toBe(true);
      held = next;
    }
    expect((await queueOf("fair")).map(({ owner }) => owner)).toEqual(["2"]);
  });

  test("tells who waited for it what is left, and for how long it holds from when it was asked for", async () => {
    const ttlMs = 2500;
    await acquire("left", { ttlMs });
    const sentAt = performance.now();
    const next = leaseOf(await acquire("left", { ttlMs, waitMs: 30_000 }));
    const answeredAt = performance.now();
    expect(next.expiresInMs).toBeLessThanOrEqual(ttlMs);
    expect(next.heldForMs).toBeGreaterThan(ttlMs);
    // The gateway counts whole milliseconds.
    expect(next.expiresInMs + 1).toBeGreaterThanOrEqual(next.heldForMs - (answeredAt - sentAt));
    await release("left", leaseOf(await acquire("left", { waitMs: 30_000 })).lease);
    expect(performance.now() - sentAt).toBeGreaterThan(next.heldForMs);
  });

  test("is freed when its holder vanishes, after its time and not before", async () => {
    const sentAt = performance.now();
    const held = leaseOf(await acquire("vanish", { ttlMs: 2500 }));
    const next = leaseOf(await acquire("vanish", { waitMs: 30_000 }));
    expect(performance.now() - sentAt).toBeGreaterThan(held.heldForMs);
    expect(next.token > held.token).toBe(true);
  });

  test("guards writes by its token, in the same transaction", async () => {
    const held = leaseOf(await acquire("guard"));
    const headers = { "if-held": `guard@${held.token}` };
    const answers = [
      await api.call("PUT", "/nodes/guarded", { headers, body: "1" }),
      await api.call("POST", "/nodes/guarded/n-?sequential=true", { headers }),
      await api.call("POST", "/multi", {
        headers,
        json: { operations: [{ op: "put", path: "/guarded/m" }] },
      }),
      await api.call("DELETE", "/nodes/guarded/m", { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 200, 204]);
    await release("guard", held.lease);
    const late = [
      await api.call("PUT", "/nodes/guarded", { headers, body: "2" }),
      await api.call("POST", "/nodes/guarded/n-?sequential=true", { headers }),
      await api.call("POST", "/multi", {
        headers,
        json: { operations: [{ op: "put", path: "/guarded/m" }] },
      }),
      await api.call("DELETE", "/nodes/guarded", { headers }),
    ];
    for (const answer of late) expect(answer).toMatchObject({ status: 412, code: "not-held" });
    const read = await api.call("GET", "/nodes/guarded", { headers: { "min-zxid": late[0]?.zxid ?? "" } });
    expect(read.text).toBe("1");
  });

  test("is the lock that a client of the wire queues for", async () => {
    const [port = 0] = ensemble.tcpPorts;
    const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: LONG_MS });
    expect(await client.connected(LONG_MS)).toBe(true);
    const held = leaseOf(await acquire("shared"));
    // As Curator's InterProcessMutex does it, under protection.
    const path = "/locks/shared/_c_0d5e1ad3-5d3c-4a9e-8a30-6d0f0f6a1f11-lock-";
    const create = {
      op: "create",
      path,
      data: null,
      acl: OPEN_ACL,
      flags: EPHEMERAL_SEQUENTIAL,
      ttlMs: 0,
    } as const;
    expect((await client.request(create)).kind).toBe("ok");
    await untilQueued("shared", 2);
    const behind = acquire("shared", { waitMs: 60_000 });
    await untilQueued("shared", 3);
    await release("shared", held.lease);
    await expect
      .poll(async () => (await queueOf("shared"))[0]?.["node"], { timeout: LONG_MS })
      .toMatch(/0d5e1ad3/);
    await client.close();
    expect(leaseOf(await behind).token > held.token).toBe(true);
  });

  test.each<[string, Record<string, unknown>]>([
    ["a%01b", {}],
    ["x", { ttlMs: 0 }],
    ["x", { waitMs: 60_001 }],
    ["x", { mode: "odd" }],
    ["x", { owner: "o".repeat(201) }],
  ])("is not taken under the name %s with %j", async (name, json) => {
    expect((await acquire(name, json)).status).toBe(400);
  });
});

describe("who waits", () => {
  test("gives up its place at once where its connection is reset", async () => {
    const held = leaseOf(await acquire("reset"));
    await hangUp("reset", 2, "reset");
    await untilQueued("reset", 1);
    await release("reset", held.lease);
  });

  test("is skipped in its turn where its connection is closed, and is never a holder", async () => {
    const held = leaseOf(await acquire("closed"));
    await hangUp("closed", 2, "end");
    const next = acquire("closed", { waitMs: 60_000, ttlMs: 60_000 });
    await untilQueued("closed", 3);
    await release("closed", held.lease);
    // Its lease would have lasted for half a minute.
    const { lease } = leaseOf(await next);
    expect((await queueOf("closed")).map(({ session }) => session)).toEqual([lease.split("-")[0]]);
  });

  test("under a key goes on waiting, though every replica dies in turn", async () => {
    const held = leaseOf(await acquire("deaths", { ttlMs: 60_000 }));
    const waiting = acquire("deaths", { waitMs: 60_000, ttlMs: 20_000 }, { "idempotency-key": "deaths-1" });
    await untilQueued("deaths", 2);
    for (const sid of [1, 2]) {
      await abort(sid);
      await untilServing();
    }
    expect((await queueOf("deaths")).length).toBe(2);
    await release("deaths", held.lease);
    leaseOf(await waiting);
  });

  test("without a key is told that nobody knows, where its replica dies", async () => {
    leaseOf(await acquire("unknown", { ttlMs: 60_000 }));
    const waiting = acquire("unknown", { waitMs: 60_000, ttlMs: 2000 });
    await untilQueued("unknown", 2);
    for (const sid of [1, 2, 3]) {
      await abort(sid);
      await untilServing();
    }
    expect(await waiting).toMatchObject({ status: 504, code: "outcome-unknown" });
    await untilQueued("unknown", 1);
  });
});

describe("an acquire under a key", () => {
  test("finds its lease again where the answer was lost, and none that is over", async () => {
    const headers = { "idempotency-key": "cron-7" };
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => acquire("cron", { ttlMs: 5000 }, headers)),
    );
    const told = answers.filter(({ status }) => status === 200).map(leaseOf);
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told.map(({ lease }) => lease)).size).toBe(1);
    for (const { status, code } of answers) expect(status === 200 || code === "superseded").toBe(true);
    const [first] = told;
    const again = leaseOf(await acquire("cron", { ttlMs: 5000 }, headers));
    expect(again).toMatchObject({ lease: first?.lease, token: first?.token });
    expect(await acquire("other", {}, headers)).toMatchObject({ status: 422, code: "key-reused" });
    await release("cron", again.lease);
    expect(await acquire("cron", { ttlMs: 5000 }, headers)).toMatchObject({
      status: 410,
      code: "lease-over",
    });
  });
});

describe("many callers", () => {
  test("hold one lock one at a time, with tokens that grow, over the death of a replica", async () => {
    const tokens: string[] = [];
    let holders = 0;
    const work = async (nth: number): Promise<void> => {
      for (let round = 0; round < 4; round++) {
        const key = { "idempotency-key": `many-${nth}-${round}` };
        const asked = { waitMs: 60_000, ttlMs: 20_000 };
        const { lease, token } = leaseOf(await recovered(async () => await acquire("many", asked, key)));
        expect(++holders).toBe(1);
        tokens.push(token);
        const headers = { "if-held": `many@${token}`, "idempotency-key": `log-${nth}-${round}` };
        const log = "/nodes/log-?sequential=true";
        const done = await recovered(async () => await api.call("POST", log, { headers }));
        expect(done.status).toBe(201);
        holders--;
        await given(lease);
      }
    };
    /** Its outcome may be unknown where the replica dies: then it is asked again, and over, or done. */
    const given = async (lease: string): Promise<void> => {
      while (![204, 410].includes((await release("many", lease)).status));
    };
    const working = Promise.all(Array.from({ length: 5 }, (_, nth) => work(nth)));
    await expect.poll(() => tokens.length, { timeout: LONG_MS }).toBeGreaterThan(5);
    await abort(2);
    await working;
    expect(tokens).toEqual(tokens.toSorted());
    expect(new Set(tokens).size).toBe(20);
  }, 120_000);
});

/**
 * The answer to what is asked under a key: again where it was cut short, as by a replica that dies when it has begun to
 * answer a caller that waited, or where nobody could answer.
 */
async function recovered(ask: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  for (;;) {
    try {
      const answer = await ask();
      if (answer.status !== 503) return answer;
    } catch (error) {
      // What fetch throws where the connection is lost.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

async function abort(sid: number): Promise<void> {
  const body = JSON.stringify({ kind: "abort" });
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body });
}

async function untilServing(): Promise<void> {
  const isHealthy = async (): Promise<boolean> => (await fetch(`${ensemble.httpUrl}/healthz`)).ok;
  await expect.poll(isHealthy, { timeout: LONG_MS, interval: 100 }).toBe(true);
}
