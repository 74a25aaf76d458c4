/**
 * The bridge in front of an ensemble that asks for a secret, as a deployment does: kazoo as its client, and what
 * happens when a replica, the way to it, or the right to it is lost.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";

import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeConnectRequest } from "../../src/jute/handshake.ts";
import { KazooSession } from "../bridge/kazoo-session.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";
import { RunningProgram, runProgram } from "../program/run-program.ts";

const SECRET = "a secret for the test of the bridge";
const VARS = { EDGEKEEPER_SECRET: SECRET };
const run = promisify(execFile);

let ensemble: TestEnsemble;
let bridge: RunningProgram;
let ports: readonly number[];

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: VARS });
  ports = await freePorts(3);
  bridge = await openBridge(ports);
});

afterAll(async () => {
  await bridge.interrupt();
  await ensemble.stop();
});

async function openBridge(where: readonly number[], ...more: readonly string[]): Promise<RunningProgram> {
  const words = ["bridge", "--ports", where.join(","), "--url", ensemble.httpUrl, ...more];
  const program = new RunningProgram(words, { env: { EDGEKEEPER_TOKEN: SECRET } });
  await program.until(/connect string|"connect"/);
  return program;
}

/** What a port answers to a four-letter word. */
async function word(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(text);
  return await socket.setEncoding("utf8").reduce((all, chunk) => all + String(chunk), "");
}

describe("a kazoo client of the bridge", () => {
  test("finds on each port the replica that the bridge says", async () => {
    for (const [index, port] of ports.entries()) {
      expect(bridge.stdout).toContain(`127.0.0.1:${port} leads to replica ${index + 1}, a voter`);
      expect(await word(port, "conf")).toContain(`serverId=${index + 1}\n`);
    }
  });

  test("does all that it does at the replica itself, and gets the timeout that it asked for", async () => {
    const client = await KazooSession.start(ports, 6000);
    try {
      expect(await client.ask("create", "/kazoo", "one", false)).toBe("/kazoo");
      expect(await client.ask("watch", "/kazoo")).toBe(true);
      expect(await client.ask("set", "/kazoo", "two")).toMatchObject({ version: 1 });
      await client.until(({ event, type }) => event === "watch" && type === "CHANGED");
      expect(await client.ask("multi", "/kazoo/a", "/kazoo/b")).toEqual(["/kazoo/a", "/kazoo/b"]);
      expect(await client.ask("large", "/kazoo/large", 900_000)).toBe("/kazoo/large");
      expect(await client.ask("get", "/kazoo/large")).toMatchObject({ length: 900_000 });
      expect(await client.ask("many", "/kazoo", 2000)).toBe(2001);
      expect(await client.ask("session")).toMatchObject({ timeout: 6000 });
    } finally {
      await client.stop();
    }
  });

  test("keeps its session for as long as it pings, though the bridge answers half of the pings", async () => {
    const client = await KazooSession.start(ports.slice(0, 1), 4000);
    try {
      const { id } = (await client.ask("session")) as { readonly id: number };
      await client.ask("create", "/kazoo-idle", "", true);
      // A ping every third of its timeout: longer than two whole timeouts of the ensemble, which are a third longer.
      await client.until(() => client.count("ping") >= 9);

      expect(await client.ask("session")).toMatchObject({ id });
      expect(await client.ask("get", "/kazoo-idle")).toMatchObject({ ephemeralOwner: id });
      expect(client.count("state")).toBe(1);
    } finally {
      await client.stop();
    }
  });

  test("goes with its session when it is gone: nothing of the bridge keeps it", async () => {
    const client = await KazooSession.start(ports.slice(0, 1), 4000);
    await client.ask("create", "/kazoo-gone", "", true);
    await client.stop();
    const watcher = await KazooSession.start(ports.slice(0, 1), 6000);
    try {
      const isThere = async (): Promise<unknown> =>
        await watcher.ask("get", "/kazoo-gone").catch(() => "gone");
      await expect.poll(isThere, { timeout: 90_000, interval: 200 }).toBe("gone");
    } finally {
      await watcher.stop();
    }
  });
});

