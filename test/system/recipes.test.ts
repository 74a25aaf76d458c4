/** Recipes through the real runtime: by WebSocket, on one path with the HTTP API, while a replica dies. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../../src/client/http/http-client.ts";
import { connectRecipes, type SdkRecipeClient } from "../../src/recipes/connect-recipes.ts";
import { InterProcessMutex } from "../../src/recipes/inter-process-mutex.ts";
import { LeaderLatch } from "../../src/recipes/leader-latch.ts";
import { persevere } from "../../src/recipes/perseverance.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
});

afterAll(async () => {
  await ensemble?.stop();
});

async function connected(): Promise<SdkRecipeClient> {
  return await connectRecipes(ensemble.httpUrl, { timeoutMs: 10_000 });
}

test("a mutex here and a lock over HTTP exclude each other on one path, with growing tokens", async () => {
  await using client = await connected();
  const mutex = new InterProcessMutex(client, "/locks/both");
  const api = http(ensemble.httpUrl);
  const tokens: string[] = [];
  let holders = 0;
  const hold = async (token: string): Promise<void> => {
    expect(++holders).toBe(1);
    tokens.push(token);
    // Somebody else would come in between, if anybody could.
    await client.sync("/locks/both");
    holders--;
  };
  const here = async (): Promise<void> => {
    const held = await mutex.acquire({ timeoutMs: 30_000 });
    await hold(held.token);
    await held.release();
  };
  const there = async (): Promise<void> => {
    const lease = await api.lock("both", { waitMs: 30_000, ttlMs: 10_000 });
    await hold(lease.token);
    await lease.release();
  };
  for (let round = 0; round < 4; round++) await Promise.all([here(), there(), here()]);

  expect(tokens).toHaveLength(12);
  expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => (a < b ? -1 : 1)));
});

test("a latch keeps its leader over the loss of any replica, and passes on when it closes", async () => {
  await using one = await connected();
  await using two = await connected();
  const first = new LeaderLatch(one, "/latch", { id: "one" }).start();
  const { token } = await first.await({ timeoutMs: 30_000 });
  const second = new LeaderLatch(two, "/latch", { id: "two" }).start();
  for (const sid of [1, 2, 3]) {
    await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, {
      method: "POST",
      body: JSON.stringify({ kind: "abort" }),
    });
    for (const client of [one, two]) await persevere(client, async () => await client.sync("/latch"));
  }
  expect([first.leadership?.token, second.hasLeadership]).toEqual([token, false]);
  await first.close();
  expect((await second.await({ timeoutMs: 30_000 })).token > token).toBe(true);
  await second.close();
});
