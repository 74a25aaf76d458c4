/** Trees on the way: to files and back, onto another ensemble, and from a real ZooKeeper, compared znode by znode. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { walk } from "../../src/program/transfer/znode-source.ts";
import { ProcessSet } from "../compat/processes.ts";
import { type SingleZooKeeper, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { tcpTransport } from "../compat/clients/node/tcp-transport.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type Ran, RunningProgram, runProgram } from "../program/run-program.ts";

const ACL = [
  { scheme: "digest", id: "me:hash", perms: 31 },
  { scheme: "world", id: "anyone", perms: 31 },
];

let ensemble: TestEnsemble;
let other: TestEnsemble;
let client: Client;
let directory: string;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { VOTERS: "1" } });
  other = await startEnsemble();
  client = await connect(ensemble.httpUrl);
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-transfer-"));
});

afterAll(async () => {
  await client.close();
  await ensemble.stop();
  await other.stop();
  await rm(directory, { recursive: true, force: true });
});

async function edgekeeper(where: TestEnsemble, ...words: readonly string[]): Promise<Ran> {
  return await runProgram(words, { env: { EDGEKEEPER_URL: where.httpUrl } });
}

/** All kinds of znodes below a path. */
async function plant(at: Client, root: string, count: number): Promise<void> {
  await at.create(root, Uint8Array.of(0, 255, 10), { parents: "persistent" });
  await at.create(`${root}/null`, null);
  await at.create(`${root}/acl`, "listed", { acl: ACL });
  await at.create(`${root}/acl/below`, "Grüße \u2028");
  await at.create(`${root}/container`, "c", { mode: "container" });
  await at.create(`${root}/container/child`, "");
  await at.create(`${root}/ttl`, "t", { mode: "ttl", ttlMs: 86_400_000 });
  await at.create(`${root}/ephemeral`, "e", { mode: "ephemeral" });
  await at.create(`${root}/many`);
  const all = Array.from({ length: count }, (_, index) =>
    at.create(`${root}/many/n${index}`, `data ${index}`),
  );
  await Promise.all(all);
}

/** A tree as texts, to be compared. */
async function treeOf(at: Client, root: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { path, data, acl, mode, ttlMs } of walk(at, root)) {
    const bytes = data === null ? "null" : Buffer.from(data).toString("base64");
    lines.push(JSON.stringify([path.slice(root.length), bytes, acl, mode, ttlMs ?? null]));
  }
  return lines.toSorted((a, b) => (a < b ? -1 : 1));
}

describe("a file", () => {
  test("takes a subtree to another place and another ensemble, whole", async () => {
    await plant(client, "/app", 500);
    const file = join(directory, "app.jsonl.gz");
    const exported = await edgekeeper(ensemble, "export", file, "--path", "/app", "--json");
    expect(JSON.parse(exported.stdout)).toMatchObject({ znodes: 508 });

    expect(await edgekeeper(other, "import", file, "--into", "/copy")).toMatchObject({ code: 0 });
    await using there = await connect(other.httpUrl);
    const tree = await treeOf(client, "/app");
    expect(await treeOf(there, "/copy")).toEqual(tree);
    expect(tree.some((line) => line.includes("ephemeral"))).toBe(false);

    expect(await edgekeeper(other, "import", file, "--into", "/copy")).toMatchObject({ code: 1 });
    await there.set("/copy/acl", "other");
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
    expect(JSON.parse(skipped.stdout)).toMatchObject({ created: 0, skipped: 508 });
    expect((await there.get("/copy/acl")).text()).toBe("other");
    await edgekeeper(other, "import", file, "--into", "/copy", "--existing", "replace");
    expect(await treeOf(there, "/copy")).toEqual(tree);
    expect(await edgekeeper(ensemble, "export", file)).toMatchObject({ code: 1 });
  });

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

  test("of a backup is restored onto an ensemble of another size, and no fencing token falls", async () => {
    await client.create("/backed-up/job", "1", { parents: "persistent" });
    const before = await client.create("/backed-up/token");
    const file = join(directory, "backup.jsonl");
    expect(await edgekeeper(ensemble, "backup", file)).toMatchObject({ code: 0 });

    const late = await startEnsemble({ vars: { VOTERS: "1" } });
    try {
      const text = await readFile(file, "utf8");
      expect(text).toContain('"edgekeeper":"znodes"');
      const ran = await edgekeeper(late, "restore", file);
      await using there = await connect(late.httpUrl);
      await there.sync();
      const isAbove = there.lastZxid > before.stat.czxid;
      // An ensemble that was made within the same minute may have to be made again.
      expect(ran.code).toBe(isAbove ? 0 : 1);
      if (isAbove) expect(await treeOf(there, "/backed-up")).toEqual(await treeOf(client, "/backed-up"));
      else expect(ran.stderr).toContain("fencing tokens would fall");
    } finally {
      await late.stop();
    }
  });
});

