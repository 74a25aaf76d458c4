/** The steps of a run: what each moves, and how it is known that nothing is lost. */
import { cp, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { tcpTransport } from "../compat/clients/node/tcp-transport.ts";
import type { ProcessSet } from "../compat/processes.ts";
import { type SingleZooKeeper, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { RunningProgram } from "../program/run-program.ts";
import { mirrorInTrouble } from "./mirror-in-trouble.ts";
import { plant } from "./plant.ts";
import { atDoors, expectSame, livesBelow, livesOf, snapshotAt, treeOf, withoutEphemerals } from "./trees.ts";

/** What a run is given. */
export interface TransferRun {
  readonly processes: ProcessSet;
  readonly temporary: string;
  readonly count: number;
  readonly only: string;
}

/** What a step came to. */
export interface StepResult {
  readonly name: string;
  readonly failure: string | undefined;
}

/** What the steps work on. */
export interface Sides {
  readonly zookeeper: SingleZooKeeper;
  /** `host:port`. */
  readonly hosts: string;
  readonly source: Client;
  /** Of three voters, and of one and five. */
  readonly three: TestEnsemble;
  readonly one: TestEnsemble;
  readonly five: TestEnsemble;
  readonly temporary: string;
  readonly count: number;
}

/** Fails where it is not true; gives what is to be told of it. */
type Step = (sides: Sides) => Promise<string>;

const STEPS: readonly (readonly [string, Step])[] = [
  ["import from a running ZooKeeper", importRunning],
  ["import from its disk: a fuzzy snapshot and the log", importDisk],
  ["export, and import of the file", exportAndImport],
  ["backup of one moment under load, restored onto 1 and 5 voters", backupAndRestore],
  ["mirror under load: it is stopped and killed, our leader is killed", mirrorInTrouble],
];

const READY_MS = 120_000;
const DAY_MS = 86_400_000;

/** Containers and TTL znodes of a backup. */
const KINDS = { "/container": "container", "/ttl": `ttl ${DAY_MS}` };

/** Runs them one after the other, and prints each. */
export async function runTransfers(run: TransferRun): Promise<readonly StepResult[]> {
  const { processes, temporary, count, only } = run;
  const data = { readyDeadlineMs: READY_MS };
  const [zookeeper, three, one, five] = await Promise.all([
    startSingleZooKeeper(processes, temporary, {
      superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
      saslPasswords: {},
      isAdministered: true,
      sweepIntervalMs: 60_000,
      snapCount: Math.max(Math.floor(count / 10), 300),
    }),
    startEnsemble({ ...data, dataDirectory: join(temporary, "three") }),
    startEnsemble({ ...data, dataDirectory: join(temporary, "one"), vars: { VOTERS: "1" } }),
    startEnsemble({ ...data, dataDirectory: join(temporary, "five"), vars: { VOTERS: "1,2,3,4,5" } }),
  ]);
  const hosts = zookeeper.addresses.map(({ host, port }) => `${host}:${port}`).join(",");
  const source = await connect(hosts, { transport: tcpTransport, timeoutMs: 60_000 });
  try {
    const beganMs = performance.now();
    await plant(source, "/t", count);
    console.log(`planted: ${count} znodes at ${zookeeper.name} in ${secondsSince(beganMs)} s`);
    const sides = { zookeeper, hosts, source, three, one, five, temporary, count };
    const results: StepResult[] = [];
    for (const [name, step] of STEPS)
      if (name.includes(only)) results.push(await resultOf(name, step, sides));
    return results;
  } finally {
    await source.close();
    await Promise.all([three, one, five].map(async (ensemble) => await ensemble.stop()));
  }
}

async function resultOf(name: string, step: Step, sides: Sides): Promise<StepResult> {
  const beganMs = performance.now();
  try {
    const told = await step(sides);
    console.log(`${name}: ok (${secondsSince(beganMs)} s with comparing): ${told}`);
    return { name, failure: undefined };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.log(`${name}: FAILED: ${failure}`);
    return { name, failure };
  }
}

async function importRunning(sides: Sides): Promise<string> {
  const { hosts, three, source, count } = sides;
  const told = await edgekeeper(three, ["import", "--zookeeper", hosts, "--path", "/t"]);
  return await sameAs(source, "/t", { ensemble: three, at: "/t", count, told });
}

/** While it is written to, and so while it writes snapshots: what is copied is as a power cut would leave it. */
async function importDisk(sides: Sides): Promise<string> {
  const { zookeeper, one, source, temporary, count } = sides;
  const writes = Array.from({ length: Math.max(count / 5, 500) }, (_, index) => index);
  const work = async (): Promise<void> => {
    for (let index = writes.pop(); index !== undefined; index = writes.pop()) {
      const path = `/t/groups/g0/disk${index}`;
      await source.create(path, `${index}`);
      await source.set(`/t/wide/n${index % 100}`, `written ${index}`);
      if (index % 2 === 0) await source.delete(path);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  const copy = join(temporary, "version-2");
  await cp(zookeeper.versionDirectory, copy, { recursive: true });
  const words = ["import", "--snapshot", copy, "--path", "/t", "--into", "/disk"];
  const told = await edgekeeper(one, words);
  const real = livesOf(await snapshotAt(`http://127.0.0.1:${zookeeper.adminPort}/commands`));
  await expectLives(one, { "/disk": livesBelow(real, "/t") });
  return await sameAs(source, "/t", { ensemble: one, at: "/disk", told });
}

async function exportAndImport({ three, one, temporary }: Sides): Promise<string> {
  const file = join(temporary, "export.jsonl.gz");
  const exported = await edgekeeper(three, ["export", file, "--path", "/t"]);
  const { size } = await stat(file);
  const imported = await edgekeeper(one, ["import", file, "--into", "/copy"]);
  const told = `${exported}, ${(size / 1e6).toFixed(1)} MB; import: ${imported}`;
  return await atDoors(
    three,
    async (there) => await sameAs(there, "/t", { ensemble: one, at: "/copy", told }),
  );
}

async function backupAndRestore(sides: Sides): Promise<string> {
  const { three, five, temporary } = sides;
  if ((await atDoors(three, async (client) => await client.exists("/t"))) === undefined) {
    await edgekeeper(three, ["import", "--zookeeper", sides.hosts, "--path", "/t"]);
  }
  const file = join(temporary, "backup.jsonl");
  const lines = [await atDoors(three, async (client) => await backupUnderLoad(three, { client, file }))];
  const data = { readyDeadlineMs: READY_MS, dataDirectory: join(temporary, "late") };
  const late = await startEnsemble({ ...data, vars: { VOTERS: "1" } });
  const expected = withoutEphemerals(await atDoors(three, async (there) => await treeOf(there, "/t")));
  for (const [name, ensemble] of [
    ["1 voter", late],
    ["5 voters", five],
  ] as const) {
    lines.push(`restore onto ${name}: ${await restored(ensemble, file)}`);
    await expectLives(ensemble, { "/kinds": KINDS });
    expectSame(expected, await atDoors(ensemble, async (here) => await treeOf(here, "/t")));
    lines.push(`${expected.size} znodes are the same`);
  }
  await late.stop();
  return lines.join("; ");
}

/** Each transaction makes two znodes the same, which are far from each other in the file. */
async function backupUnderLoad(
  ensemble: TestEnsemble,
  { client, file }: { readonly client: Client; readonly file: string },
): Promise<string> {
  await client.create("/moment/a", "0", { parents: "persistent" });
  await client.create("/zmoment", "0");
  await client.create("/kinds/container", "", { mode: "container", parents: "persistent" });
  await client.create("/kinds/ttl", "", { mode: "ttl", ttlMs: DAY_MS });
  const done = new AbortController();
  const writing = (async (): Promise<number> => {
    let count = 0;
    for (; !done.signal.aborted; count++) {
      await client.transaction().set("/moment/a", `${count}`).set("/zmoment", `${count}`).commit();
    }
    return count;
  })();
  const told = await edgekeeper(ensemble, ["backup", file]).finally(() => done.abort());
  const written = await writing;
  const text = await readFile(file, "utf8");
  const [a, z] = ["/moment/a", "/zmoment"].map((path) => {
    return new RegExp(`"path":"${path}","data":"([^"]*)"`).exec(text)?.[1];
  });
  if (a === undefined || a !== z) throw new Error(`the backup is of several moments: ${a} and ${z}`);
  return `${told}, ${(text.length / 1e6).toFixed(1)} MB, ${written} transactions meanwhile`;
}

/** Throws where containers and TTL znodes below a path are others. */
async function expectLives(
  ensemble: TestEnsemble,
  wanted: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<void> {
  const lives = livesOf(await snapshotAt(`${ensemble.httpUrl}/main/commands`));
  for (const [root, expected] of Object.entries(wanted)) {
    const found = livesBelow(lives, root);
    if (isDeepStrictEqual(found, expected)) continue;
    throw new Error(`containers and TTLs: ${JSON.stringify(expected)} became ${JSON.stringify(found)}`);
  }
}

/** Where tokens would fall it does as it is told: a change of leader, or where there is one voter, a start. */
async function restored(ensemble: TestEnsemble, file: string): Promise<string> {
  let running = ensemble;
  for (let epochs = 0; ; epochs++) {
    try {
      return `${await edgekeeper(running, ["restore", file])}, ${epochs} epochs later`;
    } catch (error) {
      if (!String(error).includes("tokens-would-fall") || epochs > 10) throw error;
    }
    const ids = (await readFile(join(running.dataDirectory, "runtime", "runtime.pid"), "utf8"))
      .trim()
      .split("\n");
    const response = await fetch(`${running.httpUrl}/main/v1/status`);
    const { leader } = (await response.json()) as { readonly leader: number | null };
    if (ids.length > 1 && leader !== null) {
      const to = leader === 1 ? 2 : 1;
      await fetch(`${running.httpUrl}/main/commands/move_leader?to=${to}`, { method: "POST" });
      continue;
    }
    const { httpPort, tcpPorts, dataDirectory } = running;
    await running.kill9();
    running = await startEnsemble({ httpPort, tcpPorts, dataDirectory, vars: { VOTERS: "1" } });
    Object.assign(ensemble, running);
  }
}

/**
 * Runs the program; gives how long it took, and the most memory that it had. Throws with what it said where it
 * fails.
 */
async function edgekeeper(ensemble: TestEnsemble, words: readonly string[]): Promise<string> {
  const beganMs = performance.now();
  const program = new RunningProgram([...words, "--json"], {
    env: { EDGEKEEPER_URL: ensemble.httpUrl },
  });
  const memory = new PeakMemory(program.process.pid ?? 0);
  const { code, stderr } = await program.ended;
  memory.stop();
  if (code !== 0) throw new Error(`edgekeeper ${words.join(" ")} ended with ${code}: ${stderr}`);
  return `${secondsSince(beganMs)} s, ${memory.megabytes} MB`;
}

/** Throws where a tree is not the same as another. */
async function sameAs(
  from: Client,
  root: string,
  {
    ensemble,
    at,
    count,
    told,
  }: {
    readonly ensemble: TestEnsemble;
    readonly at: string;
    readonly count?: number;
    readonly told: string;
  },
): Promise<string> {
  const expected = withoutEphemerals(await treeOf(from, root));
  expectSame(expected, await atDoors(ensemble, async (here) => await treeOf(here, at)));
  if (count !== undefined && expected.size !== count)
    throw new Error(`${expected.size} znodes, not ${count}`);
  return `${told}; ${expected.size} znodes are the same`;
}

function secondsSince(beganMs: number): string {
  return ((performance.now() - beganMs) / 1000).toFixed(1);
}

const MEMORY_POLL_MS = 200;

/** The most resident memory that a process has had, as Linux tells it while it lives. */
class PeakMemory {
  megabytes = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      readFile(`/proc/${pid}/status`, "utf8").then(
        (text) => {
          const peak = Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1024;
          this.megabytes = Math.max(this.megabytes, Math.round(peak));
        },
        // It has ended: what was seen last is told.
        () => undefined,
      );
    }, MEMORY_POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
