/** `edgekeeper bench` against a running ensemble, by each of its doors. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type Ran, RunningProgram, runProgram } from "../program/run-program.ts";

let ensemble: TestEnsemble;
let client: Client;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { ENFORCE_QUOTA: "1" }, readyDeadlineMs: 60_000 });
  client = await connect(ensemble.httpUrl);
});

afterAll(async () => {
  await client.close();
  await ensemble.stop();
});

/** Small enough to be over soon. */
const SMALL = ["--for", "200ms", "--sessions", "2", "--outstanding", "3", "--znodes", "7"];

async function bench(...words: readonly string[]): Promise<Ran> {
  return await runProgram(["bench", ...SMALL, ...words], { env: { EDGEKEEPER_URL: ensemble.httpUrl } });
}

interface Works {
  readonly over: string;
  readonly sessions: number;
  readonly works: readonly {
    readonly work: string;
    readonly requests: number;
    readonly perSecond: number;
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
  }[];
}

async function namesLeft(): Promise<readonly string[]> {
  await client.sync("/");
  return (await client.children("/")).filter((name) => name !== "zookeeper");
}

describe("what there is", () => {
  test.each(["websocket", "http", "tcp"])(
    "is measured over %s, and all that was made is deleted",
    async (over) => {
      const hosts = ensemble.tcpPorts.map((port) => `127.0.0.1:${port}`).join(",");
      const door = over === "tcp" ? ["--connect", hosts] : ["--over", over];
      const before = await namesLeft();
      const { code, stdout, stderr } = await bench(...door, "--json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const told = JSON.parse(stdout) as Works;
      expect(told).toMatchObject({ over, sessions: 2 });
      expect(told.works.map(({ work }) => work)).toEqual(["set", "get", "create", "lock"]);
      for (const { requests, perSecond, p50Ms, p95Ms, p99Ms } of told.works) {
        expect(requests).toBeGreaterThan(0);
        expect(perSecond).toBeGreaterThan(0);
        expect(p50Ms).toBeGreaterThan(0);
        expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
        expect(p99Ms).toBeGreaterThanOrEqual(p95Ms);
      }
      expect(await namesLeft()).toEqual(before);
    },
  );

  test("is told to people in a table, of what was asked for alone, in a terminal with a bar", async () => {
    const words = ["bench", ...SMALL, "--work", "get,set", "--url", ensemble.httpUrl];
    const { code, stdout } = await new RunningProgram(words, { isInTerminal: true }).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/set: \[[#-]{20}\] 0 of 0\.2 s/);
    expect(stdout).toMatch(/2 sessions over WebSockets, 3 requests outstanding of each\r\n/);
    expect(stdout).toMatch(/work +per second +p50 +p95 +p99\r\nset .* ms\r\nget .* ms\r\n/);
  });
});

test("nothing is written over: a znode that is there stays as it is, and the code says so", async () => {
  await client.create("/mine", "precious");
  const { code, stderr } = await bench("--path", "/mine", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { exitCode: 1, code: "NODEEXISTS" } });
  expect((await client.get("/mine")).text()).toBe("precious");
  expect(await client.children("/mine")).toEqual([]);
  await client.delete("/mine");
});

test("Ctrl-C ends it with 130, and all that was made is deleted", async () => {
  const before = await namesLeft();
  const running = new RunningProgram(["bench", "--for", "60s", "--url", ensemble.httpUrl]);
  await expect
    .poll(async () => await client.exists("/edgekeeper-bench/values/v99"), { timeout: 30_000 })
    .toBeDefined();
  expect(await running.interrupt()).toMatchObject({ code: 130, stdout: "" });
  expect(await namesLeft()).toEqual(before);
});

test("what makes no sense is a bad command line, and where nobody answers the code is 4", async () => {
  for (const words of [
    ["--work", "set,think"],
    ["--path", "/"],
    ["--path", "bench"],
    ["--connect", "nowhere"],
  ]) {
    expect(await bench(...words)).toMatchObject({ code: 2, stdout: "" });
  }
  const away = await bench("--over", "http", "--url", "http://127.0.0.1:1", "--json");
  expect(away.code).toBe(4);
  expect(JSON.parse(away.stderr)).toMatchObject({ error: { code: "nobody-listens" } });
});

test("an error ends it with that error's code, and what was made is deleted", async () => {
  await client.create("/limited");
  const env = { EDGEKEEPER_URL: ensemble.httpUrl };
  expect(await runProgram(["setquota", "/limited", "-N", "20"], { env })).toMatchObject({ code: 0 });
  const { code, stderr } = await bench("--path", "/limited/bench", "--znodes", "100", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "QUOTAEXCEEDED" } });
  expect(await client.children("/limited")).toEqual([]);
});

test("where the ensemble is lost meanwhile the code is 4, and it says what was left and how to delete it", async () => {
  const running = new RunningProgram(["bench", "--for", "60s", "--url", ensemble.httpUrl]);
  await expect
    .poll(async () => await client.exists("/edgekeeper-bench/values/v99"), { timeout: 30_000 })
    .toBeDefined();
  await ensemble.kill9();
  const { code, stderr } = await running.ended;
  expect(code).toBe(4);
  expect(stderr).toMatch(/\/edgekeeper-bench is still there .*: edgekeeper deleteall \/edgekeeper-bench\n/);
});
