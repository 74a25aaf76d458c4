/**
 * WebSockets from object to object, as leader and learners use them; clocks and timers inside an object.
 */

import { afterAll, beforeAll, expect, test } from "vitest";

import { ProbeClient, DEADLINE_MS } from "./probe-client.ts";

/** As many as each end of the probe's link sends. */
const FRAME_COUNT = 1000;

let probe: ProbeClient;

beforeAll(async () => {
  probe = await ProbeClient.start();
});

afterAll(async () => {
  await probe.ensemble.stop();
});

test("a link opened by an internal fetch delivers text and binary frames in order, both ways at once", async () => {
  const facts = await probe.ask<{ here: readonly string[]; there: readonly string[] }>(
    "exchange/exchange-frames",
  );

  const sent = Array.from(
    { length: FRAME_COUNT },
    (_, index) => `${index % 2 === 0 ? "text" : "bytes"} ${index}`,
  );
  expect(facts.here).toEqual(sent);
  expect(facts.there).toEqual(sent);
});

test("a binary frame is an ArrayBuffer only where binaryType says so; by default it is a Blob", async () => {
  expect(await probe.ask("default-type/default-binary-type")).toBe("[object Blob]");
});

test("both ends of a link see the code and reason with which one of them closed it", async () => {
  await probe.ask("closing/open-idle-link?to=closing-far");

  await probe.ask("closing/tell-links");

  await seenAt("closing", ["close 4001 told so"]);
  await seenAt("closing-far", ["close 4001 told so"]);
});

test("ctx.abort() closes both kinds of link with 1006 at the other end, those it opened and those it accepted", async () => {
  await probe.ask("aborting/open-idle-link?to=accepted-from");
  await probe.ask("opened-to/open-idle-link?to=aborting");

  await probe.get("aborting/abort");

  const seen = ["close 1006 WebSocket disconnected without sending Close frame."];
  await seenAt("accepted-from", seen);
  await seenAt("opened-to", seen);
});

test("an object runs on while it waits, and its clock goes on over a wait", async () => {
  const facts = await probe.ask<{ loopMs: number; waitMs: number }>("clock/clock");

  console.log(`a loop within one turn saw the clock advance ${facts.loopMs} ms; production freezes it there`);
  expect(facts.waitMs).toBeGreaterThanOrEqual(29);
});

test("an interval fires while a socket is open and nothing else happens", async () => {
  const socket = await probe.webSocket("interval/accepted");
  const { timerFirings } = await probe.ask<{ timerFirings: number }>("interval/start-interval");

  expect(timerFirings).toBe(0);
  await expect.poll(async () => (await probe.state("interval")).timerFirings, poll).toBeGreaterThanOrEqual(5);
  socket.close();
});

const poll = { timeout: DEADLINE_MS, interval: 20 };

async function seenAt(object: string, seen: readonly string[]): Promise<void> {
  await expect.poll(async () => (await probe.state(object)).seen, poll).toEqual(seen);
}
