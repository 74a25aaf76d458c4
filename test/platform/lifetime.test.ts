/**
 * What keeps an object in memory and what does not, and its alarm. Whoever serves from memory must be
 * pinned on purpose; whoever may be evicted must be able to start from disk at any moment.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ProbeClient, type ProbeState, type TcpLog, type WebSocketLog, DEADLINE_MS } from "./probe-client.ts";

/** By when an idle object is gone: the runtime looks every ten seconds, or a little more. */
const EVICTION_WAIT_MS = 20_000;

const poll = { timeout: DEADLINE_MS, interval: 100 };

describe("after twenty seconds in which nobody asked", () => {
  const objects = [
    "plain",
    "hibernating",
    "accepted",
    "tcp",
    "interval",
    "timeout",
    "link-opener",
    "link-accepter",
    "alarm-ahead",
  ];
  let probe: ProbeClient;
  let hibernating: WebSocketLog;
  let accepted: WebSocketLog;
  let stream: TcpLog;
  const before = new Map<string, ProbeState>();
  const after = new Map<string, ProbeState>();

  beforeAll(async () => {
    probe = await ProbeClient.start();
    hibernating = await probe.webSocket("hibernating/hibernatable");
    accepted = await probe.webSocket("accepted/accepted");
    stream = probe.tcp("tcp hello");
    await stream.until((words) => words.length > 0);
    await probe.ask("interval/start-interval");
    await probe.ask("timeout/start-timeout");
    await probe.ask("link-opener/open-idle-link?to=link-accepter");
    await probe.ask("alarm-ahead/set-alarm?in=600000");
    for (const object of objects) before.set(object, await probe.state(object));
    // The subject is time itself: any question would be an event, and keep the object that it asks.
    await new Promise((wake) => setTimeout(wake, EVICTION_WAIT_MS));
    for (const object of objects) after.set(object, await probe.state(object));
  });

  afterAll(async () => {
    await probe.ensemble.stop();
  });

  test("a plain object was evicted, and one with an alarm set as well", () => {
    expect(isSame("plain")).toBe(false);
    expect(isSame("alarm-ahead")).toBe(false);
  });

  test("an object with only a hibernatable WebSocket was evicted; socket and attachment are still there", async () => {
    expect(isSame("hibernating")).toBe(false);
    expect(hibernating.isOpen).toBe(true);

    hibernating.send("attachment");
    await hibernating.until((words) => words.length > 0);
    expect(hibernating.words).toEqual([JSON.stringify({ kept: "attachment" })]);
  });

  test("an object with an accepted WebSocket stayed, though nothing was sent on it", () => {
    expect(isSame("accepted")).toBe(true);
    expect(accepted.isOpen).toBe(true);
  });

  test("an object with an open TCP stream stayed, though nothing was sent on it", () => {
    expect(isSame("tcp")).toBe(true);
    expect(stream.words).toHaveLength(1);
  });

  test("objects at both ends of a link stayed, the one that opened it and the one that accepted it", () => {
    expect(isSame("link-opener")).toBe(true);
    expect(isSame("link-accepter")).toBe(true);
  });

  test("an object with a running interval stayed and the interval fired; one with a timeout ahead stayed", () => {
    expect(isSame("interval")).toBe(true);
    expect(isSame("timeout")).toBe(true);
    const firings = (after.get("interval")?.timerFirings ?? 0) - (before.get("interval")?.timerFirings ?? 0);
    console.log(`an interval of 50 ms fired ${firings} times in ${EVICTION_WAIT_MS} ms`);
    expect(firings).toBeGreaterThan(EVICTION_WAIT_MS / 50 / 2);
  });

  function isSame(object: string): boolean {
    return before.get(object)?.instance === after.get(object)?.instance;
  }
});

describe("an alarm", () => {
  let directory: string;
  let probe: ProbeClient;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "edgekeeper-alarm-"));
    probe = await ProbeClient.start({ dataDirectory: directory });
  });

  afterAll(async () => {
    await probe.ensemble.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test("fires once, without a request, in an object that knows its name and finds no alarm set any more", async () => {
    await probe.ask("fires/set-alarm?in=100");

    await expect
      .poll(async () => (await probe.state("fires")).notes, poll)
      .toEqual(["alarm of fires retry 0 armed null"]);
  });

  test("that is set again is moved: there is one alarm per object", async () => {
    await probe.ask("marker/set-alarm?in=200");
    const { alarmInMs } = await probe.ask<{ alarmInMs: number }>("moved/set-alarm?in=50&in=600000");
    expect(alarmInMs).toBeGreaterThan(500_000);

    // The marker's alarm, set earlier for later, shows that the moved one's first time has passed.
    await expect.poll(async () => (await probe.state("marker")).notes, poll).toHaveLength(1);
    expect((await probe.state("moved")).notes).toEqual([]);
  });

  test("whose handler throws is tried again, and what the handler wrote before it threw stays", async () => {
    await probe.ask("retried/set-alarm?in=20&failing");

    const notes = ["fail", "alarm about to throw", "alarm of retried retry 1 armed null"];
    await expect.poll(async () => (await probe.state("retried")).notes, poll).toEqual(notes);
    const [first = 0, second = 0] = (await probe.state("retried")).seen.map((word) =>
      Number(word.split(" ")[2]),
    );
    console.log(`the second try came ${second - first} ms after the first`);
  });

  test("survives kill -9 of the runtime and fires after the restart without a request", async () => {
    await probe.ask("survivor/set-alarm?in=1000");
    await probe.ask("survivor-late/set-alarm?in=1");
    await probe.ensemble.kill9();
    const restartedAt = Date.now();

    probe = await ProbeClient.start({ dataDirectory: directory });

    await expect.poll(async () => (await probe.state("survivor")).notes, poll).toHaveLength(1);
    await expect.poll(async () => (await probe.state("survivor-late")).notes, poll).not.toEqual([]);
    const firedAt = Number((await probe.state("survivor")).seen[0]?.split(" ")[2]);
    console.log(`the alarm fired ${firedAt - restartedAt} ms after the kill`);
  });
});
