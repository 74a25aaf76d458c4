/** What the published package brings to run ensembles: installed where there is no clone, and run there. */
import { createRequire } from "node:module";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { RUNTIME_VERSION } from "../../src/cli/runtime-fetch.ts";
import { runtimeFor } from "../../src/cli/wrangler-tools.ts";
import { WireClient } from "../client/wire-client.ts";
import { blocksOf } from "../docs/blocks.ts";
import { freePorts } from "../harness/ports.ts";
import { type RunningShell, runShell, startShell } from "../harness/shell.ts";
import { installPackage, type InstalledPackage, lend, npmInstall } from "../package/installed.ts";
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
    expect(server.output()).toContain(`Dashboard  http://127.0.0.1:${http}/main/\n`);
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

/** Wrangler tells nobody of this. */
const QUIET = { CI: "1", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };

/** Runs the program that is installed, in a directory; gives what it printed and its code. */
async function edgekeeper(cwd: string, words: string, environment = {}): Promise<string> {
  const program = join(installed.project, "node_modules/.bin/edgekeeper");
  const line = `${program} ${words} 2>&1 && echo "code 0" || echo "code $?"`;
  return await runShell(line, { cwd, environment, deadlineMs: DEADLINE_MS });
}

/** Gives a project the package, and this clone's wrangler. */
async function npmInstallIn(project: string): Promise<void> {
  const pin = `npm pkg set devDependencies.wrangler=file:${ROOT}/node_modules/wrangler`;
  await runShell(pin, { cwd: project, deadlineMs: DEADLINE_MS });
  await npmInstall(project, installed.tarball);
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  return response.ok ? text : `${response.status} ${text}`;
}

