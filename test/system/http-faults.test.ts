/**
 * What the HTTP API answers while the ensemble cannot serve, through the real runtime: every route, held to the OpenAPI
 * document.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../faults/fault.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { changes, reads, type Route, unseen } from "./every-route.ts";

/** Longer than any test here: who suffers it does so until the end. */
const FOR_GOOD_MS = 600_000;
const LONG_MS = 90_000;
/** The least that a deployment may have. */
const STORAGE_LIMIT_MB = 1;
/** More than the tests make before they want too many. */
const SESSIONS_MAX = 20;

let divided: TestEnsemble;
let full: TestEnsemble;
let still: TestEnsemble;
let unheard: TestEnsemble;

beforeAll(async () => {
  const config = "test/faults/wrangler.toml";
  const alone = { VOTERS: "1", WEBHOOKS_ENABLED: "1" };
  const bounded = { STORAGE_LIMIT_MB: String(STORAGE_LIMIT_MB), SESSIONS_MAX: String(SESSIONS_MAX) };
  [divided, full, still, unheard] = await Promise.all([
    startEnsemble({ config, vars: { WEBHOOKS_ENABLED: "1" } }),
    startEnsemble({ config, vars: { ...alone, ...bounded } }),
    startEnsemble({ config, vars: alone }),
    startEnsemble({ config, vars: alone }),
  ]);
}, 120_000);

afterAll(
  async () => await Promise.all([divided, full, still, unheard].map(async (one) => await one?.stop())),
);

async function strike({ httpUrl }: TestEnsemble, sid: number, fault: Fault): Promise<void> {
  await fetch(`${httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

test(
  "without a quorum each route says that nothing was done, and when to ask again",
  async () => {
    const api = await HttpApi.open(divided.httpUrl);
    const routes = [...reads(), ...(await changes(api))];
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
    expect(unseen(api, 503)).toEqual([]);
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

      // Sessions take no room, and what is given back gives some.
      const takesNone = /(sessions|renew|release|resign)$/;
      const takeRoom = routes.filter(({ method, path }) => method !== "DELETE" && !takesNone.test(path));
      for (const { method, path, init } of takeRoom) {
        const { status, code } = await api.call(method, path, init);
        expect(`${method} ${path}: ${status} ${String(code)}`).toBe(`${method} ${path}: 507 quota-exceeded`);
      }
      expect((await api.call("GET", "/nodes/filler")).text).toBe(body);
      for (const { method, path, init } of routes.filter((route) => !takeRoom.includes(route))) {
        expect((await api.call(method, path, init)).status).toBeLessThan(300);
      }
      let session = await api.call("POST", "/sessions", { json: {} });
      for (let index = 0; session.status !== 507 && index < SESSIONS_MAX; index++) {
        session = await api.call("POST", "/sessions", { json: {} });
      }
      expect(session).toMatchObject({ status: 507, code: "quota-exceeded" });
      expect(unseen(api, 507)).toEqual([]);
    },
    LONG_MS,
  );

  test(
    "that stands still leaves the outcome of each change unknown, and is asked in vain for a read",
    async () => {
      const api = await HttpApi.open(still.httpUrl);
      const routes = await changes(api);
      await strike(still, 1, { kind: "freeze", ms: FOR_GOOD_MS });
      const tell = async ({ method, path, init, looksFirst }: Route): Promise<string> => {
        const { status } = await api.call(method, path, init);
        return status === (looksFirst ? 503 : 504) ? "fit" : `${method} ${path}: ${status}`;
      };
      const all = [...routes, ...reads()];
      expect(await Promise.all(all.map(tell))).toEqual(all.map(() => "fit"));
    },
    LONG_MS,
  );

  test(
    "whose answers are lost leaves the outcome of each change unknown, which is done all the same",
    async () => {
      const api = await HttpApi.open(unheard.httpUrl);
      const routes = await changes(api);
      await strike(unheard, 1, { kind: "loseAnswers", ms: FOR_GOOD_MS });

      const asked = [...routes, ...routes.map(keyed)];
      const told = await Promise.all(
        asked.map(async ({ method, path, init }) => {
          const { status, code } = await api.call(method, path, init);
          return `${method} ${path}: ${status} ${String(code)}`;
        }),
      );

      expect(told).toEqual(asked.map(({ method, path }) => `${method} ${path}: 504 outcome-unknown`));
      expect(unseen(api, 504)).toEqual([]);
      // Set to 7 and grown by one, in whatever order.
      const counter = await api.call("GET", "/counters/hits");
      expect(["7", "8", "9"]).toContain(counter.json?.["value"]);
      expect((await api.call("GET", "/elections/held")).json).toMatchObject({ leader: { value: "x" } });
      expect((await api.call("GET", "/webhooks")).json).toMatchObject({ webhooks: [{ name: "more" }] });
    },
    LONG_MS,
  );
});

/** The same under a key, where the route takes one. */
function keyed({ init, ...route }: Route): Route {
  const headers = { ...init.headers, "idempotency-key": `${route.method} ${route.path}` };
  return { ...route, init: { ...init, headers } };
}
