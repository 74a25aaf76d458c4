/** Scale to zero on the real runtime: objects leave memory, and whoever asks finds everything as it was. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { WireClient } from "../client/wire-client.ts";

const LONG_MS = 60_000;
const poll = { timeout: LONG_MS, interval: 200 };

/** By when an idle object is gone: the runtime looks every ten seconds, or a little more. */
const EVICTION_WAIT_MS = 20_000;

interface Told {
  readonly instance: number;
  readonly asleep: boolean;
  readonly mode: string;
  readonly serving: boolean;
  readonly currentEpoch: number;
  readonly sessions: number;
  readonly digest: string;
}

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { DORMANT_AFTER_MS: "1000", SESSION_TIMEOUT_MIN_MS: "100" } });
});

afterAll(async () => {
  await ensemble.stop();
});

/** Looking wakes nobody. */
async function status(): Promise<readonly Told[]> {
  const response = await fetch(`${ensemble.httpUrl}/v1/status`);
  const { replicas } = (await response.json()) as { replicas: readonly { status: Told }[] };
  return replicas.map((replica) => replica.status);
}

async function untilAsleep(): Promise<readonly Told[]> {
  await expect
    .poll(async () => (await status()).map(({ asleep }) => asleep), poll)
    .toEqual([true, true, true]);
  return await status();
}

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const json = { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return await fetch(`${ensemble.httpUrl}/v1${path}`, { method, ...(body === undefined ? {} : json) });
}

describe("an ensemble that nobody uses", () => {
  test("falls asleep, leaves memory, and serves whoever asks", async () => {
    expect((await ask("PUT", "/nodes/a", "1")).ok).toBe(true);
    const before = await untilAsleep();
    expect((await fetch(`${ensemble.httpUrl}/healthz`)).status).toBe(200);
    // The subject is time itself: any question would be an event, and keep the object that it asks.
    await new Promise((wake) => setTimeout(wake, EVICTION_WAIT_MS));
    const after = await status();

    // Each start counts: they were evicted, and are looked at without being woken.
    expect(after.map(({ asleep }) => asleep)).toEqual([true, true, true]);
    expect(after.map(({ mode }) => mode)).toEqual(["asleep", "asleep", "asleep"]);
    for (const [index, { instance }] of after.entries())
      expect(instance).toBe((before[index]?.instance ?? 0) + 1);
    expect(after.map(({ currentEpoch }) => currentEpoch)).toEqual(
      before.map(({ currentEpoch }) => currentEpoch),
    );

    const read = await ask("GET", "/nodes/a?consistency=linearizable");
    expect(read.status).toBe(200);
    const awake = await status();
    expect(awake.every(({ asleep }) => !asleep)).toBe(true);
    expect(awake[0]?.currentEpoch).toBe((after[0]?.currentEpoch ?? 0) + 1);
    await untilAsleep();
  }, 120_000);

  test("is not kept awake by those who look, but by a client", async () => {
    await untilAsleep();
    const servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
    const client = new WireClient({ servers, timeoutMs: 4000 });
    await expect.poll(() => client.state, poll).toBe("connected");
    const pinged = (await status()).map(({ instance }) => instance);
    // It pings all the while, and nobody falls asleep: that would be another start.
    await new Promise((goOn) => setTimeout(goOn, 5000));
    expect((await status()).map(({ instance }) => instance)).toEqual(pinged);
    await client.close();
    await untilAsleep();
  }, 120_000);

  test("is asked to change its leader, and wakes for it", async () => {
    await untilAsleep();
    // Who leads after the night is not known before, and who is to lead may still be on its way to the leader.
    const moved = async (): Promise<readonly number[]> => {
      const asked = [1, 2].map(async (to) => {
        const url = `${ensemble.httpUrl}/main/commands/move_leader?to=${to}`;
        return (await fetch(url, { method: "POST" })).status;
      });
      return await Promise.all(asked);
    };
    await expect.poll(moved, poll).toContain(202);
    await untilAsleep();
  }, 120_000);
});

describe("a session without a connection", () => {
  test("ends while the ensemble sleeps, by the alarm, and what was its own goes with it", async () => {
    const opened = await ask("POST", "/sessions", { timeoutMs: 15_000 });
    expect(opened.ok).toBe(true);
    expect((await untilAsleep()).map(({ sessions }) => sessions)).toContain(1);
    await expect.poll(async () => (await status()).map(({ sessions }) => sessions), poll).toEqual([0, 0, 0]);
    await untilAsleep();
  }, 120_000);
});
