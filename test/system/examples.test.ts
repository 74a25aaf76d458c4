/** The examples, each in the real runtime as wrangler runs it, and as it would be deployed. */
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../harness/ports.ts";
import { movedConfig } from "../harness/moved-config.ts";
import { type RunningShell, runShell, startShell } from "../harness/shell.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const EXAMPLES = readdirSync(join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** A hang is what this is for. */
const DEADLINE_MS = 90_000;

const WAIT = { timeout: DEADLINE_MS, interval: 50 };

let folder: string;
let url: string;
let server: RunningShell;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-examples-"));
  const [port] = await freePorts(1);
  url = `http://127.0.0.1:${String(port)}`;
  environment = {
    CI: "1",
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_REGISTRY_PATH: `${folder}/registry`,
  };
  const migrate = "wrangler d1 migrations apply payment --local -c test/examples/wrangler.toml";
  await runShell(`${migrate} --persist-to ${folder}/data`, {
    cwd: ROOT,
    environment,
    deadlineMs: DEADLINE_MS,
  });
  const configs = [
    "test/examples/wrangler.toml",
    await movedConfig(folder),
    ...EXAMPLES.map((name) => `examples/${name}/wrangler.toml`),
  ];
  const all = configs.map((config) => `-c ${config}`).join(" ");
  const options = `--port ${String(port)} --persist-to ${folder}/data`;
  server = startShell(`exec wrangler dev ${all} ${options}`, { cwd: ROOT, environment });
  await server.until(/Ready on /, DEADLINE_MS);
}, 2 * DEADLINE_MS);

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ask(
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${url}/${path}`, init);
  return { status: response.status, text: await response.text() };
}

test("all build as they would be deployed", async () => {
  const build = async (name: string): Promise<string> => {
    const command = `wrangler deploy --dry-run --outdir ${folder}/${name} -c examples/${name}/wrangler.toml`;
    return await runShell(command, { cwd: ROOT, environment, deadlineMs: DEADLINE_MS });
  };
  for (const printed of await Promise.all(EXAMPLES.map(build))) {
    expect(printed).toContain("env.EDGEKEEPER (edgekeeper#Edgekeeper)");
  }
});

test("all of them work by the binding alone: with neither secret nor flag every other door is shut", async () => {
  for (const path of ["healthz", "main/v1/status", "v1/nodes/", "main/zk", "docs", "main/commands/monitor"]) {
    expect(await ask(`HTTP/${path}`)).toMatchObject({ status: 403 });
  }
  const acquire = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  expect(await ask("HTTP/v1/locks/x/acquire", acquire)).toMatchObject({ status: 403 });
  // What is bound has no fetch.
  expect((await ask("EDGEKEEPER/v1/nodes/")).text).toContain("fetch");
});

describe("a cron job", () => {
  test("runs once at each of its times, however many triggers fire, and however late", async () => {
    const [first, second] = ["2026-12-01T10:00:00.000Z", "2026-12-01T11:00:00.000Z"];
    const fire = async (time: string): Promise<unknown> =>
      JSON.parse((await ask("scheduled/RUN_ONCE", { method: "POST", body: time })).text);
    const fired = await Promise.all([fire(first), fire(first), fire(first)]);
    for (const outcome of fired) expect(outcome).toMatchObject({ outcome: "ok" });
    await fire(first);
    expect((await ask("RUN_ONCE/")).text).toBe(`report of ${first}\n`);
    await fire(second);
    await fire(first);
    expect((await ask("RUN_ONCE/")).text).toBe(`report of ${first}\nreport of ${second}\n`);
  });
});

describe("a payment", () => {
  test("is made one at a time, and never under the token of a holder that was replaced", async () => {
    const pay = async (): Promise<string> => (await ask("PAYMENT/alice?amount=10", { method: "POST" })).text;
    const paid = (await Promise.all([pay(), pay(), pay()])).map(
      (text) => JSON.parse(text) as { token: string },
    );
    const tokens = paid.map(({ token }) => token).toSorted();
    expect(new Set(tokens).size).toBe(3);

    // The first of them wakes up late: the same statement, under its token.
    const late = { account: "alice", amount: 10, token: tokens[0] };
    expect((await ask("charge", { method: "POST", body: JSON.stringify(late) })).text).toBe("false");
    const again = { ...late, token: tokens[2] };
    expect((await ask("charge", { method: "POST", body: JSON.stringify(again) })).text).toBe("true");
    expect((await ask("PAYMENT/alice?amount=1000", { method: "POST" })).status).toBe(409);
    expect((await ask("PAYMENT/alice?amount=-1", { method: "POST" })).status).toBe(400);
  });
});

describe("feature flags", () => {
  test("are set side by side, read, and pushed to who listens", async () => {
    const set = async (name: string, body: string): Promise<unknown> =>
      await ask(`FEATURE_FLAGS/${name}`, { method: "PUT", body });
    await Promise.all([set("a", "true"), set("b", "true"), set("c", "false")]);
    const flags = { a: true, b: true, c: false };
    expect(JSON.parse((await ask("FEATURE_FLAGS/")).text)).toEqual(flags);

    const listening = new AbortController();
    const { body } = await fetch(`${url}/FEATURE_FLAGS/stream`, { signal: listening.signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    const hear = async (): Promise<unknown> =>
      JSON.parse(((await reader?.read())?.value ?? "").replace(/^data: (.*)\n\n$/, "$1"));
    expect(await hear()).toEqual(flags);
    await set("b", "false");
    expect(await hear()).toEqual({ ...flags, b: false });
    listening.abort();
  });
});

describe("leader election", () => {
  test("has one member at work, and another once that has left", async () => {
    const member = async (name: string, method: string): Promise<unknown> =>
      JSON.parse((await ask(`LEADER_ELECTION/${name}`, { method })).text);
    const state = async (): Promise<unknown> => await member("", "GET");
    await member("ann", "PUT");
    await expect.poll(state, WAIT).toMatchObject({ leader: "ann", waiting: [] });
    await member("bob", "PUT");
    await expect.poll(state, WAIT).toMatchObject({ leader: "ann", waiting: ["bob"] });
    await member("ann", "DELETE");
    await expect.poll(state, WAIT).toMatchObject({ leader: "bob", waiting: [] });
    const { work } = (await state()) as { readonly work: number };
    expect(work).toBeGreaterThan(0);
    await expect.poll(async () => ((await state()) as { work: number }).work, WAIT).toBeGreaterThan(work);
    await member("bob", "DELETE");
  });
});

describe("a rate limiter", () => {
  test("lets a burst in, wherever it comes from, and no more", async () => {
    const knock = async (client: string): Promise<number> =>
      (await ask("RATE_LIMITER/", { headers: { client } })).status;
    const beganAt = performance.now();
    const statuses = await Promise.all(Array.from({ length: 12 }, async () => await knock("eager")));
    const welcome = statuses.filter((status) => status === 200).length;
    expect(welcome).toBeGreaterThanOrEqual(5);
    // One a second besides the burst of five.
    expect(welcome).toBeLessThanOrEqual(6 + (performance.now() - beganAt) / 1000);
    expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
    expect(await knock("modest")).toBe(200);
    await expect.poll(async () => await knock("eager"), WAIT).toBe(200);
  });
});

describe("service discovery", () => {
  test("lists who is there", async () => {
    const addresses = async (path: string, init: RequestInit = {}): Promise<readonly string[]> => {
      const { text } = await ask(`SERVICE_DISCOVERY/${path}`, init);
      return (JSON.parse(text) as { readonly address: string }[]).map(({ address }) => address).toSorted();
    };
    expect(await addresses("images")).toEqual([]);
    await addresses("images/a", { method: "PUT", body: "https://a" });
    expect(await addresses("images/b", { method: "PUT", body: "https://b" })).toEqual([
      "https://a",
      "https://b",
    ]);
    expect(await addresses("images/a", { method: "DELETE" })).toEqual(["https://b"]);
  });
});