describe("where what is behind the bridge is lost", () => {
  test("by a power cut, its client is told, and goes on with session, ephemeral and watch", async () => {
    const client = await KazooSession.start(ports, 20_000);
    try {
      const { id } = (await client.ask("session")) as { readonly id: number };
      await client.ask("create", "/survivor", "", true);
      const from = client.told.length;
      const { dataDirectory, httpPort, tcpPorts } = ensemble;
      await ensemble.kill9();
      await client.until(({ state }) => state === "SUSPENDED", from);
      ensemble = await startEnsemble({ vars: VARS, dataDirectory, httpPort, tcpPorts });
      await client.until(({ state }) => state === "CONNECTED", from);

      expect(await client.ask("session")).toMatchObject({ id });
      expect(await client.ask("get", "/survivor")).toMatchObject({ ephemeralOwner: id });
      expect(client.told.slice(from).some(({ state }) => state === "LOST")).toBe(false);
      expect(bridge.stdout).toMatch(/a client's link is lost/);
    } finally {
      await client.stop();
    }
  });

  test("in silence, a client that would wait is hung up on in half of its timeout", async () => {
    const runtime = ensemble.process.pid ?? 0;
    const socket = connect(ports[0] ?? 0, "127.0.0.1");
    const hungUp = once(socket, "end");
    const password = new Uint8Array(16);
    const request = { protocolVersion: 0, lastZxidSeen: ZXID_ZERO, timeoutMs: 6000, sessionId: 0n, password };
    const writer = new JuteWriter();
    encodeConnectRequest(writer, { ...request, readOnly: false });
    socket.write(writer.take());
    await once(socket, "data");
    const ping = Uint8Array.of(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11);
    const pinging = setInterval(() => socket.write(ping), 200);
    const answers = socket.on("data", () => undefined);
    await once(answers, "data");
    process.kill(-runtime, "SIGSTOP");
    try {
      await hungUp;
      const [line] = await bridge.until(/port \d+: a client's link is silent/);
      expect(line).toContain(`port ${ports[0]}:`);
    } finally {
      clearInterval(pinging);
      process.kill(-runtime, "SIGCONT");
      socket.destroy();
    }
  });

  test("in silence, kazoo is told well before its session can be over", async () => {
    const client = await KazooSession.start(ports.slice(0, 1), 6000);
    const runtime = ensemble.process.pid ?? 0;
    const from = client.told.length;
    try {
      process.kill(-runtime, "SIGSTOP");
      await client.until(({ state }) => state === "SUSPENDED", from);
    } finally {
      process.kill(-runtime, "SIGCONT");
    }
    try {
      await client.until(({ state }) => state === "CONNECTED", from);
      expect(client.told.slice(from).some(({ state }) => state === "LOST")).toBe(false);
    } finally {
      await client.stop();
    }
  });
});

describe("a credential", () => {
  test("that is wrong ends the bridge before it opens a port, with the code for that", async () => {
    const [port = 0] = await freePorts(1);
    const words = ["bridge", "--url", ensemble.httpUrl, "--ports", String(port), "--json"];
    const ran = await runProgram(words, { env: { EDGEKEEPER_TOKEN: "not the secret" } });

    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: "unauthorized" } });
  });

  test("that is revoked hangs up on clients, lets none in, and the bridge says why", async () => {
    const env = { EDGEKEEPER_TOKEN: SECRET, EDGEKEEPER_URL: ensemble.httpUrl };
    const scope = ["--name", "bridge", "--scope", "read,write:/"];
    const made = JSON.parse((await runProgram(["token", "create", ...scope, "--json"], { env })).stdout) as {
      readonly id: string;
      readonly token: string;
    };
    const where = await freePorts(1);
    const words = ["bridge", "--url", ensemble.httpUrl, "--ports", where.join(","), "--json"];
    const second = new RunningProgram(words, { env: { EDGEKEEPER_TOKEN: made.token } });
    await second.until(/"open"/);
    const client = await KazooSession.start(where, 6000);
    try {
      await client.ask("create", "/by-token", "", true);
      const from = client.told.length;
      await runProgram(["token", "revoke", made.id], { env });
      await client.until(({ state }) => state === "SUSPENDED", from);
      const [line] = await second.until(/\{"event":"refused".*\}/);
      expect(JSON.parse(line)).toMatchObject({ event: "refused", port: where[0] });
    } finally {
      await client.stop();
      await second.interrupt();
    }
  });

  test("of a path alone does not say how many replicas there are: each port leads to the nearest", async () => {
    const env = { EDGEKEEPER_TOKEN: SECRET, EDGEKEEPER_URL: ensemble.httpUrl };
    const scope = ["--name", "narrow", "--scope", "read,write:/narrow"];
    const token = (await runProgram(["token", "create", ...scope], { env })).stdout.trim();
    const where = await freePorts(1);
    const words = ["bridge", "--url", ensemble.httpUrl, "--ports", where.join(",")];
    const narrow = new RunningProgram(words, { env: { EDGEKEEPER_TOKEN: token } });
    await narrow.until(/leads to the nearest replica/);
    const client = await KazooSession.start(where, 6000);
    try {
      expect(await client.ask("create", "/narrow", "", false)).toBe("/narrow");
      await expect(client.ask("create", "/wide", "", false)).rejects.toThrow("NoAuth");
    } finally {
      await client.stop();
      await narrow.interrupt();
    }
  });
});

