/** Semaphores and what else callers coordinate by over HTTP, through the real runtime, beside clients of the wire. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, type ApiInit, HttpApi } from "../harness/http-api.ts";

let ensemble: TestEnsemble;
let api: HttpApi;

const LONG_MS = 30_000;
const EPHEMERAL_SEQUENTIAL = 3;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function post(path: string, json: object, headers: ApiInit["headers"] = {}): Promise<ApiAnswer> {
  return await api.call("POST", path, { json, headers });
}

/** A field of an answer that must have succeeded. */
function told(answer: ApiAnswer, name: string): string {
  expect(answer).toMatchObject({ status: 200 });
  return String(answer.json?.[name]);
}

async function wireClient(): Promise<WireClient> {
  const [port = 0] = ensemble.tcpPorts;
  const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: LONG_MS });
  expect(await client.connected(LONG_MS)).toBe(true);
  return client;
}

async function abort(sid: number): Promise<void> {
  const body = JSON.stringify({ kind: "abort" });
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body });
  const isHealthy = async (): Promise<boolean> => (await fetch(`${ensemble.httpUrl}/healthz`)).ok;
  await expect.poll(isHealthy, { timeout: LONG_MS, interval: 100 }).toBe(true);
}

describe("a semaphore", () => {
  async function untilQueued(name: string, count: number): Promise<ApiAnswer> {
    const path = `/semaphores/${name}?consistency=linearizable`;
    const countOf = async (): Promise<unknown> => (await api.call("GET", path)).json?.["count"];
    await expect.poll(countOf, { timeout: LONG_MS, interval: 20 }).toBe(count);
    return await api.call("GET", path);
  }

  test("is taken as often as it has permits, seen, kept, waited for and given back", async () => {
    const asked = { permits: 2, ttlMs: 20_000, owner: "me" };
    const first = await post("/semaphores/pool/acquire", asked);
    const second = await post("/semaphores/pool/acquire", asked);
    expect(first.json).toMatchObject({
      semaphore: "/semaphores/pool",
      token: first.zxid,
      heldForMs: 20_000,
    });
    expect(told(second, "token") > told(first, "token")).toBe(true);
    expect(await post("/semaphores/pool/acquire", asked)).toMatchObject({ status: 409, code: "lock-held" });
    const waiting = post("/semaphores/pool/acquire", { ...asked, waitMs: 60_000, owner: "next" });
    const shown = await untilQueued("pool", 3);
    expect(shown.json).toMatchObject({
      permits: 2,
      queue: [
        { holds: true, owner: "me", token: told(first, "token") },
        { holds: true, owner: "me", token: told(second, "token") },
        { holds: false, owner: "next" },
      ],
    });
    const lease = told(first, "lease");
    expect((await post("/semaphores/pool/renew", { lease })).json).toMatchObject({
      token: told(first, "token"),
    });
    expect((await post("/semaphores/pool/release", { lease })).status).toBe(204);
    const next = await waiting;
    expect(told(next, "token") > told(second, "token")).toBe(true);
    expect(await post("/semaphores/pool/renew", { lease })).toMatchObject({
      status: 410,
      code: "lease-over",
    });
    expect((await untilQueued("pool", 2)).json).toMatchObject({ permits: 2 });
  });

  test("guards writes by a permit's token, in the same transaction", async () => {
    const held = await post("/semaphores/guard/acquire", { permits: 1 });
    const headers = { "if-held": `/semaphores/guard@${told(held, "token")}` };
    expect((await api.call("PUT", "/nodes/permitted", { headers, body: "1" })).status).toBe(201);
    await post("/semaphores/guard/release", { lease: told(held, "lease") });
    const late = await api.call("PUT", "/nodes/permitted", { headers, body: "2" });
    expect(late).toMatchObject({ status: 412, code: "not-held" });
  });

  test("is one with Curator's on the same path, whose client takes a permit by the wire", async () => {
    const held = await post("/semaphores/shared/acquire", { permits: 1, ttlMs: 60_000 });
    const client = await wireClient();
    const create = async (path: string, flags: number): Promise<void> => {
      const asked = { op: "create", path, data: null, acl: OPEN_ACL, flags, ttlMs: 0 } as const;
      expect((await client.request(asked)).kind).toBe("ok");
    };
    // As InterProcessSemaphoreV2 does it: the mutex first, then its permit, which counts once there is room.
    await create("/semaphores/shared/locks", 0);
    await create(
      "/semaphores/shared/locks/_c_0d5e1ad3-5d3c-4a9e-8a30-6d0f0f6a1f11-lock-",
      EPHEMERAL_SEQUENTIAL,
    );
    await create(
      "/semaphores/shared/leases/_c_0d5e1ad3-5d3c-4a9e-8a30-6d0f0f6a1f12-lease-",
      EPHEMERAL_SEQUENTIAL,
    );
    const holds = (await untilQueued("shared", 3)).json?.["queue"] as readonly { readonly holds: boolean }[];
    expect(holds.map((one) => one.holds)).toEqual([true, false, false]);
    const waiting = post("/semaphores/shared/acquire", { permits: 1, waitMs: 60_000 });
    await untilQueued("shared", 4);
    await post("/semaphores/shared/release", { lease: told(held, "lease") });
    expect((await untilQueued("shared", 3)).json).toMatchObject({
      queue: [{ holds: true }, { holds: false }, { holds: false }],
    });
    await client.close();
    told(await waiting, "token");
  });

  test("is agreed upon: another number is refused until it is set", async () => {
    told(await post("/semaphores/agreed/acquire", { permits: 1 }), "token");
    const differs = { status: 409, code: "permits-differ" };
    expect(await post("/semaphores/agreed/acquire", { permits: 2 })).toMatchObject(differs);
    expect((await api.call("PUT", "/semaphores/agreed", { json: { permits: 2 } })).status).toBe(204);
    told(await post("/semaphores/agreed/acquire", { permits: 2 }), "token");
    expect(await post("/semaphores/agreed/acquire", { permits: 1 })).toMatchObject(differs);
  });

  test("is waited for under a key though every replica dies in turn, and found again", async () => {
    const held = await post("/semaphores/deaths/acquire", { permits: 1, ttlMs: 60_000 });
    const key = { "idempotency-key": "deaths-1" };
    const asked = { permits: 1, waitMs: 60_000, ttlMs: 20_000 };
    const waiting = post("/semaphores/deaths/acquire", asked, key);
    await untilQueued("deaths", 2);
    for (const sid of [1, 2]) await abort(sid);
    await untilQueued("deaths", 2);
    await post("/semaphores/deaths/release", { lease: told(held, "lease") });
    const token = told(await waiting, "token");
    expect(told(await post("/semaphores/deaths/acquire", asked, key), "token")).toBe(token);
    await untilQueued("deaths", 1);
  });
});

