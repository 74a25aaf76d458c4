/** An attacker against a deployment with a secret, with a token for a part of it or without. See docs/security.md. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenText } from "../../src/base/token-text.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { rawHttp, requestOf } from "../harness/raw-http.ts";
import { WireWebSocket } from "../harness/wire-web-socket.ts";

const SECRET = "a secret of this test";
const OPERATOR = { authorization: `Bearer ${SECRET}` };

let ensemble: TestEnsemble;
let operator: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { EDGEKEEPER_SECRET: SECRET, ENSEMBLES: "main,other" } });
  operator = await HttpApi.open(ensemble.httpUrl, OPERATOR);
  for (const path of ["app", "app/in", "secret"])
    await operator.call("PUT", `/nodes/${path}`, { body: path });
}, 120_000);

afterAll(async () => await ensemble?.stop());

const APP = { prefix: "/app", permissions: ["read", "write"] };

async function bearerOfApp(): Promise<string> {
  const { json } = await operator.call("POST", "/tokens", { json: { name: "app", scopes: [APP] } });
  return String(json?.["token"]);
}

/** One that has the form of a token, as anybody can make it. */
function madeUp(fill: number): string {
  return tokenText(new Uint8Array(32).fill(fill));
}

test("a body is read no further than anything takes, and of a large one the token is looked at first", async () => {
  const post = ["POST /v1/multi HTTP/1.1", "Host: keeper.example", "Content-Type: application/json"];
  const status = async (bearer: string, length: string, body: string): Promise<number> => {
    const lines = [...post, `Authorization: Bearer ${bearer}`, length, "Connection: close", "", body];
    return (await rawHttp(ensemble.httpPort, lines.join("\r\n"))).status;
  };
  // Nothing of the body is sent: it is refused by what is told of it.
  expect(await status(SECRET, "Content-Length: 6000000", "")).toBe(413);
  expect(await status(madeUp(1), "Content-Length: 200000", "")).toBe(401);
  // Its length is not told, and its end does not come.
  const size = 4 * 1024 * 1024 + 1;
  const chunk = `${size.toString(16)}\r\n${" ".repeat(size)}`;
  expect(await status(SECRET, "Transfer-Encoding: chunked", chunk)).toBe(413);
  const large = { operations: [{ op: "put", path: "/app/large", text: "x".repeat(200_000) }] };
  const bearer = operator.as({ authorization: `Bearer ${await bearerOfApp()}` });
  expect((await bearer.call("POST", "/multi", { json: large })).status).toBe(200);
});

test("no way of writing a path leads out of a token's scope", async () => {
  const authorization = `Authorization: Bearer ${await bearerOfApp()}`;
  const dots = [
    "..",
    "%2e%2e",
    "%2E.",
    "%252e%252e",
    "..%2f",
    "%c0%ae%c0%ae",
    "%ef%bc%8e%ef%bc%8e",
    ".",
    "%00",
    "\\..",
  ];
  const tricks = dots.flatMap((dot) => [`app/${dot}/secret`, `app%2f${dot}%2fsecret`]);
  const others = [
    "/secret",
    "//secret",
    "%2fsecret",
    "%2f%2fsecret",
    "secret%2f",
    "se%63ret",
    "secret;x",
    "secret%00",
    "",
  ];
  for (const trick of [...tricks, ...others]) {
    for (const [method, path] of [
      ["GET", `/v1/nodes/${trick}`],
      ["GET", `/v1/nodes/${trick}?children`],
      ["PUT", `/main/v1/nodes/${trick}`],
      ["GET", `/v1/locks/%2f${trick}`],
    ] as const) {
      const length = method === "PUT" ? ["Content-Length: 0"] : [];
      const line = `${method} ${path} HTTP/1.1`;
      const request = requestOf(line, "Host: keeper.example", authorization, ...length);
      const { status, text } = await rawHttp(ensemble.httpPort, request);
      // A queue that is empty is shown of any path below the prefix, be it one that no znode can have.
      const isEmptyQueue = status === 200 && text.includes('"count":0,"queue":[]');
      expect([line, isEmptyQueue || [400, 401, 403, 404].includes(status)]).toEqual([line, true]);
      expect(text).not.toContain("\r\n\r\nsecret");
    }
  }
  expect((await operator.call("GET", "/nodes/secret")).text).toBe("secret");
});

