/** Trees on the way: to files and back, onto another ensemble, and from a real ZooKeeper, compared znode by znode. */
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { ProcessSet } from "../compat/processes.ts";
import { type SingleZooKeeper, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { tcpTransport } from "../../src/program/tcp-transport.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type Ran, RunningProgram, runProgram } from "../program/run-program.ts";
import { LISTS, plant, PRIVATE } from "../transfer/plant.ts";
import {
  differences,
  livesBelow,
  livesOf,
  snapshotAt,
  treeOf,
  withoutEphemerals,
} from "../transfer/trees.ts";

/** What takes seconds alone may take minutes where others use the machine. */
const SLOW_MS = 300_000;

/** `super:test`. */
const SUPER = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
const LOGIN = "digest:super:test";

/** Of one, three and five voters. */
let ensemble: TestEnsemble;
let other: TestEnsemble;
let five: TestEnsemble;
let client: Client;
let directory: string;

/** One that makes a snapshot as often as it is asked. */
async function start(vars: Readonly<Record<string, string>>, dataDirectory?: string): Promise<TestEnsemble> {
  return await startEnsemble({
    vars: { ...vars, ADMIN_RATE_LIMITER_INTERVAL_MS: "0" },
    ...(dataDirectory !== undefined && { dataDirectory }),
    readyDeadlineMs: 60_000,
  });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-transfer-"));
  const start = async (
    vars: Readonly<Record<string, string>>,
    dataDirectory?: string,
  ): Promise<TestEnsemble> =>
    await startEnsemble({
      vars: { ...vars, ADMIN_RATE_LIMITER_INTERVAL_MS: "0" },
      ...(dataDirectory !== undefined && { dataDirectory }),
      readyDeadlineMs: 60_000,
    });
  [ensemble, other, five] = await Promise.all([
    start({ VOTERS: "1" }, join(directory, "one")),
    start({ SUPER_DIGEST: SUPER }),
    start({ VOTERS: "1,2,3,4,5" }),
  ]);
  client = await connect(ensemble.httpUrl);
});

afterAll(async () => {
  await client.close();
  await Promise.all([ensemble, other, five].map(async (one) => await one.stop()));
  await rm(directory, { recursive: true, force: true });
});

async function edgekeeper(where: TestEnsemble, ...words: readonly string[]): Promise<Ran> {
  return await runProgram(words, { env: { EDGEKEEPER_URL: where.httpUrl } });
}

/** The containers and TTL znodes that are planted. */
const LIVES = { "/container": "container", "/ttl": "ttl 86400000", "/ttl/child": "ttl 1" };

async function livesAt(where: TestEnsemble, root: string): Promise<Readonly<Record<string, string>>> {
  return livesBelow(livesOf(await snapshotAt(`${where.httpUrl}/main/commands`)), root);
}

/** What a path here has to show beside another there, whose ephemerals stay there. */
async function differing(
  there: Client,
  from: string,
  { here, at }: { readonly here: Client; readonly at: string },
): Promise<readonly string[]> {
  const [expected, found] = await Promise.all([treeOf(there, from), treeOf(here, at)]);
  expect(expected.size).toBeGreaterThan(0);
  return differences(withoutEphemerals(expected), found);
}

