/**
 * What every route of the HTTP API answers to those who must log in first, who ask too often, whose session belongs to
 * a connection, and who ask for webhooks where there are none: through the real runtime, held to the OpenAPI document.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connect } from "../../src/client/index.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, type ApiInit, HttpApi } from "../harness/http-api.ts";
import { saslUsers } from "../keeper/sasl-client.ts";
import { changesOfNobody, MOVED_ALONE, reads, type Route, unseen, WITHOUT_HOOKS } from "./every-route.ts";

let strict: TestEnsemble;
let busy: TestEnsemble;
let open: TestEnsemble;
let hookless: TestEnsemble;

beforeAll(async () => {
  const alone = { VOTERS: "1", WEBHOOKS_ENABLED: "1" };
  const login = { SASL_USERS: saslUsers({ ann: "secret" }), ENFORCE_AUTH_SCHEMES: "sasl" };
  [strict, busy, open, hookless] = await Promise.all([
    startEnsemble({ vars: { ...alone, ...login } }),
    startEnsemble({ vars: { ...alone, RATE_LIMIT_PER_ADDRESS: "5" } }),
    startEnsemble({ vars: alone }),
    startEnsemble({ vars: { VOTERS: "1" } }),
  ]);
}, 120_000);

afterAll(async () => await Promise.all([strict, busy, open, hookless].map(async (one) => await one?.stop())));

test("who must log in first is told so by every route", async () => {
  const api = await HttpApi.open(strict.httpUrl);
  for (const { method, path, init } of [...changesOfNobody(), ...reads()]) {
    const { status, code } = await api.call(method, path, init);
    expect(`${method} ${path}: ${status} ${String(code)}`).toBe(`${method} ${path}: 403 login-required`);
  }
  expect(unseen(api, 403)).toEqual([]);
}, 60_000);

test("who asks too often is told when to ask again by every route", async () => {
  const api = await HttpApi.open(busy.httpUrl);
  const routes = [...changesOfNobody(), ...reads().filter(({ path }) => !path.startsWith("/watch/"))];
  const untilBound = async ({ method, path, init }: Route): Promise<string | null> => {
    for (;;) {
      const { status, headers } = await api.call(method, path, init);
      if (status === 429) return headers.get("retry-after");
    }
  };
  const again = await Promise.all(routes.map(untilBound));
  for (const seconds of again) expect(Number(seconds)).toBeGreaterThan(0);
  expect(unseen(api, 429).filter((line) => !line.includes("/watch/"))).toEqual([]);
}, 60_000);

test("who asks for webhooks where there are none is told what to set", async () => {
  const api = await HttpApi.open(hookless.httpUrl);
  for (const { method, path, init } of [...changesOfNobody(), ...reads()]) {
    if (!path.startsWith("/webhooks")) continue;
    const { status, code, json } = await api.call(method, path, init);
    expect(`${method} ${path}: ${status} ${String(code)}`).toBe(`${method} ${path}: 501 not-enabled`);
    expect(json?.["detail"]).toContain("WEBHOOKS_ENABLED");
  }
  expect(unseen(api, 501).filter((line) => WITHOUT_HOOKS.test(line))).toEqual([]);
});

test("a session that a connection has taken over is that connection's alone, a lease's too", async () => {
  const api = await HttpApi.open(open.httpUrl);
  const refused = async (method: string, path: string, init: ApiInit): Promise<void> => {
    const { status, code } = await api.call(method, path, init);
    expect(`${method} ${path}: ${status} ${String(code)}`).toBe(`${method} ${path}: 409 session-moved`);
  };
  const made = await api.call("POST", "/sessions", { json: {} });
  await using client = await takenOver(made, "session");
  const own = { headers: { session: String(made.json?.["session"]) } };
  await refused("PUT", "/sessions", own);
  await refused("PUT", "/nodes/there", own);
  await refused("DELETE", "/sessions", own);
  await refused("PUT", "/services/web/one", { json: { address: "a" }, ...own });
  await refused("DELETE", "/services/web/one", own);
  expect(await client.exists("/there")).toBeUndefined();

  for (const [kind, take, asked, verbs] of [
    ["locks", "acquire", {}, ["renew", "release"]],
    ["semaphores", "acquire", { permits: 1 }, ["renew", "release"]],
    ["elections", "campaign", {}, ["renew", "proclaim", "resign"]],
  ] as const) {
    const taken = await api.call("POST", `/${kind}/moved/${take}`, { json: asked });
    await using holder = await takenOver(taken, "lease");
    const lease = String(taken.json?.["lease"]);
    for (const verb of verbs) {
      const json = verb === "proclaim" ? { lease, value: "x" } : { lease };
      await refused("POST", `/${kind}/moved/${verb}`, { json });
    }
    expect(holder.state).toBe("connected");
  }
  expect(unseen(api, 409).filter((line) => MOVED_ALONE.test(line))).toEqual([]);
}, 60_000);

/** A connection that takes over the session of an answer. */
async function takenOver({ json, zxid }: ApiAnswer, field: "session" | "lease"): Promise<Client> {
  const [id = "", password = ""] = String(json?.[field]).split("-");
  return await connect(open.httpUrl, { session: { id, password, zxid } });
}