test("no route is reached past its check by another way of writing it", async () => {
  const authorization = `Authorization: Bearer ${await bearerOfApp()}`;
  const paths = [
    "/main/%63ommands/stats",
    "/main/commands/stats/",
    "/main//commands/stats",
    "/main/commands%2fstats",
  ];
  const more = [
    "/main/commands/./stats",
    "/MAIN/commands/stats",
    "/main/v1/%73tatus",
    "/main/v1//status",
    "/%6detrics",
  ];
  const global = [
    "/healthz?x",
    "//healthz",
    "/./metrics",
    "/main/v1/status/",
    "/main/commands/",
    "/main/metrics;x",
  ];
  for (const path of [...paths, ...more, ...global]) {
    const line = `GET ${path} HTTP/1.1`;
    const { status } = await rawHttp(
      ensemble.httpPort,
      requestOf(line, "Host: keeper.example", authorization),
    );
    expect([line, [400, 401, 403, 404].includes(status)]).toEqual([line, true]);
  }
});

test("no header that the gateway writes for replicas counts where a client writes it", async () => {
  const everything = encodeURIComponent('[{"scheme":"super","id":""}]');
  const forged = {
    "edgekeeper-client": "127.0.0.1:1",
    "edgekeeper-client-identities": everything,
    "edgekeeper-authorization": "digest super:x",
    "x-forwarded-for": "127.0.0.1",
    "x-http-method-override": "DELETE",
  };
  const read = await operator.call("GET", "/nodes/zookeeper/tokens", { headers: forged });
  expect(read).toMatchObject({ status: 403, code: "no-auth" });
  expect((await operator.call("POST", "/nodes/secret", { headers: forged })).status).toBe(412);
  const url = `${ensemble.webSocketUrl}/main/zk`;
  const client = await WireWebSocket.open(url, { headers: { ...OPERATOR, ...forged } });
  const who = await client.ask({ op: "whoAmI" });
  client.close();
  expect(who?.response).toEqual({ op: "identities", identities: [{ scheme: "ip", id: "127.0.0.1" }] });
});

