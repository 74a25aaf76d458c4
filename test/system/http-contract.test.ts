/**
 * The contract of the HTTP API: every answer that the OpenAPI document has is provoked, through the real runtime, but
 * for those that take a fault. The caller throws at any answer that the document does not have.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiInit, HttpApi } from "../harness/http-api.ts";
import { rawHttp, requestOf } from "../harness/raw-http.ts";
import {
  coordinationFailures,
  coordinationSuccesses,
  leaseOverAgain,
  newState,
  prepareCoordination,
  unchangedAgain,
} from "./coordination-contract.ts";
import { MOVED_ALONE, WITHOUT_HOOKS } from "./every-route.ts";
import { DOOMED, SURVEY_FAILURES, SURVEY_ROUTES, SURVEY_SUCCESSES } from "./survey-contract.ts";
import {
  HOOK_FAILURES,
  HOOK_SUCCESSES,
  prepareHooks,
  STREAMS_MAX,
  WATCH_FAILURES,
  watchContract,
} from "./watch-contract.ts";

const SECRET = "a secret of this test";
const AUTHORIZED = { authorization: `Bearer ${SECRET}` };

let ensemble: TestEnsemble;
let api: HttpApi;
let expired: string;
let lease: string;
const state = newState();

beforeAll(async () => {
  const vars = {
    VOTERS: "1",
    EDGEKEEPER_SECRET: SECRET,
    EXTENDED_TYPES_ENABLED: "0",
    ENFORCE_QUOTA: "1",
    MAX_CALLER_STREAMS: String(STREAMS_MAX),
    WEBHOOKS_ENABLED: "1",
  };
  ensemble = await startEnsemble({ vars });
  api = await HttpApi.open(ensemble.httpUrl, AUTHORIZED);
  expired = await session();
  await api.call("DELETE", "/sessions", { headers: { session: expired } });
  const own = await session();
  await api.call("PUT", "/nodes/there", { body: "x", headers: { "idempotency-key": "there" } });
  await api.call("PUT", "/nodes/there/below");
  await api.call("POST", "/nodes/ephemeral?mode=ephemeral", { headers: { session: own } });
  const held = await api.call("POST", "/locks/held/acquire", { json: { ttlMs: 600_000 } });
  lease = String(held.json?.["lease"]);
  state.expired = expired;
  await prepareCoordination(api, state);
  await prepareHooks(api);
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function session(): Promise<string> {
  const { json } = await api.call("POST", "/sessions", { json: { timeoutMs: 600_000 } });
  return String(json?.["session"]);
}

const NEW_TOKEN = { name: "ci", scopes: [{ prefix: "/there", permissions: ["read"] }] };
const NO_TOKEN = "0".repeat(64);

async function token(): Promise<{ readonly id: string; readonly token: string }> {
  const { json } = await api.call("POST", "/tokens", { json: NEW_TOKEN });
  return { id: String(json?.["id"]), token: String(json?.["token"]) };
}

/** Each route as it succeeds. */
const SUCCESSES: readonly (readonly [string, string, () => ApiInit])[] = [
  ["GET", "/nodes/there", () => ({})],
  ["PUT", "/nodes/there", () => ({ body: "y" })],
  ["POST", "/nodes/n-?sequential=true", () => ({})],
  ["DELETE", "/nodes/gone", () => ({})],
  ["POST", "/multi", () => ({ json: { operations: [{ op: "put", path: "/m" }] } })],
  ["POST", "/sessions", () => ({ json: {} })],
  ["PUT", "/sessions", () => ({ headers: { session: lease } })],
  ["DELETE", "/sessions", () => ({ headers: { session: expired } })],
  ["GET", "/locks/held", () => ({})],
  ["POST", "/locks/free/acquire", () => ({ json: {} })],
  ["POST", "/locks/held/renew", () => ({ json: { lease } })],
  ["POST", "/locks/held/release", () => ({ json: { lease } })],
  ...coordinationSuccesses(state),
  ...HOOK_SUCCESSES,
  ...SURVEY_SUCCESSES,
  ["GET", "/diff/there?from=0", () => ({})],
  ["GET", "/explain/nodes/there", () => ({})],
  ["GET", "/explain/sessions/0x7", () => ({})],
  ["GET", "/tokens", () => ({})],
  ["POST", "/tokens", () => ({ json: NEW_TOKEN })],
  ["DELETE", `/tokens/${NO_TOKEN}`, () => ({})],
];

