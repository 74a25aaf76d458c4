/** What the published package brings to run ensembles: installed where there is no clone, and run there. */
import { createRequire } from "node:module";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { RUNTIME_VERSION } from "../../src/cli/runtime-fetch.ts";
import { runtimeFor } from "../../src/cli/wrangler-tools.ts";
import { WireClient } from "../client/wire-client.ts";
import { freePorts } from "../harness/ensemble.ts";
import { type RunningShell, runShell, startShell } from "../harness/shell.ts";
import { installPackage, type InstalledPackage, lend } from "../package/installed.ts";
import { type Registry, startRegistry } from "../package/registry.ts";

/** A hang is what this is for. */
const DEADLINE_MS = 90_000;

let installed: InstalledPackage;
let folder: string;
let server: RunningShell | undefined;
let registry: Registry | undefined;

beforeAll(async () => {
  installed = await installPackage();
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-dev-"));
});

afterAll(async () => {
  await server?.stop();
  await registry?.stop();
  await installed.remove();
  await rm(folder, { recursive: true, force: true });
});

describe("npx edgekeeper dev", () => {
  test("runs an ensemble with all its doors where the runtime is fetched, once", async () => {
    const executable = await runtimeFor("2026-10-01", () => undefined);
    registry = await startRegistry(RUNTIME_VERSION, executable);
    const environment = { XDG_CACHE_HOME: join(folder, "cache"), npm_config_registry: registry.url };
    const [http, ...tcp] = await freePorts(4);
    const dev = `exec npx edgekeeper dev --port ${http} --ports ${tcp.join(",")} --data ${folder}/data`;
    server = startShell(dev, { cwd: installed.project, environment });
    await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);

    expect(server.output()).toMatch(/^edgekeeper: fetching the runtime, workerd /m);
    expect(server.output()).toContain(`ZooKeeper  ${tcp.map((port) => `127.0.0.1:${port}`).join(",")}\n`);
    expect(server.output()).toContain(`WebSocket  ws://127.0.0.1:${http}/main/zk\n`);
    expect(await readdir(join(folder, "data"))).toEqual(["runtime", "storage", "storage-2", "storage-3"]);
    const servers = tcp.map((port) => ({ host: "127.0.0.1", port }));
    const client = new WireClient({ servers, timeoutMs: 30_000 });
    expect(await client.connected(10_000)).toBe(true);
    await client.abandon();
    const words = `npx edgekeeper --version; npx edgekeeper create /greeting hello; npx edgekeeper get /greeting`;
    const told = await runShell(words, {
      cwd: installed.project,
      environment: { EDGEKEEPER_URL: `http://127.0.0.1:${http}` },
      deadlineMs: DEADLINE_MS,
    });
    expect(told).toBe("0.1.0\n/greeting\nhello\n");
    await server.stop();
    expect(server.output()).toContain("edgekeeper: stopped");

    const askedBefore = registry.asked.length;
    server = startShell(dev, { cwd: installed.project, environment });
    await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
    expect(server.output()).not.toContain("fetching");
    expect(registry.asked).toHaveLength(askedBefore);
    await server.stop();
  });

  test("takes the runtime of the project where it runs, and fetches nothing", async () => {
    const project = join(folder, "lent");
    await mkdir(project);
    await lend("wrangler", project);
    const environment = { XDG_CACHE_HOME: join(folder, "none"), npm_config_registry: "http://127.0.0.1:1" };
    const [http, tcp] = await freePorts(2);
    const program = join(installed.project, "node_modules/.bin/edgekeeper");
    const dev = `exec ${program} dev --var VOTERS=1 --port ${http} --ports ${tcp}`;
    server = startShell(dev, { cwd: project, environment });
    await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
    expect(server.output()).not.toContain("fetching");
    await server.stop();
    expect(await readdir(project)).toContain(".edgekeeper");
  });

  test("says what to do where there is no runtime to be had, and what is wrong with an option", async () => {
    const environment = { XDG_CACHE_HOME: join(folder, "none"), npm_config_registry: "http://127.0.0.1:1" };
    const run = async (words: string): Promise<string> =>
      await runShell(`npx edgekeeper dev ${words} 2>&1 || echo "code $?"`, {
        cwd: installed.project,
        environment: { ...environment, npm_config_fetch_retries: "0" },
        deadlineMs: DEADLINE_MS,
      });

    const none = await run(`--data ${folder}/none`);
    expect(none).toMatch(/could not be fetched[^]*npm install -D wrangler[^]*code 1\n$/);
    expect(await run("--port x")).toMatch(/^edgekeeper: option '--port <n>'.*\ncode 2\n$/);
    expect(await run("--var VOTERS=2,1,1")).toMatch(/VOTERS is "2,1,1"[^]*code 1\n$/);
  });

  test("fetches the very version that wrangler brings here", async () => {
    const manifest = createRequire(join(ROOT, "node_modules/wrangler/package.json")).resolve(
      "workerd/package.json",
    );
    const { version } = JSON.parse(await readFile(manifest, "utf8")) as { readonly version: string };
    expect(RUNTIME_VERSION).toBe(version);
  });
});
