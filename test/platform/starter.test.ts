/** The starter itself, as `npm start` runs it: what it refuses, and that it comes back after any end. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { ProbeClient } from "./probe-client.ts";

let dataDirectory: string;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-starter-"));
});

afterEach(async () => {
  await rm(dataDirectory, { recursive: true, force: true });
});

test("a port in use is named, with what to do about it", async () => {
  const other = createServer().listen({ port: 0, host: "127.0.0.1" });
  await once(other, "listening");
  const address = other.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;

  const onHttp = ProbeClient.start({ dataDirectory, httpPort: port });
  await expect(onHttp).rejects.toThrow(
    `port ${port} on 127.0.0.1 cannot be opened (another program listens there)`,
  );
  const onTcp = ProbeClient.start({ dataDirectory, tcpPorts: [port] });
  await expect(onTcp).rejects.toThrow("npm start -- --ports");

  const closed = once(other, "close");
  other.close();
  await closed;
});

test("a second runtime on the same data is refused while the first one runs, and accepted after kill -9", async () => {
  const first = await ProbeClient.start({ dataDirectory });
  await first.get("restarted/response-after-write");

  await expect(ProbeClient.start({ dataDirectory })).rejects.toThrow("already runs on the data");
  await first.ensemble.kill9();
  const ports = { httpPort: first.ensemble.httpPort, tcpPorts: first.ensemble.tcpPorts };
  const second = await ProbeClient.start({ dataDirectory, ...ports });

  console.log(`ready after ${first.ensemble.readyMs} ms, again after kill -9 ${second.ensemble.readyMs} ms`);
  expect((await second.state("restarted")).notes).toEqual(["response"]);
  await second.ensemble.stop();
});

test("SIGTERM stops it with open clients, and it ends with 0", async () => {
  const probe = await ProbeClient.start({ dataDirectory });
  const socket = await probe.webSocket("open/accepted");
  const stream = probe.tcp("open hello");
  await stream.until((words) => words.length > 0);

  await probe.ensemble.stop();

  expect(probe.ensemble.process.exitCode).toBe(0);
  expect(probe.ensemble.output()).toContain("edgekeeper: stopped");
  await socket.until((words) => words.some((word) => word.startsWith("closed")));
});

test("it stops when the program that started it is gone", async () => {
  const probe = await ProbeClient.start({ dataDirectory });
  const exited = once(probe.ensemble.process, "exit");

  // What a parent's death does: the pipe that is its standard input ends.
  probe.ensemble.process.stdin?.end();

  expect(await exited).toEqual([0, null]);
});

test("a configuration that is missing is named", async () => {
  const start = ProbeClient.start({ dataDirectory, config: "test/platform/missing/wrangler.toml" });

  await expect(start).rejects.toThrow("cannot read the Worker's configuration");
});
