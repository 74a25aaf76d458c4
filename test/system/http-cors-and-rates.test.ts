/** Which pages may read answers, and how often callers may ask, through the real runtime. */
import { afterEach, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

const SECRET = "a secret of this test";
const APP = "https://app.example";
const POLL = { timeout: 20_000 };

let ensemble: TestEnsemble | undefined;

afterEach(async () => await ensemble?.stop());

async function start(vars: Readonly<Record<string, string>>): Promise<string> {
  ensemble = await startEnsemble({ vars: { VOTERS: "1", EDGEKEEPER_SECRET: SECRET, ...vars } });
  return ensemble.httpUrl;
}

async function corsOf(url: string, init: RequestInit): Promise<Readonly<Record<string, string>>> {
  const answer = await fetch(url, init);
  await answer.arrayBuffer();
  const cors = [...answer.headers].filter(([name]) => name.startsWith("access-control-") || name === "vary");
  return { status: String(answer.status), ...Object.fromEntries(cors) };
}

test("pages of the origins that are named may read answers, and no others, and no cookie counts", async () => {
  const url = `${await start({ CORS_ORIGINS: `${APP},http://localhost:5173` })}/v1/nodes/`;
  const asks = (origin: string): RequestInit => ({
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization",
    },
  });
  const allowed = await corsOf(url, asks(APP));
  expect(allowed).toMatchObject({
    status: "204",
    "access-control-allow-origin": APP,
    "access-control-allow-methods": "GET,PUT,POST,DELETE",
    "access-control-max-age": "600",
    vary: expect.stringMatching(/origin/i) as unknown,
  });
  expect(allowed["access-control-allow-headers"]).toContain("idempotency-key");
  expect(allowed).not.toHaveProperty("access-control-allow-credentials");
  for (const origin of ["https://evil.example", `${APP}.evil.example`, "http://app.example", "null"]) {
    expect(await corsOf(url, asks(origin))).toEqual({ status: "401" });
    const read = await corsOf(url, { headers: { origin, authorization: `Bearer ${SECRET}` } });
    expect(Object.keys(read).filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
  const read = await corsOf(url, { headers: { origin: APP, authorization: `Bearer ${SECRET}` } });
  expect(read).toMatchObject({ status: "200", "access-control-allow-origin": APP });
  expect(read["access-control-expose-headers"]).toContain("zxid");
  // What is asked beforehand opens nothing: the request itself has to show its credential.
  expect(await corsOf(url, { headers: { origin: APP } })).toMatchObject({ status: "401" });
});

test("every page may read answers where all are named, and none is told that its cookies count", async () => {
  const url = `${await start({ CORS_ORIGINS: "*" })}/v1/nodes/`;
  const headers = { origin: "https://any.example", authorization: `Bearer ${SECRET}` };
  const read = await corsOf(url, { headers });
  expect(read).toMatchObject({ status: "200", "access-control-allow-origin": "*" });
  expect(read).not.toHaveProperty("access-control-allow-credentials");
});

test("calls under one token, and requests of one address, are bounded where that is set, each by itself", async () => {
  const url = await start({ RATE_LIMIT_PER_TOKEN: "5", RATE_LIMIT_PER_ADDRESS: "30" });
  const operator = await HttpApi.open(url, { authorization: `Bearer ${SECRET}` });
  const tokens = ["a", "b"].map(async (name) => {
    const scopes = [{ prefix: "/", permissions: ["read"] }];
    const { json } = await operator.call("POST", "/tokens", { json: { name, scopes } });
    return operator.as({ authorization: `Bearer ${String(json?.["token"])}` });
  });
  const [busy = operator, calm = operator] = await Promise.all(tokens);
  const answers = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const { status, code, headers } = await busy.call("GET", "/nodes/");
      return { told: `${status} ${String(code)}`, wait: Number(headers.get("retry-after") ?? 0) };
    }),
  );
  expect(answers.filter(({ told }) => told.startsWith("200")).length).toBeGreaterThanOrEqual(10);
  const refused = answers.filter(({ told }) => told === "429 too-many-requests");
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.every(({ wait }) => wait >= 1)).toBe(true);
  expect((await calm.call("GET", "/nodes/")).status).toBe(200);
  await expect.poll(async () => (await busy.call("GET", "/nodes/")).status, POLL).toBe(200);

  const many = Array.from({ length: 400 }, async () => (await operator.call("GET", "/nodes/")).status);
  expect(await Promise.all(many)).toContain(429);
  await expect.poll(async () => (await operator.call("GET", "/nodes/")).status, POLL).toBe(200);
});
