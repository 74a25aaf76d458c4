/** Random and mutated frames and requests against the real runtime, over each door: whoever behaves is still served. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Dice } from "../fuzz/dice.ts";
import { residentKb, RuntimeAttack } from "../fuzz/runtime.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

/** The run that `npm test` makes; EDGEKEEPER_FUZZ_ROUNDS asks for more, EDGEKEEPER_FUZZ_SEED for others. */
const ROUNDS = Number(process.env["EDGEKEEPER_FUZZ_ROUNDS"] ?? "12");
const SEED = Number(process.env["EDGEKEEPER_FUZZ_SEED"] ?? "1");
/** What caches and heaps may grow by, however long it goes on: a leak of a kilobyte a frame is more. */
const GROWTH_KB_MAX = 200_000;

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble();
});

afterAll(async () => {
  await ensemble.stop();
});

interface Status {
  readonly status: { readonly connections: number; readonly clientBytes: number } | null;
}

async function connections(): Promise<number> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as { readonly replicas: readonly Status[] };
  return replicas.reduce((sum, { status }) => sum + (status?.connections ?? Number.NaN), 0);
}

test("fuzzed clients and requests cost nobody else anything, and leave nothing behind", async () => {
  const attack = new RuntimeAttack(ensemble, Dice.of(SEED, 0));
  await attack.begin();
  const pid = ensemble.process.pid ?? 0;
  await attack.round(150, 20);
  const beforeKb = await residentKb(pid);

  for (let round = 1; round < ROUNDS; round++) {
    await attack.round(150, 20);
    if (round % 25 === 0) console.log(`round ${round}: ${await residentKb(pid)} kB`);
  }

  const { frames, requests } = attack.counts;
  console.log(
    `${frames} frames, ${requests} requests, ${beforeKb} kB before, ${await residentKb(pid)} kB after`,
  );
  expect(frames).toBeGreaterThan(ROUNDS * 10);
  expect((await residentKb(pid)) - beforeKb).toBeLessThan(GROWTH_KB_MAX);
  // The bystanders alone are left, one for each replica.
  await expect.poll(connections, { timeout: 60_000 }).toBe(ensemble.tcpPorts.length);
  await attack.end();
}, 600_000);
