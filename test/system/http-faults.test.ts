/**
 * What the HTTP API answers while the ensemble cannot serve, through the real runtime: every route, held to the OpenAPI
 * document.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../faults/fault.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { changes, reads, type Route } from "./every-route.ts";

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
    startEnsemble({ config, vars: { WEBHOOKS_ENABLED: "1" } }),
    startEnsemble({
      config,
      vars: { VOTERS: "1", WEBHOOKS_ENABLED: "1", STORAGE_LIMIT_MB: String(STORAGE_LIMIT_MB) },
    }),
    startEnsemble({ config, vars: { VOTERS: "1", WEBHOOKS_ENABLED: "1" } }),
  ]);
}, 120_000);

afterAll(async () => await Promise.all([divided?.stop(), full?.stop(), still?.stop()]));

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
    const unseen = api.documented().filter((line) => line.endsWith(" 503") && !api.seen.has(line));
    expect(unseen, "every route was asked").toEqual([]);
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

      const told: string[] = [];
      // Sessions, and what is not there to be set, take no room; a leader has none to proclaim in.
      const takesNone = /(release|renew|resign|resume|proclaim|sessions|web\/one)$/;
      const takeRoom = routes.filter(({ method, path }) => method !== "DELETE" && !takesNone.test(path));
      for (const { method, path, init } of takeRoom) {
        const { status, code } = await api.call(method, path, init);
        told.push(`${method} ${path}: ${status} ${String(code)}`);
      }
      expect(told.filter((line) => !line.endsWith(": 507 quota-exceeded"))).toEqual([]);
      expect(told.length).toBeGreaterThan(13);
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
      const tell = async ({ method, path, init, isOneWrite }: Route): Promise<string> => {
        const { status, code } = await api.call(method, path, init);
        const isFit = status === 504 || (status === 503 && !isOneWrite);
        return isFit ? "fit" : `${method} ${path}: ${status} ${String(code)}`;
      };
      const told = await Promise.all(routes.map(tell));
      expect(told).toEqual(routes.map(() => "fit"));
      const read = await Promise.all(reads().map(async ({ path }) => (await api.call("GET", path)).status));
      expect(read).toEqual(reads().map(() => 503));
    },
    LONG_MS,
  );
});
