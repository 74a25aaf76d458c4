/** JSON Web Tokens through the real runtime, with an issuer on this machine. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PERMS } from "../../src/base/acl.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { WireWebSocket } from "../harness/wire-web-socket.ts";

const SECRET = "a secret of this test";
const ISSUER = "https://issuer.example";

type Key = Parameters<SignJWT["sign"]>[0];

let server: Server;
let ensemble: TestEnsemble;
let operator: HttpApi;
let key: Key;
let asked = 0;

beforeAll(async () => {
  const pair = await generateKeyPair("RS256");
  key = pair.privateKey;
  const set = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "1", alg: "RS256" }] });
  server = createServer((_, response) => {
    asked++;
    response.setHeader("content-type", "application/json").end(set);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const vars = {
    VOTERS: "1",
    EDGEKEEPER_SECRET: SECRET,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: "keeper",
    JWT_JWKS_URL: `http://127.0.0.1:${port}/keys`,
    JWT_SCOPES_CLAIM: "scope",
  };
  ensemble = await startEnsemble({ vars });
  operator = await HttpApi.open(ensemble.httpUrl, { authorization: `Bearer ${SECRET}` });
  for (const path of ["app", "secret"]) await operator.call("PUT", `/nodes/${path}`);
}, 120_000);

afterAll(async () => {
  await ensemble?.stop();
  server?.close();
});

async function sign(scope: string, sub = "ann", issuer = ISSUER): Promise<string> {
  return await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", kid: "1" })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience("keeper")
    .setExpirationTime("1h")
    .sign(key);
}

async function bearing(scope: string, sub?: string, issuer?: string): Promise<HttpApi> {
  return operator.as({ authorization: `Bearer ${await sign(scope, sub, issuer)}` });
}

test("a signed token lets its bearer do what its claim lists, and its key is fetched once", async () => {
  const api = await bearing("openid main:read,write:/app");
  expect((await api.call("PUT", "/nodes/app/x")).status).toBe(201);
  expect((await api.call("GET", "/nodes/app/x")).status).toBe(200);
  expect(await api.call("GET", "/nodes/secret")).toMatchObject({ status: 403, code: "no-auth" });
  expect(await api.call("GET", "/tokens")).toMatchObject({ status: 403, code: "no-auth" });
  const nothing = await bearing("openid");
  expect(await nothing.call("GET", "/nodes/app")).toMatchObject({ status: 403, code: "no-auth" });
  expect(await nothing.call("POST", "/sessions", { json: {} })).toMatchObject({
    status: 403,
    code: "no-auth",
  });
  const admin = await bearing("*:admin:/");
  expect((await admin.call("GET", "/tokens")).status).toBe(200);
  const elsewhere = await (await bearing("other:read:/")).call("GET", "/nodes/app");
  expect(elsewhere).toMatchObject({ status: 403, code: "no-auth" });
  expect(asked).toBe(1);
});

test("a signed token of another issuer is none", async () => {
  const answer = await (
    await bearing("main:read:/", "ann", "https://evil.example")
  ).call("GET", "/nodes/app");
  expect(answer).toMatchObject({ status: 401, code: "unauthorized" });
});

test("access control lists name whom the issuer names, over every door", async () => {
  const token = await sign("main:read,write:/app");
  const url = `${ensemble.webSocketUrl}/main/zk`;
  const client = await WireWebSocket.open(url, { headers: { authorization: `Bearer ${token}` } });
  const acl = [{ perms: PERMS.all, scheme: "jwt", id: "ann" }];
  const create = {
    op: "create",
    path: "/app/anns",
    data: new Uint8Array(1),
    acl,
    flags: 0,
    ttlMs: 0,
  } as const;
  expect((await client.ask(create))?.header.error).toBe(0);
  expect((await client.ask({ ...create, path: "/secret/x" }))?.header.error).toBe(-102);
  client.close();
  expect((await (await bearing("main:read:/app")).call("GET", "/nodes/app/anns")).status).toBe(200);
  expect((await (await bearing("main:read:/app", "bob")).call("GET", "/nodes/app/anns")).status).toBe(403);
});
