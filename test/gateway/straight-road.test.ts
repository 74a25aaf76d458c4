/**
 * The straight road against the road of all: a page of this machine may ask as anybody may, and its Origin sends a
 * request by the road of all. So each request is asked both ways, and must be answered alike, and come to the replica
 * alike.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { CallerIdentities } from "../../src/gateway/identities.ts";

interface Road {
  fetch(request: Request, env: unknown, context: object): Promise<Response>;
}

interface Product {
  readonly makeApp: (parts: object) => Road;
  readonly Whereabouts: new () => object;
  readonly Gatekeeper: new (now: () => number) => object;
  readonly Entrance: new () => object;
  readonly StraightRoad: new (parts: object) => Road;
}

/** Its modules speak of the platform's types, which are not Node's. */
async function product(): Promise<Product> {
  const names = ["app", "entrance", "gatekeeper", "straight-road", "whereabouts"];
  const parts = names.map(async (name) => {
    return (await import(new URL(`../../src/gateway/${name}.ts`, import.meta.url).href)) as object;
  });
  return Object.assign({}, ...(await Promise.all(parts))) as Product;
}

const ZXID = { epoch: 7, counter: 9 };
const SESSION = {
  session: { $integer: "144115188075855873" },
  password: { $bytes: "AAECAwQFBgcICQoLDA0ODw==" },
};
/** What a replica may answer. */
const ANSWERS: readonly object[] = [
  { op: "lease", session: SESSION, token: ZXID, expiresInMs: 30_000 },
  { op: "empty" },
  { op: "queued", ahead: 3 },
];
const { ok, lockHeld, leaseOver, sessionExpired, noAuth, authFailed } = ERROR_CODES;
const CODES: readonly number[] = [ok, ok, ok, lockHeld, leaseOver, sessionExpired, noAuth, authFailed];

const LEASE = "0200c8b5a1d4e6f7-4f1e9d0c2b3a495867d8c9e0f1a2b3c4";
const SECRET = "correct horse battery";
const DEPLOYMENTS: readonly Readonly<Record<string, string>>[] = [
  { EDGEKEEPER_DEV: "1" },
  { EDGEKEEPER_DEV: "1", ENSEMBLES: "main, other" },
  { EDGEKEEPER_SECRET: SECRET },
  {},
];

interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly deployment: number;
  readonly answer: number;
  readonly code: number;
}

const name = fc.oneof(
  fc.constantFrom(
    "a",
    "orders",
    "..",
    "a.b",
    "acquire",
    "a%2Fb",
    "a/b",
    "a/acquire",
    "v1",
    "a?x=1",
    "a b",
    "ä",
    "",
  ),
  fc.stringMatching(/^[a-z.~:-]{1,8}$/),
);
const url = fc
  .tuple(
    fc.constantFrom("", "/main", "/other", "/none", "/v1"),
    name,
    fc.constantFrom("acquire", "release", "renew", "force-release", "nothing", "acquire?x", "release/"),
    fc.constantFrom("127.0.0.1:8787", "localhost", "127.1", "keeper.example"),
  )
  .map(([ensemble, of, verb, host]) => `http://${host}${ensemble}/v1/locks/${of}/${verb}`);
const number = fc.oneof(
  fc.integer({ min: -1, max: 90_000_000 }),
  fc.constantFrom(0.5, 1e300, "1", null, true),
);
const wish = fc.record(
  {
    ttlMs: number,
    waitMs: fc.constantFrom(0, 0, 0, -1, 60_001, "0", null),
    lockDelayMs: number,
    owner: fc.oneof(fc.string({ maxLength: 210 }), fc.constantFrom(1, null)),
    mode: fc.constantFrom("exclusive", "read", "write", "permit", ""),
    other: fc.constant(1),
    lease: fc.constantFrom(LEASE, "0200", 7),
  },
  { requiredKeys: [] },
);
const lease = fc.constant({ lease: LEASE });
const body = fc.oneof(
  fc
    .oneof(wish, lease, fc.constant({}), fc.constant({ ttlMs: 30_000 }))
    .map((value) => JSON.stringify(value)),
  fc.constantFrom(
    "",
    "{",
    "null",
    "[]",
    '"x"',
    '{"__proto__":{"ttlMs":1}}',
    `{"owner":"${"x".repeat(10_000)}"}`,
  ),
);
const headers = fc.record(
  {
    "content-type": fc.constantFrom(
      "application/json",
      "application/json",
      "application/json; charset=utf-8",
      "text/plain",
      "Application/JSON",
    ),
    authorization: fc.constantFrom(
      `Bearer ${SECRET}`,
      `bearer ${SECRET}`,
      "Bearer wrong",
      "Basic x",
      "Bearer",
    ),
    "idempotency-key": fc.oneof(
      fc.string({ unit: "grapheme-ascii", maxLength: 5 }),
      fc.constant("k".repeat(201)),
    ),
    session: fc.constantFrom(LEASE, "none"),
    "min-zxid": fc.constantFrom("1", "x", "99999999999999999999"),
    "sec-fetch-site": fc.constantFrom("same-origin", "cross-site"),
    "if-held": fc.constant("x"),
  },
  { requiredKeys: [] },
);
/** What is as it should be, as often as what is not. */
const plain = {
  url: fc
    .tuple(fc.constantFrom("", "/main"), fc.constantFrom("acquire", "release", "renew"))
    .map(([ensemble, verb]) => `http://localhost${ensemble}/v1/locks/orders/${verb}`),
  headers: fc.constant({ "content-type": "application/json" }),
  body: fc.constantFrom("{}", '{"ttlMs":30000}', JSON.stringify({ lease: LEASE })),
};
const asked: fc.Arbitrary<Asked> = fc.record({
  url: fc.oneof(plain.url, url),
  headers: fc.oneof(plain.headers, headers),
  body: fc.oneof(plain.body, body),
  deployment: fc.nat(DEPLOYMENTS.length - 1),
  answer: fc.nat(ANSWERS.length - 1),
  code: fc.nat(CODES.length - 1),
});

