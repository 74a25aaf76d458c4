/** The TCP door: what Worker and object learn of a connection, and how each side sees the other one go. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { ProbeClient, type TcpLog, DEADLINE_MS } from "./probe-client.ts";

let probe: ProbeClient;

beforeAll(async () => {
  probe = await ProbeClient.start();
});

afterAll(async () => {
  await probe.ensemble.stop();
});

test("a Worker sees a connection's own port as localAddress and the client's as remoteAddress", async () => {
  for (const door of [0, 1, 2]) {
    const stream = probe.tcp("nobody addresses", door);
    await stream.until((words) => words.includes("end"));

    const addresses = {
      localAddress: `127.0.0.1:${probe.ensemble.tcpPorts[door]}`,
      remoteAddress: `127.0.0.1:${stream.socket.localPort}`,
    };
    expect(stream.words[0]).toBe(JSON.stringify(addresses));
    stream.socket.destroy();
  }
});

test("a connection forwarded with stub.connect reaches the object with the text it was opened with as localAddress", async () => {
  const stream = await open("forwarded");

  expect(stream.words).toEqual([`hello.127.0.0.1-${stream.socket.localPort}:1`]);
  stream.socket.destroy();
});

test("a client that closes its half is read to the end, and still gets what the object writes after it", async () => {
  const stream = await open("half-closed");

  stream.socket.end("bye");
  await stream.until((words) => words.includes("closed"));

  expect(stream.words.slice(1)).toEqual(["last words", "end", "closed"]);
  expect((await probe.state("half-closed")).seen.slice(1)).toEqual([
    "tcp chunk bye",
    "tcp end",
    "tcp closed",
  ]);
});

test("a client that resets its connection is an error at the object", async () => {
  const stream = await open("reset");

  stream.socket.resetAndDestroy();

  const seen = async (): Promise<readonly string[]> => (await probe.state("reset")).seen.slice(1);
  await expect
    .poll(seen, { timeout: DEADLINE_MS, interval: 20 })
    .toEqual(["tcp failed: Network connection lost."]);
});

test("ctx.abort() ends a client's stream as an orderly close, and the object starts again from its disk", async () => {
  const stream = await open("aborted");
  const { instance } = await probe.state("aborted");

  stream.restartClock();
  expect((await probe.get("aborted/abort")).status).toBe(500);
  await stream.until((words) => words.includes("end"));

  console.log(`the client saw the end after ${stream.arrivals.at(-1)?.afterMs} ms`);
  expect(stream.words.slice(1)).toEqual(["end"]);
  const state = await probe.state("aborted");
  expect(state.instance).not.toBe(instance);
  expect(state.seen).toEqual([]);
  stream.socket.destroy();
});

test("ctx.abort() closes WebSocket clients with 1006, hibernatable ones too", async () => {
  const sockets = [
    await probe.webSocket("aborted-sockets/accepted"),
    await probe.webSocket("aborted-sockets/hibernatable"),
  ];

  await probe.get("aborted-sockets/abort");

  for (const socket of sockets) await socket.until((words) => words.includes("closed 1006"));
  expect(sockets.map((socket) => socket.arrivals.at(-1)?.what)).toEqual(["closed 1006", "closed 1006"]);
});

test("what was written in the turn of ctx.abort() is discarded, what was synced before it stays", async () => {
  expect((await probe.get("aborted-writes/abort-after-sync")).status).toBe(500);

  expect((await probe.state("aborted-writes")).notes).toEqual(["durable before the abort"]);
});

/** Opens a stream to an object and waits for the line with which it greets. */
async function open(object: string): Promise<TcpLog> {
  const stream = probe.tcp(`${object} hello`);
  await stream.until((words) => words.length > 0);
  return stream;
}