describe("a lock", () => {
  test("stays closed for its delay after it has expired, until it is over, or an operator opens it", async () => {
    const asked = { ttlMs: 2000, lockDelayMs: 3000 };
    const sentAt = performance.now();
    told(await post("/locks/delayed/acquire", asked), "token");
    const waiting = post("/locks/delayed/acquire", { ...asked, waitMs: 60_000, lockDelayMs: 60_000 });
    const first = async (): Promise<unknown> => {
      const { json } = await api.call("GET", "/locks/delayed?consistency=linearizable");
      return (json?.["queue"] as readonly unknown[] | undefined)?.[0];
    };
    await expect
      .poll(first, { timeout: LONG_MS, interval: 50 })
      .toMatchObject({ closed: true, holds: false });
    told(await waiting, "token");
    expect(performance.now() - sentAt).toBeGreaterThan(5000);
    const next = post("/locks/delayed/acquire", { waitMs: 60_000 });
    await expect.poll(first, { timeout: LONG_MS, interval: 50 }).toMatchObject({ closed: true });
    const { token } = (await first()) as { readonly token: string };
    expect((await post("/locks/delayed/force-release", { token })).status).toBe(204);
    told(await next, "token");
  });

  test("is taken away by an operator, and the next holder has a larger token", async () => {
    const held = await post("/locks/forced/acquire", { ttlMs: 60_000 });
    const token = told(held, "token");
    const next = post("/locks/forced/acquire", { waitMs: 60_000 });
    expect((await post("/locks/forced/force-release", { token })).status).toBe(204);
    expect(told(await next, "token") > token).toBe(true);
    const headers = { "if-held": `forced@${token}` };
    const late = await api.call("PUT", "/nodes/forced", { headers, body: "x" });
    expect(late).toMatchObject({ status: 412, code: "not-held" });
    const renewed = await post("/locks/forced/renew", { lease: told(held, "lease") });
    expect(renewed).toMatchObject({ status: 410, code: "lease-over" });
    expect(await post("/locks/forced/force-release", { token })).toMatchObject({
      status: 412,
      code: "not-held",
    });
  });
});