describe("a file", () => {
  test(
    "takes a subtree to another place and another ensemble, whole",
    async () => {
      await plant(client, "/app", 500);
      const file = join(directory, "app.jsonl.gz");
      const exported = await edgekeeper(ensemble, "export", file, "--path", "/app", "--moment", "--json");
      expect(JSON.parse(exported.stdout)).toMatchObject({ znodes: 500 });
      const plain = await edgekeeper(
        ensemble,
        "export",
        join(directory, "plain.jsonl"),
        "--path",
        "/app",
        "--json",
      );
      expect(JSON.parse(plain.stdout)).toMatchObject({ znodes: 500 });
      const none = join(directory, "none.jsonl");
      expect(await edgekeeper(ensemble, "export", none, "--path", "/none", "--moment")).toMatchObject({
        code: 1,
      });
      expect(existsSync(none)).toBe(false);

      expect(await edgekeeper(other, "import", file, "--into", "/copy")).toMatchObject({ code: 0 });
      await using there = await connect(other.httpUrl);
      const copy = { here: there, at: "/copy" };
      expect(await differing(client, "/app", copy)).toEqual([]);
      expect(await livesAt(other, "/copy")).toEqual(LIVES);

      expect(await edgekeeper(other, "import", file, "--into", "/copy")).toMatchObject({ code: 1 });
      await there.set("/copy/acl1", "other");
      const skipped = await edgekeeper(
        other,
        "import",
        file,
        "--into",
        "/copy",
        "--existing",
        "skip",
        "--json",
      );
      expect(JSON.parse(skipped.stdout)).toMatchObject({ created: 0, skipped: 500 });
      expect((await there.get("/copy/acl1")).text()).toBe("other");
      await edgekeeper(other, "import", file, "--into", "/copy", "--existing", "replace");
      expect(await differing(client, "/app", copy)).toEqual([]);
      expect(await edgekeeper(ensemble, "export", file)).toMatchObject({ code: 1 });
    },
    SLOW_MS,
  );

  test("that is cut or changed is refused before anything is written", async () => {
    await client.create("/whole", "1");
    const file = join(directory, "whole.jsonl");
    await edgekeeper(ensemble, "export", file, "--path", "/whole");
    const text = await readFile(file, "utf8");
    const [header = "", znode = "", end = ""] = text.split("\n");
    for (const bad of [
      `${header}\n${znode}\n`,
      `${header}\n${end}\n`,
      `${header}\n${znode.replace("MQ==", "Mg==")}\n${end}\n`,
      `${header.replace('"format":1', '"format":2')}\n${znode}\n${end}\n`,
      "{}\n",
      "",
    ]) {
      const damaged = join(directory, "damaged.jsonl");
      await writeFile(damaged, bad);
      const ran = await edgekeeper(other, "import", damaged, "--json");
      expect(ran).toMatchObject({ code: 1, stdout: "" });
      expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: "damaged-file" } });
    }
    expect(await edgekeeper(other, "get", "/whole")).toMatchObject({ code: 1 });
    expect(await edgekeeper(other, "import", join(directory, "none"))).toMatchObject({ code: 2 });
  });
});