/** Who is wrong a hundred times in a row is put off: each route is asked with one of these. */
const WRONG = [{ authorization: "Bearer another" }, { authorization: SECRET }] as const;

test.each(SUCCESSES)("%s %s wants the secret, and an ensemble that there is", async (method, path, init) => {
  const wrong = WRONG[SUCCESSES.findIndex((one) => one[2] === init) % WRONG.length];
  for (const headers of [{}, { ...wrong }]) {
    const refused = await api.as(headers).call(method, path, init());
    expect(refused).toMatchObject({ status: 401, code: "unauthorized" });
  }
  const elsewhere = await api.as(AUTHORIZED, "nowhere").call(method, path, init());
  expect(elsewhere).toMatchObject({ status: 404, code: "no-such-ensemble" });
});

test("tokens and webhooks are kept from who has one that does not administer all", async () => {
  const bearer = api.as({ authorization: `Bearer ${(await token()).token}` });
  for (const [method, path, init] of SUCCESSES.filter(([, path]) => /^\/(tokens|webhooks)/.test(path))) {
    expect(await bearer.call(method, path, init())).toMatchObject({ status: 403, code: "no-auth" });
  }
});

test("what is told of all of the ensemble is kept from who may not read all of it", async () => {
  const bearer = api.as({ authorization: `Bearer ${(await token()).token}` });
  for (const [method, path, init] of SURVEY_SUCCESSES) {
    if (!SURVEY_ROUTES.test(path)) continue;
    expect(await bearer.call(method, path, init())).toMatchObject({ status: 403, code: "no-auth" });
  }
});

const LARGE = "x".repeat(1_100_000);
const HELD_BY_NOBODY = { "if-held": `nobody@${"0".repeat(20)}` };
const SAME_KEY = { "idempotency-key": "there" };

/** Read for each request under it. */
const LONG_SCOPE = { prefix: "/there", permissions: Array.from({ length: 1000 }, () => "read") };
const ODD_SCOPE = { prefix: "/there/..", permissions: ["read"] };

const put = { op: "put", path: "/there/below", text: "x" };