/** Who answers for all replicas, and what came to them: without what each request has of its own. */
class Replicas {
  came: string[] = [];
  answer = "";

  get namespace(): object {
    return {
      idFromName: (of: string) => ({ name: of }),
      get: () => ({
        fetch: async (to: string, init: RequestInit) => await this.#serve(new Request(to, init)),
      }),
    };
  }

  async #serve(request: Request): Promise<Response> {
    const text = await request.text();
    this.came.push(`${new URL(request.url).pathname} ${text}`);
    return new Response(`${request.url.endsWith("/calls") ? "0 " : ""}${this.answer}\n`);
  }
}

interface Told {
  readonly status: number;
  readonly body: string;
  readonly headers: readonly string[];
  readonly came: readonly string[];
}

async function ask(app: Road, { deployment, ...request }: Asked, isWhole: boolean): Promise<Told> {
  const replicas = new Replicas();
  const response = ANSWERS[request.answer];
  replicas.answer = JSON.stringify({ kind: "answered", zxid: ZXID, code: CODES[request.code], response });
  const written = new Headers(request.headers);
  written.set("content-length", String(new TextEncoder().encode(request.body).length));
  if (isWhole) written.set("origin", "http://localhost");
  const env = { ...DEPLOYMENTS[deployment], VOTERS: "1", REPLICA: replicas.namespace };
  const { url: to, body: sent } = request;
  const answer = await app.fetch(
    new Request(to, { method: "POST", headers: written, ...(sent === "" ? {} : { body: sent }) }),
    env,
    { waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined) },
  );
  return {
    status: answer.status,
    // By the clock of the gateway.
    body: (await answer.text()).replace(/"expiresInMs":\d+|"expiresAt":"[^"]*"/g, ""),
    headers: [...answer.headers]
      .map(([name, value]) => `${name}: ${value}`)
      .toSorted((a, b) => a.localeCompare(b)),
    came: replicas.came,
  };
}

test("what goes the straight road is answered, and asked of replicas, as on the road of all", async () => {
  const { makeApp, Whereabouts, Gatekeeper } = await product();
  let nowMs = 0;
  // A second goes by with each look, so that nobody is put off for having been wrong too often.
  const gatekeeper = new Gatekeeper(() => (nowMs += 1000));
  const app = makeApp({ callers: new CallerIdentities(), whereabouts: new Whereabouts(), gatekeeper });
  const statuses = new Set<number>();

  await fc.assert(
    fc.asyncProperty(asked, async (request) => {
      const [straight, whole] = [await ask(app, request, false), await ask(app, request, true)];
      statuses.add(straight.status);
      expect(straight).toEqual(whole);
    }),
    { numRuns: 1200 },
  );

  expect([...statuses]).toEqual(expect.arrayContaining([200, 204, 400, 401, 403, 404, 409, 410, 415]));
});

test("a lock that is plainly asked for goes the straight road, and nothing else does", async () => {
  const { StraightRoad, Entrance, Gatekeeper } = await product();
  const app = { fetch: () => new Response("the road of all") };
  const gatekeeper = new Gatekeeper(() => 1000);
  const asker = { callerOf: async () => await Promise.reject(new Error("the straight road")) };
  const failure = (error: Error): Response => new Response(error.message);
  const road = new StraightRoad({ asker, entrance: new Entrance(), gatekeeper, app, failure });
  const goes = async (
    method: string,
    path: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    const headers = { "content-type": "application/json", "content-length": "2", ...more };
    const request = new Request(`http://localhost${path}`, {
      method,
      headers,
      ...(method === "POST" && { body: "{}" }),
    });
    return await (await road.fetch(request, { EDGEKEEPER_DEV: "1", VOTERS: "1" }, {})).text();
  };

  expect(await goes("POST", "/v1/locks/orders/acquire")).toBe("the straight road");
  expect(await goes("POST", "/main/v1/locks/orders/acquire")).toBe("the straight road");
  expect(await goes("GET", "/v1/locks/orders")).toBe("the road of all");
  expect(await goes("POST", "/v1/locks/orders/42/acquire")).toBe("the road of all");
  expect(await goes("POST", "/v1/locks/orders/acquire", { origin: "http://localhost" })).toBe(
    "the road of all",
  );
  expect(await goes("POST", "/v1/locks/orders/acquire", { "content-length": "70000" })).toBe(
    "the road of all",
  );
});