describe("a backup", () => {
  test("is of one moment while others write, whoever it is taken from, and without ephemerals", async () => {
    await using writer = await connect(other.httpUrl);
    // In the file the two are far from each other, and each transaction makes them the same.
    await writer.create("/moment/a", "0", { parents: "persistent" });
    await writer.create("/moment/z", "0");
    await writer.create("/moment/gone", "", { mode: "ephemeral" });
    await plant(writer, "/moment/many", 600);
    const done = new AbortController();
    const writing = (async (): Promise<void> => {
      for (let count = 1; !done.signal.aborted; count++) {
        await writer.transaction().set("/moment/a", `${count}`).set("/moment/z", `${count}`).commit();
      }
    })();
    const taken: bigint[] = [];
    for (const sid of ["1", "2", "3"]) {
      const file = join(directory, `moment-${sid}.jsonl.gz`);
      const ran = await edgekeeper(other, "backup", file, "--sid", sid, "--json");
      expect(ran).toMatchObject({ code: 0 });
      const lines = gunzipSync(await readFile(file))
        .toString()
        .trim()
        .split("\n");
      const znodes = lines.map((line) => JSON.parse(line) as FileLine);
      const [a, z] = ["/moment/a", "/moment/z"].map((path) => znodes.find((one) => one.path === path));
      expect(a?.data).toBe(z?.data);
      expect(a?.stat?.mzxid).toBe(z?.stat?.mzxid);
      const { zxid } = JSON.parse(ran.stdout) as { readonly zxid: string };
      expect(znodes.every(({ stat }) => stat === undefined || stat.mzxid <= zxid)).toBe(true);
      expect(znodes.filter(({ path }) => /gone|ephemeral|zookeeper/.test(path ?? ""))).toEqual([]);
      taken.push(BigInt(zxid));
    }
    done.abort();
    await writing;
    expect(new Set(taken).size).toBe(3);
  });

  test(
    "is restored from one voter to three, to five, and to one again; tokens that would fall are refused",
    async () => {
      const lock = await client.create("/tokens/lock", "held", { parents: "persistent" });
      const first = join(directory, "first.jsonl");
      expect(await edgekeeper(ensemble, "backup", first)).toMatchObject({ code: 0 });
      await using three = await connect(other.httpUrl);
      await clearTree(three);
      // Its epoch is above once it has had as many leaders as both together.
      for (let move = 0; move < 3; move++) await moveLeader(other);
      expect(await edgekeeper(other, "restore", first)).toMatchObject({ code: 0 });
      expect(await differing(client, "/", { here: three, at: "/" })).toEqual([]);
      expect(await livesAt(other, "/app")).toEqual(LIVES);
      expect((await three.create("/tokens/next")).stat.czxid).toBeGreaterThan(lock.stat.czxid);

      const second = join(directory, "second.jsonl.gz");
      expect(await edgekeeper(other, "backup", second)).toMatchObject({ code: 0 });
      const refused = await edgekeeper(five, "restore", second, "--json");
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "tokens-would-fall" } });
      await using larger = await connect(five.httpUrl);
      expect(await larger.children("/")).toEqual(["zookeeper"]);
      const missing = Number(/begin (\d+) more epochs/.exec(refused.stderr)?.[1]);
      expect(missing).toBeGreaterThan(0);
      for (let move = 1; move < missing; move++) await moveLeader(five);
      expect(await edgekeeper(five, "restore", second)).toMatchObject({ code: 1 });
      await moveLeader(five);
      expect(await edgekeeper(five, "restore", second)).toMatchObject({ code: 0 });
      expect(await differing(three, "/", { here: larger, at: "/" })).toEqual([]);
      expect(await livesAt(five, "/app")).toEqual(LIVES);
      const token = (await larger.create("/tokens/later")).stat.czxid;

      const third = join(directory, "third.jsonl.gz");
      expect(await edgekeeper(five, "backup", third)).toMatchObject({ code: 0 });
      await clearTree(client);
      const again = await edgekeeper(ensemble, "restore", third, "--json");
      const starts = Number(/begin (\d+) more epochs/.exec(again.stderr)?.[1]);
      await client.close();
      for (let start = 0; start < starts; start++) await startOneAgain();
      client = await connect(ensemble.httpUrl);
      expect(await edgekeeper(ensemble, "restore", third)).toMatchObject({ code: 0 });
      expect(await differing(larger, "/", { here: client, at: "/" })).toEqual([]);
      expect(await livesAt(ensemble, "/app")).toEqual(LIVES);
      expect((await client.create("/tokens/last")).stat.czxid).toBeGreaterThan(token);
    },
    SLOW_MS,
  );

  test("is refused to who may not have everything, and leaves no file where it comes to nothing", async () => {
    const token = JSON.parse(
      (await edgekeeper(other, "token", "create", "--name", "reader", "--scope", "read:/", "--json")).stdout,
    ) as { readonly token: string };
    const file = join(directory, "refused.jsonl");
    const ran = await runProgram(["backup", file], {
      env: { EDGEKEEPER_URL: other.httpUrl, EDGEKEEPER_TOKEN: token.token },
    });
    expect(ran).toMatchObject({ code: 3 });
    expect(ran.stderr).toContain("admin:/");
    expect(existsSync(file)).toBe(false);
  });
});

/** A line of a file, as far as it is looked at. */
interface FileLine {
  readonly path?: string;
  readonly data?: string;
  readonly stat?: { readonly mzxid: string };
}

async function clearTree(at: Client): Promise<void> {
  for (const name of await at.children("/")) {
    if (name !== "zookeeper") await at.delete(`/${name}`, { recursive: true });
  }
}

/** Another voter leads, in an epoch of its own. */
async function moveLeader(where: TestEnsemble): Promise<void> {
  const leader = async (): Promise<number | null> => {
    const status = (await (await fetch(`${where.httpUrl}/main/v1/status`)).json()) as {
      readonly leader: number | null;
    };
    return status.leader;
  };
  const to = (await leader()) === 1 ? 2 : 1;
  const answer = await fetch(`${where.httpUrl}/main/commands/move_leader?to=${to}`, { method: "POST" });
  expect(answer.status).toBe(202);
  await expect.poll(leader, { timeout: 30_000 }).toBe(to);
}

async function startOneAgain(): Promise<void> {
  await ensemble.kill9();
  ensemble = await start({ VOTERS: "1" }, join(directory, "one"));
}