describe("an election", () => {
  const observe = async (query: string, etag?: string): Promise<ApiAnswer> =>
    await api.call(
      "GET",
      `/elections/jobs${query}`,
      etag === undefined ? {} : { headers: { "if-none-match": etag } },
    );

  test("is won, observed, proclaimed in and resigned from, and won by the next one", async () => {
    const nobody = observe("?wait=30000");
    const first = await post("/elections/jobs/campaign", { value: "one", ttlMs: 60_000 });
    expect(first.json).toMatchObject({ election: "/elections/jobs", token: first.zxid });
    const one = await nobody;
    expect(one.json).toMatchObject({ leader: { value: "one", token: told(first, "token") }, count: 1 });
    const etag = one.headers.get("etag") ?? "";
    expect((await observe("?wait=100", etag)).status).toBe(304);
    const changed = observe("?wait=30000", etag);
    const lease = told(first, "lease");
    expect((await post("/elections/jobs/proclaim", { lease, value: "two" })).status).toBe(204);
    const two = await changed;
    expect(two.json).toMatchObject({ leader: { value: "two", token: told(first, "token") } });

    const next = post("/elections/jobs/campaign", { value: "next", waitMs: 60_000 });
    await expect.poll(async () => (await observe("")).json?.["count"], { timeout: LONG_MS }).toBe(2);
    const another = observe("?wait=30000", two.headers.get("etag") ?? "");
    expect((await post("/elections/jobs/resign", { lease })).status).toBe(204);
    const token = told(await next, "token");
    expect((await another).json).toMatchObject({ leader: { value: "next", token } });
    const late = await post("/elections/jobs/proclaim", { lease, value: "late" });
    expect(late).toMatchObject({ status: 410, code: "lease-over" });
    const headers = { "if-held": `/elections/jobs@${token}` };
    expect((await api.call("PUT", "/nodes/led", { headers, body: "x" })).status).toBe(201);
  });

  test("has candidates that come by the wire, as Curator's LeaderLatch does", async () => {
    const held = await post("/elections/wire/campaign", { ttlMs: 60_000 });
    const client = await wireClient();
    const path = "/elections/wire/_c_0d5e1ad3-5d3c-4a9e-8a30-6d0f0f6a1f13-latch-";
    const data = new TextEncoder().encode("curator");
    const flags = EPHEMERAL_SEQUENTIAL;
    expect((await client.request({ op: "create", path, data, acl: OPEN_ACL, flags, ttlMs: 0 })).kind).toBe(
      "ok",
    );
    const behind = post("/elections/wire/campaign", { waitMs: 60_000 });
    await post("/elections/wire/resign", { lease: told(held, "lease") });
    const leader = async (): Promise<unknown> =>
      (await api.call("GET", "/elections/wire?consistency=linearizable")).json?.["leader"];
    await expect.poll(leader, { timeout: LONG_MS }).toMatchObject({ value: "curator" });
    await client.close();
    told(await behind, "token");
  });
});