describe("npx edgekeeper init", () => {
  test("makes a Worker that installs, deploys, runs, holds a lock, and grows to three voters", async () => {
    const project = join(folder, "keeper");
    expect(await edgekeeper(folder, "init keeper")).toMatch(
      /^wrote keeper\/package.json\n[^]*next:[^]*code 0\n$/,
    );
    expect(await edgekeeper(folder, "init keeper")).toMatch(/^the ensemble is in this Worker already\n/);
    const taken = await edgekeeper(installed.project, "init");
    expect(taken).toMatch(
      /^edgekeeper: package.json is there already, and nothing was written: .*\ncode 1\n$/,
    );

    const [http, tcp] = await freePorts(2);
    const config = (await readFile(join(project, "wrangler.toml"), "utf8")).replaceAll("2181", String(tcp));
    await writeFile(join(project, "wrangler.toml"), config);
    await npmInstallIn(project);
    const dry = await runShell("npx wrangler deploy --dry-run", {
      cwd: project,
      environment: QUIET,
      deadlineMs: DEADLINE_MS,
    });
    expect(dry).toMatch(/env.REPLICA \(Replica\)[^]*--dry-run: exiting now/);
    await runShell(`${ROOT}/node_modules/.bin/tsc -p .`, {
      cwd: await typedCopy(project),
      deadlineMs: DEADLINE_MS,
    });

    await writeFile(
      join(project, ".dev.vars"),
      `EDGEKEEPER_DEV=1\nSUPER_DIGEST="super:D/InIHSb7yEEbrWz8b9l71RjZJU="\n`,
    );
    const environment = { ...QUIET, WRANGLER_REGISTRY_PATH: join(folder, "registry") };
    server = startShell(`exec npx wrangler dev --port ${http}`, { cwd: project, environment });
    await server.until(/Ready on /, DEADLINE_MS);
    const url = `http://127.0.0.1:${http}`;
    expect(await textOf(`${url}/hello`)).toMatch(/^held under token \d{20}\n$/);
    const client = new WireClient({ servers: [{ host: "127.0.0.1", port: Number(tcp) }], timeoutMs: 30_000 });
    expect(await client.connected(10_000)).toBe(true);
    await client.abandon();
    const reach = { EDGEKEEPER_URL: url, EDGEKEEPER_AUTH: "digest:super:test" };
    expect(
      await edgekeeper(project, 'lock deploy -- sh -c "echo \\$EDGEKEEPER_FENCING_TOKEN"', reach),
    ).toMatch(/^\d{20}\ncode 0\n$/);
    const join23 = "ensemble reconfig --add 'server.2=b:2888:3888;2181' --add 'server.3=c:2888:3888;2181'";
    await expect
      .poll(async () => await edgekeeper(project, join23, reach), { timeout: DEADLINE_MS })
      .toMatch(/code 0/);
    await expect
      .poll(async () => await edgekeeper(project, "ensemble status", reach), { timeout: DEADLINE_MS })
      .toMatch(/1[^]*2[^]*3[^]*code 0/);
    expect(await edgekeeper(project, "doctor", reach)).toMatch(/replica 3 serves[^]*code 0/);
    await server.stop();
  });

  test.each(["wrangler.toml", "wrangler.jsonc"])(
    "adds the ensemble beside an app with a %s, which then takes its locks, and overwrites nothing",
    async (configName) => {
      const project = join(folder, `app-${configName}`);
      await mkdir(join(project, "src"), { recursive: true });
      await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }');
      await writeFile(join(project, configName), CONFIGS[configName] ?? "");
      await writeFile(join(project, "src/index.js"), APP);
      const shown = await edgekeeper(project, "init --print");
      expect(shown).toMatch(/REPLICA[^]*export \{ Edgekeeper, Register, Replica \}[^]*code 0/);
      expect(await readFile(join(project, "src/index.js"), "utf8")).toBe(APP);

      expect(await edgekeeper(project, "init")).toMatch(
        new RegExp(
          `^wrote ${configName}\nwrote src/index.js\ncompatibility_date is 2026-10-01 now[^]*code 0`,
        ),
      );
      expect(await edgekeeper(project, "init")).toMatch(
        /^the ensemble is in this Worker already\n[^]*code 0/,
      );
      await npmInstallIn(project);
      if (configName === "wrangler.jsonc") {
        const dry = await runShell("npx wrangler deploy --dry-run", {
          cwd: project,
          environment: QUIET,
          deadlineMs: DEADLINE_MS,
        });
        expect(dry).toMatch(/env.CART[^]*env.REPLICA \(Replica\)[^]*env.CURRENCY[^]*exiting now/);

        return;
      }
      expect(await readFile(join(project, configName), "utf8")).toContain('CURRENCY = "EUR"');
      const [http] = await freePorts(1);
      const dev = `exec npx edgekeeper dev --config wrangler.toml --port ${http}`;
      server = startShell(dev, { cwd: project });
      await server.until(/^ready in \d+ ms$/m, DEADLINE_MS);
      expect(await textOf(`http://127.0.0.1:${http}/`)).toMatch(/^held under token \d{20}\n$/);
      await server.stop();
    },
  );
});

/** An app that has something else in it. */
const CONFIGS: Readonly<Record<string, string>> = {
  "wrangler.toml": `name = "shop"
main = "src/index.js"
compatibility_date = "2025-01-01" # of the shop

[vars]
CURRENCY = "EUR"

[[durable_objects.bindings]]
name = "CART"
class_name = "Cart"

[[migrations]]
tag = "first"
new_sqlite_classes = ["Cart"]
`,
  "wrangler.jsonc": `{
  "name": "shop",
  "main": "src/index.js",
  "compatibility_date": "2025-01-01", // of the shop
  "vars": { "CURRENCY": "EUR" },
  "durable_objects": { "bindings": [{ "name": "CART", "class_name": "Cart" }] },
  "migrations": [{ "tag": "first", "new_sqlite_classes": ["Cart"] }],
}
`,
};

/** What docs/deploying.md shows of such an app, and an object of its own. */
const APP = `import { DurableObject } from "cloudflare:workers";
${blocksOf("docs/deploying.md").find(({ language }) => language === "js")?.text ?? ""}
export class Cart extends DurableObject {}
`;

/** The scaffold's Worker beside a tsconfig, to be checked with the platform's types. */
async function typedCopy(project: string): Promise<string> {
  const copy = join(folder, "typed");
  await cp(project, copy, { recursive: true, verbatimSymlinks: true });
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "esnext",
    moduleResolution: "bundler",
    types: [join(ROOT, "node_modules/@cloudflare/workers-types")],
  };
  await writeFile(join(copy, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
  return copy;
}
