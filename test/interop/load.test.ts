/** The stream of batches that systems are loaded with: each is sent until somebody has it. */
import { expect, test } from "vitest";

import { Load } from "./load.ts";

test("a batch that is refused is sent again, to the next server, and no other one before it", async () => {
  const sent: string[] = [];
  const { promise: third, resolve } = Promise.withResolvers<void>();
  const load = new Load(0, (batch, server) => {
    sent.push(`${batch} at ${server}`);
    if (sent.length === 2) return Promise.reject(new Error("it died"));
    if (sent.length === 4) resolve();
    return Promise.resolve();
  });

  load.start();
  await third;
  await load.finish();

  expect(sent.slice(0, 4)).toEqual(["0 at 0", "1 at 0", "1 at 1", "2 at 1"]);
  expect(load.failures).toBe(1);
  expect(load.acknowledged).toBe(sent.length - 1);
});

test("it ends with a batch that was acknowledged, however often that was refused first", async () => {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const load = new Load(0, async (_, server) => {
    resolve();
    if (server < 3) await Promise.reject(new Error("nobody has it yet"));
  });

  load.start();
  await begun;
  await load.finish();

  expect(load).toMatchObject({ acknowledged: 1, failures: 3 });
});

test("what nobody takes is given up where it is abandoned", async () => {
  const load = new Load(0, async () => await Promise.reject(new Error("all are dead")));

  load.start();
  load.abandon();
  await load.finish();

  expect(load.acknowledged).toBe(0);
});