describe("from a real ZooKeeper", () => {
  const processes = new ProcessSet();
  let zookeeper: SingleZooKeeper;
  let source: Client;
  let hosts: string;

  beforeAll(async () => {
    zookeeper = await startSingleZooKeeper(processes, directory, {
      superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
      saslPasswords: {},
      isAdministered: true,
      sweepIntervalMs: 60_000,
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
    expect(JSON.parse(ran.stdout)).toMatchObject({ created: 1508 });
    expect(await treeOf(client, "/zk")).toEqual(await treeOf(source, "/zk"));
    expect(await client.exists("/zk/ephemeral")).toBeUndefined();
  });

  test("a snapshot file of its own does as well, plain or compressed, and one that is cut does not", async () => {
    const at = `http://127.0.0.1:${zookeeper.adminPort}/commands/snapshot?streaming=true`;
    const response = await fetch(at, { headers: { authorization: "digest super:test" } });
    expect(response.status).toBe(200);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const [plain, zipped, cut] = ["plain", "zipped", "cut"].map((name) =>
      join(directory, `snapshot.${name}`),
    );
    await writeFile(plain ?? "", bytes);
    await writeFile(zipped ?? "", gzipSync(bytes));
    await writeFile(cut ?? "", bytes.subarray(0, bytes.length / 2));
    const from = ["--path", "/zk", "--into"];

    expect(await edgekeeper(ensemble, "import", "--snapshot", plain ?? "", ...from, "/plain")).toMatchObject({
      code: 0,
    });
    expect(await edgekeeper(ensemble, "import", "--snapshot", zipped ?? "", ...from, "/zip")).toMatchObject({
      code: 0,
    });
    const tree = await treeOf(source, "/zk");
    expect(await treeOf(client, "/plain")).toEqual(tree);
    expect(await treeOf(client, "/zip")).toEqual(tree);
    const refused = await edgekeeper(ensemble, "import", "--snapshot", cut ?? "", ...from, "/cut");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain("is no snapshot of ZooKeeper's, or is cut");
    expect(await client.exists("/cut")).toBeUndefined();
  });

  test("is mirrored while it is written to, and after a pause of the way to it", async () => {
    const words = ["mirror", "--zookeeper", hosts, "--path", "/zk", "--json"];
    await using there = await connect(other.httpUrl);
    const mirror = new RunningProgram(words, { env: { EDGEKEEPER_URL: other.httpUrl } });
    const writes = (async (): Promise<void> => {
      for (let index = 0; index < 300; index++) {
        await source.set(`/zk/many/n${index}`, `changed ${index}`);
        if (index % 3 === 0) await source.delete(`/zk/many/n${index + 1000}`);
        if (index % 5 === 0) await source.create(`/zk/deep/${index}/child`, "new", { parents: "persistent" });
        if (index % 25 === 0) await source.delete(`/zk/deep/${index}`, { recursive: true });
      }
      await source.setAcl("/zk/acl", ACL.slice(1));
      await source.set("/zk/acl", "listed anew");
    })();
    await mirror.until(/"event":"same"/);
    await writes;

    await expect
      .poll(async () => await treeOf(there, "/zk"), { timeout: 60_000, interval: 500 })
      .toEqual(await treeOf(source, "/zk"));
    await there.set("/zk/null", "not the source's");
    await there.create("/zk/extra", "neither");
    expect(await mirror.interrupt()).toMatchObject({ code: 0, stderr: "" });

    const again = new RunningProgram(words, { env: { EDGEKEEPER_URL: other.httpUrl } });
    await again.until(/"event":"same"/);
    expect(await treeOf(there, "/zk")).toEqual(await treeOf(source, "/zk"));
    await again.interrupt();
  });
});
