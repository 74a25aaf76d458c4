/** What grows with the tree: memory, throughput, listings. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type Start, withStarted } from "../bench.ts";
import { heapMiB, type InspectedRuntime, inspectedRuntime } from "../inspector.ts";
import { measure, openSessions, passed, prepare } from "../measure.ts";
import { inTurn, type Metrics } from "../report.ts";
import { newTally } from "../session.ts";
import { startEdgekeeper } from "../targets/edgekeeper.ts";
import { startTarget } from "../targets/new-target.ts";
import type { Target } from "../targets/target.ts";
import { memoryOf } from "../usage.ts";
import { parentPaths, Requests, type Work } from "../work.ts";

const ROOT = "/scale";
const BYTES = 200;
const SHAPE = { sessions: 50, outstanding: 4 } as const;
/** They are at work while memory is looked at. */
const MEMORY_CLIENTS = 100;
const MEMORY_SECONDS = 3;
/** Znodes below which a process itself is all that is seen. */
const MEMORY_ZNODES_MIN = 10_000;
/** Of a larger tree mostly no more are in use. */
const USED_ZNODES = 1000;
/** Above, one process is not loaded for itself: that takes minutes, and says nothing new. */
const ONE_PROCESS_ZNODES_MAX = 100_000;
const LISTINGS = 5;

/** An ensemble, and where its heap can be asked for. */
interface Loaded {
  readonly name: string;
  readonly target: Target;
  readonly runtime: InspectedRuntime | undefined;
}

/** Grows the trees of both, and measures at each size. */
export async function runScale(bench: Bench): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), "bench-scale-"));
  try {
    bench.say("starting zookeeper and edgekeeper, for large trees");
    await withStarted(async (start) => {
      const all = await startBoth(bench, start, temporary);
      let from = 0;
      for (const znodes of bench.plan.scale.trees) {
        await grow(bench, all, { from, znodes });
        await measureTree(bench, all, znodes);
        from = znodes;
      }
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function startBoth(bench: Bench, start: Start, temporary: string): Promise<readonly Loaded[]> {
  const all: Loaded[] = [];
  for (const name of bench.plan.targets) {
    if (name !== "edgekeeper") {
      all.push({ name, target: await start(async () => await startTarget(name)), runtime: undefined });
      continue;
    }
    const runtime = await inspectedRuntime(temporary);
    const { runtimeFile } = runtime;
    all.push({ name, target: await start(async () => await startEdgekeeper({ runtimeFile })), runtime });
  }
  return all;
}

/** Each loads once: what is there is there. */
async function grow(
  bench: Bench,
  all: readonly Loaded[],
  { from, znodes }: { readonly from: number; readonly znodes: number },
): Promise<void> {
  const figures = await inTurn(all, 1, async ({ target }) => {
    const beganMs = performance.now();
    await prepare(target, { root: ROOT, bytes: BYTES, znodes }, from);
    return { createsPerSecond: ((znodes - from) * 1000) / (performance.now() - beganMs) };
  });
  bench.add("load", { label: `${from} to ${znodes}`, figures });
}

async function measureTree(bench: Bench, all: readonly Loaded[], znodes: number): Promise<void> {
  const { rounds, seconds } = bench.plan;
  for (const used of new Set([znodes, Math.min(znodes, USED_ZNODES)])) {
    const of = used === znodes ? "" : ` of ${znodes}`;
    for (const name of ["set", "get"] as const) {
      const work: Work = { name, root: ROOT, bytes: BYTES, znodes: used };
      const figures = await inTurn(all, rounds, async ({ target }) => ({
        ...(await measure(target, { work, shape: SHAPE, seconds })),
      }));
      bench.add("growth", { label: `${name}, ${used}${of} znodes`, figures });
    }
  }
  if (znodes >= MEMORY_ZNODES_MIN) {
    const figures = await inTurn(all, 1, async (loaded) => await measureMemory(loaded, znodes));
    bench.add("memory", { label: `${znodes} znodes`, figures });
    if (znodes <= ONE_PROCESS_ZNODES_MAX) {
      const edgekeeper = await memoryOfOneProcess(znodes);
      bench.add("memory", { label: `${znodes}, one process`, figures: { ...figures, edgekeeper } });
    }
  }
  if (znodes === bench.plan.scale.children) {
    const figures = await inTurn(all, LISTINGS, async ({ target }) => await measureListing(target, znodes));
    bench.add("listing", { label: `${znodes} children`, figures });
  }
}

async function measureMemory({ target, runtime }: Loaded, znodes: number): Promise<Metrics> {
  const sessions = await openSessions(target, MEMORY_CLIENTS);
  const [work, tally] = [{ name: "mixed", root: ROOT, bytes: BYTES, znodes } as const, newTally()];
  for (const [index, session] of sessions.entries()) session.start(new Requests(work, index + 1), tally, 1);
  await passed(MEMORY_SECONDS * 1000);
  const memory = await memoryOf(target.processes());
  const servers = await memoryOf(target.processes(), target.name === "zookeeper" ? "java" : "workerd");
  await Promise.all(sessions.map(async (session) => await session.stop()));
  const ports = (await runtime?.ports()) ?? [];
  const heap = ports.length === 0 ? {} : { heapMiB: await heapMiB(ports) };
  await Promise.all(sessions.map(async (session) => await session.end()));
  return { ...memory, serversMiB: servers.rssMiB, ...heap };
}

/** Of all replicas in one process, as users run it: without an inspector. */
async function memoryOfOneProcess(znodes: number): Promise<Metrics> {
  const target = await startEdgekeeper({ processes: 1 });
  try {
    await prepare(target, { root: ROOT, bytes: BYTES, znodes });
    return await measureMemory({ name: target.name, target, runtime: undefined }, znodes);
  } finally {
    await target.stop();
  }
}

async function measureListing(target: Target, znodes: number): Promise<Metrics> {
  const [path = ""] = parentPaths({ root: ROOT, znodes });
  const [session] = await openSessions(target, 1);
  if (session === undefined) throw new Error("somebody lists");
  const beganMs = performance.now();
  const reply = await session.replyTo({ op: "getChildren", path, watch: false });
  const ms = performance.now() - beganMs;
  const count = reply.readInt32BE(COUNT_AT);
  if (count !== znodes) throw new Error(`${target.name} lists ${count} of ${znodes} children`);
  await session.end();
  return { ms };
}

/** Behind length, xid, zxid and error. */
const COUNT_AT = 20;
