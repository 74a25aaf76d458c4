/**
 * Every route of the HTTP API that takes an Idempotency-Key, asked twice under the same one, as after a lost answer:
 * done once, and answered as before. Through the real runtime.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { changesOfNobody, type Route } from "./every-route.ts";

let ensemble: TestEnsemble;
let api: HttpApi;
let session: string;

beforeAll(async () => {
  ensemble = await startEnsemble();
  api = await HttpApi.open(ensemble.httpUrl);
  session = String((await api.call("POST", "/sessions", { json: { timeoutMs: 600_000 } })).json?.["session"]);
}, 120_000);

afterAll(async () => await ensemble?.stop());

/** Those that are done under a lease or by its text, and what makes secrets, take no key. */
const KEYLESS =
  /\/(sessions|sessions\/\w+|acl\/there|renew|release|resign|force-release|resume)$|\/(tokens|webhooks)/;

const KEYED: readonly Route[] = changesOfNobody().filter(
  ({ path }) => !KEYLESS.test(path) && !path.endsWith("/proclaim"),
);

/** What the routes that set or delete need to be there. */
const BEFORE: Readonly<Record<string, readonly [string, string, object]>> = {
  "DELETE /nodes/there": ["PUT", "/nodes/there", {}],
  "DELETE /config/app": ["PUT", "/config/app", { json: {} }],
  "DELETE /config/app/schema": ["PUT", "/config/app/schema", { json: {} }],
};

test.each(KEYED)("$method $path", async ({ method, path, init }) => {
  const { json: told, ...rest } = init;
  const isInstance = path.startsWith("/services/web/");
  if (isInstance) {
    await api.call("POST", "/services/web", { json: { id: "one", address: "b" }, headers: { session } });
  }
  const [before, at, sent] = BEFORE[`${method} ${path}`] ?? ["GET", "/nodes/there", {}];
  await api.call(before, at, sent);
  const own = path.startsWith("/services") ? { session } : {};
  const headers = { "idempotency-key": `${method} ${path}`, ...own };
  const asked = { ...rest, ...(told === undefined ? {} : { json: told }), headers };

  const first = await api.call(method, path, asked);
  const second = await api.call(method, path, asked);

  expect(first.status).toBeLessThan(300);
  expect(second.status).toBe(first.status);
  // How long a lease lasts, and until when, is told from when it was asked for.
  const lasting = (json: typeof first.json): object => ({
    ...json,
    expiresInMs: 0,
    heldForMs: 0,
    expiresAt: "",
  });
  expect(lasting(second.json)).toEqual(lasting(first.json));
  expect(second.zxid >= first.zxid).toBe(true);
});

test("the same key for something else is refused", async () => {
  const headers = { "idempotency-key": "one of these" };
  await api.call("PUT", "/nodes/one", { body: "x", headers });
  const other = await api.call("PUT", "/nodes/other", { body: "x", headers });
  expect(other).toMatchObject({ status: 422, code: "key-reused" });
});