describe("a counter", () => {
  test("is added to by many at once, each told another value, over the death of a replica", async () => {
    const values = await Promise.all(
      Array.from({ length: 40 }, async (_, nth) => {
        if (nth === 20) await abort(2);
        for (;;) {
          const answer = await post("/counters/many/add", {}, { "idempotency-key": `many-${nth}` });
          if (answer.status === 200) return Number(answer.json?.["value"]);
          expect([503, 504]).toContain(answer.status);
        }
      }),
    );
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    const { json } = await api.call("GET", "/counters/many?consistency=linearizable");
    expect(json).toMatchObject({ counter: "/counters/many", value: "40", version: 39 });
  });

  test("counts beyond what a number can, is set by its version, and holds the bytes of a DistributedAtomicLong", async () => {
    const added = await post("/counters/big/add", { by: "9007199254740993" });
    expect(added.json).toMatchObject({ value: "9007199254740993" });
    expect((await post("/counters/big/add", { by: "1" })).json).toMatchObject({ value: "9007199254740994" });
    const stale = { "if-match": added.headers.get("etag") ?? "" };
    const json = { value: "-2" };
    expect(await api.call("PUT", "/counters/big", { json, headers: stale })).toMatchObject({
      code: "bad-version",
    });
    const { headers } = await api.call("GET", "/counters/big");
    const fresh = { "if-match": headers.get("etag") ?? "" };
    const changed = api.call("GET", "/counters/big?wait=30000", {
      headers: { "if-none-match": fresh["if-match"] },
    });
    expect((await api.call("PUT", "/counters/big", { json, headers: fresh })).json).toMatchObject(json);
    expect((await changed).json).toMatchObject(json);
    const { bytes } = await api.call("GET", "/nodes/counters/big");
    expect([...bytes]).toEqual([255, 255, 255, 255, 255, 255, 255, 254]);
    const twice = { headers: { "if-none-match": "*" }, json };
    expect(await api.call("PUT", "/counters/big", twice)).toMatchObject({ status: 412, code: "node-exists" });
    expect(await post("/counters/big/add", { by: `-${"9".repeat(18)}0` })).toMatchObject({ status: 400 });
    const most = await api.call("PUT", "/counters/most", { json: { value: "9223372036854775807" } });
    expect(most.json).toMatchObject({ value: "9223372036854775807" });
    expect(await post("/counters/most/add", {})).toMatchObject({ status: 409, code: "counter-overflow" });
  });
});

describe("a service", () => {
  const instances = async (query = "?consistency=linearizable", etag?: string): Promise<ApiAnswer> =>
    await api.call(
      "GET",
      `/services/web${query}`,
      etag === undefined ? {} : { headers: { "if-none-match": etag } },
    );

  async function session(timeoutMs: number): Promise<Record<string, string>> {
    return { session: String((await post("/sessions", { timeoutMs })).json?.["session"]) };
  }

  test("has the instances of living sessions, as Curator's x-discovery writes them, and says when they change", async () => {
    const own = await session(60_000);
    const empty = (await instances()).headers.get("etag") ?? "";
    const waiting = instances("?wait=30000", empty);
    const key = { ...own, "idempotency-key": "web-1" };
    const asked = { address: "10.0.0.7", port: 8080, payload: { zone: "b" } };
    const made = await post("/services/web", asked, key);
    expect(made).toMatchObject({ status: 201, json: { service: "/services/web" } });
    const id = String(made.json?.["id"]);
    expect((await post("/services/web", asked, key)).json).toEqual(made.json);
    const first = await waiting;
    const instance = {
      name: "web",
      id,
      address: "10.0.0.7",
      port: 8080,
      sslPort: null,
      payload: { zone: "b" },
      registrationTimeUTC: expect.any(Number) as number,
      serviceType: "DYNAMIC",
      uriSpec: null,
      enabled: true,
    };
    const seen = { ...instance, session: own["session"]?.split("-")[0], since: expect.any(Number) as number };
    expect(first.json).toEqual({ service: "/services/web", complete: true, instances: [seen] });
    const node = await api.call("GET", `/nodes/services/web/${id}`);
    expect(JSON.parse(node.text)).toEqual(instance);

    const changed = instances("?wait=30000", first.headers.get("etag") ?? "");
    const put = await api.call("PUT", `/services/web/${id}`, { json: { ...asked, enabled: false } });
    expect(put.status).toBe(204);
    const second = await changed;
    expect(second.json).toMatchObject({ instances: [{ id, enabled: false }] });
    expect((await api.call("GET", "/services")).json).toEqual({ services: ["web"] });
    const gone = instances("?wait=30000", second.headers.get("etag") ?? "");
    expect((await api.call("DELETE", `/services/web/${id}`)).status).toBe(204);
    expect((await gone).json).toMatchObject({ instances: [] });
  });

  test("loses an instance whose session is heard of no more, and shows what is no instance by its name", async () => {
    const own = await session(2000);
    expect((await post("/services/web", { address: "a", id: "short" }, own)).status).toBe(201);
    await api.call("PUT", "/nodes/services/web/odd", { body: "no JSON" });
    const seen = async (): Promise<unknown> =>
      ((await instances()).json?.["instances"] as readonly { readonly id: string }[] | undefined)?.map(
        ({ id }) => id,
      );
    expect(await seen()).toEqual(["odd", "short"]);
    await expect.poll(seen, { timeout: LONG_MS }).toEqual(["odd"]);
  });
});