describe("from a real ZooKeeper", () => {
  const processes = new ProcessSet();
  let zookeeper: SingleZooKeeper;
  let source: Client;
  let hosts: string;

  beforeAll(async () => {
    zookeeper = await startSingleZooKeeper(processes, directory, {
      superDigest: SUPER,
      saslPasswords: {},
      isAdministered: true,
      // Containers that stand empty for a moment are to be there when both sides are compared.
      sweepIntervalMs: 3_600_000,
      snapCount: 100,
    });
    hosts = zookeeper.addresses.map(({ host, port }) => `${host}:${port}`).join(",");
    source = await connect(hosts, { transport: tcpTransport, timeoutMs: 20_000 });
    await plant(source, "/zk", 1500);
  });

  afterAll(async () => {
    await source.close();
    await processes.stopAll();
  });

  test("that runs all comes along, node by node", async () => {
    const ran = await edgekeeper(ensemble, "import", "--zookeeper", hosts, "--path", "/zk", "--json");

    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ created: 1500 });
    expect(await differing(source, "/zk", { here: client, at: "/zk" })).toEqual([]);
  });

  test("and what is private there comes along where the program is logged in at both sides", async () => {
    await using there = await connect(other.httpUrl);
    for (const one of [source, there]) await one.addAuth("digest", "super:test");
    await source.create("/private", "p", { acl: PRIVATE });
    await source.create("/private/below", "q", { acl: PRIVATE });
    const words = ["import", "--zookeeper", hosts, "--path", "/private"];

    expect(await edgekeeper(other, ...words)).toMatchObject({ code: 3 });
    const env = { EDGEKEEPER_URL: other.httpUrl, EDGEKEEPER_AUTH: LOGIN, EDGEKEEPER_ZOOKEEPER_AUTH: LOGIN };
    expect(await runProgram(words, { env })).toMatchObject({ code: 0 });
    expect(await differing(source, "/private", { here: there, at: "/private" })).toEqual([]);

    // A backup has it too, whoever may read it.
    const file = join(directory, "private.jsonl");
    expect(await edgekeeper(other, "backup", file)).toMatchObject({ code: 0 });
    expect(await readFile(file, "utf8")).toContain('"path":"/private/below"');
  });

  test("a snapshot file of its own does as well, plain or compressed, and one that is cut does not", async () => {
    const bytes = await snapshotAt(`http://127.0.0.1:${zookeeper.adminPort}/commands`);
    const [plain = "", zipped = "", cut = ""] = ["plain", "zipped", "cut"].map((name) =>
      join(directory, `snapshot.${name}`),
    );
    await writeFile(plain, bytes);
    await writeFile(zipped, gzipSync(bytes));
    await writeFile(cut, bytes.subarray(0, bytes.length / 2));
    for (const [file, into] of [
      [plain, "/plain"],
      [zipped, "/zip"],
    ] as const) {
      const ran = await edgekeeper(ensemble, "import", "--snapshot", file, "--path", "/zk", "--into", into);
      expect(ran).toMatchObject({ code: 0 });
      expect(await differing(source, "/zk", { here: client, at: into })).toEqual([]);
      expect(await livesAt(ensemble, into)).toEqual(LIVES);
    }
    const words = ["import", "--snapshot", cut, "--path", "/zk", "--into", "/cut"];
    const refused = await edgekeeper(ensemble, ...words);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain("is no snapshot of ZooKeeper's, or is cut");
    expect(await client.exists("/cut")).toBeUndefined();
  });

  test(
    "what it has on its disk, fuzzy snapshots and the log behind them, comes to what it shows",
    async () => {
      // It writes a snapshot every few hundred transactions, while these go on.
      const work = async (index: number): Promise<void> => {
        const path = `/zk/groups/g${index % 5}/x${index}`;
        await source.create(path, `${index}`, { mode: index % 4 === 0 ? "container" : "persistent" });
        await source.create(`${path}/below`, "1");
        await source.transaction().set(`${path}/below`, "2").delete(`${path}/below`).commit();
        if (index % 3 === 0) await source.setAcl(path, LISTS[0] ?? []);
        if (index % 2 === 0) await source.delete(path);
        if (index % 8 === 0) await source.create(path, "anew", { mode: "ttl", ttlMs: 86_400_000 });
        await source
          .transaction()
          .set("/zk/empty", `${index}`)
          .delete("/zk/none")
          .commit()
          .catch(() => 0);
      };
      for (let index = 0; index < 300; index += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, at) => work(index + at)));
      }
      const files = await readdir(zookeeper.versionDirectory);
      expect(files.filter((name) => name.startsWith("snapshot.")).length).toBeGreaterThan(2);
      const from = join(directory, "version-2");
      await cp(zookeeper.versionDirectory, from, { recursive: true });
      const words = ["import", "--path", "/zk", "--snapshot", from, "--into"];

      const ran = await edgekeeper(ensemble, ...words, "/disk");
      expect(ran).toMatchObject({ code: 0 });
      expect(await differing(source, "/zk", { here: client, at: "/disk" })).toEqual([]);
      const real = livesOf(await snapshotAt(`http://127.0.0.1:${zookeeper.adminPort}/commands`));
      expect(real.size).toBeGreaterThan(30);
      expect(await livesAt(ensemble, "/disk")).toEqual(livesBelow(real, "/zk"));

      // Its newest snapshot is damaged: the one before does as well, with more of the log.
      const newest = (name: string): string => join(from, newestOf(files, name));
      await truncate(newest("snapshot"), 1000);
      expect((await edgekeeper(ensemble, ...words, "/before")).stderr).toContain("or is cut");
      expect(await differing(source, "/zk", { here: client, at: "/before" })).toEqual([]);
      // Without the file of the log in between what it had would be lost.
      await rm(newest("log"));
      const log = newestOf(
        files.filter((name) => name !== newestOf(files, "log")),
        "log",
      );
      await rename(join(from, log), join(from, "log.0"));
      await truncate(join(from, "log.0"), 200);
      await cp(join(zookeeper.versionDirectory, newestOf(files, "log")), newest("log"));
      const refused = await edgekeeper(ensemble, ...words, "/holes");
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.stderr).toContain("a file of the log is missing");
      expect(await client.exists("/holes")).toBeUndefined();
    },
    SLOW_MS,
  );

  test(
    "is mirrored while it is written to, in all that may change",
    async () => {
      const words = ["mirror", "--zookeeper", hosts, "--path", "/zk", "--json"];
      await using there = await connect(other.httpUrl);
      const mirror = new RunningProgram(words, { env: { EDGEKEEPER_URL: other.httpUrl } });
      const writes = (async (): Promise<void> => {
        for (let index = 0; index < 300; index++) {
          await source.set(`/zk/wide/n${index}`, `changed ${index}`);
          if (index % 3 === 0) await source.delete(`/zk/wide/n${index + 300}`);
          if (index % 5 === 0)
            await source.create(`/zk/new/${index}/child`, "new", { parents: "persistent" });
          if (index % 25 === 0) await source.delete(`/zk/new/${index}`, { recursive: true });
        }
      })();
      await mirror.until(/"event":"same"/);
      await writes;
      await expect
        .poll(async () => await differing(source, "/zk", { here: there, at: "/zk" }), { timeout: 60_000 })
        .toEqual([]);

      // Made anew with what is below, and set to what it is already, as that is how a TTL znode is kept alive.
      await source.delete("/zk/container", { recursive: true });
      await source.create("/zk/container", "c");
      await source.create("/zk/container/child", "anew");
      const before = await there.get("/zk/ttl");
      await source.set("/zk/ttl", before.data);
      await expect
        .poll(async () => await differing(source, "/zk", { here: there, at: "/zk" }), { timeout: 60_000 })
        .toEqual([]);
      await expect
        .poll(async () => (await there.get("/zk/ttl")).stat.mzxid, { timeout: 60_000 })
        .toBeGreaterThan(before.stat.mzxid);

      // ZooKeeper tells nobody of this one: the end of the mirror finds it.
      await source.setAcl("/zk/empty", LISTS[1] ?? []);
      expect(await mirror.interrupt()).toMatchObject({ code: 0 });
      expect(await differing(source, "/zk", { here: there, at: "/zk" })).toEqual([]);

      await there.set("/zk/empty", "not the source's");
      await there.create("/zk/extra", "neither");
      await there.delete("/zk/new", { recursive: true });
      await there.create("/zk/new", "in the way", { mode: "ephemeral" });
      const again = new RunningProgram(words, { env: { EDGEKEEPER_URL: other.httpUrl } });
      await again.until(/"event":"same"/);
      expect(again.stdout).toContain('"blocked":["/zk/new');
      await there.delete("/zk/new");
      await again.interrupt();
      expect(await differing(source, "/zk", { here: there, at: "/zk" })).toEqual([]);
    },
    SLOW_MS,
  );
});

/** Of the files snapshot.ZXID or log.ZXID the one with the largest. */
function newestOf(files: readonly string[], name: string): string {
  const zxid = (file: string): number => Number.parseInt(file.slice(name.length + 1), 16);
  return files.filter((file) => file.startsWith(`${name}.`)).toSorted((a, b) => zxid(b) - zxid(a))[0] ?? "";
}
