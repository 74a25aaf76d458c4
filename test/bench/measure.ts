/** One measurement: so many sessions, each with so many requests outstanding, for so long. */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest } from "../../src/base/request.ts";
import type { Stat } from "../../src/base/stat.ts";
import { WireClient } from "../client/wire-client.ts";
import { untilServing } from "../compat/servers.ts";
import { BenchSession, newTally } from "./session.ts";
import { addressOf, type Served, type Target } from "./targets/target.ts";
import { cpuSeconds } from "./usage.ts";
import { Creates, parentPaths, Requests, type Work, znodePath } from "./work.ts";

/** Sessions times outstanding requests of each. */
export interface Shape {
  readonly sessions: number;
  readonly outstanding: number;
}

/** What was seen. */
export interface Figures {
  /** Answered while it counted. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the whole ensemble for a request, in us. */
  readonly cpuUs: number;
  /** Of one core, how much the clients took: where it nears 1, they are what is measured. */
  readonly clientCores: number;
  /** Changes acknowledged, also before it counted. */
  readonly changes: number;
  /** Syncs of files, of all replicas together, for a change that was acknowledged; 0 where nothing changed. */
  readonly syncsPerChange: number;
}

/** What else is to be looked at while it counts. */
export interface Watcher {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is measured, and for how long. */
export interface Measurement {
  readonly work: Work;
  readonly shape: Shape;
  readonly seconds: number;
  readonly watcher?: Watcher;
}

/** Before it counts, for a part of the time that it counts. */
const WARM_UP = 0.3;

/** Measures. Throws where a request fails, or a connection is lost. */
export async function measure(
  target: Served,
  { work, shape, seconds, watcher }: Measurement,
): Promise<Figures> {
  const sessions = await openSessions(target, shape.sessions);
  try {
    const tally = newTally();
    for (const [index, session] of sessions.entries()) {
      session.start(new Requests(work, index + 1), tally, shape.outstanding);
    }
    await passed(WARM_UP * seconds * 1000);
    await watcher?.start();
    const before = await costs(target);
    const clientsBefore = process.cpuUsage();
    const changesBefore = tally.changes;
    tally.isCounting = true;
    const beganMs = performance.now();
    await passed(seconds * 1000);
    tally.isCounting = false;
    const tookMs = performance.now() - beganMs;
    const changes = tally.changes - changesBefore;
    const clients = process.cpuUsage(clientsBefore);
    const after = await costs(target);
    await watcher?.stop();
    await Promise.all(sessions.map(async (session) => await session.stop()));
    if (tally.errors.size > 0) {
      throw new Error(`${target.name} answered with errors: ${JSON.stringify([...tally.errors])}`);
    }
    const { count } = tally.latencies;
    return {
      requests: count,
      requestsPerSecond: (count * 1000) / tookMs,
      p50Ms: tally.latencies.percentile(0.5),
      p99Ms: tally.latencies.percentile(0.99),
      cpuUs: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / count,
      clientCores: (clients.user + clients.system) / 1000 / tookMs,
      changes: tally.changes,
      syncsPerChange: changes === 0 ? 0 : (after.syncs - before.syncs) / changes,
    };
  } finally {
    for (const session of sessions) session.close();
  }
}

/** Sessions at the three doors in turn. */
export async function openSessions(
  target: Served,
  count: number,
  onEvent: () => void = () => {},
): Promise<readonly BenchSession[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      return await BenchSession.open(addressOf(target, index), onEvent);
    }),
  );
}

async function costs(target: Served): Promise<{ readonly cpuSeconds: number; readonly syncs: number }> {
  const seconds = await cpuSeconds(target.processes());
  return { cpuSeconds: seconds, syncs: (await target.syncs?.()) ?? 0 };
}

/** Makes what the work needs to be there; `from` so many znodes that are there already. */
export async function prepare(target: Served, work: Omit<Work, "name">, from = 0): Promise<void> {
  const [first] = await openSessions(target, 1);
  const parents = parentPaths(work).slice(from === 0 ? 0 : parentPaths({ ...work, znodes: from }).length);
  for (const path of from === 0 ? [work.root, ...parents] : parents) {
    const error = await first?.ask({ ...EMPTY_CREATE, path });
    if (error !== 0) throw new Error(`${target.name}: create ${path}: ${error}`);
  }
  await first?.end();
  for (let at = from; at < work.znodes; at += CHUNK) {
    await load(target, work, { from: at, end: Math.min(at + CHUNK, work.znodes), attempts: LOAD_ATTEMPTS });
  }
}

/**
 * Makes a part of the znodes. Who loses its server begins that part again: on a busy machine a leader may change, and a
 * million znodes take a while. What was made before is there already then, a whole request at a time.
 */
async function load(
  target: Served,
  work: Omit<Work, "name">,
  { from, end, attempts }: { readonly from: number; readonly end: number; readonly attempts: number },
): Promise<void> {
  const sessions = await openSessions(target, LOADERS);
  const [creates, tally] = [new Creates(work, from, end), newTally()];
  for (const session of sessions) session.start(creates, tally, LOADS_OUTSTANDING);
  const ends = await Promise.allSettled(sessions.map(async (session) => await session.finished()));
  const failed = ends.find((one) => one.status === "rejected");
  if (failed === undefined) {
    for (const session of sessions) await session.end();
    tally.errors.delete(NODE_EXISTS);
    if (tally.errors.size > 0) throw new Error(`${target.name}: ${JSON.stringify([...tally.errors])}`);
    return;
  }
  for (const session of sessions) session.close();
  if (attempts <= 1) throw new Error(`${target.name} cannot be loaded`, { cause: failed.reason });
  console.log(`${target.name}: ${String(failed.reason)}; znodes from ${from} on are made again`);
  await untilServing(target.addresses, []);
  await load(target, work, { from, end, attempts: attempts - 1 });
}

/** What is begun again, at most, where a server is lost. */
const CHUNK = 20_000;
const LOAD_ATTEMPTS = 5;
const NODE_EXISTS = -110;

/** Sessions that make what is to be there, and requests of each: what servers can take, without a queue to speak of. */
const LOADERS = 3;
const LOADS_OUTSTANDING = 4;

/** A znode without data, open to all. */
export const EMPTY_CREATE: Omit<CreateRequest, "path"> = {
  op: "create",
  data: new Uint8Array(0),
  acl: OPEN_ACL,
  flags: 0,
  ttlMs: 0,
};

/** All changes that the tree tells of: the versions of the znodes that are set, and those that were created. */
export async function changesSeen(target: Target, work: Omit<Work, "name">): Promise<number> {
  const { root, znodes } = work;
  const client = new WireClient({ servers: [addressOf(target, 0)], timeoutMs: SESSION_TIMEOUT_MS });
  if (!(await client.connected(SESSION_TIMEOUT_MS))) throw new Error(`${target.name} does not serve`);
  await client.request({ op: "sync", path: root });
  const statOf = async (path: string): Promise<Stat> => {
    const found = await client.request({ op: "exists", path, watch: false });
    if (found.kind !== "ok" || found.response.op !== "stat") throw new Error(`${target.name}: no ${path}`);
    return found.response.stat;
  };
  let seen = (await statOf(root)).numChildren - parentPaths(work).length;
  for (let index = 0; index < znodes; index++) seen += (await statOf(znodePath(root, index))).version;
  await client.close();
  return seen;
}

const SESSION_TIMEOUT_MS = 30_000;

/** Waits. */
export async function passed(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
