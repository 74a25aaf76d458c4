/** How soon something is there: an ensemble after its start, a replica after it was away. */
import { WireClient } from "../../client/wire-client.ts";
import type { Address } from "../../compat/servers.ts";
import { type Bench, withStarted } from "../bench.ts";
import { EMPTY_CREATE, measure, prepare } from "../measure.ts";
import { inTurn, type Metrics } from "../report.ts";
import { type EdgekeeperTarget, startEdgekeeper } from "../targets/edgekeeper.ts";
import { newTarget } from "../targets/new-target.ts";
import type { Served, Target } from "../targets/target.ts";
import { startZooKeeper, type ZooKeeperTarget } from "../targets/zookeeper.ts";
import type { Work } from "../work.ts";
import { FAULTS_CONFIG } from "./failover.ts";

const TIMEOUT_MS = 60_000;
/** For one attempt; while nobody listens yet a client tries again every 50 ms. */
const ATTEMPT_MS = 500;

/** Measures starts on new data, and on the data of that start. */
export async function runColdStart(bench: Bench): Promise<void> {
  const { rounds, targets } = bench.plan;
  const kinds = targets.map((name) => ({
    name,
    make: async (): Promise<Target> => await newTarget(name),
  }));
  const figures = await inTurn(kinds, rounds, async ({ make }) => {
    return await withStarted(async (start) => {
      const target = await start(make);
      const newMs = await firstWriteMs(target);
      await target.kill();
      return { newMs, sameMs: await firstWriteMs(target) };
    });
  });
  const only = (metric: string): Readonly<Record<string, Metrics>> =>
    Object.fromEntries(Object.entries(figures).map(([name, found]) => [name, { ms: found[metric] ?? 0 }]));
  bench.add("coldStart", { label: "new data", figures: only("newMs") });
  bench.add("coldStart", { label: "the same data", figures: only("sameMs") });
}

async function firstWriteMs(target: Target): Promise<number> {
  const beganMs = performance.now();
  const client = clientOf(target.addresses);
  const starting = target.start();
  const isConnected = await client.connected(TIMEOUT_MS);
  const { kind } = await client.request({ ...EMPTY_CREATE, path: `/cold-start-${Math.round(beganMs)}` });
  const tookMs = performance.now() - beganMs;
  if (!isConnected || kind !== "ok") throw new Error(`${target.name}: the first write is ${kind}`);
  await starting;
  await client.close();
  return tookMs;
}

function clientOf(servers: readonly Address[]): WireClient {
  return new WireClient({ servers, timeoutMs: TIMEOUT_MS, connectDeadlineMs: ATTEMPT_MS });
}

/** An ensemble of which one replica can be away for a while. */
interface Absence {
  readonly name: string;
  readonly target: Target;
  /** Takes the replica away, for so long at least. */
  begin(sid: number, ms: number): Promise<void>;
  /** Lets it start again; gives the time from when it could. */
  end(sid: number): Promise<number>;
}

const SHAPE = { sessions: 20, outstanding: 4 } as const;
const MARKER = "/away-marker";
/** What is not spent on sets while the replica is away: warming up and what goes before and after. */
const MARGIN = 2;

/** Measures it. */
export async function runCatchUp(bench: Bench): Promise<void> {
  const { rounds, bytes, znodes, scale } = bench.plan;
  bench.say("starting zookeeper and edgekeeper, of which a replica will be away");
  await withStarted(async (start) => {
    const zookeeper = await start(startZooKeeper);
    const edgekeeper = await start(async () => await startEdgekeeper({ config: FAULTS_CONFIG }));
    const all = [killed(zookeeper), aborted(edgekeeper)];
    const work: Work = { name: "set", root: "/away", bytes, znodes };
    for (const { target } of all) await prepare(target, work);
    for (const { target } of all) await prepare(target, { root: MARKER, bytes: 1, znodes: 1 });
    const figures = await inTurn(
      all,
      rounds,
      async (one) => await measureAbsence(one, work, scale.awaySeconds),
    );
    bench.add("catchUp", { label: `${scale.awaySeconds} s away`, figures });
  });
}

async function measureAbsence(absence: Absence, work: Work, seconds: number): Promise<Metrics> {
  const { target } = absence;
  const leader = await target.leader();
  const sid = (leader % target.addresses.length) + 1;
  const [away, others] = [
    target.addresses[sid - 1],
    target.addresses.filter((_, index) => index !== sid - 1),
  ];
  if (away === undefined) throw new Error(`there is no replica ${sid}`);
  const beganMs = performance.now();
  await absence.begin(sid, seconds * 1000);
  const present: Served = { name: target.name, addresses: others, processes: () => target.processes() };
  const { changes } = await measure(present, { work, shape: SHAPE, seconds: seconds / MARGIN });
  const writer = clientOf(others);
  await writer.connected(TIMEOUT_MS);
  const mark = String(Math.round(beganMs));
  const marked = await writer.request({ op: "setData", path: MARKER, data: Buffer.from(mark), version: -1 });
  if (marked.kind !== "ok") throw new Error(`${target.name}: the last set is ${marked.kind}`);
  await writer.close();
  const fromMs = await absence.end(sid);
  const reader = clientOf([away]);
  while (!(await shows(reader, mark))) {
    if (performance.now() - fromMs > TIMEOUT_MS)
      throw new Error(`${target.name}: replica ${sid} stays behind`);
  }
  const ms = performance.now() - fromMs;
  await reader.close();
  return { ms, missed: changes };
}

async function shows(reader: WireClient, mark: string): Promise<boolean> {
  await reader.connected(TIMEOUT_MS);
  const found = await reader.request({ op: "getData", path: MARKER, watch: false });
  if (found.kind !== "ok" || found.response.op !== "getData") return false;
  return Buffer.from(found.response.data ?? []).toString() === mark;
}

function killed(target: ZooKeeperTarget): Absence {
  return {
    name: target.name,
    target,
    begin: async (sid) => await target.signal(sid, "SIGKILL"),
    end: async (sid) => {
      target.restart(sid);
      return performance.now();
    },
  };
}

function aborted(target: EdgekeeperTarget): Absence {
  let untilMs = 0;
  return {
    name: target.name,
    target,
    begin: async (sid, ms) => {
      await target.suffer(sid, { kind: "down", ms });
      untilMs = performance.now() + ms;
    },
    end: async () => {
      const leftMs = untilMs - performance.now();
      if (leftMs < 0) throw new Error("the replica was back before the last set: its time away is too short");
      await new Promise((resolve) => setTimeout(resolve, leftMs));
      return untilMs;
    },
  };
}
