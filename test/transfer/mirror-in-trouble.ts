/**
 * A mirror while somebody writes to its source all the time: it stands still for longer than its sessions live, is
 * killed and started anew, and loses the leader it writes to. In the end both sides are the same.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Client } from "../../src/client/client.ts";
import { EdgekeeperError } from "../../src/client/errors.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import type { TestEnsemble } from "../harness/ensemble.ts";
import { RunningProgram } from "../program/run-program.ts";
import { LISTS } from "./plant.ts";
import type { Sides } from "./transfers.ts";
import { atDoors, expectSame, treeOf, withoutEphemerals } from "./trees.ts";

/** How long its sessions live; it stands still for longer. */
const SESSION_MS = 6000;
const STOPPED_MS = 12_000;

const WRITERS = 4;
const SEED = 9;
const DAY_MS = 86_400_000;
const SETTLED_MS = 600_000;

/** The step. */
export async function mirrorInTrouble({ hosts, source, three, count }: Sides): Promise<string> {
  const done = new AbortController();
  const writers = Array.from({ length: WRITERS }, async (_, at) => await write(source, at, done.signal));
  const running = new Set<RunningProgram>();
  const start = (): RunningProgram => {
    const words = ["mirror", "--zookeeper", hosts, "--path", "/t", "--session", `${SESSION_MS}ms`, "--json"];
    const env = { EDGEKEEPER_URL: three.httpUrl };
    const mirror = new RunningProgram(words, { env, deadlineMs: SETTLED_MS });
    running.add(mirror);
    return mirror;
  };
  const end = (): void => {
    done.abort();
    for (const mirror of running) mirror.process.kill("SIGKILL");
  };
  // Neither it nor the writers end by themselves: they must not outlive a run that is cut short, or fails.
  process.once("exit", end);
  try {
    const beganMs = performance.now();
    const { last, firstMs } = await troubled(start, three);
    const againMs = performance.now() - beganMs;
    done.abort();
    const written = (await Promise.all(writers)).reduce((sum, one) => sum + one, 0);
    const stoppedMs = performance.now();
    const { code, stderr } = await last.interrupt();
    if (code !== 0) throw new Error(`the mirror ended with ${code}: ${stderr}`);
    const lastMs = performance.now() - stoppedMs;

    const expected = withoutEphemerals(await treeOf(source, "/t"));
    expectSame(expected, await atDoors(three, async (here) => await treeOf(here, "/t")));
    return (
      `compared for the first time after ${seconds(firstMs)} s, after all trouble at ${seconds(againMs)} s, and ` +
      `${seconds(lastMs)} s after the last write, all compared; ` +
      `${written} writes meanwhile at ${count} znodes, ${expected.size} are the same`
    );
  } finally {
    process.off("exit", end);
    end();
    await Promise.allSettled(writers);
  }
}

/** Gives the mirror that runs in the end, and how long the first one took to compare all. */
async function troubled(
  start: () => RunningProgram,
  three: TestEnsemble,
): Promise<{ readonly last: RunningProgram; readonly firstMs: number }> {
  const beganMs = performance.now();
  const first = start();
  await first.until(/"event":"compared"/);
  const firstMs = performance.now() - beganMs;
  first.process.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
  first.process.kill("SIGCONT");
  await first.until(/begins again: /);
  await killLeader(three);
  first.process.kill("SIGKILL");
  await first.ended;
  const last = start();
  await killLeader(three);
  await last.until(/"event":"compared"/);
  return { last, firstMs };
}

/** Changes everything that can be, of a part of the tree that is this writer's; gives how many writes were done. */
async function write(source: Client, writer: number, signal: AbortSignal): Promise<number> {
  const rng = seededRng([SEED, writer, 0, 0]);
  let written = 0;
  while (!signal.aborted) {
    const name = `/t/groups/g${rng.below(20)}/w${writer}-${rng.below(100)}`;
    try {
      await change(source, name, rng);
      written++;
    } catch (error) {
      // There is none to be set or deleted, or one already: the dice chose so.
      if (!(error instanceof EdgekeeperError) || error.isRetryable) throw error;
    }
  }
  return written;
}

async function change(source: Client, path: string, rng: Rng): Promise<void> {
  switch (rng.below(8)) {
    case 0:
      return void (await source.create(path, `made ${rng.below(1000)}`));
    case 1:
      return void (await source.create(path, "t", { mode: "ttl", ttlMs: DAY_MS }));
    case 2:
      return void (await source.create(path, null, { mode: "container" }));
    case 3:
      return void (await source.create(`${path}/below`, "below"));
    case 4:
      return await source.delete(path, { recursive: true });
    case 5:
      return void (await source.setAcl(path, LISTS[rng.below(LISTS.length)] ?? []));
    default:
      return void (await source.set(path, `set ${rng.below(1000)}`));
  }
}

/** As the loss of its host would; it comes back by itself. */
async function killLeader({ httpUrl, dataDirectory }: TestEnsemble): Promise<void> {
  for (;;) {
    const leader = await leaderAt(httpUrl);
    if (leader !== null && leader !== 1) {
      const ids = (await readFile(join(dataDirectory, "runtime", "runtime.pid"), "utf8")).trim().split("\n");
      process.kill(Number(ids[leader - 1]), "SIGKILL");
      return;
    }
    // The first process has the HTTP door as well: another is to lead, so that what is lost is the leader alone.
    if (leader === 1) await fetch(`${httpUrl}/main/commands/move_leader?to=2`, { method: "POST" });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** null where nobody leads, or nobody answers. */
async function leaderAt(httpUrl: string): Promise<number | null> {
  try {
    const response = await fetch(`${httpUrl}/main/v1/status`);
    return ((await response.json()) as { readonly leader: number | null }).leader;
  } catch {
    // The process of the HTTP door is on its way back.
    return null;
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
