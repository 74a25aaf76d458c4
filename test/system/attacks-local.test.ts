/**
 * An attacker against an ensemble on somebody's own machine, which asks for no secret: pages of other sites in that
 * person's browser, and names that resolve to the machine. See docs/security.md.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { tokenText } from "../../src/base/token-text.ts";
import { type EnsembleProcess, startEnsembleProcess } from "../../src/cli/ensemble-process.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";
import { rawHttp, requestOf } from "../harness/raw-http.ts";

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { VOTERS: "1" } });
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function statusOf(line: string, ...headers: readonly string[]): Promise<number> {
  return (await rawHttp(ensemble.httpPort, requestOf(line, ...headers))).status;
}

test("a page of another site reaches nothing by a link, a picture or a form, which send no Origin", async () => {
  const host = `Host: localhost:${ensemble.httpPort}`;
  for (const line of ["GET /main/commands/stat_reset HTTP/1.1", "GET /v1/nodes/ HTTP/1.1"]) {
    expect(await statusOf(line, host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")).toBe(403);
    expect(await statusOf(line, host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")).toBe(403);
    expect(await statusOf(line, host, "Sec-Fetch-Site: none")).toBe(200);
  }
});

test("a Host header that is more than a name and a port is refused, as the URL is made of it", async () => {
  for (const host of [
    "evil.example@localhost",
    "localhost/evil.example",
    "localhost#",
    "localhost?",
    "localhost\\x",
  ]) {
    expect([host, await statusOf("GET /v1/nodes/ HTTP/1.1", `Host: ${host}`)]).toEqual([host, 400]);
  }
});

test("a name that resolves to this machine, or another page's Origin, is refused, whatever else is said", async () => {
  const port = ensemble.httpPort;
  const line = "GET /v1/nodes/ HTTP/1.1";
  const said = ["X-Forwarded-Host: localhost", "X-Forwarded-For: 127.0.0.1", "Forwarded: host=localhost"];
  for (const host of [
    "evil.example",
    `evil.example:${port}`,
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "0.0.0.0",
  ]) {
    expect([host, await statusOf(line, `Host: ${host}`, ...said)]).toEqual([host, 403]);
  }
  for (const host of ["localhost", `127.0.0.1:${port}`, `[::1]:${port}`]) {
    expect([host, await statusOf(line, `Host: ${host}`)]).toEqual([host, 200]);
  }
  for (const origin of [
    "null",
    "https://evil.example",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
  ]) {
    expect([origin, await statusOf(line, "Host: localhost", `Origin: ${origin}`)]).toEqual([origin, 403]);
  }
  const absolute = `GET http://localhost:${port}/v1/nodes/ HTTP/1.1`;
  expect(await statusOf(absolute, "Host: evil.example")).toBe(403);
  const twice = ["Host: localhost", "Host: evil.example"];
  expect(await statusOf(line, ...twice)).toBe(400);
  expect(await statusOf(line, ...twice.toReversed())).toBe(400);
  expect(await statusOf(line)).toBe(400);
});

test("a page of another site opens no WebSocket, and is told nothing by what browsers ask beforehand", async () => {
  const upgrade = [
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  const origin = "Origin: https://evil.example";
  expect(await statusOf("GET /main/zk HTTP/1.1", "Host: localhost", origin, ...upgrade)).toBe(403);
  const asked = ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: session"];
  const request = requestOf("OPTIONS /v1/nodes/app HTTP/1.1", "Host: localhost", origin, ...asked);
  const { status, text } = await rawHttp(ensemble.httpPort, request);
  expect(status).toBe(403);
  expect(text.toLowerCase()).not.toContain("access-control");
});

test("a token bounds who shows one here too, and one that is none is none", async () => {
  const host = "Host: localhost";
  const body = '{"name":"t","scopes":[{"prefix":"/app","permissions":["read"]}]}';
  const made = await fetch(`${ensemble.httpUrl}/v1/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { token } = (await made.json()) as { readonly token: string };
  const line = "GET /v1/nodes/ HTTP/1.1";
  expect(await statusOf(line, host)).toBe(200);
  expect(await statusOf(line, host, `Authorization: Bearer ${token}`)).toBe(403);
  expect(await statusOf(line, host, `Authorization: Bearer ${token.slice(0, -1)}`)).toBe(401);
  expect(await statusOf(line, host, `Authorization: Bearer ${tokenText(new Uint8Array(32))}`)).toBe(401);
  expect(await statusOf(line, host, "Authorization: Bearer made up")).toBe(401);
});

test("the doors listen on this machine's own address alone", () => {
  const ports = [ensemble.httpPort, ...ensemble.tcpPorts];
  const listening = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === "0A")
      .flatMap(([, address = ""]) => {
        const [host, port = ""] = address.split(":");
        return ports.includes(Number.parseInt(port, 16)) ? [host] : [];
      }),
  );
  expect(listening).toEqual(ports.map(() => "0100007F"));
});

test("an HTTP request that a page sends to the TCP door is hung up on without a word", async () => {
  for (const line of ["POST / HTTP/1.1", "GET /ruok HTTP/1.1"]) {
    const { text } = await rawHttp(ensemble.tcpPorts[0] ?? 0, requestOf(line, "Host: localhost"));
    expect(text).toBe("");
  }
});

describe("with neither a secret nor the flag of development", () => {
  let shut: EnsembleProcess;
  let tcpPort: number;
  let directory: string;

  beforeAll(async () => {
    const [httpPort = 0, port = 0] = await freePorts(2);
    tcpPort = port;
    directory = await mkdtemp(join(tmpdir(), "edgekeeper-shut-"));
    shut = await startEnsembleProcess({
      configFile: "wrangler.toml",
      dataDirectory: directory,
      httpPort,
      tcpPorts: [tcpPort],
      vars: new Map([["VOTERS", "1"]]),
      runtimeFile: undefined,
      processes: undefined,
      isDirect: false,
      beside: [],
      isVerbose: false,
      command: "npm start --",
      warn: () => undefined,
      tell: () => undefined,
    });
    await vi.waitFor(async () => await fetch(`http://127.0.0.1:${httpPort}/`), { timeout: 30_000 });
  }, 60_000);

  afterAll(async () => {
    await shut?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test("every route of every door refuses, and says what to do", async () => {
    const token = "Authorization: Bearer ek_" + "0".repeat(72);
    const empty = "Authorization: Bearer ";
    const upgrade = [
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const paths = [
      "/",
      "/healthz",
      "/metrics",
      "/docs",
      "/openapi.json",
      "/v1/nodes/",
      "/main/v1/tokens",
      "/main/v1/status",
    ];
    for (const path of [...paths, "/main/commands/stats", "/main/metrics", "/main/zk", "/nothing"]) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        for (const more of [
          [],
          [empty],
          [token],
          upgrade,
          ["Origin: http://localhost", "Access-Control-Request-Method: GET"],
        ]) {
          const line = `${method} ${path} HTTP/1.1`;
          const length = method === "POST" ? ["Content-Length: 0"] : [];
          const { status, text } = await rawHttp(
            shut.httpPort,
            requestOf(line, "Host: localhost", ...more, ...length),
          );
          expect([line, more, status]).toEqual([line, more, 403]);
          expect(text).toContain("wrangler secret put");
        }
      }
    }
  });

  test("the TCP door hangs up, also on who comes to it by CONNECT over HTTP", async () => {
    const socket = connect(tcpPort, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.write("ruok");
    await new Promise((resolve) => socket.on("error", () => undefined).on("close", resolve));
    expect(text).toBe("");
    const tunnelled = `CONNECT 127.0.0.1:${tcpPort} HTTP/1.1\r\nHost: 127.0.0.1:${tcpPort}\r\n\r\nruok`;
    expect((await rawHttp(shut.httpPort, tunnelled)).text).not.toContain("imok");
  });
});