describe("over TLS", () => {
  let directory: string;
  let cert: string;
  let key: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "edgekeeper-bridge-"));
    [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await run("openssl", ["req", "-x509", "-days", "2", ...curve, ...subject, "-keyout", key, "-out", cert]);
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test("the deployment is believed with a certificate that is trusted, and not without", async () => {
    const [secure = 0, port = 0] = await freePorts(2);
    const options = { cert: await readFile(cert), key: await readFile(key) };
    const front = createTlsServer(options, (socket) => {
      const behind = connect(ensemble.httpPort, "127.0.0.1");
      for (const one of [socket, behind]) one.on("error", () => undefined);
      socket.pipe(behind).pipe(socket);
    });
    front.on("tlsClientError", () => undefined).listen(secure, "127.0.0.1");
    await once(front, "listening");
    const words = ["bridge", "--url", `https://127.0.0.1:${secure}`, "--ports", String(port)];
    const env = { EDGEKEEPER_TOKEN: SECRET };

    const distrusted = await runProgram(words, { env });
    expect(distrusted).toMatchObject({ code: 4 });
    expect(distrusted.stderr).toContain("self-signed certificate");

    const trusted = new RunningProgram([...words, "--ca", cert], { env });
    await trusted.until(/connect string/);
    const client = await KazooSession.start([port], 6000);
    expect(await client.ask("create", "/over-tls", "", false)).toBe("/over-tls");
    await client.stop();
    await trusted.interrupt();
    front.close();
  });

  test("its own ports take clients that speak it", async () => {
    const [port = 0] = await freePorts(1);
    const secured = await openBridge([port], "--tls-cert", cert, "--tls-key", key);
    const socket = connectTls({ port, host: "127.0.0.1", ca: await readFile(cert) });
    await once(socket, "secureConnect");
    socket.end("ruok");

    expect(await socket.setEncoding("utf8").reduce((all, chunk) => all + String(chunk), "")).toBe("imok");
    await secured.interrupt();
  });
});

describe("neither side is read faster than the other takes", () => {
  /** More than the sockets of this machine hold by themselves. */
  const TOTAL_BYTES = 48 * 1024 * 1024;
  const PIECE = new Uint8Array(1024 * 1024);

  /** A door that does as the test says, and a bridge to it; the client's frames are of no session. */
  async function withDoor(act: (client: Socket, upstream: WebSocket) => Promise<void>): Promise<void> {
    const [port = 0] = await freePorts(1);
    const server = createServer((_, response) => {
      response.end(JSON.stringify({ leader: 1, replicas: [{ sid: 1, role: "participant" }] }));
    });
    const sockets = new WebSocketServer({ server });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const at = typeof address === "object" && address !== null ? address.port : 0;
    const program = new RunningProgram([
      "bridge",
      "--url",
      `http://127.0.0.1:${at}`,
      "--ports",
      String(port),
    ]);
    await program.until(/connect string/);
    const client = connect(port, "127.0.0.1");
    client.on("error", () => undefined);
    const [upstream] = (await once(sockets, "connection")) as [WebSocket];
    try {
      await act(client, upstream);
    } finally {
      client.destroy();
      upstream.terminate();
      server.close();
      await program.interrupt();
    }
  }

  test("a replica waits for a client that does not read, and loses nothing", async () => {
    await withDoor(async (client, upstream) => {
      client.write("srvr");
      await once(upstream, "message");
      client.pause();
      for (let sent = 0; sent < TOTAL_BYTES; sent += PIECE.length) upstream.send(PIECE);
      // What the kernel's buffers and the bridge's own bound hold is gone; the rest stays here.
      let before = -1;
      await expect
        .poll(
          () => {
            const isStill = upstream.bufferedAmount === before;
            before = upstream.bufferedAmount;
            return isStill;
          },
          { timeout: 20_000, interval: 500 },
        )
        .toBe(true);
      expect(upstream.bufferedAmount).toBeGreaterThan(TOTAL_BYTES / 2);

      let received = 0;
      client.on("data", (chunk: Buffer) => (received += chunk.length));
      client.resume();
      await expect.poll(() => received, { timeout: 90_000 }).toBe(TOTAL_BYTES);
    });
  });

  test("a client waits for a replica that does not read, and loses nothing", async () => {
    await withDoor(async (client, upstream) => {
      client.write("srvr");
      await once(upstream, "message");
      let received = 0;
      upstream.on("message", (data: Buffer) => (received += data.length));
      upstream.pause();
      for (let sent = 0; sent < TOTAL_BYTES; sent += PIECE.length) client.write(PIECE);
      let before = -1;
      await expect
        .poll(
          () => {
            const isStill = client.writableLength === before;
            before = client.writableLength;
            return isStill;
          },
          { timeout: 20_000, interval: 500 },
        )
        .toBe(true);
      expect(client.writableLength).toBeGreaterThan(TOTAL_BYTES / 2);

      upstream.resume();
      await expect.poll(() => received, { timeout: 90_000 }).toBe(TOTAL_BYTES);
    });
  });
});