/** Method, path, what is sent, and what comes back. */
const ERRORS: readonly (readonly [string, string, () => ApiInit, string])[] = [
  ["GET", "/nodes/there", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["GET", "/nodes/zookeeper/call-keys", () => ({}), "403 no-auth"],
  ["GET", "/nodes/none", () => ({}), "404 no-node"],
  ["GET", "/nodes/there?asOf=0", () => ({}), "404 no-node"],
  ["GET", "/nodes/there?asOf=soon", () => ({}), "400 bad-request"],
  ["GET", "/nodes/zookeeper/call-keys?asOf=0", () => ({}), "403 no-auth"],
  ["GET", "/diff/there?from=soon", () => ({}), "400 bad-request"],
  ["GET", "/diff/there?from=2&to=1", () => ({}), "400 bad-moments"],
  ["GET", "/explain/nodes/there", () => ({ headers: { "min-zxid": "-1" } }), "400 bad-request"],
  ["GET", "/explain/nodes/zookeeper/call-keys", () => ({}), "403 no-auth"],
  ["GET", "/explain/sessions/mine", () => ({}), "400 bad-request"],
  ["GET", "/nodes/there", () => ({ headers: { "min-zxid": "-1" } }), "400 bad-request"],
  // Of 65 bits: the lowest 64 of them are a zxid that anybody has seen.
  ["GET", "/nodes/there", () => ({ headers: { "min-zxid": "18446744073709551616" } }), "400 bad-request"],
  ["PUT", "/nodes/there", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["PUT", "/nodes/zookeeper/config", () => ({}), "403 no-auth"],
  ["PUT", "/nodes/none/below", () => ({}), "404 no-node"],
  ["PUT", "/nodes/ephemeral/below", () => ({}), "409 ephemeral-parent"],
  ["PUT", "/nodes/there", () => ({ headers: HELD_BY_NOBODY }), "412 not-held"],
  ["PUT", "/nodes/there", () => ({ body: LARGE }), "413 too-large"],
  ["PUT", "/nodes/there", () => ({ body: "z", headers: SAME_KEY }), "422 key-reused"],
  ["PUT", "/nodes/there", () => ({ headers: { "idempotency-key": "" } }), "400 bad-request"],
  ["POST", "/nodes/there", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["POST", "/nodes/zookeeper/call-keys/x", () => ({}), "403 no-auth"],
  ["POST", "/nodes/none/below", () => ({}), "404 no-node"],
  ["POST", "/nodes/ephemeral/below", () => ({}), "409 ephemeral-parent"],
  ["POST", "/nodes/there", () => ({}), "412 node-exists"],
  ["POST", "/nodes/x", () => ({ body: LARGE }), "413 too-large"],
  ["POST", "/nodes/x", () => ({ headers: SAME_KEY }), "422 key-reused"],
  ["POST", "/nodes/x?mode=odd", () => ({}), "400 bad-request"],
  ["GET", "/nodes/there?wiat=3000", () => ({}), "400 bad-request"],
  ["POST", "/locks/held/acquire", () => ({ json: { ttl: 5 } }), "400 bad-request"],
  ["POST", "/multi", () => multi({ ...put, data: "x" }), "400 bad-request"],
  ["POST", "/nodes/x?mode=ttl&ttlMs=1000", () => ({}), "501 not-enabled"],
  ["DELETE", "/nodes/there", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["DELETE", "/nodes/zookeeper", () => ({}), "400 bad-path"],
  ["DELETE", "/nodes/zookeeper/call-keys/x", () => ({}), "403 no-auth"],
  ["DELETE", "/nodes/none", () => ({}), "404 no-node"],
  ["DELETE", "/nodes/there", () => ({}), "409 not-empty"],
  ["DELETE", "/nodes/there", () => ({ headers: { "if-match": '"77"' } }), "412 bad-version"],
  ["DELETE", "/nodes/there", () => ({ headers: SAME_KEY }), "422 key-reused"],
  ["POST", "/multi", () => ({ json: {} }), "400 bad-request"],
  ["POST", "/multi", () => multi({ ...put, path: "/zookeeper/config" }), "403 no-auth"],
  ["POST", "/multi", () => multi({ ...put, path: "/none/below" }), "404 no-node"],
  ["POST", "/multi", () => multi({ op: "delete", path: "/there" }), "409 not-empty"],
  ["POST", "/multi", () => ({ ...multi(put), headers: { session: expired } }), "410 session-expired"],
  ["POST", "/multi", () => multi({ op: "check", path: "/there", version: 77 }), "412 bad-version"],
  ["POST", "/multi", () => multi({ ...put, text: LARGE }, { ...put, text: LARGE }), "413 too-large"],
  [
    "POST",
    "/multi",
    () => ({ body: "{}", headers: { "content-type": "text/plain" } }),
    "415 bad-content-type",
  ],
  ["POST", "/multi", () => ({ ...multi(put), headers: SAME_KEY }), "422 key-reused"],
  ["POST", "/multi", () => multi({ op: "create", path: "/t", mode: "ttl", ttlMs: 1000 }), "501 not-enabled"],
  ["POST", "/sessions", () => ({ json: { timeoutMs: 0 } }), "400 bad-request"],
  [
    "POST",
    "/sessions",
    () => ({ body: "", headers: { "content-type": "text/plain" } }),
    "415 bad-content-type",
  ],
  ["PUT", "/sessions", () => ({}), "400 bad-request"],
  ["PUT", "/sessions", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["DELETE", "/sessions", () => ({ headers: { session: "x" } }), "400 bad-request"],
  ["DELETE", "/sessions", () => ({ headers: { session: expired } }), "410 session-expired"],
  ["POST", "/locks/held/acquire", () => ({ json: { ttlMs: "long" } }), "400 bad-request"],
  ["POST", "/locks/%2Fzookeeper%2Fcall-keys%2Fx/acquire", () => ({ json: {} }), "403 no-auth"],
  ["POST", "/locks/held/acquire", () => ({ json: {} }), "409 lock-held"],
  ["POST", "/locks/held/acquire", () => ({ json: { waitMs: 50 } }), "409 lock-timeout"],
  [
    "POST",
    "/locks/held/acquire",
    () => ({ body: "{}", headers: { "content-type": "x/y" } }),
    "415 bad-content-type",
  ],
  ["POST", "/locks/held/acquire", () => ({ json: {}, headers: SAME_KEY }), "422 key-reused"],
  ["POST", "/locks/held/renew", () => ({ json: { lease: "mine" } }), "400 bad-request"],
  ["POST", "/locks/held/renew", () => ({ json: { lease: expired } }), "410 lease-over"],
  ["POST", "/locks/other/renew", () => ({ json: { lease } }), "410 lease-over"],
  [
    "POST",
    "/locks/held/renew",
    () => ({ body: "", headers: { "content-type": "x/y" } }),
    "415 bad-content-type",
  ],
  ["POST", "/locks/held/release", () => ({ json: {} }), "400 bad-request"],
  ["POST", "/locks/held/release", () => ({ json: { lease: expired } }), "410 lease-over"],
  [
    "POST",
    "/locks/held/release",
    () => ({ body: "", headers: { "content-type": "x/y" } }),
    "415 bad-content-type",
  ],
  ["GET", "/locks/held?consistency=maybe", () => ({}), "400 bad-request"],
  ...coordinationFailures(state),
  ["POST", "/tokens", () => ({ json: { ...NEW_TOKEN, name: "a b" } }), "400 bad-request"],
  ["POST", "/tokens", () => ({ json: { ...NEW_TOKEN, scopes: [] } }), "400 bad-request"],
  ["POST", "/tokens", () => ({ json: { ...NEW_TOKEN, scopes: [ODD_SCOPE] } }), "400 bad-request"],
  ["POST", "/tokens", () => ({ json: { ...NEW_TOKEN, scopes: [LONG_SCOPE] } }), "400 bad-request"],
  ["POST", "/tokens", () => ({ body: "", headers: { "content-type": "x/y" } }), "415 bad-content-type"],
  ["DELETE", "/tokens/mine", () => ({}), "400 bad-request"],
  ["DELETE", `/tokens/${NO_TOKEN}`, () => ({}), "404 no-such-token"],
  ...WATCH_FAILURES,
  ...HOOK_FAILURES,
  ...SURVEY_FAILURES,
];

function multi(...operations: readonly object[]): ApiInit {
  return { json: { operations } };
}

test.each(ERRORS)("%s %s is answered by an error %#", async (method, path, init, told) => {
  const { status, code } = await api.call(method, path, init());
  expect(`${status} ${String(code)}`).toBe(told);
});

test("what succeeds does so, and again under its key without being done twice", async () => {
  const keyed = { headers: { "idempotency-key": "again" } };
  const twice = [1, 2].map(async () => await api.call("POST", "/nodes/again-?sequential=true", keyed));
  const [first, second] = await Promise.all(twice);
  expect(second?.json).toEqual(first?.json);
  await api.call("PUT", "/nodes/gone");
  for (const [method, path, init] of SUCCESSES) {
    const send =
      path === "/sessions" && method === "DELETE" ? { headers: { session: await session() } } : init();
    const there = path
      .replace(NO_TOKEN, path.startsWith("/tokens/") ? (await token()).id : NO_TOKEN)
      .replace(DOOMED, path.includes(DOOMED) ? (await session()).slice(0, 16) : DOOMED)
      .replace("REVISION", state.revision);
    expect((await api.call(method, there, send)).status).toBeLessThan(300);
  }
  const etag = (await api.call("GET", "/nodes/there")).headers.get("etag") ?? "";
  expect((await api.call("GET", "/nodes/there", { headers: { "if-none-match": etag } })).status).toBe(304);
  const headers = { "idempotency-key": "over" };
  const { json } = await api.call("POST", "/locks/over/acquire", { json: {}, headers });
  await api.call("POST", "/locks/over/release", { json: { lease: json?.["lease"] } });
  const over = await api.call("POST", "/locks/over/acquire", { json: {}, headers });
  expect(over).toMatchObject({ status: 410, code: "lease-over" });
  for (const code of await leaseOverAgain(api)) expect(code).toBe("lease-over");
  for (const status of await unchangedAgain(api)) expect(status).toBe(304);
});

test("no route takes a query parameter that it does not know, and each says which it does", async () => {
  const routes = [...SUCCESSES, ["GET", "/watch/there", () => ({})] as const];
  for (const [method, path, init] of routes) {
    const asked = path.replace("REVISION", state.revision);
    const answer = await api.call(method, `${asked}${asked.includes("?") ? "&" : "?"}unheard=1`, init());
    const told = `${method} ${path}: ${answer.status} ${String(answer.json?.["detail"])}`;
    expect(told).toContain(': 400 the request: unknown query parameter "unheard": this route takes ');
  }
  const put = await api.call("PUT", "/nodes/there?mode=ephemeral", { body: "x" });
  expect(put.json?.["detail"]).toBe('the request: unknown query parameter "mode": this route takes none');
  const get = await api.call("GET", "/diff/there?since=0");
  expect(get.json?.["detail"]).toContain('"since": this route takes from, to, after, limit');
});

test("beside the API, what is ours alone is as strict, and what others have too is as they are", async () => {
  const statuses: Record<string, number> = {};
  for (const path of [
    "/main/v1/status?unheard=1",
    "/main/metrics?unheard=1",
    "/metrics?unheard=1",
    "/main/metrics?sid=1",
    "/healthz?unheard=1",
    "/main/commands/ruok?unheard=1",
  ]) {
    const { status, body } = await fetch(`${ensemble.httpUrl}${path}`, { headers: AUTHORIZED });
    statuses[path] = status;
    await body?.cancel();
  }
  expect(statuses).toEqual({
    "/main/v1/status?unheard=1": 400,
    "/main/metrics?unheard=1": 400,
    "/metrics?unheard=1": 400,
    "/main/metrics?sid=1": 200,
    "/healthz?unheard=1": 200,
    "/main/commands/ruok?unheard=1": 200,
  });
});

test("a stream of events succeeds and fails as the document says", async () => {
  await watchContract(api, AUTHORIZED);
});

test("no route reads more than 4 MiB, also where it reads no body", async () => {
  const paths: readonly (readonly [string, string])[] = [
    ...SUCCESSES.map(([method, path]) => [method, path] as const),
    ["GET", "/watch/there"],
  ];
  for (const [method, path] of paths) {
    const asked = path.replace("REVISION", state.revision);
    const { host } = new URL(ensemble.httpUrl);
    const secret = `Authorization: ${AUTHORIZED.authorization}`;
    const lines = [`Host: ${host}`, secret, "Content-Length: 4194305"] as const;
    const answer = await rawHttp(ensemble.httpPort, requestOf(`${method} /v1${asked} HTTP/1.1`, ...lines));
    const type = /^content-type: (.+)$/im.exec(answer.text)?.[1] ?? null;
    expect(`${method} ${path}: ${answer.status}`).toBe(`${method} ${path}: 413`);
    api.see({ method, path: asked, status: answer.status, type });
  }
}, 60_000);

test("nothing is in the document that was not seen, but for what others look for", () => {
  // http-faults.test.ts: no quorum, a replica that dies, answers that are lost, a full disk. http-refusals.test.ts: too
  // much asked, who must log in, a session attached to by the wire, a deployment without webhooks.
  const elsewhere = [
    / (429|503|504|507)$/,
    // http-past.test.ts; of a difference what may not be read is left out.
    /diff\/\{path\} (403|410)$/,
    /explain\/sessions\/\{session\} 403$/,
    /(sessions|renew|release|resign|proclaim|watch\/\{path\}) 403$/,
    /services.* 403$/,
    /GET \/((locks|semaphores|elections)\/\{name\}|config\/\{name\}\/schema) 403$/,
    /GET \/(whoami|watches|locks|semaphores|elections) 403$/,
    MOVED_ALONE,
    WITHOUT_HOOKS,
  ];
  const isElsewhere = (line: string): boolean => elsewhere.some((pattern) => pattern.test(line));
  expect(api.documented().filter((line) => !api.seen.has(line) && !isElsewhere(line))).toEqual([]);
  expect(api.seen.has("GET /watch/{path} 429")).toBe(true);
});
