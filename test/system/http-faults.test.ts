/**
 * What the HTTP API answers while the ensemble cannot serve, through the real runtime: every route, held to the OpenAPI
 * document.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../faults/fault.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiInit, HttpApi } from "../harness/http-api.ts";

/** Longer than any test here: who suffers it does so until the end. */
const FOR_GOOD_MS = 600_000;
const LONG_MS = 90_000;
/** The least that a deployment may have. */
const STORAGE_LIMIT_MB = 1;

let divided: TestEnsemble;
let full: TestEnsemble;
let still: TestEnsemble;

beforeAll(async () => {
  const config = "test/faults/wrangler.toml";
  [divided, full, still] = await Promise.all([
    startEnsemble({ config }),
    startEnsemble({ config, vars: { VOTERS: "1", STORAGE_LIMIT_MB: String(STORAGE_LIMIT_MB) } }),
    startEnsemble({ config, vars: { VOTERS: "1" } }),
  ]);
}, 120_000);

afterAll(async () => await Promise.all([divided?.stop(), full?.stop(), still?.stop()]));

async function strike({ httpUrl }: TestEnsemble, sid: number, fault: Fault): Promise<void> {
  await fetch(`${httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly init: ApiInit;
}

async function reads(): Promise<readonly Route[]> {
  return [
    { method: "GET", path: "/nodes/there", init: {} },
    { method: "GET", path: "/nodes/there?consistency=linearizable", init: {} },
    { method: "GET", path: "/nodes/there?children", init: {} },
    { method: "GET", path: "/locks/held", init: {} },
    { method: "GET", path: "/semaphores/held", init: {} },
    { method: "GET", path: "/elections/held", init: {} },
    { method: "GET", path: "/counters/hits", init: {} },
    { method: "GET", path: "/config/app", init: {} },
    { method: "GET", path: "/config/app/history", init: {} },
    { method: "GET", path: "/services", init: {} },
    { method: "GET", path: "/services/web", init: {} },
  ];
}

/** Each route that changes something, without a key; the lease and session are there. */
async function changes(api: HttpApi): Promise<readonly Route[]> {
  const session = String((await api.call("POST", "/sessions", { json: {} })).json?.["session"]);
  const held = await api.call("POST", "/locks/held/acquire", { json: { ttlMs: 600_000 } });
  const lease = String(held.json?.["lease"]);
  return [
    { method: "PUT", path: "/nodes/there", init: { body: "x" } },
    { method: "POST", path: "/nodes/n-?sequential=true", init: { body: "x" } },
    { method: "DELETE", path: "/nodes/there", init: {} },
    {
      method: "POST",
      path: "/multi",
      init: { json: { operations: [{ op: "put", path: "/m", text: "x" }] } },
    },
    { method: "POST", path: "/sessions", init: { json: {} } },
    { method: "DELETE", path: "/sessions", init: { headers: { session } } },
    { method: "POST", path: "/locks/free/acquire", init: { json: {} } },
    { method: "POST", path: "/locks/free/force-release", init: { json: { token: "7" } } },
    { method: "POST", path: "/semaphores/free/acquire", init: { json: { permits: 2 } } },
    { method: "PUT", path: "/semaphores/free", init: { json: { permits: 2 } } },
    { method: "POST", path: "/elections/free/campaign", init: { json: {} } },
    { method: "POST", path: "/counters/hits/add", init: { json: {} } },
    { method: "POST", path: "/services/web", init: { json: { address: "a" }, headers: { session } } },
    { method: "POST", path: "/locks/held/release", init: { json: { lease } } },
  ];
}

test(
  "without a quorum each route says that nothing was done, and when to ask again",
  async () => {
    const api = await HttpApi.open(divided.httpUrl);
    const routes = [...(await reads()), ...(await changes(api))];
    for (const sid of [1, 2, 3]) await strike(divided, sid, { kind: "cut", ms: FOR_GOOD_MS });
    const isServing = async (): Promise<boolean> => {
      const response = await fetch(`${divided.httpUrl}/healthz`);
      return JSON.stringify(await response.json()).includes('"serving":0') === false;
    };
    await expect.poll(isServing, { timeout: LONG_MS, interval: 100 }).toBe(false);

    const answers = await Promise.all(
      routes.map(async ({ method, path, init }) => {
        const { status, code, headers } = await api.call(method, path, init);
        return { route: `${method} ${path}`, status, code, again: headers.get("retry-after") };
      }),
    );
    const expected = routes.map(({ method, path }) => ({
      route: `${method} ${path}`,
      status: 503,
      code: "no-quorum",
      again: "1",
    }));
    expect(answers).toEqual(expected);
  },
  LONG_MS,
);

describe("one replica alone", () => {
  test(
    "has no room on a full disk for what takes some, and goes on reading, deleting and releasing",
    async () => {
      const api = await HttpApi.open(full.httpUrl);
      const routes = await changes(api);
      const body = "x".repeat(500_000);
      let last = await api.call("PUT", "/nodes/filler", { body });
      for (let index = 0; last.status !== 507 && index < 10 * STORAGE_LIMIT_MB; index++) {
        last = await api.call("PUT", `/nodes/filler-${index}`, { body });
      }
      expect(last).toMatchObject({ status: 507, code: "quota-exceeded" });

      const takesRoom = (path: string): boolean =>
        /there|n-|multi|acquire|campaign|add$|web$|semaphores/.test(path);
      const told: string[] = [];
      for (const { method, path, init } of routes) {
        if (method === "DELETE" || !takesRoom(path)) continue;
        const { status, code } = await api.call(method, path, init);
        told.push(`${method} ${path}: ${status} ${String(code)}`);
      }
      expect(told.filter((line) => !line.endsWith(": 507 quota-exceeded"))).toEqual([]);
      expect(told.length).toBeGreaterThan(3);
      expect((await api.call("GET", "/nodes/filler")).text).toBe(body);
      const release = routes.find(({ path }) => path.endsWith("/release"));
      expect((await api.call("POST", "/locks/held/release", release?.init)).status).toBeLessThan(300);
      expect((await api.call("DELETE", "/nodes/filler")).status).toBe(204);
    },
    LONG_MS,
  );

  test(
    "that stands still leaves the outcome of each change unknown, and is asked in vain for a read",
    async () => {
      const api = await HttpApi.open(still.httpUrl);
      const routes = await changes(api);
      await strike(still, 1, { kind: "freeze", ms: FOR_GOOD_MS });
      const tell = async ({ method, path, init }: Route): Promise<string> => {
        const { status, code } = await api.call(method, path, init);
        return `${method} ${path}: ${status} ${String(code)}`;
      };
      const told = await Promise.all([...routes, ...(await reads())].map(tell));
      expect(
        told.filter((line) => !line.startsWith("GET") && !line.endsWith(": 504 outcome-unknown")),
      ).toEqual([]);
      expect(told.filter((line) => line.startsWith("GET") && !line.endsWith(": 503 no-quorum"))).toEqual([]);
      expect(told).toHaveLength(routes.length + (await reads()).length);
    },
    LONG_MS,
  );
});
