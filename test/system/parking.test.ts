/** Clients of the SDK over whom an ensemble sleeps: their sockets stand while its objects leave memory. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connect, type WebSocketClass } from "../../src/client/index.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const LONG_MS = 60_000;
const poll = { timeout: LONG_MS, interval: 200 };

/** By when an idle object is gone: the runtime looks every ten seconds, or a little more. */
const EVICTION_WAIT_MS = 25_000;

/** Longer than the test waits, so that it is the write that wakes the ensemble. */
const PARKED_WAKE_MS = 120_000;

const PATH = "/watched";
const CLIENTS = 12;

let ensemble: TestEnsemble;
const clients: Client[] = [];
/** What each client was told of its state, and of its watch. */
const states: string[] = [];
const told: number[] = [];

beforeAll(async () => {
  const vars = { DORMANT_AFTER_MS: "1000", PARKED_WAKE_MS: String(PARKED_WAKE_MS) };
  ensemble = await startEnsemble({ vars });
  expect((await put("before")).ok).toBe(true);
  for (let nth = 0; nth < CLIENTS; nth++) clients.push(await watching(nth));
}, 120_000);

afterAll(async () => {
  await Promise.all(clients.map(async (client) => await client.close()));
  await ensemble.stop();
});

async function put(body: string): Promise<Response> {
  return await fetch(`${ensemble.httpUrl}/v1/nodes${PATH}`, { method: "PUT", body });
}

/** A client whose session is short: it would not outlive a night without being parked. */
async function watching(nth: number): Promise<Client> {
  const client = await connect(ensemble.httpUrl, { timeoutMs: 6000 });
  client.onState(({ state, reason }) => states.push(`${nth} ${state}: ${reason}`));
  const watch = await client.watch(PATH);
  const listen = async (): Promise<void> => {
    for await (const event of watch) if (event.type === "dataChanged") told[nth] = (told[nth] ?? 0) + 1;
  };
  // It ends with its client, by an error.
  listen().catch(() => undefined);
  return client;
}

interface Told {
  readonly instance: number;
  readonly asleep: boolean;
  readonly sessions: number;
  readonly connections: number;
}

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

const onceEach = Array.from({ length: CLIENTS }, () => 1);

test("an ensemble sleeps over idle clients, leaves memory, and a write tells each watch", async () => {
  const before = await untilAsleep();
  // The subject is time itself: any question would be an event, and keep the object that it asks.
  await new Promise((wake) => setTimeout(wake, EVICTION_WAIT_MS));
  const after = await status();
  expect(after.map(({ asleep }) => asleep)).toEqual([true, true, true]);
  for (const [index, { instance }] of after.entries())
    expect(instance).toBeGreaterThan(before[index]?.instance ?? 0);
  expect(after.reduce((sum, { connections }) => sum + connections, 0)).toBe(CLIENTS);

  expect((await put("first")).ok).toBe(true);
  await expect.poll(() => told, poll).toEqual(onceEach);
  // To its owner a session is connected all the while, and is the same.
  expect(states).toEqual([]);
  expect(new Set(clients.map(({ state }) => state))).toEqual(new Set(["connected"]));
}, 180_000);

test("whoever asks for something is answered, with all sessions as they were", async () => {
  await untilAsleep();
  const [first, second] = clients;
  const sessions = (await status())[0]?.sessions;
  expect(sessions).toBe(CLIENTS);
  await first?.set(PATH, "second");
  await expect.poll(() => told, poll).toEqual(onceEach.map((once) => once + 1));
  expect((await second?.get(PATH))?.data).toEqual(new TextEncoder().encode("second"));
  expect(states).toEqual([]);
}, 180_000);

test("a session that owns something keeps it awake", async () => {
  const [first] = clients;
  await first?.create("/own", "", { mode: "ephemeral" });
  // Longer than the quiet that it takes, and the time of its session.
  await new Promise((goOn) => setTimeout(goOn, 8000));
  expect((await status()).map(({ asleep }) => asleep)).toEqual([false, false, false]);
  await first?.delete("/own");
  await untilAsleep();
  expect(states).toEqual([]);
}, 180_000);

test("a ping that the runtime answers counts, though its connection closes before its replica looks", async () => {
  const [first] = clients;
  // What somebody owns keeps the ensemble awake: this is about one client that dozes.
  await first?.create("/own", "", { mode: "ephemeral" });
  const gone = { afterPongs: 2, atMs: Infinity };
  class Vanishing extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(gone.afterPongs > 0 ? url : "ws://127.0.0.1:9/", protocols);
      this.addEventListener("message", ({ data }) => {
        if (data !== "pong" || --gone.afterPongs !== 0) return;
        gone.atMs = Date.now();
        this.close();
      });
    }
  }
  const client = await connect(ensemble.httpUrl, {
    timeoutMs: 6000,
    WebSocket: Vanishing as unknown as WebSocketClass,
  });
  const session = `0x${client.sessionId.toString(16)}`;
  await expect.poll(() => gone.atMs, poll).toBeLessThan(Infinity);
  const heardMs = async (): Promise<number> => {
    const response = await fetch(`${ensemble.httpUrl}/v1/explain/sessions/${session}`);
    const { session: explained } = (await response.json()) as { session: { heardAgoMs: number | null } };
    return Date.now() - (explained.heardAgoMs ?? Infinity);
  };
  await expect.poll(heardMs, { timeout: 5000, interval: 100 }).toBeGreaterThanOrEqual(gone.atMs);
  await client.close();
  await first?.delete("/own");
}, 180_000);