test("a request that is hidden in another is none, or has to show its own credential", async () => {
  const start = ["POST /v1/nodes/app HTTP/1.1", "Host: keeper.example", `Authorization: Bearer ${SECRET}`];
  const hidden = "GET /healthz HTTP/1.1\r\nHost: keeper.example\r\nConnection: close\r\n\r\n";
  const send = async (headers: readonly string[], body: string) =>
    await rawHttp(ensemble.httpPort, [...start, ...headers, "", body].join("\r\n"));
  for (const headers of [
    ["Content-Length: 0", "Content-Length: 30"],
    ["Transfer-Encoding: xchunked"],
    ["Transfer-Encoding : chunked"],
    ["Content-Length: +5"],
    ["Content-Length: 5", " 0"],
  ]) {
    const { status, text } = await send([...headers, "Connection: close"], hidden);
    expect([headers, status]).toEqual([headers, 400]);
    expect(text).not.toContain("healthy");
  }
  const both = await send(["Content-Length: 6", "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`);
  expect(both.text).not.toContain("healthy");
  const pipelined = await send(["Content-Length: 0"], hidden);
  expect(pipelined.text).not.toContain("healthy");
  const twice = requestOf(
    "GET /healthz HTTP/1.1",
    "Host: x",
    "Authorization: Bearer x",
    `Authorization: Bearer ${SECRET}`,
  );
  expect((await rawHttp(ensemble.httpPort, twice)).status).toBe(401);
});

test("the entry where replicas talk to each other is reached by no path, method or upgrade", async () => {
  const headers = { ...OPERATOR, "edgekeeper-peer": "2 main 2" };
  const paths = ["/peer/link", "/peer/notification", "/main/peer/link", "/main/1/peer/link", "/gateway/call"];
  for (const path of [...paths, "/gateway/bulk", "/main/../peer/link", "//peer/link", "/%70eer/link"]) {
    for (const method of ["GET", "POST"]) {
      const line = `${method} ${path} HTTP/1.1`;
      const more =
        method === "POST" ? ["Content-Length: 0"] : ["Upgrade: websocket", "Sec-WebSocket-Version: 13"];
      const own = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const { status } = await rawHttp(ensemble.httpPort, requestOf(line, "Host: replica", ...own, ...more));
      expect([line, status]).toEqual([line, 404]);
    }
  }
  const absolute = requestOf(
    "POST http://replica/peer/notification HTTP/1.1",
    "Host: replica",
    "Content-Length: 0",
  );
  expect((await rawHttp(ensemble.httpPort, absolute)).status).toBe(401);
});

test("clients that send a request without an end hold nothing of a replica, and keep nobody out", async () => {
  const line = `PUT /v1/nodes/app HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${SECRET}\r\n`;
  const slow = Array.from({ length: 200 }, (_, at) => {
    const socket = connect(ensemble.httpPort, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(at % 2 === 0 ? `${line}Content-Length: 100\r\n\r\nx` : line);
    return socket;
  });
  try {
    expect((await operator.call("PUT", "/nodes/app", { body: "in time" })).status).toBe(200);
    const status = await fetch(`${ensemble.httpUrl}/main/v1/status`, { headers: OPERATOR });
    const { replicas } = (await status.json()) as { replicas: { status: { calls: number } }[] };
    expect(replicas.map((replica) => replica.status.calls)).toEqual([0, 0, 0]);
    expect((await operator.call("GET", "/nodes/app?consistency=linearizable")).text).toBe("in time");
  } finally {
    for (const socket of slow) socket.destroy();
  }
});

test("a session is of no use once it is over, in another ensemble, or without its secret", async () => {
  const { json } = await operator.call("POST", "/sessions", { json: { timeoutMs: 60_000 } });
  const session = String(json?.["session"]);
  const other = operator.as(OPERATOR, "other");
  expect((await operator.call("PUT", "/sessions", { headers: { session } })).status).toBe(204);
  expect((await other.call("PUT", "/sessions", { headers: { session } })).code).toBe("session-expired");
  const guessed = `${session.slice(0, -1)}${session.endsWith("0") ? "1" : "0"}`;
  for (const method of ["PUT", "DELETE"]) {
    const answer = await operator.call(method, "/sessions", { headers: { session: guessed } });
    expect(answer).toMatchObject({ status: 410, code: "session-expired" });
  }
  const url = `${ensemble.webSocketUrl}/main/zk`;
  const sessionId = BigInt(`0x${session.slice(0, 16)}`);
  const liar = { headers: OPERATOR, session: { sessionId, password: new Uint8Array(16) } };
  expect((await WireWebSocket.open(url, liar)).welcome?.sessionId).toBe(0n);
  expect((await operator.call("PUT", "/sessions", { headers: { session } })).status).toBe(204);
  expect((await operator.call("DELETE", "/sessions", { headers: { session } })).status).toBe(204);
  expect((await operator.call("PUT", "/sessions", { headers: { session } })).code).toBe("session-expired");
});

test("who guesses tokens is put off by its address, whatever it then shows, and not for long", async () => {
  const wave = async (): Promise<readonly string[]> => {
    const guesses = Array.from({ length: 130 }, async (_, at) => {
      const bearer = operator.as({ authorization: `Bearer ${at % 2 === 0 ? madeUp(at) : `guess ${at}`}` });
      const { status, headers } = await bearer.call("GET", "/nodes/app");
      return `${status} ${Number(headers.get("retry-after") ?? 0) > 0 ? "wait" : ""}`.trim();
    });
    return [...new Set(await Promise.all(guesses))];
  };
  await wave();
  expect(await wave()).toContain("429 wait");
  await expect
    .poll(async () => (await operator.call("GET", "/nodes/app")).status, { timeout: 20_000 })
    .toBe(200);
});
