/** The starter itself, as `npm start` runs it: what it refuses, and that it comes back after any end. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";
import { DEADLINE_MS, ProbeClient } from "./probe-client.ts";

const PROJECT_ROOT = fileURLToPath(new URL("../../", import.meta.url));

let dataDirectory: string;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-starter-"));
});

afterEach(async () => {
  await rm(dataDirectory, { recursive: true, force: true });
});

test("a port in use is named, with what to do about it", async () => {
  const other = createServer().listen({ port: 0, host: "127.0.0.1" });
  await once(other, "listening");
  const address = other.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;

  const onHttp = ProbeClient.start({ dataDirectory, httpPort: port });
  await expect(onHttp).rejects.toThrow(
    `port ${port} on 127.0.0.1 cannot be opened (another program listens there)`,
  );
  const onTcp = ProbeClient.start({ dataDirectory, tcpPorts: [port] });
  await expect(onTcp).rejects.toThrow("npm start -- --ports");

  const closed = once(other, "close");
  other.close();
  await closed;
});

test("a second runtime on the same data is refused while the first one runs, and accepted after kill -9", async () => {
  const first = await ProbeClient.start({ dataDirectory });
  await first.get("restarted/response-after-write");

  await expect(ProbeClient.start({ dataDirectory })).rejects.toThrow(
    new RegExp(
      `process ${first.ensemble.process.pid} already runs on the data in .* \\(kill ${first.ensemble.process.pid}\\)`,
    ),
  );
  await first.ensemble.kill9();
  const ports = { httpPort: first.ensemble.httpPort, tcpPorts: first.ensemble.tcpPorts };
  const second = await ProbeClient.start({ dataDirectory, ...ports });

  console.log(`ready after ${first.ensemble.readyMs} ms, again after kill -9 ${second.ensemble.readyMs} ms`);
  expect((await second.state("restarted")).notes).toEqual(["response"]);
  await second.ensemble.stop();
});

test("SIGTERM stops it with open clients, and it ends with 0", async () => {
  const probe = await ProbeClient.start({ dataDirectory });
  const socket = await probe.webSocket("open/accepted");
  const stream = probe.tcp("open hello");
  await stream.until((words) => words.length > 0);

  await probe.ensemble.stop();

  expect(probe.ensemble.process.exitCode).toBe(0);
  expect(probe.ensemble.output()).toContain("edgekeeper: stopped");
  await socket.until((words) => words.some((word) => word.startsWith("closed")));
});

test("it stops when the program that started it is gone", async () => {
  const probe = await ProbeClient.start({ dataDirectory });
  const exited = once(probe.ensemble.process, "exit");

  // What a parent's death does: the pipe that is its standard input ends.
  probe.ensemble.process.stdin?.end();

  expect(await exited).toEqual([0, null]);
});

test("a configuration that is missing is named", async () => {
  const start = ProbeClient.start({ dataDirectory, config: "test/platform/missing/wrangler.toml" });

  await expect(start).rejects.toThrow("cannot read the Worker's configuration");
});

describe("npm start", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s to npm's own process leaves no process behind",
    async (signal) => {
      const ports = await freePorts(4);
      const args = ["--data", dataDirectory, "--port", String(ports[0]), "--ports", ports.slice(1).join(",")];
      const npm = spawn("npm", ["start", "--", ...args], {
        cwd: PROJECT_ROOT,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(npm, "exit");
      let output = "";
      npm.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
      await expect.poll(() => output, { timeout: DEADLINE_MS }).toContain("ready in");
      const family = descendants(Number(npm.pid));
      // npm's child is the starter, and the starter's is the runtime.
      expect(family.length).toBeGreaterThanOrEqual(2);

      npm.kill(signal);

      await exited;
      await expect.poll(() => family.filter(isAlive), { timeout: DEADLINE_MS }).toEqual([]);
      expect(output).toContain("edgekeeper: stopped");
    },
  );

  test.each([
    [["--var", "VOTERS=1,2"], `edgekeeper: VOTERS is "1,2": it must list 1, 3 or 5 different sids`],
    [["--var", "VOTER=1"], "edgekeeper: unknown variable VOTER, did you mean VOTERS?"],
    [["--var", "HEARTBEAT_LIMIT_MS=1"], `edgekeeper: HEARTBEAT_LIMIT_MS is "1"`],
    [["--var", "VOTERS=1,2,3,4,5"], "edgekeeper: 5 voters need 5 TCP ports"],
    [["--ports", "1,2"], "edgekeeper: 3 voters need 3 --ports, got 2"],
    [["--ports", "12181,12181,12183"], "edgekeeper: port 12181 is named twice"],
    [["--runtime", "/nonexistent"], "edgekeeper: cannot run /nonexistent"],
    [["--data", "/dev/null/data"], "edgekeeper: cannot make the directory /dev/null/data"],
    [["--port", "x"], "edgekeeper: option '--port <n>' argument 'x' is invalid. it takes a whole number"],
    [["--misspelt"], "edgekeeper: unknown option '--misspelt'; see npm start -- --help"],
    [["8787"], `edgekeeper: no option takes "8787"`],
  ])("%j ends with 1 and one line that says why", async (args, line) => {
    const { code, output } = await runStarter(["--data", join(dataDirectory, "new"), ...args]);

    expect(output).toContain(line);
    expect(output.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
    expect(existsSync(join(dataDirectory, "new", "runtime", "runtime.pid"))).toBe(false);
  });

  test("-h prints the options and the variables", async () => {
    const { code, output } = await runStarter(["-h"]);

    expect(output).toContain("--ports <n,n,n>");
    expect(output).toContain("HEARTBEAT_LIMIT_MS");
    expect(code).toBe(0);
  });

  test("a runtime that is none is named, with what it printed", async () => {
    const [port, ...tcp] = await freePorts(4);
    const doors = ["--data", dataDirectory, "--port", String(port), "--ports", tcp.join(",")];

    const { code, output } = await runStarter([...doors, "--runtime", "/bin/ls"]);

    expect(output).toMatch(
      /the runtime printed:[^]*experimental[^]*edgekeeper: \/bin\/ls ended before it served/,
    );
    expect(output).toContain("Leave --runtime out");
    expect(code).toBe(1);
  });

  test("a Worker that fails at every request is given up after a second, and told once", async () => {
    const config = await workerOf(`export default { fetch() { throw new Error("the worker is broken"); } };`);
    const [port] = await freePorts(1);

    const args = ["--config", config, "--data", dataDirectory, "--port", String(port)];
    const { code, output } = await runStarter(args);

    expect(output).toContain("the Worker runs and does not serve; /healthz says: 500");
    expect(output.split("the worker is broken").length - 1).toBe(1);
    expect(output).not.toMatch(/^\s+at |stack:/m);
    expect(code).toBe(1);
  });

  test("what the runtime prints is held back until it serves, and goes through from then on", async () => {
    const config = await workerOf(
      `export default { fetch(request) { console.log("asked:", request.url); return new Response("ok"); } };`,
    );
    const ensemble = await startEnsemble({ config: relative(PROJECT_ROOT, config), dataDirectory });
    expect(ensemble.output()).not.toContain("asked:");

    await fetch(`${ensemble.httpUrl}/later`);

    await expect.poll(() => ensemble.output(), { timeout: DEADLINE_MS }).toContain("/later");
    await ensemble.stop();
  });
});

describe("an ensemble of another size", () => {
  test.each([
    ["1", 1],
    ["1,2,3,4,5", 5],
  ])("VOTERS=%s serves clients at each of its %i ports, and prints these alone", async (voters, count) => {
    const tcpPorts = await freePorts(count);
    const ensemble = await startEnsemble({ dataDirectory, tcpPorts, vars: { VOTERS: voters } });
    const servers = tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
    expect(ensemble.output()).toMatch(/^\S+ edgekeeper: replica \d leads main, epoch \d+\nZooKeeper {2}/);
    expect(ensemble.output()).toContain(servers.map(({ host, port }) => `${host}:${port}`).join(",") + "\n");

    for (const server of servers) {
      const client = new WireClient({ servers: [server] });
      expect(await client.connected(DEADLINE_MS)).toBe(true);
      const request = { op: "create2", path: `/at-${server.port}`, data: null, acl: OPEN_ACL } as const;
      expect(await client.request({ ...request, flags: 0, ttlMs: 0 })).toMatchObject({ kind: "ok" });
      await client.close();
    }
    for (const path of ["/", "/healthz"]) {
      expect((await fetch(`${ensemble.httpUrl}${path}`)).status).toBe(200);
    }
    await ensemble.stop();
  });
});

test("data of a newer version are told as such", async () => {
  const ensemble = await startEnsemble({ dataDirectory });
  const { httpPort, tcpPorts } = ensemble;
  await ensemble.stop();
  for (const storage of ["storage", "storage-2", "storage-3"]) {
    const replicas = join(dataDirectory, storage, "edgekeeper-Replica");
    const names = (await readdir(replicas)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
    expect(names).toHaveLength(1);
    const database = new DatabaseSync(join(replicas, names[0] ?? ""));
    expect(database.prepare("UPDATE state SET format = 99").run().changes).toBe(1);
    database.close();
  }

  const doors = ["--data", dataDirectory, "--port", String(httpPort), "--ports", tcpPorts.join(",")];
  const { code, output } = await runStarter([...doors, "--timeout", "1000"]);

  expect(output).toContain("its replicas say: the data is of format 99");
  expect(output).toContain("Nothing was changed: run the version again that did");
  expect(code).toBe(1);
});

/** Runs the starter until it ends by itself; it is killed where it does not in time. */
async function runStarter(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [join(PROJECT_ROOT, "src/cli/start.ts"), "--tied", ...args], {
    cwd: PROJECT_ROOT,
    stdio: ["pipe", "pipe", "pipe"],
    timeout: DEADLINE_MS,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  }
  await once(child, "close");
  return { code: child.exitCode, output };
}

/** A Worker without doors and objects, of this source; the path of its configuration. */
async function workerOf(source: string): Promise<string> {
  const config = join(dataDirectory, "wrangler.toml");
  await writeFile(join(dataDirectory, "worker.js"), source);
  await writeFile(config, `name = "small"\nmain = "worker.js"\ncompatibility_date = "2026-10-01"\n`);
  return config;
}

interface ProcessRow {
  readonly id: number;
  readonly parent: number;
  readonly state: string;
}

function processes(): readonly ProcessRow[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => {
      const [id, parent, state = ""] = line.trim().split(/\s+/);
      return { id: Number(id), parent: Number(parent), state };
    });
}

function descendants(id: number, table: readonly ProcessRow[] = processes()): readonly number[] {
  const children = table.filter((row) => row.parent === id).map((row) => row.id);
  return children.flatMap((child) => [child, ...descendants(child, table)]);
}

/** A process that only waits to be reaped is none any more. */
function isAlive(id: number): boolean {
  return processes().some((row) => row.id === id && !row.state.startsWith("Z"));
}
